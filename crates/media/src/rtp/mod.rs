//! VP8 in RTP: the payload descriptor, cutting frames into packets, and one gapless stream per peer.
//!
//! RTP headers, SRTP and the wire are the peer connection's; what passes here is a [`Packet`]: the three
//! header fields that media logic decides on, and the payload. RTX (RFC 4588) is taken off and put on
//! outside, too.

mod descriptor;
mod history;
mod packetize;
mod rewrite;

pub use descriptor::{DescriptorError, PictureId, TemporalLayer, Vp8Descriptor};
pub use history::PacketHistory;
pub use packetize::{DESCRIPTOR_BYTES, Fragment, packetize};
pub use rewrite::StreamRewriter;

use crate::units::{RtpTime, Seq};
use bytes::Bytes;

/// What media logic sees of an RTP packet (RFC 3550 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sequence number.
    pub seq: Seq,
    /// Time stamp, in the stream's clock rate.
    pub rtp_time: RtpTime,
    /// Marker bit: the last packet of a video frame.
    pub marker: bool,
    /// The payload, descriptor and all. Empty in pure padding.
    pub payload: Bytes,
}
