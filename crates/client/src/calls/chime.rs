//! The sound by which a person hears whether the chosen speaker is the right one.

use snug_call::Clock;
use snug_call::device::{BLOCK, Block, DeviceError, SAMPLE_RATE, SpeakerChoice, open_speaker};
use std::time::Duration;

/// Pitch and length in blocks: two notes that nobody takes for an error, over in less than a second.
const CHIME: [(f32, usize); 2] = [(659.3, 25), (880.0, 40)];

/// Ten blocks are a tenth of a second: a speaker that wants none in half a second is stuck.
const PATIENCE: Duration = Duration::from_millis(500);

/// Writes the notes to the speaker; blocks until the last one is out.
pub(super) fn chime(choice: &SpeakerChoice) -> Result<(), DeviceError> {
    let mut speaker = open_speaker(choice, Clock::shared())?;
    let mut phase = 0.0_f32;
    for (pitch, blocks) in CHIME {
        let samples = blocks * BLOCK;
        let mut written = 0;
        while written < samples {
            if speaker.next_slot(PATIENCE)?.is_none() {
                return Err(DeviceError::Other("the speaker takes no sound".into()));
            }
            let mut block: Block = [0.0; BLOCK];
            for (place, sample) in block.iter_mut().enumerate() {
                phase = (phase + pitch / SAMPLE_RATE as f32).fract();
                let fade = 1.0 - (written + place) as f32 / samples as f32;
                *sample = 0.2 * fade * (phase * std::f32::consts::TAU).sin();
            }
            speaker.write(&block)?;
            written += BLOCK;
        }
    }
    // Silence behind it, so that what is still in the device's buffer is heard before it closes.
    for _ in 0..20 {
        if speaker.next_slot(PATIENCE)?.is_some() {
            speaker.write(&[0.0; BLOCK])?;
        }
    }
    Ok(())
}
