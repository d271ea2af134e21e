//! Cameras, microphones and speakers, and pictures on their way to the screen.

use super::{Client, Result};
use crate::view::{DeviceKind, Devices};
use tokio::sync::watch;

pub(super) fn soon<T>() -> Result<T> {
    Err(crate::view::Problem { code: "internal".into(), detail: "not wired yet".into() })
}

impl Client {
    /// What can be chosen, and what is.
    pub async fn devices(&self) -> Result<Devices> {
        soon()
    }

    /// Chooses a device, for a call that goes on and for those to come.
    pub async fn choose_device(&self, _kind: DeviceKind, _id: &str) -> Result<()> {
        soon()
    }

    /// Opens camera and microphone for the settings; pictures come as the stream [`StreamName::Preview`], levels through
    /// [`levels`](Self::levels).
    pub async fn start_preview(&self) -> Result<()> {
        soon()
    }

    /// Closes what [`start_preview`](Self::start_preview) opened.
    pub async fn stop_preview(&self) {}

    /// Plays a short sound on the chosen speaker.
    pub async fn test_speaker(&self) -> Result<()> {
        soon()
    }

    /// How loud the microphone is, 0 to 1, about 15 times a second while a preview or a call runs.
    pub fn levels(&self) -> watch::Receiver<f32> {
        watch::channel(0.0).1
    }

    /// The picture streams that exist now; changes when somebody comes or goes or switches a camera.
    /// `subscribe_video(&StreamName) -> Option<snug_call::VideoStream>` and `request_keyframe(&StreamName)` follow with the call crate.
    pub fn streams(&self) -> watch::Receiver<Vec<StreamName>> {
        watch::channel(Vec::new()).1
    }
}

/// Whose picture. Written `self`, `preview`, or a device's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamName {
    /// One's own camera in a call, as it is sent.
    Own,
    /// One's own camera in the settings.
    Preview,
    /// Somebody else's.
    Peer(snug_protocol::DeviceId),
}

impl std::fmt::Display for StreamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own => f.write_str("self"),
            Self::Preview => f.write_str("preview"),
            Self::Peer(device) => device.fmt(f),
        }
    }
}

impl std::str::FromStr for StreamName {
    type Err = crate::view::Problem;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "self" => Ok(Self::Own),
            "preview" => Ok(Self::Preview),
            id => id.parse().map(Self::Peer).map_err(|_| crate::view::Problem {
                code: "bad_request".into(),
                detail: "no such stream".into(),
            }),
        }
    }
}
