//! VP8 through libvpx, made safe: nothing outside this folder can misuse it.
//!
//! Only what a call needs: one pass, constant bit rate, no look-ahead, keyframes when they are asked for.
//! One thread each, because two threads collapsed to a tenth of the speed on a busy machine (they wait
//! for each other at every macroblock row).

// The whole program's `unsafe`. Each block says why it is sound.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::VpxDecoder;
pub use encoder::{EncodedPicture, VpxEncoder};

use super::CodecError;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use vpx_sys::{
    vpx_codec_ctx_t, vpx_codec_destroy, vpx_codec_err_t, vpx_codec_err_to_string, vpx_codec_error_detail,
};

/// A codec context that libvpx initialised and that is destroyed exactly once.
///
/// It is boxed so that its address stays the same while libvpx holds it.
struct Context(Box<vpx_codec_ctx_t>);

// SAFETY: libvpx keeps no thread-local state and starts no thread of its own with one thread asked for;
// a context may be used from any thread as long as it is one at a time, which `&mut` ensures.
unsafe impl Send for Context {}

impl Context {
    /// A context that `init` fills; it is kept only if `init` says OK.
    fn new(
        call: &'static str,
        init: impl FnOnce(*mut vpx_codec_ctx_t) -> vpx_codec_err_t,
    ) -> Result<Context, CodecError> {
        // SAFETY: the struct is pointers, integers and an error code, for all of which zero is a value
        // (VPX_CODEC_OK); zero is also how libvpx's own examples and `vpx_codec_*_init` begin.
        let mut context = Box::new(unsafe { MaybeUninit::<vpx_codec_ctx_t>::zeroed().assume_init() });
        match init(&mut *context) {
            vpx_codec_err_t::VPX_CODEC_OK => Ok(Context(context)),
            // libvpx frees what it had allocated when initialisation fails.
            error => Err(CodecError::Library { call, reason: describe(error) }),
        }
    }

    fn as_mut(&mut self) -> *mut vpx_codec_ctx_t {
        &mut *self.0
    }

    fn check(&mut self, call: &'static str, result: vpx_codec_err_t) -> Result<(), CodecError> {
        if result == vpx_codec_err_t::VPX_CODEC_OK {
            return Ok(());
        }
        // SAFETY: the context was initialised; the detail is null or a string of libvpx's that lives at
        // least until the next call on this context, and it is copied here.
        let detail = unsafe {
            let detail = vpx_codec_error_detail(self.as_mut());
            (!detail.is_null()).then(|| CStr::from_ptr(detail).to_string_lossy().into_owned())
        };
        let reason =
            detail.map_or_else(|| describe(result), |detail| format!("{}: {detail}", describe(result)));
        Err(CodecError::Library { call, reason })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `new` keeps only contexts that were initialised, and this is the one place that ends them.
        unsafe { vpx_codec_destroy(self.as_mut()) };
    }
}

fn describe(error: vpx_codec_err_t) -> String {
    // SAFETY: returns a pointer to a static string for every value, unknown ones included.
    unsafe { CStr::from_ptr(vpx_codec_err_to_string(error)) }.to_string_lossy().into_owned()
}
