//! Our interceptor in webrtc's chain: takes RTP and RTCP out of it, answers retransmission requests, and lets packets out at the
//! pace that the network takes ([`departure`](super::departure)).
//!
//! It stands nearest to the application, behind the two stock ones that serve us (which report arrivals and losses to the other side), so these
//! see every packet first. What it takes out goes no further: webrtc's queue for a remote track drops silently, routes
//! a compound by its first packet, and hides whether a packet was a retransmission. It runs on the driver's
//! task: it never waits, and holds a lock only to look up a packet.

use super::departure::Departure;
use super::shared::{LocalStream, Shared};
use bytes::{BufMut, Bytes, BytesMut};
use rtc::interceptor::{Interceptor, Packet as Passing, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Error;
use snug_media::bwe::Kind;
use snug_media::{NtpTime, Packet, RtpTime, Seq, Time};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// URI of the audio level header extension (RFC 6464).
pub(super) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Streams that one peer may have; it sends two and their retransmissions.
const MAX_STREAMS: usize = 16;
/// Retransmissions for one NACK packet; more is not a request but an amplification.
const MAX_ANSWERS: usize = 128;

/// What came for the inbound task.
#[derive(Debug)]
pub(super) enum Arrived {
    /// Sound.
    Audio { at: Time, ssrc: u32, packet: Packet },
    /// A piece of a picture; one that came as a retransmission has its original number again.
    Video { at: Time, ssrc: u32, packet: Packet, retransmitted: bool },
    /// The other side's clock.
    Report { ssrc: u32, ntp: NtpTime, rtp_time: RtpTime },
    /// The other side cannot go on without a keyframe.
    KeyframeWanted,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Audio,
    Video,
    Retransmissions { of: u32 },
}

/// The interceptor.
pub(super) struct Tap {
    shared: Arc<Shared>,
    /// To the inbound task; bounded, and when it is full the newest packet is dropped, as by a full socket buffer.
    arrived: mpsc::Sender<Arrived>,
    streams: HashMap<u32, Stream>,
    departure: Departure,
    /// RTCP that goes on to the end of the chain.
    read: VecDeque<TaggedPacket>,
    /// RTCP and what else is not paced.
    write: VecDeque<TaggedPacket>,
}

impl Tap {
    pub(super) fn new(shared: Arc<Shared>, arrived: mpsc::Sender<Arrived>) -> Tap {
        Tap {
            departure: Departure::new(Arc::clone(&shared)),
            shared,
            arrived,
            streams: HashMap::new(),
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }

    fn hand_over(&self, arrived: Arrived) {
        if self.arrived.try_send(arrived).is_err() {
            tracing::debug!("the inbound task is behind: a packet is dropped");
        }
    }

    fn rtp(&mut self, at: Time, packet: rtp::Packet) {
        let rtp::Packet { header, payload } = packet;
        let Some(stream) = self.streams.get(&header.ssrc).copied() else { return };
        let mut packet = Packet {
            seq: Seq(header.sequence_number),
            rtp_time: RtpTime(header.timestamp),
            marker: header.marker,
            payload,
        };
        match stream {
            Stream::Audio => self.hand_over(Arrived::Audio { at, ssrc: header.ssrc, packet }),
            Stream::Video => {
                self.hand_over(Arrived::Video { at, ssrc: header.ssrc, packet, retransmitted: false });
            }
            Stream::Retransmissions { of } => {
                // RFC 4588 §4: the original number, then the original payload. Less is a probe for bandwidth.
                if let [high, low, ..] = packet.payload[..] {
                    packet.seq = Seq(u16::from_be_bytes([high, low]));
                    packet.payload = packet.payload.slice(2..);
                    self.hand_over(Arrived::Video { at, ssrc: of, packet, retransmitted: true });
                }
            }
        }
    }

    fn rtcp(&mut self, at: Time, now: Instant, packet: &dyn rtc::rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
            self.departure.feedback(at, feedback);
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            self.nack(at, now, nack);
        } else if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            self.keyframe_wanted(pli.media_ssrc == self.shared.ssrcs.video);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            self.keyframe_wanted(fir.fir.iter().any(|entry| entry.ssrc == self.shared.ssrcs.video));
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.reception(at, &report.reports);
            let (ntp, rtp_time) = (NtpTime(report.ntp_time), RtpTime(report.rtp_time));
            self.hand_over(Arrived::Report { ssrc: report.ssrc, ntp, rtp_time });
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.reception(at, &report.reports);
        }
    }

    fn keyframe_wanted(&self, of_ours: bool) {
        if of_ours {
            self.shared.counters().outbound_video.pli_count += 1;
            self.hand_over(Arrived::KeyframeWanted);
        }
    }

    fn reception(&mut self, at: Time, reports: &[ReceptionReport]) {
        for report in reports {
            let ssrcs = self.shared.ssrcs;
            let mut counters = self.shared.counters();
            let outbound = match report.ssrc {
                ssrc if ssrc == ssrcs.video => &mut counters.outbound_video,
                ssrc if ssrc == ssrcs.audio => &mut counters.outbound_audio,
                _ => continue,
            };
            // 24 bits with a sign.
            outbound.remote_packets_lost = i64::from((report.total_lost << 8) as i32 >> 8);
            outbound.remote_fraction_lost = f64::from(report.fraction_lost) / 256.0;
            drop(counters);
            self.shared.measure_rtt(at, report.last_sender_report, report.delay);
            if let Some(rtt) = self.shared.measured_rtt() {
                self.departure.round_trip(at, rtt);
            }
        }
    }

    fn nack(&mut self, at: Time, now: Instant, nack: &TransportLayerNack) {
        let Some(stream) = self.shared.local().video else { return };
        if nack.media_ssrc != self.shared.ssrcs.video {
            return;
        }
        let rtt = self.shared.rtt();
        let mut answers = Vec::new();
        {
            let mut video = self.shared.video();
            for seq in nack.nacks.iter().flat_map(|pair| pair.packet_list()).take(MAX_ANSWERS) {
                if let Some(packet) = video.rewriter.retransmit(at, Seq(seq), rtt) {
                    let rtx_seq = video.next_rtx_seq();
                    answers.push(retransmission(self.shared.ssrcs.video, stream, rtx_seq, packet));
                }
            }
        }
        self.shared.counters().outbound_video.nack_count += 1;
        for packet in answers {
            self.departure.push(at, now, Kind::Retransmission, packet);
        }
    }

    fn local_stream(info: &StreamInfo) -> LocalStream {
        LocalStream {
            payload_type: info.payload_type,
            rtx: info.ssrc_rtx.zip(info.payload_type_rtx),
            level_extension: extension(info, AUDIO_LEVEL_URI),
            transport_extension: extension(info, TRANSPORT_CC_URI),
        }
    }
}

/// A packet to be sent again: on its own stream where that was negotiated, else as it was.
pub(super) fn retransmission(ssrc: u32, stream: LocalStream, rtx_seq: Seq, packet: Packet) -> rtp::Packet {
    let Some((rtx_ssrc, payload_type)) = stream.rtx else {
        return to_wire(ssrc, stream.payload_type, packet);
    };
    let mut payload = BytesMut::with_capacity(2 + packet.payload.len());
    payload.put_u16(packet.seq.0);
    payload.put_slice(&packet.payload);
    to_wire(rtx_ssrc, payload_type, Packet { seq: rtx_seq, payload: payload.freeze(), ..packet })
}

/// A packet with the header fields that media logic does not know of.
pub(super) fn to_wire(ssrc: u32, payload_type: u8, packet: Packet) -> rtp::Packet {
    let Packet { seq, rtp_time, marker, payload } = packet;
    let header = rtp::Header {
        version: 2,
        marker,
        payload_type,
        sequence_number: seq.0,
        timestamp: rtp_time.0,
        ssrc,
        ..Default::default()
    };
    rtp::Packet { header, payload }
}

fn extension(info: &StreamInfo, uri: &str) -> Option<u8> {
    let extension = info.rtp_header_extensions.iter().find(|extension| extension.uri == uri);
    extension.and_then(|extension| u8::try_from(extension.id).ok())
}

/// How loud a packet's sound is, as the header extension carries it (RFC 6464): −dBov, and whether it is voice.
pub(super) fn level_byte(level: u8, voice: bool) -> Bytes {
    Bytes::copy_from_slice(&[level.min(127) | if voice { 0x80 } else { 0 }])
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        let at = self.shared.clock.at(msg.now);
        match msg.message.packet {
            Passing::Rtp(packet) => self.rtp(at, packet),
            Passing::Rtcp(ref packets) => {
                for packet in packets {
                    self.rtcp(at, msg.now, packet.as_ref());
                }
                self.read.push_back(msg);
            }
            _ => self.read.push_back(msg),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        let at = self.shared.clock.at(msg.now);
        match msg.message.packet {
            Passing::Rtp(packet) => {
                let kind =
                    if packet.header.ssrc == self.shared.ssrcs.audio { Kind::Audio } else { Kind::Video };
                self.departure.push(at, msg.now, kind, packet);
            }
            _ => self.write.push_back(msg),
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.departure.next().or_else(|| self.write.pop_front())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.departure.timeout(self.shared.clock.at(now), now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.departure.wake_at().map(|at| self.shared.clock.instant(at))
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let ssrcs = self.shared.ssrcs;
        let mut local = self.shared.local();
        if info.ssrc == ssrcs.audio {
            local.audio = Some(Tap::local_stream(info));
        } else if info.ssrc == ssrcs.video {
            local.video = Some(Tap::local_stream(info));
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        let ssrcs = self.shared.ssrcs;
        let mut local = self.shared.local();
        if info.ssrc == ssrcs.audio {
            local.audio = None;
        } else if info.ssrc == ssrcs.video {
            local.video = None;
        }
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        // A retransmission stream is bound a second time by itself, under the codec that it repairs.
        let known = matches!(self.streams.get(&info.ssrc), Some(Stream::Retransmissions { .. }));
        if known || self.streams.len() >= MAX_STREAMS {
            return;
        }
        let stream = if info.mime_type.to_ascii_lowercase().starts_with("audio/") {
            Stream::Audio
        } else {
            if let Some(rtx) = info.ssrc_rtx {
                self.streams.insert(rtx, Stream::Retransmissions { of: info.ssrc });
            }
            Stream::Video
        };
        tracing::debug!(ssrc = info.ssrc, rtx = ?info.ssrc_rtx, mime = %info.mime_type, "remote stream");
        self.streams.insert(info.ssrc, stream);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Packet {
        let payload = Bytes::from_static(b"vp8");
        Packet { seq: Seq(0x1234), rtp_time: RtpTime(9), marker: true, payload }
    }

    #[test]
    fn a_retransmission_carries_the_original_number_on_its_own_stream() {
        let stream = LocalStream {
            payload_type: 96,
            rtx: Some((77, 97)),
            level_extension: None,
            transport_extension: None,
        };
        let sent = retransmission(55, stream, Seq(1), packet());
        assert_eq!((sent.header.ssrc, sent.header.payload_type, sent.header.sequence_number), (77, 97, 1));
        assert_eq!(&sent.payload[..], b"\x12\x34vp8");
        assert!(sent.header.marker);

        let plain = retransmission(55, LocalStream { rtx: None, ..stream }, Seq(1), packet());
        assert_eq!((plain.header.ssrc, plain.header.sequence_number), (55, 0x1234));
        assert_eq!(&plain.payload[..], b"vp8");
    }

    #[test]
    fn a_level_is_one_byte() {
        assert_eq!(&level_byte(30, true)[..], [0x9e]);
        assert_eq!(&level_byte(200, false)[..], [127]);
    }
}
