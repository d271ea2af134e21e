//! Ways through a TURN relay (RFC 8656) that webrtc does not have by itself: over TCP and TLS, told about when they fail, and without a
//! stall.
//!
//! webrtc's own TURN client does the protocol: allocations, permissions, channels. It speaks UDP alone, and says nothing of a wrong
//! password. So it is given relays by names of ours ([`plan`]), and sockets of ours ([`socket`]) through its slot for a runtime
//! ([`runtime`]): what it sends to a relay over TCP or TLS goes into a stream ([`tunnel`], one for each allocation), what passes to and from
//! any relay is looked at ([`sighting`]), and what came of each relay is kept ([`outcome`]). The same sockets send
//! handshakes once more ([`again`]), with or without a relay. No loopback port that another program
//! could reach, and no second copy of the protocol.
//!
//! What a relay sends is as untrusted as what the other device sends.

mod again;
mod framing;
mod nudge;
mod outcome;
mod plan;
mod runtime;
mod sighting;
mod socket;
mod tunnel;

#[cfg(test)]
mod data_channel_tests;

pub(super) use outcome::RelayNews;
pub use outcome::RelayProblem;
pub(super) use plan::Plan;
pub(super) use runtime::CallRuntime;
pub use tunnel::RelayTrust;
