//! The receiving half: packets, the copies in them, and what the decoder makes up.
//!
//! A lost packet's sound comes from one of three places. The packet after it may hold a coarser copy (LBRR,
//! RFC 6716 §2.1.7). Any packet of the next second may hold features of it, from which a network makes speech
//! again (DRED, draft-ietf-mlcodec-opus-dred). Otherwise the decoder goes on as it thinks that the speech went
//! on, again with a network.

use super::failed;
use crate::codec::{CodecError, Effort};
use opusic_sys::{
    OPUS_SET_COMPLEXITY_REQUEST, opus_decode_float, opus_decoder_create, opus_decoder_ctl,
    opus_decoder_destroy, opus_decoder_dred_decode_float, opus_dred_alloc, opus_dred_decoder_create,
    opus_dred_decoder_destroy, opus_dred_free, opus_dred_parse, opus_dred_process,
};
use snug_media::audio::{Decoder, DecoderInput, is_dtx};
use std::ffi::c_int;
use std::ptr::NonNull;

/// No packet's redundancy reaches further back: a second.
const MAX_REACH: usize = 48_000;
/// Concealment is made in whole steps of 2.5 ms.
const STEP: usize = 120;

/// A pointer that libopus made and that is given back to it exactly once.
struct Owned<T> {
    pointer: NonNull<T>,
    give_back: unsafe extern "C" fn(*mut T),
}

// SAFETY: libopus keeps no thread-local state; what it made may be used from any thread as long as it is
// one at a time, which `&mut` ensures.
unsafe impl<T> Send for Owned<T> {}

impl<T> Owned<T> {
    fn new(
        call: &'static str,
        give_back: unsafe extern "C" fn(*mut T),
        make: impl FnOnce(&mut c_int) -> *mut T,
    ) -> Result<Owned<T>, CodecError> {
        let mut error = 0;
        let pointer = NonNull::new(make(&mut error)).ok_or_else(|| failed(call, error))?;
        Ok(Owned { pointer, give_back })
    }

    fn get(&mut self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `pointer` was made by the counterpart of `give_back` and is given back only here.
        unsafe { (self.give_back)(self.pointer.as_ptr()) };
    }
}

/// An Opus decoder with concealment, as the playout of `snug-media` drives it.
pub struct OpusDecoder {
    decoder: Owned<opusic_sys::OpusDecoder>,
    dred_decoder: Owned<opusic_sys::OpusDREDDecoder>,
    dred: Owned<opusic_sys::OpusDRED>,
    /// The packet whose redundancy `dred` holds, ready to be decoded, and how far back it goes.
    ready: (Vec<u8>, usize),
    effort: Effort,
    /// The last packet said that nothing is said (DTX): what follows without packets is comfort noise.
    quiet: bool,
    /// As libopus has it.
    complexity: c_int,
}

/// From 5 on concealment is by a network (deep PLC).
fn complexity(effort: Effort) -> c_int {
    match effort {
        Effort::Full => 5,
        Effort::Less | Effort::Least => 0,
    }
}

impl OpusDecoder {
    /// A decoder for mono at 48 kHz; stereo packets come out mixed.
    pub fn new() -> Result<OpusDecoder, CodecError> {
        let rate = crate::device::SAMPLE_RATE as i32;
        // SAFETY (all three): the arguments are values, and the error outlives the call.
        let decoder = Owned::new("opus_decoder_create", opus_decoder_destroy, |error| unsafe {
            opus_decoder_create(rate, 1, error)
        })?;
        let dred_decoder =
            Owned::new("opus_dred_decoder_create", opus_dred_decoder_destroy, |error| unsafe {
                opus_dred_decoder_create(error)
            })?;
        let dred = Owned::new("opus_dred_alloc", opus_dred_free, |error| unsafe { opus_dred_alloc(error) })?;
        let effort = Effort::default();
        let ready = (Vec::new(), 0);
        let mut decoder =
            OpusDecoder { decoder, dred_decoder, dred, ready, effort, quiet: false, complexity: 0 };
        decoder.take_effort()?;
        Ok(decoder)
    }

    /// Takes so much work from the next packet on; only with all of it lost sound is made by networks.
    pub fn set_effort(&mut self, effort: Effort) -> Result<(), CodecError> {
        self.effort = effort;
        self.take_effort()
    }

    /// The sound of nobody speaking takes no network, which would go on for as long as they are silent.
    fn take_effort(&mut self) -> Result<(), CodecError> {
        let complexity = if self.quiet { 0 } else { complexity(self.effort) };
        if complexity == self.complexity {
            return Ok(());
        }
        // SAFETY: the decoder lives, and this request takes one integer.
        match unsafe { opus_decoder_ctl(self.decoder.get(), OPUS_SET_COMPLEXITY_REQUEST, complexity) } {
            0 => {
                self.complexity = complexity;
                Ok(())
            }
            error => Err(failed("complexity", error)),
        }
    }

    fn decode_with(&mut self, packet: &[u8], out: &mut [f32], fec: bool) -> Result<usize, CodecError> {
        let data = if packet.is_empty() { std::ptr::null() } else { packet.as_ptr() };
        // SAFETY: the decoder lives; `data` is null or has as many bytes as said, `out` as many samples of
        // its one channel.
        let made = unsafe {
            opus_decode_float(
                self.decoder.get(),
                data,
                length(packet.len())?,
                out.as_mut_ptr(),
                length(out.len())?,
                c_int::from(fec),
            )
        };
        usize::try_from(made).map_err(|_| corrupt(made))
    }

    /// Reads the deep redundancy of a packet, `most` samples back at most; says how far it goes.
    fn parse(&mut self, packet: &[u8], most: usize) -> Result<usize, CodecError> {
        self.ready.1 = 0;
        let mut end = 0;
        let rate = crate::device::SAMPLE_RATE as i32;
        // SAFETY: both live, `packet` has as many bytes as said, `end` outlives the call.
        let reach = unsafe {
            opus_dred_parse(
                self.dred_decoder.get(),
                self.dred.get(),
                packet.as_ptr(),
                length(packet.len())?,
                length(most)?,
                rate,
                &mut end,
                1,
            )
        };
        usize::try_from(reach).map_err(|_| corrupt(reach))
    }

    /// Makes the deep redundancy of a packet decodable, `back` samples before the packet at least.
    fn make_ready(&mut self, packet: &[u8], back: usize) -> Result<(), CodecError> {
        if self.ready.1 >= back && self.ready.0 == packet {
            return Ok(());
        }
        if self.parse(packet, back)? == 0 {
            return Err(CodecError::Corrupt("no deep redundancy in it".to_owned()));
        }
        // SAFETY: both live; libopus documents that source and destination may be the same.
        let processed =
            unsafe { opus_dred_process(self.dred_decoder.get(), self.dred.get(), self.dred.get()) };
        if processed != 0 {
            return Err(corrupt(processed));
        }
        self.ready = (packet.to_vec(), back);
        Ok(())
    }

    fn decode_dred(&mut self, packet: &[u8], back: usize, out: &mut [f32]) -> Result<usize, CodecError> {
        if back > MAX_REACH {
            return Err(CodecError::Corrupt(format!("{back} samples back")));
        }
        self.make_ready(packet, back)?;
        // SAFETY: both live, `dred` was processed, `out` has as many samples of its one channel as said.
        let made = unsafe {
            opus_decoder_dred_decode_float(
                self.decoder.get(),
                self.dred.get(),
                length(back)?,
                out.as_mut_ptr(),
                length(out.len())?,
            )
        };
        usize::try_from(made).map_err(|_| corrupt(made))
    }
}

impl Decoder for OpusDecoder {
    type Error = CodecError;

    fn decode(&mut self, input: DecoderInput<'_>, out: &mut [f32]) -> Result<usize, CodecError> {
        self.quiet = match input {
            DecoderInput::Packet(packet) => is_dtx(packet),
            DecoderInput::Conceal { .. } => self.quiet,
            DecoderInput::Fec { .. } | DecoderInput::Dred { .. } => false,
        };
        self.take_effort()?;
        match input {
            // Without data libopus would conceal: an empty packet from the network must not.
            DecoderInput::Packet([]) => Err(CodecError::Corrupt("an empty packet".to_owned())),
            DecoderInput::Packet(packet) => self.decode_with(packet, out, false),
            DecoderInput::Fec { packet: [], .. } => Err(CodecError::Corrupt("an empty packet".to_owned())),
            DecoderInput::Fec { packet, samples } => self.decode_with(packet, part(out, samples)?, true),
            DecoderInput::Dred { packet, back, samples } => {
                self.decode_dred(packet, back, part(out, samples)?)
            }
            DecoderInput::Conceal { samples } => self.decode_with(&[], part(out, samples)?, false),
        }
    }

    fn dred_reach(&mut self, packet: &[u8]) -> usize {
        match self.effort {
            Effort::Full => self.parse(packet, MAX_REACH).unwrap_or(0),
            Effort::Less | Effort::Least => 0,
        }
    }
}

/// Libopus makes as much as fits, so the length of the output is how much is asked for.
fn part(out: &mut [f32], samples: usize) -> Result<&mut [f32], CodecError> {
    let part = out.get_mut(..samples).filter(|part| !part.is_empty() && part.len() % STEP == 0);
    part.ok_or_else(|| CodecError::Corrupt(format!("{samples} samples at once")))
}

fn length(length: usize) -> Result<c_int, CodecError> {
    c_int::try_from(length).map_err(|_| CodecError::Corrupt(format!("{length} at once")))
}

fn corrupt(error: c_int) -> CodecError {
    CodecError::Corrupt(super::describe(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_voice_is_gone_on_with_by_a_network_and_a_silence_is_not() {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut after = |input| {
            decoder.decode(input, &mut [0.0; 960]).unwrap();
            decoder.set_effort(Effort::Full).unwrap();
            decoder.complexity
        };
        let (sound, silence) = (DecoderInput::Packet(&[0xf8, 0xff, 0xfe]), DecoderInput::Packet(&[0xf8]));
        let nothing = DecoderInput::Conceal { samples: 960 };
        assert_eq!([after(sound), after(nothing)], [complexity(Effort::Full); 2]);
        assert_eq!([after(silence), after(nothing)], [0; 2]);
        assert_eq!(after(sound), complexity(Effort::Full));
    }
}
