//! One side of a call: an encoder that follows the target, voice, the pacer, and what comes back.

use super::dice::Dice;
use super::reports::Reports;
use snug_media::bwe::{
    BandwidthEstimator, Kind, Limits, PacketResult, SendHistory, SentPacket, TransportFeedback,
};
use snug_media::pacer::{Backlog, Due, Pacer};
use snug_media::{Bitrate, Seq, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// What the call's people and devices give.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Encoders use no more.
    pub cap: Bitrate,
    /// Between reports of the receiver.
    pub report_every: Duration,
    /// Between keyframes that come by themselves.
    pub keyframe_every: Duration,
    /// When the call begins.
    pub begins: Time,
}

impl Default for Source {
    fn default() -> Source {
        Source {
            cap: Bitrate::kbps(2500),
            report_every: Duration::from_millis(100),
            keyframe_every: Duration::from_secs(30),
            begins: Time::ZERO,
        }
    }
}

pub struct Caller {
    pub estimator: BandwidthEstimator,
    pub source: Source,
    history: SendHistory,
    pacer: Pacer<()>,
    dice: Dice,
    seq: Seq,
    next_frame: Time,
    next_voice: Time,
    next_keyframe: Time,
    next_poll: Time,
    reports: Reports,
    back: VecDeque<(Time, TransportFeedback)>,
}

/// The way back is quiet.
const BACK: Duration = Duration::from_millis(25);
const FRAME: Duration = Duration::from_micros(33_333);
/// Headers of RTP, SRTP, UDP and IP included.
const PACKET: usize = 1200;
/// 32 kbit/s, every 20 ms.
const VOICE: Duration = Duration::from_millis(20);
const VOICE_BYTES: usize = 80;
const VOICE_RATE: f64 = 32_000.0;

impl Caller {
    pub fn new(source: Source, limits: Limits, seed: u64) -> Caller {
        let begins = source.begins;
        let mut estimator = BandwidthEstimator::new(begins, limits);
        estimator.set_wanted(begins, source.cap);
        Caller {
            estimator,
            source,
            history: SendHistory::new(),
            pacer: Pacer::new(begins),
            dice: Dice(seed),
            seq: Seq(seed as u16),
            next_frame: begins,
            next_voice: begins,
            next_keyframe: begins,
            next_poll: begins,
            reports: Reports::new(source.report_every, seed),
            back: VecDeque::new(),
        }
    }

    /// Everything due by now; the packets that leave, with their sizes.
    pub fn step(&mut self, now: Time) -> Vec<(Seq, usize)> {
        if now < self.source.begins {
            return Vec::new();
        }
        if let Some(report) = self.reports.due(now) {
            self.back.push_back((now + BACK, report));
        }
        while self.back.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, report)) = self.back.pop_front() {
                self.hear(now, &report);
            }
        }
        if now >= self.next_poll {
            self.next_poll = now + Duration::from_millis(25);
            for cluster in self.estimator.poll(now) {
                self.pacer.probe(now, cluster);
            }
        }
        let estimate = self.estimator.estimate();
        self.pacer.set_rates(now, estimate.pacing, estimate.padding);
        self.pacer.set_budget(now, estimate.full.then_some(estimate.target));
        if now >= self.next_voice {
            self.next_voice += VOICE;
            self.pacer.push(now, Kind::Audio, VOICE_BYTES, ());
        }
        if now >= self.next_frame {
            self.next_frame += FRAME;
            self.encode(now, estimate.target, estimate.loss);
        }
        self.send(now)
    }

    /// A packet of ours came out of the network.
    pub fn arrived(&mut self, at: Time, seq: Seq) {
        self.reports.arrived(at, seq);
    }

    fn hear(&mut self, now: Time, report: &TransportFeedback) {
        let results: Vec<PacketResult> = self.history.feedback(report);
        for lost in results.iter().filter(|result| result.received.is_none()) {
            if lost.sent.media == Kind::Video {
                self.pacer.push(now, Kind::Retransmission, lost.sent.bytes, ());
            }
        }
        self.estimator.feedback(now, &results);
    }

    fn encode(&mut self, now: Time, target: Bitrate, loss: f64) {
        match self.pacer.backlog(now) {
            Backlog::Full => return,
            Backlog::Late => {
                self.pacer.drop_video();
                self.next_keyframe = now;
            }
            Backlog::Flows => {}
        }
        if self.estimator.estimate().congested {
            return;
        }
        // What voice and repair take is not the encoder's.
        let rate = (target.as_bps() as f64 * (1.0 - loss) - VOICE_RATE).max(30_000.0);
        let rate = rate.min(self.source.cap.as_bps() as f64);
        let usual = rate * FRAME.as_secs_f64() / 8.0;
        let keyframe = now >= self.next_keyframe;
        let scale = if keyframe { 4.0 } else { 0.8 + 0.4 * self.dice.share() };
        if keyframe {
            self.next_keyframe = now + self.source.keyframe_every;
        }
        let mut left = (usual * scale) as usize;
        let packets = left.div_ceil(PACKET).max(1);
        for packet in 0..packets {
            let bytes = left / (packets - packet);
            left -= bytes;
            self.pacer.push(now, Kind::Video, bytes.max(60), ());
        }
    }

    fn send(&mut self, now: Time) -> Vec<(Seq, usize)> {
        let mut left = Vec::new();
        while let Some(due) = self.pacer.poll(now) {
            let (media, bytes, probe) = match due {
                Due::Packet { kind, bytes, probe, .. } => (kind, bytes, probe),
                Due::Padding { bytes, probe } => (Kind::Padding, bytes, probe),
            };
            let packet = SentPacket { at: now, bytes, media, probe };
            self.history.sent(self.seq, packet);
            self.estimator.sent(&packet);
            left.push((self.seq, bytes));
            self.seq = self.seq.next();
        }
        left
    }
}
