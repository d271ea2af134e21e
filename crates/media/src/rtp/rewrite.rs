//! One peer's stream, without gaps, out of frames that are encoded once for all.
//!
//! A frame is encoded and cut once; each peer gets it under sequence numbers, a PictureID and a TL0PICIDX
//! of its own, which count only what that peer is sent. So when frames are left out for one peer (its
//! rung changes, it falls behind, it does not take the upper temporal layers) it sees no loss and asks
//! for nothing. Forwarding the source's own numbers instead would make each skip look like one.

use super::Packet;
use super::descriptor::{PictureId, TemporalLayer, Vp8Descriptor};
use super::history::PacketHistory;
use super::packetize::{DESCRIPTOR_BYTES, Fragment};
use crate::frame::EncodedFrame;
use crate::time::Time;
use crate::units::Seq;
use bytes::Bytes;
use std::time::Duration;

/// The outgoing video stream of one peer.
#[derive(Clone, Debug)]
pub struct StreamRewriter {
    next_seq: Seq,
    picture_id: PictureId,
    tl0_pic_idx: u8,
    waits_for_keyframe: bool,
    history: PacketHistory,
}

impl StreamRewriter {
    /// A stream that begins at these numbers (random ones, by RFC 3550 §5.1 and RFC 7741 §4.2) with the
    /// first keyframe that comes.
    pub fn new(first_seq: Seq, first_picture_id: u16) -> StreamRewriter {
        StreamRewriter {
            next_seq: first_seq,
            picture_id: PictureId::Long(first_picture_id & 0x7fff),
            // Counted up by the first frame, which is a keyframe and so in the base layer.
            tl0_pic_idx: first_picture_id as u8,
            waits_for_keyframe: true,
            history: PacketHistory::new(),
        }
    }

    /// The packets that carry a frame to this peer; none while it waits for a keyframe and this is not
    /// one. All are kept for retransmission.
    pub fn forward(&mut self, now: Time, frame: &EncodedFrame, fragments: &[Fragment]) -> Vec<Packet> {
        if self.waits_for_keyframe && !frame.keyframe || fragments.is_empty() {
            return Vec::new();
        }
        self.waits_for_keyframe = false;
        if frame.keyframe {
            // Nobody needs what was before it any more; sent again, it would only be in the keyframe's way.
            self.history = PacketHistory::new();
        }
        if frame.temporal_id == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        let packets = fragments.iter().map(|fragment| self.packet(now, frame, fragment)).collect();
        self.picture_id = self.picture_id.next();
        packets
    }

    fn packet(&mut self, now: Time, frame: &EncodedFrame, fragment: &Fragment) -> Packet {
        let descriptor = Vp8Descriptor {
            start_of_partition: fragment.start,
            picture_id: Some(self.picture_id),
            tl0_pic_idx: Some(self.tl0_pic_idx),
            temporal: Some(TemporalLayer { id: frame.temporal_id, sync: frame.layer_sync }),
            ..Vp8Descriptor::default()
        };
        let mut payload = Vec::with_capacity(DESCRIPTOR_BYTES + fragment.data.len());
        descriptor.write(&mut payload);
        payload.extend_from_slice(&fragment.data);
        let packet = Packet {
            seq: self.next_seq,
            rtp_time: frame.rtp_time,
            marker: fragment.marker,
            payload: Bytes::from(payload),
        };
        self.next_seq = self.next_seq.next();
        self.history.insert(now, packet.clone());
        packet
    }

    /// Says that a frame of the source is not sent to this peer. After one of the base layer only a
    /// keyframe goes on; an upper one is not missed as long as the rest of its layer is skipped, too, up
    /// to the next with `layer_sync`.
    pub fn skip(&mut self, frame: &EncodedFrame) {
        if frame.temporal_id == 0 {
            self.waits_for_keyframe = true;
        }
    }

    /// Sends nothing until a keyframe comes: the peer changes its rung, or was paused.
    pub fn wait_for_keyframe(&mut self) {
        self.waits_for_keyframe = true;
    }

    /// Packets from this number on never left: their numbers are given again, to a keyframe.
    pub fn take_back(&mut self, first: Seq) {
        if self.history.forget_from(first) {
            self.next_seq = first;
        }
        self.waits_for_keyframe = true;
    }

    /// Whether only a keyframe can go on. Ask the encoder for one then.
    pub fn waits_for_keyframe(&self) -> bool {
        self.waits_for_keyframe
    }

    /// The packet to send again for a NACK; see [`PacketHistory::retransmit`].
    pub fn retransmit(&mut self, now: Time, seq: Seq, rtt: Duration) -> Option<Packet> {
        self.history.retransmit(now, seq, rtt)
    }

    /// A packet to send again unasked; see [`PacketHistory::redundant`].
    pub fn redundant(&mut self) -> Option<Packet> {
        self.history.redundant()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtp::packetize;
    use crate::units::RtpTime;

    fn frame(number: u32, keyframe: bool, temporal_id: u8) -> EncodedFrame {
        EncodedFrame {
            data: Bytes::from(vec![number as u8; 3000]),
            keyframe,
            rtp_time: RtpTime(number * 3000),
            width: 640,
            height: 360,
            picture_id: Some(number as u16),
            temporal_id,
            layer_sync: false,
            captured_at: None,
        }
    }

    fn send(stream: &mut StreamRewriter, frame: &EncodedFrame) -> Vec<Packet> {
        stream.forward(Time::ZERO, frame, &packetize(&frame.data, 1200))
    }

    #[test]
    fn a_peer_that_misses_frames_sees_no_gap() {
        let mut stream = StreamRewriter::new(Seq(65_534), 0x7fff);
        assert!(send(&mut stream, &frame(0, false, 0)).is_empty(), "nothing before a keyframe");
        let mut sent = send(&mut stream, &frame(1, true, 0));
        sent.extend(send(&mut stream, &frame(2, false, 0)));
        stream.skip(&frame(3, false, 0));
        assert!(send(&mut stream, &frame(4, false, 0)).is_empty(), "its reference was skipped");
        assert!(stream.waits_for_keyframe());
        sent.extend(send(&mut stream, &frame(5, true, 0)));

        assert_eq!(sent.len(), 9);
        for (index, packet) in (0_u16..).zip(&sent) {
            assert_eq!(packet.seq, Seq(65_534).add(index));
            let (descriptor, length) = Vp8Descriptor::read(&packet.payload).unwrap();
            assert_eq!(length, DESCRIPTOR_BYTES);
            assert_eq!(descriptor.starts_frame(), index % 3 == 0);
            assert_eq!(packet.marker, index % 3 == 2);
            let id = [0x7fff, 0, 1][usize::from(index) / 3];
            assert_eq!(descriptor.picture_id, Some(PictureId::Long(id)));
            assert_eq!(descriptor.tl0_pic_idx, Some((0x7fff_u16 as u8).wrapping_add(1 + index as u8 / 3)));
        }
        let mut again = |seq| stream.retransmit(Time::from_millis(30), Seq(seq), Duration::from_millis(50));
        assert_eq!(again(5).as_ref(), sent.get(7));
        assert_eq!(again(0), None, "a keyframe came since");
    }

    #[test]
    fn numbers_that_never_left_are_given_to_the_next_keyframe() {
        let mut stream = StreamRewriter::new(Seq(65_534), 0);
        send(&mut stream, &frame(1, true, 0));
        let late = send(&mut stream, &frame(2, false, 0));
        stream.take_back(late[1].seq);
        assert!(send(&mut stream, &frame(3, false, 0)).is_empty());
        let again = send(&mut stream, &frame(4, true, 0));
        assert_eq!(again[0].seq, late[1].seq);
        let now = Time::from_millis(5);
        assert_eq!(stream.retransmit(now, late[1].seq, Duration::ZERO).as_ref(), again.first());
        assert_eq!(stream.retransmit(now, late[0].seq, Duration::ZERO), None, "it is of before the keyframe");
        stream.take_back(Seq(30_000));
        assert_eq!(
            send(&mut stream, &frame(5, true, 0))[0].seq,
            again[2].seq.next(),
            "never given: nothing is taken back"
        );
    }

    #[test]
    fn upper_layers_belong_to_the_base_picture_before_them() {
        let mut stream = StreamRewriter::new(Seq(0), 0);
        let layers = [(true, 0), (false, 1), (false, 0), (false, 1)];
        let indices: Vec<u8> = (0..)
            .zip(layers)
            .flat_map(|(number, (key, layer))| send(&mut stream, &frame(number, key, layer)))
            .filter(|packet| packet.marker)
            .map(|packet| Vp8Descriptor::read(&packet.payload).unwrap().0.tl0_pic_idx.unwrap())
            .collect();
        assert_eq!(indices, [1, 1, 2, 2]);
        stream.skip(&frame(5, false, 1));
        assert!(!stream.waits_for_keyframe(), "nothing in the base layer needs an upper one");
    }
}
