//! Whether queues on the path are filling, emptying or at rest.
//!
//! A line is fitted to the accumulated delay differences of the last groups; its slope is an estimate of
//! `(send rate - capacity) / capacity`. It is held against a threshold that adapts to the path's own
//! noise, so that jitter does not count as congestion and a competing flow does not starve us
//! (Carlucci et al., "Analysis and Design of the Google Congestion Control for WebRTC", MMSys 2016;
//! draft-ietf-rmcat-gcc-02 §5.3 to 5.4 with the line in place of the Kalman filter, as libwebrtc has it).

use super::arrival::GroupDelta;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// What the queues on the path do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// They stay as they are.
    #[default]
    Normal,
    /// They fill: we send more than the path takes.
    Over,
    /// They empty.
    Under,
}

/// The detector.
#[derive(Clone, Debug)]
pub(super) struct Trendline {
    /// (arrival in ms since the first, smoothed delay in ms)
    points: VecDeque<(f64, f64)>,
    first: Option<Time>,
    deltas: u32,
    accumulated_ms: f64,
    smoothed_ms: f64,
    slope: f64,
    threshold: f64,
    adapted: Option<Time>,
    over_for_ms: Option<f64>,
    over_in_a_row: u32,
    usage: Usage,
    contested: bool,
}

/// Groups under the line: about half a second of video.
const WINDOW: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// The slope is multiplied by this and by the number of deltas, at most `FULL_WEIGHT`, before comparing.
const GAIN: f64 = 4.0;
/// With fewer deltas than this a slope weighs less.
const FULL_WEIGHT: u32 = 60;
/// The threshold at the start, in the units of the weighted slope.
const THRESHOLD_START: f64 = 12.5;
/// Below this every quiet path would be found congested.
const THRESHOLD_LEAST: f64 = 6.0;
/// Above this nothing would ever be found.
const THRESHOLD_MOST: f64 = 600.0;
/// How fast the threshold follows noise upwards, per ms.
const ADAPT_UP: f64 = 0.0087;
/// How fast it comes down again, per ms.
const ADAPT_DOWN: f64 = 0.039;
/// How fast beside a flow that fills queues until it loses packets (the value of Carlucci et al.).
const ADAPT_DOWN_CONTESTED: f64 = 0.00018;
/// A slope that exceeds the threshold by more is a spike to react to, not noise to adapt to.
const SPIKE: f64 = 15.0;
/// A pause counts as no longer than this for the adaptation.
const ADAPT_STEP: Duration = Duration::from_millis(100);
/// Overuse must have lasted this long, in ms of sending time.
const OVER_FOR_MS: f64 = 10.0;

impl Trendline {
    pub(super) fn new() -> Trendline {
        Trendline {
            points: VecDeque::with_capacity(WINDOW + 1),
            first: None,
            deltas: 0,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            slope: 0.0,
            threshold: THRESHOLD_START,
            adapted: None,
            over_for_ms: None,
            over_in_a_row: 0,
            usage: Usage::Normal,
            contested: false,
        }
    }

    /// Whether another flow keeps the queue filled: the threshold then forgets slowly.
    pub(super) fn set_contested(&mut self, contested: bool) {
        self.contested = contested;
    }

    /// What was found with the latest group.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// The next difference between two groups.
    pub(super) fn update(&mut self, delta: GroupDelta) {
        let sent_ms = delta.sent.as_secs_f64() * 1000.0;
        let received_ms = delta.received.as_secs_f64() * 1000.0;
        let first = *self.first.get_or_insert(delta.at);
        self.deltas = (self.deltas + 1).min(FULL_WEIGHT);
        self.accumulated_ms += received_ms - sent_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        self.points.push_back((delta.at.since(first).as_secs_f64() * 1000.0, self.smoothed_ms));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let slope = match self.points.len() {
            WINDOW => slope_of(&self.points).unwrap_or(self.slope),
            _ => self.slope,
        };
        self.detect(slope, sent_ms);
        self.adapt(slope, delta.at);
        self.slope = slope;
    }

    fn weighted(&self, slope: f64) -> f64 {
        f64::from(self.deltas) * slope * GAIN
    }

    fn detect(&mut self, slope: f64, sent_ms: f64) {
        if self.deltas < 2 {
            return;
        }
        let trend = self.weighted(slope);
        if trend > self.threshold {
            // The first time, the excess began somewhere since the last group: half way is the best guess.
            let over = self.over_for_ms.map_or(sent_ms / 2.0, |so_far| so_far + sent_ms);
            self.over_for_ms = Some(over);
            self.over_in_a_row += 1;
            if over > OVER_FOR_MS && self.over_in_a_row > 1 && slope >= self.slope {
                self.over_for_ms = Some(0.0);
                self.over_in_a_row = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for_ms = None;
            self.over_in_a_row = 0;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
    }

    fn adapt(&mut self, slope: f64, now: Time) {
        let trend = self.weighted(slope).abs();
        let last = self.adapted.replace(now).unwrap_or(now);
        if trend > self.threshold + SPIKE {
            return;
        }
        let down = if self.contested { ADAPT_DOWN_CONTESTED } else { ADAPT_DOWN };
        let gain = if trend < self.threshold { down } else { ADAPT_UP };
        let passed_ms = now.since(last).min(ADAPT_STEP).as_secs_f64() * 1000.0;
        self.threshold += gain * (trend - self.threshold) * passed_ms;
        self.threshold = self.threshold.clamp(THRESHOLD_LEAST, THRESHOLD_MOST);
    }
}

/// Slope of the least-squares line; `None` when all points lie at one moment.
fn slope_of(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (over + (x - mean_x) * (y - mean_y), under + (x - mean_x) * (x - mean_x))
    });
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups every 20 ms whose delay changes by `drift` ms each; the findings in their order.
    fn run(trendline: &mut Trendline, clock_ms: &mut f64, drift: f64, groups: u32) -> Vec<Usage> {
        (0..groups)
            .map(|_| {
                *clock_ms += 20.0 + drift;
                trendline.update(GroupDelta {
                    sent: Duration::from_millis(20),
                    received: Duration::from_secs_f64((20.0 + drift) / 1000.0),
                    at: Time::from_micros((*clock_ms * 1000.0) as u64),
                });
                trendline.usage()
            })
            .collect()
    }

    #[test]
    fn a_filling_queue_is_overuse_and_an_emptying_one_underuse() {
        let (mut trendline, mut clock) = (Trendline::new(), 1000.0);
        let calm = run(&mut trendline, &mut clock, 0.0, 50);
        assert!(calm.iter().all(|usage| *usage == Usage::Normal));
        let filling = run(&mut trendline, &mut clock, 4.0, 15);
        assert!(filling.contains(&Usage::Over), "{filling:?}");
        let emptying = run(&mut trendline, &mut clock, -6.0, 40);
        assert_eq!(emptying.last(), Some(&Usage::Under));
    }

    #[test]
    fn jitter_about_a_mean_is_not_overuse() {
        let (mut trendline, mut clock) = (Trendline::new(), 1000.0);
        for round in 0..200 {
            let drift = [9.0, -9.0, 5.0, -5.0][round % 4];
            let found = run(&mut trendline, &mut clock, drift, 1);
            assert_ne!(found[0], Usage::Over, "round {round}");
        }
    }

    #[test]
    fn the_threshold_rises_with_noise_and_falls_again() {
        let (mut trendline, mut clock) = (Trendline::new(), 1000.0);
        run(&mut trendline, &mut clock, 0.0, 100);
        assert!(trendline.threshold < THRESHOLD_START);
        let quiet = trendline.threshold;
        run(&mut trendline, &mut clock, 1.0, 60);
        assert!(trendline.threshold > quiet, "{} {quiet}", trendline.threshold);
        run(&mut trendline, &mut clock, 0.0, 300);
        assert!((trendline.threshold - THRESHOLD_LEAST).abs() < 0.1);
    }
}
