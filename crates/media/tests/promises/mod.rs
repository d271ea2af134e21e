//! What must hold whatever bytes come: the same functions for the random bytes of `cargo test` and for the
//! fuzzers in `fuzz/`.
//!
//! Each reads its bytes as a story: how much time passes, what arrives, what is asked. None may panic, go on
//! for ever or break its own promises.

use bytes::Bytes;
use snug_media::audio::{BLOCK, Insert, JitterBuffer, Playout, Stretch, packet_samples};
use snug_media::bwe::{
    BandwidthEstimator, Kind, Limits, ProbeCluster, ProbeId, SendHistory, SentPacket, TransportFeedback,
};
use snug_media::frame::Vp8Header;
use snug_media::pacer::{Due, Pacer};
use snug_media::rtp::{Packet, Vp8Descriptor};
use snug_media::{Bitrate, FrameAssembler, NackGenerator, RtpTime, Seq, Time};
use std::time::Duration;

/// Reads numbers off bytes; zeros after their end.
struct Story<'a>(&'a [u8]);

impl Story<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn bytes(&mut self, most: usize) -> Bytes {
        let length = usize::from(self.byte()).min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Bytes::copy_from_slice(taken)
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

/// A VP8 payload descriptor and a frame's header: what is read is written the same again.
pub fn descriptor(data: &[u8]) {
    if let Ok((descriptor, length)) = Vp8Descriptor::read(data) {
        assert!((1..data.len()).contains(&length), "something follows the descriptor");
        let mut written = Vec::new();
        descriptor.write(&mut written);
        written.push(0);
        assert_eq!(Vp8Descriptor::read(&written).map(|(again, _)| again), Ok(descriptor));
        let _ = Vp8Header::parse(&data[length..]);
    }
    let _ = Vp8Header::parse(data);
}

/// Packets of a video stream: nothing is asked for that is here, and what comes out is VP8.
pub fn video(data: &[u8]) {
    let mut story = Story(data);
    let mut nack = NackGenerator::new();
    let mut assembler = FrameAssembler::new();
    let (mut now, mut seq) = (Time::ZERO, Seq(story.word()));
    let rtt = Duration::from_millis(u64::from(story.byte()) * 2);
    while !story.is_over() {
        let what = story.byte();
        now += Duration::from_millis(u64::from(what >> 4) * 3);
        seq = match what & 3 {
            0 => Seq(story.word()),
            1 => Seq(seq.0.wrapping_sub(u16::from(story.byte()))),
            step => seq.add(u16::from(step) - 1),
        };
        let rtp_time = RtpTime(u32::from(story.byte()));
        let packet = Packet { seq, rtp_time, marker: what & 4 != 0, payload: story.bytes(64) };
        if nack.received(now, seq, what & 8 != 0).is_new() {
            for frame in assembler.push(now, packet) {
                assert!(Vp8Header::parse(&frame.data).is_ok(), "a frame that is none");
            }
        }
        if let Some(from) = assembler.needed_from() {
            nack.forget_before(from);
        }
        let nacks = nack.poll(now, rtt);
        assert!(!nacks.ask.contains(&seq), "asks for what has just come");
        assert!(nack.poll(now, rtt).ask.is_empty(), "asks twice at once");
        nacks.gave_up.into_iter().for_each(|seq| assembler.lost(seq));
        if what == 0xff {
            assembler.decoder_failed();
        }
        let _ = assembler.poll(now);
    }
}

/// Reports of the other side: the estimate stays within its limits, and no packet is reported twice as come.
pub fn feedback(data: &[u8]) {
    let mut story = Story(data);
    let limits = Limits { min: Bitrate::kbps(30), start: Bitrate::kbps(300), max: Bitrate::kbps(3000) };
    let mut now = Time::from_millis(1000);
    let mut estimator = BandwidthEstimator::new(now, limits);
    let mut history = SendHistory::new();
    let mut next = Seq(story.word());
    let (mut sent, mut received) = (0_u32, 0_u32);
    while !story.is_over() {
        let what = story.byte();
        now += Duration::from_millis(u64::from(what >> 3));
        match what & 7 {
            0..4 => {
                let media =
                    [Kind::Audio, Kind::Video, Kind::Retransmission, Kind::Padding][usize::from(what & 3)];
                let probe = (what & 0x80 != 0).then_some(ProbeId(u32::from(what)));
                for _ in 0..story.byte() & 15 {
                    let packet =
                        SentPacket { at: now, bytes: usize::from(story.word() & 0x7ff), media, probe };
                    history.sent(next, packet);
                    estimator.sent(&packet);
                    next = next.next();
                    sent += 1;
                }
            }
            4 | 5 => {
                let base_seq = if what & 1 == 0 {
                    Seq(next.0.wrapping_sub(u16::from(story.byte())))
                } else {
                    Seq(story.word())
                };
                let reference_time = u32::from(story.word()) << (story.byte() & 15);
                let arrivals = story.bytes(64);
                let arrival = |&byte: &u8| (byte != 0).then(|| ((i64::from(byte) - 100) * 250) << (byte & 7));
                let packets = arrivals.iter().map(arrival).collect();
                let results = history.feedback(&TransportFeedback { base_seq, reference_time, packets });
                received += results.iter().filter(|result| result.received.is_some()).count() as u32;
                estimator.feedback(now, &results);
            }
            6 => estimator.round_trip(now, Duration::from_millis(u64::from(story.word()))),
            _ => estimator.route_changed(now),
        }
        for cluster in estimator.poll(now) {
            assert!(cluster.target > Bitrate::ZERO && cluster.min_bytes > 0);
        }
        let estimate = estimator.estimate();
        assert!((limits.min..=limits.max).contains(&estimate.target), "{estimate:?}");
        assert!((0.0..=1.0).contains(&estimate.loss), "{estimate:?}");
        assert!(received <= sent, "more came than was sent");
    }
}

/// Orders to the pacer: voice never waits, and whoever comes when it says gets something.
pub fn pacer(data: &[u8]) {
    let mut story = Story(data);
    let mut now = Time::ZERO;
    let mut pacer: Pacer<u8> = Pacer::new(now);
    while !story.is_over() {
        let what = story.byte();
        let until = now + Duration::from_micros(u64::from(story.word()));
        while let Some(next) = pacer.poll_at().filter(|&next| next <= until) {
            now = now.max(next);
            assert!(pacer.poll(now).is_some(), "nothing at {next:?}");
        }
        now = now.max(until);
        assert!(pacer.poll(now).is_none());
        let bytes = usize::from(story.word() & 0x7ff);
        match what & 7 {
            0 => {
                pacer.push(now, Kind::Audio, bytes, what);
                assert!(
                    matches!(pacer.poll(now), Some(Due::Packet { kind: Kind::Audio, .. })),
                    "voice waits"
                );
            }
            1 => pacer.push(now, Kind::Retransmission, bytes, what),
            2 => pacer.push(now, Kind::Padding, bytes, what),
            3 => {
                let (target, id) = (Bitrate::kbps(u64::from(story.word())), ProbeId(u32::from(what)));
                let cluster =
                    ProbeCluster { id, target, min_bytes: bytes, min_packets: usize::from(what >> 5) };
                pacer.probe(now, cluster);
            }
            4 => {
                let (pacing, padding) = (u64::from(story.word()), u64::from(story.byte()));
                pacer.set_rates(now, Bitrate::kbps(pacing), Bitrate::kbps(padding));
            }
            5 if what > 0xe0 => drop(pacer.drop_video()),
            _ => pacer.push(now, Kind::Video, bytes, what),
        }
        let _ = pacer.backlog(now);
    }
}

/// The tables of contents that a story chooses from: Opus packets of 2.5, 10, 20, 40, 60 and 120 ms, with what follows,
/// and what is none (RFC 6716 §3.1).
const TABLES: [&[u8]; 8] = [
    &[0x78, 0x40],
    &[0x18, 0x10],
    &[0x7b, 0x43, 0, 0x40],
    &[0x10],
    &[0x7b, 6],
    &[0xe0, 1],
    &[0x03],
    &[0x70, 1],
];

/// The jitter buffer's samples that are asked for, and not handed out yet.
struct Ear {
    buffer: JitterBuffer,
    unplayed: usize,
    playing: Vec<Bytes>,
}

impl Ear {
    /// Asks for one piece of sound, and stretches it as is wished, by `lag` samples at most.
    fn pull(&mut self, now: Time, lag: usize) {
        let pull = self.buffer.pull(now, self.unplayed);
        let made = match &pull.playout {
            Playout::Packet { payload, samples, .. } => {
                assert_eq!(
                    packet_samples(payload),
                    u32::try_from(*samples).ok(),
                    "a packet is as long as it says"
                );
                self.playing.push(payload.clone());
                *samples
            }
            Playout::Dred { back, samples, .. } => {
                assert!(*back > 0, "it tells of what was before");
                *samples
            }
            Playout::Fec { samples, .. }
            | Playout::Conceal { samples }
            | Playout::ComfortNoise { samples }
            | Playout::Silence { samples } => *samples,
        };
        assert!((1..=5760).contains(&made), "{made} samples at once");
        self.unplayed += made;
        match pull.stretch {
            Stretch::Keep => {}
            Stretch::Accelerate { .. } => {
                let lag = lag.min(self.unplayed / 2);
                self.unplayed -= lag;
                self.buffer.removed(lag);
            }
            Stretch::Expand => {
                self.unplayed += lag;
                self.buffer.inserted(lag);
            }
        }
    }
}

/// Packets of a voice, in any order, of any length and at any time, between orders for sound: there is always some,
/// what was played is not played again, memory is bounded, and what is told adds up.
pub fn audio(data: &[u8]) {
    let mut story = Story(data);
    let mut ear = Ear { buffer: JitterBuffer::new(), unplayed: 0, playing: Vec::new() };
    let mut now = Time::ZERO;
    let (mut seq, mut rtp_time) = (Seq(story.word()), RtpTime(u32::from(story.word()) << 16));
    let mut inserted = 0_u64;
    while !story.is_over() {
        let what = story.byte();
        now += match what >> 6 {
            0 => Duration::ZERO,
            1 => Duration::from_micros(u64::from(story.word())),
            2 => Duration::from_millis(10),
            _ => Duration::from_millis(u64::from(story.byte()) * 8),
        };
        let mut payload = TABLES[usize::from(what >> 3 & 7)].to_vec();
        if what & 0x40 != 0 {
            payload = story.bytes(8).to_vec();
        } else {
            payload.extend(inserted.to_be_bytes());
        }
        match what & 7 {
            0..3 => {}
            3 => seq = Seq(story.word()),
            4 => seq = Seq(seq.0.wrapping_sub(u16::from(story.byte()))),
            5 => rtp_time = RtpTime(u32::from(story.word()) << 16 | u32::from(story.word())),
            6 => {
                let lost = u16::from(story.byte() & 15);
                seq = seq.add(lost);
                rtp_time = rtp_time.add(u32::from(lost) * (u32::from(story.byte() & 7) + 1) * 480);
            }
            // Silence: only the stamp jumps.
            _ => rtp_time = rtp_time.add(u32::from(story.byte()) * 480),
        }
        let dred = usize::from(story.byte()) * 240;
        let samples = packet_samples(&payload);
        let insert = ear.buffer.insert(now, seq, rtp_time, Bytes::from(payload), dred);
        assert_eq!(insert == Insert::Malformed, samples.is_none());
        inserted += 1;
        seq = seq.next();
        rtp_time = rtp_time.add(samples.unwrap_or(960));
        let lag = usize::from(story.byte()) * 3;
        for _ in 0..what & 3 {
            while ear.unplayed < BLOCK {
                ear.pull(now, lag);
            }
            ear.unplayed -= BLOCK;
            now += Duration::from_millis(10);
        }
        let stats = ear.buffer.stats();
        assert!(ear.buffer.waiting() <= 200, "memory is bounded");
        assert!(stats.packets_received <= inserted && stats.packets_discarded <= stats.packets_received);
        assert!(stats.concealed_samples + stats.silent_concealed_samples <= stats.total_samples_received);
        assert!(ear.playing.len() as u64 + stats.packets_discarded <= stats.packets_received);
        assert!(ear.buffer.target_delay() <= Duration::from_millis(800), "{:?}", ear.buffer.target_delay());
        let _ = ear.buffer.playing(ear.unplayed);
    }
}
