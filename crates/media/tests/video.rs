//! Video from an encoder to a decoder over a network that loses, doubles and reorders, with
//! retransmission and keyframe requests going back: what comes out is what went in, in order, once.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod network;

use bytes::Bytes;
use network::{Conditions, Dice, Network};
use proptest::prelude::*;
use snug_media::assemble::Action;
use snug_media::keyframe::Grant;
use snug_media::rtp::{Fragment, Packet, TemporalLayer, Vp8Descriptor, packetize};
use snug_media::stats::FreezeDetector;
use snug_media::{
    EncodedFrame, FrameAssembler, KeyframeGate, NackGenerator, RtpTime, Seq, StreamRewriter, Time,
};
use std::time::Duration;

const FRAME: Duration = Duration::from_millis(33);

/// Bytes that begin as VP8 does and are otherwise different in each frame.
fn encode(number: u32, keyframe: bool) -> EncodedFrame {
    let mut dice = Dice(u64::from(number));
    let length = if keyframe { 9000 } else { 200 + dice.below(5000) };
    let mut data: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
    data[..10].copy_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
    data[0] |= u8::from(!keyframe);
    EncodedFrame {
        data: data.into(),
        keyframe,
        rtp_time: RtpTime(number.wrapping_mul(3000).wrapping_sub(9000)),
        width: 1280,
        height: 720,
        picture_id: None,
        temporal_id: 0,
        layer_sync: false,
        captured_at: None,
    }
}

enum Feedback {
    Nack(Vec<Seq>),
    Keyframe,
}

struct Call {
    sent: Vec<EncodedFrame>,
    received: Vec<(Time, EncodedFrame)>,
    keyframes: usize,
    retransmitted: usize,
    freezes: FreezeDetector,
    ended: Time,
}

/// A call in steps of a millisecond, on a network that begins to lose packets after `calm`.
fn call(forward: Conditions, back: Conditions, calm: Duration, frames: u32, seed: u64) -> Call {
    let mut there: Network<Packet> = Network::new(forward, seed);
    let mut back_network: Network<Shared> = Network::new(back, !seed);
    let rtt = forward.delay + back.delay + forward.jitter + back.jitter;
    let mut rewriter = StreamRewriter::new(Seq(seed as u16), (seed >> 16) as u16);
    let mut gate = KeyframeGate::default();
    let mut wants_key = true;
    let mut assembler = FrameAssembler::new();
    let mut nack = NackGenerator::new();
    let mut freezes = FreezeDetector::new();
    let mut call = Call {
        sent: Vec::new(),
        received: Vec::new(),
        keyframes: 0,
        retransmitted: 0,
        freezes: FreezeDetector::new(),
        ended: Time::ZERO,
    };
    let start = Time::from_millis(5000);
    for ms in 0..u64::from(frames) * FRAME.as_millis() as u64 + 1500 {
        let now = start + Duration::from_millis(ms);
        there.conditions.loss = if now < start + calm { 0.0 } else { forward.loss };
        let number = ms / FRAME.as_millis() as u64;
        if ms % FRAME.as_millis() as u64 == 0 && number < u64::from(frames) {
            let keyframe = std::mem::take(&mut wants_key) | gate.poll(now);
            let frame = encode(number as u32, keyframe);
            for packet in rewriter.forward(now, &frame, &packetize(&frame.data, 1200)) {
                there.send(now, packet);
            }
            call.keyframes += usize::from(keyframe);
            call.sent.push(frame);
        }
        while let Some((_, feedback)) = back_network.receive(now) {
            match feedback.0.as_ref() {
                Feedback::Nack(seqs) => {
                    for packet in seqs.iter().filter_map(|&seq| rewriter.retransmit(now, seq, rtt)) {
                        call.retransmitted += 1;
                        there.send(now, packet);
                    }
                }
                Feedback::Keyframe => wants_key |= gate.request(now) == Grant::Now,
            }
        }
        while let Some((_, packet)) = there.receive(now) {
            if !nack.received(now, packet.seq, false).is_new() {
                continue;
            }
            for frame in assembler.push(now, packet) {
                freezes.frame(now);
                if frame.keyframe
                    && let Some(seq) = assembler.needed_from()
                {
                    nack.forget_before(seq);
                }
                call.received.push((now, frame));
            }
        }
        let nacks = nack.poll(now, rtt);
        nacks.gave_up.iter().for_each(|&seq| assembler.lost(seq));
        if !nacks.ask.is_empty() {
            back_network.send(now, Shared::new(Feedback::Nack(nacks.ask)));
        }
        if assembler.poll(now) == Some(Action::RequestKeyframe) {
            back_network.send(now, Shared::new(Feedback::Keyframe));
        }
        call.ended = now;
    }
    call.freezes = freezes;
    call
}

/// Shared, so that the network may double it.
#[derive(Clone)]
struct Shared(std::rc::Rc<Feedback>);

impl Shared {
    fn new(feedback: Feedback) -> Shared {
        Shared(std::rc::Rc::new(feedback))
    }
}

/// What must hold whatever the network does.
fn assert_honest(call: &Call) {
    let mut next = 0;
    for (_, frame) in &call.received {
        let at = call.sent[next..].iter().position(|sent| sent.rtp_time == frame.rtp_time);
        let at = next + at.expect("a frame came twice, out of order, or from nowhere");
        let sent = &call.sent[at];
        assert_eq!((&frame.data, frame.keyframe), (&sent.data, sent.keyframe));
        assert_eq!((frame.width, frame.height), (1280, 720));
        assert!(frame.keyframe || at == next && next > 0, "a delta frame without the one before it");
        next = at + 1;
    }
}

#[test]
fn a_clean_network_delivers_every_frame_the_moment_its_last_packet_comes() {
    let network = Conditions { delay: Duration::from_millis(25), ..Conditions::default() };
    let call = call(network, network, Duration::ZERO, 100, 1);
    assert_honest(&call);
    assert_eq!(call.received.len(), 100);
    assert_eq!((call.keyframes, call.retransmitted), (1, 0));
    for ((at, _), number) in call.received.iter().zip(0..) {
        assert_eq!(*at, Time::from_millis(5025) + FRAME * number);
    }
}

#[test]
fn five_percent_of_loss_is_repaired_by_retransmission_alone() {
    let delay = Duration::from_millis(25);
    let forward = Conditions { loss: 0.05, delay, jitter: Duration::from_millis(3), ..Conditions::default() };
    let back = Conditions { delay, ..Conditions::default() };
    for seed in 0..5 {
        let call = call(forward, back, Duration::from_millis(20), 300, seed);
        assert_honest(&call);
        assert_eq!(call.received.len(), 300, "seed {seed}");
        assert_eq!(call.keyframes, 1);
        let lost = call.sent.iter().map(|frame| frame.data.len().div_ceil(1194)).sum::<usize>() / 20;
        assert!(call.retransmitted < lost * 3 / 2, "{} for about {lost} losses", call.retransmitted);
        assert!(call.freezes.ratio(call.ended - Duration::from_millis(1500)) < 0.06);
    }
}

#[test]
fn an_outage_ends_with_a_keyframe() {
    let network = Conditions { delay: Duration::from_millis(25), ..Conditions::default() };
    let mut assembler = FrameAssembler::new();
    let mut rewriter = StreamRewriter::new(Seq(0), 0);
    let mut there: Network<Packet> = Network::new(network, 1);
    let mut asked = None;
    let mut frames = Vec::new();
    for number in 0..120_u32 {
        let now = Time::ZERO + FRAME * number;
        let frame = encode(number, number == 0 || asked == Some(number - 1));
        there.conditions.loss = if (30..60).contains(&number) { 1.0 } else { 0.0 };
        for packet in rewriter.forward(now, &frame, &packetize(&frame.data, 1200)) {
            there.send(now, packet);
        }
        while let Some((arrived, packet)) = there.receive(now) {
            frames.extend(assembler.push(arrived, packet));
        }
        if assembler.poll(now).is_some() {
            assert_eq!(asked, None, "one request is enough where the keyframe comes");
            asked = Some(number);
        }
    }
    let back = frames.iter().position(|frame| frame.keyframe && frame.rtp_time != encode(0, true).rtp_time);
    assert_eq!(frames[back.unwrap()].data, encode(asked.unwrap() + 1, true).data);
    assert_eq!(frames.last().unwrap().data, encode(118, false).data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn on_any_network_frames_come_in_order_once_and_as_they_were_sent(
        seed: u64,
        loss in 0.0..0.4_f64,
        duplicates in 0.0..0.3_f64,
        delay in 0..150_u64,
        jitter in 0..120_u64,
        back_loss in 0.0..0.4_f64,
    ) {
        let forward = Conditions {
            loss,
            duplicates,
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            ..Conditions::default()
        };
        let call = call(forward, Conditions { loss: back_loss, ..forward }, Duration::ZERO, 90, seed);
        assert_honest(&call);
        if loss < 0.1 && back_loss < 0.1 && delay + jitter < 60 {
            prop_assert!(call.received.len() > 30, "only {} frames came", call.received.len());
        }
    }

    #[test]
    fn rubbish_makes_no_panic_and_never_a_frame_that_is_none(
        packets in prop::collection::vec(
            (any::<u16>(), 0..4_u32, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..300),
        near: bool,
    ) {
        let mut assembler = FrameAssembler::new();
        let mut nack = NackGenerator::new();
        for (index, (seq, rtp_time, marker, payload)) in (0_u64..).zip(packets) {
            let now = Time::from_millis(index * 7);
            let seq = Seq(if near { seq % 64 } else { seq });
            nack.received(now, seq, marker);
            let packet = Packet { seq, rtp_time: RtpTime(rtp_time), marker, payload: Bytes::from(payload) };
            for frame in assembler.push(now, packet) {
                prop_assert!(snug_media::frame::Vp8Header::parse(&frame.data).is_ok());
            }
            assembler.poll(now);
            let nacks = nack.poll(now, Duration::from_millis(50));
            prop_assert!(nacks.ask.len() <= 100);
            nacks.gave_up.into_iter().for_each(|seq| assembler.lost(seq));
        }
    }

    #[test]
    fn a_descriptor_that_reads_writes_the_same_again(payload in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Ok((descriptor, length)) = Vp8Descriptor::read(&payload) {
            prop_assert!((1..payload.len()).contains(&length));
            let mut written = Vec::new();
            descriptor.write(&mut written);
            written.push(0xff);
            prop_assert_eq!(Vp8Descriptor::read(&written).map(|(again, _)| again), Ok(descriptor));
        }
    }

    #[test]
    fn a_rewritten_stream_never_has_a_gap(
        frames in prop::collection::vec((any::<bool>(), any::<bool>(), 0..3_u8, 1..5000_usize), 1..80),
        first: u16,
    ) {
        let mut rewriter = StreamRewriter::new(Seq(first), first);
        let mut seq = Seq(first);
        let mut picture = None;
        for (number, (send, keyframe, temporal_id, length)) in (0_u32..).zip(frames) {
            let temporal_id = if keyframe { 0 } else { temporal_id };
            let data = Bytes::from(vec![number as u8; length]);
            let frame = EncodedFrame { data, keyframe, temporal_id, ..encode(number, keyframe) };
            if !send {
                rewriter.skip(&frame);
                continue;
            }
            let waited = rewriter.waits_for_keyframe();
            let fragments: Vec<Fragment> = packetize(&frame.data, 1000);
            let packets = rewriter.forward(Time::ZERO, &frame, &fragments);
            prop_assert_eq!(packets.is_empty(), waited && !keyframe);
            for packet in &packets {
                prop_assert_eq!(packet.seq, seq);
                prop_assert!(packet.payload.len() <= 1000);
                seq = seq.next();
                let (descriptor, _) = Vp8Descriptor::read(&packet.payload).unwrap();
                let id = descriptor.picture_id.unwrap();
                prop_assert!(picture.is_none_or(|last| id == last || descriptor.starts_frame() && id == snug_media::rtp::PictureId::next(last)));
                picture = Some(id);
                prop_assert_eq!(descriptor.temporal, Some(TemporalLayer { id: temporal_id, sync: false }));
                let again = rewriter.retransmit(Time::from_millis(100), packet.seq, Duration::ZERO);
                prop_assert_eq!(again.as_ref(), Some(packet));
            }
        }
    }
}
