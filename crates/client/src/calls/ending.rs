//! Why a call is over, in the words that its person is shown.

use crate::view::CallEnd;
use snug_call::session::{RingEvent, RingInput, RingOutput, RingSays};
use snug_protocol::content::RingEndReason;

/// What brought the change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The person here.
    Here,
    /// The clock.
    Clock,
    /// The caller took the ring back.
    Cancelled,
    /// Somebody ended the call for all.
    Ended,
    /// Another device of this person answered or declined.
    Elsewhere,
    /// The others went.
    Left,
    /// The connection is gone, or never stood.
    Lost,
}

impl Cause {
    pub(super) fn of(input: &RingInput) -> Self {
        match input {
            RingInput::Event(RingEvent { what, .. }) => match what {
                RingSays::Cancels(_) => Self::Cancelled,
                RingSays::Ends(_) => Self::Ended,
                RingSays::Declines(_) | RingSays::Rings { .. } => Self::Elsewhere,
            },
            RingInput::People { people, .. } if people.is_empty() => Self::Cancelled,
            RingInput::People { .. } => Self::Elsewhere,
            RingInput::CallEnded { lost: true, .. } => Self::Lost,
            RingInput::CallEnded { lost: false, .. } => Self::Left,
            _ => Self::Here,
        }
    }
}

/// What to show of a ring or call that is over.
pub(super) fn end_of(cause: Cause, outputs: &[RingOutput]) -> CallEnd {
    let over = outputs.iter().find_map(|output| match output {
        RingOutput::Over { reason, .. } => Some(*reason),
        _ => None,
    });
    match (over, cause) {
        (Some(RingEndReason::Declined), _) => CallEnd::Declined,
        (Some(RingEndReason::Busy), _) => CallEnd::Busy,
        (Some(RingEndReason::TimedOut), _) | (None, Cause::Clock) => CallEnd::TimedOut,
        (_, Cause::Lost) => CallEnd::Lost,
        (_, Cause::Here | Cause::Clock) => CallEnd::Here,
        (Some(RingEndReason::Cancelled | RingEndReason::HungUp), _) => CallEnd::There,
        (None, Cause::Cancelled) => CallEnd::Cancelled,
        (None, Cause::Ended | Cause::Left) => CallEnd::There,
        (None, Cause::Elsewhere) => CallEnd::Elsewhere,
    }
}
