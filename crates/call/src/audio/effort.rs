//! How much work sound may be, by how much of its time that takes.
//!
//! Sound has deadlines every 10 ms and a network for each direction (DRED, deep concealment), which on a computer without wide vector
//! instructions takes a core. One that cannot keep up hears gaps, and its late packets look like a full network to everybody else. Wall
//! time on purpose: on a busy machine being preempted counts too.

use crate::codec::Effort;
use snug_media::Time;
use std::time::Duration;

/// Above this share of real time a thread of sound is in danger of missing its deadlines; an ordinary laptop needs 0.02.
const TOO_MUCH: f64 = 0.15;
/// Below this the next more careful step, at most four times as dear, still fits.
const LITTLE: f64 = 0.03;
/// Long enough to see what a step down did,
const STEP_DOWN: Duration = Duration::from_secs(1);
/// and to believe that what kept the computer busy is over.
const STEP_UP: Duration = Duration::from_secs(20);
/// What a block lasts.
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Weight of a new block in the average: about the last second.
const WEIGHT: f64 = 0.01;

/// Watches one thread of sound and says how much work it may make itself.
#[derive(Clone, Debug)]
pub(super) struct EffortMeter {
    effort: Effort,
    share: f64,
    changed: Option<Time>,
}

impl EffortMeter {
    pub(super) fn new() -> EffortMeter {
        EffortMeter { effort: Effort::default(), share: 0.0, changed: None }
    }

    pub(super) fn effort(&self) -> Effort {
        self.effort
    }

    /// A block took so long. Says the new effort when it changes.
    pub(super) fn worked(&mut self, now: Time, took: Duration) -> Option<Effort> {
        let share = took.as_secs_f64() / BLOCK_TIME.as_secs_f64();
        self.share += WEIGHT * (share - self.share);
        let since = now.since(*self.changed.get_or_insert(now));
        let wanted = if self.share > TOO_MUCH && since >= STEP_DOWN {
            self.effort.less()
        } else if self.share < LITTLE && since >= STEP_UP {
            self.effort.more()
        } else {
            self.effort
        };
        if wanted == self.effort {
            return None;
        }
        tracing::debug!(share = self.share, effort = ?wanted, "sound takes another effort");
        self.changed = Some(now);
        // What it took before says nothing of what it takes now.
        self.share = LITTLE;
        self.effort = wanted;
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(meter: &mut EffortMeter, blocks: std::ops::Range<u32>, took: Duration) -> Effort {
        for block in blocks {
            meter.worked(Time::ZERO + BLOCK_TIME * block, took);
        }
        meter.effort()
    }

    #[test]
    fn a_computer_that_cannot_keep_up_works_less_step_by_step() {
        let mut meter = EffortMeter::new();
        assert_eq!(work(&mut meter, 0..90, Duration::from_millis(4)), Effort::Full);
        assert_eq!(work(&mut meter, 90..190, Duration::from_millis(4)), Effort::Less);
        assert_eq!(work(&mut meter, 190..300, Duration::from_millis(4)), Effort::Least);
        assert_eq!(work(&mut meter, 300..3000, Duration::from_millis(4)), Effort::Least);
    }

    #[test]
    fn it_takes_more_care_again_once_there_has_been_time_for_long() {
        let mut meter = EffortMeter::new();
        work(&mut meter, 0..300, Duration::from_millis(4));
        assert_eq!(work(&mut meter, 300..2000, Duration::from_micros(100)), Effort::Least);
        assert_eq!(work(&mut meter, 2000..2400, Duration::from_micros(100)), Effort::Less);
        assert_eq!(work(&mut meter, 2400..4600, Duration::from_micros(100)), Effort::Full);
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let mut meter = EffortMeter::new();
        assert_eq!(work(&mut meter, 0..10_000, Duration::from_micros(1400)), Effort::Full);
        work(&mut meter, 10_000..10_030, Duration::from_millis(4));
        assert_eq!(meter.effort(), Effort::Less);
        assert_eq!(work(&mut meter, 10_030..20_000, Duration::from_micros(800)), Effort::Less);
    }

    #[test]
    fn a_single_hitch_changes_nothing() {
        let mut meter = EffortMeter::new();
        work(&mut meter, 0..500, Duration::from_micros(200));
        work(&mut meter, 500..501, Duration::from_millis(100));
        assert_eq!(work(&mut meter, 501..1000, Duration::from_micros(200)), Effort::Full);
    }
}
