//! What a probe says: how fast its packets left and how fast they came.
//!
//! The lesser of the two is the result, with the conditions of libwebrtc's `ProbeBitrateEstimator`:
//! enough of the burst must have arrived, within a second, and not implausibly faster than it left.

use super::feedback::{PacketResult, ProbeId};
use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::BTreeMap;
use std::time::Duration;

/// Measures probes from reports.
#[derive(Clone, Debug, Default)]
pub(super) struct ProbeResults {
    awaited: BTreeMap<ProbeId, Cluster>,
}

#[derive(Clone, Debug)]
struct Cluster {
    issued: Time,
    min_packets: usize,
    min_bytes: usize,
    packets: usize,
    bytes: usize,
    lost: Vec<(Time, usize)>,
    first_sent: Time,
    last_sent: Time,
    last_sent_bytes: usize,
    first_received: Time,
    last_received: Time,
    first_received_bytes: usize,
}

/// This share of the probe must have arrived.
const ARRIVED: f64 = 0.8;
/// A probe is over within this time, or it was interrupted.
const LONGEST: Duration = Duration::from_secs(1);
/// Arriving faster than this many times the sending is a network that collects packets, not a fast one.
const FASTER: f64 = 2.0;
/// Arriving slower than this share of the sending, the probe has filled the link,
const SATURATED: f64 = 0.9;
/// and this much of what came is taken, to leave room.
const UTILISATION: f64 = 0.95;
/// Reports of a probe come within this time or never.
const FORGET: Duration = Duration::from_secs(5);

impl ProbeResults {
    /// A probe was given to the pacer.
    pub(super) fn issued(&mut self, now: Time, id: ProbeId, min_packets: usize, min_bytes: usize) {
        self.awaited.retain(|_, cluster| now.since(cluster.issued) < FORGET);
        let far = Time::from_micros(u64::MAX);
        let cluster = Cluster {
            issued: now,
            min_packets,
            min_bytes,
            packets: 0,
            bytes: 0,
            lost: Vec::new(),
            first_sent: far,
            last_sent: Time::ZERO,
            last_sent_bytes: 0,
            first_received: far,
            last_received: Time::ZERO,
            first_received_bytes: 0,
        };
        self.awaited.insert(id, cluster);
    }

    /// A report on one packet; what its probe has measured so far, if it has.
    pub(super) fn packet(&mut self, result: &PacketResult) -> Option<Bitrate> {
        let cluster = self.awaited.get_mut(&result.sent.probe?)?;
        let (sent, bytes) = (result.sent.at, result.sent.bytes);
        let Some(received) = result.received else {
            cluster.lost.push((sent, bytes));
            return None;
        };
        if result.recovered {
            cluster.lost.retain(|lost| *lost != (sent, bytes));
        }
        cluster.packets += 1;
        cluster.bytes += bytes;
        cluster.first_sent = cluster.first_sent.min(sent);
        if sent >= cluster.last_sent {
            (cluster.last_sent, cluster.last_sent_bytes) = (sent, bytes);
        }
        if received < cluster.first_received {
            (cluster.first_received, cluster.first_received_bytes) = (received, bytes);
        }
        cluster.last_received = cluster.last_received.max(received);
        cluster.measured()
    }
}

impl Cluster {
    fn measured(&self) -> Option<Bitrate> {
        let enough = self.packets as f64 >= self.min_packets as f64 * ARRIVED
            && self.bytes as f64 >= self.min_bytes as f64 * ARRIVED;
        let sending = self.last_sent.since(self.first_sent);
        let receiving = self.last_received.since(self.first_received);
        let plausible = |span: Duration| !span.is_zero() && span <= LONGEST;
        if !enough || !plausible(sending) || !plausible(receiving) {
            return None;
        }
        // The last packet's bytes lie after the span of sending, the first one's before that of receiving.
        let sent = Bitrate::of((self.bytes - self.last_sent_bytes) as u64, sending);
        let received = Bitrate::of((self.bytes - self.first_received_bytes) as u64, receiving);
        if received > times(sent, FASTER) {
            return None;
        }
        if received < times(sent, SATURATED) {
            return Some(times(received, UTILISATION));
        }
        // What arrived came as fast as it was sent, so what did not was lost by chance and would have passed.
        let between = |at: Time| at > self.first_sent && at < self.last_sent;
        let lost: usize = self.lost.iter().filter(|(at, _)| between(*at)).map(|(_, bytes)| bytes).sum();
        let spanned = (self.bytes - self.last_sent_bytes) as f64;
        let with_lost = (spanned + lost as f64) / spanned.max(1.0);
        Some(times(received.min(sent), with_lost))
    }
}

#[cfg(test)]
mod tests {
    use super::super::feedback::{Kind, SentPacket};
    use super::*;

    /// Ten packets of 1000 bytes sent every 4 ms (2000 kbit/s), arriving every `spacing` µs.
    fn probe(spacing: u64, lost: usize) -> Option<Bitrate> {
        let mut results = ProbeResults::default();
        results.issued(Time::ZERO, ProbeId(7), 10, 10_000);
        let mut measured = None;
        for n in 0..10_u64 {
            let at = Time::from_micros(1_000_000 + n * 4000);
            let sent = SentPacket { at, bytes: 1000, media: Kind::Padding, probe: Some(ProbeId(7)) };
            let received = (n == 0 || n as usize > lost).then(|| Time::from_micros(5_000_000 + n * spacing));
            let found = results.packet(&PacketResult { sent, received, recovered: false });
            measured = found.or(measured);
        }
        measured
    }

    #[test]
    fn a_probe_that_fits_gives_its_own_rate_and_one_that_does_not_gives_the_links() {
        assert_eq!(probe(4000, 0), Some(Bitrate::kbps(2000)));
        assert_eq!(probe(8000, 0), Some(Bitrate::kbps(950)), "1000 kbit/s, less the room");
    }

    #[test]
    fn a_probe_that_says_nothing_gives_nothing() {
        assert_eq!(probe(0, 0), None, "all at one moment");
        assert_eq!(probe(1000, 0), None, "four times as fast as it was sent");
        assert_eq!(probe(4000, 3), None, "too many lost");
        let some = probe(4000, 2).unwrap_or_default();
        assert!((1990..=2010).contains(&(some.as_bps() / 1000)), "some may be, and change nothing: {some:?}");
        assert_eq!(probe(200_000, 0), None, "interrupted");
    }
}
