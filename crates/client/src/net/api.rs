//! The server's routes, one function for each that this client uses.

use super::http::{Failure, Http};
use hyper::Method;
use snug_protocol::account::{Me, Register, ServerInfo, Session, Setup, SignIn, UpdateMe, User};
use snug_protocol::event::{NewEvent, Sent};
use snug_protocol::guest::{GuestLinks, NewGuestLink, NewGuestLinkMade};
use snug_protocol::ice::IceServers;
use snug_protocol::invitation::{Invitation, NewInvitation};
use snug_protocol::room::{HistoryPage, Invite, Kick, NewDirect, NewRoom, ReadUpTo, Room, UpdateRoom};
use snug_protocol::{CallId, GuestLinkId, RoomId, UserId};

/// Events of one page of history: a screenful or two, a few kilobytes.
pub(crate) const PAGE: u32 = 50;

type Answer<T> = Result<T, Failure>;

pub(crate) async fn server_info(http: &Http) -> Answer<ServerInfo> {
    http.get("/server").await
}

pub(crate) async fn set_up(http: &Http, setup: &Setup) -> Answer<Session> {
    http.json(Method::POST, "/setup", Some(setup)).await
}

pub(crate) async fn register(http: &Http, register: &Register) -> Answer<Session> {
    http.json(Method::POST, "/accounts", Some(register)).await
}

pub(crate) async fn sign_in(http: &Http, sign_in: &SignIn) -> Answer<Session> {
    http.json(Method::POST, "/sessions", Some(sign_in)).await
}

pub(crate) async fn sign_out(http: &Http) -> Answer<()> {
    http.done(Method::DELETE, "/sessions/current", None::<&()>).await
}

pub(crate) async fn me(http: &Http) -> Answer<Me> {
    http.get("/me").await
}

pub(crate) async fn update_me(http: &Http, update: &UpdateMe) -> Answer<()> {
    http.done(Method::PATCH, "/me", Some(update)).await
}

pub(crate) async fn users(http: &Http) -> Answer<Vec<User>> {
    http.get("/users").await
}

pub(crate) async fn invitation(http: &Http, new: &NewInvitation) -> Answer<Invitation> {
    http.json(Method::POST, "/invitations", Some(new)).await
}

pub(crate) async fn ice(http: &Http) -> Answer<IceServers> {
    http.get("/ice").await
}

pub(crate) async fn guest_links(http: &Http, call: CallId) -> Answer<GuestLinks> {
    http.get(&format!("/calls/{call}/guest-links")).await
}

pub(crate) async fn new_guest_link(
    http: &Http,
    call: CallId,
    new: &NewGuestLink,
) -> Answer<NewGuestLinkMade> {
    http.json(Method::POST, &format!("/calls/{call}/guest-links"), Some(new)).await
}

pub(crate) async fn revoke_guest_link(http: &Http, call: CallId, link: GuestLinkId) -> Answer<()> {
    http.done(Method::DELETE, &format!("/calls/{call}/guest-links/{link}"), None::<&()>).await
}

pub(crate) async fn rooms(http: &Http) -> Answer<Vec<Room>> {
    http.get("/rooms").await
}

pub(crate) async fn new_room(http: &Http, new: &NewRoom) -> Answer<Room> {
    http.json(Method::POST, "/rooms", Some(new)).await
}

pub(crate) async fn direct_room(http: &Http, user: UserId) -> Answer<Room> {
    http.json(Method::POST, "/rooms/direct", Some(&NewDirect { user })).await
}

pub(crate) async fn invite(http: &Http, room: RoomId, user: UserId) -> Answer<()> {
    http.done(Method::POST, &format!("/rooms/{room}/invite"), Some(&Invite { user })).await
}

pub(crate) async fn kick(http: &Http, room: RoomId, user: UserId) -> Answer<()> {
    http.done(Method::POST, &format!("/rooms/{room}/kick"), Some(&Kick { user })).await
}

pub(crate) async fn join(http: &Http, room: RoomId) -> Answer<()> {
    http.done(Method::POST, &format!("/rooms/{room}/join"), None::<&()>).await
}

pub(crate) async fn leave(http: &Http, room: RoomId) -> Answer<()> {
    http.done(Method::POST, &format!("/rooms/{room}/leave"), None::<&()>).await
}

pub(crate) async fn update_room(http: &Http, room: RoomId, update: &UpdateRoom) -> Answer<()> {
    http.done(Method::PATCH, &format!("/rooms/{room}"), Some(update)).await
}

pub(crate) async fn read_up_to(http: &Http, room: RoomId, seq: u64) -> Answer<()> {
    http.done(Method::PUT, &format!("/rooms/{room}/read"), Some(&ReadUpTo { seq })).await
}

pub(crate) async fn history(http: &Http, room: RoomId, before: Option<u64>) -> Answer<HistoryPage> {
    let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
    http.get(&format!("/rooms/{room}/events?limit={PAGE}{before}")).await
}

pub(crate) async fn send(http: &Http, room: RoomId, event: &NewEvent) -> Answer<Sent> {
    http.json(Method::POST, &format!("/rooms/{room}/events"), Some(event)).await
}
