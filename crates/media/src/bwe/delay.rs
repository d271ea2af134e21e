//! The delay-based half: groups, their trend, and the rate that follows from it.

use super::aimd::{Aimd, Growth};
use super::arrival::Arrivals;
use super::feedback::PacketResult;
use super::times;
use super::trendline::{Trendline, Usage};
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// What a report made of the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DelayVerdict {
    /// What the queues do.
    pub(super) usage: Usage,
    /// They were emptying and are at rest now.
    pub(super) recovered: bool,
}

/// What packets wait in queues of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueNow {
    /// In the latest report, at least.
    pub(super) latest: Duration,
    /// In the last moments, at least: jitter does not move it.
    pub(super) standing: Duration,
}

/// A report, and what the other parts make of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    /// Packets that arrived, in the order of arrival.
    pub(super) arrived: &'a [PacketResult],
    /// What arrived in the last half second,
    pub(super) throughput: Option<Bitrate>,
    /// and what the path takes, if more was sent in the last moment.
    pub(super) capacity: Option<Bitrate>,
    /// What a probe measured.
    pub(super) probed: Option<Bitrate>,
    /// How the rate may grow.
    pub(super) growth: Growth,
    /// What packets wait.
    pub(super) queue: QueueNow,
}

/// The delay-based estimator.
#[derive(Clone, Debug)]
pub(super) struct DelayBased {
    arrivals: Arrivals,
    trendline: Trendline,
    aimd: Aimd,
    reported: Option<Time>,
    /// The longest queue of the present overuse.
    longest: Duration,
}

/// After a pause of this length the old spacing means nothing.
const PAUSE: Duration = Duration::from_secs(2);
/// A rise below this is a frame of somebody else, or jitter: yielding to it, the smaller of two flows would
/// always yield to the larger.
const LEAST: Duration = Duration::from_millis(15);
/// There is nothing below this that could empty.
const EMPTY: Duration = Duration::from_millis(10);
/// The trend lags behind: when the queue has come down to this share of its longest, enough was done.
const DRAINING: f64 = 0.85;
/// Above this queue the rate does not grow, though the queue may not.
const HOLD: Duration = Duration::from_millis(20);
/// Overuse before anything arrived: the rate is cut to this share, again and again.
const BLIND_DECREASE: f64 = 0.5;

impl DelayBased {
    pub(super) fn new(start: Bitrate, min: Bitrate, max: Bitrate) -> DelayBased {
        DelayBased {
            arrivals: Arrivals::default(),
            trendline: Trendline::new(),
            aimd: Aimd::new(start, min, max),
            reported: None,
            longest: Duration::ZERO,
        }
    }

    pub(super) fn rate(&self) -> Bitrate {
        self.aimd.rate()
    }

    pub(super) fn set_rate(&mut self, now: Time, rate: Bitrate) {
        self.aimd.set_rate(now, rate);
    }

    pub(super) fn set_limits(&mut self, min: Bitrate, max: Bitrate) {
        self.aimd.set_limits(min, max);
    }

    pub(super) fn set_rtt(&mut self, rtt: Duration) {
        self.aimd.set_rtt(rtt);
    }

    /// Takes a report of the receiver.
    pub(super) fn report(&mut self, now: Time, report: Report<'_>) -> DelayVerdict {
        let Report { arrived, throughput, capacity, probed, growth, queue } = report;
        let contested = growth == Growth::Contested;
        if self.reported.is_some_and(|last| now.since(last) > PAUSE) {
            self.arrivals = Arrivals::default();
            self.trendline = Trendline::new();
        }
        self.reported = Some(now);
        self.trendline.set_contested(contested);
        let mut recovered = false;
        for result in arrived {
            let Some(received) = result.received else { continue };
            let before = self.trendline.usage();
            if let Some(delta) = self.arrivals.packet(now, result.sent.at, received) {
                self.trendline.update(delta);
            }
            recovered |= before == Usage::Under && self.trendline.usage() == Usage::Normal;
        }
        let usage = match self.trendline.usage() {
            Usage::Over if queue.latest < LEAST && !contested => Usage::Normal,
            Usage::Under if queue.standing < EMPTY => Usage::Normal,
            usage => usage,
        };
        if usage != Usage::Over {
            self.longest = Duration::ZERO;
        }
        match (usage, capacity.or(throughput), probed) {
            (Usage::Over, None, _) => {
                if self.aimd.may_decrease(now, times(self.aimd.rate(), BLIND_DECREASE)) {
                    self.aimd.set_rate(now, times(self.aimd.rate(), BLIND_DECREASE));
                }
            }
            (Usage::Over, Some(arriving), _) => {
                let draining = queue.standing < self.longest.mul_f64(DRAINING);
                self.longest = self.longest.max(queue.standing);
                if !draining && self.aimd.may_decrease(now, arriving) {
                    self.aimd.update(now, usage, Some(arriving), growth);
                }
            }
            (_, _, Some(probed)) if probed > self.aimd.rate() || queue.latest >= LEAST => {
                self.aimd.set_rate(now, probed)
            }
            (Usage::Normal, _, _) if queue.standing > HOLD && !contested => self.aimd.hold(now),
            _ => self.aimd.update(now, usage, throughput, growth),
        }
        DelayVerdict { usage, recovered }
    }
}
