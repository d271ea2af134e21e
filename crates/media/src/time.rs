//! A moment, in microseconds of whatever clock the caller reads.
//!
//! This is not a clock, and it is not `std::time::Instant`: an `Instant` can be had only from the
//! system, so a test could not say "two seconds later", and it cannot cross a process. The caller
//! chooses the epoch (monotonic since start, or UNIX time where two processes compare) and keeps to it.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment in microseconds since an epoch that the caller chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The epoch itself.
    pub const ZERO: Time = Time(0);

    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Time {
        Time(micros)
    }

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Microseconds from `other` to this: negative when this is the earlier one.
    pub const fn micros_from(self, other: Time) -> i64 {
        self.0.wrapping_sub(other.0) as i64
    }

    /// This moment moved by a signed number of microseconds, stopping at the epoch.
    pub const fn shifted(self, micros: i64) -> Time {
        Time(self.0.saturating_add_signed(micros))
    }
}

impl From<Duration> for Time {
    fn from(since_epoch: Duration) -> Time {
        Time(since_epoch.as_micros().min(u128::from(u64::MAX)) as u64)
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, later: Duration) -> Time {
        Time(self.0.saturating_add(later.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, later: Duration) {
        *self = *self + later;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, earlier: Duration) -> Time {
        Time(self.0.saturating_sub(earlier.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

impl Sub<Time> for Time {
    type Output = Duration;
    /// Like [`Time::since`]: zero when the right side is later.
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_never_goes_below_zero_and_a_signed_one_does() {
        let early = Time::from_millis(10);
        let late = early + Duration::from_millis(5);
        assert_eq!(late - early, Duration::from_millis(5));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(early.micros_from(late), -5000);
        assert_eq!(late.shifted(-5000), early);
        assert_eq!(early.shifted(-1_000_000), Time::ZERO);
        assert_eq!(format!("{late:?}"), "0.015000s");
    }
}
