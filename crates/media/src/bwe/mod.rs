//! How fast the network takes what we send: sender-side bandwidth estimation.
//!
//! After Google congestion control as libwebrtc practises it (goog_cc; draft-ietf-rmcat-gcc-02 is its
//! ancestor): the receiver reports when each packet came ([`feedback`]), rising delay means a filling
//! queue, loss is told apart into the network's own and ours, and short bursts above the present rate
//! ([`ProbeCluster`]) find out whether there is more. The outcome is one number for the encoders and one
//! for the pacer ([`Estimate`]).
//!
//! It sends nothing and paces nothing: whoever owns the connection tells [`SendHistory`] and
//! [`BandwidthEstimator`] what was sent and reported, asks [`BandwidthEstimator::poll`] for probes and
//! gives them to its pacer. One estimator per peer, because each peer has a path of its own.

mod acknowledged;
mod aimd;
mod alr;
mod arrival;
mod contest;
mod delay;
pub mod estimator;
pub mod feedback;
mod loss;
mod probe;
mod probe_result;
mod queue;
mod trendline;
mod window;

pub use estimator::{BandwidthEstimator, Estimate, LimitedBy, Limits, ProbeCluster};
pub use feedback::{Kind, PacketResult, ProbeId, SendHistory, SentPacket, TransportFeedback};

use crate::units::Bitrate;

/// A share or a multiple of a rate.
fn times(rate: Bitrate, factor: f64) -> Bitrate {
    Bitrate::bps((rate.as_bps() as f64 * factor) as u64)
}

/// The rate within limits; the lower one wins where they contradict.
fn clamped(rate: Bitrate, min: Bitrate, max: Bitrate) -> Bitrate {
    rate.min(max).max(min)
}
