//! How long a missing packet may still be on its way: learnt from those that came late by themselves.
//!
//! Asking too early fetches what would have come anyway, asking late holds every picture up. So the wait is
//! the shortest one for which few asks are in vain compared with those that were needed. Counting newer
//! packets instead, as TCP and libwebrtc do, mistakes a shaken burst for loss: a frame's packets leave
//! together.

use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// How long what happened counts.
const MEMORY: Duration = Duration::from_secs(10);
/// The latest so many: a second or two of heavy reordering.
const MAX_EVENTS: usize = 256;
/// One ask in vain for so many that were needed.
const NEEDED_PER_VAIN: usize = 8;
/// Where nothing was ever late: packets of one burst, read from the socket one by one.
const LEAST: Duration = Duration::from_millis(1);
/// What is later than this is better asked for.
const MOST: Duration = Duration::from_millis(60);

/// Learns how late packets come by themselves.
#[derive(Debug, Default)]
pub(super) struct Reordering {
    /// How late each came; nothing for one that was lost.
    events: VecDeque<(Time, Option<Duration>)>,
    wait: Option<Duration>,
}

impl Reordering {
    /// How long to wait before asking.
    pub(super) fn wait(&self) -> Duration {
        self.wait.unwrap_or(LEAST)
    }

    /// A packet came by itself, so much later than one that was sent after it.
    pub(super) fn late(&mut self, now: Time, by: Duration) {
        self.note(now, Some(by.min(MOST)));
    }

    /// A packet had to be asked for.
    pub(super) fn lost(&mut self, now: Time) {
        self.note(now, None);
    }

    fn note(&mut self, now: Time, event: Option<Duration>) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        while self.events.front().is_some_and(|(at, _)| now.since(*at) > MEMORY) {
            self.events.pop_front();
        }
        self.events.push_back((now, event));
        let mut late: Vec<Duration> = self.events.iter().filter_map(|(_, late)| *late).collect();
        let lost = self.events.len() - late.len();
        late.sort_unstable_by(|a, b| b.cmp(a));
        // The packets later than the chosen one are those asked for in vain.
        let chosen = late.get(lost / NEEDED_PER_VAIN);
        self.wait = chosen.map(|late| (*late + *late / 10 + LEAST).min(MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn where_much_is_late_and_little_lost_it_waits_for_the_latest() {
        let mut reordering = Reordering::default();
        assert_eq!(reordering.wait(), LEAST);
        for n in 0..100 {
            reordering.late(Time::from_millis(n * 10), ms(n % 20));
        }
        assert!((ms(19)..ms(23)).contains(&reordering.wait()), "{:?}", reordering.wait());
    }

    #[test]
    fn one_that_was_very_late_does_not_hold_up_the_repair_of_many_losses() {
        let mut reordering = Reordering::default();
        for n in 0..50 {
            reordering.lost(Time::from_millis(n * 100));
            if n % 10 == 0 {
                reordering.late(Time::from_millis(n * 100), if n == 20 { ms(50) } else { ms(2) });
            }
        }
        assert!(reordering.wait() < ms(4), "{:?}", reordering.wait());
    }

    #[test]
    fn it_is_forgotten() {
        let mut reordering = Reordering::default();
        reordering.late(Time::ZERO, ms(500));
        assert_eq!(reordering.wait(), MOST);
        reordering.lost(Time::from_millis(10_001));
        assert_eq!(reordering.wait(), LEAST);
    }
}
