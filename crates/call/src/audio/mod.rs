//! Sound on its way out and in.
//!
//! [`AudioSender`] owns a thread that takes a microphone's blocks through echo cancellation, noise
//! suppression and gain into Opus packets; [`Playout`] owns one that fetches everybody's sound from
//! jitter buffers, mixes it and feeds the speaker. What the second plays is what the first must not hear:
//! that goes from one to the other as the [`FarEnd`], each sample with the time at which it is heard.

mod effort;
mod far_end;
mod limiter;
#[cfg(test)]
mod narrow_tests;
mod packetizer;
mod packets;
mod playout;
mod processing;
mod sender;

pub use far_end::FarEnd;
pub use packetizer::{Made, Packetizer};
pub use packets::{AudioPacket, AudioPackets};
pub use playout::{HeardObserver, Playout, PlayoutStream};
pub use processing::AudioProcessing;
pub use sender::{AudioSender, AudioSettings};

/// How loud somebody is, for a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoundLevel {
    /// 0 (silence) to 1, linear in decibels.
    pub level: f32,
    /// Whether a person speaks.
    pub speaking: bool,
}
