//! The numbers of a call, as the layers above get them.
//!
//! Names are those of W3C webrtc-stats, so that they compare with a browser's; all are totals since the pair began, durations are
//! in seconds. What only a decoder can say (frames decoded, freezes) is not here: whoever decodes counts it.

use crate::session::PairState;
use serde::Serialize;
use snug_protocol::{DeviceId, UserId};

/// The numbers of a call.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// One for each other device.
    pub pairs: Vec<PairStats>,
}

/// One connection's numbers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PairStats {
    /// The other device.
    pub device: DeviceId,
    /// Whose.
    pub user: UserId,
    /// How it stands.
    pub state: PairState,
    /// From the beginning of the pair to the first time that it was connected, in seconds.
    pub connect_time: Option<f64>,
    /// Seconds; from RTCP.
    pub round_trip_time: Option<f64>,
    /// `availableOutgoingBitrate`: what the network is thought to take, headers included, in bits per second.
    pub available_outgoing_bitrate: f64,
    /// Video that is received.
    pub inbound_video: InboundVideo,
    /// Audio that is received.
    pub inbound_audio: InboundAudio,
    /// Video that is sent.
    pub outbound_video: OutboundRtp,
    /// Audio that is sent.
    pub outbound_audio: OutboundRtp,
}

/// Video from a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundVideo {
    /// Packets, without retransmissions and repeats.
    pub packets_received: u64,
    /// Expected and not come, recovered ones excluded.
    pub packets_lost: i64,
    /// Payload bytes.
    pub bytes_received: u64,
    /// Recovered by retransmission.
    pub retransmitted_packets_received: u64,
    /// Packets that came twice.
    pub packets_duplicated: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), in seconds.
    pub jitter: f64,
    /// Complete frames.
    pub frames_received: u64,
    /// Complete keyframes.
    pub key_frames_received: u64,
    /// Frames given up because a part never came.
    pub frames_dropped: u64,
    /// Retransmission requests sent.
    pub nack_count: u64,
    /// Keyframe requests sent.
    pub pli_count: u64,
}

/// Audio from a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundAudio {
    /// Packets, without repeats.
    pub packets_received: u64,
    /// Expected and not come.
    pub packets_lost: i64,
    /// Payload bytes.
    pub bytes_received: u64,
    /// Interarrival jitter, in seconds.
    pub jitter: f64,
    /// Samples that were played.
    pub total_samples_received: u64,
    /// Of these, made up for lost ones.
    pub concealed_samples: u64,
    /// Of these, made up as silence or comfort noise.
    pub silent_concealed_samples: u64,
    /// Times that concealment began.
    pub concealment_events: u64,
    /// Sum of the time that each sample waited, in seconds.
    pub jitter_buffer_delay: f64,
    /// Samples that the sum is over.
    pub jitter_buffer_emitted_count: u64,
}

/// What is sent to a peer, of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundRtp {
    /// Packets, retransmissions included.
    pub packets_sent: u64,
    /// Payload bytes, retransmissions included.
    pub bytes_sent: u64,
    /// Retransmissions that were asked for.
    pub retransmitted_packets_sent: u64,
    /// Packets that were repeated only to measure the way; video only.
    pub padding_packets_sent: u64,
    /// Frames; video only.
    pub frames_sent: u64,
    /// Keyframes; video only.
    pub key_frames_encoded: u64,
    /// Retransmission requests that came.
    pub nack_count: u64,
    /// Keyframe requests (PLI, FIR) that came.
    pub pli_count: u64,
    /// What the peer misses in total, by its last report.
    pub remote_packets_lost: i64,
    /// 0 to 1, by its last report.
    pub remote_fraction_lost: f64,
    /// In bits per second; what the encoder is told. Zero while it is told to pause.
    pub target_bitrate: f64,
}
