//! Keeps a mix of several voices from overloading.
//!
//! Not a compressor: while the sum stays below full scale nothing is touched, so one voice alone always
//! passes as it is.

use crate::device::{BLOCK, Block};

/// Gain returns over about a second of blocks: a voice that came back louder at once would pump.
const RECOVERY: f32 = 0.01;

/// Turns the mix down for as long as it is too loud.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    gain: f32,
}

impl Limiter {
    pub(super) fn new() -> Limiter {
        Limiter { gain: 1.0 }
    }

    pub(super) fn apply(&mut self, block: &mut Block) {
        let peak = block.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let allowed = if peak > 1.0 { 1.0 / peak } else { 1.0 };
        let target = allowed.min(self.gain + RECOVERY).min(1.0);
        if self.gain == 1.0 && target == 1.0 {
            return;
        }
        // Down to what this block's peak needs before it comes, in a line, so that there is no click.
        let (from, step) = (self.gain, (target - self.gain) / BLOCK as f32);
        for (index, sample) in (1_u16..).zip(block) {
            *sample = (*sample * (from + step * f32::from(index))).clamp(-1.0, 1.0);
        }
        self.gain = target;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_voice_passes_untouched() {
        let mut block: Block = std::array::from_fn(|i| (i as f32 * 0.1).sin() * 0.99);
        let before = block;
        Limiter::new().apply(&mut block);
        assert_eq!(block, before);
    }

    #[test]
    fn a_sum_too_loud_is_turned_down_and_comes_back_slowly() {
        let mut limiter = Limiter::new();
        let loud: Block = std::array::from_fn(|i| (i as f32 * 0.1).sin() * 2.0);
        for _ in 0..5 {
            let mut block = loud;
            limiter.apply(&mut block);
            assert!(block.iter().all(|sample| sample.abs() <= 1.0));
        }
        let mut block = loud;
        limiter.apply(&mut block);
        let shape = block.iter().zip(&loud).map(|(a, b)| (a - b * 0.5).abs()).fold(0.0, f32::max);
        assert!(shape < 0.05, "turned down, not cut off: {shape}");
        let mut quiet = [0.5; BLOCK];
        limiter.apply(&mut quiet);
        assert!(quiet[BLOCK - 1] < 0.27, "no sudden return");
        for _ in 0..100 {
            limiter.apply(&mut [0.5; BLOCK]);
        }
        quiet = [0.5; BLOCK];
        limiter.apply(&mut quiet);
        assert_eq!(quiet, [0.5; BLOCK]);
    }
}
