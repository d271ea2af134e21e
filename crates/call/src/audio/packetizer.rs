//! Blocks of 10 ms to packets of 20 to 60, and what RTP time they have.
//!
//! The length follows the network during a call. A packet of 60 ms comes 40 ms later than one of 20 would, and a
//! listener whose buffer is one packet deep has not that much: so packets grow by 20 ms at a time, and at each length
//! stay for a second, in which the listener slows down unheard. They shrink at once.

use crate::codec::CodecError;
use crate::codec::opus::FRAME;
use crate::device::Block;
use bytes::Bytes;
use snug_media::audio::is_dtx;
use snug_media::level::audio_level;
use snug_media::{ClockRate, RtpTime, Time};
use std::time::Duration;

/// When sound comes so much later than its count says, it is not jitter: time without sound has passed.
const GAP: Duration = Duration::from_millis(60);
/// Longer packets save no headers worth their delay.
const LONGEST: usize = 3 * FRAME;
/// Packets grow no sooner than after so many samples at one length: a second.
const HOLD: usize = 48_000;

/// Joins blocks to packets and gives them their RTP time.
pub struct Packetizer {
    frame: Vec<f32>,
    /// Samples in the packet that is being filled, and in those that are wanted.
    length: usize,
    wanted: usize,
    /// Samples packed at this length.
    held: usize,
    /// When the frame's first sample was spoken.
    begins: Option<Time>,
    /// RTP time that the next packet has if nothing is missing, and the moment that this stands for.
    counted: Option<(RtpTime, Time)>,
    /// Whether the receivers know that nothing is said.
    quiet: bool,
}

/// A packet and what is known of it.
pub struct Made {
    /// Of its first sample.
    pub rtp_time: RtpTime,
    /// The Opus packet.
    pub payload: Bytes,
    /// As RFC 6464 carries it: 0 (loudest) to 127 (silence).
    pub audio_level: u8,
    /// When its first sample was spoken.
    pub captured_at: Time,
}

impl Default for Packetizer {
    fn default() -> Packetizer {
        Packetizer::new()
    }
}

impl Packetizer {
    /// One at the beginning of a stream, whose packets are of 20 ms.
    pub fn new() -> Packetizer {
        Packetizer {
            frame: Vec::with_capacity(LONGEST),
            length: FRAME,
            wanted: FRAME,
            held: 0,
            begins: None,
            counted: None,
            quiet: false,
        }
    }

    /// Aims at packets of this length: 20, 40 or 60 ms, or what is next to it.
    pub fn set_packet_time(&mut self, packet_time: Duration) {
        let frames = ClockRate::AUDIO.ticks(packet_time) as usize / FRAME;
        self.wanted = (frames * FRAME).clamp(FRAME, LONGEST);
    }

    /// How long the packet is that is being filled, or the next one when none is.
    pub fn packet_time(&self) -> Duration {
        ClockRate::AUDIO.duration(self.length as u64)
    }

    /// The length of the packet after one that was completed.
    fn advance(&mut self) {
        self.held += self.length;
        let next = match self.wanted {
            longer if longer > self.length && self.held >= HOLD => self.length + FRAME,
            wanted => wanted.min(self.length),
        };
        if next != self.length {
            (self.length, self.held) = (next, 0);
        }
    }

    /// Takes a block; gives a packet when it completes one that is worth sending. Errors are the encoder's.
    pub fn push(
        &mut self,
        block: &Block,
        captured_at: Time,
        encode: impl FnOnce(&[f32]) -> Result<Bytes, CodecError>,
    ) -> Result<Option<Made>, CodecError> {
        let begins = *self.begins.get_or_insert(captured_at);
        self.frame.extend_from_slice(block);
        if self.frame.len() < self.length {
            return Ok(None);
        }
        self.begins = None;
        let rtp_time = self.stamp(begins);
        let (encoded, audio_level) = (encode(&self.frame), audio_level(&self.frame));
        self.frame.clear();
        self.advance();
        let payload = encoded?;
        // The first packet of silence is sent, because it says that silence begins.
        let quiet = is_dtx(&payload);
        if std::mem::replace(&mut self.quiet, quiet) && quiet {
            return Ok(None);
        }
        Ok(Some(Made { rtp_time, payload, audio_level, captured_at: begins }))
    }

    /// RTP time counts samples, so that it is even; where time passed without any, it jumps.
    fn stamp(&mut self, begins: Time) -> RtpTime {
        let by_clock = RtpTime::at(begins.since(Time::ZERO), ClockRate::AUDIO);
        let (rtp_time, expected) = self.counted.unwrap_or((by_clock, begins));
        let late = begins.since(expected);
        let (rtp_time, expected) = if late > GAP {
            (rtp_time.add(ClockRate::AUDIO.ticks(late) as u32), begins)
        } else {
            // Cards drift against the clock: the expectation follows slowly, the count stays.
            let off = begins.micros_from(expected);
            (rtp_time, expected.shifted(off / 32))
        };
        self.counted = Some((rtp_time.add(self.length as u32), expected + self.packet_time()));
        rtp_time
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device::BLOCK;

    fn at(millis: u64) -> Time {
        Time::from_millis(20_000 + millis)
    }

    fn voice(_: &[f32]) -> Result<Bytes, CodecError> {
        Ok(Bytes::from_static(&[1; 60]))
    }

    #[test]
    fn time_stamps_count_samples_whatever_the_card_says_and_jump_over_gaps() {
        let mut packetizer = Packetizer::new();
        let mut stamps = Vec::new();
        for number in 0..200_u64 {
            let gap = if number < 100 { 0 } else { 500 };
            let jitter = number * 7 % 12;
            let made = packetizer.push(&[0.1; BLOCK], at(number * 10 + jitter + gap), voice).unwrap();
            assert_eq!(made.is_some(), number % 2 == 1);
            stamps.extend(made.map(|made| made.rtp_time));
        }
        let steps: Vec<i32> = stamps.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(steps[..49].iter().chain(&steps[50..]).all(|&step| step == 960), "{steps:?}");
        let gap = steps[49] - 960;
        assert!((gap - 24_000).abs() < 960, "half a second without sound: {gap}");
    }

    #[test]
    fn drift_of_a_card_is_not_taken_for_a_gap() {
        let mut packetizer = Packetizer::new();
        let mut last: Option<RtpTime> = None;
        for number in 0..60_000_u64 {
            // 500 ppm slow: 300 ms in ten minutes.
            let spoken = at(0) + Duration::from_micros(number * 10_005);
            if let Some(made) = packetizer.push(&[0.1; BLOCK], spoken, voice).unwrap() {
                assert!(last.is_none_or(|last| made.rtp_time.since(last) == 960));
                last = Some(made.rtp_time);
            }
        }
    }

    #[test]
    fn of_silence_the_first_packet_is_sent_and_then_none() {
        let mut packetizer = Packetizer::new();
        let mut sent = Vec::new();
        for packet in 0..20_u64 {
            let silent = (5..15).contains(&packet);
            for half in 0..2 {
                let payload = if silent { Bytes::from_static(&[8]) } else { Bytes::from_static(&[1; 50]) };
                let spoken = at(packet * 20 + half * 10);
                if packetizer.push(&[0.0; BLOCK], spoken, |_| Ok(payload)).unwrap().is_some() {
                    sent.push(packet);
                }
            }
        }
        assert_eq!(sent, [0, 1, 2, 3, 4, 5, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn packets_grow_by_20_ms_a_second_and_shrink_at_once_and_their_stamps_stay_one_count() {
        let mut packetizer = Packetizer::new();
        let (mut lengths, mut expected): (Vec<(u64, u64)>, Option<RtpTime>) = (Vec::new(), None);
        for number in 0..1000_u64 {
            match number {
                201 => packetizer.set_packet_time(Duration::from_millis(60)),
                701 => packetizer.set_packet_time(Duration::from_millis(20)),
                _ => {}
            }
            let Some(made) = packetizer.push(&[0.1; BLOCK], at(number * 10), voice_of_length).unwrap() else {
                continue;
            };
            let samples = u64::from(made.payload[0]) * BLOCK as u64;
            assert_eq!(made.rtp_time, expected.unwrap_or(made.rtp_time), "block {number}");
            assert_eq!(made.captured_at, at((number + 1) * 10 - samples / 48));
            expected = Some(made.rtp_time.add(samples as u32));
            match lengths.last_mut() {
                Some((length, count)) if *length == samples / 48 => *count += 1,
                _ => lengths.push((samples / 48, 1)),
            }
        }
        // The change comes with the packet after the one that is being filled; 40 ms last for a second.
        assert_eq!(lengths, [(20, 101), (40, 25), (60, 67), (20, 148)], "(ms, packets)");
    }

    fn voice_of_length(samples: &[f32]) -> Result<Bytes, CodecError> {
        Ok(Bytes::from(vec![(samples.len() / BLOCK) as u8; 60]))
    }

    #[test]
    fn a_length_that_opus_has_not_is_the_next_one_below() {
        let mut packetizer = Packetizer::new();
        for (asked, wanted) in [(0, 20), (30, 20), (40, 40), (59, 40), (1000, 60)] {
            packetizer.set_packet_time(Duration::from_millis(asked));
            assert_eq!(packetizer.wanted, wanted * 48, "{asked} ms");
        }
    }
}
