//! What the loudspeaker plays, for the echo canceller.
//!
//! Playout puts in each block with the time at which it is heard; capture takes out, for each of its
//! blocks, what is heard just then. So the echo canceller sees the room's delay alone, the same one for
//! every card and buffer, and finds it at once. (The usual way, feeding both sides as they come, leaves
//! it a delay of up to half a second that moves whenever a buffer does.)
//!
//! Both sides' time stamps jitter by milliseconds while an echo canceller wants an even stream; so the
//! reading position runs evenly and is moved only when the two have come apart.

use crate::device::timeline::Timeline;
use crate::device::{BLOCK, Block, SAMPLE_RATE};
use rtrb::{Consumer, Producer, RingBuffer};
use snug_media::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Blocks between the two threads: 320 ms. When capture does not take them, the newest are lost.
const RING: usize = 32;
/// Capture is given what is heard this much later, so that a stamp that is wrong by as much does not make
/// the echo come before its cause, which no canceller understands. It adds to the room's delay.
const LEAD: Duration = Duration::from_millis(20);
/// Kept in memory: more than stamps can be apart.
const KEPT: usize = SAMPLE_RATE as usize;
/// Samples (5 ms) of lasting difference after which the reading position is moved.
const SLIP: f64 = 240.0;
/// Samples (40 ms) of difference after which it is moved at once.
const JUMP: f64 = 1920.0;
/// Weight of a new difference in the lasting one: about a second of blocks.
const WEIGHT: f64 = 0.01;

struct FarBlock {
    samples: Block,
    heard_at: Time,
}

/// The capture side's end.
pub struct FarEnd {
    /// The playout thread holds the other end; nothing where there is no playout.
    blocks: Option<Consumer<FarBlock>>,
    line: Timeline,
    samples: VecDeque<f32>,
    /// Position of the first of `samples`, and of the one after the last.
    first: u64,
    end: u64,
    /// Position that is read next, once anything was put in.
    read: Option<i64>,
    apart: f64,
}

/// The playout side's end.
pub(super) struct FarEndFeed {
    blocks: Producer<FarBlock>,
}

/// The two ends.
pub(super) fn far_end() -> (FarEndFeed, FarEnd) {
    let (producer, consumer) = RingBuffer::new(RING);
    (FarEndFeed { blocks: producer }, FarEnd::of(Some(consumer)))
}

impl FarEndFeed {
    /// A block that will be heard then.
    pub(super) fn push(&mut self, samples: &Block, heard_at: Time) {
        // Full means that nobody captures.
        self.blocks.push(FarBlock { samples: *samples, heard_at }).ok();
    }
}

impl FarEnd {
    /// One that is always silent: for capture without playout, as in a preview.
    pub fn silent() -> FarEnd {
        FarEnd::of(None)
    }

    fn of(blocks: Option<Consumer<FarBlock>>) -> FarEnd {
        let line = Timeline::new(SAMPLE_RATE);
        FarEnd { blocks, line, samples: VecDeque::new(), first: 0, end: 0, read: None, apart: 0.0 }
    }

    /// What is heard ([`LEAD`] after) the moment at which a captured block begins.
    pub(super) fn at(&mut self, captured_at: Time) -> Block {
        self.fetch();
        let mut block = [0.0; BLOCK];
        let Some(wanted) = self.line.position(captured_at + LEAD) else { return block };
        let read = self.follow(wanted);
        for (sample, position) in block.iter_mut().zip(read..) {
            let index = position - self.first as i64;
            *sample =
                usize::try_from(index).ok().and_then(|index| self.samples.get(index)).copied().unwrap_or(0.0);
        }
        self.read = Some(read + BLOCK as i64);
        block
    }

    /// Where to read, given where it should be: just after the last block, unless that is too far off.
    fn follow(&mut self, wanted: f64) -> i64 {
        if let Some(read) = self.read {
            let apart = wanted - read as f64;
            self.apart += WEIGHT * (apart - self.apart);
            if apart.abs() <= JUMP && self.apart.abs() <= SLIP {
                return read;
            }
            tracing::debug!(samples = apart, "far end moved");
        }
        self.apart = 0.0;
        wanted.round() as i64
    }

    fn fetch(&mut self) {
        while let Some(block) = self.blocks.as_mut().and_then(|blocks| blocks.pop().ok()) {
            self.line.observe(self.end, block.heard_at);
            self.samples.extend(block.samples);
            self.end += BLOCK as u64;
        }
        let surplus = self.samples.len().saturating_sub(KEPT);
        self.samples.drain(..surplus);
        self.first += surplus as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sample `n` of playout is `n` itself, so that what is read says its own position.
    fn played(number: u64) -> Block {
        std::array::from_fn(|i| (number * BLOCK as u64 + i as u64) as f32)
    }

    fn moment(millis: u64) -> Time {
        Time::from_millis(10_000 + millis)
    }

    #[test]
    fn capture_gets_what_is_heard_a_lead_later_without_a_break() {
        let (mut feed, mut far_end) = far_end();
        let mut last = None;
        for number in 0..300 {
            // Mixed 40 ms before it is heard; stamps of both sides jitter by up to 4 ms.
            let jitter = Duration::from_micros(number * 7919 % 4000);
            feed.push(&played(number + 4), moment(number * 10 + 40) + jitter);
            let captured = far_end.at(moment(number * 10) + Duration::from_micros(number * 104_729 % 4000));
            if number < 10 {
                continue;
            }
            if let Some(last) = last {
                assert_eq!(captured[0], last + 1.0, "block {number}: no break");
            }
            last = Some(captured[BLOCK - 1]);
            // Sample 480·n (fed as block n) is heard at 10·n ms.
            let heard_ms = f64::from(captured[0]) / 48.0;
            let wanted_ms = (number * 10 + 20) as f64;
            assert!((heard_ms - wanted_ms).abs() < 6.0, "block {number}: {heard_ms} instead of {wanted_ms}");
        }
    }

    #[test]
    fn drift_moves_it_seldom_and_it_stays_near() {
        let (mut feed, mut far_end) = far_end();
        let mut breaks = 0;
        let mut last = None;
        for number in 0..6000_u64 {
            // The speaker's card runs 300 ppm slow: 18 ms in a minute.
            feed.push(&played(number + 4), moment(40) + Duration::from_micros(number * 10_003));
            let captured = far_end.at(moment(number * 10));
            if last.is_some_and(|last| captured[0] != last + 1.0) {
                breaks += 1;
            }
            last = Some(captured[BLOCK - 1]);
            if number > 100 {
                let heard_us = f64::from(captured[0]) / 48.0 * 1000.3;
                let wanted_us = (number * 10_000 + 20_000) as f64;
                assert!(
                    (heard_us - wanted_us).abs() < 8000.0,
                    "block {number}: off by {}",
                    heard_us - wanted_us
                );
            }
        }
        assert!((2..=8).contains(&breaks), "{breaks}");
    }

    #[test]
    fn without_playout_it_is_silent() {
        assert_eq!(FarEnd::silent().at(moment(0)), [0.0; BLOCK]);
        let (mut feed, mut far_end) = far_end();
        assert_eq!(far_end.at(moment(0)), [0.0; BLOCK]);
        feed.push(&[0.5; BLOCK], moment(500));
        assert_eq!(far_end.at(moment(20)), [0.0; BLOCK], "not heard yet");
        for _ in 0..2 * RING {
            feed.push(&[0.5; BLOCK], moment(600));
        }
    }
}
