//! Where sound goes: a real speaker, a file, or nowhere.
//!
//! A speaker asks for 10 ms when it wants them and says when they will be heard; the thread that mixes
//! lives by that beat. So sound is mixed as late as can be, and the card's clock paces playout.

mod paced;
mod real;

use super::{Block, DeviceError, SpeakerChoice};
use crate::clock::Clock;
use snug_media::Time;
use std::time::Duration;

/// An open speaker. Dropping it closes the device.
pub trait Speaker: Send {
    /// What the system calls it; changes when a default device is followed.
    fn name(&self) -> &str;

    /// Waits until the next block is wanted, at most so long, and says when its first sample will be
    /// heard. An error is the end of this speaker: it must be opened again.
    fn next_slot(&mut self, timeout: Duration) -> Result<Option<Time>, DeviceError>;

    /// Takes the block that was wanted.
    fn write(&mut self, block: &Block) -> Result<(), DeviceError>;
}

/// Opens a speaker. Blocks while the device starts, which can be a second.
pub fn open(choice: &SpeakerChoice, clock: Clock) -> Result<Box<dyn Speaker>, DeviceError> {
    Ok(match choice {
        SpeakerChoice::Default => Box::new(real::RealSpeaker::open(None, clock)?),
        SpeakerChoice::Device(id) => Box::new(real::RealSpeaker::open(Some(id), clock)?),
        SpeakerChoice::Null => Box::new(nowhere(clock)),
        SpeakerChoice::File(path) => Box::new(paced::PacedSpeaker::file(path, clock)?),
    })
}

/// A speaker that can always be had.
pub(crate) fn nowhere(clock: Clock) -> impl Speaker + 'static {
    paced::PacedSpeaker::nowhere(clock)
}
