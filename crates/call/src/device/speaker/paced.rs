//! Speakers that are none: a wav file, or nowhere; at the clock's pace, as a card with one period of
//! buffer would be.

use super::{DeviceError, Speaker};
use crate::clock::Clock;
use crate::device::pace::Pace;
use crate::device::{BLOCK, Block, SAMPLE_RATE};
use hound::{SampleFormat, WavSpec, WavWriter};
use snug_media::Time;
use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// What is mixed now is heard one period later: what the least buffer of a card costs.
const PERIOD: Duration = Duration::from_millis(10);
/// A card would have run dry; the file gets silence for it.
const PATIENCE: Duration = Duration::from_millis(100);
/// The header says the true length each second, so that the file can be read if we are killed.
const BLOCKS_PER_FLUSH: u64 = 100;

pub(super) struct PacedSpeaker {
    name: String,
    pace: Pace,
    file: Option<Recording>,
    slot: u64,
}

struct Recording {
    writer: WavWriter<BufWriter<File>>,
    written: u64,
}

impl PacedSpeaker {
    pub(super) fn nowhere(clock: Clock) -> PacedSpeaker {
        PacedSpeaker { name: "No speaker".to_owned(), pace: Pace::new(clock, 1, 100), file: None, slot: 0 }
    }

    pub(super) fn file(path: &Path, clock: Clock) -> Result<PacedSpeaker, DeviceError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = WavWriter::create(path, spec).map_err(failed)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let file = Some(Recording { writer, written: 0 });
        Ok(PacedSpeaker { name, pace: Pace::new(clock, 1, 100), file, slot: 0 })
    }
}

impl Speaker for PacedSpeaker {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_slot(&mut self, timeout: Duration) -> Result<Option<Time>, DeviceError> {
        let Some(slot) = self.pace.wait_each(timeout, PATIENCE) else { return Ok(None) };
        self.slot = slot;
        Ok(Some(self.pace.at(slot) + PERIOD))
    }

    fn write(&mut self, block: &Block) -> Result<(), DeviceError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        while file.written < self.slot {
            file.append(&[0.0; BLOCK])?;
        }
        file.append(block)
    }
}

impl Recording {
    fn append(&mut self, block: &Block) -> Result<(), DeviceError> {
        for sample in block {
            let sample = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
            self.writer.write_sample(sample).map_err(failed)?;
        }
        self.written += 1;
        if self.written.is_multiple_of(BLOCKS_PER_FLUSH) {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: hound::Error) -> DeviceError {
    match error {
        hound::Error::IoError(error) => match error.kind() {
            ErrorKind::NotFound => DeviceError::NotFound,
            ErrorKind::PermissionDenied => DeviceError::Denied,
            _ => DeviceError::Other(error.to_string()),
        },
        error => DeviceError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slots_are_periods_apart_and_what_is_written_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let mut speaker = PacedSpeaker::file(&path, Clock::shared()).unwrap();
        let mut first = None;
        for number in 0..5_u32 {
            let at = speaker.next_slot(Duration::from_secs(1)).unwrap().unwrap();
            let first = *first.get_or_insert(at);
            assert_eq!(at, first + PERIOD * number);
            speaker.write(&[0.1 * number as f32; BLOCK]).unwrap();
        }
        drop(speaker);
        let mut reader = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 5 * BLOCK);
        assert_eq!(samples[2 * BLOCK], (0.2 * f32::from(i16::MAX)) as i16);
    }

    #[test]
    fn a_missed_slot_is_silence_and_not_a_shift() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let mut speaker = PacedSpeaker::file(&path, Clock::shared()).unwrap();
        speaker.slot = 3;
        speaker.write(&[0.5; BLOCK]).unwrap();
        drop(speaker);
        let mut reader = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 4 * BLOCK);
        assert!(samples[..3 * BLOCK].iter().all(|&sample| sample == 0) && samples[3 * BLOCK] != 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let opened = PacedSpeaker::file(Path::new("/nowhere/at/all.wav"), Clock::shared());
        assert_eq!(opened.err(), Some(DeviceError::NotFound));
    }
}
