//! Pictures that do not fit: how many are left out because the path is full, and what follows of it.
//!
//! How many bits a picture takes is its content's affair: a face before a wall fits where a walk through leaves does not. What an
//! encoder cannot squeeze into its rate it leaves out, or [it is left out](crate::pacer::Backlog::Full) before, and a camera that loses
//! a third of its pictures stutters, where smaller ones would move. So the next smaller size is taken, and the larger one tried again later, or when the rate
//! is another.

use super::Source;
use super::ladder;
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

/// Looked at together: a keyframe, or a fall of the rate, stops pictures for a part of it.
const WINDOW: Duration = Duration::from_secs(3);
/// More than this part left out is a stutter.
const STUTTER: f64 = 0.25;
/// The larger size is tried again after this, and after twice as long each time that it did not fit…
const PATIENCE: Duration = Duration::from_secs(60);
/// …up to this.
const MOST_PATIENCE: Duration = Duration::from_secs(240);
/// It is another rate when there is so much more.
const ANOTHER_RATE: f64 = 1.5;

/// The pictures that were made and left out lately.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    size: (u32, u32),
    /// The counters as they stood: encoded, left out.
    counted: VecDeque<(Time, u64, u64)>,
}

impl LeftOut {
    /// Takes the counters of an encoder as they stand, while it aims at `size`. Counted are pictures that were encoded, and those that
    /// would have been, had the path not been full.
    pub fn count(&mut self, now: Time, size: (u32, u32), encoded: u64, left_out: u64) {
        if size != self.size {
            self.counted.clear();
            self.size = size;
        }
        let old = |(at, ..): &(Time, u64, u64)| now.since(*at) >= WINDOW;
        // The newest of the old ones is where the window begins.
        while self.counted.get(1).is_some_and(old) {
            self.counted.pop_front();
        }
        self.counted.push_back((now, encoded, left_out));
    }

    /// The part that was left out, 0 to 1; zero as long as less than a window was counted in this size.
    pub fn part(&self) -> f64 {
        let (Some(first), Some(last)) = (self.counted.front(), self.counted.back()) else { return 0.0 };
        let (encoded, left_out) = (last.1.saturating_sub(first.1), last.2.saturating_sub(first.2));
        let all = encoded.saturating_add(left_out);
        if last.0.since(first.0) < WINDOW || all == 0 { 0.0 } else { left_out as f64 / all as f64 }
    }
}

/// A step whose pictures did not fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Misfit {
    step: usize,
    smaller: usize,
    room: Bitrate,
    until: Time,
    patience: Duration,
}

/// The best step that may be taken, no better than `best`, and what did not fit.
pub(super) fn fitting(
    now: Time,
    source: &Source,
    room: Bitrate,
    best: usize,
    step: Option<usize>,
    known: Option<Misfit>,
) -> (usize, Option<Misfit>) {
    let much_more = |misfit: &Misfit| room.as_bps() as f64 >= misfit.room.as_bps() as f64 * ANOTHER_RATE;
    let mut misfit = known.filter(|misfit| !much_more(misfit));
    let smaller = step.and_then(|step| Some((step, ladder::smaller(source.content, step)?)));
    if let Some((step, smaller)) = smaller.filter(|_| source.left_out > STUTTER) {
        let again = misfit.filter(|misfit| misfit.step <= step);
        let patience = again.map_or(PATIENCE, |misfit| (misfit.patience * 2).min(MOST_PATIENCE));
        misfit = Some(Misfit { step, smaller, room, until: now + patience, patience });
    }
    let best = misfit.filter(|misfit| now < misfit.until).map_or(best, |misfit| best.min(misfit.smaller));
    (best, misfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_that_of_the_last_seconds_in_one_size() {
        let mut left_out = LeftOut::default();
        let size = (1280, 720);
        let mut at = |ms: u64, size, encoded, left| {
            left_out.count(Time::from_millis(ms), size, encoded, left);
            left_out.part()
        };
        assert_eq!(at(0, size, 100, 50), 0.0, "what was before says nothing");
        assert_eq!(at(2_000, size, 130, 80), 0.0, "too early to say");
        assert_eq!(at(3_000, size, 145, 95), 0.5);
        assert_eq!(at(6_000, size, 235, 95), 0.0, "it flows again");
        assert_eq!(at(9_000, (640, 360), 235, 185), 0.0, "another size");
        assert_eq!(at(12_000, (640, 360), 235, 275), 1.0);
        assert_eq!(at(15_000, (640, 360), 235, 275), 0.0, "a camera that gives none");
        assert_eq!(at(18_000, (640, 360), 0, 0), 0.0, "counters that begin anew");
    }
}
