//! This side's devices and what is sent of them: camera, microphone, speaker, self-view.
//!
//! Not their threads, which the media side owns; this is what the call's owner orders of them and hears from them.

use super::api::{MediaConfig, START_VIDEO_BITRATE};
use super::sharing::{Sharing, Way};
use crate::audio::{AudioPackets, AudioSender, AudioSettings, HeardObserver, Playout, SoundLevel};
use crate::clock::Clock;
use crate::device::{CameraChoice, DeviceEvent, DeviceEvents, MicrophoneChoice, SpeakerChoice};
use crate::frames::{TimedFrame, VideoStream, Viewers};
use crate::video::{EncodedFrames, VideoFormat, VideoSender, VideoSenderStats, VideoSettings};
use snug_media::allocate::{Allocation, Content, LeftOut, Rung, Source};
use snug_media::bwe::Limits;
use snug_media::{Bitrate, EncodedFrame, Time};
use snug_protocol::pair::MediaState;
use std::sync::Arc;
use tokio::sync::watch;

/// What keeps voice and feedback alive.
const MIN_ESTIMATE: Bitrate = Bitrate::kbps(30);
/// Before anything is known: what nearly every network takes; probes begin at three times this.
const START_ESTIMATE: Bitrate = Bitrate::kbps(500);

/// This side's media.
pub(super) struct LocalMedia {
    pub(super) video: Arc<VideoSender>,
    audio: AudioSender,
    pub(super) sound: AudioPackets,
    pub(super) playout: Playout,
    devices: [DeviceEvents; 3],
    level: watch::Receiver<SoundLevel>,
    viewers: Viewers,
    /// Only while somebody watches the self-view.
    frames: Option<EncodedFrames>,
    max_bitrate: Bitrate,
    format: VideoFormat,
    sharing: Sharing,
    target: Option<Rung>,
    left_out: LeftOut,
    camera: Option<CameraChoice>,
    has_microphone: bool,
    muted: bool,
    video_on: bool,
}

/// What this side's media tell.
pub(super) enum LocalEvent {
    Device(DeviceEvent),
    SelfFrame(Option<Arc<EncodedFrame>>),
}

impl LocalMedia {
    /// Starts the devices, which open in the background.
    pub(super) fn start(media: MediaConfig, heard: Option<HeardObserver>) -> LocalMedia {
        let (playout, far_end, speaker_events) = Playout::start(media.speaker, heard);
        let has_microphone = media.microphone != MicrophoneChoice::None;
        let audio_settings = AudioSettings {
            microphone: media.microphone,
            processing: media.processing,
            muted: media.muted,
            ..AudioSettings::default()
        };
        let (audio, sound, microphone_events) = AudioSender::start(audio_settings, far_end);
        let video_settings = VideoSettings {
            camera: media.camera.clone(),
            on: media.video_on,
            format: media.video_format,
            bitrate: START_VIDEO_BITRATE.min(media.max_video_bitrate),
        };
        let (video, camera_events) = VideoSender::start(video_settings);
        LocalMedia {
            video: Arc::new(video),
            level: audio.level(),
            audio,
            sound,
            playout,
            devices: [camera_events, microphone_events, speaker_events],
            viewers: Viewers::default(),
            frames: None,
            max_bitrate: media.max_video_bitrate,
            format: media.video_format,
            sharing: Sharing::default(),
            target: None,
            left_out: LeftOut::default(),
            camera: media.camera,
            has_microphone,
            muted: media.muted,
            video_on: media.video_on,
        }
    }

    /// The next thing that they tell. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> LocalEvent {
        let [camera, microphone, speaker] = &mut self.devices;
        tokio::select! {
            Some(event) = camera.recv() => LocalEvent::Device(event),
            Some(event) = microphone.recv() => LocalEvent::Device(event),
            Some(event) = speaker.recv() => LocalEvent::Device(event),
            frame = next_frame(&mut self.frames) => LocalEvent::SelfFrame(frame),
        }
    }

    /// What is sent now.
    pub(super) fn state(&self) -> MediaState {
        MediaState {
            microphone: self.has_microphone && !self.muted,
            camera: self.camera.is_some() && self.video_on,
        }
    }

    /// How loud the microphone is.
    pub(super) fn level(&self) -> SoundLevel {
        *self.level.borrow()
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.audio.set_muted(muted);
    }

    pub(super) fn set_video(&mut self, on: bool) {
        self.video_on = on;
        self.video.set_on(on);
    }

    pub(super) fn set_camera(&mut self, camera: Option<CameraChoice>) {
        self.camera.clone_from(&camera);
        self.video.set_camera(camera);
    }

    pub(super) fn set_microphone(&mut self, microphone: MicrophoneChoice) {
        self.has_microphone = microphone != MicrophoneChoice::None;
        self.audio.set_microphone(microphone);
    }

    pub(super) fn set_speaker(&mut self, speaker: SpeakerChoice) {
        self.playout.set_speaker(speaker);
    }

    /// Between what the estimate of the way to one other device stays.
    pub(super) fn limits(&self) -> Limits {
        // Voice, repairs and headers go beside the pictures.
        let max = Bitrate::bps(self.max_bitrate.as_bps() * 5 / 4 + 100_000);
        Limits { min: MIN_ESTIMATE, start: START_ESTIMATE, max }
    }

    /// Follows what is known of the ways to the others. Says what could be sent on each at most, in their order.
    pub(super) fn adapt(&mut self, now: Time, ways: &[Way]) -> Vec<Bitrate> {
        let VideoSenderStats { frames_encoded, frames_left_out, .. } = self.video.stats();
        let size = self.target.map_or((0, 0), |target| target.within);
        self.left_out.count(now, size, frames_encoded, frames_left_out);
        let allocation = self.sharing.share(now, ways, self.source().as_ref());
        self.audio.set_voice(allocation.voice);
        if ways.is_empty() {
            // Nobody is connected: who comes begins with what everybody begins with, and who comes back does.
            self.sharing = Sharing::default();
            return Vec::new();
        }
        self.aim(&allocation);
        allocation.peers.iter().map(|share| share.wanted).collect()
    }

    /// While nobody is connected: the pictures become those with which the first one that will be begins.
    pub(super) fn prepare(&mut self, now: Time, first: Way) {
        self.aim(&Sharing::default().share(now, &[first], self.source().as_ref()));
    }

    fn source(&self) -> Option<Source> {
        let source = Source {
            content: Content::Camera,
            size: (self.format.width, self.format.height),
            fps: f64::from(self.format.fps),
            max: self.max_bitrate,
            left_out: self.left_out.part(),
        };
        self.state().camera.then_some(source)
    }

    fn aim(&mut self, allocation: &Allocation) {
        self.target = allocation.rungs.first().copied();
        self.video.set_target(self.target);
    }

    /// The rate that the pictures aim at, in bits per second; zero while there are none.
    pub(super) fn video_rate(&self) -> f64 {
        let target = self.target.filter(|_| self.state().camera);
        target.map_or(0.0, |target| target.bitrate.as_bps() as f64)
    }

    /// Another viewer of the self-view.
    pub(super) fn watch_self(&mut self) -> VideoStream {
        let stream = self.viewers.add();
        match self.frames {
            Some(_) => self.video.request_keyframe(),
            None => self.frames = Some(self.video.subscribe()),
        }
        stream
    }

    /// A frame for the self-view; none when the camera's thread is gone.
    pub(super) fn self_frame(&mut self, clock: Clock, frame: Option<Arc<EncodedFrame>>) {
        let Some(frame) = frame else {
            self.frames = None;
            return;
        };
        if self.viewers.push(&TimedFrame { frame, due: clock.now() }) {
            self.video.request_keyframe();
        }
        if self.viewers.is_empty() {
            self.frames = None;
        }
    }
}

async fn next_frame(frames: &mut Option<EncodedFrames>) -> Option<Arc<EncodedFrame>> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}
