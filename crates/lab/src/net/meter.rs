//! What a network carried: the truth about rates, queues and losses, whatever the ends say of them.

use snug_media::Time;
use snug_media::stats::Samples;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes are counted by this, so that a rate can be told for any later window.
pub const SLOT: Duration = Duration::from_millis(100);

/// Bytes over time.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    slots: Vec<u64>,
}

impl Bytes {
    fn add(&mut self, since_begin: Duration, bytes: usize) {
        let slot = (since_begin.as_micros() / SLOT.as_micros()) as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += bytes as u64;
    }

    /// Bytes between two moments after the begin, to a slot.
    pub fn between(&self, from: Duration, to: Duration) -> u64 {
        let slot = |at: Duration| (at.as_micros() / SLOT.as_micros()) as usize;
        let to = slot(to).min(self.slots.len());
        self.slots.get(slot(from).min(to)..to).unwrap_or_default().iter().sum()
    }

    /// Kilobits per second between two moments after the begin.
    pub fn kbps(&self, from: Duration, to: Duration) -> f64 {
        let seconds = to.saturating_sub(from).as_secs_f64();
        if seconds == 0.0 { 0.0 } else { self.between(from, to) as f64 * 8.0 / 1000.0 / seconds }
    }
}

/// RTP packets of one payload type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpCount {
    /// Packets that came to the link.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
    /// Of the packets, dropped by the queue or lost on the way.
    pub lost: u64,
}

/// From one port to another.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// What was sent into the link.
    pub offered: Bytes,
    /// What the link's rate was spent on: also what was lost on the way, not what its queue dropped.
    pub carried: Bytes,
    /// Milliseconds that each packet waited in the queue.
    pub queue_ms: Samples,
    /// By payload type.
    pub rtp: BTreeMap<u8, RtpCount>,
    /// Packets that the queue had no room for.
    pub dropped: u64,
    /// Packets lost on the way.
    pub lost: u64,
}

impl Flow {
    pub(super) fn offer(&mut self, since_begin: Duration, bytes: usize, rtp: Option<u8>) {
        self.offered.add(since_begin, bytes);
        if let Some(payload_type) = rtp {
            let count = self.rtp.entry(payload_type).or_default();
            count.packets += 1;
            count.bytes += bytes as u64;
        }
    }

    pub(super) fn drop_one(&mut self, rtp: Option<u8>) {
        self.dropped += 1;
        self.count_lost(rtp);
    }

    pub(super) fn carry(&mut self, since_begin: Duration, bytes: usize, queued: Duration) {
        self.carried.add(since_begin, bytes);
        self.queue_ms.add(queued.as_secs_f64() * 1000.0);
    }

    pub(super) fn lose_one(&mut self, rtp: Option<u8>) {
        self.lost += 1;
        self.count_lost(rtp);
    }

    fn count_lost(&mut self, rtp: Option<u8>) {
        if let Some(count) = rtp.and_then(|payload_type| self.rtp.get_mut(&payload_type)) {
            count.lost += 1;
        }
    }

    /// The payload type that most bytes belong to: a call's video where there is any, its voice where not.
    pub fn main_rtp(&self) -> Option<RtpCount> {
        self.rtp.values().copied().max_by_key(|count| count.bytes)
    }
}

/// Everything that was measured, by the places of the two ports. Times are since the begin; what came before it is not in it.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    begun: Option<Time>,
    flows: BTreeMap<(usize, usize), Flow>,
}

impl Meter {
    pub(super) fn begin(&mut self, now: Time) {
        *self = Meter { begun: Some(now), flows: BTreeMap::new() };
    }

    pub(super) fn flow(&mut self, now: Time, ports: (usize, usize)) -> Option<(Duration, &mut Flow)> {
        let begun = self.begun?;
        Some((now.since(begun), self.flows.entry(ports).or_default()))
    }

    /// From one port to another; `None` when nothing went there.
    pub fn between(&self, from: usize, to: usize) -> Option<&Flow> {
        self.flows.get(&(from, to))
    }

    /// All flows and their ports.
    pub fn flows(&self) -> impl Iterator<Item = ((usize, usize), &Flow)> {
        self.flows.iter().map(|(ports, flow)| (*ports, flow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_its_window_only() {
        let mut bytes = Bytes::default();
        for slot in 0..20 {
            bytes.add(SLOT * slot, if slot < 10 { 1000 } else { 3000 });
        }
        let second = Duration::from_secs(1);
        assert_eq!((bytes.kbps(Duration::ZERO, second), bytes.kbps(second, second * 2)), (80.0, 240.0));
        assert_eq!(bytes.kbps(second, second * 3), 120.0, "silence counts");
        assert_eq!((bytes.kbps(second, second), bytes.kbps(second * 9, second * 10)), (0.0, 0.0));
    }

    #[test]
    fn the_main_stream_is_the_largest_and_knows_its_losses() {
        let mut flow = Flow::default();
        for number in 0..100_u64 {
            flow.offer(Duration::ZERO, 1200, Some(96));
            flow.offer(Duration::ZERO, 100, Some(111));
            if number % 10 == 0 {
                flow.lose_one(Some(96));
            }
        }
        flow.drop_one(Some(111));
        flow.drop_one(None);
        assert_eq!(flow.main_rtp(), Some(RtpCount { packets: 100, bytes: 120_000, lost: 10 }));
        assert_eq!((flow.lost, flow.dropped), (10, 2));
    }

    #[test]
    fn what_came_before_the_begin_does_not_count() {
        let mut meter = Meter::default();
        assert!(meter.flow(Time::from_millis(5), (0, 1)).is_none());
        meter.begin(Time::from_millis(10));
        let (since, _) = meter.flow(Time::from_millis(30), (0, 1)).expect("it has begun");
        assert_eq!(since, Duration::from_millis(20));
        assert!(meter.between(0, 1).is_some() && meter.between(1, 0).is_none());
    }
}
