//! VP8 frames to pictures, for headless peers and tests; the app's webview decodes by itself.

use super::{CodecError, Context};
use snug_media::I420;
use snug_media::frame::Vp8Header;
use std::os::raw::c_int;
use vpx_sys::{
    VPX_DECODER_ABI_VERSION, vp8_dec_control_id, vpx_codec_control_, vpx_codec_dec_cfg_t,
    vpx_codec_dec_init_ver, vpx_codec_decode, vpx_codec_get_frame, vpx_codec_vp8_dx, vpx_image_t,
    vpx_img_fmt_t,
};

/// 4K. A keyframe's header can claim 16383×16383, for which a decoder would allocate half a gigabyte.
const MAX_PIXELS: u32 = 4096 * 2304;

/// A VP8 decoder. After bytes that it cannot decode it wants a keyframe, so that it never shows what a
/// missing reference has smeared.
pub struct VpxDecoder {
    context: Context,
    needs_keyframe: bool,
}

impl VpxDecoder {
    /// A decoder that waits for a keyframe.
    pub fn new() -> Result<VpxDecoder, CodecError> {
        let config = vpx_codec_dec_cfg_t { threads: 1, w: 0, h: 0 };
        let context = Context::new("vpx_codec_dec_init", |context| {
            // SAFETY: the context is zeroed and boxed; the configuration outlives the call, which copies
            // it; the version is the bindings' own.
            unsafe {
                let version = VPX_DECODER_ABI_VERSION as c_int;
                vpx_codec_dec_init_ver(context, vpx_codec_vp8_dx(), &config, 0, version)
            }
        })?;
        Ok(VpxDecoder { context, needs_keyframe: true })
    }

    /// Decodes one frame. Nothing comes out of a frame that is not to be shown.
    ///
    /// # Errors
    /// [`CodecError::NeedsKeyframe`] for a delta frame before any keyframe or after an error,
    /// [`CodecError::Corrupt`] for what is no VP8.
    pub fn decode(&mut self, data: &[u8]) -> Result<Option<I420>, CodecError> {
        match Vp8Header::parse(data).map_err(|error| CodecError::Corrupt(error.to_string())) {
            Ok(Vp8Header::Key { width, height }) if u32::from(width) * u32::from(height) > MAX_PIXELS => {
                self.needs_keyframe = true;
                return Err(CodecError::Corrupt(format!("{width}×{height} is beyond what a call shows")));
            }
            Ok(Vp8Header::Delta) if self.needs_keyframe => return Err(CodecError::NeedsKeyframe),
            Ok(_) => {}
            Err(error) => {
                self.needs_keyframe = true;
                return Err(error);
            }
        }
        // Until all of it went well.
        self.needs_keyframe = true;
        let length =
            u32::try_from(data.len()).map_err(|_| CodecError::Corrupt("longer than 4 GiB".to_owned()))?;
        // SAFETY: the context is initialised; `data` is valid for `length` bytes during the call, after
        // which libvpx keeps no pointer to it.
        let result = unsafe {
            vpx_codec_decode(self.context.as_mut(), data.as_ptr(), length, std::ptr::null_mut(), 0)
        };
        self.context.check("decode", result).map_err(|error| CodecError::Corrupt(error.to_string()))?;
        let mut corrupted: c_int = 0;
        // SAFETY: this control writes one `int` through the pointer that it is given.
        let result = unsafe {
            let id = vp8_dec_control_id::VP8D_GET_FRAME_CORRUPTED as c_int;
            vpx_codec_control_(self.context.as_mut(), id, &raw mut corrupted)
        };
        self.context.check("vpx_codec_control", result)?;
        if corrupted != 0 {
            return Err(CodecError::Corrupt("parts of the frame are missing".to_owned()));
        }
        let picture = self.take_picture()?;
        self.needs_keyframe = false;
        Ok(picture)
    }

    fn take_picture(&mut self) -> Result<Option<I420>, CodecError> {
        let mut iterator = std::ptr::null();
        // SAFETY: the context is initialised and the iterator began as null, as libvpx asks. What comes
        // is null or an image that lives until the next call on this context; it is copied before that.
        let image = unsafe { vpx_codec_get_frame(self.context.as_mut(), &mut iterator).as_ref() };
        image.map(copy).transpose()
    }
}

/// Copies the visible part, without a last odd column or row.
fn copy(image: &vpx_image_t) -> Result<I420, CodecError> {
    if image.fmt != vpx_img_fmt_t::VPX_IMG_FMT_I420 {
        return Err(CodecError::Corrupt("not 4:2:0".to_owned()));
    }
    let (width, height) = (image.d_w & !1, image.d_h & !1);
    let plane = |index: usize, width: u32, height: u32| {
        let stride = image.stride[index] as usize;
        let mut packed = Vec::with_capacity(width as usize * height as usize);
        for row in 0..height as usize {
            // SAFETY: libvpx allocated plane `index` with at least `d_h` rows (half of them, rounded up,
            // for chroma) of at least `d_w` bytes (half, rounded up), `stride` apart and not negative;
            // `width` and `height` are at most those.
            let line = unsafe {
                let start = image.planes[index].cast_const().add(row * stride);
                std::slice::from_raw_parts(start, width as usize)
            };
            packed.extend_from_slice(line);
        }
        packed
    };
    let (y, u, v) =
        (plane(0, width, height), plane(1, width / 2, height / 2), plane(2, width / 2, height / 2));
    I420::from_planes(width, height, y, u, v).map_err(|error| CodecError::Corrupt(error.to_string()))
}
