//! Rooms and their members.

use crate::{RoomId, UnixMillis, UserId};
use serde::{Deserialize, Serialize};

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RoomKind {
    /// A room with a name.
    Room,
    /// Two people; shown under the other one's name.
    Direct,
}

/// What a member may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RoomRole {
    /// Talk, call, invite.
    Member,
    /// Also delete others' messages and remove members.
    Moderator,
    /// Also name moderators and change the room.
    Owner,
}

/// What of a room's past a new member sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryVisibility {
    /// Everything.
    #[default]
    Shared,
    /// What happened while they were members.
    Joined,
}

/// `POST /api/v1/rooms`. The maker becomes its owner. A repeat of `txn` gets the first answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRoom {
    /// Unique per device.
    pub txn: crate::TxnId,
    /// 1 to 80 characters.
    pub name: String,
    /// At most 500 characters.
    #[serde(default)]
    pub topic: String,
    /// What of the past a new member sees.
    #[serde(default)]
    pub history: HistoryVisibility,
}

/// `POST /api/v1/rooms/direct`: the direct room with a person, made if there is none. Always the same room for the same two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDirect {
    /// The other person.
    pub user: UserId,
}

/// `PATCH /api/v1/rooms/{id}`, owner and moderators.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateRoom {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What of the past new members see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryVisibility>,
}

/// A room as one of its members, or a person invited to it, sees it. `GET /api/v1/rooms` gives all of theirs,
/// `GET /api/v1/rooms/{id}` one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// Empty for a direct room.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// What of the past new members see.
    pub history: HistoryVisibility,
    /// Members and invited people.
    pub members: Vec<Member>,
    /// The `seq` up to which the asking person has read.
    pub read_up_to: u64,
    /// The `seq` of its newest event that the asking person may see; 0 when there is none.
    pub last_seq: u64,
    /// For group keys: raised by an event with `expected_epoch`.
    pub epoch: u64,
}

/// A person's place in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: RoomRole,
    /// Whether they are in.
    pub membership: Membership,
}

/// Whether a person is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Membership {
    /// Asked in, has not answered.
    Invited,
    /// In.
    Joined,
    /// Went, or declined.
    Left,
    /// Was removed.
    Kicked,
}

/// `POST /api/v1/rooms/{id}/invite`, members. `POST …/join` and `POST …/leave` have no body; leaving while invited declines.
/// `join` answers the [`Room`]; invite, leave, kick, role and read answer 204 without a body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// Who to ask in.
    pub user: UserId,
}

/// `POST /api/v1/rooms/{id}/kick`, moderators and the owner, of people below their own role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kick {
    /// Who to remove.
    pub user: UserId,
}

/// `PUT /api/v1/rooms/{id}/role`, owner only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetRole {
    /// Whose.
    pub user: UserId,
    /// Their new role; never [`RoomRole::Owner`].
    pub role: RoomRole,
}

/// `PUT /api/v1/rooms/{id}/read`: the reader's marker, which only moves forward.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadUpTo {
    /// The newest `seq` read.
    pub seq: u64,
}

/// The query of `GET /api/v1/rooms/{id}/events`: the page of events before `before` (from the newest when absent), newest last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Exclusive upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// 1 to 200, 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Oldest first.
    pub events: Vec<crate::event::Event>,
    /// Whether there is nothing before the first of them that the asking person may see.
    pub at_start: bool,
}

/// Content of [`kind::ROOM_MEMBER`](crate::event::kind::ROOM_MEMBER), written by the server, on the room's topic and on the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    /// The room; the one of the topic, repeated because the event also goes to the user's own topic.
    pub room: RoomId,
    /// Whose place changed.
    pub user: UserId,
    /// To what.
    pub membership: Membership,
    /// As what.
    pub role: RoomRole,
    /// Who did it.
    pub by: UserId,
}

/// Content of [`kind::ROOM_UPDATE`](crate::event::kind::ROOM_UPDATE), written by the server: the new values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomUpdate {
    /// The name.
    pub name: String,
    /// The topic.
    pub topic: String,
    /// What of the past new members see.
    pub history: HistoryVisibility,
}

/// Content of [`kind::READ`](crate::event::kind::READ), on the reader's own topic, so that their other devices follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMarker {
    /// The room.
    pub room: RoomId,
    /// Read up to here.
    pub seq: u64,
    /// When.
    pub at: UnixMillis,
}
