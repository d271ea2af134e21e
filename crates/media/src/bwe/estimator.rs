//! The estimator itself: one owner of all the parts, one input for each event, one [`Estimate`] out.

use super::acknowledged::Acknowledged;
use super::aimd::Growth;
use super::alr::ApplicationLimited;
use super::contest::{Contest, DRAIN};
use super::delay::{DelayBased, QueueNow, Report};
use super::feedback::{Kind, PacketResult, ProbeId, SentPacket};
use super::loss::{LossBased, LossState};
use super::probe::{Prober, Room};
use super::probe_result::ProbeResults;
use super::queue::QueueDelay;
use super::trendline::Usage;
use super::window::{InFlightWindow, QUEUE};
use super::{clamped, times};
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// Between what the estimate stays, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Never below this, whatever the network says: what keeps voice and feedback alive.
    pub min: Bitrate,
    /// Before anything is known. Probes begin at three times this.
    pub start: Bitrate,
    /// Never above this.
    pub max: Bitrate,
}

/// A burst for the pacer to send at a rate above the present one, to see whether it arrives as fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Goes into [`SentPacket::probe`] of each of its packets.
    pub id: ProbeId,
    /// The rate at which to send them: media first, then retransmissions or padding.
    pub target: Bitrate,
    /// At least so many bytes,
    pub min_bytes: usize,
    /// and at least so many packets.
    pub min_packets: usize,
}

/// What holds the target where it is. For statistics and tests: nobody need act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitedBy {
    /// Nothing has been reported yet, or the limits of the caller hold.
    Configuration,
    /// The delay-based half: a queue fills, or has not been seen to fill yet.
    Delay,
    /// The loss-based half.
    Loss,
    /// More is in flight than the path can hold: the window pushes back.
    InFlight,
    /// No reports come.
    Silence,
}

/// How fast to send, at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// For encoders and everything else, together, headers included. It falls at once when it must.
    pub target: Bitrate,
    /// The rate at which the pacer empties its queue: above the target, so that a keyframe does not stand.
    pub pacing: Bitrate,
    /// The path was used to the full a moment ago: it takes the target on average, and what encoders make beyond it stands in its queue.
    pub full: bool,
    /// The path is full to the brim, as after a fall of its rate: another picture would only be lost, and voice with it.
    pub congested: bool,
    /// Up to this rate the pacer fills gaps with padding; zero most of the time.
    pub padding: Bitrate,
    /// The target without short-lived cuts (the window's push-back): to choose resolutions by.
    pub stable: Bitrate,
    /// Lost share of the packets lately reported, 0 to 1, as far as no queue of ours lost them: what repairs must make up for.
    pub loss: f64,
    /// What limits the target.
    pub limited_by: LimitedBy,
    /// What arrives at the receiver, once it is known.
    pub acknowledged: Option<Bitrate>,
}

/// Estimates the bandwidth of the path to one peer from transport-wide feedback.
#[derive(Clone, Debug)]
pub struct BandwidthEstimator {
    limits: Limits,
    delay: DelayBased,
    loss: LossBased,
    acknowledged: Acknowledged,
    queue: QueueDelay,
    contest: Contest,
    /// When the path was used to the full last, if that was lately.
    full_at: Option<Time>,
    /// The rate while it is found out whose the queue is.
    drain: Option<Bitrate>,
    limited: ApplicationLimited,
    prober: Prober,
    probes: ProbeResults,
    window: InFlightWindow,
    usage: Usage,
    rtt: Option<Duration>,
    last_sent: Option<Time>,
    last_report: Option<Time>,
    backed_off: Option<Time>,
    /// The target when the present silence began.
    before_silence: Option<Bitrate>,
    /// Before the window's push-back.
    target: Bitrate,
    limited_by: LimitedBy,
}

/// A sender hears of each packet within about this and a few round trips, or the path is dead.
const SILENCE: Duration = Duration::from_secs(1);
/// The silence grows with the round trip.
const SILENCE_RTTS: u32 = 4;
/// Dead for so long, the rate is cut,
const BACK_OFF_EVERY: Duration = Duration::from_millis(500);
/// to this share, again and again.
const BACK_OFF: f64 = 0.8;
/// The pacer may empty its queue this much faster than the target: a frame of the usual size leaves in
/// less than half of its time.
const PACING: f64 = 2.5;
/// A path that was used to the full within this time most likely is again.
const FULL_LATELY: Duration = Duration::from_secs(1);
/// Of a path that is full: pictures wait here, where voice passes them, and not in its queue, where it does not.
const PACING_FULL: f64 = 1.2;
/// A probe that found less than the estimate lowers it no further than to this share of what arrives.
const PROBE_DROP: f64 = 0.85;
/// A longer round trip is a mistake of the measurement.
const RTT_MOST: Duration = Duration::from_secs(10);
/// Weight of a new round-trip time.
const RTT_WEIGHT: f64 = 0.2;
/// A queue of this length, and of one packet more, is one that stands.
const STANDING: Duration = Duration::from_millis(15);
/// We yield before one of our own becomes so long: it is somebody else's, or the rate fell.
const OURS: Duration = Duration::from_millis(100);
/// What stands in a queue when it only passes packets on.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// At the lowest rates that would be any queue.
const PASSING_MOST: Duration = Duration::from_millis(40);
/// How often [`BandwidthEstimator::poll`] steps the window.
const TICK: Duration = Duration::from_millis(25);

impl BandwidthEstimator {
    /// One for a path of which nothing is known. Limits that contradict each other are put in order:
    /// `min` wins.
    pub fn new(_now: Time, limits: Limits) -> BandwidthEstimator {
        let Limits { min, start, max } = limits.ordered();
        BandwidthEstimator {
            limits: limits.ordered(),
            delay: DelayBased::new(start, min, max),
            loss: LossBased::new(min, max),
            acknowledged: Acknowledged::default(),
            queue: QueueDelay::default(),
            contest: Contest::default(),
            full_at: None,
            drain: None,
            limited: ApplicationLimited::new(start),
            prober: Prober::new(start, max),
            probes: ProbeResults::default(),
            window: InFlightWindow::new(),
            usage: Usage::Normal,
            rtt: None,
            last_sent: None,
            last_report: None,
            backed_off: None,
            before_silence: None,
            target: start,
            limited_by: LimitedBy::Configuration,
        }
    }

    /// A packet has left. Call for each, in order.
    pub fn sent(&mut self, packet: &SentPacket) {
        let media = if packet.media == Kind::Padding { 0 } else { packet.bytes };
        self.limited.sent(packet.at, media);
        if packet.media == Kind::Video {
            self.prober.begin();
        }
        self.window.sent(packet.at, packet.bytes);
        self.last_sent = self.last_sent.max(Some(packet.at));
        // Silence is counted from the first packet on.
        self.last_report = self.last_report.or(Some(packet.at));
    }

    /// What a feedback message said, as [`SendHistory::feedback`](super::SendHistory::feedback) gives it.
    /// The estimate is up to date when this returns.
    pub fn feedback(&mut self, now: Time, results: &[PacketResult]) {
        let Some(newest) = results.iter().map(|result| result.sent.at).max() else { return };
        let mut arrived: Vec<PacketResult> =
            results.iter().filter(|result| result.received.is_some()).copied().collect();
        arrived.sort_by_key(|result| (result.received, result.sent.at));
        self.last_report = Some(now);
        self.backed_off = None;
        if let Some(before) = self.before_silence.take() {
            self.prober.dropped(now, before);
        }
        self.measure_delays(now, newest, &arrived);
        for lost in results.iter().filter(|result| result.received.is_none()) {
            self.probes.packet(lost);
        }
        let mut probed = None;
        for result in &arrived {
            if let Some(received) = result.received {
                self.acknowledged.packet(result.sent.at, received, result.sent.bytes);
            }
            probed = self.probes.packet(result).or(probed);
        }
        if probed.is_some() {
            self.prober.measured();
        }
        let throughput = self.acknowledged.rate();
        let limited = self.limited.since().is_some();
        let probed = probed.map(|probed| {
            let least = throughput.map_or(Bitrate::ZERO, |rate| times(rate, PROBE_DROP));
            probed.max(least.min(self.delay.rate()))
        });
        let growth = match limited {
            true => Growth::No,
            false if self.contest.contested() => Growth::Contested,
            false => Growth::Usual,
        };
        let queue = QueueNow { latest: self.queue.latest(), standing: self.queue.now() };
        let capacity = self.acknowledged.capacity();
        let report = Report { arrived: &arrived, throughput, capacity, probed, growth, queue };
        let verdict = self.delay.report(now, report);
        self.usage = verdict.usage;
        self.loss.report(results, self.delay.rate(), throughput, limited, self.queue.now());
        self.decide(now);
        if verdict.recovered {
            self.prober.recovered(now);
        }
        self.window.step(now, self.target);
        self.full_at = match self.is_full() {
            true => Some(now),
            false => self.full_at.filter(|at| self.queue.now() < OURS && now.since(*at) < FULL_LATELY),
        };
    }

    /// A round-trip time measured by sender and receiver reports (RFC 3550 §6.4.1).
    pub fn round_trip(&mut self, _now: Time, rtt: Duration) {
        let rtt = rtt.min(RTT_MOST);
        let smoothed =
            self.rtt.map_or(rtt, |before| before.mul_f64(1.0 - RTT_WEIGHT) + rtt.mul_f64(RTT_WEIGHT));
        self.rtt = Some(smoothed);
        self.delay.set_rtt(smoothed);
    }

    /// Other limits. A higher `max` is probed for; `start` has no effect once something was reported.
    pub fn set_limits(&mut self, now: Time, limits: Limits) {
        self.limits = limits.ordered();
        let Limits { min, start, max } = self.limits;
        self.delay.set_limits(min, max);
        self.loss.set_limits(min, max);
        if self.limited_by == LimitedBy::Configuration && self.acknowledged.rate().is_none() {
            self.delay.set_rate(now, start);
        }
        self.prober.set_max(now, max);
        self.decide(now);
    }

    /// The most that all sources together could use. Probes go no higher than twice this, and there are
    /// none when the estimate has room for it already.
    pub fn set_wanted(&mut self, now: Time, wanted: Bitrate) {
        self.prober.set_wanted(now, wanted);
    }

    /// The packets take another path from now on (another ICE pair): what was learned of the old one is
    /// forgotten, and the new one is probed.
    pub fn route_changed(&mut self, now: Time) {
        let mut prober = self.prober.clone();
        prober.restart(self.limits.start);
        *self = BandwidthEstimator { prober, ..BandwidthEstimator::new(now, self.limits) };
    }

    /// What is due by the clock: probes to send, and the decay of a silent path. Call it every 25 ms, or at
    /// [`poll_at`](BandwidthEstimator::poll_at).
    pub fn poll(&mut self, now: Time) -> Vec<ProbeCluster> {
        self.limited.sent(now, 0);
        self.prober.set_limited(self.limited.since());
        self.window.step(now, self.target);
        if self.silent() && self.backed_off.is_none_or(|last| now.since(last) >= BACK_OFF_EVERY) {
            self.backed_off = Some(now);
            self.before_silence.get_or_insert(self.target);
            self.delay.set_rate(now, times(self.target, BACK_OFF));
            self.decide(now);
            self.limited_by = LimitedBy::Silence;
        }
        let clusters = self.prober.poll(now);
        for cluster in &clusters {
            self.probes.issued(now, cluster.id, cluster.min_packets, cluster.min_bytes);
        }
        clusters
    }

    /// When [`poll`](BandwidthEstimator::poll) has something to do next.
    pub fn poll_at(&self) -> Time {
        let tick = self.last_sent.unwrap_or(Time::ZERO) + TICK;
        self.prober.poll_at().map_or(tick, |due| due.min(tick))
    }

    /// Bytes that were sent and of which no report has spoken.
    pub fn in_flight(&self) -> usize {
        self.window.bytes()
    }

    /// What packets wait in queues of the path now, for statistics.
    pub fn queue_delay(&self) -> Duration {
        self.queue.now()
    }

    /// How fast to send now.
    pub fn estimate(&self) -> Estimate {
        let target = self.window.apply(self.target).max(self.limits.min);
        let congested = self.window.is_exceeded() && self.queue.latest() >= QUEUE;
        let pushed = target < self.target && self.limited_by != LimitedBy::Silence;
        Estimate {
            target,
            pacing: match (congested, self.full_at.is_some()) {
                (true, _) => target,
                (false, true) => times(self.target, PACING_FULL),
                (false, false) => times(self.target, PACING),
            },
            congested,
            full: self.full_at.is_some(),
            padding: self.loss.padding().unwrap_or(Bitrate::ZERO).min(target),
            stable: self.target,
            loss: self.loss.without_queue(),
            limited_by: if pushed { LimitedBy::InFlight } else { self.limited_by },
            acknowledged: self.acknowledged.rate(),
        }
    }

    /// Round-trip, queue and window from a report.
    fn measure_delays(&mut self, now: Time, newest: Time, arrived: &[PacketResult]) {
        let latest = arrived.last().and_then(|result| result.received);
        let received = || arrived.iter().filter_map(|r| r.received.map(|received| (r.sent.at, received)));
        let wait = received().map(|(sent, _)| now.since(sent)).max();
        self.window.reported(newest, wait);
        if let Some(least) = received().map(|(sent, received)| received.micros_from(sent)).min() {
            self.queue.report(now, least);
            let passing = Duration::from_secs_f64(PACKET_BITS / self.target.as_bps().max(1) as f64);
            self.contest.report(now, self.queue.now(), STANDING + passing.min(PASSING_MOST));
        }
        // The time that a packet waited at the receiver for the report is not the network's.
        let rtt = received()
            .filter_map(|(sent, received)| Some(now.since(sent).saturating_sub(latest?.since(received))))
            .min();
        if let Some(rtt) = rtt {
            self.round_trip(now, rtt);
        }
    }

    /// A queue stands that nobody else keeps, so the path is used to the full.
    fn is_full(&self) -> bool {
        (STANDING..OURS).contains(&self.queue.now()) && !self.contest.contested()
    }

    /// Packets leave and no report comes.
    fn silent(&self) -> bool {
        let patience = SILENCE.max(self.rtt.unwrap_or_default() * SILENCE_RTTS);
        match (self.last_sent, self.last_report) {
            (Some(sent), Some(report)) => sent.since(report) > patience,
            _ => false,
        }
    }

    /// The target from its two halves.
    fn decide(&mut self, now: Time) {
        let delay = self.delay.rate();
        let loss = self.loss.estimate().unwrap_or(delay);
        self.drain = match (self.contest.testing(), self.drain) {
            (true, None) => self.acknowledged.rate().map(|rate| times(rate, DRAIN)),
            (true, drain) => drain,
            (false, _) => None,
        };
        let drain = self.drain.unwrap_or(self.limits.max);
        self.target = clamped(delay.min(loss).min(drain), self.limits.min, self.limits.max);
        self.limited_by = match self.target {
            target if target == self.limits.max || self.acknowledged.rate().is_none() => {
                LimitedBy::Configuration
            }
            target if target < delay => LimitedBy::Loss,
            _ => LimitedBy::Delay,
        };
        let room = match (self.usage, self.loss.state()) {
            (Usage::Over | Usage::Under, _) | (_, LossState::Decreasing) => Room::None,
            (_, LossState::Increasing) => Room::Careful,
            _ if self.contest.contested() => Room::Contested,
            _ if self.is_full() => Room::Full,
            _ => Room::Free,
        };
        self.limited.set_estimate(self.target);
        self.prober.set_estimate(now, self.target, room);
    }
}

impl Limits {
    fn ordered(self) -> Limits {
        let max = self.max.max(self.min);
        Limits { min: self.min, start: clamped(self.start, self.min, max), max }
    }
}

#[cfg(test)]
#[path = "estimator_tests.rs"]
mod tests;
