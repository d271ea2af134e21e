//! Where pictures come from: a real camera, a file, or the test picture.
//!
//! A camera hands out its newest picture and forgets the others: a call has no use for a picture that
//! waited. What comes has the camera's own size; scaling to what is encoded is the video sender's.

mod convert;
mod file;
mod pattern;
mod real;

pub(super) use real::list;

use super::{CameraChoice, DeviceError};
use crate::clock::Clock;
use snug_media::VideoFrame;
use std::time::Duration;

/// What is asked of a camera, and the most that is encoded. A camera that has it not gives the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoFormat {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures per second.
    pub fps: u32,
}

impl Default for VideoFormat {
    fn default() -> VideoFormat {
        VideoFormat { width: 1280, height: 720, fps: 30 }
    }
}

/// An open camera. Dropping it closes the device.
pub trait Camera: Send {
    /// What the system calls it.
    fn name(&self) -> &str;

    /// Waits for a picture newer than the last one, at most so long, and gives the newest with the time
    /// at which it was taken. An error is the end of this camera: it must be opened again.
    fn next_frame(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError>;
}

/// Opens a camera. Blocks while the device starts, which can be a second.
pub fn open(
    choice: &CameraChoice,
    wanted: VideoFormat,
    clock: Clock,
) -> Result<Box<dyn Camera>, DeviceError> {
    Ok(match choice {
        CameraChoice::Default => Box::new(real::RealCamera::open(None, wanted, clock)?),
        CameraChoice::Device(id) => Box::new(real::RealCamera::open(Some(id), wanted, clock)?),
        CameraChoice::Pattern { sender } => Box::new(pattern::PatternCamera::new(*sender, wanted, clock)?),
        CameraChoice::File { path, stamp } => Box::new(file::FileCamera::open(path, *stamp, clock)?),
    })
}
