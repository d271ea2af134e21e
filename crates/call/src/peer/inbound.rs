//! Receives: packets become frames for the viewers and sound for the playout, and what is missing is asked for.
//!
//! All decisions about time are [`snug_media`]'s; here they meet the packets. It is a task of its own, fed by the tap,
//! so that webrtc's driver never waits for it.

use super::reception::Reception;
use super::shared::Shared;
use super::tap::Arrived;
use crate::audio::PlayoutStream;
use crate::frames::{TimedFrame, Viewers};
use crate::video::VideoSender;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use snug_media::assemble::{Action, Waits};
use snug_media::sync::SenderClock;
use snug_media::{
    ClockRate, EncodedFrame, FrameAssembler, LipSync, NackGenerator, NtpTime, Packet, RtpTime, Time,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// How often to look again while something is missing.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// No sooner than this: a timer is no finer.
const LOOK_SOON: Duration = Duration::from_millis(1);
/// How often to look when nothing is.
const IDLE: Duration = Duration::from_millis(200);
/// A keyframe takes a round trip; asking more often makes two of them.
const KEYFRAME_AGAIN: Duration = Duration::from_millis(400);

/// One stream of pictures; begun anew when its SSRC changes.
struct Pictures {
    ssrc: u32,
    nack: NackGenerator,
    assembler: FrameAssembler,
    reception: Reception,
}

/// One stream of sound.
struct Sounds {
    ssrc: u32,
    reception: Reception,
}

/// The inbound task.
pub(super) struct Inbound {
    shared: Arc<Shared>,
    /// RTCP goes out through the video track; any would do.
    feedback: Arc<TrackLocalStaticRTP>,
    /// Is asked for keyframes when the other side needs one.
    source: Arc<VideoSender>,
    playout: Arc<PlayoutStream>,
    viewers: Arc<Viewers>,
    pictures: Option<Pictures>,
    sounds: Option<Sounds>,
    sync: LipSync,
    video_clock: SenderClock,
    keyframe_wanted: bool,
    asked_at: Option<Time>,
}

impl Inbound {
    pub(super) fn new(
        shared: Arc<Shared>,
        feedback: Arc<TrackLocalStaticRTP>,
        source: Arc<VideoSender>,
        playout: Arc<PlayoutStream>,
        viewers: Arc<Viewers>,
    ) -> Inbound {
        Inbound {
            shared,
            feedback,
            source,
            playout,
            viewers,
            pictures: None,
            sounds: None,
            sync: LipSync::new(),
            video_clock: SenderClock::new(ClockRate::VIDEO),
            keyframe_wanted: false,
            asked_at: None,
        }
    }

    /// Runs until the tap is gone. `keyframe` is notified when a viewer needs one.
    pub(super) async fn run(mut self, mut arrived: mpsc::Receiver<Arrived>, keyframe: Arc<Notify>) {
        loop {
            let wait = self.wait();
            tokio::select! {
                arrival = arrived.recv() => match arrival {
                    Some(arrival) => {
                        self.take(arrival);
                        // What came in one burst is handled before anything is asked for.
                        while let Ok(arrival) = arrived.try_recv() {
                            self.take(arrival);
                        }
                    }
                    None => return,
                },
                () = keyframe.notified() => self.keyframe_wanted = true,
                () = tokio::time::sleep(wait) => {}
            }
            self.ask().await;
            self.note_playout();
        }
    }

    /// How long nothing is to be done if nothing comes.
    fn wait(&self) -> Duration {
        if !self.is_waiting() {
            return IDLE;
        }
        let asks_at = self.pictures.as_ref().and_then(|pictures| pictures.nack.poll_at(self.shared.rtt()));
        asks_at.map_or(LOOK_AGAIN, |at| at.since(self.shared.clock.now()).clamp(LOOK_SOON, LOOK_AGAIN))
    }

    fn is_waiting(&self) -> bool {
        self.keyframe_wanted
            || self.pictures.as_ref().is_some_and(|pictures| {
                pictures.nack.is_waiting() || pictures.assembler.waits() != Waits::Nothing
            })
    }

    fn take(&mut self, arrival: Arrived) {
        match arrival {
            Arrived::Audio { at, ssrc, packet } => self.sound(at, ssrc, packet),
            Arrived::Video { at, ssrc, packet, retransmitted } => {
                self.picture(at, ssrc, packet, retransmitted);
            }
            Arrived::Report { ssrc, ntp, rtp_time } => self.report(ssrc, ntp, rtp_time),
            Arrived::KeyframeWanted => self.source.request_keyframe(),
        }
    }

    fn sound(&mut self, at: Time, ssrc: u32, packet: Packet) {
        let sounds = match &mut self.sounds {
            Some(sounds) if sounds.ssrc == ssrc => sounds,
            other => other.insert(Sounds { ssrc, reception: Reception::new(ClockRate::AUDIO) }),
        };
        sounds.reception.received(at, &packet, false);
        {
            let mut counters = self.shared.counters();
            let inbound = &mut counters.inbound_audio;
            inbound.bytes_received += packet.payload.len() as u64;
            inbound.packets_lost = sounds.reception.lost();
            inbound.jitter = sounds.reception.jitter();
        }
        self.playout.push(at, packet.seq, packet.rtp_time, packet.payload);
    }

    fn picture(&mut self, at: Time, ssrc: u32, packet: Packet, retransmitted: bool) {
        let pictures = match &mut self.pictures {
            Some(pictures) if pictures.ssrc == ssrc => pictures,
            other => {
                if other.is_some() {
                    self.viewers.broke();
                }
                other.insert(Pictures {
                    ssrc,
                    nack: NackGenerator::new(),
                    assembler: FrameAssembler::new(),
                    reception: Reception::new(ClockRate::VIDEO),
                })
            }
        };
        let is_new = pictures.nack.received(at, packet.seq, retransmitted).is_new();
        if is_new {
            pictures.reception.received(at, &packet, retransmitted);
        }
        {
            let mut counters = self.shared.counters();
            let inbound = &mut counters.inbound_video;
            if !is_new {
                inbound.packets_duplicated += 1;
                return;
            }
            inbound.packets_received += u64::from(!retransmitted);
            inbound.retransmitted_packets_received += u64::from(retransmitted);
            inbound.bytes_received += packet.payload.len() as u64;
            inbound.packets_lost = pictures.reception.lost();
            inbound.jitter = pictures.reception.jitter();
        }
        let was_waiting = pictures.assembler.waits() == Waits::Keyframe;
        let frames = pictures.assembler.push(at, packet);
        if frames.is_empty() {
            return;
        }
        if let Some(from) = pictures.assembler.needed_from() {
            pictures.nack.forget_before(from);
        }
        let now = self.shared.clock.now();
        for frame in frames {
            if was_waiting && frame.keyframe {
                self.keyframe_wanted = false;
            }
            self.show(now, frame);
        }
    }

    fn show(&mut self, now: Time, mut frame: EncodedFrame) {
        {
            let mut counters = self.shared.counters();
            counters.inbound_video.frames_received += 1;
            counters.inbound_video.key_frames_received += u64::from(frame.keyframe);
        }
        if frame.keyframe {
            self.keyframe_wanted = false;
        }
        frame.captured_at = self.video_clock.ntp_micros(frame.rtp_time).and_then(|micros| {
            let unix = u64::try_from(micros).ok()?.checked_sub(UNIX_EPOCH_IN_NTP_MICROS)?;
            Some(self.shared.clock.of_unix_micros(unix))
        });
        let due = self.sync.due(now, frame.rtp_time).unwrap_or(now);
        self.keyframe_wanted |= self.viewers.push(&TimedFrame { frame: Arc::new(frame), due });
    }

    fn report(&mut self, ssrc: u32, ntp: NtpTime, rtp_time: RtpTime) {
        if self.pictures.as_ref().is_some_and(|pictures| pictures.ssrc == ssrc) {
            self.sync.video_report(ntp, rtp_time);
            self.video_clock.report(ntp, rtp_time);
        } else if self.sounds.as_ref().is_some_and(|sounds| sounds.ssrc == ssrc) {
            self.sync.audio_report(ntp, rtp_time);
        }
    }

    /// Asks for what is missing: packets, or a keyframe.
    async fn ask(&mut self) {
        let Some(pictures) = &mut self.pictures else { return };
        let now = self.shared.clock.now();
        let nacks = pictures.nack.poll(now, self.shared.rtt());
        {
            let mut counters = self.shared.counters();
            counters.inbound_video.frames_dropped += u64::from(!nacks.gave_up.is_empty());
            counters.inbound_video.nack_count += u64::from(!nacks.ask.is_empty());
        }
        for seq in nacks.gave_up {
            pictures.assembler.lost(seq);
        }
        let media_ssrc = pictures.ssrc;
        let hopeless = pictures.assembler.poll(now) == Some(Action::RequestKeyframe);
        let sender_ssrc = self.shared.ssrcs.video;
        let mut packets: Vec<Box<dyn rtc::rtcp::Packet>> = Vec::new();
        if !nacks.ask.is_empty() {
            let numbers: Vec<u16> = nacks.ask.iter().map(|seq| seq.0).collect();
            let nacks = nack_pairs_from_sequence_numbers(&numbers);
            packets.push(Box::new(TransportLayerNack { sender_ssrc, media_ssrc, nacks }));
        }
        if hopeless {
            self.viewers.broke();
        }
        self.keyframe_wanted |= hopeless;
        let asked_lately = self.asked_at.is_some_and(|asked| now.since(asked) < KEYFRAME_AGAIN);
        if self.keyframe_wanted && !asked_lately {
            self.asked_at = Some(now);
            self.shared.counters().inbound_video.pli_count += 1;
            packets.push(Box::new(PictureLossIndication { sender_ssrc, media_ssrc }));
        }
        if !packets.is_empty()
            && let Err(error) = self.feedback.write_rtcp(packets).await
        {
            tracing::debug!(%error, "feedback could not be sent");
        }
    }

    /// Takes over what the playout says of this stream.
    fn note_playout(&mut self) {
        match self.playout.heard() {
            Some((rtp_time, at)) => self.sync.audio_heard(at, rtp_time),
            None => self.sync.audio_stopped(),
        }
        let stats = self.playout.stats();
        let mut counters = self.shared.counters();
        let inbound = &mut counters.inbound_audio;
        inbound.packets_received = stats.packets_received;
        inbound.total_samples_received = stats.total_samples_received;
        inbound.concealed_samples = stats.concealed_samples;
        inbound.silent_concealed_samples = stats.silent_concealed_samples;
        inbound.concealment_events = stats.concealment_events;
        inbound.jitter_buffer_delay = stats.jitter_buffer_delay.as_secs_f64();
        inbound.jitter_buffer_emitted_count = stats.jitter_buffer_emitted_count;
    }
}

/// From 1900 to 1970.
const UNIX_EPOCH_IN_NTP_MICROS: u64 = 2_208_988_800_000_000;
