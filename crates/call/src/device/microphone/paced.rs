//! Microphones that are none: a tone, a file, silence; at the clock's pace.

use super::{DeviceError, Microphone, SoundBlock};
use crate::clock::Clock;
use crate::device::pace::Pace;
use crate::device::resample::Resample;
use crate::device::{BLOCK, Block, SAMPLE_RATE};
use hound::{SampleFormat, WavReader};
use snug_media::Time;
use snug_media::tone::ToneGenerator;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(10);
/// After the computer slept, what was not spoken meanwhile is left out.
const PATIENCE: Duration = Duration::from_millis(300);
/// A file is held in memory, at 48 kHz: a quarter of an hour is 170 MB.
const MAX_SECONDS: u32 = 15 * 60;

enum Source {
    Tone(ToneGenerator),
    File { samples: Vec<f32>, next: usize },
    Silence,
}

pub(super) struct PacedMicrophone {
    name: String,
    source: Source,
    pace: Pace,
    clock: Clock,
}

impl PacedMicrophone {
    pub(super) fn tone(hz: f32, clock: Clock) -> PacedMicrophone {
        let source = Source::Tone(ToneGenerator::new(SAMPLE_RATE, hz));
        PacedMicrophone { name: "Test tone".to_owned(), source, pace: Pace::new(clock, 1, 100), clock }
    }

    pub(super) fn silence(clock: Clock) -> PacedMicrophone {
        let name = "Silence".to_owned();
        PacedMicrophone { name, source: Source::Silence, pace: Pace::new(clock, 1, 100), clock }
    }

    pub(super) fn file(path: &Path, clock: Clock) -> Result<PacedMicrophone, DeviceError> {
        let samples = read(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        // Reading takes a while, so the pace begins after it.
        Ok(PacedMicrophone {
            name,
            source: Source::File { samples, next: 0 },
            pace: Pace::new(clock, 1, 100),
            clock,
        })
    }

    fn fill(&mut self, block: &mut Block, first: Time) {
        match &mut self.source {
            // In UNIX time, so that another process can tell how old the marker is.
            Source::Tone(tone) => tone.fill(block, Time::from_micros(self.clock.unix_micros(first))),
            Source::File { samples, next } => {
                for sample in block {
                    *sample = samples[*next];
                    *next = (*next + 1) % samples.len();
                }
            }
            Source::Silence => block.fill(0.0),
        }
    }
}

impl Microphone for PacedMicrophone {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_block(&mut self, timeout: Duration) -> Result<Option<SoundBlock>, DeviceError> {
        let Some(number) = self.pace.wait_each(timeout, PATIENCE) else { return Ok(None) };
        // A block is there when its last sample has been spoken.
        let captured_at = self.pace.at(number) - PERIOD;
        let mut samples = [0.0; BLOCK];
        self.fill(&mut samples, captured_at);
        Ok(Some(SoundBlock { samples, captured_at }))
    }
}

/// All of a wav file, mixed to mono, at 48 kHz. Never empty.
fn read(path: &Path) -> Result<Vec<f32>, DeviceError> {
    let unsupported = |what: &str| DeviceError::Unsupported(format!("{}: {what}", path.display()));
    let reader = WavReader::open(path).map_err(|error| match error {
        hound::Error::IoError(error) if error.kind() == ErrorKind::NotFound => DeviceError::NotFound,
        hound::Error::IoError(error) if error.kind() == ErrorKind::PermissionDenied => DeviceError::Denied,
        error => unsupported(&error.to_string()),
    })?;
    let spec = reader.spec();
    let frames = reader.duration();
    if frames / MAX_SECONDS >= spec.sample_rate {
        return Err(unsupported("longer than a quarter of an hour"));
    }
    let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => reader.into_samples::<f32>().collect(),
        SampleFormat::Int => {
            let full = (1_u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader.into_samples::<i32>().map(|sample| Ok(sample? as f32 / full)).collect()
        }
    };
    let samples = samples.map_err(|error| unsupported(&error.to_string()))?;
    let channels = usize::from(spec.channels.max(1));
    let mono: Vec<f32> =
        samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let mut resample =
        Resample::new(spec.sample_rate, SAMPLE_RATE).ok_or_else(|| unsupported("its sample rate"))?;
    resample.push(&mono);
    // What is still inside the filter is a hundredth of a second of the file's end.
    let mut out = vec![0.0; resample.ready()];
    resample.pull(&mut out);
    if out.is_empty() { Err(unsupported("it is empty")) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::tone::dominant_frequency;

    const LONG: Duration = Duration::from_secs(1);

    fn wav(rate: u32, channels: u16, samples: &[i16]) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(file.path(), spec).unwrap();
        for &sample in samples {
            for channel in 0..channels {
                writer.write_sample(if channel == 0 { sample } else { 0 }).unwrap();
            }
        }
        writer.finalize().unwrap();
        file
    }

    #[test]
    fn blocks_of_the_tone_follow_each_other_and_come_when_they_are_complete() {
        let clock = Clock::shared();
        let mut microphone = PacedMicrophone::tone(440.0, clock);
        let mut heard = Vec::new();
        let mut last: Option<Time> = None;
        for _ in 0..20 {
            let block = microphone.next_block(LONG).unwrap().unwrap();
            assert!(clock.now() >= block.captured_at + PERIOD, "not before it is spoken");
            assert!(last.is_none_or(|last| block.captured_at == last + PERIOD));
            last = Some(block.captured_at);
            heard.extend_from_slice(&block.samples);
        }
        let pitch = dominant_frequency(&heard, SAMPLE_RATE);
        // A marker of 2 kHz may lie in these 200 ms; it is a tenth of them.
        assert!(pitch.is_some_and(|hz| (430.0..450.0).contains(&hz)), "{pitch:?}");
    }

    #[test]
    fn a_file_loops_is_mixed_and_keeps_its_pitch() {
        let tone = |i: u32| (8000.0 * (i as f32 * 500.0 / 16_000.0 * std::f32::consts::TAU).sin()) as i16;
        let file = wav(16_000, 2, &(0..3200).map(tone).collect::<Vec<_>>());
        let mut microphone = PacedMicrophone::file(file.path(), Clock::shared()).unwrap();
        let mut heard = Vec::new();
        for _ in 0..50 {
            let mut block = [0.0; BLOCK];
            microphone.fill(&mut block, Time::ZERO);
            heard.extend_from_slice(&block);
        }
        assert_eq!(heard.len(), 24_000, "half a second out of a fifth");
        let pitch = dominant_frequency(&heard, SAMPLE_RATE).unwrap();
        assert!((490.0..510.0).contains(&pitch), "{pitch}");
        let loudest = heard.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!((0.10..0.14).contains(&loudest), "one silent channel of two halves it: {loudest}");
    }

    #[test]
    fn files_that_cannot_be_a_microphone_say_why() {
        let open = |path: &Path| PacedMicrophone::file(path, Clock::shared()).err();
        assert_eq!(open(Path::new("/nowhere/x.wav")), Some(DeviceError::NotFound));
        assert!(matches!(open(wav(48_000, 1, &[]).path()), Some(DeviceError::Unsupported(_))));
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), b"RIFF, but no more than that").unwrap();
        assert!(matches!(open(text.path()), Some(DeviceError::Unsupported(_))));
    }
}
