//! Guests over real sockets: links, the door, the call, and everything that is closed to them.

use crate::support::{
    http::{Answer, Api},
    socket::{Handshake, Socket, envelope},
    space::{Person, Space},
};
use axum::body::Body;
use hyper::{Method, Request};
use serde_json::json;
use snug_protocol::{
    CallId, Content, ErrorCode, JoinId, RoomId,
    guest::{
        Admission, BrowserTrust, GuestEnd, GuestInvitation, GuestLinks, Knock, Knocked, NewGuestLink,
        NewGuestLinkMade,
    },
    ice::IceServers,
    room::HistoryVisibility,
    signal::{ClientSignal, SUBPROTOCOL, ServerSignal, Ticket, close},
};
use snug_server::{Rate, ServerConfig};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// A space whose owner is in a call.
struct Party {
    space: Space,
    room: RoomId,
    call: CallId,
    join: JoinId,
    host: Socket,
}

impl Party {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let space = Space::start_with(change).await;
        let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
        let (call, join) = (CallId::random(), JoinId::random());
        let mut host = Socket::open(&space.owner).await;
        host.joins(call, room, join).await;
        Self { space, room, call, join, host }
    }

    async fn makes_link(&self, admission: Admission) -> NewGuestLinkMade {
        let new = NewGuestLink { admission, expires_in_s: None };
        self.space.owner.post(&format!("/calls/{}/guest-links", self.call), &new).await.ok()
    }

    async fn revokes(&self, link: &NewGuestLinkMade) {
        self.space.owner.delete(&format!("/calls/{}/guest-links/{}", self.call, link.link.id)).await.done();
    }

    fn page(&self) -> Api {
        self.space.stranger()
    }

    async fn knocks(&self, link: &NewGuestLinkMade, name: &str) -> Answer {
        let knock = Knock { name: name.into(), public_key: Content(vec![9; 32]) };
        self.page().post(&format!("/guest/{}/knock", link.token), &knock).await
    }

    async fn guest(&self, link: &NewGuestLinkMade) -> Guest {
        let knocked: Knocked = self.knocks(link, "Ana").await.ok();
        let mut socket = self.enter(&knocked.ticket).await.unwrap();
        assert!(
            matches!(socket.next().await, ServerSignal::Hello { device, .. } if device == knocked.guest.device)
        );
        Guest { knocked, socket }
    }

    async fn enter(&self, ticket: &str) -> Result<Socket, u16> {
        let origin = Some(format!("https://{}", self.space.target().addr));
        let ticket = Some(ticket.to_owned());
        let handshake = Handshake { token: None, ticket, origin, protocol: Some(SUBPROTOCOL) };
        handshake.go(self.space.target()).await.map_err(|status| status.as_u16())
    }

    /// The guest's page loses its socket and comes back with a new ticket.
    async fn comes_back(&self, guest: &Guest) -> Result<Socket, u16> {
        let answer = self.as_guest(guest).post("/signal/ticket", &json!({})).await;
        if !answer.status.is_success() {
            return Err(answer.status.as_u16());
        }
        let mut socket = self.enter(&answer.ok::<Ticket>().ticket).await?;
        assert!(matches!(socket.next().await, ServerSignal::Hello { .. }));
        Ok(socket)
    }

    fn as_guest(&self, guest: &Guest) -> Api {
        Api::new(self.space.target(), Some(guest.knocked.session.clone()))
    }

    async fn decides(&mut self, decision: ClientSignal) {
        self.host.send(&decision).await;
    }
}

struct Guest {
    knocked: Knocked,
    socket: Socket,
}

impl Guest {
    async fn joins(&mut self, join: JoinId) -> usize {
        self.socket.joins(self.knocked.call, self.knocked.room, join).await.len()
    }
}

fn error_code(signal: &ServerSignal) -> ErrorCode {
    match signal {
        ServerSignal::Error { error, .. } => error.code,
        other => panic!("not an error: {other:?}"),
    }
}

#[tokio::test]
async fn a_guest_knocks_is_let_in_talks_and_leaves() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    assert_eq!((link.browser_trust, link.url.as_deref()), (BrowserTrust::SelfSigned, None));
    let looked: GuestInvitation = party.page().get(&format!("/guest/{}", link.token)).await.ok();
    assert_eq!(
        (
            looked.space_name.as_str(),
            looked.room_name.as_str(),
            looked.invited_by.as_str(),
            looked.people.len()
        ),
        ("Home", "hall", "OWNER", 1)
    );

    let mut guest = party.guest(&link).await;
    let (call, device) = (party.call, guest.knocked.guest.device);
    assert_eq!(guest.socket.next().await, ServerSignal::GuestWaiting { call });
    let knocking = ServerSignal::GuestKnocking { call, device, name: "Ana".into() };
    assert_eq!(party.host.wait_for(|s| matches!(s, ServerSignal::GuestKnocking { .. })).await, knocking);
    assert_eq!(party.as_guest(&guest).get("/ice").await.code(), ErrorCode::Forbidden, "not yet");

    party.decides(ClientSignal::GuestAdmit { call, device }).await;
    let admitted = ServerSignal::GuestAdmitted { call, room: party.room };
    assert_eq!(guest.socket.next().await, admitted);
    party.as_guest(&guest).get("/ice").await.ok::<IceServers>();
    let mine = JoinId::random();
    assert_eq!(guest.joins(mine).await, 2);
    let joined = party.host.wait_for(|s| matches!(s, ServerSignal::Joined { .. })).await;
    let ServerSignal::Joined { participant, .. } = joined else { unreachable!() };
    assert_eq!((participant.guest, participant.name.as_deref()), (true, Some("Ana")));
    assert_eq!(participant.key, Content(vec![9; 32]));
    let looked: GuestInvitation = party.page().get(&format!("/guest/{}", link.token)).await.ok();
    assert_eq!(looked.people, ["OWNER", "Ana"]);

    // Both ways.
    let to_host = ClientSignal::Relay {
        call,
        to: party.space.owner.device,
        envelope: envelope(mine, party.join, vec![1]),
    };
    guest.socket.send(&to_host).await;
    party.host.wait_for(|s| matches!(s, ServerSignal::Relay { from, .. } if *from == device)).await;
    let to_guest = ClientSignal::Relay { call, to: device, envelope: envelope(party.join, mine, vec![2]) };
    party.host.send(&to_guest).await;
    guest.socket.wait_for(|s| matches!(s, ServerSignal::Relay { .. })).await;

    guest.socket.send(&ClientSignal::Leave { call }).await;
    party.host.wait_for(|s| matches!(s, ServerSignal::Left { device: of, .. } if *of == device)).await;
}

#[tokio::test]
async fn a_guest_who_is_refused_or_removed_is_told_and_their_session_is_nothing() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    for admitted in [false, true] {
        let mut guest = party.guest(&link).await;
        let (call, device) = (party.call, guest.knocked.guest.device);
        let expected = if admitted {
            party.decides(ClientSignal::GuestAdmit { call, device }).await;
            guest.socket.wait_for(|s| matches!(s, ServerSignal::GuestAdmitted { .. })).await;
            guest.joins(JoinId::random()).await;
            party.decides(ClientSignal::GuestRemove { call, device }).await;
            ServerSignal::GuestEnded { call, reason: GuestEnd::Removed }
        } else {
            party.decides(ClientSignal::GuestRefuse { call, device }).await;
            ServerSignal::GuestRefused { call }
        };
        guest.socket.wait_for(|signal| *signal == expected).await;
        assert_eq!(guest.socket.close_code().await, Some(close::GUEST_ENDED));
        // Written down a moment after it was decided.
        while party.as_guest(&guest).get("/ice").await.status != 401 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(party.comes_back(&guest).await.err(), Some(401));
    }
}

#[tokio::test]
async fn a_guest_who_was_let_in_comes_back_also_to_a_server_that_was_restarted() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    let mut guest = party.guest(&link).await;
    let (call, device, mine) = (party.call, guest.knocked.guest.device, JoinId::random());
    party.decides(ClientSignal::GuestAdmit { call, device }).await;
    guest.socket.wait_for(|s| matches!(s, ServerSignal::GuestAdmitted { .. })).await;
    guest.joins(mine).await;
    guest.socket = party.comes_back(&guest).await.unwrap();
    let admitted = ServerSignal::GuestAdmitted { call, room: party.room };
    assert_eq!(guest.socket.next().await, admitted, "without knocking");
    assert_eq!(guest.joins(mine).await, 2);

    // The host's socket first, so that nobody is seen to leave.
    let Party { space, room, join, host, .. } = party;
    drop(host);
    let space = space.restart().await;
    let mut host = Socket::open(&space.owner).await;
    host.joins(call, room, join).await;
    let party = Party { space, room, call, join, host };
    guest.socket = party.comes_back(&guest).await.unwrap();
    assert_eq!(guest.socket.next().await, admitted);
    assert_eq!(guest.joins(mine).await, 2);
    party.page().get(&format!("/guest/{}", link.token)).await.ok::<GuestInvitation>();
}

#[tokio::test]
async fn an_open_link_lets_guests_in_without_anybody_and_they_may_be_alone() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Open).await;
    let mut guest = party.guest(&link).await;
    assert!(matches!(guest.socket.next().await, ServerSignal::GuestAdmitted { .. }));
    assert_eq!(guest.joins(JoinId::random()).await, 2);
    let call = party.call;
    party.decides(ClientSignal::Leave { call }).await;
    let alone = party
        .host
        .wait_for(|s| matches!(s, ServerSignal::CallState { people, .. } if people.is_empty()))
        .await;
    assert_eq!(
        alone,
        ServerSignal::CallState { room: party.room, call, people: vec![], guests: vec!["Ana".into()] }
    );
    let mut second = party.guest(&link).await;
    assert_eq!(second.joins(JoinId::random()).await, 2);
}

#[tokio::test]
async fn a_link_is_over_when_it_is_revoked_and_who_waits_by_it_is_sent_away() {
    let party = Party::start().await;
    let (link, other) = (party.makes_link(Admission::Knock).await, party.makes_link(Admission::Knock).await);
    let links = format!("/calls/{}/guest-links", party.call);
    let listed: GuestLinks = party.space.owner.get(&links).await.ok();
    assert_eq!(listed.browser_trust, BrowserTrust::SelfSigned);
    assert_eq!(listed.links, [link.link.clone(), other.link.clone()]);
    let mut waiting = party.guest(&link).await;
    let unconnected: Knocked = party.knocks(&link, "Bo").await.ok();
    party.revokes(&link).await;
    let call = party.call;
    let over = ServerSignal::GuestEnded { call, reason: GuestEnd::LinkOver };
    waiting.socket.wait_for(|signal| *signal == over).await;
    assert_eq!(waiting.socket.close_code().await, Some(close::GUEST_ENDED));
    assert_eq!(party.enter(&unconnected.ticket).await.err(), Some(401));
    let page = party.page();
    for answer in [page.get(&format!("/guest/{}", link.token)).await, party.knocks(&link, "Cem").await] {
        assert_eq!((answer.status.as_u16(), answer.code()), (410, ErrorCode::LinkExpired));
    }
    assert_eq!(party.space.owner.get(&links).await.ok::<GuestLinks>().links, [other.link]);
    let again = party.space.owner.delete(&format!("{links}/{}", link.link.id)).await;
    assert_eq!(again.code(), ErrorCode::NotFound);
    assert_eq!(page.get("/guest/made-up").await.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_link_is_over_with_its_time_its_call_and_its_makers_place_in_the_room() {
    let party = Party::start_with(|config| {
        config.limits.guest_tidy = Duration::from_millis(20);
        config.limits.guest_call_empty = Duration::from_millis(40);
        config.limits.call_grace = Duration::from_millis(20);
    })
    .await;
    let gone = async |link: &NewGuestLinkMade| {
        while party.page().get(&format!("/guest/{}", link.token)).await.status != 410 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let bea = party.space.person("bea").await;
    party.space.owner.brings(party.room, &bea).await;
    let mut socket = Socket::open(&bea).await;
    socket.joins(party.call, party.room, JoinId::random()).await;
    let path = format!("/calls/{}/guest-links", party.call);
    let of_bea: NewGuestLinkMade = bea.post(&path, &NewGuestLink::default()).await.ok();
    let kick = json!({ "user": bea.id });
    party.space.owner.post(&format!("/rooms/{}/kick", party.room), &kick).await.done();
    gone(&of_bea).await;

    let expiring = party.makes_link(Admission::Knock).await;
    let mut waiting = party.guest(&expiring).await;
    // Time is the database's: nobody waits a minute for a test.
    party.expires_now(&expiring).await;
    gone(&expiring).await;
    let over = ServerSignal::GuestEnded { call: party.call, reason: GuestEnd::LinkOver };
    waiting.socket.wait_for(|signal| *signal == over).await;

    let link = party.makes_link(Admission::Open).await;
    let mut guest = party.guest(&link).await;
    guest.joins(JoinId::random()).await;
    drop(guest.socket);
    let Party { space, room, call, join, host } = party;
    drop(host);
    let party = Party { host: Socket::open(&space.owner).await, space, room, call, join };
    while party.page().get(&format!("/guest/{}", link.token)).await.status != 410 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ticket =
        Api::new(party.space.target(), Some(guest.knocked.session)).post("/signal/ticket", &json!({})).await;
    assert_eq!(ticket.code(), ErrorCode::Unauthorized);
}

impl Party {
    async fn expires_now(&self, link: &NewGuestLinkMade) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.space.database());
        let mut conn =
            sqlx::ConnectOptions::connect(&options.busy_timeout(Duration::from_secs(5))).await.unwrap();
        sqlx::query("UPDATE guest_links SET expires_at = 1 WHERE id = ?")
            .bind(link.link.id.to_string())
            .execute(&mut conn)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn only_a_member_who_is_in_the_call_makes_a_link() {
    let party = Party::start().await;
    let (bea, cem) = (party.space.person("bea").await, party.space.person("cem").await);
    party.space.owner.brings(party.room, &bea).await;
    let path = format!("/calls/{}/guest-links", party.call);
    let by = async |who: &Person, path: &str| who.post(path, &NewGuestLink::default()).await.code();
    assert_eq!(by(&bea, &path).await, ErrorCode::Forbidden, "not in the call");
    assert_eq!(by(&cem, &path).await, ErrorCode::NotFound, "not in the room");
    let nowhere = format!("/calls/{}/guest-links", CallId::random());
    assert_eq!(by(&party.space.owner, &nowhere).await, ErrorCode::NotFound, "no such call");
    let link = party.makes_link(Admission::Knock).await;
    assert_eq!(bea.get(&path).await.ok::<GuestLinks>().links.len(), 1);
    assert_eq!(cem.get(&path).await.ok::<GuestLinks>().links, []);
    assert_eq!(cem.delete(&format!("{path}/{}", link.link.id)).await.code(), ErrorCode::NotFound);
    bea.delete(&format!("{path}/{}", link.link.id)).await.done();
    for life in [59, 7 * 24 * 60 * 60 + 1] {
        let new = NewGuestLink { expires_in_s: Some(life), ..NewGuestLink::default() };
        assert_eq!(party.space.owner.post(&path, &new).await.code(), ErrorCode::BadRequest);
    }
    for _ in 0..20 {
        party.makes_link(Admission::Knock).await;
    }
    assert_eq!(by(&party.space.owner, &path).await, ErrorCode::Forbidden, "enough");
}

#[tokio::test]
async fn a_ticket_opens_one_socket_for_a_page_of_ours() {
    let party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    let knocked: Knocked = party.knocks(&link, "Ana").await.ok();
    let target = party.space.target();
    let with = |origin: Option<&str>, protocol| Handshake {
        token: None,
        ticket: Some(knocked.ticket.clone()),
        origin: origin.map(ToOwned::to_owned),
        protocol,
    };
    let evil = Some("https://evil.example");
    assert_eq!(with(evil, Some(SUBPROTOCOL)).go(target).await.err().unwrap(), 403);
    assert_eq!(with(None, Some(SUBPROTOCOL)).go(target).await.err().unwrap(), 403);
    let _open = party.enter(&knocked.ticket).await.unwrap();
    assert_eq!(party.enter(&knocked.ticket).await.err(), Some(401), "spent");
    // By the session alone, as apps connect, a guest does not get in.
    let by_session = Handshake {
        token: Some(knocked.session.clone()),
        protocol: Some(SUBPROTOCOL),
        ..Handshake::default()
    };
    assert_eq!(by_session.go(target).await.err().unwrap(), 403);

    let page = party.page();
    for (method, path) in [
        (Method::GET, format!("/guest/{}", link.token)),
        (Method::POST, format!("/guest/{}/knock", link.token)),
    ] {
        let request =
            page.request(method, &path).header("origin", "https://evil.example").body(Body::empty());
        assert_eq!(page.send(request.unwrap()).await.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn a_second_connection_replaces_the_first_and_keeps_its_place() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    let mut guest = party.guest(&link).await;
    let (call, device) = (party.call, guest.knocked.guest.device);
    let mut newer = party.comes_back(&guest).await.unwrap();
    assert_eq!(guest.socket.close_code().await, Some(close::REPLACED));
    assert_eq!(newer.next().await, ServerSignal::GuestWaiting { call });
    party.decides(ClientSignal::GuestAdmit { call, device }).await;
    newer.wait_for(|s| matches!(s, ServerSignal::GuestAdmitted { .. })).await;
}

#[tokio::test]
async fn a_flood_of_knocks_is_held_back_by_address_and_by_link() {
    let party =
        Party::start_with(|config| config.limits.knock = Rate::new(3, Duration::from_secs(3600))).await;
    let link = party.makes_link(Admission::Knock).await;
    for _ in 0..3 {
        party.knocks(&link, "Ana").await.ok::<Knocked>();
    }
    let refused = party.knocks(&link, "Ana").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, ErrorCode::RateLimited));

    let party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    for _ in 0..20 {
        party.knocks(&link, "Ana").await.ok::<Knocked>();
    }
    let refused = party.knocks(&link, "Ana").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, ErrorCode::Unavailable));
    let other = party.makes_link(Admission::Knock).await;
    party.knocks(&other, "Ana").await.ok::<Knocked>();
}

#[tokio::test]
async fn rubbish_at_the_door_and_on_the_socket_is_refused_and_harms_nobody() {
    let mut party = Party::start().await;
    let link = party.makes_link(Admission::Knock).await;
    let path = format!("/guest/{}/knock", link.token);
    let long = "x".repeat(65);
    for body in [
        json!(null),
        json!({}),
        json!({ "name": "Ana" }),
        json!({ "name": "Ana", "public_key": "AAAA" }),
        json!({ "name": "", "public_key": Content(vec![9; 32]) }),
        json!({ "name": " \t", "public_key": Content(vec![9; 32]) }),
        json!({ "name": "a\u{202e}\nb", "public_key": Content(vec![9; 32]) }),
        json!({ "name": long, "public_key": Content(vec![9; 32]) }),
        json!({ "name": "Ana", "public_key": 7 }),
    ] {
        assert_eq!(party.page().post(&path, &body).await.code(), ErrorCode::BadRequest, "{body}");
    }
    let huge = vec![b'x'; 64 * 1024];
    assert_eq!(party.page().raw(Method::POST, &path, huge).await.code(), ErrorCode::TooLarge);
    for token in ["%00", "..%2f..%2fetc", "'%20OR%201=1--"] {
        assert_eq!(party.page().get(&format!("/guest/{token}")).await.code(), ErrorCode::NotFound, "{token}");
    }
    let mut guest = party.guest(&link).await;
    let (call, device) = (party.call, guest.knocked.guest.device);
    guest.socket.next().await;
    for text in ["", "{", "[]", r#"{"type":"guest.admit"}"#] {
        guest.socket.say(Message::Text(text.into())).await;
        assert_eq!(error_code(&guest.socket.next().await), ErrorCode::BadRequest, "{text:?}");
    }
    // To let oneself in, or join without being let in.
    guest.socket.send(&ClientSignal::GuestAdmit { call, device }).await;
    assert_eq!(error_code(&guest.socket.next().await), ErrorCode::Forbidden);
    guest.socket.send(&ClientSignal::Join { call, room: party.room, join: JoinId::random() }).await;
    assert_eq!(error_code(&guest.socket.next().await), ErrorCode::Forbidden);
    party.decides(ClientSignal::GuestAdmit { call, device }).await;
    guest.socket.wait_for(|s| matches!(s, ServerSignal::GuestAdmitted { .. })).await;
}

#[tokio::test]
async fn a_trusted_server_gives_whole_links_and_its_pages_their_origin() {
    let party = Party::start_with(|config| config.public_url = Some("https://chat.example".into())).await;
    let link = party.makes_link(Admission::Knock).await;
    assert_eq!(link.browser_trust, BrowserTrust::Trusted);
    assert_eq!(link.url, Some(format!("https://chat.example/join/{}", link.token)));
    let knocked: Knocked = party.knocks(&link, "Ana").await.ok();
    let handshake = Handshake {
        token: None,
        ticket: Some(knocked.ticket),
        origin: Some("https://chat.example".into()),
        protocol: Some(SUBPROTOCOL),
    };
    handshake.go(party.space.target()).await.unwrap();
}

#[tokio::test]
async fn the_page_comes_with_a_strict_policy_or_says_that_it_is_not_built() {
    let space = Space::start().await;
    let sender = space.stranger();
    let get = async |path: &str| {
        let request = Request::get(path).header("host", space.target().addr.to_string()).body(Body::empty());
        sender.send(request.unwrap()).await
    };
    let page = get("/join/some-token").await;
    assert_eq!(page.headers()["cache-control"], "no-store");
    if page.status() == 200 {
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let permissions = page.headers()["permissions-policy"].to_str().unwrap();
        assert!(permissions.contains("camera=(self), microphone=(self)"), "{permissions}");
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert_eq!(page.headers()["content-type"], "text/html");
    } else {
        assert_eq!(page.status(), 404);
    }
    for outside in
        ["/join/assets/nothing.js", "/join/assets/../guest.html", "/join/assets/..%2f..%2fpackage.json"]
    {
        assert_eq!(get(outside).await.status(), 404, "{outside}");
    }
}
