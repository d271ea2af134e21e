//! When each sample of a stream was captured or will be played.
//!
//! A sound card says for a block now and then at what time it was, with an error of milliseconds, while
//! its samples run evenly. So the moment of a sample is computed from its position, and what the card
//! says only corrects the line slowly; a real jump (an underrun, a sleep) is followed at once.

use snug_media::Time;

/// More than the jitter of any stamp, less than the shortest hole that one would hear.
const JUMP_MICROS: f64 = 40_000.0;
/// Stamps come each 10 ms or so: follows drift within seconds, and averages jitter away.
const WEIGHT: f64 = 0.02;

/// Maps positions in a stream of samples to moments.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    micros_per_sample: f64,
    /// The moment of position 0.
    origin: Option<f64>,
}

impl Timeline {
    pub(crate) fn new(rate: u32) -> Timeline {
        Timeline { micros_per_sample: 1_000_000.0 / f64::from(rate.max(1)), origin: None }
    }

    /// The sample at `position` was said to be at this moment.
    pub(crate) fn observe(&mut self, position: u64, at: Time) {
        let observed = at.as_micros() as f64 - position as f64 * self.micros_per_sample;
        self.origin = Some(match self.origin {
            Some(origin) if (observed - origin).abs() < JUMP_MICROS => origin + WEIGHT * (observed - origin),
            _ => observed,
        });
    }

    /// The moment of the sample at `position`, once anything was observed.
    pub(crate) fn at(&self, position: u64) -> Option<Time> {
        let micros = self.origin? + position as f64 * self.micros_per_sample;
        Some(Time::from_micros(micros.max(0.0) as u64))
    }

    /// The position, with its fraction, that this moment has; negative before the stream's beginning.
    pub(crate) fn position(&self, at: Time) -> Option<f64> {
        Some((at.as_micros() as f64 - self.origin?) / self.micros_per_sample)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn jitter_is_averaged_and_the_line_stays_even() {
        let mut line = Timeline::new(48_000);
        for block in 0..500_u64 {
            let jitter = (block * 7919 % 9) * 1000;
            line.observe(block * 480, Time::from_micros(1_000_000 + block * 10_000 + jitter));
        }
        let at = line.at(480 * 500).unwrap().as_micros() as f64;
        assert!((at - 6_004_000.0).abs() < 1000.0, "{at}");
        assert!((line.position(line.at(12_345).unwrap()).unwrap() - 12_345.0).abs() < 0.1);
    }

    #[test]
    fn drift_is_followed() {
        // A card that runs 200 ppm fast: a minute of it is 12 ms.
        let mut line = Timeline::new(48_000);
        for block in 0..6000_u64 {
            line.observe(block * 480, Time::from_micros(1_000_000 + block * 9_998));
        }
        let off = line.at(480 * 6000).unwrap().micros_from(Time::from_micros(1_000_000 + 6000 * 9_998));
        assert!(off.abs() < 500, "{off}");
    }

    #[test]
    fn a_jump_is_followed_at_once() {
        let mut line = Timeline::new(48_000);
        assert_eq!(line.at(0), None);
        line.observe(480, Time::from_millis(1010));
        assert_eq!(line.at(0), Some(Time::from_millis(1000)));
        line.observe(960, Time::from_millis(1520));
        assert_eq!(line.at(960), Some(Time::from_millis(1520)));
    }
}
