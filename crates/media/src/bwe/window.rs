//! Pushing back when more is on its way than the path holds.
//!
//! The window is what the path holds at the present rate plus a little queue; when more is in flight, the
//! rate given to the encoders is cut step by step, long before the estimate itself could know
//! (libwebrtc's congestion window push-back). It recovers by itself as reports come in.

use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

/// What is in flight, and how much the rate is cut for it.
#[derive(Clone, Debug)]
pub(super) struct InFlightWindow {
    /// Sent and not reported, in the order of sending.
    flying: VecDeque<(Time, usize)>,
    bytes: usize,
    /// The longest wait for a report, of each of the last reports.
    waits: VecDeque<Duration>,
    /// What may be in flight, in bytes; nothing before there was a report.
    window: Option<f64>,
    share: f64,
    stepped: Option<Time>,
}

/// Reports whose waits are remembered: about three seconds.
const WAITS: usize = 32;
/// Queue that is tolerated: as much delay as a conversation does not notice.
pub(super) const QUEUE: Duration = Duration::from_millis(75);
/// Below two packets nothing would move.
const LEAST_BYTES: f64 = 3000.0;
/// Between two steps.
const STEP: Duration = Duration::from_millis(25);
/// A step down when the window is exceeded,
const DOWN: f64 = 0.95;
/// when it is exceeded by half,
const MUCH: f64 = 1.5;
/// a larger one,
const DOWN_FAST: f64 = 0.9;
/// and a step up when it is not.
const UP: f64 = 1.1;
/// The cut goes no deeper: a queue empties nearly as fast, pictures go on, and it is undone within a quarter of a second.
const LEAST_SHARE: f64 = 0.4;
/// Packets are in flight for no longer: their report was lost.
const LOST_REPORT: Duration = Duration::from_secs(10);

impl InFlightWindow {
    pub(super) fn new() -> InFlightWindow {
        InFlightWindow {
            flying: VecDeque::new(),
            bytes: 0,
            waits: VecDeque::new(),
            window: None,
            share: 1.0,
            stepped: None,
        }
    }

    /// A packet left.
    pub(super) fn sent(&mut self, now: Time, bytes: usize) {
        self.flying.push_back((now, bytes));
        self.bytes += bytes;
        while self.flying.front().is_some_and(|(at, _)| now.since(*at) > LOST_REPORT) {
            self.land_one();
        }
    }

    /// A report spoke of packets sent up to `sent`; the oldest of those that had arrived waited `wait` for it.
    pub(super) fn reported(&mut self, sent: Time, wait: Option<Duration>) {
        while self.flying.front().is_some_and(|(at, _)| *at <= sent) {
            self.land_one();
        }
        if let Some(wait) = wait {
            self.waits.push_back(wait);
            if self.waits.len() > WAITS {
                self.waits.pop_front();
            }
        }
    }

    /// Bytes sent and not reported.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Moves the cut by what is in flight, for an estimate of `rate`.
    pub(super) fn step(&mut self, now: Time, rate: Bitrate) {
        if self.stepped.is_some_and(|last| now.since(last) < STEP) {
            return;
        }
        self.stepped = Some(now);
        let Some(wait) = self.waits.iter().min() else { return };
        let window = (rate.bytes_in(*wait + QUEUE) as f64).max(LEAST_BYTES);
        self.window = Some(window);
        let filled = self.bytes as f64 / window;
        self.share *= match filled {
            f if f > MUCH => DOWN_FAST,
            f if f > 1.0 => DOWN,
            _ => UP,
        };
        self.share = self.share.clamp(LEAST_SHARE, 1.0);
    }

    /// Much more is in flight than may be.
    pub(super) fn is_exceeded(&self) -> bool {
        self.window.is_some_and(|window| self.bytes as f64 > MUCH * window)
    }

    /// The rate after the cut.
    pub(super) fn apply(&self, rate: Bitrate) -> Bitrate {
        times(rate, self.share)
    }

    fn land_one(&mut self) {
        if let Some((_, bytes)) = self.flying.pop_front() {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_that_stay_away_cut_the_rate_and_their_return_restores_it() {
        let mut window = InFlightWindow::new();
        let rate = Bitrate::kbps(800);
        let mut now = Time::ZERO;
        for n in 0..200 {
            now += Duration::from_millis(10);
            window.sent(now, 1000);
            if n < 100 {
                window.reported(now - Duration::from_millis(50), Some(Duration::from_millis(100)));
            }
            window.step(now, rate);
            if n == 99 {
                assert_eq!(window.apply(rate), rate);
            }
        }
        assert!(window.bytes() > 100_000);
        assert_eq!(window.apply(rate), times(rate, LEAST_SHARE));
        window.reported(now, Some(Duration::from_millis(100)));
        assert_eq!(window.bytes(), 0);
        for _ in 0..100 {
            now += Duration::from_millis(25);
            window.step(now, rate);
        }
        assert_eq!(window.apply(rate), rate);
    }
}
