//! Mono sound from one rate to another, in whatever pieces it comes.
//!
//! Where rates are equal nothing is done: then there is no delay either.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use std::collections::VecDeque;

/// Frames that go through the transform at once: half of that is the delay, 5 ms at 48 kHz.
const CHUNK: usize = 480;

/// Resamples a stream.
pub(crate) struct Resample {
    inner: Option<Fft<f32>>,
    waiting: Vec<f32>,
    made: Vec<f32>,
    out: VecDeque<f32>,
}

impl Resample {
    /// From a rate to a rate. Nothing for rates that make no sense together.
    pub(crate) fn new(from: u32, to: u32) -> Option<Resample> {
        let inner = if from == to {
            None
        } else {
            Some(Fft::new(from as usize, to as usize, CHUNK, 1, FixedSync::Output).ok()?)
        };
        let made = inner.as_ref().map_or(0, Fft::output_frames_max);
        Some(Resample { inner, waiting: Vec::new(), made: vec![0.0; made], out: VecDeque::new() })
    }

    /// Takes samples at the first rate.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        let Some(inner) = &mut self.inner else {
            self.out.extend(samples);
            return;
        };
        self.waiting.extend_from_slice(samples);
        loop {
            let needed = inner.input_frames_next();
            if self.waiting.len() < needed {
                return;
            }
            let (input, room) = (&self.waiting[..needed], self.made.len());
            let made = match (
                InterleavedSlice::new(input, 1, needed),
                InterleavedSlice::new_mut(&mut self.made, 1, room),
            ) {
                (Ok(input), Ok(mut output)) => inner.process_into_buffer(&input, &mut output, None),
                // Both have exactly the length that they are said to have.
                _ => return,
            };
            self.waiting.drain(..needed);
            match made {
                Ok((_, made)) => self.out.extend(&self.made[..made]),
                Err(error) => tracing::warn!(%error, "resampling"),
            }
        }
    }

    /// How many samples at the second rate are ready.
    pub(crate) fn ready(&self) -> usize {
        self.out.len()
    }

    /// Gives samples at the second rate if all of `out` can be filled.
    pub(crate) fn pull(&mut self, out: &mut [f32]) -> bool {
        if self.out.len() < out.len() {
            return false;
        }
        let wanted = out.len();
        out.iter_mut().zip(self.out.drain(..wanted)).for_each(|(to, from)| *to = from);
        true
    }

    /// Samples at the second rate by which what comes out is late: inside the filter, not those waiting.
    pub(crate) fn delay(&self) -> usize {
        self.inner.as_ref().map_or(0, Fft::output_delay)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::tone::dominant_frequency;

    fn resampled(from: u32, to: u32, hz: f32) -> Vec<f32> {
        let mut resample = Resample::new(from, to).unwrap();
        let tone: Vec<f32> =
            (0..from).map(|i| (i as f32 * hz / from as f32 * std::f32::consts::TAU).sin()).collect();
        let mut out = Vec::new();
        for piece in tone.chunks(337) {
            resample.push(piece);
            let mut block = vec![0.0; resample.ready()];
            assert!(resample.pull(&mut block));
            out.extend(block);
        }
        out
    }

    #[test]
    fn pitch_length_and_loudness_stay() {
        for (from, to) in [
            (44_100, 48_000),
            (48_000, 44_100),
            (16_000, 48_000),
            (96_000, 48_000),
            (22_050, 48_000),
            (48_000, 48_000),
        ] {
            let out = resampled(from, to, 1000.0);
            let missing = to as usize - out.len();
            assert!(missing < to as usize / 20, "{from} to {to}: {missing} samples stay inside");
            let middle = &out[out.len() / 4..out.len() * 3 / 4];
            let pitch = dominant_frequency(middle, to).unwrap();
            assert!((995.0..1005.0).contains(&pitch), "{from} to {to}: {pitch} Hz");
            let power = middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32;
            assert!((0.45..0.55).contains(&power), "{from} to {to}: power {power}");
        }
    }

    #[test]
    fn nothing_comes_out_before_a_block_is_whole() {
        let mut resample = Resample::new(48_000, 48_000).unwrap();
        resample.push(&[0.5; 100]);
        let mut block = [0.0; 480];
        assert!(!resample.pull(&mut block));
        resample.push(&[0.5; 380]);
        assert!(resample.pull(&mut block));
        assert_eq!(resample.ready(), 0);
        assert_eq!(resample.delay(), 0);
        assert!(Resample::new(0, 48_000).is_none());
    }
}
