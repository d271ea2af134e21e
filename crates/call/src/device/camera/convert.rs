//! A camera's raw bytes to I420, whatever cameras give.
//!
//! nokhwa's own decoders go to RGB, from which the encoder's 4:2:0 would have to be made again: twice the
//! work. YUYV, NV12 and JPEG are 4:2:0 or nearly already.

use super::DeviceError;
use nokhwa::utils::FrameFormat;
use snug_media::I420;
use turbojpeg::{Decompressor, Subsamp, YuvImage};
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    bgr_to_yuv420, rgb_to_yuv420, yuyv422_to_yuv420,
};

/// Converts frames of one camera, keeping what can be kept between them.
#[derive(Default)]
pub(super) struct Converter {
    jpeg: Option<Decompressor>,
    pixels: Vec<u8>,
}

impl Converter {
    /// A picture from the bytes that a camera gave for this format and size. Odd sizes lose an edge.
    pub(super) fn convert(
        &mut self,
        format: FrameFormat,
        width: u32,
        height: u32,
        bytes: &[u8],
    ) -> Result<I420, DeviceError> {
        if format == FrameFormat::MJPEG {
            return self.jpeg(bytes);
        }
        let mut picture = I420::black(width & !1, height & !1).map_err(failed)?;
        let needed = raw_length(format, width as usize, height as usize);
        if bytes.len() < needed {
            return Err(failed(format!("a frame of {} bytes instead of {needed}", bytes.len())));
        }
        match format {
            FrameFormat::NV12 => nv12(&mut picture, width as usize, height as usize, bytes),
            FrameFormat::GRAY => {
                let to = (width & !1) as usize;
                let lines = bytes.chunks_exact(width as usize);
                for (line, from) in picture.planes_mut().0.chunks_exact_mut(to).zip(lines) {
                    line.copy_from_slice(&from[..to]);
                }
            }
            FrameFormat::YUYV => {
                // Two pixels in four bytes: a row of odd width is padded to the next pair.
                let stride = width.div_ceil(2) * 4;
                let (width, height) = (picture.width(), picture.height());
                let packed = YuvPackedImage {
                    yuy: &bytes[..(stride * height) as usize],
                    yuy_stride: stride,
                    width,
                    height,
                };
                yuyv422_to_yuv420(&mut planar(&mut picture), &packed).map_err(failed)?;
            }
            FrameFormat::RAWRGB | FrameFormat::RAWBGR => {
                let convert = if format == FrameFormat::RAWRGB { rgb_to_yuv420 } else { bgr_to_yuv420 };
                let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
                let target = &mut planar(&mut picture);
                convert(target, bytes, width * 3, range, matrix, YuvConversionMode::Balanced)
                    .map_err(failed)?;
            }
            FrameFormat::MJPEG => unreachable!("handled above"),
        }
        Ok(picture)
    }

    fn jpeg(&mut self, bytes: &[u8]) -> Result<I420, DeviceError> {
        let decompressor = match &mut self.jpeg {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(failed)?),
        };
        let header = decompressor.read_header(bytes).map_err(failed)?;
        let (width, height, subsamp) = (header.width, header.height, header.subsamp);
        let length = turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(failed)?;
        self.pixels.resize(length, 0);
        let image = YuvImage { pixels: &mut self.pixels[..], width, align: 1, height, subsamp };
        decompressor.decompress_to_yuv(bytes, image).map_err(failed)?;
        from_jpeg_planes(&self.pixels, width, height, subsamp)
    }
}

/// Takes what libjpeg left: packed planes with the chroma subsampled as the camera liked, full range.
fn from_jpeg_planes(
    pixels: &[u8],
    width: usize,
    height: usize,
    subsamp: Subsamp,
) -> Result<I420, DeviceError> {
    // How many chroma samples there are: per this many columns, per this many rows.
    let (across, down) = match subsamp {
        Subsamp::None => (1, 1),
        Subsamp::Sub2x1 => (2, 1),
        Subsamp::Sub2x2 => (2, 2),
        Subsamp::Gray => (0, 0),
        other => return Err(DeviceError::Unsupported(format!("a JPEG camera with {other:?}"))),
    };
    // libjpeg pads each plane to whole chroma samples.
    let pad = |length: usize, by: usize| length.next_multiple_of(by.max(1));
    let (stride, rows) = (pad(width, across), pad(height, down));
    let mut picture = I420::black(width as u32 & !1, height as u32 & !1).map_err(failed)?;
    let (to_width, to_height) = (width & !1, height & !1);
    let (luma, chroma) = pixels.split_at(stride * rows);
    let (y, u, v) = picture.planes_mut();
    for (line, from) in y.chunks_exact_mut(to_width).zip(luma.chunks_exact(stride)) {
        // JPEG's luma spans 0…255, video's 16…235.
        line.iter_mut()
            .zip(from)
            .for_each(|(to, &from)| *to = (16 + (u32::from(from) * 219 + 127) / 255) as u8);
    }
    if across == 0 {
        return Ok(picture);
    }
    let (stride, rows) = (stride / across, rows / down);
    let planes = chroma.chunks_exact(stride * rows);
    // Sources at twice the resolution are averaged: pairs across or rows down that one sample must cover.
    let (columns_per, rows_per) = (2 / across, 2 / down);
    for (plane, from) in [u, v].into_iter().zip(planes) {
        for (row, line) in plane.chunks_exact_mut(to_width / 2).enumerate().take(to_height / 2) {
            for (column, to) in line.iter_mut().enumerate() {
                let mut sum = 0;
                for y in row * rows_per..(row + 1) * rows_per {
                    for x in column * columns_per..(column + 1) * columns_per {
                        sum += i32::from(from[y * stride + x]) - 128;
                    }
                }
                let average = sum / (rows_per * columns_per) as i32;
                *to = (128 + average * 224 / 255) as u8;
            }
        }
    }
    Ok(picture)
}

fn nv12(picture: &mut I420, width: usize, height: usize, bytes: &[u8]) {
    let (to_width, to_height) = (picture.width() as usize, picture.height() as usize);
    let (luma, chroma) = bytes.split_at(width * height);
    let (y, u, v) = picture.planes_mut();
    for (line, from) in y.chunks_exact_mut(to_width).zip(luma.chunks_exact(width)) {
        line.copy_from_slice(&from[..to_width]);
    }
    let rows = chroma.chunks_exact(width.next_multiple_of(2)).take(to_height / 2);
    for ((u, v), from) in u.chunks_exact_mut(to_width / 2).zip(v.chunks_exact_mut(to_width / 2)).zip(rows) {
        for ((u, v), pair) in u.iter_mut().zip(v).zip(from.chunks_exact(2)) {
            (*u, *v) = (pair[0], pair[1]);
        }
    }
}

/// How many bytes a raw frame must have.
fn raw_length(format: FrameFormat, width: usize, height: usize) -> usize {
    match format {
        FrameFormat::YUYV => width.div_ceil(2) * 4 * height,
        FrameFormat::NV12 => width * height + width.next_multiple_of(2) * (height / 2),
        FrameFormat::GRAY => width * height,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => width * height * 3,
        FrameFormat::MJPEG => 0,
    }
}

fn planar(picture: &mut I420) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (picture.width(), picture.height());
    let (y, u, v) = picture.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: width / 2,
        width,
        height,
    }
}

fn failed(error: impl ToString) -> DeviceError {
    DeviceError::Other(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::pattern;

    const SIZE: (u32, u32) = (320, 180);

    fn drawn() -> I420 {
        let mut picture = I420::black(SIZE.0, SIZE.1).unwrap();
        pattern::draw(&mut picture, 4, 77, 123_456);
        picture
    }

    fn check(picture: &I420, tolerance: u8) {
        let code = pattern::read(picture.y(), SIZE.0, SIZE.1, SIZE.0 as usize).unwrap();
        assert_eq!((code.sender, code.frame_no), (4, 77));
        let original = drawn();
        // Below the code, and away from sharp edges, colours must be those that were drawn.
        for (plane, from) in [(picture.u(), original.u()), (picture.v(), original.v())] {
            let close = plane.iter().zip(from).filter(|(a, b)| a.abs_diff(**b) <= tolerance).count();
            assert!(close * 100 >= plane.len() * 97, "{close} of {}", plane.len());
        }
        let close =
            picture.y().iter().zip(original.y()).filter(|(a, b)| a.abs_diff(**b) <= tolerance).count();
        assert!(close * 100 >= original.y().len() * 95, "{close} of {}", original.y().len());
    }

    fn yuyv(picture: &I420) -> Vec<u8> {
        let (width, half) = (SIZE.0 as usize, SIZE.0 as usize / 2);
        (0..SIZE.1 as usize)
            .flat_map(|row| (0..half).map(move |pair| (row, pair)))
            .flat_map(|(row, pair)| {
                let luma = row * width + pair * 2;
                let chroma = row / 2 * half + pair;
                [picture.y()[luma], picture.u()[chroma], picture.y()[luma + 1], picture.v()[chroma]]
            })
            .collect()
    }

    #[test]
    fn every_raw_format_keeps_the_picture() {
        let picture = drawn();
        let mut converter = Converter::default();
        let mut convert = |format, bytes: &[u8]| converter.convert(format, SIZE.0, SIZE.1, bytes).unwrap();
        check(&convert(FrameFormat::YUYV, &yuyv(&picture)), 1);
        let pairs = picture.u().iter().zip(picture.v()).flat_map(|(&u, &v)| [u, v]);
        let nv12: Vec<u8> = picture.y().iter().copied().chain(pairs).collect();
        check(&convert(FrameFormat::NV12, &nv12), 0);
        let gray = convert(FrameFormat::GRAY, picture.y());
        assert_eq!(gray.y(), picture.y());
        assert!(gray.u().iter().all(|&u| u == 128));
    }

    #[test]
    fn rgb_and_jpeg_keep_the_picture() {
        let picture = drawn();
        let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
        let mut rgb = vec![0; width * height * 3];
        let planar = yuv::YuvPlanarImage {
            y_plane: picture.y(),
            y_stride: SIZE.0,
            u_plane: picture.u(),
            u_stride: SIZE.0 / 2,
            v_plane: picture.v(),
            v_stride: SIZE.0 / 2,
            width: SIZE.0,
            height: SIZE.1,
        };
        yuv::yuv420_to_rgb(&planar, &mut rgb, SIZE.0 * 3, YuvRange::Limited, YuvStandardMatrix::Bt601)
            .unwrap();
        let mut converter = Converter::default();
        check(&converter.convert(FrameFormat::RAWRGB, SIZE.0, SIZE.1, &rgb).unwrap(), 4);
        for subsamp in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2] {
            let format = turbojpeg::PixelFormat::RGB;
            let image = turbojpeg::Image { pixels: &rgb[..], width, pitch: width * 3, height, format };
            let jpeg = turbojpeg::compress(image, 92, subsamp).unwrap();
            check(&converter.convert(FrameFormat::MJPEG, SIZE.0, SIZE.1, &jpeg).unwrap(), 8);
        }
    }

    #[test]
    fn short_and_broken_frames_are_errors() {
        let mut converter = Converter::default();
        for format in [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::RAWRGB, FrameFormat::GRAY] {
            assert!(converter.convert(format, 64, 64, &[0; 100]).is_err());
        }
        assert!(converter.convert(FrameFormat::MJPEG, 64, 64, b"\xff\xd8 nonsense").is_err());
        assert!(converter.convert(FrameFormat::YUYV, 0, 0, &[]).is_err());
    }

    #[test]
    fn odd_sizes_lose_an_edge() {
        let mut converter = Converter::default();
        for (format, length) in [
            (FrameFormat::NV12, 33 * 17 + 34 * 8),
            (FrameFormat::YUYV, 68 * 17),
            (FrameFormat::GRAY, 33 * 17),
        ] {
            let picture = converter.convert(format, 33, 17, &vec![7; length]).unwrap();
            assert_eq!((picture.width(), picture.height()), (32, 16), "{format}");
        }
    }
}
