//! The thread that turns a camera into encoded frames.
//!
//! One thread, and not one for the camera and one for the encoder: the source waits inside
//! [`crate::device::Camera::next_frame`], and handing a picture over would only add a wake-up. What
//! others want of it (another rate, a keyframe, another camera) is left in a small struct under a lock
//! that it reads before each picture.

use super::frames::{BACKLOG, EncodedFrames};
use super::pace::Pace;
use super::scale::Scaler;
use super::speed::Speed;
use super::watcher::{Watcher, Watchers};
use crate::clock::Clock;
use crate::codec::{CodecError, VpxEncoder};
use crate::device::{
    Camera, CameraChoice, DeviceError, DeviceEvents, DeviceKind, DeviceReporter, VideoFormat, open_camera,
};
use snug_media::allocate::Rung;
use snug_media::keyframe::Grant;
use snug_media::{Bitrate, ClockRate, EncodedFrame, KeyframeGate, RtpTime, Time, VideoFrame};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;

/// How long a wait for a picture may keep the thread from seeing that it shall end.
const PATIENCE: Duration = Duration::from_millis(100);
/// A camera that failed is tried again after this, then after twice as long, and so on up to…
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// …this: soon enough for somebody who has just plugged it in again.
const RETRY_LAST: Duration = Duration::from_secs(4);
/// What 720p of a talking head is content with.
const DEFAULT_BITRATE: Bitrate = Bitrate::kbps(1500);

/// How a [`VideoSender`] begins. A preview is one with a small format.
#[derive(Clone, Debug)]
pub struct VideoSettings {
    /// Where pictures come from, if from anywhere.
    pub camera: Option<CameraChoice>,
    /// Whether the camera is open. Off closes the device, so that its light goes out.
    pub on: bool,
    /// What is asked of the camera, and the largest picture that is encoded.
    pub format: VideoFormat,
    /// What is aimed at.
    pub bitrate: Bitrate,
}

impl Default for VideoSettings {
    fn default() -> VideoSettings {
        let camera = Some(CameraChoice::Default);
        VideoSettings { camera, on: true, format: VideoFormat::default(), bitrate: DEFAULT_BITRATE }
    }
}

/// What a sender has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoSenderStats {
    /// Pictures that the camera gave.
    pub frames_captured: u64,
    /// Those of them that the network had no room for, or that did not fit the rate.
    pub frames_left_out: u64,
    /// `framesEncoded` of webrtc-stats.
    pub frames_encoded: u64,
    /// `keyFramesEncoded`.
    pub key_frames_encoded: u64,
    /// `totalEncodeTime`: scaling and encoding, by the wall clock.
    pub total_encode_time: Duration,
    /// From capture to encoded, of the newest frame.
    pub last_latency: Duration,
    /// Size of the newest frame.
    pub frame_size: (u32, u32),
}

/// What is wanted of the thread. `camera_changed` and `ended` are the only news that cannot wait for the
/// next picture.
struct Orders {
    camera: Option<CameraChoice>,
    camera_changed: bool,
    on: bool,
    /// Nothing while pictures would only delay the voice: the camera stays open.
    target: Option<Rung>,
    /// Those who send the pictures to others.
    watchers: Watchers,
    gate: KeyframeGate,
    force_keyframe: bool,
    ended: bool,
    stats: VideoSenderStats,
}

/// Shared by the thread, which reads it before each picture, and by those who order; nobody holds the
/// lock longer than it takes to copy a field.
pub(super) struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
    clock: Clock,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn request_keyframe(&self) {
        let now = self.clock.now();
        let mut orders = self.lock();
        if orders.gate.request(now) == Grant::Now {
            orders.force_keyframe = true;
        }
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }
}

impl Orders {
    /// What to aim at now; nothing when this picture shall be left out.
    fn aim(&self) -> Option<Rung> {
        self.target.filter(|_| !self.watchers.any_full())
    }
}

/// Encodes a camera, once for all who watch. Dropping it closes the camera and ends the thread.
pub struct VideoSender {
    shared: Arc<Shared>,
    /// Gives each watcher its own bounded backlog of [`BACKLOG`] frames; the thread is the only sender.
    frames: broadcast::WeakSender<Arc<EncodedFrame>>,
}

impl VideoSender {
    /// Starts the thread. The camera is opened by it, so this does not wait; how that went comes as an
    /// event. Nothing is encoded before somebody watches.
    pub fn start(settings: VideoSettings) -> (VideoSender, DeviceEvents) {
        let (reporter, events) = DeviceReporter::new(DeviceKind::Camera);
        let clock = Clock::shared();
        let orders = Orders {
            camera: settings.camera,
            camera_changed: false,
            on: settings.on,
            target: Some(Rung {
                within: (settings.format.width, settings.format.height),
                fps: f64::from(settings.format.fps),
                bitrate: settings.bitrate,
            }),
            watchers: Watchers::default(),
            gate: KeyframeGate::default(),
            force_keyframe: true,
            ended: false,
            stats: VideoSenderStats::default(),
        };
        let shared = Arc::new(Shared { orders: Mutex::new(orders), changed: Condvar::new(), clock });
        let (frames, _) = broadcast::channel(BACKLOG);
        let sender = VideoSender { shared: Arc::clone(&shared), frames: frames.downgrade() };
        let worker = Worker {
            shared,
            frames,
            reporter,
            clock,
            format: settings.format,
            scaler: Scaler::new(),
            speed: Speed::new(),
            encoder: None,
            pace: Pace::default(),
            count: 0,
        };
        let spawned = std::thread::Builder::new().name("video".to_owned()).spawn(move || worker.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for video");
        }
        (sender, events)
    }

    /// Watches, from a keyframe on, which is asked for.
    pub fn subscribe(&self) -> EncodedFrames {
        let frames = match self.frames.upgrade() {
            Some(frames) => frames.subscribe(),
            // The thread has ended: a channel that is closed already says so.
            None => broadcast::channel(1).1,
        };
        EncodedFrames::new(frames, Arc::clone(&self.shared))
    }

    /// As [`VideoSender::subscribe`], for one that has more to say.
    pub fn subscribe_as(&self, watcher: &Arc<Watcher>) -> EncodedFrames {
        self.shared.order(|orders| orders.watchers.add(watcher));
        self.subscribe()
    }

    /// Aims at this from the next picture on; nothing is encoded at `None`.
    pub fn set_target(&self, target: Option<Rung>) {
        self.shared.order(|orders| orders.target = target);
    }

    /// Somebody needs a keyframe. Many requests make few keyframes: see [`KeyframeGate`].
    pub fn request_keyframe(&self) {
        self.shared.request_keyframe();
    }

    /// Takes another camera, or none.
    pub fn set_camera(&self, camera: Option<CameraChoice>) {
        self.shared.order(|orders| {
            if orders.camera != camera {
                orders.camera = camera;
                orders.camera_changed = true;
            }
        });
    }

    /// Opens or closes the camera.
    pub fn set_on(&self, on: bool) {
        self.shared.order(|orders| orders.on = on);
    }

    /// What it has done so far.
    pub fn stats(&self) -> VideoSenderStats {
        self.shared.lock().stats
    }
}

impl Drop for VideoSender {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.ended = true);
    }
}

/// What the thread owns.
struct Worker {
    shared: Arc<Shared>,
    frames: broadcast::Sender<Arc<EncodedFrame>>,
    reporter: DeviceReporter,
    clock: Clock,
    format: VideoFormat,
    scaler: Scaler,
    speed: Speed,
    encoder: Option<VpxEncoder>,
    pace: Pace,
    /// Frames encoded: their PictureID.
    count: u64,
}

impl Worker {
    fn run(mut self) {
        let mut camera: Option<Box<dyn Camera>> = None;
        let mut retry = RETRY_FIRST;
        while let Some(choice) = self.next_choice(&mut camera) {
            let open = match &mut camera {
                Some(open) => open,
                none => match open_camera(&choice, self.format, self.clock) {
                    Ok(opened) => {
                        self.reporter.working(opened.name());
                        self.shared.request_keyframe();
                        none.insert(opened)
                    }
                    Err(error) => {
                        self.failed(error, &mut retry);
                        continue;
                    }
                },
            };
            match open.next_frame(PATIENCE) {
                Ok(Some(frame)) => {
                    retry = RETRY_FIRST;
                    self.shared.lock().stats.frames_captured += 1;
                    if let Err(error) = self.encode(&frame) {
                        tracing::warn!(%error, "a picture was not encoded");
                        self.encoder = None;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    camera = None;
                    self.failed(error, &mut retry);
                }
            }
        }
    }

    /// Waits until a camera is wanted and says which; nothing when the thread shall end. Closes the
    /// camera when it is not wanted any more.
    fn next_choice(&mut self, camera: &mut Option<Box<dyn Camera>>) -> Option<CameraChoice> {
        loop {
            let mut orders = self.shared.lock();
            if orders.ended {
                return None;
            }
            let wanted = orders.camera.clone().filter(|_| orders.on);
            if std::mem::take(&mut orders.camera_changed) || (wanted.is_none() && camera.is_some()) {
                // Closing a device can take a while: not under the lock.
                drop(orders);
                *camera = None;
                self.reporter.forget();
            } else if wanted.is_some() {
                return wanted;
            } else {
                drop(self.shared.changed.wait(orders).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    fn failed(&mut self, error: DeviceError, retry: &mut Duration) {
        self.reporter.failed(error);
        let orders = self.shared.lock();
        let unchanged = |orders: &mut Orders| !orders.ended && !orders.camera_changed && orders.on;
        let waited = self.shared.changed.wait_timeout_while(orders, *retry, unchanged);
        let news = !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        *retry = if news { RETRY_FIRST } else { (*retry * 2).min(RETRY_LAST) };
    }

    fn encode(&mut self, frame: &VideoFrame) -> Result<(), CodecError> {
        let started = self.clock.now();
        if self.frames.receiver_count() == 0 {
            // The next watcher asks for a keyframe, so nothing is lost but work.
            return Ok(());
        }
        let (target, taken_at, force) = {
            let mut orders = self.shared.lock();
            let Some(target) = orders.aim() else {
                let missed = self.pace.leave_out(frame.captured_at, orders.target.map(|target| target.fps));
                orders.stats.frames_left_out += u64::from(missed);
                return Ok(());
            };
            let Some(taken_at) = self.pace.take(frame.captured_at, target.fps) else { return Ok(()) };
            let due = orders.gate.poll(started);
            let force = std::mem::take(&mut orders.force_keyframe) || due || orders.watchers.all_hold();
            (target, taken_at, force)
        };
        let bitrate = target.bitrate;
        let picture = self.scaler.scale(&frame.picture, target.within);
        let size = (picture.width(), picture.height());
        let encoder = match &mut self.encoder {
            Some(encoder) if encoder.size() == size => {
                encoder.set_bitrate(bitrate)?;
                encoder
            }
            other => {
                other.insert(VpxEncoder::new(size.0, size.1, self.format.fps, bitrate, self.speed.get())?)
            }
        };
        let duration = Duration::from_secs_f64(1.0 / target.fps.clamp(1.0, 120.0));
        let encoded = encoder.encode(&picture, taken_at, duration, force)?;
        let now = self.clock.now();
        if let Some(speed) = self.speed.encoded(now, now.since(started), duration) {
            encoder.set_speed(speed)?;
        }
        let mut orders = self.shared.lock();
        orders.stats.total_encode_time += now.since(started);
        let Some(encoded) = encoded else {
            // A dropped picture cannot have been the keyframe that was asked for.
            orders.force_keyframe |= force;
            orders.stats.frames_left_out += 1;
            return Ok(());
        };
        if encoded.keyframe {
            orders.gate.produced(now);
            orders.stats.key_frames_encoded += 1;
        }
        orders.stats.frames_encoded += 1;
        orders.stats.last_latency = now.since(frame.captured_at);
        orders.stats.frame_size = size;
        drop(orders);
        let encoded = EncodedFrame {
            data: encoded.data,
            keyframe: encoded.keyframe,
            rtp_time: RtpTime::at(frame.captured_at.since(Time::ZERO), ClockRate::VIDEO),
            width: size.0 as u16,
            height: size.1 as u16,
            picture_id: Some((self.count & 0x7fff) as u16),
            temporal_id: 0,
            layer_sync: false,
            captured_at: Some(frame.captured_at),
        };
        self.count += 1;
        // It fails only when the last watcher has just left.
        self.frames.send(Arc::new(encoded)).ok();
        Ok(())
    }
}
