//! What is heard: the delay and the pitch of the other's test tone.
//!
//! The sound thread only hands its blocks over; they are listened to in a thread of their own, because finding a pitch takes longer
//! than a block lasts. That thread ends with the last [`Eardrum`].

use super::messages::Received;
use snug_call::Clock;
use snug_media::Time;
use snug_media::tone::{MarkerDetector, delay_of, dominant_frequency};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// What calls play.
const RATE: u32 = 48_000;
/// Two seconds of blocks: more than any pause of the listening thread. Full, it loses blocks, and a marker with them.
const BLOCKS: usize = 200;
/// A pitch is looked for in a tenth of each half second, and away from the marker at its beginning.
const PITCH_EVERY: usize = RATE as usize / 2;
const PITCH_FROM: usize = RATE as usize / 10;

type Block = (Time, Vec<f32>);

/// Knows what was heard.
pub(super) struct Ears {
    /// Written by the listening thread, taken by [`Ears::report`]; held for a few lines each.
    heard: Arc<Mutex<Heard>>,
}

/// Hands blocks of sound to the ears.
#[derive(Clone, Debug)]
pub(super) struct Eardrum {
    blocks: SyncSender<Block>,
}

#[derive(Default)]
struct Heard {
    delays_ms: Vec<(u64, f64)>,
    pitches: Vec<f32>,
    listened: u64,
}

impl Ears {
    /// Ears and what feeds them.
    pub(super) fn open() -> (Ears, Eardrum) {
        let (blocks, sound) = sync_channel(BLOCKS);
        let heard = Arc::<Mutex<Heard>>::default();
        let notes = heard.clone();
        // Not joined: it ends by itself with the last eardrum, and holds nothing that must be finished.
        std::thread::spawn(move || listen(&sound, &notes));
        (Ears { heard }, Eardrum { blocks })
    }

    /// Adds what was heard since the last report.
    pub(super) fn report(&self, received: &mut Received) {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        received.mouth_to_ear_ms = heard.delays_ms;
        received.pitches = heard.pitches;
        received.listened = heard.listened;
    }
}

impl Eardrum {
    /// Takes a block that is played at `first`. Never waits.
    pub(super) fn beat(&self, first: Time, samples: &[f32]) {
        // A full queue loses the block: this is the sound thread.
        let _ = self.blocks.try_send((first, samples.to_vec()));
    }
}

fn listen(sound: &Receiver<Block>, notes: &Mutex<Heard>) {
    let clock = Clock::shared();
    let mut markers = MarkerDetector::new(RATE);
    let mut since_pitch = Vec::with_capacity(PITCH_EVERY);
    while let Ok((first, samples)) = sound.recv() {
        let first = Time::from_micros(clock.unix_micros(first));
        let onset = markers.push(&samples, first);
        if onset.is_some() {
            since_pitch.clear();
        }
        since_pitch.extend_from_slice(&samples);
        let enough = since_pitch.len() >= PITCH_EVERY;
        let pitch = enough.then(|| dominant_frequency(&since_pitch[PITCH_FROM..PITCH_FROM * 2], RATE));
        if enough {
            since_pitch.clear();
        }
        let mut heard = notes.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .delays_ms
            .extend(onset.map(|onset| (first.as_micros(), delay_of(onset).as_secs_f64() * 1000.0)));
        heard.listened += u64::from(enough);
        heard.pitches.extend(pitch.flatten());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::tone::ToneGenerator;
    use std::time::Duration;

    #[test]
    fn a_tone_that_is_heard_later_than_spoken_tells_by_how_much() {
        let clock = Clock::shared();
        let (ears, eardrum) = Ears::open();
        let mut tone = ToneGenerator::new(RATE, 660.0);
        let start = clock.now();
        for block in 0..400_u64 {
            let spoken = start + Duration::from_millis(10) * block as u32;
            let mut samples = [0.0; 480];
            tone.fill(&mut samples, Time::from_micros(clock.unix_micros(spoken)));
            // Waits where the sound thread would not: here blocks come a hundred times too fast.
            eardrum.blocks.send((spoken + Duration::from_millis(123), samples.to_vec())).unwrap();
        }
        // The thread lets go of the ears when it has heard all and its eardrum is gone.
        drop(eardrum);
        while Arc::strong_count(&ears.heard) > 1 {
            std::thread::yield_now();
        }
        let mut received = Received::default();
        ears.report(&mut received);
        assert!(received.mouth_to_ear_ms.len() >= 3, "{received:?}");
        assert!(
            received.mouth_to_ear_ms.iter().all(|(_, delay)| (delay - 123.0).abs() < 3.0),
            "{received:?}"
        );
        assert!(received.listened >= 6 && received.pitches.len() as u64 == received.listened, "{received:?}");
        assert!(received.pitches.iter().all(|pitch| (pitch - 660.0).abs() < 1.0), "{received:?}");
    }
}
