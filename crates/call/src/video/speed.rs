//! How carefully to encode, by how much of a frame's time that takes.
//!
//! libvpx's own adaptation (positive cpu-used) looks at one frame at a time and swings; this one changes
//! one step a second. It goes by wall time on purpose: on a busy machine being preempted counts too.

use snug_media::Time;
use std::time::Duration;

/// libvpx's −cpu-used: below 6 a laptop's core does not keep up with 720p, from 15 on motion is looked for in whole pixels only.
const CAREFUL: u8 = 6;
const FAST: u8 = 16;
/// Whether there is time for care is known a second later, and the first pictures are the most urgent ones.
const START: u8 = 14;
/// Above this share of a frame's time a call warms a laptop, and at the rates at which that happens hardly anybody sees the difference:
/// at 2.5 Mbit/s the whole way from 12 to 16 costs 2 of 98 points of VMAF and saves a good part of the sender's work.
const TOO_MUCH: f64 = 0.18;
/// Below this the next more careful step, about 1.3 times as dear, still fits well.
const LITTLE: f64 = 0.1;
/// Long enough to see what the last step did.
const STEP: Duration = Duration::from_secs(1);
/// Weight of a new frame in the average: about the last second.
const WEIGHT: f64 = 0.03;

/// Chooses the encoder's speed.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    speed: u8,
    share: Option<f64>,
    changed: Option<Time>,
}

impl Speed {
    pub(super) fn new() -> Speed {
        Speed { speed: START, share: None, changed: None }
    }

    pub(super) fn get(&self) -> u8 {
        self.speed
    }

    /// A frame took so long of the time that there is for it. Says the new speed when it changes.
    pub(super) fn encoded(&mut self, now: Time, took: Duration, frame: Duration) -> Option<u8> {
        // One that was interrupted for long counts as one that took its whole time.
        let share = (took.as_secs_f64() / frame.as_secs_f64().max(0.001)).min(1.0);
        let average = self.share.map_or(share, |average| average + WEIGHT * (share - average));
        self.share = Some(average);
        if now.since(*self.changed.get_or_insert(now)) < STEP {
            return None;
        }
        let wanted = if average > TOO_MUCH {
            (self.speed + 1).min(FAST)
        } else if average < LITTLE {
            (self.speed - 1).max(CAREFUL)
        } else {
            self.speed
        };
        if wanted == self.speed {
            return None;
        }
        tracing::debug!(share = average, speed = wanted, "pictures take another speed");
        self.changed = Some(now);
        self.speed = wanted;
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(33);

    fn go_on(speed: &mut Speed, seconds: std::ops::Range<u32>, took_ms: u64) -> u8 {
        for frame in seconds.start * 30..seconds.end * 30 {
            speed.encoded(Time::ZERO + FRAME * frame, Duration::from_millis(took_ms), FRAME);
        }
        speed.get()
    }

    fn after(seconds: u32, took_ms: u64) -> Speed {
        let mut speed = Speed::new();
        go_on(&mut speed, 0..seconds, took_ms);
        speed
    }

    #[test]
    fn a_loaded_machine_encodes_faster_and_an_idle_one_with_care() {
        assert_eq!(after(10, 2).get(), CAREFUL);
        let mut speed = after(10, 2);
        assert_eq!(go_on(&mut speed, 10..20, 5), CAREFUL, "it fits");
        assert_eq!(go_on(&mut speed, 20..30, 12), FAST);
    }

    #[test]
    fn it_moves_one_step_a_second_and_a_single_slow_frame_moves_nothing() {
        assert_eq!(after(2, 2).get(), START - 1);
        let mut speed = after(10, 2);
        go_on(&mut speed, 10..20, 5);
        let late = Time::ZERO + Duration::from_secs(20);
        assert_eq!(speed.encoded(late, Duration::from_millis(60), FRAME), None);
    }
}
