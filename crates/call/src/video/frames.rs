//! One watcher's encoded frames.
//!
//! A watcher that is too slow must not hold up the others, and must never be given a delta frame whose
//! predecessor it missed. So each has a bounded backlog; when it overflows, all is left out up to the
//! next keyframe, which is asked for.

use super::sender::Shared;
use snug_media::EncodedFrame;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Frames that a watcher may be behind: half a second, after which seeing the rest is of no use.
pub(super) const BACKLOG: usize = 16;

/// The frames that a [`super::VideoSender`] makes, from a keyframe on. Dropping it ends watching.
pub struct EncodedFrames {
    frames: broadcast::Receiver<Arc<EncodedFrame>>,
    shared: Arc<Shared>,
    needs_keyframe: bool,
}

impl EncodedFrames {
    pub(super) fn new(frames: broadcast::Receiver<Arc<EncodedFrame>>, shared: Arc<Shared>) -> EncodedFrames {
        shared.request_keyframe();
        EncodedFrames { frames, shared, needs_keyframe: true }
    }

    /// The next frame; nothing when the sender is gone. The first is a keyframe, and so is the first
    /// after frames were left out. May be dropped while waiting without losing a frame.
    pub async fn next(&mut self) -> Option<Arc<EncodedFrame>> {
        loop {
            match self.frames.recv().await {
                Ok(frame) => {
                    if let Some(frame) = self.take(frame) {
                        return Some(frame);
                    }
                }
                Err(RecvError::Lagged(missed)) => self.lagged(missed),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next frame if there is one already.
    pub fn try_next(&mut self) -> Option<Arc<EncodedFrame>> {
        loop {
            match self.frames.try_recv() {
                Ok(frame) => {
                    if let Some(frame) = self.take(frame) {
                        return Some(frame);
                    }
                }
                Err(TryRecvError::Lagged(missed)) => self.lagged(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    fn take(&mut self, frame: Arc<EncodedFrame>) -> Option<Arc<EncodedFrame>> {
        self.needs_keyframe &= !frame.keyframe;
        (!self.needs_keyframe).then_some(frame)
    }

    fn lagged(&mut self, missed: u64) {
        tracing::debug!(missed, "a watcher fell behind");
        self.needs_keyframe = true;
        self.shared.request_keyframe();
    }
}
