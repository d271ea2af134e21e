#![allow(clippy::unwrap_used)]
//! Voice on a way of 30 kbit/s: what is decided, what the encoder makes of it, and what is heard, under a virtual clock.

use super::Packetizer;
use crate::codec::{OpusDecoder, OpusEncoder};
use crate::device::BLOCK;
use crate::peer::HEADERS;
use bytes::Bytes;
use snug_media::allocate::{Memory, Peer, Voice, allocate};
use snug_media::audio::{AudioReceiver, AudioStats, Protection};
use snug_media::{Bitrate, RtpTime, Seq, Time};
use std::collections::VecDeque;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(10);
const BEGIN: Time = Time::from_millis(10_000);

/// Somebody who never draws breath: vowels of 120 to 180 Hz in syllables, with a consonant's noise between them.
struct Talker {
    at: u64,
    noise: u32,
}

impl Talker {
    fn block(&mut self) -> [f32; BLOCK] {
        std::array::from_fn(|_| {
            let second = self.at as f32 / 48_000.0;
            self.at += 1;
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (self.noise >> 8) as f32 / (1 << 23) as f32 - 1.0;
            let syllable = 0.5 - 0.5 * (second * 4.0 * std::f32::consts::TAU).cos();
            let turn = (second * 150.0 + (second * 1.3).sin() * 4.0) * std::f32::consts::TAU;
            let buzz: f32 = (1..25).map(|k| (turn * k as f32).sin() / k as f32).sum();
            0.2 * buzz * syllable + 0.05 * hiss * (1.0 - syllable)
        })
    }
}

/// One who sends: talks, and encodes as the way allows.
struct Speaker {
    talker: Talker,
    packetizer: Packetizer,
    encoder: OpusEncoder,
    memory: Memory<u8>,
    seq: Seq,
}

struct Sent {
    at: Time,
    seq: Seq,
    rtp_time: RtpTime,
    payload: Bytes,
    packet_time: Duration,
}

impl Speaker {
    fn new() -> Speaker {
        Speaker {
            talker: Talker { at: 0, noise: 1 },
            packetizer: Packetizer::new(),
            encoder: OpusEncoder::new(Bitrate::kbps(32)).unwrap(),
            memory: Memory::default(),
            seq: Seq(65_500),
        }
    }

    /// The next 10 ms, on a way of which this is known.
    fn speak(&mut self, now: Time, target: Bitrate, loss: f64) -> Option<Sent> {
        let peer = Peer { id: 1, target, stable: target, loss, tile: None };
        let (allocation, memory) = allocate(now, &[peer], None, HEADERS, &self.memory);
        self.memory = memory;
        self.follow(allocation.voice);
        let packet_time = self.packetizer.packet_time();
        let encoder = &mut self.encoder;
        let made = self.packetizer.push(&self.talker.block(), now, |frame| encoder.encode(frame)).unwrap()?;
        let seq = self.seq;
        self.seq = seq.next();
        // The block's last sample is spoken 10 ms after its first.
        Some(Sent { at: now + TICK, seq, rtp_time: made.rtp_time, payload: made.payload, packet_time })
    }

    /// As the microphone's thread does it.
    fn follow(&mut self, voice: Voice) {
        self.packetizer.set_packet_time(voice.packet_time);
        let bitrate = voice.bitrate_in(self.packetizer.packet_time(), HEADERS);
        self.encoder.set_bitrate(bitrate).unwrap();
        self.encoder.set_protection(Protection::against(voice.loss as f32, bitrate)).unwrap();
    }
}

/// The most bits that left in any second, headers included, from `from` on.
fn busiest_second(sent: &[(Time, usize)], from: Time) -> usize {
    let begins = sent.iter().map(|&(at, _)| at).filter(|&at| at >= from);
    let second = |begin: Time| {
        let inside = sent.iter().filter(|&&(at, _)| at >= begin && at.since(begin) < Duration::from_secs(1));
        inside.map(|&(_, bytes)| bytes * 8).sum()
    };
    begins.map(second).max().unwrap_or_default()
}

#[test]
fn on_a_way_of_30_kbit_s_no_second_of_voice_takes_more_headers_and_copies_included() {
    for loss in [0.0, 0.05, 0.3] {
        let mut speaker = Speaker::new();
        let mut sent = Vec::new();
        for tick in 0..3000 {
            let now = BEGIN + TICK * tick;
            let target = Bitrate::kbps(if tick < 500 { 300 } else { 30 });
            let packet = speaker.speak(now, target, loss);
            sent.extend(packet.map(|packet| (packet.at, packet.payload.len() + HEADERS)));
        }
        let narrow = BEGIN + Duration::from_secs(5);
        let short = busiest_second(&sent[..100], BEGIN);
        // The packet that is being filled when the way narrows was promised to the wider one, and so was its length.
        let busiest = busiest_second(&sent, narrow + Duration::from_millis(40));
        assert!(busiest < 30_000, "{loss}: {busiest} bits in a second");
        assert!(
            busiest > 20_000 && short > 40_000,
            "{loss}: {busiest} then, {short} before: there is a voice"
        );
        let seconds = sent.last().unwrap().0.since(narrow).as_secs_f64();
        let average: usize = sent.iter().filter(|&&(at, _)| at >= narrow).map(|&(_, bytes)| bytes * 8).sum();
        assert!(average as f64 / seconds < 29_000.0, "{loss}: {} on average", average as f64 / seconds);
    }
}

/// A bottleneck of so many bits a second: packets wait for each other.
struct Bottleneck {
    free_at: Time,
    under_way: VecDeque<(Time, Sent)>,
}

impl Bottleneck {
    fn push(&mut self, rate: Bitrate, sent: Sent) {
        let bits = ((sent.payload.len() + HEADERS) * 8) as f64;
        let takes = Duration::from_secs_f64(bits / rate.as_bps() as f64);
        self.free_at = self.free_at.max(sent.at) + takes;
        self.under_way.push_back((self.free_at, sent));
    }
}

/// Two who talk at once over a way each; `target` says what the first and the second way take at a tick, `loss` what
/// is believed of them, and `lost` which packets never come. Returns what each listener's buffer tells, the lengths of packets that each had in
/// their order, and the longest time that a packet was under way.
fn conversation(
    ticks: u32,
    target: fn(u32) -> [u64; 2],
    loss: f64,
    lost: fn(Seq) -> bool,
) -> [(AudioStats, Vec<u128>, Duration, f32); 2] {
    let mut speakers = [Speaker::new(), Speaker::new()];
    let mut ways = [(); 2].map(|()| Bottleneck { free_at: BEGIN, under_way: VecDeque::new() });
    let mut listeners = [(); 2].map(|()| AudioReceiver::new(OpusDecoder::new().unwrap()));
    let (mut lengths, mut longest, mut power) = ([const { Vec::new() }; 2], [Duration::ZERO; 2], [0.0; 2]);
    for tick in 0..ticks {
        let now = BEGIN + TICK * tick;
        for side in 0..2 {
            let rate = Bitrate::kbps(target(tick)[side]);
            if let Some(sent) = speakers[side].speak(now, rate, loss).filter(|sent| !lost(sent.seq)) {
                if lengths[side].last() != Some(&sent.packet_time.as_millis()) {
                    lengths[side].push(sent.packet_time.as_millis());
                }
                ways[side].push(rate, sent);
            }
            while let Some((at, sent)) = ways[side].under_way.pop_front_if(|(at, _)| *at <= now) {
                longest[side] = longest[side].max(at.since(sent.at));
                listeners[side].insert(at, sent.seq, sent.rtp_time, sent.payload);
            }
            let mut block = [0.0; BLOCK];
            listeners[side].fill(now, &mut block);
            power[side] +=
                block.iter().map(|sample| sample * sample).sum::<f32>() / (ticks as f32 * BLOCK as f32);
        }
    }
    std::array::from_fn(|side| {
        assert_eq!(listeners[side].decoder_errors(), 0);
        (listeners[side].stats(), std::mem::take(&mut lengths[side]), longest[side], power[side])
    })
}

#[test]
fn packets_lengthen_and_shorten_during_a_call_in_both_directions_and_nothing_is_made_up() {
    // The one way narrows after 10 s and widens after 25; the other the other way round.
    let wide_then_narrow = |tick| if (1000..2500).contains(&tick) { [30, 300] } else { [300, 30] };
    let sides = conversation(4000, wide_then_narrow, 0.0, |_| false);
    assert_eq!(sides[0].1, [20, 40, 60, 20], "lengths of the first, in ms");
    assert_eq!(sides[1].1, [20, 40, 60, 20, 40, 60], "and of the second, which begins narrow");
    for (stats, _, longest, power) in sides {
        assert_eq!(stats.packets_discarded, 0);
        // A packet takes 60 ms of such a way: that is jitter when it begins, and once each time it is heard as such.
        assert!(stats.concealed_ratio() < 0.005, "{} of {stats:?}", stats.concealed_ratio());
        assert!(longest < Duration::from_millis(200), "the way carries it: {longest:?}");
        assert!(power > 0.005, "and it is a voice: {power}");
    }
}

#[test]
fn where_packets_of_60_ms_get_lost_their_copies_are_heard() {
    let sides = conversation(3000, |_| [30, 45], 0.1, |seq| seq.0 % 10 == 3);
    for (stats, ..) in sides {
        assert!(stats.fec_packets_decoded > 30, "{stats:?}");
        // One in ten is lost; without copies all of that would be made up.
        assert!(stats.concealed_ratio() < 0.03, "{} of {stats:?}", stats.concealed_ratio());
    }
}
