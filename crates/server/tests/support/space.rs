//! A server with people in it.

use super::http::{Api, Target};
use serde_json::json;
use snug_protocol::{
    Content, DeviceId, RoomId, TxnId, UnixMillis, UserId,
    account::{NewAccount, NewDevice, Register, Session, Setup, SignIn},
    content::Message,
    event::{Event, NewEvent, Sent, kind},
    invitation::{Invitation, NewInvitation},
    room::{HistoryPage, HistoryVisibility, NewRoom, Room},
};
use snug_server::{Limits, Rate, Server, ServerConfig};
use std::{ops::Deref, path::PathBuf, time::Duration};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse";

/// Limits that no test reaches by accident; those about limits set their own.
pub(crate) fn wide_limits() -> Limits {
    let wide = Rate::new(1_000_000, Duration::from_nanos(1));
    Limits {
        per_address: wide,
        per_session: wide,
        sign_in: wide,
        knock: wide,
        signals: wide,
        stun: wide,
        password_memory_kib: 64,
        connections_per_address: 4096,
        ..Limits::default()
    }
}

/// A running server and its folder.
pub(crate) struct Space {
    pub(crate) server: Server,
    pub(crate) owner: Person,
    pub(crate) config: ServerConfig,
    dir: TempDir,
}

/// Somebody with an account, on one device.
pub(crate) struct Person {
    pub(crate) api: Api,
    pub(crate) id: UserId,
    pub(crate) device: DeviceId,
    pub(crate) cursor: String,
    pub(crate) name: String,
}

impl Deref for Person {
    type Target = Api;
    fn deref(&self) -> &Api {
        &self.api
    }
}

pub(crate) fn device(name: &str) -> NewDevice {
    NewDevice { name: name.into(), key: Content(vec![7; 32]) }
}

pub(crate) fn account(name: &str) -> NewAccount {
    NewAccount {
        username: name.into(),
        display_name: name.to_uppercase(),
        password: PASSWORD.into(),
        device: device("desk"),
    }
}

impl Space {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A space with an owner called `owner`.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(dir.path().join("data"), "127.0.0.1:0".parse().unwrap());
        config.limits = wide_limits();
        change(&mut config);
        let server = Server::start(config.clone()).await.unwrap();
        let target = Target::of(&server);
        let setup = Setup {
            code: server.setup_code().unwrap(),
            space_name: Some("Home".into()),
            account: account("owner"),
        };
        let session: Session = Api::new(target, None).post("/setup", &setup).await.ok();
        Self { owner: Person::of(target, session), server, config, dir }
    }

    pub(crate) fn target(&self) -> Target {
        Target::of(&self.server)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.config.data.join("snug.db")
    }

    pub(crate) fn stranger(&self) -> Api {
        Api::new(self.target(), None)
    }

    /// A new account.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let invitation: Invitation = self.owner.post("/invitations", &NewInvitation::default()).await.ok();
        let register = Register { invitation: Some(invitation.code), account: account(name) };
        Person::of(self.target(), self.stranger().post("/accounts", &register).await.ok())
    }

    /// Another device of somebody.
    pub(crate) async fn another_device(&self, person: &Person) -> Person {
        let sign_in =
            SignIn { username: person.name.clone(), password: PASSWORD.into(), device: device("second") };
        Person::of(self.target(), self.stranger().post("/sessions", &sign_in).await.ok())
    }

    /// Stops the server and starts another on the same folder and port.
    pub(crate) async fn restart(self) -> Self {
        let Self { server, owner, mut config, dir } = self;
        config.listen = server.local_addr();
        server.shutdown().await;
        let server = Server::start(config.clone()).await.unwrap();
        Self { server, owner, config, dir }
    }
}

impl Person {
    pub(crate) fn of(target: Target, session: Session) -> Self {
        Self {
            api: Api::new(target, Some(session.token)),
            id: session.user.id,
            device: session.device,
            cursor: session.cursor,
            name: session.user.username,
        }
    }

    pub(crate) async fn makes_room(&self, name: &str, history: HistoryVisibility) -> RoomId {
        let new = NewRoom { txn: TxnId::random(), name: name.into(), topic: String::new(), history };
        self.post("/rooms", &new).await.ok::<Room>().id
    }

    pub(crate) async fn invites(&self, room: RoomId, other: &Person) {
        self.post(&format!("/rooms/{room}/invite"), &json!({ "user": other.id })).await.done();
    }

    pub(crate) async fn joins(&self, room: RoomId) -> Room {
        self.post(&format!("/rooms/{room}/join"), &json!({})).await.ok()
    }

    /// Invites and lets join.
    pub(crate) async fn brings(&self, room: RoomId, other: &Person) {
        self.invites(room, other).await;
        other.joins(room).await;
    }

    pub(crate) async fn says(&self, room: RoomId, text: &str) -> Sent {
        self.sends(room, &message(text)).await
    }

    pub(crate) async fn sends(&self, room: RoomId, new: &NewEvent) -> Sent {
        self.post(&format!("/rooms/{room}/events"), new).await.ok()
    }

    /// All of a room's past that they may see, oldest first.
    pub(crate) async fn history(&self, room: RoomId) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let before =
                events.first().map_or(String::new(), |event: &Event| format!("&before={}", event.seq));
            let page: HistoryPage = self.get(&format!("/rooms/{room}/events?limit=50{before}")).await.ok();
            let (mut older, at_start) = (page.events, page.at_start);
            older.append(&mut events);
            events = older;
            if at_start {
                return events;
            }
        }
    }
}

pub(crate) fn message(text: &str) -> NewEvent {
    NewEvent {
        txn: TxnId::random(),
        kind: kind::MESSAGE.into(),
        client_time: UnixMillis(1),
        target: None,
        mentions: Vec::new(),
        expires_in_ms: None,
        expected_epoch: None,
        content: Content::json(&Message { body: text.into() }),
    }
}

/// What a message says.
pub(crate) fn text(event: &Event) -> String {
    event.content.parse::<Message>().map(|message| message.body).unwrap_or_default()
}
