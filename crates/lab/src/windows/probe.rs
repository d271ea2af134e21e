//! Reads the test picture's code off a tile, as it is drawn, and tells what was seen.
//!
//! A script in the page looks at the tile's canvas once per animation frame, samples the 96 blocks of the code and notes the moment at
//! which a new one appeared first. What the bits mean is judged here by `snug_media::pattern`, checksum included, so there is one
//! reader of the code. Not screenshots: one takes longer than ten frames.

use super::Window;
use crate::call::gate::Sighting;
use crate::report::Quantiles;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use snug_media::pattern::{self, COLUMNS, Code, LEFT, ROWS, TOP};
use snug_media::stats::Samples;
use std::time::Duration;

/// The width at which the code is sampled: four pixels to a block.
const WIDTH: u32 = 160;
const BLOCK: u32 = 4;
/// Below this difference between darkest and brightest block there is no code.
const MIN_CONTRAST: u32 = 60;

/// `makeSampler(…)` gives a function that draws the code's strip (a tenth of the width high) of a canvas or a video onto a small
/// canvas, splits its blocks at the middle between darkest and brightest, and gives the bits in hexadecimal, or nothing without contrast.
pub(crate) const SAMPLER: &str = r#"
function makeSampler(width, block, left, top, columns, rows, minContrast) {
  const scratch = document.createElement('canvas')
  scratch.width = width
  scratch.height = block * (top + rows)
  const pen = scratch.getContext('2d', { willReadFrequently: true })
  return (picture, wide) => {
    pen.drawImage(picture, 0, 0, wide, (wide * scratch.height) / width, 0, 0, width, scratch.height)
    const pixels = pen.getImageData(0, 0, width, scratch.height).data
    const blocks = []
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        let sum = 0
        for (let y = 1; y < 3; y++)
          for (let x = 1; x < 3; x++) {
            const at = (((top + row) * block + y) * width + (left + column) * block + x) * 4
            sum += 77 * pixels[at] + 150 * pixels[at + 1] + 29 * pixels[at + 2]
          }
        blocks.push(sum / 1024)
      }
    const low = Math.min(...blocks), high = Math.max(...blocks)
    if (high - low < minContrast) return null
    let hex = ''
    for (let at = 0; at < blocks.length; at += 4) {
      let digit = 0
      for (let bit = 0; bit < 4; bit++) digit = digit * 2 + (blocks[at + bit] > (low + high) / 2 ? 1 : 0)
      hex += digit.toString(16)
    }
    return hex
  }
}
"#;

/// Keeps `[Date.now(), hex]` of each new code on a canvas, at most 4000 of them until they are fetched.
const WATCH: &str = r#"
const [selector, ...geometry] = arguments
const sample = makeSampler(...geometry)
const probe = { seen: [], last: '', frames: 0, error: null, stop: false }
window.__snugProbe = probe
function look() {
  if (probe.stop) return
  requestAnimationFrame(look)
  probe.frames += 1
  const tile = document.querySelector(selector)
  if (!tile || !tile.width) return
  try {
    const now = Date.now()
    const hex = sample(tile, tile.width)
    if (hex === null) return
    if (hex !== probe.last && probe.seen.length < 4000) probe.seen.push([now, hex])
    probe.last = hex
  } catch (error) {
    probe.error = String(error)
  }
}
look()
"#;

const FETCH: &str = "const probe = window.__snugProbe; if (!probe) return null; \
                     const { seen, error, frames } = probe; probe.seen = []; return { seen, error, frames }";
const STOP: &str = "if (window.__snugProbe) window.__snugProbe.stop = true";

/// Watches one tile of one window.
#[derive(Debug)]
pub struct Probe {
    sightings: Vec<Sighting>,
    unread: u64,
    animation_frames: u64,
}

/// What was seen on a tile over some time.
#[derive(Clone, Debug)]
pub struct TileStory {
    /// Every code at the moment at which it appeared first, in order.
    pub sightings: Vec<Sighting>,
    /// Pictures that had enough contrast for a code and failed its checksum, mostly ones caught half drawn.
    pub unread: u64,
    /// Animation frames that the page had meanwhile.
    pub animation_frames: u64,
}

impl Probe {
    /// Begins to look at the canvas that fits the CSS selector.
    pub async fn start(window: &Window, canvas: &str) -> Result<Probe> {
        let arguments = [json!(canvas)].into_iter().chain(geometry()).collect();
        window.look(&format!("{SAMPLER}{WATCH}"), arguments).await?;
        Ok(Probe { sightings: Vec::new(), unread: 0, animation_frames: 0 })
    }

    /// Takes over what the page noted since the last time. Call it more often than each two minutes.
    pub async fn fetch(&mut self, window: &Window) -> Result<()> {
        let noted = window.look(FETCH, vec![]).await?;
        if let Some(error) = noted["error"].as_str() {
            anyhow::bail!("{} cannot read its tile: {error}", window.who());
        }
        self.animation_frames =
            noted["frames"].as_u64().context("the page lost the probe: it was loaded anew")?;
        for seen in noted["seen"].as_array().into_iter().flatten() {
            let at_ms = seen[0].as_u64().context("a moment")?;
            match decode(seen[1].as_str().context("a code")?) {
                Some(code) => self.sightings.push(Sighting { at_ms, code }),
                None => self.unread += 1,
            }
        }
        Ok(())
    }

    /// Ends the looking.
    pub async fn stop(mut self, window: &Window) -> Result<TileStory> {
        self.fetch(window).await?;
        window.look(STOP, vec![]).await?;
        Ok(TileStory {
            sightings: self.sightings,
            unread: self.unread,
            animation_frames: self.animation_frames,
        })
    }
}

impl TileStory {
    /// From the other's camera to this screen.
    pub fn glass_to_glass_ms(&self) -> Option<Quantiles> {
        let mut ages = Samples::new();
        self.sightings.iter().for_each(|seen| ages.add(seen.code.age_ms(seen.at_ms) as f64));
        Quantiles::of(&ages)
    }

    /// New pictures per second between the first and the last.
    pub fn fps(&self) -> Option<f64> {
        let (first, last) = (self.sightings.first()?, self.sightings.last()?);
        let seconds = Duration::from_millis(last.at_ms.saturating_sub(first.at_ms)).as_secs_f64();
        (seconds > 0.0).then(|| (self.sightings.len() - 1) as f64 / seconds)
    }

    /// Fails unless something was seen at all.
    pub fn not_empty(&self) -> Result<()> {
        let (unread, frames) = (self.unread, self.animation_frames);
        ensure!(
            !self.sightings.is_empty(),
            "no code was seen in {frames} animation frames ({unread} could not be read)"
        );
        Ok(())
    }
}

/// What `makeSampler` is given.
pub(crate) fn geometry() -> [Value; 7] {
    [WIDTH, BLOCK, LEFT, TOP, COLUMNS, ROWS, MIN_CONTRAST].map(|number| json!(number))
}

/// The same for a script that looks at pictures of any size: blocks to a width, left, top, columns, rows, least contrast.
pub(crate) fn strip_geometry() -> [u32; 6] {
    [pattern::BLOCKS_PER_WIDTH, LEFT, TOP, COLUMNS, ROWS, MIN_CONTRAST]
}

/// Draws the 96 bits as a small picture and has it read like any other.
pub(crate) fn decode(hex: &str) -> Option<Code> {
    let bits = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 24)?;
    let height = BLOCK * (TOP + ROWS);
    let mut luma = vec![16_u8; (WIDTH * height) as usize];
    for (index, pixel) in (0..).zip(&mut luma) {
        let (column, row) =
            ((index % WIDTH / BLOCK).checked_sub(LEFT), (index / WIDTH / BLOCK).checked_sub(TOP));
        let (Some(column), Some(row)) = (column.filter(|&column| column < COLUMNS), row) else { continue };
        if bits >> (COLUMNS * ROWS - 1 - (row * COLUMNS + column)) & 1 == 1 {
            *pixel = 235;
        }
    }
    pattern::read(&luma, WIDTH, height, WIDTH as usize)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::I420;

    /// What the script in the page finds, from a picture.
    fn sample(picture: &I420) -> String {
        let block = picture.width() / pattern::BLOCKS_PER_WIDTH;
        let bit = |row: u32, column: u32| {
            let (x, y) = ((LEFT + column) * block + block / 2, (TOP + row) * block + block / 2);
            u128::from(picture.y()[(y * picture.width() + x) as usize] > 125)
        };
        let all = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
        format!("{:024x}", all.fold(0, |bits, (row, column)| bits << 1 | bit(row, column)))
    }

    #[test]
    fn bits_from_the_page_read_as_the_code_that_was_drawn() {
        let mut picture = I420::black(1280, 720).unwrap();
        pattern::draw(&mut picture, 3, 0x0102_0304, 1_763_821_518_123);
        let hex = sample(&picture);
        let code = decode(&hex).unwrap();
        assert_eq!((code.sender, code.frame_no, code.age_ms(1_763_821_518_200)), (3, 0x0102_0304, 77));
        let damaged = hex.replacen(&hex[..1], if &hex[..1] == "0" { "1" } else { "0" }, 1);
        assert_eq!(decode(&damaged), None);
        assert_eq!((decode(""), decode("xyz"), decode(&hex[1..])), (None, None, None));
    }

    #[test]
    fn a_story_tells_rate_and_delay() {
        let sighting = |n: u32| {
            let at_ms = 10_000 + u64::from(n) * 40;
            Sighting { at_ms, code: Code { sender: 1, frame_no: n, time_ms: at_ms as u32 - 70 } }
        };
        let story =
            TileStory { sightings: (0..51).map(sighting).collect(), unread: 0, animation_frames: 120 };
        assert_eq!(story.fps(), Some(25.0));
        assert_eq!(story.glass_to_glass_ms(), Some(Quantiles { p50: 70.0, p95: 70.0 }));
        assert!(TileStory { sightings: vec![], ..story }.not_empty().is_err());
    }
}
