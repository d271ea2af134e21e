//! Cameras, microphones and speakers, and pictures on their way to the screen.

use super::{Client, Result};
use crate::calls::Pictures;
use crate::view::{DeviceKind, Devices};
use snug_call::VideoSource;
use snug_call::audio::HeardObserver;
use std::sync::Arc;
use tokio::sync::watch;

impl Client {
    /// What can be chosen, and what is.
    pub async fn devices(&self) -> Result<Devices> {
        self.inner.studio.devices().await
    }

    /// Chooses a device, for a call that goes on and for those to come.
    pub async fn choose_device(&self, kind: DeviceKind, id: &str) -> Result<()> {
        self.inner.studio.choose(&self.core().store, kind, id).await?;
        match self.session() {
            Ok(session) => session.calls.device_chosen(kind).await,
            Err(_) => Ok(()),
        }
    }

    /// Opens camera and microphone for the settings; pictures come as the stream [`StreamName::Preview`], levels through
    /// [`levels`](Self::levels). During a call the call's own camera is shown.
    pub async fn start_preview(&self) -> Result<()> {
        self.inner.studio.start_preview();
        Ok(())
    }

    /// Closes what [`start_preview`](Self::start_preview) opened.
    pub async fn stop_preview(&self) {
        self.inner.studio.stop_preview();
    }

    /// Plays a short sound on the chosen speaker; returns when it was heard.
    pub async fn test_speaker(&self) -> Result<()> {
        self.inner.studio.test_speaker().await
    }

    /// How loud the microphone is, 0 to 1, about 15 times a second while a preview or a call runs.
    pub fn levels(&self) -> watch::Receiver<f32> {
        self.inner.studio.levels().subscribe()
    }

    /// The picture streams that exist now; changes when somebody comes or goes or switches a camera.
    pub fn streams(&self) -> watch::Receiver<Vec<StreamName>> {
        self.inner.studio.streams()
    }

    /// A stream's pictures from the next keyframe on, if there is such a stream.
    pub fn subscribe_video(&self, name: &StreamName) -> Option<Pictures> {
        self.inner.studio.subscribe(*name)
    }

    /// A decoder failed or fell behind: asks the sender of a stream for a keyframe. Many requests make few keyframes.
    pub fn request_keyframe(&self, name: &StreamName) {
        let source = match name {
            StreamName::Preview if self.inner.studio.request_preview_keyframe() => return,
            StreamName::Preview | StreamName::Own => VideoSource::SelfView,
            StreamName::Peer(device) => VideoSource::Remote(*device),
        };
        if let Ok(session) = self.session() {
            session.calls.request_keyframe(source);
        }
    }

    /// Lets calls from now on be listened to, as their person hears them: `observer` makes a listener for each. For measurements.
    pub fn set_hearing(&self, observer: impl Fn() -> HeardObserver + Send + Sync + 'static) {
        self.inner.studio.set_hearing(Arc::new(observer));
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
