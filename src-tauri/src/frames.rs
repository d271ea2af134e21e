//! The video path into the webview.
//!
//! Encoded pictures of all streams go to the webview in the answers to one outstanding `pull_video`; WebCodecs decodes them there.
//! Not events and not a channel of Tauri's: those are pushed, and a webview that falls behind would be buried. A webview that does
//! not ask gets nothing, and each stream's queue then does what [`queue`] says. The layout of an answer stands in
//! ui/src/video/packet.ts.

mod packet;
mod queue;

use crate::attention::Eyes;
use futures_util::Stream;
use futures_util::StreamExt;
use queue::{Pushed, StreamQueue};
use snug_call::TimedFrame;
use snug_call::clock::Clock;
use snug_client::view::Problem;
use snug_client::{Client, Pictures, StreamName};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

/// How long a pull waits for a first stream to open before it says that there is none: the interface hears of a call a moment
/// before its pictures are there.
const GRACE: Duration = Duration::from_secs(3);

/// After this a stream that ended is looked for again: a camera was exchanged, for example.
const AGAIN: Duration = Duration::from_millis(200);

/// The streams that are shown, and what of them waits to be fetched. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Frames {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Held for moving frames in and out; feeders and the one pull take turns.
    state: Mutex<State>,
    /// A frame, a stream or a newer pull came, or a stream went.
    changed: Notify,
    /// The set of hidden streams changed, or a stream ended.
    review: Notify,
}

#[derive(Default)]
struct State {
    /// Each with the number of the feeder that fills it.
    streams: HashMap<StreamName, (u64, StreamQueue)>,
    hidden: HashSet<StreamName>,
    /// Streams whose feeder came to the end of it and is to be replaced if there is such a stream still.
    ended: HashSet<StreamName>,
    /// Number of the newest pull: an older one gives up, so that there is one at most, also after the page was loaded anew.
    pull: u64,
    /// Number of the newest feeder.
    feeder: u64,
}

impl State {
    /// The queue of a feeder, unless a newer one has taken the stream over.
    fn queue_of(&mut self, name: StreamName, feeder: u64) -> Option<&mut StreamQueue> {
        self.streams.get_mut(&name).filter(|(number, _)| *number == feeder).map(|(_, queue)| queue)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frames {
    /// Everything that waits, as soon as there is something.
    pub(crate) async fn pull(&self) -> Result<Vec<u8>, Problem> {
        let pull = {
            let mut state = self.shared.lock();
            state.pull += 1;
            state.pull
        };
        self.shared.changed.notify_waiters();
        let mut patience = std::pin::pin!(tokio::time::sleep(GRACE));
        let mut had_streams = false;
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.shared.lock();
                if state.pull != pull {
                    return Err(problem("a newer pull took over"));
                }
                had_streams |= !state.streams.is_empty();
                if had_streams && state.streams.is_empty() {
                    return Err(problem("no stream is open any more"));
                }
                let taken = state.streams.iter_mut().flat_map(|(name, (_, queue))| queue.take(*name));
                let taken: Vec<_> = taken.collect();
                if !taken.is_empty() {
                    return Ok(packet::write(taken, Clock::shared()));
                }
            }
            tokio::select! {
                () = changed => {}
                () = &mut patience, if !had_streams => return Err(problem("no stream is open")),
            }
        }
    }

    /// Whether anybody sees a stream; one that is hidden is not fetched at all.
    pub(crate) fn set_hidden(&self, name: StreamName, hidden: bool) {
        let changed = {
            let mut state = self.shared.lock();
            if hidden { state.hidden.insert(name) } else { state.hidden.remove(&name) }
        };
        if changed {
            self.shared.review.notify_one();
        }
    }

    /// The webview's decoder begins anew: what comes before a keyframe is of no use to it. Whether the sender has to be asked for
    /// one; false when one waits already, or nothing is known of such a stream.
    pub(crate) fn restart(&self, name: StreamName) -> bool {
        self.shared.lock().streams.get_mut(&name).is_some_and(|(_, queue)| queue.restart())
    }

    /// Queues one stream's frames until it ends; `ask` asks its sender for a keyframe.
    async fn feed(self, name: StreamName, frames: impl Stream<Item = TimedFrame>, ask: impl Fn()) {
        let feeder = {
            let mut state = self.shared.lock();
            state.feeder += 1;
            let feeder = state.feeder;
            state.streams.insert(name, (feeder, StreamQueue::new()));
            feeder
        };
        // Removed also when this is dropped in the middle.
        let _open = Open { frames: self.clone(), name, feeder };
        self.shared.changed.notify_waiters();
        let mut frames = std::pin::pin!(frames);
        while let Some(frame) = frames.next().await {
            let now = Clock::shared().now();
            let pushed = self.shared.lock().queue_of(name, feeder).map(|queue| queue.push(now, frame));
            match pushed {
                Some(Pushed::Waits) => self.shared.changed.notify_waiters(),
                Some(Pushed::LeftOut) => {}
                Some(Pushed::NeedsKeyframe) => ask(),
                None => return,
            }
        }
    }

    /// Keeps a feeder for each stream that there is and that is seen, as long as it is polled.
    async fn follow(self, client: Client, mut attention: watch::Receiver<snug_client::Attention>) {
        let mut streams = client.streams();
        let mut feeders: HashMap<StreamName, AbortOnDropHandle<()>> = HashMap::new();
        loop {
            let open = attention.borrow_and_update().open;
            let there = streams.borrow_and_update().clone();
            let (wanted, ended): (HashSet<StreamName>, _) = {
                let mut state = self.shared.lock();
                let seen = there.into_iter().filter(|name| open && !state.hidden.contains(name)).collect();
                (seen, std::mem::take(&mut state.ended))
            };
            feeders.retain(|name, _| wanted.contains(name) && !ended.contains(name));
            for name in wanted {
                if feeders.contains_key(&name) {
                    continue;
                }
                let Some(stream) = client.subscribe_video(&name) else { continue };
                let asking = client.clone();
                let feed = self.clone().feed(name, in_order(stream), move || asking.request_keyframe(&name));
                let frames = self.clone();
                let feeder = tokio::spawn(async move {
                    feed.await;
                    // Not at once: a source that ends each time that it is asked must not keep the processor busy.
                    tokio::time::sleep(AGAIN).await;
                    frames.shared.lock().ended.insert(name);
                    frames.shared.review.notify_one();
                });
                feeders.insert(name, AbortOnDropHandle::new(feeder));
            }
            tokio::select! {
                changed = streams.changed() => if changed.is_err() { return },
                changed = attention.changed() => if changed.is_err() { return },
                () = self.shared.review.notified() => {}
            }
        }
    }
}

/// A stream's frames as a `Stream`.
fn in_order(stream: Pictures) -> impl Stream<Item = TimedFrame> {
    futures_util::stream::unfold(stream, |mut stream| async move {
        stream.next().await.map(|frame| (frame, stream))
    })
}

/// Follows the client's streams until it is dropped.
pub(crate) struct Following {
    _task: AbortOnDropHandle<()>,
}

impl Following {
    /// Must be called inside a tokio runtime.
    pub(crate) fn start(frames: Frames, client: Client, eyes: &Eyes) -> Following {
        let task = tokio::spawn(frames.follow(client, eyes.watch()));
        Following { _task: AbortOnDropHandle::new(task) }
    }
}

struct Open {
    frames: Frames,
    name: StreamName,
    feeder: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.frames.shared.lock();
        if state.queue_of(self.name, self.feeder).is_some() {
            state.streams.remove(&self.name);
        }
        drop(state);
        self.frames.shared.changed.notify_waiters();
    }
}

fn problem(detail: &str) -> Problem {
    Problem { code: "no_stream".to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frames::queue::tests::frame;
    use futures_util::FutureExt;
    use futures_util::stream;
    use tokio::sync::mpsc;

    /// A feeder on its own task; `None` ends the stream.
    fn fed(frames: &Frames, name: StreamName) -> mpsc::Sender<TimedFrame> {
        let (sender, receiver) = mpsc::channel(64);
        let stream =
            stream::unfold(
                receiver,
                |mut receiver| async move { receiver.recv().await.map(|f| (f, receiver)) },
            );
        tokio::spawn(frames.clone().feed(name, stream, || {}));
        sender
    }

    #[tokio::test]
    async fn a_pull_waits_for_the_first_picture_and_answers_all_that_are_there() {
        let frames = Frames::default();
        let sender = fed(&frames, StreamName::Own);
        let mut pull = std::pin::pin!(frames.pull());
        assert!(pull.as_mut().now_or_never().is_none());
        sender.send(frame(0, true)).await.unwrap();
        assert_eq!(packet::tests::read(&pull.await.unwrap()).len(), 1);
        for number in 1..4 {
            sender.send(frame(number, false)).await.unwrap();
        }
        let mut got = 0;
        while got < 3 {
            got += packet::tests::read(&frames.pull().await.unwrap()).len();
        }
        assert_eq!(got, 3);
    }

    #[tokio::test]
    async fn a_newer_pull_ends_the_older_one() {
        let frames = Frames::default();
        let _sender = fed(&frames, StreamName::Preview);
        let older = tokio::spawn({
            let frames = frames.clone();
            async move { frames.pull().await }
        });
        while frames.shared.lock().pull == 0 {
            tokio::task::yield_now().await;
        }
        let mut newer = std::pin::pin!(frames.pull());
        assert!(newer.as_mut().now_or_never().is_none());
        assert!(older.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn when_the_last_stream_ends_the_pull_is_refused() {
        let frames = Frames::default();
        let sender = fed(&frames, StreamName::Own);
        sender.send(frame(0, true)).await.unwrap();
        frames.pull().await.unwrap();
        let mut pull = std::pin::pin!(frames.pull());
        assert!(pull.as_mut().now_or_never().is_none());
        drop(sender);
        assert_eq!(pull.await.unwrap_err().code, "no_stream");
    }

    #[tokio::test]
    async fn a_feeder_that_was_replaced_does_not_close_the_stream_of_its_successor() {
        let frames = Frames::default();
        let (first, second) = (fed(&frames, StreamName::Own), fed(&frames, StreamName::Own));
        while frames.shared.lock().feeder < 2 {
            tokio::task::yield_now().await;
        }
        drop(first);
        tokio::task::yield_now().await;
        second.send(frame(0, true)).await.unwrap();
        assert_eq!(packet::tests::read(&frames.pull().await.unwrap()).len(), 1);
    }
}
