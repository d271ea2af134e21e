//! The pictures as they were at the camera, by their numbers.

use anyhow::{Context, Result, anyhow, bail, ensure};
use snug_call::device::CameraChoice;
use snug_media::I420;
use snug_media::pattern::{self, Code};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The test picture's size at the camera.
const PATTERN: (u32, u32) = (1280, 720);

/// Shows again what a camera showed. Numbers must not fall, as they do not in a call.
pub(super) enum Original {
    Pattern,
    Clip(Box<Clip>),
}

pub(super) struct Clip {
    path: PathBuf,
    decoder: y4m::Decoder<BufReader<File>>,
    /// The number of the frame that the decoder reads next, loops included.
    position: u64,
    /// Whether this turn through the file has given a frame.
    fruitful: bool,
    /// What was read last: a browser's fake camera shows a picture again when it is late.
    last: Option<(u64, I420)>,
}

impl Original {
    pub(super) fn of(camera: &CameraChoice) -> Result<Original> {
        match camera {
            CameraChoice::Pattern { .. } => Ok(Original::Pattern),
            CameraChoice::File { path, .. } => {
                let decoder = decoder(path)?;
                let clip = Clip { path: path.clone(), decoder, position: 0, fruitful: false, last: None };
                Ok(Original::Clip(Box::new(clip)))
            }
            CameraChoice::Device(_) | CameraChoice::Default => {
                bail!("what a real camera showed cannot be shown again")
            }
        }
    }

    /// The picture with this code in it, which was the camera's picture of this number.
    pub(super) fn picture(&mut self, code: Code, number: u32) -> Result<I420> {
        // The code holds the low half of a time; the drawing carries no more of it either.
        let time_ms = u64::from(code.time_ms);
        match self {
            Original::Pattern => {
                let mut picture = I420::black(PATTERN.0, PATTERN.1)?;
                pattern::draw(&mut picture, code.sender, code.frame_no, time_ms);
                Ok(picture)
            }
            Original::Clip(clip) => {
                let mut picture = clip.read(u64::from(number))?;
                pattern::stamp(&mut picture, code.sender, code.frame_no, time_ms);
                Ok(picture)
            }
        }
    }
}

impl Clip {
    fn read(&mut self, number: u64) -> Result<I420> {
        if let Some((_, picture)) = self.last.as_ref().filter(|(last, _)| *last == number) {
            return Ok(picture.clone());
        }
        ensure!(number >= self.position, "picture {number} was shown before {}", self.position);
        loop {
            let (width, height) = (self.decoder.get_width() as u32, self.decoder.get_height() as u32);
            match self.decoder.read_frame() {
                Ok(frame) => {
                    self.fruitful = true;
                    self.position += 1;
                    if self.position > number {
                        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
                        let [y, u, v] = planes.map(<[u8]>::to_vec);
                        let picture = I420::from_planes(width, height, y, u, v)?;
                        self.last = Some((number, picture.clone()));
                        return Ok(picture);
                    }
                }
                Err(y4m::Error::EOF | y4m::Error::IoError(_)) if self.fruitful => {
                    self.decoder = decoder(&self.path)?;
                    self.fruitful = false;
                }
                Err(error) => bail!("{}: {error:?}", self.path.display()),
            }
        }
    }
}

fn decoder(path: &Path) -> Result<y4m::Decoder<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    y4m::decode(BufReader::with_capacity(1 << 20, file))
        .map_err(|error| anyhow!("{}: {error:?}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::browser::write_clip;

    #[test]
    fn a_picture_is_shown_twice_and_in_every_round_but_not_out_of_order() {
        let folder = tempfile::tempdir().unwrap();
        let film = write_clip(&folder.path().join("film.y4m"), 7, 160, 90, 1).unwrap();
        let camera = CameraChoice::File { path: film.path.clone(), stamp: Some(1) };
        let mut original = Original::of(&camera).unwrap();
        let code = |frame_no| Code { sender: 1, frame_no, time_ms: 5 };
        let first = original.picture(code(4), 4).unwrap();
        assert_eq!(original.picture(code(4), 4).unwrap().y(), first.y());
        assert_eq!(original.picture(code(4), 4 + film.frames).unwrap().y(), first.y());
        assert!(original.picture(code(3), 3).is_err());
    }
}
