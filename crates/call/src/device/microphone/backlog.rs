//! Sound that waits for nothing.
//!
//! A card may give 150 ms at once, and a thread that was not run for a moment works off what came meanwhile: both empty the buffer again and
//! again. What is there all the time only makes the call late, and is left out.

use snug_media::Time;
use std::time::Duration;

/// A buffer that was never emptier than it is waits for nothing after this time.
const WINDOW: Duration = Duration::from_secs(1);
/// Less, in samples at 48 kHz (40 ms), is not worth a gap.
const WORTH: usize = 1920;

/// Watches how full a buffer is.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    least: Option<usize>,
    since: Option<Time>,
}

impl Backlog {
    /// So many samples wait now, before the next block is taken. Says how many of the oldest have done so for nothing.
    pub(super) fn waiting(&mut self, now: Time, samples: usize) -> usize {
        let least = self.least.map_or(samples, |least| least.min(samples));
        self.least = Some(least);
        if now.since(*self.since.get_or_insert(now)) < WINDOW {
            return 0;
        }
        *self = Backlog::default();
        if least < WORTH { 0 } else { least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::BLOCK;

    /// A card that gives `card` samples at once, and a reader that takes 10 ms of sound every `reads` ms at least. Samples left out in
    /// ten seconds, and those that wait at their end.
    fn run(before: usize, card: usize, reads: u64) -> (usize, usize) {
        let (mut backlog, mut waits, mut left_out, mut busy) = (Backlog::default(), before, 0, 0);
        for ms in 0..10_000_u64 {
            if ms as usize * 48 % card < 48 {
                waits += card;
            }
            while waits >= BLOCK && busy <= ms {
                let late = backlog.waiting(Time::from_millis(ms), waits);
                waits -= late;
                left_out += late;
                if waits >= BLOCK {
                    waits -= BLOCK;
                    busy = ms + reads;
                    if reads > 0 {
                        break;
                    }
                }
            }
            if busy <= ms {
                backlog.waiting(Time::from_millis(ms), waits);
            }
        }
        (left_out, waits)
    }

    #[test]
    fn a_card_with_large_blocks_loses_nothing() {
        assert_eq!(run(0, 7200, 1).0, 0);
        assert_eq!(run(0, 480, 0).0, 0);
    }

    #[test]
    fn what_came_while_the_thread_was_not_run_is_worked_off() {
        let (left_out, waits) = run(20_000, 480, 2);
        assert!(left_out == 0 && waits < BLOCK, "{left_out}, {waits}");
    }

    #[test]
    fn what_cannot_be_worked_off_is_left_out() {
        let (left_out, waits) = run(0, 480, 12);
        assert!((60_000..100_000).contains(&left_out), "{left_out}: a sixth of ten seconds");
        assert!(waits < 48_000 / 2, "{waits}");
    }
}
