//! A y4m file as a camera: at its own frame rate, from its beginning again when it ends.

use super::{Camera, DeviceError};
use crate::clock::Clock;
use crate::device::pace::Pace;
use snug_media::{I420, VideoFrame, pattern};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use y4m::Colorspace;

/// More than a camera of this century makes; a header that claims it is rubbish.
const MAX_FPS: u64 = 240;

pub(super) struct FileCamera {
    path: PathBuf,
    name: String,
    stamp: Option<u8>,
    decoder: y4m::Decoder<BufReader<File>>,
    pace: Pace,
    clock: Clock,
    /// The number of the frame that the decoder reads next, loops included.
    position: u64,
    /// Whether this turn through the file has given a frame: a file without any would loop for ever.
    fruitful: bool,
}

impl FileCamera {
    pub(super) fn open(path: &Path, stamp: Option<u8>, clock: Clock) -> Result<FileCamera, DeviceError> {
        let decoder = decoder(path)?;
        let rate = decoder.get_framerate();
        let (num, den) = (rate.num as u64, rate.den as u64);
        if num == 0 || den == 0 || num / den > MAX_FPS {
            return Err(unsupported(path, &format!("{num}/{den} frames per second")));
        }
        match decoder.get_colorspace() {
            Colorspace::C420 | Colorspace::C420jpeg | Colorspace::C420paldv | Colorspace::C420mpeg2 => {}
            other => return Err(unsupported(path, &format!("{other:?} instead of 8-bit 4:2:0"))),
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let pace = Pace::new(clock, den, num);
        Ok(FileCamera {
            path: path.to_owned(),
            name,
            stamp,
            decoder,
            pace,
            clock,
            position: 0,
            fruitful: false,
        })
    }

    /// Reads frame `number`, passing over those before it.
    fn read(&mut self, number: u64) -> Result<I420, DeviceError> {
        loop {
            let (width, height) = (self.decoder.get_width(), self.decoder.get_height());
            match self.decoder.read_frame() {
                Ok(frame) => {
                    self.fruitful = true;
                    self.position += 1;
                    if self.position > number {
                        return even(
                            width,
                            height,
                            [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()],
                        )
                        .ok_or_else(|| unsupported(&self.path, "its size"));
                    }
                }
                // A cut last frame ends the file like the end does.
                Err(y4m::Error::EOF | y4m::Error::IoError(_)) if self.fruitful => {
                    self.decoder = decoder(&self.path)?;
                    self.fruitful = false;
                }
                Err(error) => return Err(unsupported(&self.path, &format!("{error:?}"))),
            }
        }
    }
}

impl Camera for FileCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let Some(number) = self.pace.wait_latest(timeout) else { return Ok(None) };
        let captured_at = self.clock.now();
        let mut picture = self.read(number)?;
        if let Some(sender) = self.stamp {
            pattern::stamp(&mut picture, sender, number as u32, self.clock.unix_ms(captured_at));
        }
        Ok(Some(VideoFrame { picture, captured_at }))
    }
}

fn decoder(path: &Path) -> Result<y4m::Decoder<BufReader<File>>, DeviceError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => DeviceError::NotFound,
        ErrorKind::PermissionDenied => DeviceError::Denied,
        _ => DeviceError::Other(format!("{}: {error}", path.display())),
    })?;
    // A picture is larger than its buffer on purpose: it is then read right to where it belongs.
    y4m::decode(BufReader::new(file))
        .map_err(|error| unsupported(path, &format!("not a y4m file ({error:?})")))
}

fn unsupported(path: &Path, what: &str) -> DeviceError {
    DeviceError::Unsupported(format!("{}: {what}", path.display()))
}

/// Packs 4:2:0 planes (whose chroma rounds up) into a picture without a last odd column or row.
fn even(width: usize, height: usize, [y, u, v]: [&[u8]; 3]) -> Option<I420> {
    let (to_width, to_height) = (width & !1, height & !1);
    let cut = |plane: &[u8], stride: usize, width: usize, height: usize| -> Vec<u8> {
        let mut packed = Vec::with_capacity(width * height);
        plane
            .chunks_exact(stride.max(1))
            .take(height)
            .for_each(|line| packed.extend_from_slice(&line[..width]));
        packed
    };
    let chroma = width.div_ceil(2);
    let (u, v) = (cut(u, chroma, to_width / 2, to_height / 2), cut(v, chroma, to_width / 2, to_height / 2));
    I420::from_planes(to_width as u32, to_height as u32, cut(y, width, to_width, to_height), u, v).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    fn clip(width: usize, height: usize, fps: usize, lumas: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut encoder =
            y4m::encode(width, height, y4m::Ratio::new(fps, 1)).write_header(&mut file).unwrap();
        let chroma = vec![128; width.div_ceil(2) * height.div_ceil(2)];
        for &luma in lumas {
            let y = vec![luma; width * height];
            encoder.write_frame(&y4m::Frame::new([&y, &chroma, &chroma], None)).unwrap();
        }
        file
    }

    #[test]
    fn a_file_loops_and_loses_its_odd_edges() {
        let file = clip(101, 51, 100, &[10, 20, 30]);
        let mut camera = FileCamera::open(file.path(), None, Clock::shared()).unwrap();
        for number in 0..8 {
            let picture = camera.read(number).unwrap();
            assert_eq!((picture.width(), picture.height()), (100, 50));
            assert_eq!(picture.y()[0], [10, 20, 30][number as usize % 3]);
        }
        assert_eq!(camera.read(13).unwrap().y()[0], 20, "those in between are passed over");
    }

    #[test]
    fn the_code_is_stamped_only_when_asked_for() {
        let file = clip(320, 180, 100, &[90]);
        let clock = Clock::shared();
        let mut plain = FileCamera::open(file.path(), None, clock).unwrap();
        let frame = plain.next_frame(Duration::from_secs(1)).unwrap().unwrap();
        assert!(frame.picture.y().iter().all(|&luma| luma == 90));
        let mut stamped = FileCamera::open(file.path(), Some(5), clock).unwrap();
        let frame = stamped.next_frame(Duration::from_secs(1)).unwrap().unwrap();
        let code = pattern::read(frame.picture.y(), 320, 180, 320).unwrap();
        assert_eq!((code.sender, code.frame_no), (5, 0));
    }

    #[test]
    fn files_that_cannot_be_a_camera_say_why() {
        let open = |path: &Path| FileCamera::open(path, None, Clock::shared()).err();
        assert_eq!(open(Path::new("/nowhere/x.y4m")), Some(DeviceError::NotFound));
        let mut text = tempfile::NamedTempFile::new().unwrap();
        text.write_all(b"hello, this is no video").unwrap();
        assert!(matches!(open(text.path()), Some(DeviceError::Unsupported(_))));
        let empty = clip(64, 64, 30, &[]);
        let mut camera = FileCamera::open(empty.path(), None, Clock::shared()).unwrap();
        assert!(matches!(camera.read(0), Err(DeviceError::Unsupported(_))), "no frame at all");
    }
}
