//! Pictures to VP8 frames.

use super::{CodecError, Context};
use bytes::Bytes;
use snug_media::{Bitrate, I420, Time};
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_long, c_ulong};
use std::time::Duration;
use vpx_sys::{
    VPX_DL_REALTIME, VPX_EFLAG_FORCE_KF, VPX_ENCODER_ABI_VERSION, VPX_ERROR_RESILIENT_DEFAULT,
    VPX_FRAME_IS_KEY, vp8e_enc_control_id, vpx_codec_control_, vpx_codec_cx_pkt_kind, vpx_codec_enc_cfg_t,
    vpx_codec_enc_config_default, vpx_codec_enc_config_set, vpx_codec_enc_init_ver, vpx_codec_encode,
    vpx_codec_err_t, vpx_codec_get_cx_data, vpx_codec_vp8_cx, vpx_image_t, vpx_img_fmt_t, vpx_img_wrap,
    vpx_kf_mode, vpx_rational, vpx_rc_mode,
};

/// Microseconds, as [`Time`] counts: the rate control sees the camera's real pace.
const TIMEBASE: vpx_rational = vpx_rational { num: 1, den: 1_000_000 };
/// Above this a face turns to blocks; the frame is dropped instead (what libwebrtc uses for video).
const MAX_QUANTIZER: u32 = 56;
const MIN_QUANTIZER: u32 = 2;
/// Milliseconds of the rate that the decoder's model buffer holds, starts with and aims at. Small,
/// because every bit of it is delay (libwebrtc's values).
const BUFFER_MS: (u32, u32, u32) = (1000, 500, 600);
/// A frame is dropped when that model buffer is fuller than this percentage allows.
const DROP_FRAME_THRESHOLD: u32 = 30;
/// A keyframe may take as much as nine average frames: half the model buffer at 30 fps.
const MAX_KEYFRAME_PERCENT: c_int = 900;
/// libvpx cannot aim lower than this and still encode.
const MIN_BITRATE: Bitrate = Bitrate::kbps(30);

/// What came out for one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPicture {
    /// The VP8 frame.
    pub data: Bytes,
    /// Whether it decodes without any other.
    pub keyframe: bool,
}

/// A VP8 encoder for pictures of one size.
pub struct VpxEncoder {
    context: Context,
    config: vpx_codec_enc_cfg_t,
    size: (u32, u32),
    last_pts: Option<i64>,
}

// SAFETY: of the raw pointers in `config` (statistics of two-pass encoding) none is ever set or followed
// in one pass; the context says for itself why it is `Send`.
unsafe impl Send for VpxEncoder {}

impl VpxEncoder {
    /// An encoder for pictures of this size (both even), at about `fps`, aiming at `bitrate`. `speed` is
    /// libvpx's −cpu-used: 6 is careful, 16 is fast.
    pub fn new(
        width: u32,
        height: u32,
        fps: u32,
        bitrate: Bitrate,
        speed: u8,
    ) -> Result<VpxEncoder, CodecError> {
        // Checks what the encoder relies on: even, not zero, not beyond 14 bits.
        I420::black(width, height)
            .map_err(|error| CodecError::Library { call: "encoder size", reason: error.to_string() })?;
        let mut config = default_config()?;
        config.g_w = width;
        config.g_h = height;
        config.g_threads = 1;
        config.g_timebase = TIMEBASE;
        config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
        config.g_lag_in_frames = 0;
        config.rc_end_usage = vpx_rc_mode::VPX_CBR;
        config.rc_target_bitrate = kilobits(bitrate);
        config.rc_min_quantizer = MIN_QUANTIZER;
        config.rc_max_quantizer = MAX_QUANTIZER;
        config.rc_undershoot_pct = 100;
        config.rc_overshoot_pct = 15;
        (config.rc_buf_sz, config.rc_buf_initial_sz, config.rc_buf_optimal_sz) = BUFFER_MS;
        config.rc_dropframe_thresh = DROP_FRAME_THRESHOLD;
        config.rc_resize_allowed = 0;
        // Keyframes only when asked for: an unexpected one is a burst that nobody paced for.
        config.kf_mode = vpx_kf_mode::VPX_KF_DISABLED;
        let context = Context::new("vpx_codec_enc_init", |context| {
            // SAFETY: the context is zeroed and boxed; the configuration was filled by libvpx for this
            // interface and outlives the call, which copies it; the version is the bindings' own.
            unsafe {
                let version = VPX_ENCODER_ABI_VERSION as c_int;
                vpx_codec_enc_init_ver(context, vpx_codec_vp8_cx(), &config, 0, version)
            }
        })?;
        let mut encoder = VpxEncoder { context, config, size: (width, height), last_pts: None };
        encoder.set_speed(speed)?;
        encoder.control(vp8e_enc_control_id::VP8E_SET_STATIC_THRESHOLD, 1)?;
        encoder.control(vp8e_enc_control_id::VP8E_SET_NOISE_SENSITIVITY, 0)?;
        encoder.control(vp8e_enc_control_id::VP8E_SET_TOKEN_PARTITIONS, 0)?;
        let percent = MAX_KEYFRAME_PERCENT * fps.clamp(1, 120) as c_int / 30;
        encoder.control(vp8e_enc_control_id::VP8E_SET_MAX_INTRA_BITRATE_PCT, percent.max(300))?;
        Ok(encoder)
    }

    /// Width and height that it takes.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Aims at another rate from the next picture on.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let target = kilobits(bitrate);
        if target == self.config.rc_target_bitrate {
            return Ok(());
        }
        self.config.rc_target_bitrate = target;
        // SAFETY: the context is initialised; the configuration is the one that it was initialised with,
        // of the same picture size, with another rate; it is copied by the call.
        let result = unsafe { vpx_codec_enc_config_set(self.context.as_mut(), &self.config) };
        self.context.check("vpx_codec_enc_config_set", result)
    }

    /// Trades quality for speed from the next picture on: 6 careful, 16 fast (libvpx's −cpu-used).
    pub fn set_speed(&mut self, speed: u8) -> Result<(), CodecError> {
        self.control(vp8e_enc_control_id::VP8E_SET_CPUUSED, -c_int::from(speed.min(16)))
    }

    /// Encodes a picture, or drops it to keep the rate: then there is nothing. `captured_at` must grow;
    /// where it does not, the picture counts as a microsecond later than the last.
    ///
    /// # Errors
    /// When the picture has another size, or libvpx fails.
    pub fn encode(
        &mut self,
        picture: &I420,
        captured_at: Time,
        duration: Duration,
        keyframe: bool,
    ) -> Result<Option<EncodedPicture>, CodecError> {
        if (picture.width(), picture.height()) != self.size {
            let reason = format!("{}×{} instead of {:?}", picture.width(), picture.height(), self.size);
            return Err(CodecError::Library { call: "encode", reason });
        }
        let pts = captured_at.as_micros() as i64;
        let pts = self.last_pts.map_or(pts, |last| pts.max(last + 1));
        self.last_pts = Some(pts);
        let duration = (duration.as_micros() as c_ulong).max(1);
        let flags = if keyframe { c_long::from(VPX_EFLAG_FORCE_KF) } else { 0 };
        let image = view(picture);
        // SAFETY: the context is initialised; `image` describes planes of `picture`, which outlives the
        // call, and libvpx reads an encoder's input without writing to it and keeps no pointer to it
        // (there is no look-ahead).
        let result = unsafe {
            let deadline = c_ulong::from(VPX_DL_REALTIME);
            vpx_codec_encode(self.context.as_mut(), &image, pts, duration, flags, deadline)
        };
        self.context.check("vpx_codec_encode", result)?;
        Ok(self.take_frame())
    }

    fn take_frame(&mut self) -> Option<EncodedPicture> {
        let mut iterator = std::ptr::null();
        let mut taken = None;
        loop {
            // SAFETY: the context is initialised and the iterator began as null, as libvpx asks.
            let packet = unsafe { vpx_codec_get_cx_data(self.context.as_mut(), &mut iterator) };
            // SAFETY: null or a packet that lives until the next call on this context.
            let Some(packet) = (unsafe { packet.as_ref() }) else { return taken };
            if packet.kind == vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                // SAFETY: of this kind, the union holds `frame`; its buffer has `sz` bytes, and is copied.
                let (data, flags) = unsafe {
                    let frame = packet.data.frame;
                    let data =
                        std::slice::from_raw_parts(frame.buf.cast::<u8>().cast_const(), frame.sz as usize);
                    (Bytes::copy_from_slice(data), frame.flags)
                };
                taken = Some(EncodedPicture { data, keyframe: flags & VPX_FRAME_IS_KEY != 0 });
            }
        }
    }

    fn control(&mut self, id: vp8e_enc_control_id, value: c_int) -> Result<(), CodecError> {
        // SAFETY: the context is initialised as an encoder; every control used here takes one `int`
        // (`unsigned` for some, of the same size and passed the same way; no value here is negative then).
        let result = unsafe { vpx_codec_control_(self.context.as_mut(), id as c_int, value) };
        self.context.check("vpx_codec_control", result)
    }
}

fn default_config() -> Result<vpx_codec_enc_cfg_t, CodecError> {
    let mut config = MaybeUninit::<vpx_codec_enc_cfg_t>::zeroed();
    // SAFETY: the pointer is valid for writing, and the interface is libvpx's own. On OK libvpx has
    // written the whole struct, so that it is initialised, its enums included.
    unsafe {
        match vpx_codec_enc_config_default(vpx_codec_vp8_cx(), config.as_mut_ptr(), 0) {
            vpx_codec_err_t::VPX_CODEC_OK => Ok(config.assume_init()),
            error => Err(CodecError::Library {
                call: "vpx_codec_enc_config_default",
                reason: super::describe(error),
            }),
        }
    }
}

/// A description of the picture's planes for libvpx. It points into the picture and must not outlive it.
fn view(picture: &I420) -> vpx_image_t {
    let mut image = MaybeUninit::<vpx_image_t>::zeroed();
    // SAFETY: `vpx_img_wrap` writes the whole struct and only computes with the data pointer; it returns
    // null, writing nothing, for no size that `I420` allows. Zero is a value of every field, so that the
    // struct is initialised in any case.
    let mut image = unsafe {
        let data = picture.y().as_ptr().cast_mut();
        vpx_img_wrap(
            image.as_mut_ptr(),
            vpx_img_fmt_t::VPX_IMG_FMT_I420,
            picture.width(),
            picture.height(),
            1,
            data,
        );
        image.assume_init()
    };
    // Our planes are three allocations and not one; `I420` vouches for their sizes.
    let (chroma_width, _) = picture.chroma_size();
    for (index, plane) in [picture.y(), picture.u(), picture.v()].into_iter().enumerate() {
        image.planes[index] = plane.as_ptr().cast_mut();
    }
    image.stride[0] = picture.width() as c_int;
    image.stride[1] = chroma_width as c_int;
    image.stride[2] = chroma_width as c_int;
    image
}

fn kilobits(bitrate: Bitrate) -> u32 {
    (bitrate.max(MIN_BITRATE).as_bps() / 1000).min(u64::from(u32::MAX)) as u32
}
