//! The process's one clock.
//!
//! Everything in a call that needs a moment gets it from here, so that a picture's capture time, a
//! sound's play time and a packet's arrival can be compared by subtraction. It is monotonic: it does not
//! follow the system's clock when somebody sets it. UNIX time is taken once, at the first use, for what
//! two processes compare (the test picture and tone); between two computers it is as good as their
//! clocks are.

use snug_media::Time;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock begins at this reading, so that the moment before the first one can still be said.
const HEAD_START: Duration = Duration::from_secs(10);

/// A monotonic clock that the whole process shares. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_since_1970: Duration,
}

static SHARED: OnceLock<Clock> = OnceLock::new();

impl Clock {
    /// The process's clock.
    pub fn shared() -> Clock {
        *SHARED.get_or_init(|| Clock {
            start: Instant::now(),
            start_since_1970: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        })
    }

    /// This moment.
    pub fn now(&self) -> Time {
        self.at(Instant::now())
    }

    /// The moment of an `Instant`.
    pub fn at(&self, instant: Instant) -> Time {
        Time::from(HEAD_START + instant.saturating_duration_since(self.start))
    }

    /// The `Instant` of a moment, for time-outs of the standard library and tokio.
    pub fn instant(&self, time: Time) -> Instant {
        self.start + Duration::from_micros(time.as_micros()).saturating_sub(HEAD_START)
    }

    /// A moment as microseconds since 1970, for what crosses processes.
    pub fn unix_micros(&self, time: Time) -> u64 {
        (self.start_since_1970.as_micros() as u64 + time.as_micros())
            .saturating_sub(HEAD_START.as_micros() as u64)
    }

    /// A moment as milliseconds since 1970.
    pub fn unix_ms(&self, time: Time) -> u64 {
        self.unix_micros(time) / 1000
    }

    /// The moment of so many microseconds since 1970; the clock's beginning for earlier ones.
    pub fn of_unix_micros(&self, micros: u64) -> Time {
        let start = self.start_since_1970.as_micros() as u64;
        Time::from_micros((micros + HEAD_START.as_micros() as u64).saturating_sub(start))
    }

    /// Blocks this thread until then.
    pub fn sleep_until(&self, time: Time) {
        std::thread::sleep(time.since(self.now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again() {
        let clock = Clock::shared();
        let now = clock.now();
        assert_eq!(clock.at(clock.instant(now)), now);
        assert_eq!(clock.of_unix_micros(clock.unix_micros(now)), now);
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        assert!(clock.unix_ms(clock.now()).abs_diff(system) < 1000);
    }

    #[test]
    fn copies_tell_the_same_time() {
        let (one, other) = (Clock::shared(), Clock::shared());
        assert_eq!(one.instant(Time::from_millis(12_345)), other.instant(Time::from_millis(12_345)));
        assert!(one.now() >= Time::from(HEAD_START));
    }
}
