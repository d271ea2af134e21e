//! The event log: what is durable, in order, with one row for each event however many read it.

use crate::{Content, DeviceId, RoomId, TxnId, UnixMillis, UserId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The kinds of events. Strings and not an enum, because a client stores kinds that it does not know.
pub mod kind {
    /// Somebody said something; content is a [`Message`](crate::content::Message).
    pub const MESSAGE: &str = "message";
    /// `target` is replaced by this content; only its sender may.
    pub const EDIT: &str = "edit";
    /// `target` is deleted and its content blanked; its sender, moderators and the owner may.
    pub const DELETE: &str = "delete";
    /// A reaction to `target`.
    pub const REACTION: &str = "reaction";
    /// Server: somebody's place in a room changed; content is a [`MemberChange`](crate::room::MemberChange).
    pub const ROOM_MEMBER: &str = "room.member";
    /// Server: a room's name, topic or history visibility changed; content is a [`RoomUpdate`](crate::room::RoomUpdate).
    pub const ROOM_UPDATE: &str = "room.update";
    /// Server, on the reader's own topic: content is a [`ReadMarker`](crate::room::ReadMarker).
    pub const READ: &str = "read";
    /// Server, to everybody in the space: a person came or changed; content is a [`User`](crate::account::User).
    pub const USER: &str = "user";
    /// Server, to everybody in the space, by its owner: plain text in UTF-8. On the event stream it has no name and is not JSON.
    pub const ANNOUNCEMENT: &str = "announcement";
    /// A call rings; `expires_in_ms` is set; content is a [`Ring`](crate::content::Ring).
    pub const CALL_RING: &str = "call.ring";
    /// The callee says no or is busy; content is a [`RingEnd`](crate::content::RingEnd).
    pub const CALL_DECLINE: &str = "call.decline";
    /// The caller gives up before an answer; content is a [`RingEnd`](crate::content::RingEnd).
    pub const CALL_CANCEL: &str = "call.cancel";
    /// A call that was answered is over; content is a [`RingEnd`](crate::content::RingEnd).
    pub const CALL_END: &str = "call.end";
    /// Not in the log: the cursor is from another generation or from the future. Fetch everything anew. Its `data:` is `{}`.
    pub const GAP: &str = "gap";

    /// The kinds that a client may send; the others are the server's own.
    pub const SENDABLE: &[&str] =
        &[MESSAGE, EDIT, DELETE, REACTION, CALL_RING, CALL_DECLINE, CALL_CANCEL, CALL_END];
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Members of a room.
    Room(RoomId),
    /// One person, on all their devices.
    User(UserId),
    /// One device.
    Device(DeviceId),
    /// Everybody with an account.
    Space,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(id) => write!(f, "room:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Space => f.write_str("space"),
        }
    }
}

/// A text that is not a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a topic")]
pub struct BadTopic;

impl FromStr for Topic {
    type Err = BadTopic;
    fn from_str(s: &str) -> Result<Self, BadTopic> {
        if s == "space" {
            return Ok(Self::Space);
        }
        let (scope, id) = s.split_once(':').ok_or(BadTopic)?;
        match scope {
            "room" => id.parse().map(Self::Room).map_err(|_| BadTopic),
            "user" => id.parse().map(Self::User).map_err(|_| BadTopic),
            "device" => id.parse().map(Self::Device).map_err(|_| BadTopic),
            _ => Err(BadTopic),
        }
    }
}

impl Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One row of the log, as the event stream's `data:` and as history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log; strictly increasing in the order of commits.
    pub seq: u64,
    /// Whom it concerns.
    pub topic: Topic,
    /// What it is: see [`kind`].
    pub kind: String,
    /// Who sent it; absent when the server did by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<UserId>,
    /// From which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The sender's transaction id; given back to every device of the sender, so that the local echo is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<TxnId>,
    /// The sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_time: Option<UnixMillis>,
    /// The server's clock.
    pub server_time: UnixMillis,
    /// The event that this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// People that this event calls by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// From `server_time` on, how long it means something; only rings have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// The room's epoch after this event.
    #[serde(default)]
    pub epoch: u64,
    /// What only clients read; empty after a deletion.
    pub content: Content,
}

/// `POST /api/v1/rooms/{id}/events`.
///
/// A repeat of `txn` from the same device gets the first answer, and [`ErrorCode::TxnConflict`](crate::ErrorCode) if its body differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Unique per device.
    pub txn: TxnId,
    /// One of [`kind::SENDABLE`].
    pub kind: String,
    /// The sender's clock.
    pub client_time: UnixMillis,
    /// Required for edits, deletions and reactions; an event of the same room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// At most 50 members of the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Required for rings: 1 000 to 120 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// When given, the event is refused unless the room's epoch is this, and raises it by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_epoch: Option<u64>,
    /// At most [`MAX_CONTENT_BYTES`](crate::MAX_CONTENT_BYTES).
    pub content: Content,
}

/// The answer to [`NewEvent`]: it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its place in the log.
    pub seq: u64,
    /// The server's clock.
    pub server_time: UnixMillis,
}
