//! The signal socket, `GET /api/v1/signal`: what is momentary, two-way, and never stored.
//!
//! JSON text frames, one signal each. The subprotocol is [`SUBPROTOCOL`]. A browser, which cannot set headers here, first takes a
//! [`Ticket`] from `POST /api/v1/signal/ticket` and connects with `?ticket=`.

use crate::guest::GuestEnd;
use crate::{ApiError, CallId, Content, DeviceId, JoinId, RoomId, UnixMillis, UserId};
use serde::{Deserialize, Serialize};

/// WebSocket subprotocol that both sides must name.
pub const SUBPROTOCOL: &str = "snug.signal.v1";

/// Close codes of ours (RFC 6455 §7.4.2). Below 4100 the client reconnects by itself, from 4100 on it does not.
pub mod close {
    /// RFC 6455: the server stops. Resumable, as all of RFC 6455's are.
    pub const GOING_AWAY: u16 = 1001;
    /// RFC 6455: frames that are none.
    pub const PROTOCOL: u16 = 1002;
    /// RFC 6455: text that is not UTF-8.
    pub const INVALID_DATA: u16 = 1007;
    /// The registry of RFC 6455: the server comes back in a moment.
    pub const RESTARTING: u16 = 1012;
    /// This connection could not take its signals fast enough. Resumable.
    pub const TOO_SLOW: u16 = 4000;
    /// A frame that is too large. Resumable.
    pub const TOO_LARGE: u16 = 4001;
    /// Too many signals in a short time. Resumable.
    pub const RATE_LIMITED: u16 = 4002;
    /// The same device connected again; this is the older connection. Fatal, else the two would chase each other.
    pub const REPLACED: u16 = 4100;
    /// The device was signed out. Fatal.
    pub const SIGNED_OUT: u16 = 4101;
    /// A guest was refused or removed, or their call is over; a signal before it said which. Fatal.
    pub const GUEST_ENDED: u16 = 4102;

    /// Whether a client that was closed with `code` should come back.
    pub fn resumable(code: u16) -> bool {
        !(4100..5000).contains(&code)
    }
}

/// The answer to `POST /api/v1/signal/ticket`: good once, for 30 s.
#[derive(Clone, Debug, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct Ticket {
    /// For the query of the socket's URL.
    pub ticket: String,
}

/// From a client to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type")]
#[ts(export)]
pub enum ClientSignal {
    /// Be in a call; also sent again after every reconnect, with the same `join`. Needs membership of the room. Answered by [`ServerSignal::Roster`].
    #[serde(rename = "call.join")]
    Join {
        /// Which call; one that nobody is in begins.
        call: CallId,
        /// In which room.
        room: RoomId,
        /// This stay.
        join: JoinId,
    },
    /// Look who is in a call, without being in it, so as to connect at once when one joins. Needs membership of the room. Answered by
    /// [`ServerSignal::Roster`], of whoever is in it now.
    #[serde(rename = "call.look")]
    Look {
        /// Which call.
        call: CallId,
        /// In which room.
        room: RoomId,
    },
    /// Be out of a call.
    #[serde(rename = "call.leave")]
    Leave {
        /// Which call.
        call: CallId,
    },
    /// Relay to one device in the same call.
    #[serde(rename = "call.signal")]
    Relay {
        /// Which call.
        call: CallId,
        /// To whom.
        to: DeviceId,
        /// The signed envelope.
        envelope: Envelope,
    },
    /// Somebody types, or stopped to.
    #[serde(rename = "typing")]
    Typing {
        /// Where.
        room: RoomId,
        /// Whether they do.
        active: bool,
    },
    /// Let a guest in who waits. Members who are in the call only, as the two below.
    #[serde(rename = "guest.admit")]
    GuestAdmit {
        /// Into which call.
        call: CallId,
        /// Which guest.
        device: DeviceId,
    },
    /// Send a guest away who waits.
    #[serde(rename = "guest.refuse")]
    GuestRefuse {
        /// From which call.
        call: CallId,
        /// Which guest.
        device: DeviceId,
    },
    /// Remove a guest who was let in; they would have to knock again.
    #[serde(rename = "guest.remove")]
    GuestRemove {
        /// From which call.
        call: CallId,
        /// Which guest.
        device: DeviceId,
    },
}

/// A signed message from one stay in a call to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct Envelope {
    /// The sender's stay.
    pub from_join: JoinId,
    /// The receiver's stay.
    pub to_join: JoinId,
    /// Strictly increasing in each direction of a pair of stays, from 1.
    #[ts(type = "number")]
    pub counter: u64,
    /// JSON of a [`PairSignal`](crate::pair::PairSignal): the exact bytes that are signed.
    pub payload: Content,
    /// Ed25519 over [`signing_input`](crate::signing::signing_input), 64 bytes.
    pub signature: Content,
}

/// From the server to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type")]
#[ts(export)]
pub enum ServerSignal {
    /// First on every connection.
    #[serde(rename = "hello")]
    Hello {
        /// Who the server takes this connection for.
        device: DeviceId,
        /// The server's clock.
        server_time: UnixMillis,
    },
    /// Everybody in a call, the receiver included if they are.
    #[serde(rename = "call.roster")]
    Roster {
        /// Which call.
        call: CallId,
        /// Who is in it, oldest stay first.
        members: Vec<Participant>,
    },
    /// Somebody came.
    #[serde(rename = "call.joined")]
    Joined {
        /// Into which call.
        call: CallId,
        /// Who.
        participant: Participant,
    },
    /// Somebody went, or their connection was gone for longer than the server waits (15 s). Media may still flow: a peer connection says when not.
    #[serde(rename = "call.left")]
    Left {
        /// From which call.
        call: CallId,
        /// Which device.
        device: DeviceId,
        /// Which stay.
        join: JoinId,
    },
    /// Relayed from another device.
    #[serde(rename = "call.signal")]
    Relay {
        /// Which call.
        call: CallId,
        /// From whom, as the server knows it.
        from: DeviceId,
        /// As it was sent.
        envelope: Envelope,
    },
    /// A call in a room began, changed its people, or ended (`people` and `guests` are empty). To members of the room.
    #[serde(rename = "call.state")]
    CallState {
        /// In which room.
        room: RoomId,
        /// Which call.
        call: CallId,
        /// Who of the space is in it.
        people: Vec<UserId>,
        /// The names of the guests who are in it, who are not among `people`. The call goes on while either has somebody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        guests: Vec<String>,
    },
    /// Somebody types, or stopped to.
    #[serde(rename = "typing")]
    Typing {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Whether they do.
        active: bool,
    },
    /// Somebody became available or went. After [`ServerSignal::Hello`], one for each who is available and shares a room.
    #[serde(rename = "presence")]
    Presence {
        /// Who.
        user: UserId,
        /// Whether one of their devices has an open event stream.
        available: bool,
    },
    /// To a guest: somebody has to let you in; wait.
    #[serde(rename = "guest.waiting")]
    GuestWaiting {
        /// Into which call.
        call: CallId,
    },
    /// To a guest: you may join now. Also first on every later connection.
    #[serde(rename = "guest.admitted")]
    GuestAdmitted {
        /// Which call.
        call: CallId,
        /// The room to name in `call.join`.
        room: RoomId,
    },
    /// To a guest: you were not let in. The connection ends.
    #[serde(rename = "guest.refused")]
    GuestRefused {
        /// Into which call.
        call: CallId,
    },
    /// To a guest: it is over. The connection ends.
    #[serde(rename = "guest.ended")]
    GuestEnded {
        /// Which call.
        call: CallId,
        /// Why.
        reason: GuestEnd,
    },
    /// To members who are in the call: somebody asks to be let in. Also to one who comes into the call while they wait.
    #[serde(rename = "guest.knocking")]
    GuestKnocking {
        /// Into which call.
        call: CallId,
        /// Which guest.
        device: DeviceId,
        /// What they call themselves.
        name: String,
    },
    /// To members who are in the call: a guest waits no longer; somebody decided, or they went.
    #[serde(rename = "guest.settled")]
    GuestSettled {
        /// For which call.
        call: CallId,
        /// Which guest.
        device: DeviceId,
    },
    /// The last signal was refused; the connection goes on.
    #[serde(rename = "error")]
    Error {
        /// Why.
        error: ApiError,
        /// The call that it was about, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
    },
    /// A type that this version does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

/// A device in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct Participant {
    /// Whose.
    pub user: UserId,
    /// Which device.
    pub device: DeviceId,
    /// Its stay.
    pub join: JoinId,
    /// Its Ed25519 public key, as the server knows it; receivers pin the first that they see. A guest's lives as long as their page: it
    /// proves that signals come from that page, and nothing of who sits there.
    pub key: Content,
    /// Whether it is a guest: nobody of the space, let in by a link.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub guest: bool,
    /// What their person is called. A guest knows no other name of anybody; for people of the space their own list of people is newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
}
