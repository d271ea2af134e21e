//! Where sound comes from: a real microphone, a file, the test tone, or nothing.
//!
//! A microphone gives 10 ms blocks, each when it is complete and with the time of its first sample, as a
//! sound card would; the test sources do the same, so that what is measured with them includes it.

mod backlog;
mod paced;
mod real;

use super::{Block, DeviceError, MicrophoneChoice};
use crate::clock::Clock;
use snug_media::Time;
use std::time::Duration;

/// 10 ms of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundBlock {
    /// Mono, 48 kHz, −1…1.
    pub samples: Block,
    /// When the first sample was spoken.
    pub captured_at: Time,
}

/// An open microphone. Dropping it closes the device.
pub trait Microphone: Send {
    /// What the system calls it; changes when a default device is followed.
    fn name(&self) -> &str;

    /// Waits for the next block, at most so long. An error is the end of this microphone: it must be
    /// opened again.
    fn next_block(&mut self, timeout: Duration) -> Result<Option<SoundBlock>, DeviceError>;
}

/// Opens a microphone. Blocks while the device starts, which can be a second.
pub fn open(choice: &MicrophoneChoice, clock: Clock) -> Result<Box<dyn Microphone>, DeviceError> {
    Ok(match choice {
        MicrophoneChoice::Default => Box::new(real::RealMicrophone::open(None, clock)?),
        MicrophoneChoice::Device(id) => Box::new(real::RealMicrophone::open(Some(id), clock)?),
        MicrophoneChoice::Tone { hz } => Box::new(paced::PacedMicrophone::tone(*hz, clock)),
        MicrophoneChoice::File(path) => Box::new(paced::PacedMicrophone::file(path, clock)?),
        MicrophoneChoice::None => Box::new(paced::PacedMicrophone::silence(clock)),
    })
}
