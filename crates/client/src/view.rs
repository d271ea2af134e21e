//! What the user interface shows: the shapes that cross into the webview.
//!
//! Not the wire's shapes and not the store's rows: these are what a screen needs, already folded and put into order, so that the
//! interface holds nothing that it could not ask for again. `ts-rs` writes them to `ui/src/backend/bindings/`.

mod guests;

pub use guests::{CallLink, CallLinks, ChatLine, Knocking};

use serde::{Deserialize, Serialize};
use snug_protocol::{
    CallId, DeviceId, ErrorCode, RoomId, TxnId, UnixMillis, UserId, account::SpaceRole,
    content::RingEndReason, room::Membership, room::RoomKind, room::RoomRole,
};
use ts_rs::TS;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// This device.
    pub device: DeviceId,
    /// Unique name.
    pub username: String,
    /// Shown name.
    pub display_name: String,
    /// What they may do.
    pub role: SpaceRole,
    /// The space's name.
    pub space_name: String,
    /// `host:port` that it was last reached at.
    pub address: String,
    /// Whether the space is hosted by this very app.
    pub hosted_here: bool,
}

/// Whether the network feeds the store at the moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
#[ts(export)]
pub enum Connection {
    /// No event stream yet, trying.
    Connecting,
    /// Event stream open.
    Online,
    /// No event stream; trying again by itself.
    Offline {
        /// When the next attempt is due.
        retry_at: UnixMillis,
    },
    /// The server's key is not the pinned one; nothing is sent until the user decides.
    KeyChanged,
    /// The token was refused; sign in again.
    SignedOut,
}

/// A line of the rail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RoomSummary {
    /// Which room.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// Its name; the other person's for a direct room.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// The other person of a direct room.
    pub peer: Option<UserId>,
    /// Whether the other person of a direct room is there.
    pub peer_available: bool,
    /// The reader's own place in it.
    pub membership: Membership,
    /// The reader's own role.
    pub role: RoomRole,
    /// Messages that the reader has not seen.
    #[ts(type = "number")]
    pub unread: u64,
    /// Whether one of them calls the reader by name.
    pub mentioned: bool,
    /// The newest message, one line.
    pub last_text: Option<String>,
    /// Who said it; absent if the reader did.
    pub last_sender: Option<String>,
    /// When the newest thing happened; rooms are ordered by it.
    pub last_at: UnixMillis,
    /// The call that goes on in it, if any.
    pub call: Option<OngoingCall>,
    /// Everybody in it or invited.
    pub members: Vec<RoomMember>,
}

/// A call that goes on in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct OngoingCall {
    /// Which call.
    pub call: CallId,
    /// Who of the space is in it.
    pub people: Vec<UserId>,
    /// The names of the guests who are in it.
    pub guests: Vec<String>,
}

/// A person in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RoomMember {
    /// Who.
    pub user: UserId,
    /// Shown name.
    pub name: String,
    /// As what.
    pub role: RoomRole,
    /// Whether they are in.
    pub membership: Membership,
    /// Whether they are there.
    pub available: bool,
}

/// A person of the space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// Unique name.
    pub username: String,
    /// Shown name.
    pub name: String,
    /// Whether they are there.
    pub available: bool,
}

/// A stretch of a room's timeline, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Timeline {
    /// Which room.
    pub room: RoomId,
    /// What happened.
    pub items: Vec<TimelineItem>,
    /// Whether there is nothing before the first of them.
    pub at_start: bool,
    /// The `seq` up to which the reader had read when the room was opened: the "new" line goes after it.
    #[ts(type = "number")]
    pub read_up_to: u64,
}

/// One thing in a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct TimelineItem {
    /// Stable through local echo and delivery: the transaction id where there is one, else the `seq`.
    pub key: String,
    /// Place in the log; absent while the server has not got it.
    #[ts(type = "number | null")]
    pub seq: Option<u64>,
    /// Who.
    pub sender: Option<UserId>,
    /// Their shown name.
    pub sender_name: String,
    /// Whether the reader sent it.
    pub own: bool,
    /// When: the server's clock, or ours while sending.
    pub at: UnixMillis,
    /// What.
    pub body: ItemBody,
    /// How far it has got.
    pub delivery: Delivery,
}

/// What a timeline item says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum ItemBody {
    /// Words.
    Text {
        /// Plain text.
        text: String,
    },
    /// Somebody's place in the room changed.
    Member {
        /// Whose.
        name: String,
        /// To what.
        membership: Membership,
        /// Who did it, if it was not themselves.
        by: Option<String>,
    },
    /// The room's name or topic changed.
    RoomChanged {
        /// Its name now.
        name: String,
        /// Its topic now.
        topic: String,
    },
    /// A call rang.
    Call {
        /// Which.
        call: CallId,
        /// Whether it was with video.
        video: bool,
        /// How it ended; absent while it rings or goes on.
        ended: Option<RingEndReason>,
        /// How long it lasted, in milliseconds, when answered.
        #[ts(type = "number | null")]
        duration_ms: Option<u64>,
        /// Whether the reader was called and did not answer.
        missed: bool,
    },
    /// Deleted by its sender or a moderator.
    Deleted,
    /// Of a kind that this version cannot show.
    Unsupported,
}

/// How far an item has got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
#[ts(export)]
pub enum Delivery {
    /// In the outbox.
    Sending,
    /// The server has it.
    Sent,
    /// The server refused it, or it was given up; can be retried or discarded.
    Failed {
        /// Why.
        code: ErrorCode,
        /// To retry or discard it.
        txn: TxnId,
    },
}

/// What changed; the interface asks anew for what it shows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum Update {
    /// Signed in or out, or the profile changed.
    Account,
    /// The connection's state.
    Connection {
        /// Now.
        connection: Connection,
    },
    /// The list of rooms or anything in it.
    Rooms,
    /// The list of people.
    People,
    /// A room's timeline got or changed items.
    Timeline {
        /// Which room.
        room: RoomId,
    },
    /// Who types in a room, without the reader.
    Typing {
        /// Which room.
        room: RoomId,
        /// Shown names.
        names: Vec<String>,
    },
    /// The call's state.
    Call {
        /// Now; absent when there is none.
        call: Option<CallView>,
    },
    /// Something was said in writing in the call.
    CallChat,
    /// A new message that is worth a notification.
    Notify {
        /// Where.
        room: RoomId,
        /// Title: who, and in which room.
        title: String,
        /// The words.
        body: String,
    },
    /// Plain words from the space's owner.
    Announcement {
        /// What they say.
        text: String,
    },
    /// Something went wrong in the background.
    Problem {
        /// What.
        problem: Problem,
    },
}

/// An error as the interface words it: `code` picks the sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{code}: {detail}")]
#[ts(export)]
pub struct Problem {
    /// An [`ErrorCode`] of the server in snake case, or one of the client's: `offline`, `key_changed`, `untrusted` (no pin, and a
    /// certificate that systems do not trust), `bad_link`, `disk_full`, `store_damaged`, `call_failed`, `call_key_changed`, `in_a_call`,
    /// `relay_missing`, `relay_unreachable`, `relay_untrusted`, `relay_refused`, `relay_credential`, `internal`; or
    /// `camera_`, `microphone_` or `speaker_` followed by `not_found`, `busy`, `denied`, `gone`, `unsupported` or `other`.
    pub code: String,
    /// For the log and the curious; English.
    pub detail: String,
}

/// The one call of this device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CallView {
    /// Which call.
    pub call: CallId,
    /// In which room.
    pub room: RoomId,
    /// How it stands.
    pub phase: CallPhase,
    /// Whether the ring was with video.
    pub video: bool,
    /// Who called, while ringing in; who is called, while ringing out.
    pub peer_name: String,
    /// When the first peer connection stood; the timer counts from it.
    pub connected_at: Option<UnixMillis>,
    /// Ourselves.
    pub own: OwnMedia,
    /// The others.
    pub peers: Vec<PeerView>,
    /// Guests who ask to be let in, who asked first first.
    pub knocking: Vec<Knocking>,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CallPhase {
    /// We ring somebody.
    Outgoing,
    /// Somebody rings us.
    Incoming,
    /// Accepted, connecting.
    Connecting,
    /// Media flows.
    Active,
    /// Over; shown for a moment, then the call is absent.
    Ended(CallEnd),
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CallEnd {
    /// We hung up, declined or cancelled.
    Here,
    /// They hung up.
    There,
    /// They declined.
    Declined,
    /// They were in another call.
    Busy,
    /// Nobody answered.
    TimedOut,
    /// The caller gave up.
    Cancelled,
    /// Answered on another device of ours.
    Elsewhere,
    /// The connection was lost for good, or never stood.
    Lost,
}

/// What we send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct OwnMedia {
    /// Whether the microphone is on.
    pub microphone: bool,
    /// Whether the camera is on.
    pub camera: bool,
    /// Whether our voice is heard at the moment.
    pub speaking: bool,
    /// What is wrong with the camera.
    pub camera_problem: Option<Problem>,
    /// What is wrong with the microphone.
    pub microphone_problem: Option<Problem>,
}

/// Somebody else in the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct PeerView {
    /// Their device.
    pub device: DeviceId,
    /// Who.
    pub user: UserId,
    /// Shown name; a guest's is what they call themselves.
    pub name: String,
    /// Whether it is a guest: nobody of the space, and nobody vouches for the name.
    pub guest: bool,
    /// Whether their microphone is on.
    pub microphone: bool,
    /// Whether their camera is on.
    pub camera: bool,
    /// Whether their voice is heard at the moment.
    pub speaking: bool,
    /// Whether media is interrupted.
    pub link: PeerLink,
}

/// How the connection to somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum PeerLink {
    /// Being made.
    Connecting,
    /// Stands.
    Connected,
    /// Interrupted, being mended.
    Reconnecting,
}

/// Cameras, microphones and speakers that can be chosen, and what is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Devices {
    /// Cameras.
    pub cameras: Vec<DeviceOption>,
    /// Microphones.
    pub microphones: Vec<DeviceOption>,
    /// Speakers.
    pub speakers: Vec<DeviceOption>,
    /// The chosen camera's id; absent when there is none.
    pub camera: Option<String>,
    /// The chosen microphone's id.
    pub microphone: Option<String>,
    /// The chosen speaker's id.
    pub speaker: Option<String>,
}

/// A device to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DeviceOption {
    /// Stable; give it back to choose the device.
    pub id: String,
    /// For people; `default`, `pattern` and `tone` are put into words by the interface.
    pub name: String,
}

/// What kind of device is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DeviceKind {
    /// Pictures.
    Camera,
    /// Voice.
    Microphone,
    /// Sound.
    Speaker,
}

/// What the user chose for this device; kept in the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Preferences {
    /// `en`, `zh-CN`; the system's when absent.
    pub language: Option<String>,
    /// `light`, `dark`; the system's when absent.
    pub theme: Option<String>,
    /// Whether notifications are off.
    pub quiet: bool,
    /// Whether calls go through a relay only, so that the others do not learn this network's addresses.
    #[serde(default)]
    pub relay_only: bool,
}

/// What a link leads to. Camel case, as the interface's hand-written types are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkInfo {
    /// The space's name.
    pub space_name: String,
    /// `host:port` at which it answered.
    pub address: String,
    /// Whether the link carries an invitation; without one it only serves to sign in.
    pub invitation: bool,
}

/// Who wants an account. Camel case, as the interface's hand-written types are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    /// 2 to 32 characters of `a-z 0-9 . _ -`.
    pub username: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// 8 to 256 characters.
    pub password: String,
}
