//! The test picture: moving, pleasant, and carrying who sent it, its number and its capture time.
//!
//! A camera for tests and the lab, and for developers without one. It is drawn before the encoder, as a
//! camera's picture would be, and read after the decoder or from a screenshot of the tile, so what is
//! measured is the whole way. Not a QR code: those need finding, and survive a 150 kbit/s encoder worse
//! than flat blocks on its macroblock grid.
//!
//! # Geometry, for readers in other languages
//!
//! One block is a square with side `b = width / 40` (a real number; 32 px at 1280, 4 px at 160). The code
//! is 32 columns by 3 rows of blocks with its top left corner at `(4b, b)`; half a block around it is
//! black. Everything is in proportion to the *width*, so the code scales with the picture. White is 1,
//! black is 0, most significant bit to the left:
//!
//! | row | bits |
//! |---|---|
//! | 0 | frame number, 32 |
//! | 1 | capture time in ms, the low 32 bits |
//! | 2 | magic `0xA5`, 8; sender, 8; CRC, 16 |
//!
//! The CRC is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, no reflection) over the ten bytes
//! magic, sender, frame number (big endian), time (big endian). To read: average each block's middle
//! half in both directions, split at the middle between the darkest and the brightest block, check magic
//! and CRC.

use crate::frame::I420;
use std::f32::consts::TAU;

/// Blocks that fit side by side into the picture's width.
pub const BLOCKS_PER_WIDTH: u32 = 40;
/// Columns of the code.
pub const COLUMNS: u32 = 32;
/// Rows of the code.
pub const ROWS: u32 = 3;
/// Blocks to the left of the code.
pub const LEFT: u32 = 4;
/// Blocks above the code.
pub const TOP: u32 = 1;
/// The first byte of the last row.
pub const MAGIC: u8 = 0xA5;
/// Below this a block has no pixel of its own in its middle.
pub const MIN_WIDTH: u32 = BLOCKS_PER_WIDTH * 2;

/// Video black and white (ITU-R BT.601, limited range).
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// Darkest and brightest block differ by 219 when drawn; a crushed picture keeps well above this.
const MIN_CONTRAST: u32 = 60;

/// What a picture says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Who drew it.
    pub sender: u8,
    /// Its number, counted by the sender.
    pub frame_no: u32,
    /// The low 32 bits of its capture time in milliseconds.
    pub time_ms: u32,
}

impl Code {
    /// Milliseconds from capture to `now_ms` (same clock and epoch as the sender's), right across the
    /// wrap each 49.7 days; negative when the clocks disagree.
    pub fn age_ms(&self, now_ms: u64) -> i64 {
        i64::from((now_ms as u32).wrapping_sub(self.time_ms) as i32)
    }

    fn rows(&self) -> [u32; ROWS as usize] {
        let mut bytes = [0; 10];
        bytes[0] = MAGIC;
        bytes[1] = self.sender;
        bytes[2..6].copy_from_slice(&self.frame_no.to_be_bytes());
        bytes[6..].copy_from_slice(&self.time_ms.to_be_bytes());
        let last = u32::from(MAGIC) << 24 | u32::from(self.sender) << 16 | u32::from(crc16(&bytes));
        [self.frame_no, self.time_ms, last]
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, &byte| {
        (0..8).fold(
            crc ^ u16::from(byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

/// Where the edge of block `n` lies in a picture of this width.
fn edge(n: u32, width: u32) -> u32 {
    (n * width + BLOCKS_PER_WIDTH / 2) / BLOCKS_PER_WIDTH
}

/// Draws frame `frame_no` of the moving picture and stamps its code. `time_ms` is the capture time; its
/// low 32 bits are carried. `sender` also chooses the colours, so that two people look different.
pub fn draw(picture: &mut I420, sender: u8, frame_no: u32, time_ms: u64) {
    draw_scene(picture, sender, frame_no);
    stamp(picture, sender, frame_no, time_ms);
}

/// Stamps the code alone over a picture, for example a file's frame.
pub fn stamp(picture: &mut I420, sender: u8, frame_no: u32, time_ms: u64) {
    let (width, height) = (picture.width(), picture.height());
    let rows = Code { sender, frame_no, time_ms: time_ms as u32 }.rows();
    let (chroma_width, _) = picture.chroma_size();
    let (y, u, v) = picture.planes_mut();
    let half = edge(1, width) / 2;
    let (left, right) = (edge(LEFT, width) - half, edge(LEFT + COLUMNS, width) + half);
    let (top, bottom) = (edge(TOP, width) - half, edge(TOP + ROWS, width) + half);
    let bottom = bottom.min(height);
    for line in y.chunks_exact_mut(width as usize).take(bottom as usize).skip(top as usize) {
        line[left as usize..right as usize].fill(BLACK);
    }
    for plane in [u, v] {
        let lines = plane.chunks_exact_mut(chroma_width as usize);
        for line in lines.take((bottom / 2) as usize).skip((top / 2) as usize) {
            line[(left / 2) as usize..(right / 2) as usize].fill(128);
        }
    }
    for (row, bits) in (0..).zip(rows) {
        let lines = edge(TOP + row, width).min(height)..edge(TOP + row + 1, width).min(height);
        for line in lines {
            let line = &mut y[(line * width) as usize..((line + 1) * width) as usize];
            for column in 0..COLUMNS {
                if bits >> (COLUMNS - 1 - column) & 1 == 1 {
                    let from = edge(LEFT + column, width) as usize;
                    line[from..edge(LEFT + column + 1, width) as usize].fill(WHITE);
                }
            }
        }
    }
}

/// A slow tide of warm colour with a ball that bounces over it.
fn draw_scene(picture: &mut I420, sender: u8, frame_no: u32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    // Seconds of a nominal 30 fps; the scene repeats after 3600 s so that f32 keeps its precision.
    let time = (frame_no % 108_000) as f32 / 30.0;
    // Tint as (U, V) of background and ball: amber, teal, rose, plum.
    let (tide, ball): ((i16, i16), (u8, u8)) = match sender % 4 {
        0 => ((106, 148), (58, 178)),
        1 => ((134, 108), (92, 176)),
        2 => ((122, 156), (70, 168)),
        _ => ((146, 142), (66, 170)),
    };
    let wave = |length: usize, turns: f32, phase: f32, height: f32| -> Vec<i16> {
        (0..length)
            .map(|at| (height * (TAU * (turns * at as f32 / length as f32 + phase)).sin()) as i16)
            .collect()
    };
    let across = wave(width, 1.5, time / 6.0, 20.0);
    let down = wave(height, 0.8, -time / 9.0, 16.0);
    let (chroma_width, chroma_height) = (width / 2, height / 2);
    let tint_across = wave(chroma_width, 1.0, -time / 8.0, 9.0);
    let tint_down = wave(chroma_height, 1.0, time / 11.0, 7.0);

    let (y, u, v) = picture.planes_mut();
    for (line, (at, lift)) in y.chunks_exact_mut(width).zip(down.iter().enumerate()) {
        let base = 70 + (60 * at / height) as i16 + lift;
        for (pixel, wave) in line.iter_mut().zip(&across) {
            *pixel = (base + wave) as u8;
        }
    }
    for (plane, centre, sign) in [(&mut *u, tide.0, -1), (&mut *v, tide.1, 1)] {
        for (line, lift) in plane.chunks_exact_mut(chroma_width).zip(&tint_down) {
            for (pixel, wave) in line.iter_mut().zip(&tint_across) {
                *pixel = (centre + sign * (lift + wave)) as u8;
            }
        }
    }

    let radius = width as f32 / 16.0;
    let swing = (time * TAU / 7.0).sin();
    let bounce = (time * TAU / 2.4).sin().abs();
    let (centre_x, floor) = (width as f32 * (0.5 + 0.36 * swing), height as f32 * 0.94 - radius);
    let centre_y = floor - bounce * (height as f32 * 0.5 - radius).max(0.0);
    for_disc(centre_x, centre_y, radius, width, height, |at, dx, dy| {
        // Lit from the upper left, so that it reads as a ball.
        y[at] = (205.0 - 75.0 * ((dx + 0.45).powi(2) + (dy + 0.45).powi(2)).min(1.8) / 1.8) as u8;
    });
    let (x, y, r) = (centre_x / 2.0, centre_y / 2.0, radius / 2.0);
    for_disc(x, y, r, chroma_width, chroma_height, |at, _, _| (u[at], v[at]) = ball);
}

/// Calls `paint` with the index and the place (−1…1) of each pixel in a disc.
fn for_disc(
    centre_x: f32,
    centre_y: f32,
    radius: f32,
    width: usize,
    height: usize,
    mut paint: impl FnMut(usize, f32, f32),
) {
    let span = |centre: f32, limit: usize| {
        (centre - radius).max(0.0) as usize..((centre + radius + 1.0).max(0.0) as usize).min(limit)
    };
    for line in span(centre_y, height) {
        for column in span(centre_x, width) {
            let (dx, dy) = ((column as f32 - centre_x) / radius, (line as f32 - centre_y) / radius);
            if dx * dx + dy * dy <= 1.0 {
                paint(line * width + column, dx, dy);
            }
        }
    }
}

/// Reads the code from a luma plane of any size, or `None` where there is none that checks out.
pub fn read(luma: &[u8], width: u32, height: u32, stride: usize) -> Option<Code> {
    let needed = stride.checked_mul((height as usize).checked_sub(1)?)?.checked_add(width as usize)?;
    if stride < width as usize || luma.len() < needed {
        return None;
    }
    read_with(width, height, |x, y| u32::from(luma[y as usize * stride + x as usize]))
}

/// Reads the code from packed RGBA pixels, as a canvas or a screenshot of the tile gives them.
pub fn read_rgba(pixels: &[u8], width: u32, height: u32) -> Option<Code> {
    let needed = (width as usize).checked_mul(height as usize)?.checked_mul(4)?;
    if pixels.len() < needed {
        return None;
    }
    read_with(width, height, |x, y| {
        let at = (y as usize * width as usize + x as usize) * 4;
        let [r, g, b] = [pixels[at], pixels[at + 1], pixels[at + 2]].map(u32::from);
        (77 * r + 150 * g + 29 * b) >> 8
    })
}

fn read_with(width: u32, height: u32, luma: impl Fn(u32, u32) -> u32) -> Option<Code> {
    if !(MIN_WIDTH..=1 << 16).contains(&width) || edge(TOP + ROWS, width) > height {
        return None;
    }
    // A block's middle half, in both directions; at least one pixel.
    let middle = |block: u32| {
        let from = (block * 4 + 1) * width / (BLOCKS_PER_WIDTH * 4);
        let to = (block * 4 + 3) * width / (BLOCKS_PER_WIDTH * 4);
        from..to.max(from + 1)
    };
    let mut blocks = [[0_u32; COLUMNS as usize]; ROWS as usize];
    for (row, line) in (0..).zip(&mut blocks) {
        for (column, block) in (0..).zip(line) {
            let (xs, ys) = (middle(LEFT + column), middle(TOP + row));
            let count = xs.len() as u32 * ys.len() as u32;
            let sum: u32 = ys.flat_map(|y| xs.clone().map(move |x| (x, y))).map(|(x, y)| luma(x, y)).sum();
            *block = sum / count;
        }
    }
    let darkest = *blocks.iter().flatten().min()?;
    let brightest = *blocks.iter().flatten().max()?;
    if brightest - darkest < MIN_CONTRAST {
        return None;
    }
    let split = (darkest + brightest) / 2;
    let [frame_no, time_ms, last] =
        blocks.map(|line| line.iter().fold(0, |bits, &block| bits << 1 | u32::from(block > split)));
    let code = Code { sender: (last >> 16) as u8, frame_no, time_ms };
    (code.rows()[2] == last).then_some(code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn drawn(width: u32, height: u32, frame_no: u32) -> I420 {
        let mut picture = I420::black(width, height).unwrap();
        draw(&mut picture, 7, frame_no, 1_763_821_518_123);
        picture
    }

    fn expected(frame_no: u32) -> Code {
        Code { sender: 7, frame_no, time_ms: 1_763_821_518_123_u64 as u32 }
    }

    /// Box-averages by a whole factor, as a scaler does.
    fn shrink(luma: &[u8], width: usize, height: usize, by: usize) -> Vec<u8> {
        let mut small = Vec::new();
        for y in 0..height / by {
            for x in 0..width / by {
                let all = (0..by * by).map(|i| u32::from(luma[(y * by + i / by) * width + x * by + i % by]));
                small.push((all.sum::<u32>() / (by * by) as u32) as u8);
            }
        }
        small
    }

    #[test]
    fn the_code_reads_back_at_every_usual_size() {
        for (width, height) in
            [(1920, 1080), (1280, 720), (640, 480), (640, 360), (320, 240), (320, 180), (162, 90)]
        {
            let picture = drawn(width, height, 0xdead_beef);
            assert_eq!(
                read(picture.y(), width, height, width as usize),
                Some(expected(0xdead_beef)),
                "{width}"
            );
        }
    }

    #[test]
    fn it_survives_shrinking_coarse_quantisation_and_noise() {
        for by in [1, 2, 3, 4, 8] {
            let picture = drawn(1280, 720, 4711);
            let (width, height) = (1280 / by, 720 / by);
            let mut luma = shrink(picture.y(), 1280, 720, by);
            let mut noise = 1_u32;
            for pixel in &mut luma {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let coarse = i32::from(*pixel / 48 * 48) + (noise >> 26) as i32 - 32;
                *pixel = coarse.clamp(0, 255) as u8;
            }
            let code = read(&luma, width as u32, height as u32, width);
            assert_eq!(code, Some(expected(4711)), "shrunk by {by}");
        }
    }

    #[test]
    fn a_screenshot_reads_too_and_a_stride_is_respected() {
        let picture = drawn(640, 360, 12);
        let rgba: Vec<u8> = picture.y().iter().flat_map(|&y| [y, y, y, 255]).collect();
        assert_eq!(read_rgba(&rgba, 640, 360), Some(expected(12)));
        let padded: Vec<u8> = picture.y().chunks(640).flat_map(|line| [line, &[9; 32]].concat()).collect();
        assert_eq!(read(&padded, 640, 360, 672), Some(expected(12)));
    }

    #[test]
    fn what_is_not_a_code_is_not_read_as_one() {
        let mut picture = I420::black(640, 360).unwrap();
        draw_scene(&mut picture, 7, 1);
        assert_eq!(read(picture.y(), 640, 360, 640), None, "the scene alone");
        let mut forged = drawn(640, 360, 1);
        let block = (edge(TOP, 640) * 640 + edge(LEFT + 31, 640)) as usize;
        for line in 0..16 {
            forged.planes_mut().0[block + line * 640..][..16].fill(BLACK);
        }
        assert_eq!(read(forged.y(), 640, 360, 640), None, "one flipped bit fails the checksum");
        assert_eq!(read(&[], 640, 360, 640), None);
        assert_eq!(read(&[0; 100], 0, 0, 0), None);
        assert_eq!(read_rgba(&[0; 100], 640, 360), None);
    }

    #[test]
    fn the_picture_moves_and_two_senders_look_different() {
        let (first, second) = (drawn(640, 360, 1), drawn(640, 360, 2));
        let below_code = 640 * 90;
        let changed = first.y()[below_code..].iter().zip(&second.y()[below_code..]).filter(|(a, b)| a != b);
        assert!(changed.count() > 1000);
        let mut other = I420::black(640, 360).unwrap();
        draw(&mut other, 8, 1, 0);
        assert_ne!(other.u(), first.u());
    }

    #[test]
    fn a_stamp_leaves_the_rest_of_a_picture_alone() {
        let mut picture = I420::black(640, 360).unwrap();
        picture.planes_mut().0.fill(90);
        stamp(&mut picture, 7, 5, 1_763_821_518_123);
        assert_eq!(read(picture.y(), 640, 360, 640), Some(expected(5)));
        assert!(picture.y()[640 * 80..].iter().all(|&luma| luma == 90));
    }

    #[test]
    fn age_is_right_across_the_wrap_of_32_bits() {
        let code = Code { sender: 0, frame_no: 0, time_ms: u32::MAX - 9 };
        assert_eq!(code.age_ms(u64::from(u32::MAX) + 91), 100);
        assert_eq!(code.age_ms(u64::from(u32::MAX) - 19), -10);
    }
}
