//! Pictures, encoded and not, and the little of VP8 that one must read to carry it.
//!
//! Not a codec: the only bits looked at are the frame header's (RFC 6386 §9.1), because a receiver must
//! know a keyframe and its size before any decoder sees it. Planes are owned and packed (stride = width):
//! strided views would save a copy in two places and cost a stride argument in every function.

use crate::time::Time;
use crate::units::RtpTime;
use bytes::Bytes;

/// VP8 writes each dimension in 14 bits (RFC 6386 §9.1).
const MAX_DIMENSION: u32 = 16_383;

/// What can be wrong with a picture or an encoded frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A dimension is zero, odd or larger than VP8 can say.
    #[error("a picture of {width}×{height} cannot be I420: both must be even and between 2 and 16382")]
    Size {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
    /// A plane's length does not fit the dimensions.
    #[error("a plane is {got} bytes long instead of {expected}")]
    Plane {
        /// Its length.
        got: usize,
        /// What the dimensions ask for.
        expected: usize,
    },
    /// The bytes do not begin as a VP8 frame does.
    #[error("not a VP8 frame: {0}")]
    NotVp8(&'static str),
}

/// A picture in planar YUV 4:2:0 with packed planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I420 {
    width: u32,
    height: u32,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl I420 {
    /// A black picture. Both dimensions must be even and not zero.
    pub fn black(width: u32, height: u32) -> Result<I420, FrameError> {
        let luma = check_size(width, height)?;
        Ok(I420 { width, height, y: vec![16; luma], u: vec![128; luma / 4], v: vec![128; luma / 4] })
    }

    /// A picture of planes that the caller already has, packed.
    pub fn from_planes(
        width: u32,
        height: u32,
        y: Vec<u8>,
        u: Vec<u8>,
        v: Vec<u8>,
    ) -> Result<I420, FrameError> {
        let luma = check_size(width, height)?;
        for (plane, expected) in [(&y, luma), (&u, luma / 4), (&v, luma / 4)] {
            if plane.len() != expected {
                return Err(FrameError::Plane { got: plane.len(), expected });
            }
        }
        Ok(I420 { width, height, y, u, v })
    }

    /// Width in pixels; also the luma stride.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height of the two chroma planes; the width is also their stride.
    pub fn chroma_size(&self) -> (u32, u32) {
        (self.width / 2, self.height / 2)
    }

    /// The luma plane.
    pub fn y(&self) -> &[u8] {
        &self.y
    }

    /// The blue-difference plane.
    pub fn u(&self) -> &[u8] {
        &self.u
    }

    /// The red-difference plane.
    pub fn v(&self) -> &[u8] {
        &self.v
    }

    /// All three planes to draw on: Y, U, V.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        (&mut self.y, &mut self.u, &mut self.v)
    }
}

fn check_size(width: u32, height: u32) -> Result<usize, FrameError> {
    let fits = |side: u32| side > 0 && side.is_multiple_of(2) && side <= MAX_DIMENSION;
    if fits(width) && fits(height) {
        Ok(width as usize * height as usize)
    } else {
        Err(FrameError::Size { width, height })
    }
}

/// A picture and the moment at which it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFrame {
    /// The pixels.
    pub picture: I420,
    /// When the camera took it, by the capturing side's clock.
    pub captured_at: Time,
}

/// One encoded VP8 frame, as an encoder makes it or as the assembler put it together again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The frame's bytes, without any RTP.
    pub data: Bytes,
    /// Whether it decodes without any other frame.
    pub keyframe: bool,
    /// Its 90 kHz time stamp.
    pub rtp_time: RtpTime,
    /// Width in pixels: from this keyframe's header, or for a delta frame the last keyframe's.
    pub width: u16,
    /// Height in pixels, in the same way.
    pub height: u16,
    /// The 15-bit (or 7-bit) PictureID that it came with; an encoder's own count at the sender.
    pub picture_id: Option<u16>,
    /// Temporal layer, 0 the base (RFC 7741 §4.2, TID).
    pub temporal_id: u8,
    /// In an upper layer: whether it depends on the base layer only (RFC 7741 §4.2, Y).
    pub layer_sync: bool,
    /// When it was captured, where that is known: at the sender, or from sender reports.
    pub captured_at: Option<Time>,
}

/// What a VP8 frame says about itself in its first bytes (RFC 6386 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vp8Header {
    /// A keyframe, with its dimensions.
    Key {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// A frame that needs others before it.
    Delta,
}

impl Vp8Header {
    /// Whether a frame that begins with this byte is a keyframe. Only the first byte of a frame says it.
    pub const fn is_key(first_byte: u8) -> bool {
        first_byte & 1 == 0
    }

    /// Reads the frame tag, and for a keyframe its start code and size.
    pub fn parse(data: &[u8]) -> Result<Vp8Header, FrameError> {
        let &[tag, ..] = data else { return Err(FrameError::NotVp8("empty")) };
        if data.len() < 3 {
            return Err(FrameError::NotVp8("shorter than its frame tag"));
        }
        if (tag >> 1) & 0b111 > 3 {
            return Err(FrameError::NotVp8("unknown version"));
        }
        if !Vp8Header::is_key(tag) {
            return Ok(Vp8Header::Delta);
        }
        let &[_, _, _, a, b, c, w0, w1, h0, h1, ..] = data else {
            return Err(FrameError::NotVp8("a keyframe shorter than its header"));
        };
        if [a, b, c] != [0x9d, 0x01, 0x2a] {
            return Err(FrameError::NotVp8("a keyframe without the start code"));
        }
        let width = u16::from_le_bytes([w0, w1]) & 0x3fff;
        let height = u16::from_le_bytes([h0, h1]) & 0x3fff;
        if width == 0 || height == 0 {
            return Err(FrameError::NotVp8("a keyframe without a size"));
        }
        Ok(Vp8Header::Key { width, height })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn odd_empty_and_huge_pictures_are_refused() {
        assert!(I420::black(640, 360).is_ok());
        for (width, height) in [(0, 2), (2, 0), (3, 2), (2, 3), (16_384, 2)] {
            assert_eq!(I420::black(width, height), Err(FrameError::Size { width, height }));
        }
        let short = I420::from_planes(4, 2, vec![0; 8], vec![0; 2], vec![0; 1]);
        assert_eq!(short, Err(FrameError::Plane { got: 1, expected: 2 }));
    }

    #[test]
    fn a_keyframe_says_its_size_and_a_delta_says_it_is_one() {
        let key = [0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02, 0xff];
        assert_eq!(Vp8Header::parse(&key), Ok(Vp8Header::Key { width: 1280, height: 720 }));
        assert_eq!(Vp8Header::parse(&[0x31, 0, 0]), Ok(Vp8Header::Delta));
    }

    #[test]
    fn rubbish_is_an_error() {
        let mut key = vec![0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02];
        for length in 0..key.len() {
            assert!(Vp8Header::parse(&key[..length]).is_err(), "{length} bytes");
        }
        key[3] = 0;
        assert!(Vp8Header::parse(&key).is_err());
        assert!(Vp8Header::parse(&[0x0f, 0, 0]).is_err());
    }
}
