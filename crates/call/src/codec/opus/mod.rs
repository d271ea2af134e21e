//! Opus through libopus, made safe: mono, 48 kHz, 20 to 60 ms, silence for free, and lost packets told by later ones.
//!
//! The bindings are used directly because the safe crates around them leave out what matters on a bad network:
//! decoding DRED at a chosen distance, and how much work concealment may take.

// Each block says why it is sound.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::OpusDecoder;
pub use encoder::OpusEncoder;

use super::CodecError;
use opusic_sys::opus_strerror;
use std::ffi::{CStr, c_int};

/// Samples in a usual packet: 20 ms. Others are twice or three times as long.
pub const FRAME: usize = 960;
/// Libopus's advice for the largest packet that is worth making.
const MAX_PACKET: usize = 1275;

fn failed(call: &'static str, error: c_int) -> CodecError {
    CodecError::Library { call, reason: describe(error) }
}

fn describe(error: c_int) -> String {
    // SAFETY: returns a pointer to a static string for every value, unknown ones included.
    unsafe { CStr::from_ptr(opus_strerror(error)) }.to_string_lossy().into_owned()
}
