//! A stream of encoded pictures for whoever shows them.

use snug_call::video::EncodedFrames;
use snug_call::{Call, Clock, TimedFrame, VideoSource, VideoStream};
use std::sync::Weak;

/// One's own or somebody else's pictures, encoded, oldest first, from a keyframe on. Each can be decoded if all before it were.
pub struct Pictures {
    source: Source,
}

enum Source {
    /// Of a call, which is asked when the first picture is wanted. Weak, because whoever looks must not keep a call from ending.
    Wanted(Weak<Call>, VideoSource),
    Call(VideoStream),
    Preview(EncodedFrames),
}

impl Pictures {
    pub(super) fn of_call(call: Weak<Call>, source: VideoSource) -> Self {
        Self { source: Source::Wanted(call, source) }
    }

    pub(super) fn of_preview(frames: EncodedFrames) -> Self {
        Self { source: Source::Preview(frames) }
    }

    /// The next picture and when to show it; `None` when there are no more. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<TimedFrame> {
        if let Source::Wanted(call, source) = &self.source {
            let call = call.upgrade()?;
            self.source = Source::Call(call.subscribe_video(*source).await.ok()?);
        }
        match &mut self.source {
            Source::Wanted(..) => None,
            Source::Call(stream) => stream.next().await,
            Source::Preview(frames) => {
                let frame = frames.next().await?;
                Some(TimedFrame { frame, due: Clock::shared().now() })
            }
        }
    }

    /// A decoder gave up: what waits is thrown away, and nothing comes before the next keyframe. Ask for that with
    /// [`Client::request_keyframe`](crate::Client::request_keyframe).
    pub fn skip_to_keyframe(&mut self) {
        if let Source::Call(stream) = &mut self.source {
            stream.skip_to_keyframe();
        }
    }
}
