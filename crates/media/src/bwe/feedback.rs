//! What was sent, matched with what the receiver says of it.
//!
//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01) numbers every
//! RTP packet of a connection, whatever its stream, and the receiver reports for each number whether and
//! when it came. This keeps the sent packets until they are reported and undoes the wrapping of both the
//! 16-bit numbers and the 24-bit reference time. It parses no RTCP: the caller unpacks chunks and deltas.

use crate::time::Time;
use crate::units::{Seq, Unwrapper};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a packet was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Voice.
    Audio,
    /// Video, sent for the first time.
    Video,
    /// Something sent again because it was asked for (RFC 4588).
    Retransmission,
    /// Filling, sent only to measure.
    Padding,
}

/// Names one probe: all packets of its burst carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u32);

/// A packet as it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPacket {
    /// When it was given to the socket, by the sender's clock.
    pub at: Time,
    /// Its size with RTP header, and with the UDP and IP headers if the caller counts them: the estimate
    /// is a rate of these bytes.
    pub bytes: usize,
    /// What it was sent for.
    pub media: Kind,
    /// The probe that it belongs to.
    pub probe: Option<ProbeId>,
}

/// A transport-wide feedback message, unpacked (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportFeedback {
    /// Transport-wide number of the first packet reported.
    pub base_seq: Seq,
    /// The 24-bit reference time of the receiver's clock, in units of 64 ms; higher bits are ignored.
    pub reference_time: u32,
    /// For `base_seq` and each number after it: microseconds from the reference time to its arrival (the
    /// running sum of the receive deltas, a tick of which is 250 µs), or `None` when it has not arrived.
    pub packets: Vec<Option<i64>>,
}

/// A sent packet and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketResult {
    /// The packet as it left.
    pub sent: SentPacket,
    /// When it arrived, by the receiver's clock, whose epoch means nothing here; `None`: not so far.
    pub received: Option<Time>,
    /// An earlier report said that it was lost, so that it was merely late.
    pub recovered: bool,
}

/// Packets that were sent and may still be reported.
///
/// Each packet comes out at most twice: as lost, and once as received. A report that repeats what an
/// earlier one said, or speaks of packets never sent, gives nothing.
#[derive(Clone, Debug)]
pub struct SendHistory {
    packets: BTreeMap<u64, Entry>,
    sequence: Unwrapper,
    /// The latest reference time, extended, in units of 64 ms.
    reference: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    packet: SentPacket,
    reported_lost: bool,
}

impl SendHistory {
    /// As long as libwebrtc keeps them: no report is that late, and memory stays bounded.
    const KEEP: Duration = Duration::from_secs(60);
    /// Half of the number space: further apart two numbers could not be told from one another.
    const MOST_PACKETS: u64 = 1 << 15;
    /// The reference time counts these (draft-holmer §3.1).
    const REFERENCE_TICK_MICROS: i64 = 64_000;
    /// Where extended reference times begin: one turn up, so that the first may be followed by an earlier one.
    const REFERENCE_TURN: i64 = 1 << 24;

    /// One that has seen nothing.
    pub fn new() -> SendHistory {
        SendHistory { packets: BTreeMap::new(), sequence: Unwrapper::new(), reference: None }
    }

    /// Notes that `packet` left under the transport-wide number `seq`. Numbers are given in turn.
    pub fn sent(&mut self, seq: Seq, packet: SentPacket) {
        let number = self.sequence.seq(seq);
        self.packets.insert(number, Entry { packet, reported_lost: false });
        while let Some(oldest) = self.packets.first_entry() {
            let stale = packet.at.since(oldest.get().packet.at) > Self::KEEP
                || number.saturating_sub(*oldest.key()) >= Self::MOST_PACKETS;
            if !stale {
                break;
            }
            oldest.remove();
        }
    }

    /// What the message says that was not known, in the order of sending.
    pub fn feedback(&mut self, feedback: &TransportFeedback) -> Vec<PacketResult> {
        let reference = self.extend_reference(feedback.reference_time);
        let mut results = Vec::new();
        // A copy extends the number without letting a message move the sender's own counter.
        let Some(base) = self.packets.last_key_value().map(|(newest, _)| {
            let ahead = feedback.base_seq.since(Seq(*newest as u16));
            newest.saturating_add_signed(i64::from(ahead))
        }) else {
            return results;
        };
        for (number, arrival) in (base..).zip(&feedback.packets) {
            let Some(entry) = self.packets.get_mut(&number) else { continue };
            let (packet, recovered) = (entry.packet, entry.reported_lost);
            match arrival {
                Some(offset) => {
                    self.packets.remove(&number);
                    let received = Time::ZERO.shifted(reference.saturating_add(*offset));
                    results.push(PacketResult { sent: packet, received: Some(received), recovered });
                }
                None if !recovered => {
                    entry.reported_lost = true;
                    results.push(PacketResult { sent: packet, received: None, recovered: false });
                }
                None => {}
            }
        }
        results
    }

    /// The 24-bit time extended by the nearer way round, in microseconds.
    fn extend_reference(&mut self, ticks: u32) -> i64 {
        let ticks = i64::from(ticks) & (Self::REFERENCE_TURN - 1);
        let extended = match self.reference {
            None => Self::REFERENCE_TURN + ticks,
            Some(last) => {
                let ahead = (ticks - last).rem_euclid(Self::REFERENCE_TURN);
                let signed =
                    if ahead < Self::REFERENCE_TURN / 2 { ahead } else { ahead - Self::REFERENCE_TURN };
                (last + signed).max(0)
            }
        };
        self.reference = Some(extended);
        extended * Self::REFERENCE_TICK_MICROS
    }
}

impl Default for SendHistory {
    fn default() -> SendHistory {
        SendHistory::new()
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
