//! The delay-based half: groups, their trend, and the rate that follows from it.

use super::aimd::Aimd;
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

/// The delay-based estimator.
#[derive(Clone, Debug)]
pub(super) struct DelayBased {
    arrivals: Arrivals,
    trendline: Trendline,
    aimd: Aimd,
    reported: Option<Time>,
}

/// After a pause of this length the old spacing means nothing.
const PAUSE: Duration = Duration::from_secs(2);
/// Overuse before anything arrived: the rate is cut to this share, again and again.
const BLIND_DECREASE: f64 = 0.5;

impl DelayBased {
    pub(super) fn new(start: Bitrate, min: Bitrate, max: Bitrate) -> DelayBased {
        DelayBased {
            arrivals: Arrivals::default(),
            trendline: Trendline::new(),
            aimd: Aimd::new(start, min, max),
            reported: None,
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

    /// Packets that arrived, in the order of arrival; `recent` is what arrived in the last moment,
    /// `throughput` in the last half second, `probed` what a probe measured.
    pub(super) fn report(
        &mut self,
        now: Time,
        arrived: &[PacketResult],
        throughput: Option<Bitrate>,
        recent: Option<Bitrate>,
        probed: Option<Bitrate>,
        application_limited: bool,
    ) -> DelayVerdict {
        if self.reported.is_some_and(|last| now.since(last) > PAUSE) {
            self.arrivals = Arrivals::default();
            self.trendline = Trendline::new();
        }
        self.reported = Some(now);
        let mut recovered = false;
        for result in arrived {
            let Some(received) = result.received else { continue };
            let before = self.trendline.usage();
            if let Some(delta) = self.arrivals.packet(now, result.sent.at, received) {
                self.trendline.update(delta);
            }
            recovered |= before == Usage::Under && self.trendline.usage() == Usage::Normal;
        }
        let usage = self.trendline.usage();
        match (usage, throughput.or(recent), probed) {
            (Usage::Over, None, _) => {
                if self.aimd.may_decrease(now, times(self.aimd.rate(), BLIND_DECREASE)) {
                    self.aimd.set_rate(now, times(self.aimd.rate(), BLIND_DECREASE));
                }
            }
            (Usage::Over, Some(usual), _) => {
                let arriving = recent.map_or(usual, |recent| recent.min(usual));
                if self.aimd.may_decrease(now, arriving) {
                    self.aimd.update(now, usage, Some(arriving), application_limited);
                }
            }
            (_, _, Some(probed)) => self.aimd.set_rate(now, probed),
            (_, throughput, None) => self.aimd.update(now, usage, throughput, application_limited),
        }
        DelayVerdict { usage, recovered }
    }
}
