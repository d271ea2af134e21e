//! What was good and bad about a call, in numbers: freezes, quantiles, rates.
//!
//! Definitions are the W3C's (webrtc-stats) where it has them, so that the numbers compare with a
//! browser's.

use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

/// Frames over which webrtc-stats averages the frame duration.
const FREEZE_HISTORY: usize = 30;
/// A second of silence between frames is a freeze whatever the frame rate is.
const FREEZE_MARGIN: Duration = Duration::from_millis(150);

/// Counts freezes as `freezeCount` and `totalFreezesDuration` of webrtc-stats do: a frame froze when the
/// next is rendered after max(3δ, δ + 150 ms), δ being the average duration of the last 30 frames.
#[derive(Clone, Debug, Default)]
pub struct FreezeDetector {
    last: Option<Time>,
    durations: VecDeque<Duration>,
    played: Duration,
    freezes: Freezes,
}

/// Totals of a [`FreezeDetector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Freezes {
    /// `freezeCount`.
    pub count: u64,
    /// `totalFreezesDuration`.
    pub duration: Duration,
}

impl FreezeDetector {
    /// One that has seen no frame.
    pub fn new() -> FreezeDetector {
        FreezeDetector::default()
    }

    /// A frame is rendered; says whether the one before it froze.
    pub fn frame(&mut self, now: Time) -> bool {
        let Some(last) = self.last.replace(now) else { return false };
        let duration = now.since(last);
        let froze = self.is_freeze(duration);
        if froze {
            self.freezes.count += 1;
            self.freezes.duration += duration;
        }
        self.played += duration;
        if self.durations.len() == FREEZE_HISTORY {
            self.durations.pop_front();
        }
        self.durations.push_back(duration);
        froze
    }

    /// The sender paused its video on purpose: the time until the next frame is no freeze.
    pub fn paused(&mut self) {
        self.last = None;
    }

    /// The freezes that ended, and the one that lasts if there is one at `now`.
    pub fn freezes(&self, now: Time) -> Freezes {
        let running = self.last.map(|last| now.since(last)).filter(|&duration| self.is_freeze(duration));
        Freezes {
            count: self.freezes.count + u64::from(running.is_some()),
            duration: self.freezes.duration + running.unwrap_or_default(),
        }
    }

    /// Time frozen as a part of the time since the first frame, pauses left out.
    pub fn ratio(&self, now: Time) -> f64 {
        let played = self.played + self.last.map_or(Duration::ZERO, |last| now.since(last));
        if played.is_zero() { 0.0 } else { self.freezes(now).duration.as_secs_f64() / played.as_secs_f64() }
    }

    fn is_freeze(&self, duration: Duration) -> bool {
        let Ok(count @ 1..) = u32::try_from(self.durations.len()) else { return false };
        let average = self.durations.iter().sum::<Duration>() / count;
        duration >= (average * 3).max(average + FREEZE_MARGIN)
    }
}

/// At one sample per frame this is over an hour; older ones then make room.
const MAX_SAMPLES: usize = 1 << 17;

/// Collects samples and gives exact quantiles of them.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    values: VecDeque<f64>,
}

impl Samples {
    /// None yet.
    pub fn new() -> Samples {
        Samples::default()
    }

    /// Adds a sample; what is not a number is left out.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        if self.values.len() == MAX_SAMPLES {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The smallest sample that at least the part `q` (0…1) of all do not exceed (nearest rank).
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let mut sorted: Vec<f64> = self.values.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The middle one.
    pub fn p50(&self) -> Option<f64> {
        self.quantile(0.50)
    }

    /// What one in twenty exceeds.
    pub fn p95(&self) -> Option<f64> {
        self.quantile(0.95)
    }
}

/// Measures a rate over a sliding window.
#[derive(Clone, Debug)]
pub struct RateMeter {
    window: Duration,
    /// Bytes and events of each slot of a twentieth of the window, by the slot's number.
    slots: VecDeque<(u64, u64, u64)>,
    started: Option<Time>,
}

/// Parts of the window; memory stays the same at any packet rate.
const SLOTS: u32 = 20;

impl RateMeter {
    /// A meter over `window` (at least a millisecond).
    pub fn new(window: Duration) -> RateMeter {
        RateMeter { window: window.max(Duration::from_millis(1)), slots: VecDeque::new(), started: None }
    }

    /// Notes an event of so many bytes.
    pub fn add(&mut self, now: Time, bytes: usize) {
        self.started.get_or_insert(now);
        let slot = self.slot(now);
        match self.slots.back_mut() {
            Some((at, total, events)) if *at >= slot => {
                *total += bytes as u64;
                *events += 1;
            }
            _ => self.slots.push_back((slot, bytes as u64, 1)),
        }
        while self.slots.front().is_some_and(|&(at, ..)| at + u64::from(SLOTS) <= slot) {
            self.slots.pop_front();
        }
    }

    /// The bit rate over the window that ends now.
    pub fn bitrate(&self, now: Time) -> Bitrate {
        Bitrate::of(self.recent(now).map(|&(_, bytes, _)| bytes).sum(), self.span(now))
    }

    /// Events per second over the window that ends now.
    pub fn per_second(&self, now: Time) -> f64 {
        let events: u64 = self.recent(now).map(|&(.., events)| events).sum();
        let span = self.span(now).as_secs_f64();
        if span > 0.0 { events as f64 / span } else { 0.0 }
    }

    fn recent(&self, now: Time) -> impl Iterator<Item = &(u64, u64, u64)> {
        let slot = self.slot(now);
        self.slots.iter().filter(move |&&(at, ..)| at + u64::from(SLOTS) > slot)
    }

    /// The measured time: the window's whole slots and the begun one, or less just after the start.
    fn span(&self, now: Time) -> Duration {
        let slot = self.window / SLOTS;
        let begun = Duration::from_micros(now.as_micros() % slot.as_micros().max(1) as u64);
        let full = slot * (SLOTS - 1) + begun;
        self.started.map_or(full, |started| full.min(now.since(started).max(slot)))
    }

    fn slot(&self, now: Time) -> u64 {
        now.as_micros() / ((self.window / SLOTS).as_micros().max(1) as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pause_of_half_a_second_is_a_freeze_and_uneven_frames_are_not() {
        let mut detector = FreezeDetector::new();
        let mut now = Time::ZERO;
        for duration in [33, 33, 60, 10, 33, 90, 33, 33] {
            assert!(!detector.frame(now));
            now += Duration::from_millis(duration);
        }
        assert!(!detector.frame(now));
        now += Duration::from_millis(500);
        assert_eq!(detector.freezes(now).count, 1, "it counts while it lasts");
        assert!(detector.frame(now));
        let freezes = Freezes { count: 1, duration: Duration::from_millis(500) };
        assert_eq!(detector.freezes(now), freezes);
        assert!((detector.ratio(now) - 500.0 / 825.0).abs() < 1e-9);
        detector.paused();
        assert!(!detector.frame(now + Duration::from_secs(60)), "a camera that was off did not freeze");
    }

    #[test]
    fn the_threshold_is_three_frames_at_low_rates_and_150_ms_more_at_high_ones() {
        for (frame, freeze) in [(20, 170), (200, 600)] {
            let mut detector = FreezeDetector::new();
            let mut now = Time::ZERO;
            for _ in 0..40 {
                detector.frame(now);
                now += Duration::from_millis(frame);
            }
            let last = now - Duration::from_millis(frame);
            assert_eq!(detector.freezes(last + Duration::from_millis(freeze - 1)).count, 0);
            assert_eq!(detector.freezes(last + Duration::from_millis(freeze)).count, 1);
        }
    }

    #[test]
    fn quantiles_are_exact() {
        let mut samples = Samples::new();
        assert_eq!(samples.p50(), None);
        for value in (1..=100).rev() {
            samples.add(f64::from(value));
        }
        samples.add(f64::NAN);
        assert_eq!((samples.p50().unwrap(), samples.p95().unwrap()), (50.0, 95.0));
        assert_eq!((samples.quantile(0.0).unwrap(), samples.quantile(1.0).unwrap()), (1.0, 100.0));
    }

    #[test]
    fn a_rate_follows_its_window_and_ends_with_it() {
        let mut meter = RateMeter::new(Duration::from_secs(1));
        let mut now = Time::from_millis(5000);
        for _ in 0..300 {
            meter.add(now, 1250);
            now += Duration::from_millis(10);
        }
        let kbps = meter.bitrate(now).as_kbps();
        assert!((950.0..1050.0).contains(&kbps), "{kbps}");
        assert!((95.0..105.0).contains(&meter.per_second(now)));
        assert_eq!(meter.bitrate(now + Duration::from_secs(2)), Bitrate::ZERO);
    }
}
