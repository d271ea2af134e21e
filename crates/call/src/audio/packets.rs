//! Encoded voice on its way to the peers.

use bytes::Bytes;
use snug_media::{RtpTime, Time};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Packets that a reader may be behind: 320 ms of the shortest, after which the oldest are of no use to anybody.
pub(super) const BACKLOG: usize = 16;

/// 20, 40 or 60 ms of Opus.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioPacket {
    /// Of its first sample. Jumps over silence that was not sent, and over time without a microphone.
    pub rtp_time: RtpTime,
    /// The Opus packet.
    pub payload: Bytes,
    /// How loud, for the eye: 0…1 as in [`super::SoundLevel`].
    pub level: f32,
    /// The level as RFC 6464 carries it: 0 (loudest) to 127 (silence).
    pub audio_level: u8,
    /// Whether a person speaks.
    pub voice: bool,
    /// When its first sample was spoken.
    pub captured_at: Time,
}

/// The packets that an [`super::AudioSender`] makes. A reader that falls behind loses the oldest.
pub struct AudioPackets {
    pub(super) packets: broadcast::Receiver<AudioPacket>,
}

impl AudioPackets {
    /// A second reader, which begins with the next packet that is made.
    pub fn another(&self) -> AudioPackets {
        AudioPackets { packets: self.packets.resubscribe() }
    }

    /// The next packet; nothing when the sender is gone. May be dropped while waiting without losing one.
    pub async fn next(&mut self) -> Option<AudioPacket> {
        loop {
            match self.packets.recv().await {
                Ok(packet) => return Some(packet),
                Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "sound packets left out"),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
