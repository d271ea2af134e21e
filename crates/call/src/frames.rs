//! Encoded frames on their way to whoever shows them.
//!
//! A received stream (and the self-view) has any number of viewers, each with a bounded queue of its own. A viewer that falls behind is
//! not given delta frames that it could not decode: its queue is emptied, a keyframe asked for, and nothing put in
//! until that comes. Not a broadcast channel: there a lagging viewer learns that it missed something, but nobody
//! asks for the keyframe that it then needs.

use snug_media::{EncodedFrame, Time};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Two thirds of a second at 30 fps. Who is that far behind sees a newer picture sooner by skipping.
const MAX_QUEUED: usize = 20;

/// An encoded frame and when to show it.
#[derive(Clone, Debug)]
pub struct TimedFrame {
    /// VP8.
    pub frame: Arc<EncodedFrame>,
    /// When it should be on the screen, by [`Clock`](crate::clock::Clock).
    pub due: Time,
}

/// One viewer's queue. The lock is held for a push or a pop and never across an await; the other end of `arrived` is
/// [`VideoStream::next`], the only waiter.
#[derive(Debug)]
struct Queue {
    state: Mutex<QueueState>,
    arrived: Notify,
}

#[derive(Debug)]
struct QueueState {
    frames: VecDeque<TimedFrame>,
    needs_keyframe: bool,
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The viewer's end: a stream of frames, each of which can be decoded if all before it were.
#[derive(Debug)]
pub struct VideoStream {
    queue: Arc<Queue>,
}

impl VideoStream {
    /// The next frame; `None` when the source is gone. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<TimedFrame> {
        loop {
            {
                let mut state = self.queue.lock();
                if let Some(frame) = state.frames.pop_front() {
                    return Some(frame);
                }
                if state.ended {
                    return None;
                }
            }
            self.queue.arrived.notified().await;
        }
    }

    /// Everything that waits, without waiting.
    pub fn drain(&mut self) -> Vec<TimedFrame> {
        self.queue.lock().frames.drain(..).collect()
    }

    /// Says that the viewer's decoder gave up: what waits is thrown away, and nothing comes before the next keyframe.
    /// Ask for that with [`Call::request_keyframe`](crate::Call::request_keyframe).
    pub fn skip_to_keyframe(&mut self) {
        let mut state = self.queue.lock();
        state.frames.clear();
        state.needs_keyframe = true;
    }
}

/// The source's end: all viewers of one source. Ends their streams when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Viewers {
    /// Locked for a push, by the task that receives, and to add a viewer.
    queues: Mutex<Vec<Arc<Queue>>>,
}

impl Viewers {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another viewer, which begins with the next keyframe: ask for one.
    pub(crate) fn add(&self) -> VideoStream {
        let state = QueueState { frames: VecDeque::new(), needs_keyframe: true, ended: false };
        let queue = Arc::new(Queue { state: Mutex::new(state), arrived: Notify::new() });
        self.lock().push(Arc::clone(&queue));
        VideoStream { queue }
    }

    /// Gives a frame to all viewers. Says whether one of them fell behind now, so that a keyframe is needed.
    pub(crate) fn push(&self, frame: &TimedFrame) -> bool {
        let mut overflowed = false;
        self.lock().retain(|queue| {
            if Arc::strong_count(queue) == 1 {
                return false;
            }
            let mut state = queue.lock();
            if state.needs_keyframe && !frame.frame.keyframe {
                return true;
            }
            if state.frames.len() >= MAX_QUEUED {
                state.frames.clear();
                if !frame.frame.keyframe {
                    state.needs_keyframe = true;
                    overflowed = true;
                    return true;
                }
            }
            state.needs_keyframe = false;
            state.frames.push_back(frame.clone());
            drop(state);
            queue.arrived.notify_one();
            true
        });
        overflowed
    }

    /// Whether nobody watches.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The source's chain of frames broke: what follows can be decoded only from a keyframe on.
    pub(crate) fn broke(&self) {
        for queue in self.lock().iter() {
            queue.lock().needs_keyframe = true;
        }
    }

    /// Ends all streams; what waits can still be taken.
    pub(crate) fn end(&self) {
        for queue in self.lock().drain(..) {
            queue.lock().ended = true;
            queue.arrived.notify_one();
        }
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytes::Bytes;
    use snug_media::RtpTime;

    fn frame(number: u32, keyframe: bool) -> TimedFrame {
        let frame = EncodedFrame {
            data: Bytes::new(),
            keyframe,
            rtp_time: RtpTime(number),
            width: 2,
            height: 2,
            picture_id: None,
            temporal_id: 0,
            layer_sync: false,
            captured_at: None,
        };
        TimedFrame { frame: Arc::new(frame), due: Time::ZERO }
    }

    #[tokio::test]
    async fn a_viewer_begins_at_a_keyframe_and_ends_with_its_source() {
        let viewers = Viewers::default();
        let mut stream = viewers.add();
        viewers.push(&frame(0, false));
        viewers.push(&frame(1, true));
        viewers.push(&frame(2, false));
        drop(viewers);
        assert_eq!(stream.next().await.unwrap().frame.rtp_time, RtpTime(1));
        assert_eq!(stream.next().await.unwrap().frame.rtp_time, RtpTime(2));
        assert!(stream.next().await.is_none());
    }

    #[test]
    fn one_that_falls_behind_asks_once_and_skips_to_a_keyframe() {
        let viewers = Viewers::default();
        let (mut slow, mut quick) = (viewers.add(), viewers.add());
        viewers.push(&frame(0, true));
        let mut asked = 0;
        for number in 1..100 {
            asked += usize::from(viewers.push(&frame(number, false)));
            quick.drain();
        }
        assert_eq!(asked, 1);
        viewers.push(&frame(100, true));
        let shown: Vec<u32> = slow.drain().iter().map(|shown| shown.frame.rtp_time.0).collect();
        assert_eq!(shown, [100]);
        assert_eq!(quick.drain().len(), 1);
    }

    #[test]
    fn a_viewer_that_is_gone_costs_nothing() {
        let viewers = Viewers::default();
        drop(viewers.add());
        viewers.push(&frame(0, true));
        assert!(viewers.is_empty());
    }
}
