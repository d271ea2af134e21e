//! The test picture as a camera: drawn by the clock, exactly as often as asked for.
//!
//! Its frame number counts the clock's beats and not the pictures that were fetched, so that a gap in
//! the numbers shows what the sender missed, as a real camera's would if it had numbers.

use super::{Camera, DeviceError, VideoFormat};
use crate::clock::Clock;
use crate::device::pace::Pace;
use snug_media::{I420, VideoFrame, pattern};
use std::time::Duration;

pub(super) struct PatternCamera {
    sender: u8,
    canvas: I420,
    pace: Pace,
    clock: Clock,
}

impl PatternCamera {
    pub(super) fn new(sender: u8, wanted: VideoFormat, clock: Clock) -> Result<PatternCamera, DeviceError> {
        let canvas = I420::black(wanted.width, wanted.height)
            .map_err(|error| DeviceError::Unsupported(error.to_string()))?;
        let fps = u64::from(wanted.fps.clamp(1, 120));
        Ok(PatternCamera { sender, canvas, pace: Pace::new(clock, 1, fps), clock })
    }
}

impl Camera for PatternCamera {
    fn name(&self) -> &str {
        "Test picture"
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let Some(number) = self.pace.wait_latest(timeout) else { return Ok(None) };
        // A camera's time stamp is when the picture was there to be seen, so waking late is not counted.
        let captured_at = self.clock.now();
        pattern::draw(&mut self.canvas, self.sender, number as u32, self.clock.unix_ms(captured_at));
        Ok(Some(VideoFrame { picture: self.canvas.clone(), captured_at }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pictures_come_at_the_clocks_pace_and_say_when() {
        let clock = Clock::shared();
        let wanted = VideoFormat { width: 320, height: 180, fps: 50 };
        let mut camera = PatternCamera::new(9, wanted, clock).unwrap();
        let started = clock.now();
        let mut last = None;
        for _ in 0..10 {
            let frame = camera.next_frame(Duration::from_secs(1)).unwrap().unwrap();
            let code = pattern::read(frame.picture.y(), 320, 180, 320).unwrap();
            assert_eq!(code.sender, 9);
            assert_eq!(code.age_ms(clock.unix_ms(frame.captured_at)), 0);
            assert!(last.is_none_or(|last| code.frame_no > last));
            last = Some(code.frame_no);
        }
        // The tenth beat is nine periods after the first; being late may skip some, never hasten them.
        assert!(clock.now().since(started) >= Duration::from_millis(9 * 20 - 1));
    }

    #[test]
    fn an_impossible_size_is_unsupported() {
        let wanted = VideoFormat { width: 321, height: 0, fps: 30 };
        assert!(matches!(PatternCamera::new(0, wanted, Clock::shared()), Err(DeviceError::Unsupported(_))));
    }
}
