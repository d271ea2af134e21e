//! A real microphone through cpal.
//!
//! The card's callback fills a ring; this end polls it. Waking the reader from the callback would need a
//! lock or a system call there; looking each 2 ms costs next to nothing and at most 2 ms.

use super::backlog::Backlog;
use super::{DeviceError, Microphone, SoundBlock};
use crate::clock::Clock;
use crate::device::resample::Resample;
use crate::device::sound::{Direction, Keeper, Opened, Ring, Rings};
use crate::device::timeline::Timeline;
use crate::device::{BLOCK, DeviceId, SAMPLE_RATE};
use std::time::Duration;

/// How often the ring is looked at.
const LOOK: Duration = Duration::from_millis(2);

pub(super) struct RealMicrophone {
    keeper: Keeper,
    name: String,
    rings: Rings,
    resample: Resample,
    timeline: Timeline,
    backlog: Backlog,
    clock: Clock,
    /// Samples at 48 kHz given out or left out since these rings began.
    given: u64,
    scratch: Vec<f32>,
}

impl RealMicrophone {
    pub(super) fn open(id: Option<&DeviceId>, clock: Clock) -> Result<RealMicrophone, DeviceError> {
        let Opened { keeper, rings, name } = Keeper::open(Direction::In, id, clock)?;
        let (resample, timeline) = fresh(rings.rate)?;
        let backlog = Backlog::default();
        let scratch = Vec::new();
        Ok(RealMicrophone { keeper, name, rings, resample, timeline, backlog, clock, given: 0, scratch })
    }

    /// Moves what the card left to the resampler.
    fn fetch(&mut self) -> Result<(), DeviceError> {
        if let Some((rings, name)) = self.keeper.news()? {
            (self.resample, self.timeline) = fresh(rings.rate)?;
            (self.rings, self.name, self.given) = (rings, name, 0);
            self.backlog = Backlog::default();
        }
        while let Ok(stamp) = self.rings.stamps.pop() {
            self.timeline.observe(stamp.position, stamp.at);
        }
        let Ring::In(ring) = &mut self.rings.ring else { return Ok(()) };
        self.scratch.clear();
        while let Ok(sample) = ring.pop() {
            self.scratch.push(sample);
        }
        self.resample.push(&self.scratch);
        let late = self.backlog.waiting(self.clock.now(), self.resample.ready());
        if late > 0 {
            self.resample.pull(&mut vec![0.0; late]);
            self.given += late as u64;
            tracing::debug!(samples = late, "sound waited for nothing");
        }
        Ok(())
    }
}

fn fresh(rate: u32) -> Result<(Resample, Timeline), DeviceError> {
    let resample = Resample::new(rate, SAMPLE_RATE);
    let resample = resample.ok_or_else(|| DeviceError::Unsupported(format!("{rate} samples per second")))?;
    Ok((resample, Timeline::new(rate)))
}

impl Microphone for RealMicrophone {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_block(&mut self, timeout: Duration) -> Result<Option<SoundBlock>, DeviceError> {
        let deadline = self.clock.now() + timeout;
        loop {
            self.fetch()?;
            let mut samples = [0.0; BLOCK];
            if self.resample.pull(&mut samples) {
                let first = self.given.saturating_sub(self.resample.delay() as u64);
                let position = first * u64::from(self.rings.rate) / u64::from(SAMPLE_RATE);
                let now = self.clock.now();
                // A block cannot have been spoken in the future, whatever the card says.
                let whole = now - Duration::from_millis(10);
                let captured_at = self.timeline.at(position).unwrap_or(whole).min(whole);
                self.given += BLOCK as u64;
                return Ok(Some(SoundBlock { samples, captured_at }));
            }
            let left = deadline.since(self.clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(LOOK.min(left));
        }
    }
}
