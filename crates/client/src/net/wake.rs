//! Notices that the computer slept.
//!
//! While it sleeps the monotonic clock stands still (on Linux and macOS), so no time-out of ours ends, and sockets that died look alive
//! until their watchdog. The wall clock goes on: when it gained much more than the monotonic one, we slept. Asking each system's power
//! management instead would be three interfaces for one bit; a clock that somebody sets looks the same, and costs one reconnect.

use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often the clocks are compared. After waking, a socket is replaced this much later at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// More than any scheduling delay or step of a time daemon, less than a sleep after which sockets are dead.
const SLEPT: Duration = Duration::from_secs(10);

/// The last look at both clocks.
#[derive(Clone, Copy, Debug)]
struct Look {
    monotonic: Duration,
    wall: Duration,
}

impl Look {
    /// Whether it slept between `self` and `now`.
    fn slept_until(self, now: Self) -> bool {
        let awake = now.monotonic.saturating_sub(self.monotonic);
        now.wall.saturating_sub(self.wall) > awake + SLEPT
    }
}

/// Counts one up in `wakes` after each sleep, until the handle is dropped.
pub(crate) fn watch_sleep(wakes: watch::Sender<u64>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let began = Instant::now();
        let look = || Look {
            monotonic: began.elapsed(),
            wall: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        };
        let mut last = look();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = look();
            if last.slept_until(now) {
                tracing::info!("the computer slept; connecting anew");
                wakes.send_modify(|count| *count += 1);
            }
            last = now;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(monotonic: u64, wall: u64) -> Look {
        Look { monotonic: Duration::from_secs(monotonic), wall: Duration::from_secs(wall) }
    }

    #[test]
    fn a_sleep_is_told_from_a_slow_machine_and_a_clock_set_back() {
        assert!(look(10, 1000).slept_until(look(12, 4600)));
        assert!(!look(10, 1000).slept_until(look(12, 1002)));
        assert!(!look(10, 1000).slept_until(look(70, 1060)), "a task that was late by a minute");
        assert!(!look(10, 1000).slept_until(look(12, 400)), "set back");
    }
}
