#![allow(clippy::unwrap_used)]
use super::*;

const RATE: u32 = 48_000;
/// Some UNIX time, a quarter of a second before a whole one.
const START: Time = Time::from_micros(1_763_821_517_750_000);

/// Reproducible noise, uniform in ±1.
fn noise() -> impl FnMut() -> f32 {
    let mut state = 12_345_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Three seconds in blocks of 10 ms.
fn spoken(frequency: f32) -> Vec<f32> {
    let mut generator = ToneGenerator::new(RATE, frequency);
    let mut samples = vec![0.0; 3 * RATE as usize];
    for (block, chunk) in (0..).zip(samples.chunks_mut(480)) {
        generator.fill(chunk, START + Duration::from_millis(10) * block);
    }
    samples
}

fn heard(samples: &[f32], delay: Duration) -> Vec<Time> {
    let mut detector = MarkerDetector::new(RATE);
    (0..)
        .zip(samples.chunks(480))
        .filter_map(|(block, chunk)| detector.push(chunk, START + delay + Duration::from_millis(10) * block))
        .collect()
}

fn assert_delays(onsets: &[Time], expected: Duration, tolerance: Duration) {
    assert_eq!(onsets.len(), 3, "one marker each second: {onsets:?}");
    for &onset in onsets {
        let delay = delay_of(onset);
        assert!(delay.abs_diff(expected) <= tolerance, "{delay:?} instead of {expected:?}");
    }
}

#[test]
fn the_tone_says_who_speaks() {
    for frequency in [440.0, 660.0] {
        let samples = spoken(frequency);
        for length in [1920, 4800] {
            let found = dominant_frequency(&samples[20_000..20_000 + length], RATE).unwrap();
            assert!((found - frequency).abs() < 1.0, "{found} in {length} samples");
        }
    }
}

#[test]
fn silence_and_noise_have_no_frequency() {
    assert_eq!(dominant_frequency(&[0.0; 4800], RATE), None);
    assert_eq!(dominant_frequency(&[0.1; 100], RATE), None);
    let mut noise = noise();
    let rushing: Vec<f32> = (0..4800).map(|_| noise() * 0.3).collect();
    assert_eq!(dominant_frequency(&rushing, RATE), None);
    assert_eq!(dominant_frequency(&[f32::NAN; 4800], RATE), None);
}

#[test]
fn the_sine_has_no_break_between_calls() {
    let samples = spoken(440.0);
    let steepest = AMPLITUDE * TAU * 440.0 / RATE as f32 * 1.01;
    let quiet_zone = &samples[RATE as usize / 2..RATE as usize];
    assert!(quiet_zone.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= steepest));
}

#[test]
fn the_marker_tells_the_delay_to_a_fraction_of_a_millisecond() {
    for ms in [0, 87, 640] {
        let delay = Duration::from_millis(ms);
        assert_delays(&heard(&spoken(440.0), delay), delay, Duration::from_micros(300));
    }
}

#[test]
fn noise_and_a_low_level_do_not_hide_it() {
    let mut noise = noise();
    let delay = Duration::from_millis(120);
    // 0.025 peak against noise of 0.02 peak: about 5 dB.
    let samples: Vec<f32> = spoken(440.0).iter().map(|sample| 0.2 * sample + 0.02 * noise()).collect();
    assert_delays(&heard(&samples, delay), delay, Duration::from_millis(3));
}

#[test]
fn a_narrow_band_and_smear_like_a_codecs_do_not_hide_it() {
    // A one-pole low pass at 3 kHz and an echo of a tenth, 4 ms later.
    let mut low = 0.0;
    let mut samples = spoken(660.0);
    for sample in &mut samples {
        low += 0.33 * (*sample - low);
        *sample = low;
    }
    let echoed: Vec<f32> = (0..samples.len())
        .map(|i| samples[i] + if i >= 192 { 0.1 * samples[i - 192] } else { 0.0 })
        .collect();
    assert_delays(
        &heard(&echoed, Duration::ZERO + Duration::from_millis(50)),
        Duration::from_millis(50),
        Duration::from_millis(2),
    );
}

#[test]
fn what_is_no_marker_is_not_taken_for_one() {
    let mut noise = noise();
    let rushing: Vec<f32> = (0..RATE * 5).map(|_| noise() * 0.5).collect();
    assert_eq!(heard(&rushing, Duration::ZERO), []);
    let whistle: Vec<f32> = (0..RATE * 2)
        .map(|i| if i < RATE { (i as f32 * MARKER_HZ / RATE as f32 * TAU).sin() } else { 0.0 })
        .collect();
    assert_eq!(heard(&whistle, Duration::ZERO), [], "2 kHz that does not end");
    assert_eq!(heard(&[f32::NAN; 4800], Duration::ZERO), []);
}

#[test]
fn a_caller_whose_clock_shakes_gets_one_marker_per_second() {
    let mut generator = ToneGenerator::new(RATE, 440.0);
    let mut samples = vec![0.0; 2 * RATE as usize];
    for (block, chunk) in (0..).zip(samples.chunks_mut(480)) {
        let shake = Duration::from_millis([0, 7, 3, 9][block as usize % 4]);
        generator.fill(chunk, START + Duration::from_millis(10) * block + shake);
    }
    assert_eq!(heard(&samples, Duration::ZERO).len(), 2);
}

#[test]
fn a_marker_that_seems_a_little_early_is_no_delay_of_a_second() {
    assert_eq!(delay_of(Time::from_micros(4_999_700)), Duration::ZERO);
    assert_eq!(delay_of(Time::from_micros(5_120_000)), Duration::from_millis(120));
}
