//! How loud somebody is, and whether they speak, for the meter and the ring around a tile.
//!
//! Not a voice-activity detector for the encoder (that one is the capture chain's): levels alone decide
//! here, so a test tone rings the tile as a voice does. Noise suppression stands before it.

use crate::time::Time;
use std::time::Duration;

/// What RFC 6464 calls the level of digital silence.
const SILENCE_DBOV: f32 = -127.0;
/// The meter's empty end; the noise of a quiet room through a microphone lies below.
const METER_FLOOR_DBOV: f32 = -60.0;
/// A meter follows up within a syllable…
const ATTACK: Duration = Duration::from_millis(30);
/// …and falls slowly enough to be seen.
const RELEASE: Duration = Duration::from_millis(250);
/// Soft speech into a laptop after gain control is about −35 dBov; keyboards after suppression stay below.
const SPEAKS_ABOVE_DBOV: f32 = -42.0;
/// Between the two thresholds the state stays.
const QUIET_BELOW_DBOV: f32 = -50.0;
/// A click is shorter.
const SPEAKS_AFTER: Duration = Duration::from_millis(60);
/// Pauses between words are shorter.
const QUIET_AFTER: Duration = Duration::from_millis(500);

/// Level of a block of samples (full scale ±1) in dBov: RMS relative to the overload point, from 0 down
/// to −127 (RFC 6464 §3, RFC 6465).
pub fn dbov(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBOV;
    }
    let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
    let level = 10.0 * power.log10();
    if level.is_nan() { SILENCE_DBOV } else { (level as f32).clamp(SILENCE_DBOV, 0.0) }
}

/// The level as the header extension of RFC 6464 carries it: 0 (loudest) to 127 (silence).
pub fn audio_level(samples: &[f32]) -> u8 {
    -dbov(samples).round() as u8
}

/// A smoothed level for the eye, and the speaking state.
#[derive(Clone, Debug, Default)]
pub struct LevelMeter {
    level: f32,
    last: Option<Time>,
    speaking: bool,
    /// Since when the level has been on the other side of the state.
    contrary_since: Option<Time>,
}

impl LevelMeter {
    /// A meter at rest.
    pub fn new() -> LevelMeter {
        LevelMeter::default()
    }

    /// Takes the next block of samples, about 10 to 20 ms of them.
    pub fn push(&mut self, now: Time, samples: &[f32]) {
        self.push_dbov(now, dbov(samples));
    }

    /// Takes a level in dBov, for example from a header extension.
    pub fn push_dbov(&mut self, now: Time, dbov: f32) {
        let target = (1.0 - dbov / METER_FLOOR_DBOV).clamp(0.0, 1.0);
        let passed = self.last.replace(now).map_or(Duration::from_millis(10), |last| now.since(last));
        let constant = if target > self.level { ATTACK } else { RELEASE };
        let kept = (-passed.as_secs_f32() / constant.as_secs_f32()).exp();
        self.level = target + (self.level - target) * kept;

        let contrary = if self.speaking { dbov < QUIET_BELOW_DBOV } else { dbov > SPEAKS_ABOVE_DBOV };
        if !contrary {
            self.contrary_since = None;
            return;
        }
        let since = *self.contrary_since.get_or_insert(now);
        let enough = if self.speaking { QUIET_AFTER } else { SPEAKS_AFTER };
        if now.since(since) >= enough {
            self.speaking = !self.speaking;
            self.contrary_since = None;
        }
    }

    /// Smoothed level, 0 (−60 dBov and below) to 1 (overload), linear in decibels.
    pub fn level(&self) -> f32 {
        self.level
    }

    /// Whether the person speaks, with the hysteresis that a ring on the screen needs.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f32) -> Vec<f32> {
        (0..480).map(|i| amplitude * (i as f32 * std::f32::consts::TAU / 48.0).sin()).collect()
    }

    /// Feeds 10 ms blocks and says at which of them the speaking state changed.
    fn changes(meter: &mut LevelMeter, start: u64, blocks: u64, amplitude: f32) -> Vec<(u64, bool)> {
        let mut changes = Vec::new();
        for block in start..start + blocks {
            let before = meter.is_speaking();
            meter.push(Time::from_millis(block * 10), &sine(amplitude));
            if meter.is_speaking() != before {
                changes.push((block - start, meter.is_speaking()));
            }
        }
        changes
    }

    #[test]
    fn levels_are_those_of_rfc_6464() {
        assert_eq!(audio_level(&[0.0; 480]), 127);
        assert_eq!(audio_level(&[]), 127);
        assert_eq!(audio_level(&[1.0, -1.0, 1.0, -1.0]), 0);
        assert_eq!(audio_level(&sine(0.1)), 23, "a sine at −20 dB peak has −23 dB RMS");
        assert_eq!(audio_level(&[f32::NAN]), 127);
    }

    #[test]
    fn a_word_rings_after_60_ms_and_a_pause_ends_it_after_half_a_second() {
        let mut meter = LevelMeter::new();
        assert_eq!(changes(&mut meter, 0, 3, 0.5), [], "a click of 30 ms does not");
        assert_eq!(changes(&mut meter, 3, 50, 0.0), []);
        assert_eq!(changes(&mut meter, 53, 30, 0.1), [(6, true)]);
        assert_eq!(changes(&mut meter, 83, 30, 0.0), [], "between two words");
        assert_eq!(changes(&mut meter, 113, 10, 0.1), []);
        assert_eq!(changes(&mut meter, 123, 100, 0.0), [(50, false)]);
    }

    #[test]
    fn the_meter_rises_fast_and_falls_slowly_to_nothing() {
        let mut meter = LevelMeter::new();
        changes(&mut meter, 0, 10, 0.5);
        let loud = meter.level();
        assert!(loud > 0.8, "{loud}");
        changes(&mut meter, 10, 10, 0.0);
        assert!(meter.level() > 0.4 * loud);
        changes(&mut meter, 20, 200, 0.0);
        assert!(meter.level() < 0.01);
    }
}
