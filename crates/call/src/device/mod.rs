//! Cameras, microphones and speakers: what there is, which one was chosen, and what goes wrong with it.
//!
//! The only folder that names nokhwa and cpal. Behind [`Camera`], [`Microphone`] and [`Speaker`] stands a
//! real device, a file or a test source, and nobody above can tell which. A source is polled by the
//! thread that uses it and says when it has nothing yet: channels between device and user would only
//! queue what is already late.

mod camera;
mod choice;
mod list;
mod microphone;
mod pace;
mod resample;
mod sound;
mod speaker;
pub(crate) mod timeline;

pub use camera::{Camera, VideoFormat, open as open_camera};
pub use choice::{CameraChoice, ChoiceError, DEFAULT_TONE_HZ, MicrophoneChoice, SpeakerChoice};
pub use list::{DeviceInfo, DeviceList, SourceKind, list};
pub use microphone::{Microphone, SoundBlock, open as open_microphone};
pub(crate) use speaker::nowhere;
pub use speaker::{Speaker, open as open_speaker};

use serde::{Deserialize, Serialize};
use std::fmt;
use tokio::sync::mpsc;

/// Samples per second of all sound inside a call.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in the 10 ms that sound is handled in: what the echo canceller takes.
pub const BLOCK: usize = 480;

/// 10 ms of mono sound at 48 kHz, −1…1.
pub type Block = [f32; BLOCK];

/// Names a device for good: the same one after unplugging, and where the system allows after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id of these letters, as [`list`] or settings gave them.
    pub fn new(id: impl Into<String>) -> DeviceId {
        DeviceId(id.into())
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Gives pictures.
    Camera,
    /// Gives sound.
    Microphone,
    /// Takes sound.
    Speaker,
}

/// What can be wrong with a device. Each variant but the last has words of its own in the interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// There is none, or not the one that was chosen.
    #[error("no such device")]
    NotFound,
    /// Another program has it.
    #[error("another program uses the device")]
    Busy,
    /// The system does not let this program use it.
    #[error("the system does not allow using the device")]
    Denied,
    /// It was there and is not any more.
    #[error("the device was unplugged")]
    Gone,
    /// It offers nothing that can be used.
    #[error("the device cannot be used: {0}")]
    Unsupported(String),
    /// Anything else, in the system's words.
    #[error("{0}")]
    Other(String),
}

impl DeviceError {
    /// A stable name, which the interface puts into words.
    pub fn code(&self) -> &'static str {
        match self {
            DeviceError::NotFound => "not_found",
            DeviceError::Busy => "busy",
            DeviceError::Denied => "denied",
            DeviceError::Gone => "gone",
            DeviceError::Unsupported(_) => "unsupported",
            DeviceError::Other(_) => "other",
        }
    }
}

/// How a device does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// It is open.
    Working {
        /// What the system calls it.
        name: String,
    },
    /// It is not; it is tried again by itself.
    Failed(DeviceError),
}

/// A device began or ceased to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// Which of the three.
    pub kind: DeviceKind,
    /// How it does.
    pub state: DeviceState,
}

/// What happened to a device, oldest first. When nobody reads, the newest are dropped: sixteen changes
/// that nobody looked at are not worth memory.
pub type DeviceEvents = mpsc::Receiver<DeviceEvent>;

/// Says each change of a device's state once.
pub(crate) struct DeviceReporter {
    kind: DeviceKind,
    // Bounded by `DEVICE_EVENTS`; the receiver is in the hands of whoever started sender or playout.
    events: mpsc::Sender<DeviceEvent>,
    last: Option<DeviceState>,
}

/// See [`DeviceEvents`].
const DEVICE_EVENTS: usize = 16;

impl DeviceReporter {
    pub(crate) fn new(kind: DeviceKind) -> (DeviceReporter, DeviceEvents) {
        let (events, receiver) = mpsc::channel(DEVICE_EVENTS);
        (DeviceReporter { kind, events, last: None }, receiver)
    }

    pub(crate) fn working(&mut self, name: &str) {
        self.report(DeviceState::Working { name: name.to_owned() });
    }

    pub(crate) fn failed(&mut self, error: DeviceError) {
        self.report(DeviceState::Failed(error));
    }

    /// The device was closed on purpose or exchanged: what comes next is news even if it is the same.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    fn report(&mut self, state: DeviceState) {
        if self.last.as_ref() == Some(&state) {
            return;
        }
        tracing::info!(kind = ?self.kind, ?state, "device");
        let event = DeviceEvent { kind: self.kind, state: state.clone() };
        if self.events.try_send(event).is_err() {
            tracing::debug!("nobody reads this device's events");
        }
        self.last = Some(state);
    }
}
