//! How well a lossy network is repaired, in figures: 2.5 Mbit/s of video at 30 frames a second, paced, with
//! retransmission and keyframe requests going back, for a minute of virtual time and several seeds.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod network;

use bytes::Bytes;
use network::{Conditions, Dice, Network};
use snug_media::assemble::Action;
use snug_media::bwe::Kind;
use snug_media::keyframe::Grant;
use snug_media::pacer::{Due, Pacer};
use snug_media::rtp::{Packet, packetize};
use snug_media::stats::FreezeDetector;
use snug_media::{
    Bitrate, EncodedFrame, FrameAssembler, KeyframeGate, NackGenerator, RtpTime, Seq, StreamRewriter, Time,
};
use std::rc::Rc;
use std::time::Duration;

const RATE: Bitrate = Bitrate::kbps(2500);
/// A keyframe is as large as so many others.
const KEYFRAME: usize = 6;
const SECONDS: u64 = 60;

/// What came of a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    lost: usize,
    retransmitted: usize,
    keyframes: usize,
    freeze_ratio: f64,
    /// Frames that came, of those that were sent.
    frames: f64,
}

#[derive(Clone)]
enum Back {
    Nack(Rc<[Seq]>),
    Keyframe,
    /// Voice goes this way, too, so that a run of losses passes.
    Voice,
}

/// One sender, one receiver; the network is clean for the first half second.
struct Call {
    there: Network<(Packet, bool)>,
    back: Network<Back>,
    rewriter: StreamRewriter,
    pacer: Pacer<Packet>,
    gate: KeyframeGate,
    wants_key: bool,
    assembler: FrameAssembler,
    nack: NackGenerator,
    freezes: FreezeDetector,
    dice: Dice,
    outcome: Outcome,
    sent: usize,
    received: usize,
    rtt: Duration,
}

impl Call {
    fn new(there: Conditions, back: Conditions, seed: u64) -> Call {
        let mut pacer = Pacer::new(Time::ZERO);
        pacer.set_rates(Time::ZERO, Bitrate::bps(RATE.as_bps() * 2), Bitrate::ZERO);
        Call {
            rtt: there.delay + back.delay + (there.jitter + back.jitter) / 2,
            there: Network::new(there, seed),
            back: Network::new(back, !seed),
            rewriter: StreamRewriter::new(Seq(seed as u16), 0),
            pacer,
            gate: KeyframeGate::default(),
            wants_key: true,
            assembler: FrameAssembler::new(),
            nack: NackGenerator::new(),
            freezes: FreezeDetector::new(),
            dice: Dice(seed ^ 77),
            outcome: Outcome::default(),
            sent: 0,
            received: 0,
        }
    }

    fn run(mut self) -> Outcome {
        let lossy = self.there.conditions;
        let mut end = Time::ZERO;
        for ms in 0..SECONDS * 1000 {
            let now = Time::from_millis(ms);
            self.there.conditions.loss = if ms < 500 { 0.0 } else { lossy.loss };
            if ms % 100 == 0 || ms % 100 == 33 || ms % 100 == 67 {
                self.encode(now);
            }
            if ms % 20 == 0 {
                self.back.send(now, Back::Voice);
            }
            while let Some((_, feedback)) = self.back.receive(now) {
                self.feedback(now, feedback);
            }
            while let Some(due) = self.pacer.poll(now) {
                if let Due::Packet { packet, kind, .. } = due {
                    let came = self.there.send(now, (packet, kind == Kind::Retransmission));
                    self.outcome.lost += usize::from(!came && kind == Kind::Video);
                    self.outcome.retransmitted += usize::from(kind == Kind::Retransmission);
                }
            }
            while let Some((at, (packet, by_rtx))) = self.there.receive(now) {
                self.arrive(at, packet, by_rtx);
            }
            self.ask(now);
            end = now;
        }
        self.outcome.freeze_ratio = self.freezes.ratio(end);
        self.outcome.frames = self.received as f64 / self.sent as f64;
        self.outcome
    }

    fn encode(&mut self, now: Time) {
        let keyframe = std::mem::take(&mut self.wants_key) | self.gate.poll(now);
        self.outcome.keyframes += usize::from(keyframe);
        let usual = RATE.bytes_in(Duration::from_millis(33)) as usize;
        let length =
            if keyframe { usual * KEYFRAME } else { usual / 2 + self.dice.below(usual as u64) as usize };
        let mut data = vec![0; length];
        data[..10].copy_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
        data[0] |= u8::from(!keyframe);
        let frame = EncodedFrame {
            data: Bytes::from(data),
            keyframe,
            rtp_time: RtpTime((now.as_millis() * 90) as u32),
            width: 1280,
            height: 720,
            picture_id: None,
            temporal_id: 0,
            layer_sync: false,
            captured_at: None,
        };
        for packet in self.rewriter.forward(now, &frame, &packetize(&frame.data, 1140)) {
            self.pacer.push(now, Kind::Video, packet.payload.len() + 60, packet);
        }
        self.sent += 1;
    }

    fn feedback(&mut self, now: Time, feedback: Back) {
        match feedback {
            Back::Voice => {}
            Back::Keyframe => self.wants_key |= self.gate.request(now) == Grant::Now,
            Back::Nack(seqs) => {
                for packet in seqs.iter().filter_map(|&seq| self.rewriter.retransmit(now, seq, self.rtt)) {
                    self.pacer.push(now, Kind::Retransmission, packet.payload.len() + 60, packet);
                }
            }
        }
    }

    fn arrive(&mut self, at: Time, packet: Packet, by_rtx: bool) {
        if !self.nack.received(at, packet.seq, by_rtx).is_new() {
            return;
        }
        for _ in self.assembler.push(at, packet) {
            self.freezes.frame(at);
            self.received += 1;
        }
        if let Some(from) = self.assembler.needed_from() {
            self.nack.forget_before(from);
        }
    }

    fn ask(&mut self, now: Time) {
        let nacks = self.nack.poll(now, self.rtt);
        nacks.gave_up.iter().for_each(|&seq| self.assembler.lost(seq));
        if !nacks.ask.is_empty() {
            self.back.send(now, Back::Nack(nacks.ask.into()));
        }
        if self.assembler.poll(now) == Some(Action::RequestKeyframe) {
            self.back.send(now, Back::Keyframe);
        }
    }
}

/// The mean over five seeds.
fn calls(there: Conditions, back: Conditions) -> Outcome {
    const SEEDS: u64 = 5;
    let mut mean = Outcome::default();
    for seed in 0..SEEDS {
        let one = Call::new(there, back, seed * 7919 + 1).run();
        mean.lost += one.lost;
        mean.retransmitted += one.retransmitted;
        mean.keyframes += one.keyframes - 1;
        mean.freeze_ratio += one.freeze_ratio / SEEDS as f64;
        mean.frames += one.frames / SEEDS as f64;
    }
    mean
}

fn path() -> Conditions {
    Conditions {
        delay: Duration::from_millis(25),
        ordered: true,
        jitter: Duration::from_millis(3),
        ..Conditions::default()
    }
}

impl Outcome {
    fn per_loss(&self) -> f64 {
        self.retransmitted as f64 / self.lost.max(1) as f64
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Loss on both ways: what is asked for is lost as often as what is sent.
fn lossy(loss: f64, burst: f64) -> Outcome {
    let path = Conditions { loss, burst, ..path() };
    calls(path, path)
}

#[test]
fn a_clean_path_asks_for_nothing() {
    let outcome = calls(path(), path());
    assert_eq!((outcome.lost, outcome.retransmitted, outcome.keyframes), (0, 0, 0));
    assert!(outcome.freeze_ratio == 0.0 && outcome.frames > 0.999, "{outcome:?}");
}

#[test]
fn two_percent_of_loss_is_not_seen() {
    let outcome = lossy(0.02, 1.0);
    assert!(outcome.freeze_ratio < 0.002 && outcome.per_loss() < 1.15, "{outcome:?}");
    assert_eq!(outcome.keyframes, 0);
}

#[test]
fn five_percent_of_loss_is_hardly_seen() {
    let outcome = lossy(0.05, 1.0);
    assert!(outcome.freeze_ratio < 0.003 && outcome.per_loss() < 1.2, "{outcome:?}");
    assert!(outcome.frames > 0.999, "{outcome:?}");
    assert_eq!(outcome.keyframes, 0);
}

#[test]
fn ten_percent_of_loss_is_repaired_without_keyframes() {
    let outcome = lossy(0.10, 1.0);
    assert!(outcome.freeze_ratio < 0.01 && outcome.per_loss() < 1.3, "{outcome:?}");
    assert_eq!(outcome.keyframes, 0);
}

#[test]
fn losses_in_runs_of_four_are_repaired_as_well() {
    let outcome = lossy(0.05, 4.0);
    assert!(outcome.freeze_ratio < 0.015 && outcome.per_loss() < 1.3, "{outcome:?}");
    assert_eq!(outcome.keyframes, 0);
}

#[test]
fn packets_that_overtake_each_other_are_hardly_asked_for() {
    for jitter in [10, 30] {
        let shaken = Conditions { jitter: ms(jitter), ordered: false, ..path() };
        let outcome = calls(shaken, path());
        // Of 80 thousand packets.
        assert!(outcome.retransmitted < 300, "{jitter} ms: {outcome:?}");
        assert!(outcome.freeze_ratio == 0.0, "{jitter} ms: {outcome:?}");
        let outcome = calls(Conditions { loss: 0.05, ..shaken }, path());
        assert!(outcome.per_loss() < 1.3 && outcome.keyframes <= 1, "{jitter} ms: {outcome:?}");
    }
}

#[test]
fn thirty_milliseconds_of_jitter_are_no_loss_and_delay_no_repair_beyond_themselves() {
    let shaken = Conditions { jitter: ms(30), ..path() };
    let outcome = calls(shaken, path());
    assert_eq!((outcome.retransmitted, outcome.keyframes), (0, 0));
    assert!(outcome.freeze_ratio == 0.0, "{outcome:?}");
    let outcome = calls(Conditions { loss: 0.02, ..shaken }, path());
    assert!(outcome.per_loss() < 1.3 && outcome.freeze_ratio < 0.02, "{outcome:?}");
}

#[test]
fn a_long_path_repairs_without_keyframes_and_a_short_one_without_asking_too_often() {
    for (delay, most) in [(5, 1.2), (75, 1.2), (150, 1.2)] {
        let path = Conditions { delay: ms(delay), ..path() };
        let outcome = calls(Conditions { loss: 0.05, ..path }, path);
        assert!(outcome.per_loss() < most && outcome.keyframes < 10, "{delay} ms: {outcome:?}");
        assert!(outcome.frames > 0.99, "{delay} ms: {outcome:?}");
    }
}
