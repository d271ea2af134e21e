//! Pictures that were seen against the same pictures at the camera: PSNR by ourselves, VMAF by an ffmpeg that has it.

use super::{ivf, original::Original};
use crate::browser::Rounds;
use anyhow::{Context, Result, bail, ensure};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::Deserialize;
use snug_call::device::CameraChoice;
use snug_call::video::VideoDecoder;
use snug_media::{I420, pattern};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

/// VMAF of every third picture is within a few tenths of that of all, in a third of the time.
const EVERY: u32 = 3;
/// Two equal pictures have no noise at all; a mean needs a number.
const MAX_PSNR: f64 = 100.0;

/// How alike they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    pub(super) vmaf: Option<f64>,
    pub(super) psnr: Option<f64>,
}

/// Compares every picture in the recordings whose code can be read; smaller ones are scaled up to the camera's size first, as a window
/// does. `rounds` is of a clip that counts its pictures anew each time that it begins.
pub(super) fn compare(
    ffmpeg: &Path,
    camera: &CameraChoice,
    sender: u8,
    seen: &[PathBuf],
    mut rounds: Option<Rounds>,
) -> Result<Score> {
    let mut original = Original::of(camera)?;
    let mut scaler = Resizer::new();
    let mut vmaf: Option<Vmaf> = None;
    let (mut noise, mut pictures) = (0.0, 0_u64);
    let can_vmaf = has_vmaf(ffmpeg)?;
    for file in seen {
        let mut decoder = VideoDecoder::new()?;
        for frame in ivf::frames(file)? {
            // What did not decode was not seen.
            let Ok(Some(picture)) = decoder.decode(&frame) else { continue };
            let (width, height) = (picture.width(), picture.height());
            let code = pattern::read(picture.y(), width, height, width as usize);
            let Some(code) = code.filter(|code| code.sender == sender) else { continue };
            let number = rounds.as_mut().map_or(code.frame_no, |rounds| rounds.number(code.frame_no));
            let shown = original.picture(code, number)?;
            let picture = scaled(&mut scaler, picture, (shown.width(), shown.height()))?;
            noise += psnr(shown.y(), picture.y());
            pictures += 1;
            if can_vmaf {
                let size = (shown.width(), shown.height());
                let vmaf = match &mut vmaf {
                    Some(vmaf) => vmaf,
                    none => none.insert(Vmaf::start(ffmpeg, size)?),
                };
                vmaf.add(&shown, &picture)?;
            }
        }
    }
    ensure!(pictures > 0, "no picture's code could be read");
    Ok(Score { vmaf: vmaf.map(Vmaf::finish).transpose()?, psnr: Some(noise / pictures as f64) })
}

fn has_vmaf(ffmpeg: &Path) -> Result<bool> {
    let filters = Command::new(ffmpeg).args(["-hide_banner", "-filters"]).output();
    let filters = filters.with_context(|| format!("cannot run {}", ffmpeg.display()))?;
    Ok(String::from_utf8_lossy(&filters.stdout).contains(" libvmaf "))
}

/// Of two planes of the same size, in decibels.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let squares = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>();
    let mean = squares as f64 / one.len().max(1) as f64;
    if mean == 0.0 { MAX_PSNR } else { (10.0 * (255.0 * 255.0 / mean).log10()).min(MAX_PSNR) }
}

fn scaled(scaler: &mut Resizer, picture: I420, to: (u32, u32)) -> Result<I420> {
    let from = (picture.width(), picture.height());
    if from == to {
        return Ok(picture);
    }
    let mut large = I420::black(to.0, to.1)?;
    let (y, u, v) = large.planes_mut();
    let half = |(width, height): (u32, u32)| (width / 2, height / 2);
    let planes = [
        (picture.y(), y, from, to),
        (picture.u(), u, half(from), half(to)),
        (picture.v(), v, half(from), half(to)),
    ];
    for (source, target, from, to) in planes {
        let source = ImageRef::new(from.0, from.1, source, PixelType::U8)?;
        let mut target = Image::from_slice_u8(to.0, to.1, target, PixelType::U8)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        scaler.resize(&source, &mut target, &options)?;
    }
    Ok(large)
}

/// An ffmpeg that is fed pairs of pictures, one above the other in a picture of twice the height: a single pipe needs no named ones.
struct Vmaf {
    ffmpeg: Child,
    pictures: BufWriter<ChildStdin>,
    /// With the result and what ffmpeg said.
    folder: TempDir,
}

impl Vmaf {
    fn start(ffmpeg: &Path, (width, height): (u32, u32)) -> Result<Vmaf> {
        let folder = tempfile::tempdir()?;
        let filter = format!(
            "[0:v]split[x][y];[x]crop={width}:{height}:0:0[shown];[y]crop={width}:{height}:0:{height}[seen];\
             [seen][shown]libvmaf=n_threads={}:n_subsample={EVERY}:log_fmt=json:log_path=vmaf.json",
            std::thread::available_parallelism().map_or(1, usize::from),
        );
        let size = format!("{width}x{}", height * 2);
        let mut ffmpeg = Command::new(std::path::absolute(ffmpeg)?)
            .args(["-nostdin", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size])
            .args(["-r", "30", "-i", "pipe:0", "-filter_complex", &filter, "-f", "null", "-"])
            // The filter's path has its own way of escaping; a plain name needs none.
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("said"))?)
            .spawn()
            .context("cannot start ffmpeg")?;
        let Some(pictures) = ffmpeg.stdin.take() else { bail!("ffmpeg has no pipe") };
        Ok(Vmaf { ffmpeg, pictures: BufWriter::new(pictures), folder })
    }

    fn add(&mut self, shown: &I420, seen: &I420) -> Result<()> {
        for plane in [shown.y(), seen.y(), shown.u(), seen.u(), shown.v(), seen.v()] {
            if let Err(error) = self.pictures.write_all(plane) {
                bail!("ffmpeg takes no more pictures ({error}): {}", self.said());
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<f64> {
        self.pictures.flush()?;
        // Closing the pipe is what tells ffmpeg that this was all.
        let Vmaf { mut ffmpeg, pictures, folder } = self;
        drop(pictures);
        let status = ffmpeg.wait()?;
        let said = || std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
        ensure!(status.success(), "ffmpeg ended with {status}: {}", said());
        let log = std::fs::read(folder.path().join("vmaf.json")).context("ffmpeg wrote no VMAF")?;
        Ok(serde_json::from_slice::<Log>(&log)?.pooled_metrics.vmaf.mean)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Log {
    pooled_metrics: Pooled,
}

#[derive(Deserialize)]
struct Pooled {
    vmaf: Mean,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn more_noise_is_fewer_decibels() {
        let plane = [100_u8; 1000];
        let off_by = |by: u8| psnr(&plane, &[100 + by; 1000]);
        assert_eq!(off_by(0), MAX_PSNR);
        assert!((off_by(1) - 48.13).abs() < 0.01, "{}", off_by(1));
        assert!(off_by(10) < off_by(3));
    }

    #[test]
    fn a_small_picture_is_compared_at_the_cameras_size() {
        let mut large = I420::black(640, 360).unwrap();
        pattern::draw(&mut large, 1, 40, 0);
        let mut small = I420::black(320, 180).unwrap();
        pattern::draw(&mut small, 1, 40, 0);
        let again = scaled(&mut Resizer::new(), small, (640, 360)).unwrap();
        assert_eq!((again.width(), again.height()), (640, 360));
        // The same scene, a little soft.
        assert!(psnr(large.y(), again.y()) > 25.0, "{}", psnr(large.y(), again.y()));
    }
}
