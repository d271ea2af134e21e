//! A real camera through nokhwa.
//!
//! `frame()` blocks until the camera gives something, so each camera has a thread that fetches raw
//! frames and leaves the newest in a slot; converting them is left to whoever takes them, so that frames
//! that nobody takes cost only a copy. nokhwa's "closest" request fails when the pixel format is absent,
//! so the format is chosen here from what the device lists.

use super::convert::Converter;
use super::{Camera, DeviceError, VideoFormat};
use crate::clock::Clock;
use crate::device::{DeviceId, DeviceInfo, SourceKind};
use nokhwa::NokhwaError;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};
use snug_media::{Time, VideoFrame};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What we can convert, best first: less work, then better colours.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];
/// A USB camera takes a second or two to start; a driver that takes longer has hung.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A camera in the dark may slow down to a few pictures per second, but not to none.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// Drivers list intervals such as 1001/30000, of which nokhwa reports the 30000.
const MAX_FPS: u32 = 240;
/// JPEGs cut on the cable are normal now and then; this many in a row are a camera that cannot be read.
const MAX_BROKEN: u32 = 30;

/// The cameras that there are, in the system's order.
pub(in crate::device) fn list() -> Vec<DeviceInfo> {
    let cameras = query().unwrap_or_else(|error| {
        tracing::debug!(%error, "cameras cannot be listed");
        Vec::new()
    });
    cameras
        .iter()
        .map(|info| DeviceInfo { id: id_of(info), name: info.human_name(), kind: SourceKind::Real })
        .collect()
}

fn query() -> Result<Vec<CameraInfo>, NokhwaError> {
    let mut cameras = nokhwa::query(ApiBackend::Auto)?;
    cameras.retain(gives_pictures);
    cameras.sort_by_key(|info| info.index().as_index().unwrap_or(u32::MAX));
    Ok(cameras)
}

/// On Linux one camera has several nodes; those after the first carry metadata.
fn gives_pictures(info: &CameraInfo) -> bool {
    let Ok(index) = info.index().as_index() else { return true };
    let node = std::fs::read_to_string(format!("/sys/class/video4linux/video{index}/index"));
    node.map_or(true, |node| node.trim() == "0")
}

/// macOS and Windows have a lasting name in `misc`. On Linux the number can change at each plugging in,
/// so the name goes first, and the number only tells twins apart.
fn id_of(info: &CameraInfo) -> DeviceId {
    match info.misc() {
        misc if misc.is_empty() => DeviceId::new(format!("{}@{}", info.human_name(), info.index())),
        misc => DeviceId::new(misc),
    }
}

fn find(wanted: Option<&DeviceId>) -> Result<CameraInfo, DeviceError> {
    let cameras = query().map_err(|error| classify(&error))?;
    let Some(wanted) = wanted else { return cameras.into_iter().next().ok_or(DeviceError::NotFound) };
    let name = wanted.as_str().rsplit_once('@').map_or(wanted.as_str(), |(name, _)| name);
    let exact = cameras.iter().find(|info| id_of(info) == *wanted);
    exact
        .or_else(|| cameras.iter().find(|info| info.human_name() == name))
        .cloned()
        .ok_or(DeviceError::NotFound)
}

struct RawFrame {
    format: FrameFormat,
    width: u32,
    height: u32,
    bytes: Vec<u8>,
    captured_at: Time,
}

#[derive(Default)]
struct Slot {
    newest: Option<RawFrame>,
    failure: Option<DeviceError>,
    closed: bool,
}

/// The camera's thread puts frames in, whoever uses the camera takes them out; neither holds the lock
/// longer than a move takes. A frame that was not taken is replaced.
#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct RealCamera {
    name: String,
    shared: Arc<Shared>,
    converter: Converter,
    clock: Clock,
    last_frame: Time,
    broken: u32,
}

impl RealCamera {
    pub(super) fn open(
        id: Option<&DeviceId>,
        wanted: VideoFormat,
        clock: Clock,
    ) -> Result<RealCamera, DeviceError> {
        let info = find(id)?;
        let name = info.human_name();
        let shared = Arc::new(Shared::default());
        // One answer, and room for it, so that the thread never waits for us.
        let (answer, opened) = sync_channel(1);
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("camera".to_owned())
            .spawn(move || match start(info.index(), wanted) {
                Ok(mut camera) => {
                    if answer.send(Ok(())).is_ok() {
                        fetch(&mut camera, &theirs, clock);
                    }
                }
                Err(error) => drop(answer.send(Err(error))),
            })
            .map_err(|error| DeviceError::Other(error.to_string()))?;
        let camera = RealCamera {
            name,
            shared,
            converter: Converter::default(),
            clock,
            last_frame: clock.now(),
            broken: 0,
        };
        // On an error the camera is dropped here, which tells the thread to close the device.
        opened
            .recv_timeout(OPEN_TIMEOUT)
            .unwrap_or(Err(DeviceError::Other("it does not start".to_owned())))?;
        Ok(camera)
    }
}

impl Drop for RealCamera {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
    }
}

impl Camera for RealCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let waiting = |slot: &mut Slot| slot.newest.is_none() && slot.failure.is_none();
        let guard = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(guard, timeout, waiting);
        let mut slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        let (newest, failure) = (slot.newest.take(), slot.failure.clone());
        drop(slot);
        let now = self.clock.now();
        let Some(raw) = newest else {
            return match failure {
                Some(failure) => Err(failure),
                None if now.since(self.last_frame) > STALLED_AFTER => {
                    Err(DeviceError::Other("the camera gives no pictures".to_owned()))
                }
                None => Ok(None),
            };
        };
        self.last_frame = now;
        match self.converter.convert(raw.format, raw.width, raw.height, &raw.bytes) {
            Ok(picture) => {
                self.broken = 0;
                Ok(Some(VideoFrame { picture, captured_at: raw.captured_at }))
            }
            Err(error) => {
                self.broken += 1;
                tracing::debug!(%error, "a broken picture");
                if self.broken > MAX_BROKEN { Err(error) } else { Ok(None) }
            }
        }
    }
}

/// Opens the device with the best format that it accepts.
fn start(index: &CameraIndex, wanted: VideoFormat) -> Result<nokhwa::Camera, DeviceError> {
    let mut camera = open_any(index)?;
    let mut formats = camera.compatible_camera_formats().map_err(|error| classify(&error))?;
    formats
        .retain(|format| FORMATS.contains(&format.format()) && (1..=MAX_FPS).contains(&format.frame_rate()));
    formats.sort_by(|a, b| cost(a, wanted).total_cmp(&cost(b, wanted)));
    formats.dedup();
    let exact =
        |format: &CameraFormat| RequestedFormat::with_formats(RequestedFormatType::Exact(*format), &FORMATS);
    // A driver may list what it then refuses; the one that it opened with is left in that case.
    let accepted = formats.iter().find(|format| camera.set_camera_requset(exact(format)).is_ok());
    tracing::debug!(?accepted, current = ?camera.camera_format(), "camera format");
    if !FORMATS.contains(&camera.camera_format().format()) {
        return Err(DeviceError::Unsupported("none of its picture formats".to_owned()));
    }
    camera.open_stream().map_err(|error| classify(&error))?;
    Ok(camera)
}

/// Opens it in any format, which is the only way to ask for the list.
fn open_any(index: &CameraIndex) -> Result<nokhwa::Camera, DeviceError> {
    let requests = [RequestedFormatType::None, RequestedFormatType::AbsoluteHighestFrameRate];
    let mut last = DeviceError::NotFound;
    for request in requests {
        match nokhwa::Camera::new(index.clone(), RequestedFormat::with_formats(request, &FORMATS)) {
            Ok(camera) => return Ok(camera),
            Err(error) => last = classify(&error),
        }
    }
    Err(last)
}

/// How far a format is from what is wanted: too slow weighs most, then too small, then too large; at
/// the same distance the cheapest pixels win.
fn cost(format: &CameraFormat, wanted: VideoFormat) -> f64 {
    let too_slow = (f64::from(wanted.fps) / f64::from(format.frame_rate())).ln();
    let pixels = |width: u32, height: u32| f64::from(width.max(1)) * f64::from(height.max(1));
    let size = (pixels(format.width(), format.height()) / pixels(wanted.width, wanted.height)).ln();
    let shape = (f64::from(format.width())
        / f64::from(format.height().max(1))
        / (f64::from(wanted.width) / f64::from(wanted.height.max(1))))
    .ln();
    let rank = FORMATS.iter().position(|known| *known == format.format()).unwrap_or(FORMATS.len());
    let faster = (-too_slow).max(0.0);
    too_slow.max(0.0)
        + 0.5 * (-size).max(0.0)
        + 0.25 * size.max(0.0)
        + 0.1 * shape.abs()
        + 0.01 * faster
        + 0.001 * rank as f64
}

/// Fetches frames until the device fails or nobody wants them any more.
fn fetch(camera: &mut nokhwa::Camera, shared: &Shared, clock: Clock) {
    loop {
        let frame = camera.frame();
        // nokhwa knows a capture time on few systems and not in our clock; a frame is handed over at once.
        let captured_at = clock.now();
        let mut slot = shared.lock();
        if slot.closed {
            break;
        }
        match frame {
            Ok(frame) => {
                let size = frame.resolution();
                slot.newest = Some(RawFrame {
                    format: frame.source_frame_format(),
                    width: size.width(),
                    height: size.height(),
                    bytes: frame.buffer().to_vec(),
                    captured_at,
                });
                shared.changed.notify_one();
            }
            Err(error) => {
                tracing::debug!(%error, "the camera ended");
                // Whatever the driver says: it worked before and does not now.
                slot.failure = Some(DeviceError::Gone);
                shared.changed.notify_one();
                break;
            }
        }
    }
    if let Err(error) = camera.stop_stream() {
        tracing::debug!(%error, "closing the camera");
    }
}

/// nokhwa gives the system's reason as text only.
fn classify(error: &NokhwaError) -> DeviceError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["os error 16", "busy", "Busy", "0xC00D3704", "0x80070020"]) {
        DeviceError::Busy
    } else if says(&["os error 13", "os error 1)", "ermission", "denied", "0x80070005"]) {
        DeviceError::Denied
    } else if says(&["os error 2)", "os error 6)", "os error 19", "No such"]) {
        DeviceError::NotFound
    } else {
        DeviceError::Other(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(formats: &[(u32, u32, FrameFormat, u32)]) -> (u32, u32, FrameFormat, u32) {
        let wanted = VideoFormat::default();
        let all = formats.iter().map(|&(w, h, format, fps)| CameraFormat::new_from(w, h, format, fps));
        let mut all: Vec<CameraFormat> = all.collect();
        all.sort_by(|a, b| cost(a, wanted).total_cmp(&cost(b, wanted)));
        (all[0].width(), all[0].height(), all[0].format(), all[0].frame_rate())
    }

    #[test]
    fn the_wanted_size_at_full_speed_wins_whatever_its_pixels() {
        use FrameFormat::{MJPEG, NV12, YUYV};
        let usb2 =
            [(1280, 720, YUYV, 10), (640, 480, YUYV, 30), (1280, 720, MJPEG, 30), (1920, 1080, MJPEG, 30)];
        assert_eq!(best(&usb2), (1280, 720, MJPEG, 30));
        assert_eq!(best(&[(1280, 720, MJPEG, 30), (1280, 720, YUYV, 30), (1280, 720, NV12, 30)]).2, NV12);
        assert_eq!(best(&[(1280, 720, YUYV, 60), (1280, 720, YUYV, 30)]).3, 30);
    }

    #[test]
    fn otherwise_the_nearest_wins_and_speed_goes_before_size() {
        use FrameFormat::YUYV;
        assert_eq!(best(&[(1280, 720, YUYV, 5), (640, 480, YUYV, 30)]).0, 640);
        assert_eq!(best(&[(160, 120, YUYV, 60), (1280, 720, YUYV, 15)]).0, 1280);
        assert_eq!(best(&[(320, 240, YUYV, 30), (640, 360, YUYV, 30), (1920, 1080, YUYV, 30)]).0, 1920);
        assert_eq!(best(&[(320, 240, YUYV, 30)]).0, 320);
    }

    #[test]
    fn the_systems_words_become_ours() {
        let open = |text: &str| classify(&NokhwaError::OpenStreamError(text.to_owned()));
        assert_eq!(open("Device or resource busy (os error 16)"), DeviceError::Busy);
        assert_eq!(open("Permission denied (os error 13)"), DeviceError::Denied);
        assert_eq!(open("No such device (os error 19)"), DeviceError::NotFound);
        assert!(matches!(open("Input/output error (os error 5)"), DeviceError::Other(_)));
    }

    #[test]
    fn a_camera_that_is_not_there_is_not_found() {
        let id = DeviceId::new("No camera has this name@99");
        let opened = RealCamera::open(Some(&id), VideoFormat::default(), Clock::shared());
        assert_eq!(opened.err(), Some(DeviceError::NotFound));
    }
}
