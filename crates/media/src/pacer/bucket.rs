//! A token bucket in whole numbers: what it says will be enough at a moment is enough at that moment.
//!
//! Levels are counted in millionths of a bit, because a rate in bits per second times microseconds gives
//! exactly those: no rounding, so that the pacer's `poll_at` and `poll` can never disagree.

use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// Above any network, and low enough that an hour of it is far from overflowing.
const MAX_RATE: u64 = 100_000_000_000;

/// Tokens that come at a rate, up to so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: i64,
    /// The level is never above this much time at the rate.
    capacity: Duration,
    level: i64,
    updated: Time,
}

impl Bucket {
    /// An empty one without a rate.
    pub(super) fn new(now: Time, capacity: Duration) -> Bucket {
        Bucket { rate: 0, capacity, level: 0, updated: now }
    }

    pub(super) fn set_rate(&mut self, now: Time, rate: Bitrate) {
        self.refill(now);
        self.rate = rate.as_bps().min(MAX_RATE) as i64;
        self.level = self.level.min(self.worth(self.capacity));
    }

    pub(super) fn rate(&self) -> Bitrate {
        Bitrate::bps(self.rate as u64)
    }

    /// Fills it to the brim.
    pub(super) fn fill(&mut self) {
        self.level = self.worth(self.capacity);
    }

    pub(super) fn refill(&mut self, now: Time) {
        if now > self.updated {
            self.level = self.level_at(now);
            self.updated = now;
        }
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.level = self.level.saturating_sub(cost(bytes));
    }

    /// As [`Bucket::take`], but going into debt no deeper than `debt` at the rate.
    pub(super) fn take_up_to(&mut self, bytes: usize, debt: Duration) {
        let floor = self.level.min(-self.worth(debt));
        self.level = self.level.saturating_sub(cost(bytes)).max(floor);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.level <= 0
    }

    /// Whether it holds what comes in so much time.
    pub(super) fn holds(&self, time: Duration) -> bool {
        self.rate > 0 && self.level >= self.worth(time)
    }

    /// When it will hold that; never without a rate, or when that is more than fits.
    pub(super) fn holds_at(&self, time: Duration) -> Option<Time> {
        self.reaches(self.worth(time.min(self.capacity)))
    }

    /// When it will not be empty any more.
    pub(super) fn filled_at(&self) -> Option<Time> {
        self.reaches(1)
    }

    /// How long what it lacks and so many bytes more take to come.
    pub(super) fn time_for(&self, now: Time, bytes: usize) -> Duration {
        let lacking = cost(bytes).saturating_sub(self.level_at(now).min(0));
        if lacking <= 0 {
            return Duration::ZERO;
        }
        match self.rate {
            0 => Duration::MAX,
            rate => Duration::from_micros((lacking / rate) as u64),
        }
    }

    fn reaches(&self, level: i64) -> Option<Time> {
        let lacking = level.saturating_sub(self.level);
        match (lacking, self.rate) {
            (..=0, 1..) => Some(self.updated),
            (_, 1..) => {
                Some(self.updated + Duration::from_micros((lacking as u64).div_ceil(self.rate as u64)))
            }
            _ => None,
        }
    }

    fn level_at(&self, now: Time) -> i64 {
        let come = self.rate.saturating_mul(micros(now.since(self.updated)));
        self.level.saturating_add(come).min(self.worth(self.capacity))
    }

    fn worth(&self, time: Duration) -> i64 {
        self.rate.saturating_mul(micros(time))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn cost(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(8_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_that_it_names_is_the_first_at_which_there_is_enough() {
        for (kbps, bytes) in [(1000, 1250), (1001, 1250), (7, 1), (999_999, 60_000)] {
            let mut bucket = Bucket::new(Time::ZERO, Duration::from_millis(10));
            bucket.set_rate(Time::ZERO, Bitrate::kbps(kbps));
            bucket.take(bytes);
            let rest = Duration::from_millis(5);
            let named = bucket.holds_at(rest).unwrap_or_default();
            let holds = |at: Time| {
                let mut later = bucket;
                later.refill(at);
                later.holds(rest)
            };
            assert!(holds(named) && !holds(named - Duration::from_micros(1)), "{kbps} {bytes}: {named:?}");
        }
    }
}
