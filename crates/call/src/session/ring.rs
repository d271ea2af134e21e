//! The words between ringing and the rest: what the person, the log and the call say, and what is to be done.
//!
//! Plain data; what follows from what is [`Ringing`](super::Ringing)'s.

use serde::Serialize;
use snug_protocol::content::{Ring, RingEnd, RingEndReason};
use snug_protocol::{CallId, DeviceId, RoomId, UserId};
use std::time::Duration;

/// Who rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// In which room.
    pub room: RoomId,
    /// For which call.
    pub call: CallId,
    /// Who rings: this person in an outgoing ring.
    pub user: UserId,
    /// Whether the caller's camera is on.
    pub video: bool,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RingState {
    /// No ring and no call.
    Idle,
    /// This device rings others, and already is in the call.
    Outgoing(Rung),
    /// Somebody rings.
    Incoming(Rung),
    /// Answered, by either side.
    InCall(Rung),
}

/// A `call.*` event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingEvent {
    /// In which room.
    pub room: RoomId,
    /// Who sent it.
    pub user: UserId,
    /// From which device.
    pub device: DeviceId,
    /// How long ago, by the server's clock.
    pub age: Duration,
    /// What it says.
    pub what: RingSays,
}

/// What a `call.*` event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingSays {
    /// [`kind::CALL_RING`](snug_protocol::event::kind::CALL_RING).
    Rings {
        /// Its content.
        ring: Ring,
        /// How long it is valid.
        expires_in: Duration,
    },
    /// [`kind::CALL_DECLINE`](snug_protocol::event::kind::CALL_DECLINE).
    Declines(RingEnd),
    /// [`kind::CALL_CANCEL`](snug_protocol::event::kind::CALL_CANCEL).
    Cancels(RingEnd),
    /// [`kind::CALL_END`](snug_protocol::event::kind::CALL_END).
    Ends(RingEnd),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingInput {
    /// The person rings the others of a room.
    Ring {
        /// Which room.
        room: RoomId,
        /// A fresh id.
        call: CallId,
        /// Whether this camera is on.
        video: bool,
        /// How many people are rung; the last one's decline ends it.
        people: usize,
    },
    /// The person enters a call that goes on in a room, without ringing.
    Enter {
        /// Which room.
        room: RoomId,
        /// Which call.
        call: CallId,
        /// Whether this camera is on.
        video: bool,
    },
    /// The person accepts.
    Accept,
    /// The person declines.
    Decline,
    /// The person hangs up, or gives up ringing.
    HangUp,
    /// The log says.
    Event(RingEvent),
    /// The server says who is in a call ([`ServerSignal::CallState`](snug_protocol::signal::ServerSignal::CallState)).
    People {
        /// Which call.
        call: CallId,
        /// Who is in it.
        people: Vec<UserId>,
    },
    /// The call engine says that another device is in the call.
    PeerJoined {
        /// Which call.
        call: CallId,
    },
    /// The call engine says that the call is over by itself: the others left, or are lost.
    CallEnded {
        /// Which call.
        call: CallId,
        /// Whether the connection was lost, so that nobody said that it is over.
        lost: bool,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingOutput {
    /// Put a [`kind::CALL_RING`](snug_protocol::event::kind::CALL_RING) into the log.
    SendRing {
        /// Of which room.
        room: RoomId,
        /// Its content.
        ring: Ring,
        /// How long it is valid.
        expires_in: Duration,
    },
    /// Put a decline, cancel or end into the log.
    SendEnd {
        /// Of which room.
        room: RoomId,
        /// One of [`kind`](snug_protocol::event::kind)'s `CALL_…`.
        kind: &'static str,
        /// Its content.
        end: RingEnd,
    },
    /// Be in this call from now on.
    JoinCall(Rung),
    /// Be in it no more.
    LeaveCall(CallId),
    /// The state changed. Sound follows from it: a tone while outgoing, a bell while incoming.
    State(RingState),
    /// Somebody rang, and nobody here answered.
    Missed(Rung),
    /// A ring of ours, or a call, is over.
    Over {
        /// Which.
        rung: Rung,
        /// Why.
        reason: RingEndReason,
        /// How long it was answered.
        duration: Option<Duration>,
    },
}
