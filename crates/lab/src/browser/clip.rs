//! What a browser's fake camera and microphone play: a clip with the test picture's code, and a voice of bursts.

use crate::call::gate::Sighting;
use anyhow::{Context, Result, anyhow, ensure};
use snug_media::{I420, pattern};
use std::f32::consts::TAU;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// What cameras give.
const FPS: u32 = 30;
/// The microphone's.
const RATE: u32 = 48_000;
/// A quarter of a second of sound, and less of silence: noise suppression takes a tone without pauses for noise. Together no part of the
/// half second after which a peer listens for a pitch: it would hear the same moment of every burst, and perhaps the silence.
const BURST: u32 = RATE / 4;
const PAUSE: u32 = RATE * 3 / 20;
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
        // What is drawn twice or out of step is no new round.
        let mut rounds = Rounds::with_slack(self.frames, self.frames / 2);
        let unroll = |seen: &Sighting| {
            let mut seen = *seen;
            seen.code.frame_no = rounds.number(seen.code.frame_no);
            seen
        };
        sightings.iter().map(unroll).collect()
    }
}

/// Counts the rounds of a clip by its numbers, as they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    frames: u32,
    /// Steps back of up to this are no new round.
    slack: u32,
    begun: u32,
    last: u32,
}

impl Rounds {
    /// Of a clip of so many pictures, which come in order: every step back is a new round, however long nothing came.
    pub(crate) fn in_order(frames: u32) -> Rounds {
        Rounds::with_slack(frames, 0)
    }

    fn with_slack(frames: u32, slack: u32) -> Rounds {
        Rounds { frames, slack, begun: 0, last: 0 }
    }

    /// The number that goes on where the clip began anew.
    pub(crate) fn number(&mut self, number: u32) -> u32 {
        if number + self.slack < self.last {
            self.begun += 1;
        }
        self.last = number;
        number + self.begun * self.frames
    }
}

/// Writes so many seconds of the test picture of `sender`. A raw file: 720p takes 41 MB a second.
pub fn write_clip(path: &Path, sender: u8, width: u32, height: u32, seconds: u32) -> Result<Clip> {
    ensure!(
        width >= pattern::MIN_WIDTH && seconds > 0,
        "no clip of {width} pixels and {seconds} s can be read"
    );
    let frames = FPS * seconds;
    let draw = |number| {
        let mut picture = I420::black(width, height)?;
        pattern::draw(&mut picture, sender, number, time_ms(number));
        Ok((number < frames).then_some(picture))
    };
    write(path, (width, height), draw)
}

/// Writes a clip again with the code of `sender` stamped on each picture: a fake camera cannot do that as the lab's own cameras do.
pub fn stamp_clip(path: &Path, sender: u8, film: &Path) -> Result<Clip> {
    let file = File::open(film).with_context(|| format!("cannot read {}", film.display()))?;
    let unreadable = |error: y4m::Error| anyhow!("{}: {error:?}", film.display());
    let mut film = y4m::decode(BufReader::with_capacity(1 << 20, file)).map_err(unreadable)?;
    let (width, height) = (film.get_width() as u32, film.get_height() as u32);
    write(path, (width, height), |number| {
        let frame = match film.read_frame() {
            Ok(frame) => frame,
            Err(y4m::Error::EOF | y4m::Error::IoError(_)) if number > 0 => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        let [y, u, v] = planes.map(<[u8]>::to_vec);
        let mut picture = I420::from_planes(width, height, y, u, v)?;
        pattern::stamp(&mut picture, sender, number, time_ms(number));
        Ok(Some(picture))
    })
}

/// The time in a clip's code: since its beginning, which is all that a clip can know.
fn time_ms(number: u32) -> u64 {
    u64::from(number) * 1000 / u64::from(FPS)
}

/// Writes pictures of this size, by their numbers from 0, until there is none.
fn write(
    path: &Path,
    (width, height): (u32, u32),
    mut picture: impl FnMut(u32) -> Result<Option<I420>>,
) -> Result<Clip> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let rate = y4m::Ratio::new(FPS as usize, 1);
    let colours = y4m::Colorspace::C420jpeg;
    let encoder = y4m::encode(width as usize, height as usize, rate).with_colorspace(colours);
    let mut encoder = encoder.write_header(BufWriter::with_capacity(1 << 20, file))?;
    let mut frames = 0;
    while let Some(picture) = picture(frames)? {
        encoder.write_frame(&y4m::Frame::new([picture.y(), picture.u(), picture.v()], None))?;
        frames += 1;
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
        let loud = index % (BURST + PAUSE) < BURST;
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
    fn a_stamped_film_is_the_film_with_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let film = write_clip(&folder.path().join("film.y4m"), 7, 160, 90, 1).unwrap();
        let stamped = stamp_clip(&folder.path().join("stamped.y4m"), 1, &film.path).unwrap();
        assert_eq!(stamped.frames, film.frames);
        let mut decoder = y4m::decode(File::open(&stamped.path).unwrap()).unwrap();
        for number in 0..stamped.frames {
            let frame = decoder.read_frame().unwrap();
            let code = pattern::read(frame.get_y_plane(), 160, 90, 160).unwrap();
            assert_eq!((code.sender, code.frame_no), (1, number));
        }
        assert!(stamp_clip(&folder.path().join("none.y4m"), 1, &folder.path().join("absent.y4m")).is_err());
    }

    #[test]
    fn a_clip_that_begins_anew_goes_on_counting() {
        let clip = Clip { path: PathBuf::new(), frames: 30 };
        let seen = |frame_no| Sighting { at_ms: 0, code: Code { sender: 1, frame_no, time_ms: 0 } };
        let unrolled = clip.unrolled(&[20, 28, 29, 1, 2, 29, 0].map(seen));
        let numbers: Vec<u32> = unrolled.iter().map(|seen| seen.code.frame_no).collect();
        assert_eq!(numbers, [20, 28, 29, 31, 32, 59, 60]);
        let mut rounds = Rounds::in_order(30);
        // A freeze of most of a round is a short step back.
        assert_eq!([20, 28, 19, 19, 2].map(|number| rounds.number(number)), [20, 28, 49, 49, 62]);
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
        assert!(quiet[..PAUSE as usize].iter().all(|&sample| sample == 0.0));
    }
}
