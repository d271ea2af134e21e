//! The test tone: a sine that says who speaks, and a marker each second that says when.
//!
//! A microphone for tests and the lab. The marker is a 20 ms burst of 2 kHz that takes the sine's place
//! at each whole second of the time that the caller counts in (UNIX time, where two processes compare),
//! so the receiver's "onset minus whole second" is the delay from mouth to ear, up to a second of it.
//! It is not added to the sine but replaces it: then most of the energy lies at 2 kHz while it lasts,
//! which is what the detector asks for, and which speech and noise do not do. It passes Opus at
//! 32 kbit/s; noise suppression takes it for noise, so that must be off.

use crate::time::Time;
use std::collections::VecDeque;
use std::f32::consts::TAU;
use std::time::Duration;

/// Frequency of the marker: inside every codec mode's band, and no multiple of the usual test tones.
pub const MARKER_HZ: f32 = 2000.0;
/// Length of the marker: one Opus frame, long enough to survive in any of them.
pub const MARKER: Duration = Duration::from_millis(20);
const SECOND_MICROS: u64 = 1_000_000;
/// Well below what gain control would touch.
const AMPLITUDE: f32 = 0.25;
/// Both edges of the marker fade over this time, because a click would spread over all frequencies.
const RAMP: Duration = Duration::from_millis(2);

/// Makes the tone.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    rate: u32,
    /// Turns per sample and the present turn (0…1) of the sine.
    step: f32,
    turn: f32,
    /// Samples of the running marker already made.
    marker: Option<u32>,
    /// The second in which the last sample lay.
    second: Option<u64>,
}

impl ToneGenerator {
    /// A tone of `frequency` hertz at `rate` samples per second.
    pub fn new(rate: u32, frequency: f32) -> ToneGenerator {
        let rate = rate.max(1);
        ToneGenerator { rate, step: frequency / rate as f32, turn: 0.0, marker: None, second: None }
    }

    /// Fills mono samples, the first of which is spoken at `first`. The sine goes on without a break from
    /// call to call; a marker begins where a whole second is crossed.
    pub fn fill(&mut self, samples: &mut [f32], first: Time) {
        let marker_length = samples_in(MARKER, self.rate);
        for (index, sample) in (0_u64..).zip(samples) {
            let micros = first.as_micros() + index * SECOND_MICROS / u64::from(self.rate);
            let second = micros / SECOND_MICROS;
            // Later than before: a caller's clock may step back over the same second.
            let crossed = self.second.map_or(micros.is_multiple_of(SECOND_MICROS), |last| second > last);
            self.second = Some(self.second.map_or(second, |last| last.max(second)));
            if crossed {
                self.marker = Some(0);
            }
            let tone = (self.turn * TAU).sin();
            self.turn = (self.turn + self.step).fract();
            let mut value = tone;
            if let Some(at) = self.marker {
                let burst = (at as f32 * MARKER_HZ / self.rate as f32 * TAU).sin();
                let weight = ramp(at, marker_length, samples_in(RAMP, self.rate));
                value = burst * weight + tone * (1.0 - weight);
                self.marker = (at + 1 < marker_length).then_some(at + 1);
            }
            *sample = value * AMPLITUDE;
        }
    }
}

fn samples_in(time: Duration, rate: u32) -> u32 {
    (time.as_micros() as u64 * u64::from(rate) / SECOND_MICROS) as u32
}

/// Rises from 0 to 1 over the first `ramp` samples and falls over the last.
fn ramp(at: u32, length: u32, ramp: u32) -> f32 {
    let edge = at.min(length - 1 - at) as f32 / ramp.max(1) as f32;
    0.5 - 0.5 * (edge.min(1.0) * TAU / 2.0).cos()
}

/// Longer blocks are cut to this: the bound of the search's time.
const MAX_ANALYSED: usize = 9600;
/// Of the power, what a block must have at one frequency to be called a tone.
const TONE_SHARE: f64 = 0.3;

/// The frequency (50 to 4000 Hz) at which most of a block's power lies, to a fraction of a hertz for
/// blocks of 100 ms. `None` for silence, for noise, and for blocks under 20 ms.
pub fn dominant_frequency(samples: &[f32], rate: u32) -> Option<f32> {
    let samples = &samples[..samples.len().min(MAX_ANALYSED)];
    let rate = f64::from(rate);
    if (samples.len() as f64) < rate * 0.02 {
        return None;
    }
    // A Hann window, so that a strong tone does not leak over the whole range.
    let count = samples.len() as f64;
    let window = |i: usize| 0.5 - 0.5 * ((i as f64 + 0.5) / count * std::f64::consts::TAU).cos();
    let windowed: Vec<f64> = samples.iter().enumerate().map(|(i, &s)| f64::from(s) * window(i)).collect();
    let power = windowed.iter().map(|s| s * s).sum::<f64>();
    if power.is_nan() || power / count < 1e-8 {
        return None;
    }
    // Half a bin: a Hann window's main lobe is four bins wide, so no tone falls between two steps.
    let step = rate / count / 2.0;
    let steps = ((4000.0_f64.min(rate / 2.0) - 50.0) / step) as usize;
    let strength = |hz: f64| goertzel(&windowed, hz / rate);
    let (coarse, _) = (0..steps)
        .map(|n| 50.0 + n as f64 * step)
        .map(|hz| (hz, strength(hz)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (mut low, mut high) = (coarse - step, coarse + step);
    for _ in 0..25 {
        let third = (high - low) / 3.0;
        if strength(low + third) < strength(high - third) { low += third } else { high -= third }
    }
    let hz = (low + high) / 2.0;
    // For a pure tone of amplitude a: |X| = a·Σw/2 = a·n/4 and Σ(s·w)² = a²/2·Σw² = a²·n·3/16.
    let share = strength(hz) * 3.0 / (count * power);
    (share > TONE_SHARE).then_some(hz as f32)
}

/// |X|² at a frequency given in turns per sample (Goertzel's recurrence).
fn goertzel(samples: &[f64], turns: f64) -> f64 {
    let coefficient = 2.0 * (turns * std::f64::consts::TAU).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + coefficient * last - before, last);
    }
    last * last + before * before - coefficient * last * before
}

/// The detector's integration time: five turns of the marker; short against it, long against noise.
const INTEGRATION: Duration = Duration::from_micros(2500);
/// The part of the power that must lie at the marker's frequency. Speech and noise stay far below.
const MARKER_SHARE: f64 = 0.6;
/// Below this amplitude there is no marker.
const MIN_AMPLITUDE: f64 = 0.01;
/// What a marker's length at half height may be after a codec smeared it.
const LENGTHS: [Duration; 2] = [Duration::from_millis(12), Duration::from_millis(32)];

/// Finds the markers of a [`ToneGenerator`] in what was heard.
#[derive(Clone, Debug)]
pub struct MarkerDetector {
    rate: u32,
    turn: f64,
    /// The last samples as (in phase, in quadrature, power), and their sums.
    recent: VecDeque<[f64; 3]>,
    sums: [f64; 3],
    /// Heights of the last integration times before the present rise, each with its sample's time: the
    /// foot of the rise, in which the sine still has most of the power.
    foot: VecDeque<(Time, f64)>,
    /// Heights since the present rise began; empty between markers.
    rise: Vec<(Time, f64)>,
    /// A tone that does not end: wait for its end.
    too_long: bool,
}

impl MarkerDetector {
    /// A detector for mono samples at `rate` per second.
    pub fn new(rate: u32) -> MarkerDetector {
        MarkerDetector {
            rate: rate.max(1),
            turn: 0.0,
            recent: VecDeque::new(),
            sums: [0.0; 3],
            foot: VecDeque::new(),
            rise: Vec::new(),
            too_long: false,
        }
    }

    /// Takes samples, the first of which was heard at `first`, and returns the onset of a marker that
    /// ended in them. Hand in blocks shorter than a second.
    pub fn push(&mut self, samples: &[f32], first: Time) -> Option<Time> {
        let mut found = None;
        for (index, &sample) in (0_u64..).zip(samples) {
            let time = first + Duration::from_micros(index * SECOND_MICROS / u64::from(self.rate));
            let height = self.height(f64::from(sample));
            found = self.follow(time, height).or(found);
        }
        found
    }

    /// The amplitude at the marker's frequency over the integration time, and whether most of the power
    /// lies there.
    fn height(&mut self, sample: f64) -> (f64, bool) {
        let sample = if sample.is_finite() { sample } else { 0.0 };
        let (sin, cos) = (self.turn * std::f64::consts::TAU).sin_cos();
        self.turn = (self.turn + f64::from(MARKER_HZ) / f64::from(self.rate)).fract();
        let new = [sample * cos, sample * sin, sample * sample];
        let length = samples_in(INTEGRATION, self.rate).max(1) as usize;
        let old =
            if self.recent.len() >= length { self.recent.pop_front() } else { None }.unwrap_or_default();
        self.recent.push_back(new);
        for ((sum, new), old) in self.sums.iter_mut().zip(new).zip(old) {
            *sum += new - old;
        }
        let [i, q, power] = self.sums.map(|sum| sum / length as f64);
        let squared = 4.0 * (i * i + q * q);
        // A sine's power is half its squared amplitude.
        let dominates = squared / 2.0 >= MARKER_SHARE * power && squared >= MIN_AMPLITUDE * MIN_AMPLITUDE;
        (squared.sqrt(), dominates)
    }

    fn follow(&mut self, time: Time, (height, dominates): (f64, bool)) -> Option<Time> {
        if self.too_long {
            self.too_long = dominates;
            return None;
        }
        if dominates {
            self.rise.push((time, height));
            if self.rise.len() > samples_in(LENGTHS[1] * 2, self.rate) as usize {
                self.rise.clear();
                self.foot.clear();
                self.too_long = true;
            }
            return None;
        }
        let onset = self.onset();
        self.rise.clear();
        if self.foot.len() >= samples_in(INTEGRATION * 2, self.rate) as usize {
            self.foot.pop_front();
        }
        self.foot.push_back((time, height));
        onset
    }

    /// The onset of the marker that just ended, if that is what it was.
    fn onset(&self) -> Option<Time> {
        let (&(start, _), &(end, _)) = (self.rise.first()?, self.rise.last()?);
        if !(LENGTHS[0]..=LENGTHS[1]).contains(&end.since(start)) {
            return None;
        }
        // The median is the plateau; a codec's ringing makes the maximum an outlier.
        let mut heights: Vec<f64> = self.rise.iter().map(|&(_, height)| height).collect();
        heights.sort_by(f64::total_cmp);
        let half = heights[heights.len() / 2] / 2.0;
        let below = self.foot.iter().rev().find(|&&(_, height)| height <= half);
        // Half height is reached half an integration and half a ramp after the onset.
        Some(below.map_or(start, |&(time, _)| time) - INTEGRATION / 2 - RAMP / 2)
    }
}

/// From mouth to ear: how long after its whole second a marker was heard. Delays of up to 900 ms are
/// told from a marker that seems early because two clocks differ by a little.
pub fn delay_of(onset: Time) -> Duration {
    let micros = onset.as_micros() % SECOND_MICROS;
    Duration::from_micros(if micros > 900_000 { 0 } else { micros })
}

#[cfg(test)]
#[path = "tone_tests.rs"]
mod tests;
