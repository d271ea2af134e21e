//! Speech a little faster or slower at the same pitch, to change the delay unheard.
//!
//! Whole pitch periods are taken out or put in and cross-faded (waveform-similarity overlap-add; Verhelst
//! and Roelands, ICASSP 1993; NetEQ's Accelerate and PreemptiveExpand). The period is the lag at which the
//! block resembles itself most, by normalised cross-correlation. Where it does not resemble itself, an
//! onset or a consonant, nothing is done: the caller tries again with the next block. Resampling would
//! be simpler, and is heard.

/// The longest period of speech looked for: 15 ms, 66 Hz.
const MAX_LAG: usize = 720;
/// The shortest: 2.5 ms, 400 Hz. Higher voices repeat within a multiple.
const MIN_LAG: usize = 120;
/// The coarse search runs at a quarter of the rate, where voiced speech has nearly all of its power.
const DECIMATION: usize = 4;
/// Resemblance from which a splice is not heard (NetEQ asks for 0.9).
const SIMILAR: f32 = 0.9;
/// The same when much delay must go: a small flaw is better than a second of it.
const SIMILAR_URGENT: f32 = 0.5;
/// A longer lag that resembles nearly as well saves more at once.
const NEARLY_AS_GOOD: f32 = 0.02;
/// Mean power under which anything may be spliced: −50 dBov.
const QUIET: f32 = 1e-5;

/// Takes one or more periods out of the front of 48 kHz mono samples and says how many samples that were:
/// at most half of them, 15 ms, and none where it would be heard. `urgent` accepts a rougher splice.
pub fn accelerate(samples: &mut Vec<f32>, urgent: bool) -> usize {
    let Some(lag) = find_lag(samples, if urgent { SIMILAR_URGENT } else { SIMILAR }) else { return 0 };
    for i in 0..lag {
        samples[i] = fade(samples[i], samples[i + lag], i, lag);
    }
    samples.drain(lag..2 * lag);
    lag
}

/// Repeats one or more periods at the front of 48 kHz mono samples and says how many samples that added:
/// none where it would be heard.
pub fn expand(samples: &mut Vec<f32>) -> usize {
    let Some(lag) = find_lag(samples, SIMILAR) else { return 0 };
    let repeated: Vec<f32> = (0..lag).map(|i| fade(samples[i + lag], samples[i], i, lag)).collect();
    samples.splice(lag..lag, repeated);
    lag
}

/// From `a` to `b` over `length` samples.
fn fade(a: f32, b: f32, at: usize, length: usize) -> f32 {
    let weight = (at as f32 + 0.5) / length as f32;
    a + (b - a) * weight
}

/// The lag at which the front of the samples goes on as it began.
fn find_lag(samples: &[f32], similar: f32) -> Option<usize> {
    let longest = MAX_LAG.min(samples.len() / 2);
    if longest < MIN_LAG {
        return None;
    }
    let power = samples[..2 * longest].iter().map(|s| s * s).sum::<f32>() / (2 * longest) as f32;
    if power < QUIET {
        return Some(longest);
    }
    let coarse: Vec<f32> = samples[..2 * longest]
        .chunks_exact(DECIMATION)
        .map(|chunk| chunk.iter().sum::<f32>() / DECIMATION as f32)
        .collect();
    let lags = MIN_LAG / DECIMATION..=longest / DECIMATION;
    let scored: Vec<(usize, f32)> = lags.map(|lag| (lag, similarity(&coarse, lag))).collect();
    let best = scored.iter().map(|&(_, score)| score).max_by(f32::total_cmp)?;
    let &(lag, _) = scored.iter().rev().find(|&&(_, score)| score >= best - NEARLY_AS_GOOD)?;
    let fine = lag * DECIMATION;
    let around = fine.saturating_sub(DECIMATION).max(MIN_LAG)..=(fine + DECIMATION).min(longest);
    let (lag, score) =
        around.map(|lag| (lag, similarity(samples, lag))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (score >= similar).then_some(lag)
}

/// Normalised cross-correlation (−1…1) of the first `lag` samples with the next.
fn similarity(samples: &[f32], lag: usize) -> f32 {
    let Some((first, second)) = samples.get(..2 * lag).map(|both| both.split_at(lag)) else { return -1.0 };
    let (mut product, mut a, mut b) = (0.0, 0.0, 0.0);
    for (x, y) in first.iter().zip(second) {
        product += x * y;
        a += x * x;
        b += y * y;
    }
    let score = product / (a * b).sqrt();
    if score.is_finite() { score } else { -1.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tone::dominant_frequency;
    use std::f32::consts::TAU;

    /// A voice-like tone: a fundamental and two overtones.
    fn voice(hz: f32, length: usize) -> Vec<f32> {
        let turn = |i: usize| i as f32 * hz / 48_000.0 * TAU;
        (0..length)
            .map(|i| 0.2 * turn(i).sin() + 0.1 * (2.0 * turn(i)).sin() + 0.05 * (5.0 * turn(i)).sin())
            .collect()
    }

    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn speech_gets_shorter_and_longer_at_the_same_pitch_without_a_click() {
        for hz in [90.0, 123.0, 210.0, 440.0] {
            let original = voice(hz, 1440);
            let mut shorter = original.clone();
            let removed = accelerate(&mut shorter, false);
            assert!((MIN_LAG..=MAX_LAG).contains(&removed), "{hz} Hz: {removed}");
            assert_eq!(shorter.len(), original.len() - removed);
            let mut longer = original.clone();
            let inserted = expand(&mut longer);
            assert!((MIN_LAG..=MAX_LAG).contains(&inserted), "{hz} Hz: {inserted}");
            assert_eq!(longer.len(), original.len() + inserted);
            for stretched in [&shorter, &longer] {
                assert!(steepest(stretched) <= 1.15 * steepest(&original), "{hz} Hz clicks");
            }
        }
    }

    #[test]
    fn a_minute_of_acceleration_keeps_the_frequency() {
        let source = voice(220.0, 48_000);
        let mut out = Vec::new();
        for block in source.chunks(1440) {
            let mut block = block.to_vec();
            accelerate(&mut block, false);
            out.extend(block);
        }
        assert!(out.len() < source.len() * 3 / 4);
        let hz = dominant_frequency(&out[..9600], 48_000).unwrap();
        assert!((hz - 220.0).abs() < 4.0, "{hz}");
    }

    #[test]
    fn noise_is_left_alone_and_quiet_is_cut_freely() {
        let mut state = 1_u32;
        let mut noise: Vec<f32> = (0..1440)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        assert_eq!((accelerate(&mut noise, false), expand(&mut noise), noise.len()), (0, 0, 1440));
        assert_eq!(accelerate(&mut vec![0.0; 1440], false), 720);
        assert_eq!(expand(&mut vec![0.001; 960]), 480);
    }

    #[test]
    fn too_little_or_rubbish_is_left_as_it_is() {
        for length in [0, 1, 239] {
            let mut short = vec![0.5; length];
            assert_eq!((accelerate(&mut short, true), expand(&mut short), short.len()), (0, 0, length));
        }
        let mut rubbish = vec![f32::NAN; 960];
        assert_eq!(accelerate(&mut rubbish, true), 0);
    }
}
