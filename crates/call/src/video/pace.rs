//! Which of a camera's pictures are encoded, and what the encoder's rate control is told of time.

use snug_media::Time;
use std::time::Duration;

/// How much too early a camera's picture may be: half of one of thirty a second.
const UNEVEN: Duration = Duration::from_millis(16);

/// The beat of one camera's pictures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Pictures that were captured earlier are too many.
    next_due: Time,
    /// The same for those that are left out.
    next_missed: Time,
    last_captured: Time,
    left_out: Duration,
}

impl Pace {
    /// Takes note of a picture that is left out for the network's sake. Rate control does not hear of the pause: it
    /// would take it for a slower camera, which has more bits for each picture, and what was held back would come at once when it ends.
    /// Whether it would have been one of so many a second.
    pub(super) fn leave_out(&mut self, captured_at: Time, fps: Option<f64>) -> bool {
        self.left_out += captured_at.since(self.last_captured);
        self.last_captured = captured_at;
        let Some(interval) = fps.map(interval) else { return false };
        let missed = is_due(captured_at, interval, self.next_missed);
        if missed {
            self.next_missed = captured_at + interval;
        }
        missed
    }

    /// When a picture was taken as rate control shall see it, if it is one of so many a second. Others are too many.
    pub(super) fn take(&mut self, captured_at: Time, fps: f64) -> Option<Time> {
        self.last_captured = captured_at;
        let interval = interval(fps);
        if !is_due(captured_at, interval, self.next_due) {
            return None;
        }
        // After a pause the beat begins anew.
        let beat = if captured_at > self.next_due + interval { captured_at } else { self.next_due };
        self.next_due = beat + interval;
        Some(captured_at - self.left_out)
    }
}

/// A camera's pace is not even: a picture that is a little early is the one that was meant.
fn is_due(captured_at: Time, interval: Duration, due: Time) -> bool {
    captured_at + UNEVEN.min(interval / 2) >= due
}

fn interval(fps: f64) -> Duration {
    Duration::from_secs_f64(1.0 / fps.clamp(1.0, 120.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(n: u32) -> Time {
        Time::from_millis(1000) + Duration::from_micros(33_333) * n
    }

    #[test]
    fn a_frame_rate_is_met_evenly_and_a_pause_is_not_made_up_for() {
        let mut pace = Pace::default();
        let taken = |pace: &mut Pace, from: u32, to: u32, fps: f64| -> Vec<u32> {
            (from..to).filter(|n| pace.take(captured(*n), fps).is_some()).collect()
        };
        assert_eq!(taken(&mut pace, 0, 12, 10.0), [0, 3, 6, 9]);
        assert_eq!(taken(&mut pace, 300, 306, 10.0), [300, 303]);
        let all = taken(&mut Pace::default(), 0, 90, 30.0);
        assert_eq!(all.len(), 90, "a camera of that rate loses nothing");
    }

    #[test]
    fn only_pictures_that_would_have_been_sent_are_missed() {
        let mut pace = Pace::default();
        let missed = |pace: &mut Pace, fps| (0..30).filter(|n| pace.leave_out(captured(*n), fps)).count();
        assert_eq!(missed(&mut pace, Some(15.0)), 15);
        assert_eq!(missed(&mut Pace::default(), Some(30.0)), 30);
        assert_eq!(missed(&mut Pace::default(), None), 0, "nobody wants any");
    }

    #[test]
    fn rate_control_hears_of_a_slow_camera_and_not_of_pictures_that_were_left_out() {
        let mut pace = Pace::default();
        let first = pace.take(captured(0), 30.0).unwrap_or_default();
        for n in 1..10 {
            assert!(pace.leave_out(captured(n), Some(30.0)));
        }
        let second = pace.take(captured(10), 30.0).unwrap_or_default();
        assert_eq!(second.since(first), Duration::from_micros(33_333));
        let third = pace.take(captured(13), 30.0).unwrap_or_default();
        assert_eq!(third.since(second), 3 * Duration::from_micros(33_333), "nothing came in between");
    }
}
