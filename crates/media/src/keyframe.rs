//! Turns many requests for a keyframe into few keyframes.
//!
//! A keyframe costs five to ten delta frames, and every receiver that lost something asks for one, often
//! all of them within one loss. One [`KeyframeGate`] stands before each rung's encoder: the first
//! request passes at once, those within the interval are kept and answered by a single keyframe at its
//! end. Requests are never dropped: the last one may be from somebody who lost the last keyframe.

use crate::time::Time;
use std::time::Duration;

/// Less than this between two keyframes and the second mostly repairs what the first one broke by its size.
pub const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Encode the next frame as a keyframe.
    Now,
    /// Kept; [`KeyframeGate::poll`] says so at this time.
    Later(Time),
}

/// The keyframe requests of one rung.
#[derive(Clone, Debug)]
pub struct KeyframeGate {
    interval: Duration,
    last: Option<Time>,
    pending: bool,
}

impl Default for KeyframeGate {
    fn default() -> KeyframeGate {
        KeyframeGate::new(MIN_INTERVAL)
    }
}

impl KeyframeGate {
    /// A gate with a least interval between keyframes.
    pub fn new(interval: Duration) -> KeyframeGate {
        KeyframeGate { interval, last: None, pending: false }
    }

    /// Somebody asks. On [`Grant::Now`] the caller makes the next frame a keyframe.
    pub fn request(&mut self, now: Time) -> Grant {
        match self.last.map(|last| last + self.interval) {
            Some(allowed) if now < allowed => {
                self.pending = true;
                Grant::Later(allowed)
            }
            _ => {
                self.produced(now);
                Grant::Now
            }
        }
    }

    /// Whether a request that was kept is due now. Ask before each frame that is encoded.
    pub fn poll(&mut self, now: Time) -> bool {
        let due = self.pending && self.last.is_none_or(|last| now >= last + self.interval);
        if due {
            self.produced(now);
        }
        due
    }

    /// The encoder made a keyframe by itself: it answers whatever was asked before.
    pub fn produced(&mut self, now: Time) {
        self.last = Some(now);
        self.pending = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_requests_in_one_loss_make_two_keyframes() {
        let mut gate = KeyframeGate::default();
        let start = Time::from_millis(1000);
        assert_eq!(gate.request(start), Grant::Now);
        for ms in 1..10 {
            let later = gate.request(start + Duration::from_millis(ms));
            assert_eq!(later, Grant::Later(start + MIN_INTERVAL));
        }
        let made: Vec<u64> = (0..60)
            .map(|frame| frame * 33)
            .filter(|&ms| gate.poll(start + Duration::from_millis(ms)))
            .collect();
        assert_eq!(made, [330], "one keyframe answers all that waited, and no more come");
        assert_eq!(gate.request(start + Duration::from_secs(3)), Grant::Now);
    }

    #[test]
    fn a_keyframe_that_came_by_itself_answers_those_who_wait() {
        let mut gate = KeyframeGate::default();
        let start = Time::ZERO;
        gate.request(start);
        gate.request(start + Duration::from_millis(100));
        gate.produced(start + Duration::from_millis(150));
        assert!(!gate.poll(start + Duration::from_secs(1)));
    }
}
