//! Sends: sound and pictures that were encoded once for all become this peer's packets.
//!
//! When each packet leaves is for [`departure`](super::departure) to say. Sender reports are made here and not by webrtc,
//! because they must tie a stamp to the moment at which it was *captured*, in the same way for both streams, or lips and
//! voice drift apart by the difference of the two encoders' delays.

use super::shared::{LocalStream, Shared};
use super::tap::{level_byte, to_wire};
use crate::audio::{AudioPacket, AudioPackets};
use crate::video::{EncodedFrames, VideoSender};
use rtc::rtcp::sender_report::SenderReport;
use snug_media::rtp::packetize;
use snug_media::{ClockRate, EncodedFrame, Packet, RtpTime, Seq, Time};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// IPv6's least MTU (1280) without IP, UDP, TURN's channel header, RTP with extensions and SRTP's tag.
const MAX_PAYLOAD: usize = 1140;
/// RFC 3550 allows 5 s; lips are in time sooner with this.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// A link that is not there by then may never be: pictures are not made for it any longer.
const EARLY: Duration = Duration::from_secs(5);
/// A held picture of a camera that stands still, or of one that was closed.
const STALE: Duration = Duration::from_millis(200);

/// What may be sent now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sending {
    /// Whether there is a link.
    pub(super) connected: bool,
    /// Whether the other side shows this side's video.
    pub(super) watched: bool,
}

/// Pictures that are made while the link is, so that the first one leaves the moment that it stands.
#[derive(Debug)]
enum Early {
    /// The newest, if it is a keyframe; others are of no use.
    Holds(Option<Arc<EncodedFrame>>),
    Over,
}

impl Sending {
    fn video(self) -> bool {
        self.connected && self.watched
    }
}

/// One stream's report data.
#[derive(Debug)]
struct Stamps {
    rate: ClockRate,
    /// The newest stamp and when it was captured; `None` when nothing was sent since the last report.
    newest: Option<(RtpTime, Time)>,
    packets: u32,
    octets: u32,
}

impl Stamps {
    fn new(rate: ClockRate) -> Stamps {
        Stamps { rate, newest: None, packets: 0, octets: 0 }
    }

    fn sent(&mut self, stamp: RtpTime, captured_at: Time, bytes: usize) {
        self.newest = Some((stamp, captured_at));
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(bytes as u32);
    }

    fn report(&mut self, shared: &Shared, now: Time, ssrc: u32) -> Option<SenderReport> {
        let (stamp, captured_at) = self.newest.take()?;
        let since = self.rate.ticks(now.since(captured_at)) as u32;
        Some(SenderReport {
            ssrc,
            ntp_time: shared.ntp(now).0,
            rtp_time: stamp.add(since).0,
            packet_count: self.packets,
            octet_count: self.octets,
            ..Default::default()
        })
    }
}

/// The outbound task.
pub(super) struct Outbound {
    shared: Arc<Shared>,
    audio: Arc<TrackLocalStaticRTP>,
    video: Arc<TrackLocalStaticRTP>,
    /// Watched while the other side shows it, and asked for keyframes.
    source: Arc<VideoSender>,
    audio_seq: Seq,
    audio_stamps: Stamps,
    video_stamps: Stamps,
    sending: Sending,
    early: Early,
    /// Whether the packet before was not sent, so that the next begins a talk spurt (RFC 3551 §4.1).
    paused: bool,
}

impl Outbound {
    pub(super) fn new(
        shared: Arc<Shared>,
        audio: Arc<TrackLocalStaticRTP>,
        video: Arc<TrackLocalStaticRTP>,
        source: Arc<VideoSender>,
    ) -> Outbound {
        Outbound {
            shared,
            audio,
            video,
            source,
            audio_seq: Seq(rand::random()),
            audio_stamps: Stamps::new(ClockRate::AUDIO),
            video_stamps: Stamps::new(ClockRate::VIDEO),
            sending: Sending::default(),
            early: Early::Over,
            paused: true,
        }
    }

    /// Runs until the sources are gone.
    pub(super) async fn run(mut self, mut sound: AudioPackets, mut sending: watch::Receiver<Sending>) {
        // Only while they are shown: what nobody watches is not encoded, and watching begins with a keyframe. But while the link is
        // made, pictures are made, too.
        let mut frames = sending.borrow().watched.then(|| self.begin_early());
        let early_until = tokio::time::Instant::now() + EARLY;
        let mut reports = tokio::time::interval(REPORT_EVERY);
        reports.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                changed = sending.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.sending = *sending.borrow_and_update();
                    let early = self.end_early();
                    if !self.sending.video() {
                        frames = None;
                    } else if let Early::Holds(newest) = early {
                        self.begin(newest).await;
                    } else if frames.is_none() {
                        frames = Some(self.subscribe(false));
                    }
                }
                () = tokio::time::sleep_until(early_until), if matches!(self.early, Early::Holds(_)) => {
                    self.end_early();
                    frames = None;
                }
                packet = sound.next() => match packet {
                    Some(packet) => self.sound(packet).await,
                    None => return,
                },
                frame = next_frame(&mut frames) => match frame {
                    Some(frame) => match &mut self.early {
                        Early::Holds(newest) => *newest = Some(frame).filter(|frame| frame.keyframe),
                        Early::Over => self.frame(&frame).await,
                    },
                    None => return,
                },
                _ = reports.tick() => self.report().await,
            }
        }
    }

    fn subscribe(&self, holds: bool) -> EncodedFrames {
        self.shared.watcher.set_holds(holds);
        self.shared.video().rewriter.wait_for_keyframe();
        self.source.subscribe_as(&self.shared.watcher)
    }

    fn begin_early(&mut self) -> EncodedFrames {
        self.early = Early::Holds(None);
        self.subscribe(true)
    }

    fn end_early(&mut self) -> Early {
        self.shared.watcher.set_holds(false);
        std::mem::replace(&mut self.early, Early::Over)
    }

    /// Begins with what was made while the link was.
    async fn begin(&mut self, newest: Option<Arc<EncodedFrame>>) {
        let now = self.shared.clock.now();
        let is_fresh = |captured_at: Option<Time>| captured_at.is_some_and(|at| now.since(at) < STALE);
        match newest.filter(|frame| is_fresh(frame.captured_at)) {
            Some(frame) => self.frame(&frame).await,
            None => self.source.request_keyframe(),
        }
    }

    async fn sound(&mut self, sound: AudioPacket) {
        let stream = self.shared.local().audio;
        let (Some(stream), true) = (stream, self.sending.connected) else {
            self.paused = true;
            return;
        };
        let AudioPacket { rtp_time, payload, audio_level, voice, captured_at, .. } = sound;
        let bytes = payload.len();
        let packet = Packet { seq: self.audio_seq, rtp_time, marker: self.paused, payload };
        self.paused = false;
        self.audio_seq = self.audio_seq.next();
        self.audio_stamps.sent(rtp_time, captured_at, bytes);
        let mut packet = to_wire(self.shared.ssrcs.audio, stream.payload_type, packet);
        if let Some(id) = stream.level_extension {
            // Fails only for an id that no negotiation gives; then there is just no level.
            let _ = packet.header.set_extension(id, level_byte(audio_level, voice));
        }
        note(self.audio.write_rtp(packet).await);
    }

    async fn frame(&mut self, frame: &EncodedFrame) {
        let stream = self.shared.local().video;
        let Some(stream) = stream else {
            // Not negotiated (any more): what is left out here leaves a gap.
            self.shared.video().rewriter.skip(frame);
            return;
        };
        let now = self.shared.clock.now();
        let packets = {
            let mut video = self.shared.video();
            if video.rewriter.waits_for_keyframe() && !frame.keyframe {
                drop(video);
                self.source.request_keyframe();
                return;
            }
            video.rewriter.forward(now, frame, &packetize(&frame.data, MAX_PAYLOAD))
        };
        self.send_frame(now, frame, stream, packets).await;
    }

    async fn send_frame(
        &mut self,
        now: Time,
        frame: &EncodedFrame,
        stream: LocalStream,
        packets: Vec<Packet>,
    ) {
        {
            let mut counters = self.shared.counters();
            let outbound = &mut counters.outbound_video;
            outbound.frames_sent += 1;
            outbound.key_frames_encoded += u64::from(frame.keyframe);
        }
        for packet in packets {
            self.video_stamps.sent(packet.rtp_time, frame.captured_at.unwrap_or(now), packet.payload.len());
            let packet = to_wire(self.shared.ssrcs.video, stream.payload_type, packet);
            note(self.video.write_rtp(packet).await);
        }
    }

    async fn report(&mut self) {
        let now = self.shared.clock.now();
        let ssrcs = self.shared.ssrcs;
        let reports = [
            (self.audio_stamps.report(&self.shared, now, ssrcs.audio), &self.audio),
            (self.video_stamps.report(&self.shared, now, ssrcs.video), &self.video),
        ];
        for (report, track) in reports {
            if let Some(report) = report
                && let Err(error) = track.write_rtcp(vec![Box::new(report)]).await
            {
                tracing::debug!(%error, "a sender report could not be sent");
            }
        }
    }
}

/// Nothing is to be done for one packet: when webrtc takes none any more, its driver has ended, which is told elsewhere.
fn note(taken: webrtc::error::Result<()>) {
    if let Err(error) = taken {
        tracing::debug!(%error, "webrtc does not take a packet");
    }
}

async fn next_frame(frames: &mut Option<EncodedFrames>) -> Option<Arc<EncodedFrame>> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_ties_the_stamp_to_its_capture_and_silence_makes_none() {
        let shared = Shared::for_test();
        let mut stamps = Stamps::new(ClockRate::VIDEO);
        let captured = Time::from_millis(20_000);
        assert!(stamps.report(&shared, captured, 5).is_none());
        stamps.sent(RtpTime(u32::MAX), captured, 1000);
        let report = stamps.report(&shared, captured + Duration::from_millis(100), 5);
        let report = report.unwrap_or_default();
        assert_eq!(report.rtp_time, 8_999);
        assert_eq!((report.ssrc, report.packet_count, report.octet_count), (5, 1, 1000));
        assert!(stamps.report(&shared, captured, 5).is_none(), "nothing was sent since");
    }
}
