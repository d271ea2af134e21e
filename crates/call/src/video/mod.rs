//! Video on its way out: from a camera to encoded frames, once for all who watch.
//!
//! [`VideoSender`] owns a thread that takes pictures, scales and encodes them; [`EncodedFrames`] is one
//! watcher's view of what it makes (each peer is one, the self-view is one, the settings' preview is one).
//! There is no queue of pictures anywhere: a picture is encoded at once or never. What comes in from
//! others is decoded by the webview, or in headless peers by [`VideoDecoder`].

mod frames;
mod pace;
mod scale;
mod sender;
mod speed;
mod watcher;

pub use crate::codec::VpxDecoder as VideoDecoder;
pub use crate::device::VideoFormat;
pub use frames::EncodedFrames;
pub use sender::{VideoSender, VideoSenderStats, VideoSettings};
pub use watcher::Watcher;
