//! Joins without clicks, where what is played next does not follow from what was played last.
//!
//! A decoder goes on smoothly from its own concealment. It cannot where half a packet was concealed and the
//! other half is taken from a copy, nor where packets were left out. There the sound so far is prolonged by
//! repeating its last pitch period, and cross-faded into the new, which is taken up where it resembles the
//! old most (NetEQ's Merge does the same).

use std::collections::VecDeque;

/// The last 20 ms: two periods of the lowest voice are in it.
const KEPT: usize = 960;
/// Cross-fades last 5 ms.
const FADE: usize = 240;
/// A join may move by 5 ms either way to fit: a period of 100 Hz.
const SLACK: usize = 240;
/// Periods that are repeated: 2.5 to 15 ms, 400 to 66 Hz.
const LAGS: std::ops::RangeInclusive<usize> = 120..=720;
/// Positions and lags are tried in steps: at 48 kHz speech does not change between them.
const STEP: usize = 4;

/// What was made last, whether it was played already or not.
#[derive(Clone, Debug)]
pub(super) struct Past {
    samples: VecDeque<f32>,
}

impl Past {
    pub(super) fn new() -> Past {
        Past { samples: VecDeque::new() }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        let new = &samples[samples.len().saturating_sub(KEPT)..];
        self.samples.extend(new);
        self.samples.drain(..self.samples.len().saturating_sub(KEPT));
    }

    /// Where in `next` to go on, near `wanted`: what is before that place resembles the past most.
    pub(super) fn best_join(&self, next: &[f32], wanted: usize) -> usize {
        let past: Vec<f32> = self.samples.iter().copied().collect();
        let wanted = wanted.min(next.len());
        let Some(end) = past.len().checked_sub(FADE).map(|from| &past[from..]) else { return wanted };
        let last = next.len().saturating_sub(FADE).min(wanted + SLACK);
        let places = (wanted.saturating_sub(SLACK).max(FADE)..=last).step_by(STEP);
        let likeness = |at: usize| next.get(at - FADE..at).map_or(-1.0, |before| similarity(before, end));
        let scored = places.map(|at| (at, likeness(at)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(wanted, |(at, _)| at)
    }

    /// Fades from the past, prolonged, into the beginning of `next`.
    pub(super) fn lead_to(&self, next: &mut [f32]) {
        let past: Vec<f32> = self.samples.iter().copied().collect();
        let Some(lag) = period(&past) else { return };
        let fade = FADE.min(next.len());
        for (at, sample) in next[..fade].iter_mut().enumerate() {
            let old = past[past.len() - lag + at % lag];
            let weight = (at as f32 + 0.5) / fade as f32;
            *sample = old + (*sample - old) * weight;
        }
    }
}

/// The lag at which the end of the samples repeats itself best; none when there is too little.
fn period(samples: &[f32]) -> Option<usize> {
    let end = samples.len().checked_sub(FADE)?;
    let lags = LAGS.step_by(STEP).filter(|&lag| lag <= end);
    let scored = lags.map(|lag| (lag, similarity(&samples[end..], &samples[end - lag..samples.len() - lag])));
    scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(lag, _)| lag)
}

/// Normalised correlation, −1…1; 0 where one is silent.
fn similarity(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let score = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    if score.is_finite() { score } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    /// A voice of 150 Hz that begins at `phase` turns.
    fn voice(length: usize, phase: f32) -> Vec<f32> {
        let turn = |at: usize| (at as f32 * 150.0 / 48_000.0 + phase) * TAU;
        (0..length).map(|at| 0.3 * turn(at).sin() + 0.15 * (3.0 * turn(at)).sin()).collect()
    }

    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_join_out_of_phase_is_moved_to_where_it_fits_and_does_not_click() {
        let old = voice(1920, 0.0);
        let mut past = Past::new();
        past.push(&old);
        for phase in [0.1, 0.35, 0.5, 0.8] {
            let next = voice(960, phase);
            let at = past.best_join(&next, 480);
            assert!((240..=720).contains(&at), "{at}");
            let mut joined = next[at..].to_vec();
            past.lead_to(&mut joined);
            let both: Vec<f32> = old.iter().copied().chain(joined).collect();
            assert!(steepest(&both) < 1.1 * steepest(&old), "phase {phase}: {}", steepest(&both));
        }
    }

    #[test]
    fn a_cut_through_other_sound_is_faded() {
        let mut past = Past::new();
        past.push(&voice(960, 0.0));
        let mut silence = vec![0.0; 960];
        past.lead_to(&mut silence);
        assert!(steepest(&silence) < 0.05);
        assert_eq!(silence[240..], [0.0; 720]);
    }

    #[test]
    fn with_little_past_or_little_to_come_it_leaves_things_as_they_are() {
        let mut past = Past::new();
        let mut next = vec![0.5; 100];
        past.lead_to(&mut next);
        assert_eq!((past.best_join(&next, 480), &next), (100, &vec![0.5; 100]));
        past.push(&[0.1; 100]);
        past.lead_to(&mut next);
        assert_eq!(next, vec![0.5; 100]);
        past.push(&[f32::NAN; 960]);
        assert!(past.best_join(&next, 50) <= 100);
        past.lead_to(&mut []);
    }
}
