//! The sending half: 20, 40 or 60 ms of sound to a packet, with copies of what went before.

use super::{FRAME, MAX_PACKET, failed};
use crate::codec::{CodecError, Effort};
use bytes::Bytes;
use opusic_sys::{
    OPUS_APPLICATION_VOIP, OPUS_BANDWIDTH_FULLBAND, OPUS_BANDWIDTH_WIDEBAND, OPUS_SET_BITRATE_REQUEST,
    OPUS_SET_COMPLEXITY_REQUEST, OPUS_SET_DRED_DURATION_REQUEST, OPUS_SET_DTX_REQUEST,
    OPUS_SET_INBAND_FEC_REQUEST, OPUS_SET_MAX_BANDWIDTH_REQUEST, OPUS_SET_PACKET_LOSS_PERC_REQUEST,
    OPUS_SET_SIGNAL_REQUEST, OPUS_SIGNAL_VOICE, opus_encode_float, opus_encoder_create, opus_encoder_ctl,
    opus_encoder_destroy,
};
use snug_media::Bitrate;
use snug_media::audio::Protection;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::time::Duration;

/// Opus's own word for "decide yourself".
const AUTO: c_int = opusic_sys::OPUS_AUTO;
/// DRED is asked for in steps of 10 ms, at most 1.04 s of them (libopus's `DRED_MAX_FRAMES`).
const MAX_DRED: u128 = 104;

/// libopus's encoder, destroyed exactly once.
struct Handle(NonNull<opusic_sys::OpusEncoder>);

// SAFETY: libopus keeps no thread-local state; an encoder may be used from any thread as long as it is one
// at a time, which `&mut` ensures.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create` and not destroyed before.
        unsafe { opus_encoder_destroy(self.0.as_ptr()) };
    }
}

/// An Opus encoder for speech.
pub struct OpusEncoder {
    handle: Handle,
    packet: Vec<u8>,
    /// Whether copies are made, and whether the last packet was longer than [`FRAME`].
    fec: bool,
    long: bool,
    protection: Protection,
    effort: Effort,
}

/// Of 0…10. 9 is what libwebrtc uses on a desktop, 1 % of a core; 5 is what it uses on a phone.
fn complexity(effort: Effort) -> c_int {
    match effort {
        Effort::Full => 9,
        Effort::Less => 5,
        Effort::Least => 0,
    }
}

impl OpusEncoder {
    /// An encoder with DTX on and no protection against loss.
    pub fn new(bitrate: Bitrate) -> Result<OpusEncoder, CodecError> {
        let rate = crate::device::SAMPLE_RATE as i32;
        let mut error = 0;
        // SAFETY: the arguments are values, and `error` outlives the call.
        let made = unsafe { opus_encoder_create(rate, 1, OPUS_APPLICATION_VOIP, &mut error) };
        let Some(made) = NonNull::new(made) else { return Err(failed("opus_encoder_create", error)) };
        let mut encoder = OpusEncoder {
            handle: Handle(made),
            packet: vec![0; MAX_PACKET],
            fec: false,
            long: false,
            protection: Protection::default(),
            effort: Effort::default(),
        };
        encoder.set("complexity", OPUS_SET_COMPLEXITY_REQUEST, complexity(encoder.effort))?;
        encoder.set("DTX", OPUS_SET_DTX_REQUEST, 1)?;
        encoder.set_bitrate(bitrate)?;
        Ok(encoder)
    }

    /// Aims at another rate, 6…128 kbit/s, copies included, from the next packet on.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let bits = bitrate.clamp(Bitrate::kbps(6), Bitrate::kbps(128)).as_bps();
        self.set("bitrate", OPUS_SET_BITRATE_REQUEST, bits as c_int)
    }

    /// Takes so much work from the next packet on; only with all of it there is deep redundancy.
    pub fn set_effort(&mut self, effort: Effort) -> Result<(), CodecError> {
        self.effort = effort;
        self.set("complexity", OPUS_SET_COMPLEXITY_REQUEST, complexity(effort))?;
        self.set_protection(self.protection)
    }

    /// Protects what follows against loss, or stops doing so.
    pub fn set_protection(&mut self, protection: Protection) -> Result<(), CodecError> {
        // Only Opus's speech modes have redundancy; without loss it may take a song for one.
        let signal = if protection.fec { OPUS_SIGNAL_VOICE } else { AUTO };
        let percent = (protection.loss * 100.0).clamp(0.0, 100.0).ceil();
        let dred = if self.effort == Effort::Full { protection.dred } else { Duration::ZERO };
        let frames = (dred.as_millis() / 10).min(MAX_DRED);
        self.protection = protection;
        self.fec = protection.fec;
        self.set_max_bandwidth()?;
        self.set("signal", OPUS_SET_SIGNAL_REQUEST, signal)?;
        self.set("in-band FEC", OPUS_SET_INBAND_FEC_REQUEST, c_int::from(protection.fec))?;
        self.set("loss", OPUS_SET_PACKET_LOSS_PERC_REQUEST, percent as c_int)?;
        self.set("DRED", OPUS_SET_DRED_DURATION_REQUEST, frames as c_int)
    }

    /// Longer packets with more than wideband are several frames of 20 ms (RFC 6716 §2.1.4: hybrid frames are no
    /// longer), and then the copy in one is of the last 20 ms before it only. In wideband it is of all.
    fn set_max_bandwidth(&mut self) -> Result<(), CodecError> {
        let narrow = self.fec && self.long;
        let bandwidth = if narrow { OPUS_BANDWIDTH_WIDEBAND } else { OPUS_BANDWIDTH_FULLBAND };
        self.set("bandwidth", OPUS_SET_MAX_BANDWIDTH_REQUEST, bandwidth)
    }

    /// Encodes one, two or three times [`FRAME`]. A packet of two bytes or less says that nothing is said (DTX).
    pub fn encode(&mut self, samples: &[f32]) -> Result<Bytes, CodecError> {
        let long = samples.len() > FRAME;
        if std::mem::replace(&mut self.long, long) != long {
            self.set_max_bandwidth()?;
        }
        let (pcm, space) = (samples.as_ptr(), self.packet.len() as c_int);
        let count = c_int::try_from(samples.len()).unwrap_or(c_int::MAX);
        // SAFETY: the encoder lives; `pcm` has `count` samples of its one channel, of which libopus reads none when
        // that is no length of its; `packet` has `space` bytes.
        let length =
            unsafe { opus_encode_float(self.handle.0.as_ptr(), pcm, count, self.packet.as_mut_ptr(), space) };
        let written = usize::try_from(length).ok().and_then(|length| self.packet.get(..length));
        written.map(Bytes::copy_from_slice).ok_or_else(|| failed("opus_encode_float", length))
    }

    fn set(&mut self, what: &'static str, request: c_int, value: c_int) -> Result<(), CodecError> {
        // SAFETY: the encoder lives, and each request that is made here takes exactly one integer.
        match unsafe { opus_encoder_ctl(self.handle.0.as_ptr(), request, value) } {
            0 => Ok(()),
            error => Err(failed(what, error)),
        }
    }
}
