//! Pictures to the size that is encoded: smaller where they are larger, never larger, never another shape.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use snug_media::I420;
use std::borrow::Cow;

/// Scales pictures down, keeping its buffers between them.
pub(super) struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    pub(super) fn new() -> Scaler {
        Scaler { resizer: Resizer::new() }
    }

    /// The picture at the size of [`fit`]; itself where it fits already.
    pub(super) fn scale<'a>(&mut self, picture: &'a I420, within: (u32, u32)) -> Cow<'a, I420> {
        let from = (picture.width(), picture.height());
        let to = fit(from, within);
        if to == from {
            return Cow::Borrowed(picture);
        }
        match self.scaled(picture, from, to) {
            Some(scaled) => Cow::Owned(scaled),
            // Sizes are even and not zero, planes fit them: the library has no reason to refuse. Should it
            // do so, the encoder takes the large picture.
            None => Cow::Borrowed(picture),
        }
    }

    fn scaled(&mut self, picture: &I420, from: (u32, u32), to: (u32, u32)) -> Option<I420> {
        let mut scaled = I420::black(to.0, to.1).ok()?;
        let (y, u, v) = scaled.planes_mut();
        let half = |(width, height): (u32, u32)| (width / 2, height / 2);
        self.plane(picture.y(), from, y, to)?;
        self.plane(picture.u(), half(from), u, half(to))?;
        self.plane(picture.v(), half(from), v, half(to)).map(|()| scaled)
    }

    fn plane(&mut self, source: &[u8], from: (u32, u32), target: &mut [u8], to: (u32, u32)) -> Option<()> {
        let source = ImageRef::new(from.0, from.1, source, PixelType::U8).ok()?;
        let mut target = Image::from_slice_u8(to.0, to.1, target, PixelType::U8).ok()?;
        // Bilinear over the whole footprint: no aliasing, and a third of the cost of Lanczos.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize(&source, &mut target, &options).ok()
    }
}

/// The largest even size of the same shape that lies within the other and is no larger than itself.
pub(super) fn fit(from: (u32, u32), within: (u32, u32)) -> (u32, u32) {
    let (width, height) = (f64::from(from.0), f64::from(from.1));
    // A portrait picture may be as large as a landscape one.
    let within = if height > width { (within.1, within.0) } else { within };
    let factor = (f64::from(within.0) / width).min(f64::from(within.1) / height);
    if factor >= 1.0 {
        return from;
    }
    let even = |length: f64| (((length * factor / 2.0).round() as u32) * 2).max(2);
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::pattern;

    #[test]
    fn sizes_keep_their_shape_and_do_not_grow() {
        assert_eq!(fit((1920, 1080), (1280, 720)), (1280, 720));
        assert_eq!(fit((640, 480), (1280, 720)), (640, 480));
        assert_eq!(fit((1600, 1200), (1280, 720)), (960, 720));
        assert_eq!(fit((1080, 1920), (1280, 720)), (720, 1280));
        assert_eq!(fit((1366, 768), (640, 360)), (640, 360));
        assert_eq!(fit((10_000, 2), (1280, 720)), (1280, 2));
    }

    #[test]
    fn a_scaled_picture_shows_the_same() {
        let mut large = I420::black(1280, 720).unwrap();
        pattern::draw(&mut large, 2, 99, 1000);
        let mut scaler = Scaler::new();
        let small = scaler.scale(&large, (320, 180));
        assert_eq!((small.width(), small.height()), (320, 180));
        assert_eq!(pattern::read(small.y(), 320, 180, 320).unwrap().frame_no, 99);
        let same = scaler.scale(&large, (1280, 720));
        assert!(matches!(same, Cow::Borrowed(_)));
    }
}
