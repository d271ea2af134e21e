//! Codecs: VP8 through libvpx, Opus through libopus.
//!
//! Each is a struct that is handed a picture or 20 ms of sound and gives bytes, or the other way round.
//! They know neither devices nor packets. The only `unsafe` of the program is in the two folders here: the
//! crates that are already safe do not build against the libvpx that Debian ships, and leave out of libopus
//! what repairs speech.

mod effort;
pub mod opus;
mod vpx;

pub use self::opus::{OpusDecoder, OpusEncoder};
pub use effort::Effort;
pub use vpx::{EncodedPicture, VpxDecoder, VpxEncoder};

/// What can go wrong in a codec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The decoder has lost the thread: give it a keyframe.
    #[error("nothing can be decoded before the next keyframe")]
    NeedsKeyframe,
    /// These bytes are no frame of this codec.
    #[error("not decodable: {0}")]
    Corrupt(String),
    /// The library refused what our own code asked for.
    #[error("{call}: {reason}")]
    Library {
        /// What was called.
        call: &'static str,
        /// What the library says.
        reason: String,
    },
}
