//! The playout of one remote person: packets in, blocks of samples out.
//!
//! A thin loop around [`JitterBuffer`]: pull, decode, maybe stretch. One of these per peer; mixing, clock
//! drift and the sound card are the caller's.

use super::decision::{Insert, Playout, Stretch};
use super::jitter_buffer::JitterBuffer;
use super::merge::Past;
use super::opus::{MAX_SAMPLES, fec_samples, has_padding};
use super::stats::AudioStats;
use super::{BLOCK, time_stretch};
use crate::time::Time;
use crate::units::{RtpTime, Seq};
use bytes::Bytes;
use std::time::Duration;

/// What a decoder is to make sound of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecoderInput<'a> {
    /// A packet.
    Packet(&'a [u8]),
    /// The copy of what was right before this packet, `samples` long (for libopus `decode_fec = 1`).
    Fec {
        /// The packet after the lost one.
        packet: &'a [u8],
        /// How much to make: as long as the copy, see [`super::fec_samples`].
        samples: usize,
    },
    /// What the deep redundancy in this packet tells of an earlier one.
    Dred {
        /// A packet after the lost one.
        packet: &'a [u8],
        /// How many samples before the packet it begins.
        back: usize,
        /// How much to make: a multiple of 2.5 ms.
        samples: usize,
    },
    /// Nothing came: go on plausibly (for libopus no data). In DTX that is comfort noise.
    Conceal {
        /// How much to make: a multiple of 2.5 ms.
        samples: usize,
    },
}

/// A mono decoder at 48 kHz, with its state between packets.
pub trait Decoder {
    /// What it says when a packet is rubbish.
    type Error: std::fmt::Display;

    /// Writes samples to the front of `out`, which holds 120 ms, and says how many.
    fn decode(&mut self, input: DecoderInput<'_>, out: &mut [f32]) -> Result<usize, Self::Error>;

    /// How many samples before its own the deep redundancy in a packet goes back; 0 when it has none.
    fn dred_reach(&mut self, packet: &[u8]) -> usize;
}

/// Receives one audio stream.
#[derive(Debug)]
pub struct AudioReceiver<D> {
    buffer: JitterBuffer,
    decoder: D,
    /// Decoded and not yet handed out; less than two packets.
    unplayed: Vec<f32>,
    past: Past,
    scratch: Vec<f32>,
    decoder_errors: u64,
}

impl<D: Decoder> AudioReceiver<D> {
    /// A receiver with a decoder of its own.
    pub fn new(decoder: D) -> AudioReceiver<D> {
        AudioReceiver {
            buffer: JitterBuffer::new(),
            decoder,
            unplayed: Vec::new(),
            past: Past::new(),
            scratch: vec![0.0; MAX_SAMPLES as usize],
            decoder_errors: 0,
        }
    }

    /// Takes a packet that arrived.
    pub fn insert(&mut self, now: Time, seq: Seq, rtp_time: RtpTime, payload: Bytes) -> Insert {
        let dred = if has_padding(&payload) { self.decoder.dred_reach(&payload) } else { 0 };
        self.buffer.insert(now, seq, rtp_time, payload, dred)
    }

    /// Fills a block (usually 10 ms) that begins to be played now, and always fills all of it.
    pub fn fill(&mut self, now: Time, out: &mut [f32]) {
        while self.unplayed.len() < out.len() {
            self.pull(now);
        }
        out.copy_from_slice(&self.unplayed[..out.len()]);
        self.unplayed.drain(..out.len());
    }

    fn pull(&mut self, now: Time) {
        let pull = self.buffer.pull(now, self.unplayed.len());
        let before = self.unplayed.len();
        match pull.playout {
            Playout::Packet { payload, samples, skipped } => {
                self.decode(DecoderInput::Packet(&payload), samples);
                if skipped {
                    self.past.lead_to(&mut self.unplayed[before..]);
                }
            }
            Playout::Fec { packet, samples } => self.decode_fec(&packet, samples),
            Playout::Dred { packet, back, samples } => {
                self.decode(DecoderInput::Dred { packet: &packet, back, samples }, samples);
            }
            Playout::Conceal { samples } | Playout::ComfortNoise { samples } => {
                self.decode(DecoderInput::Conceal { samples }, samples);
            }
            Playout::Silence { samples } => self.unplayed.resize(before + samples, 0.0),
        }
        self.past.push(&self.unplayed[before..]);
        match pull.stretch {
            Stretch::Keep => {}
            Stretch::Accelerate { urgent } => {
                self.buffer.removed(time_stretch::accelerate(&mut self.unplayed, urgent));
            }
            Stretch::Expand => self.buffer.inserted(time_stretch::expand(&mut self.unplayed)),
        }
    }

    /// Appends the copy of what was lost. It can be had only whole: where its beginning was concealed already, the
    /// rest goes on at the place that fits best.
    fn decode_fec(&mut self, packet: &[u8], samples: usize) {
        let before = self.unplayed.len();
        let whole = samples.max(fec_samples(packet) as usize);
        self.decode(DecoderInput::Fec { packet, samples: whole }, whole);
        let begin = (self.unplayed.len() - before).saturating_sub(samples);
        if begin > 0 {
            let begin = self.past.best_join(&self.unplayed[before..], begin);
            self.unplayed.drain(before..before + begin);
            self.past.lead_to(&mut self.unplayed[before..]);
        }
    }

    /// Appends what the decoder makes, or as much silence as was expected of it.
    fn decode(&mut self, input: DecoderInput<'_>, expected: usize) {
        match self.decoder.decode(input, &mut self.scratch) {
            Ok(samples) if (1..=self.scratch.len()).contains(&samples) => {
                self.unplayed.extend_from_slice(&self.scratch[..samples]);
            }
            Ok(_) => self.unplayed.resize(self.unplayed.len() + expected.max(BLOCK), 0.0),
            Err(error) => {
                self.decoder_errors += 1;
                tracing::debug!(%error, "an audio packet did not decode");
                self.unplayed.resize(self.unplayed.len() + expected.max(BLOCK), 0.0);
            }
        }
    }

    /// The RTP time of the sample that the next [`AudioReceiver::fill`] begins with, while the sender is
    /// heard: what [`crate::LipSync::audio_heard`] wants.
    pub fn playing(&self) -> Option<RtpTime> {
        self.buffer.playing(self.unplayed.len())
    }

    /// Totals for webrtc-stats.
    pub fn stats(&self) -> AudioStats {
        self.buffer.stats()
    }

    /// The delay that playout aims at.
    pub fn target_delay(&self) -> Duration {
        self.buffer.target_delay()
    }

    /// The delay of the packet played last, against the fastest.
    pub fn current_delay(&self) -> Duration {
        self.buffer.current_delay()
    }

    /// The decoder, to configure it.
    pub fn decoder_mut(&mut self) -> &mut D {
        &mut self.decoder
    }

    /// Packets that the decoder refused.
    pub fn decoder_errors(&self) -> u64 {
        self.decoder_errors
    }
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
