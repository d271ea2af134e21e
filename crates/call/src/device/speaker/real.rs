//! A real speaker through cpal.
//!
//! The ring between us and the card is kept as full as the card asks for at once plus a little, so that
//! sound waits there as short as the machine allows: the slack begins small and grows each time that the
//! card found nothing.

use super::{DeviceError, Speaker};
use crate::clock::Clock;
use crate::device::resample::Resample;
use crate::device::sound::{Direction, Keeper, Opened, Ring, Rings};
use crate::device::timeline::Timeline;
use crate::device::{Block, DeviceId, SAMPLE_RATE};
use snug_media::Time;
use std::time::Duration;

/// How often the ring is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// Milliseconds of slack: for a thread that is woken late. On a loaded machine more is learned.
const SLACK_FIRST: u32 = 10;
const SLACK_STEP: u32 = 5;
const SLACK_MOST: u32 = 40;
/// The card's part of the delay where it says nothing.
const USUAL_LATENCY: Duration = Duration::from_millis(20);

pub(super) struct RealSpeaker {
    keeper: Keeper,
    name: String,
    rings: Rings,
    resample: Resample,
    timeline: Timeline,
    clock: Clock,
    /// Samples at the card's rate put into the ring since it began.
    written: u64,
    slack_ms: u32,
    /// Of [`Rings::missing`]; nothing before the ring was filled for the first time.
    missing_seen: Option<u32>,
    scratch: Vec<f32>,
}

impl RealSpeaker {
    pub(super) fn open(id: Option<&DeviceId>, clock: Clock) -> Result<RealSpeaker, DeviceError> {
        let Opened { keeper, rings, name } = Keeper::open(Direction::Out, id, clock)?;
        let (resample, timeline) = fresh(rings.rate)?;
        Ok(RealSpeaker {
            keeper,
            name,
            rings,
            resample,
            timeline,
            clock,
            written: 0,
            slack_ms: SLACK_FIRST,
            missing_seen: None,
            scratch: Vec::new(),
        })
    }

    /// Samples in the ring, and how many there should be.
    fn levels(&mut self) -> (usize, usize) {
        let Ring::Out(ring) = &self.rings.ring else { return (0, 0) };
        let level = ring.buffer().capacity() - ring.slots();
        let slack = self.slack_ms * self.rings.rate / 1000;
        (level, self.rings.largest() + slack as usize)
    }

    /// Grows the slack when the card found too little since it was last looked at.
    fn learn(&mut self, filled: bool) {
        let missing = self.rings.missing();
        match self.missing_seen {
            None if filled => self.missing_seen = Some(missing),
            Some(seen) if missing > seen => {
                self.slack_ms = (self.slack_ms + SLACK_STEP).min(SLACK_MOST);
                self.missing_seen = Some(missing);
                tracing::debug!(samples = missing - seen, slack_ms = self.slack_ms, "the speaker ran dry");
            }
            _ => {}
        }
    }
}

fn fresh(rate: u32) -> Result<(Resample, Timeline), DeviceError> {
    let resample = Resample::new(SAMPLE_RATE, rate);
    let resample = resample.ok_or_else(|| DeviceError::Unsupported(format!("{rate} samples per second")))?;
    Ok((resample, Timeline::new(rate)))
}

impl Speaker for RealSpeaker {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_slot(&mut self, timeout: Duration) -> Result<Option<Time>, DeviceError> {
        let deadline = self.clock.now() + timeout;
        loop {
            if let Some((rings, name)) = self.keeper.news()? {
                (self.resample, self.timeline) = fresh(rings.rate)?;
                (self.rings, self.name, self.written, self.missing_seen) = (rings, name, 0, None);
            }
            while let Ok(stamp) = self.rings.stamps.pop() {
                self.timeline.observe(stamp.position, stamp.at);
            }
            let (level, wanted) = self.levels();
            self.learn(level >= wanted);
            let now = self.clock.now();
            if level < wanted {
                let rate = u64::from(self.rings.rate);
                let waiting = Duration::from_micros(level as u64 * 1_000_000 / rate);
                let inside = self.resample.delay() as u64 + self.resample.ready() as u64;
                let heard = self.timeline.at(self.written + inside);
                // What is in the ring is played before it, whatever the card says.
                return Ok(Some(heard.unwrap_or(now + waiting + USUAL_LATENCY).max(now + waiting)));
            }
            let left = deadline.since(now);
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(LOOK.min(left));
        }
    }

    fn write(&mut self, block: &Block) -> Result<(), DeviceError> {
        self.resample.push(block);
        self.scratch.resize(self.resample.ready(), 0.0);
        self.resample.pull(&mut self.scratch);
        let Ring::Out(ring) = &mut self.rings.ring else { return Ok(()) };
        for &sample in &self.scratch {
            // It is only written to while it is nearly empty, so it cannot be full.
            if ring.push(sample).is_ok() {
                self.written += 1;
            }
        }
        Ok(())
    }
}
