//! What a browser's fake camera and microphone play: a clip with the test picture's code, and a voice of bursts.

use crate::call::gate::Sighting;
use anyhow::{Context, Result, ensure};
use snug_media::{I420, pattern};
use std::f32::consts::TAU;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// What cameras give.
const FPS: u32 = 30;
/// The microphone's.
const RATE: u32 = 48_000;
/// A quarter of a second of sound and as much of silence: noise suppression takes a tone without pauses for noise.
const BURST: u32 = RATE / 4;
/// Well below what gain control would touch.
const AMPLITUDE: f32 = 0.25;

/// A clip that a browser plays over and over.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The y4m file.
    pub path: PathBuf,
    /// Its pictures, which are numbered from 0.
    pub frames: u32,
}

impl Clip {
    /// The same sightings with numbers that go on where the clip began anew: each step back is one more round.
    pub fn unrolled(&self, sightings: &[Sighting]) -> Vec<Sighting> {
        let mut rounds = 0;
        let mut last = 0;
        let unroll = |seen: &Sighting| {
            let mut seen = *seen;
            if seen.code.frame_no + self.frames / 2 < last {
                rounds += 1;
            }
            last = seen.code.frame_no;
            seen.code.frame_no += rounds * self.frames;
            seen
        };
        sightings.iter().map(unroll).collect()
    }
}

/// Writes so many seconds of the test picture of `sender`. A raw file: 720p takes 41 MB a second.
pub fn write_clip(path: &Path, sender: u8, width: u32, height: u32, seconds: u32) -> Result<Clip> {
    ensure!(
        width >= pattern::MIN_WIDTH && seconds > 0,
        "no clip of {width} pixels and {seconds} s can be read"
    );
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let rate = y4m::Ratio::new(FPS as usize, 1);
    let colours = y4m::Colorspace::C420jpeg;
    let encoder = y4m::encode(width as usize, height as usize, rate).with_colorspace(colours);
    let mut encoder = encoder.write_header(BufWriter::new(file))?;
    let frames = FPS * seconds;
    for number in 0..frames {
        let mut picture = I420::black(width, height)?;
        pattern::draw(&mut picture, sender, number, u64::from(number) * 1000 / u64::from(FPS));
        encoder.write_frame(&y4m::Frame::new([picture.y(), picture.u(), picture.v()], None))?;
    }
    Ok(Clip { path: path.to_owned(), frames })
}

/// Writes so many seconds of bursts of a tone, as 16-bit PCM.
pub fn write_voice(path: &Path, pitch: f32, seconds: u32) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).with_context(|| path.display().to_string())?;
    for index in 0..RATE * seconds {
        let loud = (index / BURST).is_multiple_of(2);
        let tone = (index as f32 * pitch / RATE as f32 * TAU).sin();
        file.write_sample(if loud { (tone * AMPLITUDE * f32::from(i16::MAX)) as i16 } else { 0 })?;
    }
    Ok(file.finalize()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::pattern::Code;
    use snug_media::tone::dominant_frequency;

    #[test]
    fn every_picture_of_a_clip_tells_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let clip = write_clip(&folder.path().join("clip.y4m"), 7, 160, 90, 1).unwrap();
        let mut decoder = y4m::decode(File::open(&clip.path).unwrap()).unwrap();
        let mut numbers = Vec::new();
        while let Ok(frame) = decoder.read_frame() {
            let code = pattern::read(frame.get_y_plane(), 160, 90, 160).unwrap();
            assert_eq!(code.sender, 7);
            numbers.push(code.frame_no);
        }
        assert_eq!(numbers, (0..clip.frames).collect::<Vec<_>>());
        assert!(write_clip(&folder.path().join("small.y4m"), 7, 16, 8, 1).is_err());
    }

    #[test]
    fn a_clip_that_begins_anew_goes_on_counting() {
        let clip = Clip { path: PathBuf::new(), frames: 30 };
        let seen = |frame_no| Sighting { at_ms: 0, code: Code { sender: 1, frame_no, time_ms: 0 } };
        let unrolled = clip.unrolled(&[20, 28, 29, 1, 2, 29, 0].map(seen));
        let numbers: Vec<u32> = unrolled.iter().map(|seen| seen.code.frame_no).collect();
        assert_eq!(numbers, [20, 28, 29, 31, 32, 59, 60]);
    }

    #[test]
    fn a_voice_has_its_pitch_and_its_pauses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.wav");
        write_voice(&path, 440.0, 1).unwrap();
        let samples: Vec<f32> = hound::WavReader::open(&path)
            .unwrap()
            .samples::<i16>()
            .map(|s| f32::from(s.unwrap()) / 32768.0)
            .collect();
        let (loud, quiet) = samples.split_at(BURST as usize);
        assert!((dominant_frequency(loud, RATE).unwrap() - 440.0).abs() < 2.0);
        assert!(quiet[..BURST as usize].iter().all(|&sample| sample == 0.0));
    }
}
