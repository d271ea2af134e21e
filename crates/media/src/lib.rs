//! Real-time media as pure functions of time.
//!
//! What a call does to sound and pictures between the codec and the network stands here: packets from
//! frames and frames from packets, retransmission, adaptive playout, lip sync, meters, and the test
//! sources that carry their own time.
//!
//! There is no I/O, no clock, no thread, no codec and no peer connection in this crate: whoever calls
//! hands in [`Time`] and bytes, and gets decisions back. That is what lets a minute of a bad call run
//! as a test in a millisecond and fail the same way each time. Devices, libvpx, Opus and webrtc live in
//! `snug-call`.

pub mod allocate;
pub mod assemble;
pub mod audio;
pub mod bwe;
pub mod frame;
pub mod keyframe;
pub mod level;
pub mod nack;
pub mod pacer;
pub mod pattern;
pub mod rtp;
pub mod stats;
pub mod sync;
pub mod time;
pub mod tone;
pub mod units;

pub use assemble::FrameAssembler;
pub use audio::{AudioReceiver, JitterBuffer};
pub use frame::{EncodedFrame, I420, VideoFrame};
pub use keyframe::KeyframeGate;
pub use nack::NackGenerator;
pub use pacer::Pacer;
pub use rtp::{Packet, StreamRewriter};
pub use sync::LipSync;
pub use time::Time;
pub use units::{Bitrate, ClockRate, NtpTime, RtpTime, Seq};
