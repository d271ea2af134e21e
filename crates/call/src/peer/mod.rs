//! One connection to one other device: the only folder that names webrtc.
//!
//! It carries out what [`session`](crate::session) decides about descriptions and candidates, and carries media and control messages. It
//! decides nothing about who offers, when to restart, or what is shown. webrtc gives ICE, DTLS, SRTP, SDP and SCTP;
//! RTP and RTCP are handled here by an interceptor of our own ([`tap`]), because the stock ones ask again for what they have
//! and keep keyframe requests to themselves.
//!
//! A [`Peer`] is a handle on three tasks (control, outbound, inbound), which end when it is dropped. What comes from the other
//! device is untrusted: rubbish is an event, never a panic.

mod addresses;
mod channel;
mod connection;
mod control;
mod departure;
mod description;
mod feedback;
mod inbound;
mod outbound;
mod paths;
mod reception;
mod shared;
mod tap;
mod turn;

pub(crate) use addresses::is_reachable;
pub(crate) use control::{PairKey, Peer, PeerCommand, PeerEvent, PeerGone, PeerId, PeerLinks, PeerSettings};
pub(crate) use departure::HEADERS;
pub(crate) use shared::Counters;
pub use turn::{RelayProblem, RelayTrust};
