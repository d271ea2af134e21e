//! A call: devices, codecs, peer connections.
//!
//! The only crate that names webrtc, cpal, nokhwa, Opus and libvpx. It has two sides that meet in the
//! engine: the media side turns cameras and microphones into encoded frames and packets, and packets into
//! sound; the network side carries them to the other people of the call. What must be decided about time
//! (jitter buffers, retransmission, the test picture and tone) stands in `snug-media` and is told the
//! time; here is who tells it: [`clock`].
//!
//! It is not a user interface and has no storage: a call's past belongs to `snug-client`.

#![deny(unsafe_code)]

pub mod audio;
pub mod clock;
pub mod codec;
pub mod device;
pub mod engine;
mod frames;
mod peer;
pub mod session;
pub mod stats;
pub mod video;

pub use clock::Clock;
pub use engine::{
    Call, CallConfig, CallError, CallEvent, CallEvents, EndReason, MediaConfig, PeerState, RelayProblem,
    RelayTrust, VideoSource,
};
pub use frames::{TimedFrame, VideoStream};
pub use stats::CallStats;
