//! Adaptive playout of received speech, in the manner of NetEQ.
//!
//! [`JitterBuffer`] holds packets and decides, each time that more sound is needed, what it is made of: a
//! packet, the redundancy in the next one, concealment, comfort noise or silence; and whether to speed up
//! or slow down. [`DelayEstimator`] says how much delay the network's jitter asks for. [`time_stretch`]
//! speeds up and slows down without changing the pitch. [`AudioReceiver`] is the loop around them: it
//! wants a [`Decoder`] and fills blocks of samples.
//!
//! **Packets of any length.** A sender may change from 20 ms to 60 ms and back in the middle of a word, and others
//! mix lengths up to 120 ms. So delays are measured at the *ends* of packets, because a packet leaves when its last
//! sample was spoken: then a longer one that comes later by its length is punctual. How long a lost one was is
//! concluded from the gap that it leaves, and a copy may be shorter than the packet that it is of.
//!
//! There is no codec here. Of an Opus packet only its first bytes are read, which say how long it lasts and
//! whether it holds a copy of the one before. [`Protection`] says how much an encoder puts into copies.
//!
//! **Discontinuous transmission.** A sender in DTX sends nothing for up to 400 ms, and its sequence
//! numbers go on without a gap while its time stamps jump (RFC 7587 §3.1.3). So a jump of the time stamp
//! without one of the sequence number is silence, not loss. A sender should send the *first* packet of
//! two bytes or less that Opus makes when it enters DTX (as Chromium does): then the receiver knows at
//! once, instead of concealing until the next packet tells.

mod cursor;
mod decision;
mod delay;
mod jitter_buffer;
mod loss;
mod merge;
mod opus;
mod protection;
mod receiver;
#[cfg(test)]
mod simulation;
mod stats;
pub mod time_stretch;
#[cfg(test)]
mod trajectories;

pub use decision::{Insert, Playout, Pull, Stretch};
pub use delay::DelayEstimator;
pub use jitter_buffer::JitterBuffer;
pub use opus::{fec_samples, has_fec, is_dtx, packet_samples};
pub use protection::Protection;
pub use receiver::{AudioReceiver, Decoder, DecoderInput};
pub use stats::AudioStats;

/// Samples per second throughout: the RTP clock of Opus (RFC 7587 §4.1) and the rate that we decode at.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of 10 ms: what silence and concealment are handed out in.
pub const BLOCK: usize = 480;
