//! Whether a queue that does not go away is somebody else's.
//!
//! A flow that fills the queue until it loses packets (TCP) leaves nothing to one that yields to delay. A
//! queue that stands for seconds, though the delay-based half yields to it, is suspected; then we send
//! clearly less for a second. If it empties it was ours and is gone; if not, it is contested, and the
//! delay-based half gives way less easily (Nimbus and Copa test for elastic cross traffic likewise). While
//! it lasts the test is repeated, so that a mistake, or a download that ends, costs some seconds at most.

use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// The judge.
#[derive(Clone, Debug, Default)]
pub(super) struct Contest {
    /// Of each report lately: whether there was a queue.
    reports: VecDeque<(Time, bool)>,
    /// When the present test ends.
    test: Option<Time>,
    /// Since when, or since the last test.
    contested: Option<Time>,
}

/// A queue is watched for so long: a few of our own rises and falls, or one of TCP's.
const WATCH: Duration = Duration::from_secs(4);
/// There in this share of the reports, it is suspected. Our own is gone half of the time.
const PRESENT: f64 = 0.8;
/// A test lasts at least this long: reports of it must arrive,
const TEST: Duration = Duration::from_millis(400);
/// and longer by this many times the queue,
const TEST_QUEUES: u32 = 2;
/// but no longer than the eye forgives.
const TEST_MOST: Duration = Duration::from_secs(2);
/// Between tests while it is contested.
const AGAIN: Duration = Duration::from_secs(8);
/// What is sent during a test, of what arrives: a queue of ours is gone in 2.5 times its length.
pub(super) const DRAIN: f64 = 0.6;

impl Contest {
    /// Packets wait for `queue`; from `standing` on it counts as a queue.
    pub(super) fn report(&mut self, now: Time, queue: Duration, standing: Duration) {
        let there = queue >= standing;
        self.reports.push_back((now, there));
        while self.reports.front().is_some_and(|(at, _)| now.since(*at) > WATCH) {
            self.reports.pop_front();
        }
        if let Some(ends) = self.test {
            if now >= ends {
                self.test = None;
                self.reports.clear();
                self.contested = there.then_some(now);
            }
            return;
        }
        let due = match self.contested {
            Some(last) => now.since(last) >= AGAIN,
            None => self.is_suspect(now),
        };
        if due {
            self.test = Some(now + (TEST + queue * TEST_QUEUES).min(TEST_MOST));
        }
    }

    fn is_suspect(&self, now: Time) -> bool {
        let watched = self.reports.front().is_some_and(|(at, _)| now.since(*at) + TEST >= WATCH);
        let present = self.reports.iter().filter(|(_, there)| *there).count();
        watched && present as f64 >= PRESENT * self.reports.len() as f64
    }

    /// Somebody else fills the queue.
    pub(super) fn contested(&self) -> bool {
        self.contested.is_some()
    }

    /// Send less now, to see whose the queue is.
    pub(super) fn testing(&self) -> bool {
        self.test.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: Duration = Duration::from_millis(20);

    /// Reports every 100 ms for so many seconds; `queue` says what waits while the test runs or not.
    fn seconds(
        contest: &mut Contest,
        now: &mut Time,
        seconds: u32,
        queue: impl Fn(bool) -> u64,
    ) -> (u32, u32) {
        let (mut tested, mut contested) = (0, 0);
        for _ in 0..seconds * 10 {
            *now += Duration::from_millis(100);
            contest.report(*now, Duration::from_millis(queue(contest.testing())), STANDING);
            tested += u32::from(contest.testing());
            contested += u32::from(contest.contested());
        }
        (tested, contested)
    }

    #[test]
    fn a_queue_that_empties_when_we_yield_is_ours() {
        let (mut contest, mut now) = (Contest::default(), Time::ZERO);
        let (tested, contested) = seconds(&mut contest, &mut now, 20, |testing| if testing { 5 } else { 80 });
        assert!(tested > 0);
        assert_eq!(contested, 0);
    }

    #[test]
    fn one_that_stays_is_somebody_elses_until_he_goes() {
        let (mut contest, mut now) = (Contest::default(), Time::ZERO);
        let (_, contested) = seconds(&mut contest, &mut now, 20, |_| 80);
        assert!(contested > 100, "{contested}");
        let (_, contested) = seconds(&mut contest, &mut now, 30, |_| 5);
        assert!(contested < 100, "{contested}");
        assert!(!contest.contested());
    }

    #[test]
    fn a_queue_that_comes_and_goes_is_not_even_suspected() {
        let (mut contest, mut now) = (Contest::default(), Time::ZERO);
        for _ in 0..20 {
            assert_eq!(seconds(&mut contest, &mut now, 1, |_| 80), (0, 0));
            assert_eq!(seconds(&mut contest, &mut now, 1, |_| 5), (0, 0));
        }
    }
}
