//! How long to wait before the next attempt.
//!
//! Exponential with jitter, so that the many clients of a server that restarts do not all come back in the same moment.
//! It is told neither the time nor the randomness: the caller gives both.

use std::time::Duration;

/// A person notices half a minute; a server that is down does not notice one attempt per client in it.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one thing that is tried again.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits that begin around `first`.
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// The server says how long to wait at first (`retry:` of the event stream); bounded, as it comes from outside.
    pub(crate) fn set_first(&mut self, first: Duration) {
        self.first = first.clamp(Duration::from_millis(100), LONGEST);
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait now. `random` is uniform in 0..1; the wait is uniform in half to one and a half of the nominal one.
    pub(crate) fn failed(&mut self, random: f64) -> Duration {
        let nominal = self.first.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        nominal.mul_f64(0.5 + random.clamp(0.0, 1.0)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_grow_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(500));
        let waits: Vec<u128> = (0..9).map(|_| backoff.failed(0.5).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.failed(0.5).as_millis(), 500);
    }

    proptest! {
        #[test]
        fn no_wait_is_absurd(first in 0u64..1_000_000_000, failures in 1usize..80, random in -1.0..2.0f64) {
            let mut backoff = Backoff::new(Duration::from_secs(1));
            backoff.set_first(Duration::from_millis(first));
            for _ in 0..failures {
                let wait = backoff.failed(random);
                prop_assert!(wait >= Duration::from_millis(50) && wait <= LONGEST);
            }
        }
    }
}
