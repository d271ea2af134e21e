//! Every route against every role, as one table.

use crate::support::{
    http::Api,
    socket::Socket,
    space::{Person, Space, account, device, message},
};
use axum::body::Body;
use hyper::Method;
use serde_json::{Value, json};
use snug_protocol::{
    CallId, Content, DeviceId, GuestLinkId, JoinId, RoomId, TxnId,
    account::{NewAccount, Register, Setup, SignIn},
    event::{NewEvent, kind},
    guest::{Admission, Knock, Knocked, NewGuestLink, NewGuestLinkMade},
    invitation::{Invitation, NewInvitation},
    room::HistoryVisibility,
};

/// In the order of the table's columns.
const ROLES: [&str; 7] = ["anonymous", "outsider", "invited", "member", "moderator", "owner", "guest"];

/// The people of the table, and those whom they do things to.
struct Cast {
    space: Space,
    anonymous: Api,
    outsider: Person,
    invited: Person,
    member: Person,
    moderator: Person,
    /// A member of the room, whose message is acted on.
    victim: Person,
    /// Not in the room.
    bystander: Person,
    /// In a call of another room, let in.
    guest: Api,
    /// That call, in which the owner is.
    call: CallId,
    /// The owner in it.
    _in_call: Socket,
}

/// What a row's body and path are made from.
struct Scene {
    room: RoomId,
    message: u64,
    invitation: String,
}

impl Cast {
    async fn gather() -> Self {
        let space = Space::start().await;
        let (call, join) = (CallId::random(), JoinId::random());
        let salon = space.owner.makes_room("salon", HistoryVisibility::Shared).await;
        let mut in_call = Socket::open(&space.owner).await;
        in_call.joins(call, salon, join).await;
        let new = NewGuestLink { admission: Admission::Open, expires_in_s: None };
        let link: NewGuestLinkMade = space.owner.post(&format!("/calls/{call}/guest-links"), &new).await.ok();
        let knock = Knock { name: "Ana".into(), public_key: Content(vec![9; 32]) };
        let knocked: Knocked =
            space.stranger().post(&format!("/guest/{}/knock", link.token), &knock).await.ok();
        Self {
            guest: Api::new(space.target(), Some(knocked.session)),
            call,
            _in_call: in_call,
            anonymous: space.stranger(),
            outsider: space.person("outsider").await,
            invited: space.person("invited").await,
            member: space.person("member").await,
            moderator: space.person("moderator").await,
            victim: space.person("victim").await,
            bystander: space.person("bystander").await,
            space,
        }
    }

    fn role(&self, column: usize) -> &Api {
        match column {
            0 => &self.anonymous,
            1 => &self.outsider,
            2 => &self.invited,
            3 => &self.member,
            4 => &self.moderator,
            5 => &self.space.owner,
            _ => &self.guest,
        }
    }

    /// A fresh room with everybody in their place.
    async fn scene(&self) -> Scene {
        let owner = &self.space.owner;
        let room = owner.makes_room("hall", HistoryVisibility::Shared).await;
        owner.invites(room, &self.invited).await;
        for person in [&self.member, &self.moderator, &self.victim] {
            owner.brings(room, person).await;
        }
        let role = json!({ "user": self.moderator.id, "role": "moderator" });
        owner.put(&format!("/rooms/{room}/role"), &role).await.done();
        let message = self.victim.says(room, "hello").await.seq;
        Scene { room, message, invitation: String::new() }
    }
}

struct Row {
    method: Method,
    path: String,
    body: fn(&Cast, &Scene) -> Value,
    /// By role; the guest's, if it is not named, is 403.
    status: [u16; 7],
}

fn row(method: Method, path: &str, body: fn(&Cast, &Scene) -> Value, status: impl Into<Statuses>) -> Row {
    let Statuses(status) = status.into();
    Row { method, path: path.to_owned(), body, status }
}

/// By role.
struct Statuses([u16; 7]);

impl From<[u16; 7]> for Statuses {
    fn from(status: [u16; 7]) -> Self {
        Self(status)
    }
}

/// Closed to guests, as almost everything is.
impl From<[u16; 6]> for Statuses {
    fn from([a, b, c, d, e, f]: [u16; 6]) -> Self {
        Self([a, b, c, d, e, f, 403])
    }
}

fn about(scene: &Scene, what: &str) -> Value {
    json!(NewEvent { kind: what.into(), target: Some(scene.message), ..message("") })
}

fn table() -> Vec<Row> {
    let (get, post, put, patch, delete) =
        (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let nothing: fn(&Cast, &Scene) -> Value = |_, _| Value::Null;
    let empty: fn(&Cast, &Scene) -> Value = |_, _| json!({});
    let all = |status| [status; 7];
    let signed_in = |status| [401, status, status, status, status, status];
    vec![
        row(get.clone(), "/healthz", nothing, all(200)),
        row(get.clone(), "/server", nothing, all(200)),
        row(patch.clone(), "/server", empty, [401, 403, 403, 403, 403, 200]),
        row(
            post.clone(),
            "/setup",
            |_, _| json!(Setup { code: "x".into(), space_name: None, account: account("second") }),
            all(403),
        ),
        row(
            post.clone(),
            "/accounts",
            |_, _| json!(Register { invitation: None, account: NewAccount { ..account("uninvited") } }),
            all(403),
        ),
        row(
            post.clone(),
            "/sessions",
            |_, _| {
                json!(SignIn { username: "owner".into(), password: "a guess".into(), device: device("x") })
            },
            all(401),
        ),
        row(delete.clone(), &format!("/sessions/{}", DeviceId::random()), nothing, signed_in(404)),
        row(get.clone(), "/users", nothing, signed_in(200)),
        row(get.clone(), "/users/{victim}/devices", nothing, signed_in(200)),
        row(get.clone(), "/me", nothing, signed_in(200)),
        row(patch.clone(), "/me", empty, signed_in(200)),
        row(get.clone(), "/invitations", nothing, signed_in(200)),
        row(post.clone(), "/invitations", empty, signed_in(201)),
        row(
            post.clone(),
            "/invitations",
            |_, scene| json!({ "rooms": [scene.room] }),
            [401, 404, 403, 201, 201, 201],
        ),
        row(delete.clone(), "/invitations/{invitation}", nothing, [401, 404, 404, 404, 404, 204]),
        row(get.clone(), "/rooms", nothing, signed_in(200)),
        row(post.clone(), "/rooms", |_, _| json!({ "txn": TxnId::random(), "name": "mine" }), signed_in(201)),
        row(post.clone(), "/rooms/direct", |cast, _| json!({ "user": cast.bystander.id }), signed_in(200)),
        row(get.clone(), "/rooms/{room}", nothing, [401, 404, 200, 200, 200, 200]),
        row(patch, "/rooms/{room}", |_, _| json!({ "topic": "new" }), [401, 404, 403, 403, 200, 200]),
        row(
            post.clone(),
            "/rooms/{room}/invite",
            |cast, _| json!({ "user": cast.bystander.id }),
            [401, 404, 403, 204, 204, 204],
        ),
        row(post.clone(), "/rooms/{room}/join", nothing, [401, 404, 200, 200, 200, 200]),
        row(post.clone(), "/rooms/{room}/leave", nothing, [401, 404, 204, 204, 204, 204]),
        row(
            post.clone(),
            "/rooms/{room}/kick",
            |cast, _| json!({ "user": cast.victim.id }),
            [401, 404, 403, 403, 204, 204],
        ),
        row(
            put.clone(),
            "/rooms/{room}/role",
            |cast, _| json!({ "user": cast.victim.id, "role": "moderator" }),
            [401, 404, 403, 403, 403, 204],
        ),
        row(
            put,
            "/rooms/{room}/read",
            |_, scene| json!({ "seq": scene.message }),
            [401, 404, 403, 204, 204, 204],
        ),
        row(get.clone(), "/rooms/{room}/events", nothing, [401, 404, 403, 200, 200, 200]),
        row(
            post.clone(),
            "/rooms/{room}/events",
            |_, _| json!(message("hi")),
            [401, 404, 403, 201, 201, 201],
        ),
        row(
            post.clone(),
            "/rooms/{room}/events",
            |_, s| about(s, kind::REACTION),
            [401, 404, 403, 201, 201, 201],
        ),
        row(
            post.clone(),
            "/rooms/{room}/events",
            |_, s| about(s, kind::EDIT),
            [401, 404, 403, 403, 403, 403],
        ),
        row(
            post.clone(),
            "/rooms/{room}/events",
            |_, s| about(s, kind::DELETE),
            [401, 404, 403, 403, 201, 201],
        ),
        row(get.clone(), "/events", nothing, signed_in(200)),
        row(post.clone(), "/events/cookie", nothing, signed_in(204)),
        row(post.clone(), "/signal/ticket", nothing, [401, 200, 200, 200, 200, 200, 200]),
        // Let in, and then it is no WebSocket.
        row(get.clone(), "/signal", nothing, signed_in(400)),
        row(get.clone(), "/ice", nothing, [401, 200, 200, 200, 200, 200, 200]),
        row(post.clone(), "/calls/{call}/guest-links", empty, [401, 404, 404, 404, 404, 201]),
        row(get.clone(), "/calls/{call}/guest-links", nothing, signed_in(200)),
        row(
            delete.clone(),
            &format!("/calls/{{call}}/guest-links/{}", GuestLinkId::random()),
            nothing,
            signed_in(404),
        ),
        row(get.clone(), "/guest/made-up", nothing, all(404)),
        row(
            post.clone(),
            "/guest/made-up/knock",
            |_, _| json!(Knock { name: "Ana".into(), public_key: Content(vec![9; 32]) }),
            all(404),
        ),
        row(post, "/announcements", |_, _| json!({ "text": "tea" }), [401, 403, 403, 403, 403, 201]),
        row(get, "/nothing/here", nothing, all(404)),
        row(delete, "/me", nothing, all(405)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_every_role_as_the_table_says() {
    let cast = Cast::gather().await;
    let mut wrong = Vec::new();
    let mut quiet = Scene { room: RoomId::random(), message: 0, invitation: String::new() };
    for row in table() {
        for (column, expected) in row.status.into_iter().enumerate() {
            // A change of place must not be seen by the next column.
            let scene = if row.path.contains("{room}") || row.path == "/invitations" {
                cast.scene().await
            } else {
                if row.path.contains("{invitation}") {
                    let made = cast.space.owner.post("/invitations", &NewInvitation::default()).await;
                    quiet.invitation = made.ok::<Invitation>().code;
                }
                Scene { room: quiet.room, message: 0, invitation: quiet.invitation.clone() }
            };
            let path = row
                .path
                .replace("{room}", &scene.room.to_string())
                .replace("{call}", &cast.call.to_string())
                .replace("{victim}", &cast.victim.id.to_string())
                .replace("{invitation}", &scene.invitation);
            let role = cast.role(column);
            // Of its own, because an event stream never gives its connection back.
            let api = Api::new(role.target, role.token.clone());
            let body = match (row.body)(&cast, &scene) {
                Value::Null => Body::empty(),
                value => Body::from(value.to_string()),
            };
            let request = api.request(row.method.clone(), &path).body(body).unwrap();
            let status = api.send(request).await.status().as_u16();
            if status != expected {
                wrong.push(format!(
                    "{} {} by {}: {status}, not {expected}",
                    row.method, row.path, ROLES[column]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
