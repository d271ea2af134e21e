//! A call as a whole: ties devices, codecs, session and connections together.
//!
//! One task owns everything ([`owner::Owner`]); a [`Call`] is a handle that sends it commands, and what happens comes back as [`CallEvent`]s.
//! Frames and packets do not pass through it: they go between the media threads and each connection's own tasks, so a
//! slow event reader never delays a picture. It does not know the server either: signals are events, written by whoever
//! holds the socket.

mod api;
mod local;
mod meeting;
mod owner;
mod pair;
mod paths;
mod sharing;

pub use crate::peer::{RelayProblem, RelayTrust};
pub use crate::session::PairState as PeerState;
pub use crate::stats::{CallStats, InboundAudio, InboundVideo, OutboundRtp, PairStats};
pub use api::{CallConfig, CallError, CallEvent, EndReason, MediaConfig, START_VIDEO_BITRATE, VideoSource};

use crate::device::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use crate::frames::VideoStream;
use owner::{Command, Owner};
use snug_protocol::ice::IceServer;
use snug_protocol::signal::ServerSignal;
use snug_protocol::{DeviceId, TxnId};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

/// Commands that wait for the owner task, which is never busy for long.
const COMMANDS: usize = 64;
/// Events that wait for the layers above. Levels are left out when half of it is full; who is a thousand events behind is gone.
const EVENTS: usize = 1024;
/// Hanging up takes no longer, whatever the network does.
const HANG_UP: Duration = Duration::from_millis(1_000);

/// The events of a call, oldest first; the last is [`CallEvent::Ended`].
pub struct CallEvents {
    events: mpsc::Receiver<CallEvent>,
}

impl CallEvents {
    /// The next event; `None` after the last. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<CallEvent> {
        self.events.recv().await
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<CallEvent> {
        self.events.try_recv().ok()
    }
}

/// A call. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    /// To the owner task; awaited when it is full.
    commands: mpsc::Sender<Command>,
}

impl Call {
    /// Opens the devices, joins, and connects to all who are in the call. Does not wait for any of it: what goes wrong is an
    /// event.
    pub fn start(config: CallConfig) -> Result<(Call, CallEvents), CallError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| CallError::NoRuntime)?;
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (events_out, events) = mpsc::channel(EVENTS);
        let span = tracing::info_span!("call", id = %config.call);
        let owner = span.in_scope(|| Owner::new(config, events_out));
        runtime.spawn(owner.run(orders).instrument(span));
        Ok((Call { commands }, CallEvents { events }))
    }

    /// Hands over what the server said; signals of other calls are ignored.
    pub async fn server_signal(&self, signal: ServerSignal) -> Result<(), CallError> {
        self.command(Command::Signal(Box::new(signal))).await
    }

    /// The signal socket is there (again): joins by a [`CallEvent::Send`].
    pub async fn socket_connected(&self) -> Result<(), CallError> {
        self.command(Command::SocketConnected).await
    }

    /// The signal socket is gone. Media goes on, and what matters of the signals is repeated when it is back.
    pub async fn socket_lost(&self) -> Result<(), CallError> {
        self.command(Command::SocketLost).await
    }

    /// This computer has these addresses now. Connections that lose theirs are made anew at once, without hanging up; when nobody could
    /// reach any of them, as between two networks, at once when there is one again.
    pub async fn network_changed(&self, addresses: Vec<IpAddr>) -> Result<(), CallError> {
        self.command(Command::Network(addresses)).await
    }

    /// Uses these STUN and TURN servers from now on, in restarts and for those who join: a relay's password has an end.
    pub async fn set_ice_servers(&self, servers: Vec<IceServer>) -> Result<(), CallError> {
        self.command(Command::IceServers(servers)).await
    }

    /// Sends silence, or the voice again.
    pub async fn set_muted(&self, muted: bool) -> Result<(), CallError> {
        self.command(Command::Muted(muted)).await
    }

    /// Closes or opens the camera.
    pub async fn set_video(&self, on: bool) -> Result<(), CallError> {
        self.command(Command::Video(on)).await
    }

    /// Takes another camera, or none.
    pub async fn set_camera(&self, camera: Option<CameraChoice>) -> Result<(), CallError> {
        self.command(Command::Camera(camera)).await
    }

    /// Takes another microphone.
    pub async fn set_microphone(&self, microphone: MicrophoneChoice) -> Result<(), CallError> {
        self.command(Command::Microphone(microphone)).await
    }

    /// Takes another speaker.
    pub async fn set_speaker(&self, speaker: SpeakerChoice) -> Result<(), CallError> {
        self.command(Command::Speaker(speaker)).await
    }

    /// Tells a device how large it is shown, in physical pixels; 0×0 while it is hidden, and then it sends no video.
    pub async fn set_tile(&self, device: DeviceId, width: u32, height: u32) -> Result<(), CallError> {
        self.command(Command::Tile { device, width, height }).await
    }

    /// Says something in writing to everybody who is connected now; who comes later does not see it. Who writes checks the length.
    pub async fn say(&self, id: TxnId, text: String) -> Result<(), CallError> {
        self.command(Command::Say(id, text)).await
    }

    /// Asks for a keyframe of a source: a decoder gave up.
    pub async fn request_keyframe(&self, source: VideoSource) -> Result<(), CallError> {
        self.command(Command::Keyframe(source)).await
    }

    /// The frames of a source, from the next keyframe on. A device that is not here yet may be named already.
    pub async fn subscribe_video(&self, source: VideoSource) -> Result<VideoStream, CallError> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Subscribe(source, reply)).await?;
        answer.await.map_err(|_| CallError::Ended)
    }

    /// The numbers so far.
    pub async fn stats(&self) -> Result<CallStats, CallError> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Stats(reply)).await?;
        answer.await.map_err(|_| CallError::Ended)
    }

    /// Says goodbye and ends the call; done within a second, with [`CallEvent::Ended`] as the last event.
    pub async fn hang_up(&self) {
        let (reply, answer) = oneshot::channel();
        if self.command(Command::HangUp(reply)).await.is_ok() {
            // An owner that is gone before it answers has hung up, too.
            let _ = answer.await;
        }
    }

    async fn command(&self, command: Command) -> Result<(), CallError> {
        self.commands.send(command).await.map_err(|_| CallError::Ended)
    }
}
