//! How long packets wait on the path: one-way delay above the least that was seen.
//!
//! Sender's and receiver's clocks have nothing in common, but their difference is constant but for drift,
//! so the least delay of the last minute stands for an empty path (as in LEDBAT, RFC 6817 §2.4.2).
//! A queue that another flow keeps full for longer becomes the new rest. The smallest delay of a report
//! is used, which jitter does not move and a standing queue does.

use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// The measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueDelay {
    /// Slices of time, each with the least delay in it (microseconds, clocks' difference included).
    slices: VecDeque<(Time, i64)>,
    /// Of the latest reports.
    recent: VecDeque<(Time, i64)>,
}

/// The rest is remembered for so long: the path may have changed, and clocks drift by up to 6 ms in it.
const MEMORY: Duration = Duration::from_secs(60);
/// Length of a slice of the memory.
const SLICE: Duration = Duration::from_secs(3);
/// The present is the least of so long: a few reports, so that a burst of frames does not count.
const PRESENT: Duration = Duration::from_millis(200);

impl QueueDelay {
    /// A report of packets; `least_micros` is the smallest difference of arrival (receiver's clock) and
    /// sending (sender's clock) in it.
    pub(super) fn report(&mut self, now: Time, least_micros: i64) {
        match self.slices.back_mut() {
            Some((began, least)) if now.since(*began) < SLICE => *least = least_micros.min(*least),
            _ => self.slices.push_back((now, least_micros)),
        }
        while self.slices.front().is_some_and(|(began, _)| now.since(*began) > MEMORY) {
            self.slices.pop_front();
        }
        self.recent.push_back((now, least_micros));
        while self.recent.front().is_some_and(|(at, _)| now.since(*at) > PRESENT) {
            self.recent.pop_front();
        }
    }

    /// What the packets of the latest report waited at least.
    pub(super) fn latest(&self) -> Duration {
        self.above_rest(self.recent.back().map(|(_, least)| *least))
    }

    /// What packets wait now, beyond the least of the last minute.
    pub(super) fn now(&self) -> Duration {
        self.above_rest(self.recent.iter().map(|(_, least)| *least).min())
    }

    fn above_rest(&self, delay: Option<i64>) -> Duration {
        let rest = self.slices.iter().map(|(_, least)| *least).min();
        match (rest, delay) {
            (Some(rest), Some(present)) => Duration::from_micros(present.saturating_sub(rest).max(0) as u64),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_what_exceeds_the_least_delay_whatever_the_clocks_say() {
        let mut queue = QueueDelay::default();
        let mut now = Time::ZERO;
        let mut report = |queue: &mut QueueDelay, millis: i64, times: u32| {
            for _ in 0..times {
                now += Duration::from_millis(100);
                queue.report(now, millis * 1000 - 77_000_000);
            }
            queue.now().as_millis()
        };
        assert_eq!(report(&mut queue, 25, 10), 0);
        assert_eq!(report(&mut queue, 225, 1), 0, "one late report is jitter");
        assert_eq!(report(&mut queue, 225, 3), 200, "several are a queue");
        assert_eq!(report(&mut queue, 225, 700), 0, "one that stays becomes the rest");
    }
}
