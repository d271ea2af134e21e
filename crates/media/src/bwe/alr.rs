//! Whether the application sends less than it may: the application-limited region.
//!
//! While it does, what arrives says nothing of the path's capacity, so the estimate neither grows nor
//! shrinks by it, and probes take the place of traffic (libwebrtc's `AlrDetector`).

use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// The detector: a budget that fills at a share of the estimate and that sending uses up.
#[derive(Clone, Debug)]
pub(super) struct ApplicationLimited {
    budget: f64,
    rate: Bitrate,
    last: Option<Time>,
    since: Option<Time>,
}

/// Using less than this share of the estimate counts as limited.
const SHARE: f64 = 0.65;
/// The budget holds this much: pauses between frames and pictures that need few bits are no limit.
const WINDOW: Duration = Duration::from_millis(500);
/// Filled to this, the application is limited,
const ENTER: f64 = 0.8;
/// until it falls to this.
const LEAVE: f64 = 0.5;

impl ApplicationLimited {
    pub(super) fn new(estimate: Bitrate) -> ApplicationLimited {
        ApplicationLimited { budget: 0.0, rate: times(estimate, SHARE), last: None, since: None }
    }

    /// The estimate changed.
    pub(super) fn set_estimate(&mut self, estimate: Bitrate) {
        self.rate = times(estimate, SHARE);
        let full = self.full();
        self.budget = self.budget.clamp(-full, full);
    }

    /// So many bytes of media were sent; none to let time pass.
    pub(super) fn sent(&mut self, now: Time, bytes: usize) {
        let passed = now.since(self.last.unwrap_or(now));
        self.last = Some(now.max(self.last.unwrap_or(now)));
        let full = self.full();
        let spent = (self.budget - bytes as f64).max(-full);
        self.budget = (spent + self.rate.as_bps() as f64 / 8.0 * passed.as_secs_f64()).min(full);
        let level = if full > 0.0 { self.budget / full } else { 0.0 };
        match self.since {
            None if level > ENTER => self.since = Some(now),
            Some(_) if level < LEAVE => self.since = None,
            _ => {}
        }
    }

    /// Since when the application sends less than it may.
    pub(super) fn since(&self) -> Option<Time> {
        self.since
    }

    fn full(&self) -> f64 {
        self.rate.as_bps() as f64 / 8.0 * WINDOW.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_rate_is_limited_and_the_whole_rate_is_not() {
        let mut alr = ApplicationLimited::new(Bitrate::kbps(800));
        let mut now = Time::ZERO;
        let mut send = |alr: &mut ApplicationLimited, bytes: usize, times: u32| {
            for _ in 0..times {
                now += Duration::from_millis(10);
                alr.sent(now, bytes);
            }
        };
        send(&mut alr, 1000, 200);
        assert_eq!(alr.since(), None, "800 of 800 kbit/s");
        send(&mut alr, 250, 200);
        assert!(alr.since().is_some(), "200 of 800 kbit/s");
        send(&mut alr, 1000, 200);
        assert_eq!(alr.since(), None, "800 again");
    }
}
