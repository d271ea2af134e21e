//! What waits of one stream while the webview is busy, and what to do when it stays busy.
//!
//! A delta frame cannot be left out of the middle: everything after it would be garbage. So what is left out comes in two steps.
//! First the upper temporal layers, which nothing below depends on; the picture gets less smooth and stays whole. Then everything:
//! what waits is thrown away, the sender is asked for a keyframe, and the stream goes on with it. Told the time; asks no clock.

use snug_call::TimedFrame;
use snug_client::StreamName;
use snug_media::{ClockRate, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// From so many waiting frames on only the base layer is taken: a quarter of a second at 30 fps, more than any scheduling hiccup.
const LAYERS_FROM: usize = 8;
/// With so many waiting frames the stream stops: catching up on a second of video would take longer than a keyframe does.
const STOP_AT: usize = 30;
/// A keyframe is asked for again after this long without one; the first may have been lost, and each costs a burst.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// VP8 has at most four temporal layers (RFC 7741 §4.2, TID).
const HIGHEST_LAYER: u8 = 3;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits to be fetched.
    Waits,
    /// It was left out.
    LeftOut,
    /// It was left out, and the sender should be asked for a keyframe now.
    NeedsKeyframe,
}

/// A frame as it is fetched.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) name: StreamName,
    pub(super) frame: TimedFrame,
    /// The RTP time in microseconds, strictly increasing.
    pub(super) timestamp: u64,
}

/// The frames of one stream that wait.
#[derive(Debug)]
pub(super) struct StreamQueue {
    waiting: VecDeque<(TimedFrame, u64)>,
    /// The highest temporal layer that is whole; nothing above it is taken.
    top: u8,
    /// Waits for a keyframe.
    stopped: bool,
    asked_at: Option<Time>,
    unwrapper: snug_media::units::Unwrapper,
    last_timestamp: Option<u64>,
}

impl StreamQueue {
    /// Nothing waits; the first frame must be a keyframe.
    pub(super) fn new() -> StreamQueue {
        StreamQueue {
            waiting: VecDeque::new(),
            top: HIGHEST_LAYER,
            stopped: true,
            asked_at: None,
            unwrapper: snug_media::units::Unwrapper::new(),
            last_timestamp: None,
        }
    }

    /// The decoder begins anew. What waits from its newest keyframe on is kept; otherwise nothing is, and a keyframe is needed:
    /// whether that is so.
    pub(super) fn restart(&mut self) -> bool {
        match self.waiting.iter().rposition(|(frame, _)| frame.frame.keyframe) {
            Some(keyframe) => {
                self.waiting.drain(..keyframe);
                false
            }
            None => {
                self.stop();
                true
            }
        }
    }

    fn stop(&mut self) {
        self.waiting.clear();
        self.stopped = true;
    }

    /// Takes in the stream's next frame.
    pub(super) fn push(&mut self, now: Time, frame: TimedFrame) -> Pushed {
        let ticks = self.unwrapper.rtp_time(frame.frame.rtp_time);
        if frame.frame.keyframe {
            if self.waiting.len() >= STOP_AT {
                // Nobody fetches; what a keyframe follows is of no use any more.
                self.waiting.clear();
            }
            self.stopped = false;
            self.asked_at = None;
            self.top = HIGHEST_LAYER;
        } else if self.waiting.len() >= STOP_AT {
            self.stop();
        }
        if self.stopped {
            let due = self.asked_at.is_none_or(|asked| now.since(asked) >= ASK_EVERY);
            if due {
                self.asked_at = Some(now);
                return Pushed::NeedsKeyframe;
            }
            return Pushed::LeftOut;
        }
        if !self.takes_layer(&frame) {
            return Pushed::LeftOut;
        }
        let timestamp = self.timestamp(ticks);
        self.waiting.push_back((frame, timestamp));
        Pushed::Waits
    }

    /// Everything that waits, oldest first.
    pub(super) fn take(&mut self, name: StreamName) -> impl Iterator<Item = Taken> + '_ {
        self.waiting.drain(..).map(move |(frame, timestamp)| Taken { name, frame, timestamp })
    }

    /// Whether the frame's temporal layer is taken; lowers and raises the highest one that is.
    fn takes_layer(&mut self, frame: &TimedFrame) -> bool {
        if self.waiting.len() >= LAYERS_FROM {
            self.top = 0;
        }
        let layer = frame.frame.temporal_id;
        // A layer can be joined where one of its frames depends on the base only, one layer at a time.
        if self.waiting.is_empty() && layer == self.top + 1 && frame.frame.layer_sync {
            self.top = layer;
        }
        frame.frame.keyframe || layer <= self.top
    }

    /// `ticks` of the video clock in microseconds, past the last one even when a sender repeats its time.
    fn timestamp(&mut self, ticks: u64) -> u64 {
        let micros = ClockRate::VIDEO.duration(ticks).as_micros() as u64;
        let timestamp = self.last_timestamp.map_or(micros, |last| micros.max(last + 1));
        self.last_timestamp = Some(timestamp);
        timestamp
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use snug_media::{EncodedFrame, RtpTime};
    use std::sync::Arc;

    /// Frame `number` of a stream with 30 frames a second.
    pub(crate) fn frame(number: u32, keyframe: bool) -> TimedFrame {
        layered(number, keyframe, 0, false)
    }

    fn layered(number: u32, keyframe: bool, temporal_id: u8, layer_sync: bool) -> TimedFrame {
        let frame = EncodedFrame {
            data: number.to_be_bytes().to_vec().into(),
            keyframe,
            rtp_time: RtpTime(number.wrapping_mul(3000)),
            width: 640,
            height: 360,
            picture_id: None,
            temporal_id,
            layer_sync,
            captured_at: None,
        };
        TimedFrame { frame: Arc::new(frame), due: Time::from_millis(u64::from(number) * 33) }
    }

    fn take(queue: &mut StreamQueue) -> Vec<Taken> {
        queue.take(StreamName::Own).collect()
    }

    #[test]
    fn a_stream_begins_with_a_keyframe_and_asks_for_it_once_a_second() {
        let mut queue = StreamQueue::new();
        let pushed: Vec<Pushed> =
            (1..=61).map(|n| queue.push(Time::from_millis(u64::from(n) * 33), frame(n, false))).collect();
        assert_eq!(pushed.iter().filter(|p| **p == Pushed::NeedsKeyframe).count(), 2);
        assert!(take(&mut queue).is_empty());
        assert_eq!(queue.push(Time::from_millis(3000), frame(62, true)), Pushed::Waits);
        assert_eq!(queue.push(Time::from_millis(3000), frame(63, false)), Pushed::Waits);
        assert_eq!(take(&mut queue).len(), 2);
    }

    #[test]
    fn who_does_not_fetch_gets_nothing_until_a_keyframe_and_then_all_of_it() {
        let mut queue = StreamQueue::new();
        queue.push(Time::ZERO, frame(0, true));
        let pushed: Vec<Pushed> = (1..100).map(|n| queue.push(Time::ZERO, frame(n, false))).collect();
        assert_eq!(pushed.iter().position(|p| *p == Pushed::NeedsKeyframe), Some(STOP_AT - 1));
        assert_eq!(pushed.iter().filter(|p| **p == Pushed::NeedsKeyframe).count(), 1);
        assert!(take(&mut queue).is_empty(), "what waited is thrown away");
        queue.push(Time::ZERO, frame(100, true));
        queue.push(Time::ZERO, frame(101, false));
        let taken = take(&mut queue);
        assert!(taken[0].frame.frame.keyframe && taken.len() == 2);
    }

    #[test]
    fn a_slow_webview_first_loses_upper_layers_and_gets_them_back_at_a_switch_point() {
        let mut queue = StreamQueue::new();
        queue.push(Time::ZERO, frame(0, true));
        // Two layers, every second frame in the upper one, which syncs every eighth frame.
        let stream = |n: u32| layered(n, false, (n % 2) as u8, n % 8 == 1);
        for n in 1..30 {
            queue.push(Time::ZERO, stream(n));
        }
        let taken = take(&mut queue);
        let layers =
            |taken: &[Taken]| -> Vec<u8> { taken.iter().map(|one| one.frame.frame.temporal_id).collect() };
        assert!(layers(&taken[LAYERS_FROM..]).iter().all(|layer| *layer == 0));
        assert_eq!(
            taken.iter().filter(|one| one.frame.frame.temporal_id == 0).count(),
            15,
            "the base is whole"
        );

        let mut after = Vec::new();
        for n in 30..50 {
            queue.push(Time::ZERO, stream(n));
            after.extend(take(&mut queue));
        }
        let first_upper = after.iter().find(|one| one.frame.frame.temporal_id == 1).unwrap();
        assert!(first_upper.frame.frame.layer_sync);
        assert_eq!(layers(&after[after.len() - 4..]), [0, 1, 0, 1]);
    }

    #[test]
    fn a_decoder_that_begins_anew_gets_the_waiting_keyframe_or_the_next_one() {
        let mut queue = StreamQueue::new();
        for n in 0..6 {
            queue.push(Time::ZERO, frame(n, n % 4 == 0));
        }
        assert!(!queue.restart(), "one waits");
        let taken = take(&mut queue);
        assert!(taken[0].frame.frame.keyframe && taken.len() == 2);

        queue.push(Time::ZERO, frame(6, false));
        assert!(queue.restart(), "one must be asked for");
        assert!(take(&mut queue).is_empty());
        assert_eq!(queue.push(Time::ZERO, frame(7, false)), Pushed::NeedsKeyframe);
        assert_eq!(queue.push(Time::ZERO, frame(8, true)), Pushed::Waits);
    }

    proptest! {
        /// Whatever comes and however it is fetched: the queue is bounded, time moves forward, and between two keyframes of the base
        /// layer nothing is missing from what was taken.
        #[test]
        fn what_is_taken_can_be_decoded(steps in prop::collection::vec((0u8..20, any::<bool>()), 1..400)) {
            let mut queue = StreamQueue::new();
            let mut taken = Vec::new();
            for (number, (kind, fetch)) in steps.into_iter().enumerate() {
                let number = number as u32;
                queue.push(Time::from_millis(u64::from(number) * 33), frame(number, kind == 0));
                prop_assert!(queue.waiting.len() <= STOP_AT);
                if fetch && kind % 3 == 0 {
                    taken.extend(take(&mut queue));
                }
            }
            for pair in taken.windows(2) {
                prop_assert!(pair[1].timestamp > pair[0].timestamp);
                let number = |one: &Taken| u32::from_be_bytes(one.frame.frame.data[..].try_into().unwrap());
                prop_assert!(pair[1].frame.frame.keyframe || number(&pair[1]) == number(&pair[0]) + 1);
            }
        }
    }
}
