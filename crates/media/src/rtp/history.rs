//! The packets that were sent in the last second, for those who ask again (RFC 4585 §6.2.1).
//!
//! It answers each sequence number once per round trip: a NACK that was sent before our answer could
//! have arrived asks for what is already on its way, and answering it again only fills the bottleneck.
//!
//! What is asked for a second time was lost twice, and a picture has waited for it for two round trips. So from then on
//! each answer is given once more, for a repeat of the ask: on a path that loses one packet in ten that is one packet more for
//! ten that are lost, and a tenth of the pictures that would wait a third time. Not where its neighbours were lost
//! twice, too: what loses packets in runs takes the second answer along with the first.

use super::Packet;
use crate::time::Time;
use crate::units::Seq;
use std::collections::VecDeque;
use std::time::Duration;

/// Who asks for something older has waited longer than a keyframe takes.
const MAX_AGE: Duration = Duration::from_secs(1);
/// A second of 5 Mbit/s in packets of 1200 bytes; bounds memory at about 600 kB per peer.
const MAX_PACKETS: usize = 512;

/// The answer from which on each is given twice.
const TWICE_FROM: u8 = 2;
/// The same answer comes no sooner than this part of a round trip later: what loses one packet often loses the next.
const APART: u32 = 8;

/// The packets among which padding is chosen: a tenth of a second of a rate at which one probes.
const REPEATED: usize = 16;

#[derive(Clone, Debug)]
struct Sent {
    packet: Packet,
    first_at: Time,
    /// When it was last answered with.
    last_at: Time,
    answers: u8,
    /// Whether the last answer was given twice.
    twice: bool,
}

/// The recently sent packets of one stream, by consecutive sequence number.
#[derive(Clone, Debug, Default)]
pub struct PacketHistory {
    packets: VecDeque<Sent>,
    /// How many of the newest were repeated since the last one came.
    repeated: usize,
}

impl PacketHistory {
    /// An empty one.
    pub fn new() -> PacketHistory {
        PacketHistory::default()
    }

    /// Keeps a packet that is being sent. One that does not follow the last begins the history anew.
    pub fn insert(&mut self, now: Time, packet: Packet) {
        if self.packets.back().is_some_and(|last| last.packet.seq.next() != packet.seq) {
            self.packets.clear();
        }
        while self.packets.len() >= MAX_PACKETS
            || self.packets.front().is_some_and(|oldest| now.since(oldest.first_at) > MAX_AGE)
        {
            self.packets.pop_front();
        }
        self.repeated = 0;
        self.packets.push_back(Sent { packet, first_at: now, last_at: now, answers: 0, twice: false });
    }

    /// The packet to send again for a NACK, or `None` when it is too old, was never sent, or was already
    /// sent again within the last round trip, as often as is of use.
    pub fn retransmit(&mut self, now: Time, seq: Seq, rtt: Duration) -> Option<Packet> {
        let first = self.packets.front()?.packet.seq;
        let at = usize::try_from(seq.since(first)).ok()?;
        let in_run = self.was_lost_twice(at.wrapping_sub(1)) || self.was_lost_twice(at + 1);
        let sent = self.packets.get_mut(at)?;
        if now.since(sent.first_at) > MAX_AGE {
            return None;
        }
        let since = now.since(sent.last_at);
        if sent.answers == 0 || since >= rtt {
            sent.last_at = now;
            sent.answers = sent.answers.saturating_add(1);
            sent.twice = false;
        } else if sent.answers >= TWICE_FROM && !in_run && !sent.twice && since >= rtt / APART {
            sent.twice = true;
        } else {
            return None;
        }
        Some(sent.packet.clone())
    }

    fn was_lost_twice(&self, at: usize) -> bool {
        self.packets.get(at).is_some_and(|sent| sent.answers >= TWICE_FROM)
    }

    /// Forgets this packet and all after it, as never sent. Whether there was such a one.
    pub fn forget_from(&mut self, seq: Seq) -> bool {
        let Some(first) = self.packets.front().map(|first| first.packet.seq) else { return false };
        let Ok(keep) = usize::try_from(seq.since(first)) else { return false };
        let known = keep < self.packets.len();
        self.packets.truncate(keep);
        known
    }

    /// A packet to send again though nobody asked, where bytes are wanted only to measure a path: the newest first, then the ones
    /// before it, round and round, because the newest are those whose loss nobody can have noticed yet.
    pub fn redundant(&mut self) -> Option<Packet> {
        let back = self.repeated % self.packets.len().clamp(1, REPEATED);
        self.repeated += 1;
        let sent = self.packets.iter().rev().nth(back)?;
        Some(sent.packet.clone())
    }

    /// How many packets are kept.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::RtpTime;
    use bytes::Bytes;

    const RTT: Duration = Duration::from_millis(50);

    fn packet(seq: u16) -> Packet {
        Packet { seq: Seq(seq), rtp_time: RtpTime(0), marker: false, payload: Bytes::from(vec![seq as u8]) }
    }

    #[test]
    fn the_same_number_is_answered_once_per_round_trip() {
        let mut history = PacketHistory::new();
        history.insert(Time::from_millis(0), packet(65_535));
        history.insert(Time::from_millis(0), packet(0));
        assert_eq!(history.retransmit(Time::from_millis(60), Seq(0), RTT), Some(packet(0)));
        assert_eq!(history.retransmit(Time::from_millis(90), Seq(0), RTT), None);
        assert_eq!(history.retransmit(Time::from_millis(90), Seq(65_535), RTT), Some(packet(65_535)));
        assert_eq!(history.retransmit(Time::from_millis(110), Seq(0), RTT), Some(packet(0)));
    }

    /// When asks for these packets are answered, of asks at these times.
    fn answered(asked: &[u64], seqs: &[u16]) -> Vec<(u64, u16)> {
        let mut history = PacketHistory::new();
        for seq in 0..10 {
            history.insert(Time::ZERO, packet(seq));
        }
        let mut answered = Vec::new();
        for &ms in asked {
            let answers = seqs
                .iter()
                .filter(|&&seq| history.retransmit(Time::from_millis(ms), Seq(seq), RTT).is_some());
            answered.extend(answers.map(|&seq| (ms, seq)));
        }
        answered
    }

    #[test]
    fn what_was_lost_twice_is_sent_twice_a_little_apart() {
        let asked = [50, 60, 70, 100, 103, 107, 114, 120, 150, 157, 164];
        assert_eq!(answered(&asked, &[7]), [50, 100, 107, 150, 157].map(|ms| (ms, 7)));
        assert_eq!(
            answered(&asked[..6], &[0]),
            [50, 100, 107].map(|ms| (ms, 0)),
            "the first has no neighbour"
        );
    }

    #[test]
    fn a_run_that_was_lost_twice_is_not_sent_twice() {
        let asked = [50, 60, 100, 110, 120];
        assert_eq!(answered(&asked, &[7, 8]), [(50, 7), (50, 8), (100, 7), (100, 8)]);
        assert_eq!(answered(&asked, &[5, 7]).len(), 6, "one between them arrived");
    }

    #[test]
    fn padding_is_the_newest_packets_again_from_the_end() {
        let mut history = PacketHistory::new();
        assert_eq!(history.redundant(), None);
        for seq in 0..3 {
            history.insert(Time::ZERO, packet(seq));
        }
        let again: Vec<u16> = (0..4).filter_map(|_| history.redundant()).map(|packet| packet.seq.0).collect();
        assert_eq!(again, [2, 1, 0, 2]);
        history.insert(Time::ZERO, packet(3));
        assert_eq!(history.redundant(), Some(packet(3)));
    }

    #[test]
    fn what_was_never_sent_or_is_too_old_is_not_answered() {
        let mut history = PacketHistory::new();
        assert_eq!(history.retransmit(Time::ZERO, Seq(5), RTT), None);
        for seq in 0..600 {
            history.insert(Time::from_millis(u64::from(seq)), packet(seq));
        }
        assert_eq!(history.len(), MAX_PACKETS);
        let now = Time::from_millis(1200);
        assert_eq!(history.retransmit(now, Seq(87), RTT), None, "over the bound");
        assert_eq!(history.retransmit(now, Seq(150), RTT), None, "over a second old");
        assert_eq!(history.retransmit(now, Seq(600), RTT), None, "not sent yet");
        assert_eq!(history.retransmit(now, Seq(500), RTT), Some(packet(500)));
    }
}
