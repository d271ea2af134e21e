//! What must hold whatever bytes come: the same functions for the random bytes of `cargo test` and for the
//! fuzzers in `fuzz/`.
//!
//! Each reads its bytes as a story: how much time passes, what arrives, what is asked. None may panic, go on
//! for ever or break its own promises.

use bytes::Bytes;
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
