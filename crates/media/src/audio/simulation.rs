//! Calls under a virtual clock for the tests of this folder: who speaks, what the network does, who listens.
//!
//! Instead of Opus a packet carries the number of its first sample, and decodes to a piece of one long sine.

use super::{AudioReceiver, BLOCK, Decoder, DecoderInput, Insert, packet_samples};
use crate::time::Time;
use crate::units::{RtpTime, Seq};
use bytes::Bytes;
use std::f32::consts::TAU;
use std::time::Duration;

/// What each packet tells of those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Copies {
    None,
    Fec,
    FecAndDred,
}

/// The network: packets keep their order unless `reorder`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    pub(super) loss: f64,
    /// Delay varies from 0 to this, in ms.
    pub(super) jitter: f64,
    /// Nothing comes out for so many ms, each three seconds.
    pub(super) spike: u64,
    /// Every so manieth packet comes twice, and 50 ms later than the others.
    pub(super) reorder: u64,
}

pub(super) const CLEAN: Network = Network { loss: 0.0, jitter: 0.0, spike: 0, reorder: 0 };

/// The speaker: cards against the listener's clock, and whether silence is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) copies: Copies,
    pub(super) drift_ppm: f64,
    /// Of each four seconds the last two are silent and not sent.
    pub(super) dtx: bool,
    /// How many frames of 20 ms go into the packet that begins at this frame.
    pub(super) frames: fn(u64) -> u64,
}

pub(super) const SPEAKER: Speaker =
    Speaker { copies: Copies::None, drift_ppm: 0.0, dtx: false, frames: |_| 1 };

/// Deterministic chance (xorshift64*): uniform in 0…1.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A decoder that knows what was spoken.
#[derive(Debug, Default)]
pub(super) struct Sine {
    next: u64,
    dred: usize,
}

impl Sine {
    /// One whose packets tell of so many samples before them.
    pub(super) fn with_dred(dred: usize) -> Sine {
        Sine { next: 0, dred }
    }
}

pub(super) fn spoken(sample: u64) -> f32 {
    0.3 * ((sample % 240) as f32 / 240.0 * TAU).sin()
}

/// A padded packet of hybrid frames, so that it may have DRED.
pub(super) fn packet(first_sample: u64, frames: u8, fec: bool) -> Bytes {
    let mut bytes = vec![0x7b, 0x40 | frames, 0, if fec { 0x40 } else { 0 }];
    bytes.extend(first_sample.to_be_bytes());
    Bytes::from(bytes)
}

impl Decoder for Sine {
    type Error = &'static str;

    fn decode(&mut self, input: DecoderInput<'_>, out: &mut [f32]) -> Result<usize, &'static str> {
        let first = |packet: &[u8]| {
            let number = packet.get(4..).and_then(|number| number.try_into().ok());
            number.map(u64::from_be_bytes).ok_or("not a packet")
        };
        let (from, samples) = match input {
            DecoderInput::Packet(packet) => {
                (first(packet)?, packet_samples(packet).unwrap_or_default() as usize)
            }
            DecoderInput::Fec { packet, samples } => (first(packet)?.wrapping_sub(samples as u64), samples),
            DecoderInput::Dred { packet, back, samples } => {
                (first(packet)?.wrapping_sub(back as u64), samples)
            }
            DecoderInput::Conceal { samples } => (self.next, samples),
        };
        for (number, out) in (0..).zip(out.iter_mut().take(samples)) {
            *out = spoken(from.wrapping_add(number));
        }
        self.next = from.wrapping_add(samples as u64);
        Ok(samples)
    }

    fn dred_reach(&mut self, _: &[u8]) -> usize {
        self.dred
    }
}

/// What the listener had every five seconds: ms of target and of delay, and thousandths concealed since.
pub(super) struct Course {
    pub(super) lines: String,
    pub(super) receiver: AudioReceiver<Sine>,
    pub(super) largest_delay: Duration,
}

/// A call of this many seconds.
pub(super) fn call(speaker: Speaker, network: Network, seconds: u64) -> Course {
    let dred = if speaker.copies == Copies::FecAndDred { 24_000 } else { 0 };
    let mut receiver = AudioReceiver::new(Sine::with_dred(dred));
    let mut way = Way::new(speaker, network);
    let (mut lines, mut largest_delay) = (String::new(), Duration::ZERO);
    let (mut told, mut block) = ((0, 0), [0.0; BLOCK]);
    for tick in 0..seconds * 100 {
        let now = Time::from_millis(10_000 + tick * 10);
        way.deliver(now, &mut receiver);
        receiver.fill(now, &mut block);
        if tick > 500 {
            largest_delay = largest_delay.max(receiver.current_delay());
        }
        if tick % 500 == 499 {
            let stats = receiver.stats();
            let (all, made_up) = (stats.total_samples_received - told.0, stats.concealed_samples - told.1);
            told = (stats.total_samples_received, stats.concealed_samples);
            lines += &format!(
                "{:>3} s: target {:>3} ms, delay {:>3} ms, concealed {:>3}\n",
                (tick + 1) / 100,
                receiver.target_delay().as_millis(),
                receiver.current_delay().as_millis(),
                made_up * 1000 / all.max(1),
            );
        }
    }
    Course { lines, receiver, largest_delay }
}

/// A packet on its way: when it arrives, in µs, and what it is.
type UnderWay = (u64, Seq, RtpTime, Bytes);

/// The sending half and the network.
struct Way {
    speaker: Speaker,
    network: Network,
    chance: Chance,
    /// The frame that is spoken next, the sequence number of its packet, and whether nothing was said before.
    frame: u64,
    seq: u16,
    quiet: bool,
    under_way: Vec<UnderWay>,
    last_arrival: u64,
}

impl Way {
    fn new(speaker: Speaker, network: Network) -> Way {
        let chance = Chance(0x9e37_79b9_7f4a_7c15);
        Way {
            speaker,
            network,
            chance,
            frame: 0,
            seq: 65_000,
            quiet: false,
            under_way: Vec::new(),
            last_arrival: 0,
        }
    }

    fn deliver(&mut self, now: Time, receiver: &mut AudioReceiver<Sine>) {
        loop {
            // A packet leaves when its last frame was spoken; the first frame was at the beginning.
            let (card, frames) =
                (20_000.0 * (1.0 - self.speaker.drift_ppm / 1e6), (self.speaker.frames)(self.frame));
            let sent = 10_000_000 + ((self.frame + frames - 1) as f64 * card) as u64;
            if sent > now.as_micros() {
                break;
            }
            self.send(sent, frames as u8);
            self.frame += frames;
        }
        self.under_way.sort_by_key(|packet| packet.0);
        let arrived = self.under_way.partition_point(|packet| packet.0 <= now.as_micros());
        for (at, seq, rtp_time, payload) in self.under_way.drain(..arrived) {
            let insert = receiver.insert(Time::from_micros(at), seq, rtp_time, payload);
            assert_ne!(insert, Insert::Malformed);
        }
    }

    fn send(&mut self, sent: u64, frames: u8) {
        // The first packet of silence says that silence begins.
        let silent = self.speaker.dtx && self.frame % 200 >= 100;
        if std::mem::replace(&mut self.quiet, silent) && silent {
            return;
        }
        let rtp_time = RtpTime((self.frame as u32).wrapping_mul(960).wrapping_add(u32::MAX - 9600));
        let fec = self.speaker.copies != Copies::None;
        let payload =
            if silent { Bytes::from(vec![0x7b, frames]) } else { packet(self.frame * 960, frames, fec) };
        let seq = Seq(self.seq);
        self.seq = self.seq.wrapping_add(1);
        if self.chance.next() < self.network.loss {
            return;
        }
        let mut arrival = sent + (self.chance.next() * self.network.jitter * 1000.0) as u64;
        let spike = self.network.spike * 1000;
        if spike > 0 && (sent % 3_000_000) < spike {
            arrival = arrival.max(sent - sent % 3_000_000 + spike);
        }
        if self.network.reorder > 0 && self.frame.is_multiple_of(self.network.reorder) {
            for _ in 0..2 {
                self.under_way.push((arrival + 50_000, seq, rtp_time, payload.clone()));
            }
            return;
        }
        arrival = arrival.max(self.last_arrival);
        self.last_arrival = arrival;
        self.under_way.push((arrival, seq, rtp_time, payload));
    }
}
