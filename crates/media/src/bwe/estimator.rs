//! The estimator itself: one owner of all the parts, one input for each event, one [`Estimate`] out.

use super::feedback::{PacketResult, ProbeId, SentPacket};
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// Between what the estimate stays, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Never below this, whatever the network says: what keeps voice and feedback alive.
    pub min: Bitrate,
    /// Before anything is known. Probes begin at three times this.
    pub start: Bitrate,
    /// Never above this.
    pub max: Bitrate,
}

/// A burst for the pacer to send at a rate above the present one, to see whether it arrives as fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Goes into [`SentPacket::probe`] of each of its packets.
    pub id: ProbeId,
    /// The rate at which to send them: media first, then retransmissions or padding.
    pub target: Bitrate,
    /// At least so many bytes,
    pub min_bytes: usize,
    /// and at least so many packets.
    pub min_packets: usize,
}

/// What holds the target where it is. For statistics and tests: nobody need act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitedBy {
    /// Nothing has been reported yet, or the limits of the caller hold.
    Configuration,
    /// The delay-based half: a queue fills, or has not been seen to fill yet.
    Delay,
    /// The loss-based half.
    Loss,
    /// More is in flight than the path can hold: the window pushes back.
    InFlight,
    /// No reports come.
    Silence,
}

/// How fast to send, at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// For encoders and everything else, together, headers included. It falls at once when it must.
    pub target: Bitrate,
    /// The rate at which the pacer empties its queue: above the target, so that a keyframe does not stand.
    pub pacing: Bitrate,
    /// Up to this rate the pacer fills gaps with padding; zero most of the time.
    pub padding: Bitrate,
    /// The target without short-lived cuts (the window's push-back): to choose resolutions by.
    pub stable: Bitrate,
    /// Lost share of the packets lately reported, 0 to 1.
    pub loss: f64,
    /// What limits the target.
    pub limited_by: LimitedBy,
    /// What arrives at the receiver, once it is known.
    pub acknowledged: Option<Bitrate>,
}

/// Estimates the bandwidth of the path to one peer from transport-wide feedback.
#[derive(Clone, Debug)]
pub struct BandwidthEstimator {
    limits: Limits,
}

impl BandwidthEstimator {
    /// One for a path of which nothing is known. Limits that contradict each other are put in order:
    /// `min` wins.
    pub fn new(now: Time, limits: Limits) -> BandwidthEstimator {
        let _ = now;
        BandwidthEstimator { limits }
    }

    /// A packet has left. Call for each, in order.
    pub fn sent(&mut self, packet: &SentPacket) {
        let _ = packet;
    }

    /// What a feedback message said, as [`SendHistory::feedback`](super::SendHistory::feedback) gives it.
    /// The estimate is up to date when this returns.
    pub fn feedback(&mut self, now: Time, results: &[PacketResult]) {
        let _ = (now, results);
    }

    /// A round-trip time measured by sender and receiver reports (RFC 3550 §6.4.1).
    pub fn round_trip(&mut self, now: Time, rtt: Duration) {
        let _ = (now, rtt);
    }

    /// Other limits. A higher `max` is probed for; `start` has no effect once something was reported.
    pub fn set_limits(&mut self, now: Time, limits: Limits) {
        let _ = now;
        self.limits = limits;
    }

    /// The most that all sources together could use. Probes go no higher than twice this, and there are
    /// none when the estimate has room for it already.
    pub fn set_wanted(&mut self, now: Time, wanted: Bitrate) {
        let _ = (now, wanted);
    }

    /// The packets take another path from now on (another ICE pair): what was learned of the old one is
    /// forgotten, and the new one is probed.
    pub fn route_changed(&mut self, now: Time) {
        let _ = now;
    }

    /// What is due by the clock: probes to send, and the decay of a silent path. Call it every 25 ms, or at
    /// [`poll_at`](BandwidthEstimator::poll_at).
    pub fn poll(&mut self, now: Time) -> Vec<ProbeCluster> {
        let _ = now;
        Vec::new()
    }

    /// When [`poll`](BandwidthEstimator::poll) has something to do next.
    pub fn poll_at(&self) -> Time {
        Time::ZERO
    }

    /// Bytes that were sent and of which no report has spoken.
    pub fn in_flight(&self) -> usize {
        0
    }

    /// How fast to send now.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            target: self.limits.start,
            pacing: self.limits.start,
            padding: Bitrate::ZERO,
            stable: self.limits.start,
            loss: 0.0,
            limited_by: LimitedBy::Configuration,
            acknowledged: None,
        }
    }
}
