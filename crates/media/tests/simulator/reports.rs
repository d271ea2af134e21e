//! The receiver's transport-wide reports: everything since the last one, at an interval, by a clock of
//! its own.

use snug_media::bwe::TransportFeedback;
use snug_media::units::Unwrapper;
use snug_media::{Seq, Time};
use std::collections::BTreeMap;
use std::time::Duration;

pub struct Reports {
    every: Duration,
    due: Option<Time>,
    numbers: Unwrapper,
    arrivals: BTreeMap<u64, Time>,
    next: Option<u64>,
    /// The receiver's clock runs ahead of ours by this.
    clock: Duration,
}

/// A tick of the receive deltas.
const TICK: i64 = 250;

impl Reports {
    pub fn new(every: Duration, seed: u64) -> Reports {
        let clock = Duration::from_secs(1_073_740 + seed % 1000);
        Reports { every, due: None, numbers: Unwrapper::new(), arrivals: BTreeMap::new(), next: None, clock }
    }

    pub fn arrived(&mut self, at: Time, seq: Seq) {
        let number = self.numbers.seq(seq);
        if self.arrivals.insert(number, at).is_none() {
            // One that comes late is reported in the next report, which then begins with it.
            self.next = Some(self.next.map_or(number, |next| next.min(number)));
        }
        self.due = self.due.or(Some(at + self.every));
        while self.arrivals.len() > 2000 {
            self.arrivals.pop_first();
        }
    }

    pub fn due(&mut self, now: Time) -> Option<TransportFeedback> {
        if self.due? > now {
            return None;
        }
        self.due = Some(now + self.every);
        let first = self.next?;
        let (last, _) = self.arrivals.last_key_value()?;
        let (last, first_at) = (*last, *self.arrivals.range(first..).next()?.1);
        if first > last {
            return None;
        }
        let reference = (first_at + self.clock).as_micros() / 64_000;
        let base = (reference * 64_000) as i64;
        let packets = (first..=last)
            .map(|number| {
                let at = *self.arrivals.get(&number)? + self.clock;
                Some((at.as_micros() as i64 - base).div_euclid(TICK) * TICK)
            })
            .collect();
        self.next = Some(last + 1);
        let reference_time = (reference & 0xff_ffff) as u32;
        Some(TransportFeedback { base_seq: Seq(first as u16), reference_time, packets })
    }
}
