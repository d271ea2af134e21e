//! A beat kept by the clock, without drift: what makes a file or a test source run as a device does.
//!
//! Each beat is computed from the first, so that a late one does not make the next one late.

use crate::clock::Clock;
use snug_media::Time;
use std::time::Duration;

/// Counts beats that lie `period` = `numerator`/`denominator` seconds apart.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    clock: Clock,
    origin: Time,
    numerator: u64,
    denominator: u64,
    next: u64,
}

impl Pace {
    /// Beats of so many seconds each; the first is now.
    pub(super) fn new(clock: Clock, numerator: u64, denominator: u64) -> Pace {
        Pace { clock, origin: clock.now(), numerator, denominator: denominator.max(1), next: 0 }
    }

    /// When beat `number` is.
    pub(super) fn at(&self, number: u64) -> Time {
        let micros =
            u128::from(number) * u128::from(self.numerator) * 1_000_000 / u128::from(self.denominator);
        self.origin + Duration::from_micros(micros as u64)
    }

    /// The number of the latest beat that is not in the future.
    fn latest(&self, now: Time) -> u64 {
        let micros = now.since(self.origin).as_micros();
        let number =
            (micros * u128::from(self.denominator) / (u128::from(self.numerator.max(1)) * 1_000_000)) as u64;
        // Rounding down in `at` can put the next beat onto this very microsecond.
        if self.at(number + 1) <= now { number + 1 } else { number }
    }

    /// Waits for the next beat, at most so long; says its number. When more than one has passed
    /// meanwhile, the latest is taken and those before it are left out, which the number shows.
    pub(super) fn wait_latest(&mut self, timeout: Duration) -> Option<u64> {
        if !self.sleep_until_next(timeout) {
            return None;
        }
        let number = self.next.max(self.latest(self.clock.now()));
        self.next = number + 1;
        Some(number)
    }

    /// Waits for the next beat, at most so long; none is left out, unless the clock is more than
    /// `patience` ahead (the computer slept): then the beats in between are.
    pub(super) fn wait_each(&mut self, timeout: Duration, patience: Duration) -> Option<u64> {
        if !self.sleep_until_next(timeout) {
            return None;
        }
        let now = self.clock.now();
        let number = if now.since(self.at(self.next)) > patience { self.latest(now) } else { self.next };
        self.next = number + 1;
        Some(number)
    }

    fn sleep_until_next(&self, timeout: Duration) -> bool {
        let (now, due) = (self.clock.now(), self.at(self.next));
        let wait = due.since(now);
        std::thread::sleep(wait.min(timeout));
        wait <= timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_and_one_frames_of_thirty_do_not_drift() {
        let pace = Pace::new(Clock::shared(), 1, 30);
        assert_eq!(pace.at(30) - pace.at(0), Duration::from_secs(1));
        assert_eq!(pace.at(30 * 3600) - pace.at(0), Duration::from_secs(3600));
        let ntsc = Pace::new(Clock::shared(), 1001, 30_000);
        assert_eq!(ntsc.at(30_000) - ntsc.at(0), Duration::from_secs(1001));
        for number in 0..2000 {
            assert_eq!(ntsc.latest(ntsc.at(number)), number);
        }
    }

    #[test]
    fn the_one_who_is_late_gets_the_latest_beat_or_each_as_he_likes() {
        let clock = Clock::shared();
        let mut pace = Pace::new(clock, 1, 1000);
        pace.origin = clock.now() - Duration::from_millis(50);
        let mut patient = pace.clone();
        let mut slept = pace.clone();
        assert!(pace.wait_latest(Duration::ZERO) >= Some(50));
        assert_eq!(patient.wait_each(Duration::ZERO, Duration::from_secs(1)), Some(0));
        assert_eq!(patient.wait_each(Duration::ZERO, Duration::from_secs(1)), Some(1));
        assert!(slept.wait_each(Duration::ZERO, Duration::from_millis(10)) >= Some(50));
    }

    #[test]
    fn a_beat_in_the_future_is_waited_for_no_longer_than_allowed() {
        let clock = Clock::shared();
        let mut pace = Pace::new(clock, 3600, 1);
        assert_eq!(pace.wait_latest(Duration::ZERO), Some(0));
        assert_eq!(pace.wait_latest(Duration::from_millis(1)), None);
    }
}
