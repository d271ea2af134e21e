//! The logic of a call without any network: who is in it, who offers to whom, what is trusted, when it rings.
//!
//! Sans-IO: everything here is told the time and what happened, and answers what is to be done. No webrtc, no
//! socket, no task, no clock; so two sides can be run against each other through a channel that loses,
//! repeats and reorders, thousands of times a second (see `pair_tests`). What is decided here is done by `engine/`
//! and `peer/`.

mod candidates;
mod negotiation;
mod pair;
mod ring;
mod ringing;
mod roster;
mod trust;

#[cfg(test)]
mod pair_tests;
#[cfg(test)]
mod ringing_tests;

pub use candidates::Candidate;
pub use negotiation::{LOST_AFTER, Negotiation};
pub use pair::{Input, Link, Output, PairState, Role};
pub use ring::{RingEvent, RingInput, RingOutput, RingSays, RingState, Rung};
pub use ringing::{RING_FOR, Ringing};
pub use roster::{Roster, RosterChange};
pub use trust::{KeyPins, PairIds, Pin, Refusal, Signer, Verifier};
