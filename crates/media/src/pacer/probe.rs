//! Sending a probe at its own rate: when its next packet is due, and when it is over.

use crate::bwe::{ProbeCluster, ProbeId};
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

/// Packets of a probe leave in bursts of this much time: the system's timers are no finer, and the
/// estimator measures over the whole cluster.
const BURST: Duration = Duration::from_millis(2);
/// Later than this and the rest goes on at the target from now: catching up would be a burst at no rate.
const MAX_LATE: Duration = Duration::from_millis(10);
/// What an estimator wanted to know so long ago it does not want to know any more.
const STALE: Duration = Duration::from_secs(1);
/// An estimator that asks for more than this at once asks again.
const MAX_CLUSTERS: usize = 8;

/// The probes that are wanted; the first one is being sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    clusters: VecDeque<Cluster>,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    wanted: ProbeCluster,
    /// When its first packet left, moved on by what it was late.
    started: Option<Time>,
    /// Not before this: when it was asked for, or when the one before it is over.
    next: Time,
    bytes: usize,
    packets: usize,
}

impl Cluster {
    /// When it is on its target's line.
    fn on_line(&self, started: Time) -> Time {
        let bits = self.bytes as u64 * 8;
        started + Duration::from_micros(bits.saturating_mul(1_000_000) / self.wanted.target.as_bps().max(1))
    }
}

impl Probes {
    pub(super) fn add(&mut self, now: Time, wanted: ProbeCluster) {
        let sendable = wanted.target > Bitrate::ZERO && (wanted.min_bytes > 0 || wanted.min_packets > 0);
        if sendable && self.clusters.len() < MAX_CLUSTERS {
            self.clusters.push_back(Cluster { wanted, started: None, next: now, bytes: 0, packets: 0 });
        }
    }

    /// Forgets what nobody waits for any more. A probe that began is brought to its end.
    pub(super) fn forget_stale(&mut self, now: Time) {
        self.clusters.retain(|cluster| cluster.started.is_some() || now.since(cluster.next) <= STALE);
    }

    /// The probe that is being sent.
    pub(super) fn active(&self) -> Option<ProbeId> {
        self.clusters.front().map(|cluster| cluster.wanted.id)
    }

    /// When its next packet is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.clusters.front().map(|cluster| cluster.next)
    }

    /// How large its next packet should be, so that it has enough packets when it has enough bytes.
    pub(super) fn packet_size(&self) -> usize {
        self.clusters.front().map_or(0, |cluster| {
            let packets = cluster.wanted.min_packets.saturating_sub(cluster.packets).max(1);
            cluster.wanted.min_bytes.saturating_sub(cluster.bytes).div_ceil(packets)
        })
    }

    /// A packet has left while it is being sent.
    pub(super) fn sent(&mut self, now: Time, bytes: usize) {
        let Some(cluster) = self.clusters.front_mut() else { return };
        let mut started = cluster.started.unwrap_or(now);
        let line = cluster.on_line(started);
        if now > line + MAX_LATE {
            started += now.since(line);
        }
        cluster.started = Some(started);
        cluster.bytes += bytes;
        cluster.packets += 1;
        let line = cluster.on_line(started);
        cluster.next = if line > now + BURST { line } else { cluster.next };
        if cluster.bytes >= cluster.wanted.min_bytes && cluster.packets >= cluster.wanted.min_packets {
            // The next one begins where this one ends, so that the two do not add up.
            if let Some(Cluster { next, .. }) = self.clusters.pop_front().and(self.clusters.front_mut()) {
                *next = (*next).max(line);
            }
        }
    }
}
