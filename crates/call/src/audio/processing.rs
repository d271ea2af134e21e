//! What is done to a voice before it is encoded: echo, noise, gain.
//!
//! The algorithms are libwebrtc's (AEC3, its noise suppressor, AGC2) as sonora has them in Rust. Each can
//! be switched off: a test tone is noise to a noise suppressor, and music to a gain control.

use crate::device::{Block, SAMPLE_RATE};
use serde::{Deserialize, Serialize};
use sonora::config::{
    AdaptiveDigital, Config, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, Pipeline,
};
use sonora::{AudioProcessing as Sonora, StreamConfig};

/// Which parts are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioProcessing {
    /// Echo cancellation.
    pub echo: bool,
    /// Noise suppression.
    pub noise: bool,
    /// Automatic gain.
    pub gain: bool,
}

impl AudioProcessing {
    /// Sound is sent as it is.
    pub const OFF: AudioProcessing = AudioProcessing { echo: false, noise: false, gain: false };
}

impl Default for AudioProcessing {
    fn default() -> AudioProcessing {
        AudioProcessing { echo: true, noise: true, gain: true }
    }
}

/// The chain, with what it has learned of the room.
pub(super) struct Chain {
    /// Nothing when all is off.
    sonora: Option<Sonora>,
    echo: bool,
}

impl Chain {
    pub(super) fn new(parts: AudioProcessing) -> Chain {
        if parts == AudioProcessing::OFF {
            return Chain { sonora: None, echo: false };
        }
        let stream = StreamConfig::new(SAMPLE_RATE, 1);
        let config = Config {
            // Its default of 32 kHz would cut voices off at 16.
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            // Rumble below speech confuses all that follows.
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: parts.echo.then(EchoCanceller::default),
            noise_suppression: parts.noise.then(NoiseSuppression::default),
            gain_controller2: parts.gain.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let sonora = Sonora::builder().config(config).capture_config(stream).render_config(stream).build();
        Chain { sonora: Some(sonora), echo: parts.echo }
    }

    /// Processes a captured block in place, given what was heard meanwhile.
    pub(super) fn process(&mut self, block: &mut Block, far_end: &Block) {
        let Some(sonora) = &mut self.sonora else { return };
        if block.iter().all(|&sample| sample == 0.0) {
            // No microphone, or one that is switched off: nothing to learn of the room.
            return;
        }
        let source = *block;
        let mut scratch = *far_end;
        let rendered =
            if self.echo { sonora.process_render_f32(&[far_end], &mut [&mut scratch]) } else { Ok(()) };
        if let Err(error) = rendered.and_then(|()| sonora.process_capture_f32(&[&source], &mut [block])) {
            // Only a wrong length or rate is refused, and ours are constant; the voice then goes as it is.
            tracing::error!(?error, "sound processing refuses its input");
            *block = source;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::BLOCK;

    /// Noise that comes and goes in syllables, as speech does; seeded.
    struct Babble {
        state: u32,
        smooth: f32,
        at: u32,
    }

    impl Babble {
        fn new(seed: u32) -> Babble {
            Babble { state: seed, smooth: 0.0, at: 0 }
        }

        fn next(&mut self) -> f32 {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = (self.state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            self.smooth += 0.3 * (white - self.smooth);
            self.at += 1;
            let syllable = (self.at as f32 / 48_000.0 * 3.0 * std::f32::consts::TAU).sin().max(0.0);
            self.smooth * (0.1 + 0.9 * syllable) * 0.6
        }
    }

    fn energy(block: &Block) -> f64 {
        block.iter().map(|&sample| f64::from(sample).powi(2)).sum()
    }

    /// Runs `seconds` of a room whose echo comes after `delay_ms`; gives echo and rest of the last second.
    fn room(
        parts: AudioProcessing,
        seconds: usize,
        delay_ms: usize,
        near: impl Fn(usize) -> f32,
    ) -> (f64, f64) {
        let mut chain = Chain::new(parts);
        let mut babble = Babble::new(7);
        let delay = delay_ms * 48;
        let far: Vec<f32> = (0..seconds * 48_000).map(|_| babble.next()).collect();
        // A direct path and two reflections, 8 dB down in all.
        let echo = |n: usize| {
            [(0, 0.3), (331, 0.15), (947, -0.1)]
                .iter()
                .map(|&(later, gain)| n.checked_sub(delay + later).map_or(0.0, |i| far[i] * gain))
                .sum::<f32>()
        };
        let (mut before, mut after) = (0.0, 0.0);
        for number in 0..seconds * 100 {
            let first = number * BLOCK;
            let heard: Block = std::array::from_fn(|i| far[first + i]);
            let mut captured: Block = std::array::from_fn(|i| echo(first + i) + near(first + i));
            let original = captured;
            chain.process(&mut captured, &heard);
            if number >= (seconds - 1) * 100 {
                before += energy(&original);
                after += energy(&captured);
            }
        }
        (before, after)
    }

    #[test]
    fn the_echo_of_a_room_is_reduced_by_more_than_20_db() {
        let parts = AudioProcessing { echo: true, noise: false, gain: false };
        let (before, after) = room(parts, 6, 80, |_| 0.0);
        let reduced = 10.0 * (before / after.max(1e-12)).log10();
        assert!(reduced > 20.0, "{reduced} dB");
        let (before, after) = room(AudioProcessing::OFF, 6, 80, |_| 0.0);
        assert!((before - after).abs() < 1e-9, "off means untouched");
    }

    #[test]
    fn one_who_speaks_alone_passes_the_echo_canceller() {
        let mut chain = Chain::new(AudioProcessing { echo: true, noise: false, gain: false });
        let mut babble = Babble::new(99);
        let (mut before, mut after) = (0.0, 0.0);
        for number in 0..400 {
            let mut block: Block = std::array::from_fn(|_| babble.next());
            let original = block;
            chain.process(&mut block, &[0.0; BLOCK]);
            if number >= 200 {
                before += energy(&original);
                after += energy(&block);
            }
        }
        let lost = 10.0 * (before / after).log10();
        assert!(lost.abs() < 3.0, "{lost} dB");
    }

    #[test]
    fn steady_noise_is_turned_down() {
        let mut chain = Chain::new(AudioProcessing { echo: false, noise: true, gain: false });
        let mut state = 5_u32;
        let (mut before, mut after) = (0.0, 0.0);
        for number in 0..500 {
            let mut block: Block = std::array::from_fn(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * 0.02
            });
            let original = block;
            chain.process(&mut block, &[0.0; BLOCK]);
            if number >= 400 {
                before += energy(&original);
                after += energy(&block);
            }
        }
        let reduced = 10.0 * (before / after.max(1e-12)).log10();
        assert!(reduced > 8.0, "{reduced} dB");
    }
}
