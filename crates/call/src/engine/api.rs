//! What the layers above see of a call: its configuration, its events and its numbers. Plain data.
//!
//! Not the [`Call`](super::Call) itself, and nothing of webrtc: the type of a peer connection never leaves
//! `peer/`, so that replacing the crate underneath would not be seen above.

use crate::audio::{AudioProcessing, HeardObserver};
use crate::device::{CameraChoice, DeviceError, DeviceKind, MicrophoneChoice, SpeakerChoice, VideoFormat};
use crate::peer::{RelayProblem, RelayTrust};
use crate::session::PairState;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use snug_media::Bitrate;
use snug_protocol::ice::IceServer;
use snug_protocol::pair::MediaState;
use snug_protocol::signal::{ClientSignal, Participant};
use snug_protocol::{CallId, DeviceId, JoinId, RoomId, TxnId, UserId};
use std::collections::HashMap;

/// Everything that a call needs to begin.
pub struct CallConfig {
    /// Who and which device this is.
    pub me: (UserId, DeviceId),
    /// This stay; made anew for each call that one enters, kept over reconnects of the signal socket.
    pub join: JoinId,
    /// The call.
    pub call: CallId,
    /// The room in which it is.
    pub room: RoomId,
    /// Who is in it, as far as that is known before one joins: they are offered a connection at once.
    pub present: Vec<Participant>,
    /// Signs what is relayed.
    pub key: SigningKey,
    /// Ed25519 public keys of devices that were met before; a device that comes with another one raises
    /// [`CallEvent::KeyChanged`].
    pub known_keys: HashMap<DeviceId, [u8; 32]>,
    /// STUN and TURN servers; the host `*` is already replaced.
    pub ice_servers: Vec<IceServer>,
    /// Devices and how to begin with them.
    pub media: MediaConfig,
    /// Connect through TURN only, so that the other side does not learn this network's addresses.
    pub relay_only: bool,
    /// Who may certify a relay that is reached over TLS.
    pub relay_trust: RelayTrust,
    /// Offer 127.0.0.1 as a candidate, too. It is offered in any case when there is no other address.
    pub include_loopback: bool,
    /// Sees what the person hears, as it is heard: for the lab.
    pub heard: Option<HeardObserver>,
}

/// Devices of a call and the state in which it begins.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The camera; `None` where there is none.
    pub camera: Option<CameraChoice>,
    /// What is asked of the camera, and the largest picture that is sent.
    pub video_format: VideoFormat,
    /// The microphone.
    pub microphone: MicrophoneChoice,
    /// Where to hear the others.
    pub speaker: SpeakerChoice,
    /// Echo cancellation, noise suppression and gain.
    pub processing: AudioProcessing,
    /// Whether the camera is on at the beginning.
    pub video_on: bool,
    /// Whether the microphone is muted at the beginning.
    pub muted: bool,
    /// No more than this for one peer's video.
    pub max_video_bitrate: Bitrate,
}

/// The rate at which video begins, before anything is known of the network.
pub const START_VIDEO_BITRATE: Bitrate = Bitrate::kbps(1_500);

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            camera: None,
            video_format: VideoFormat::default(),
            microphone: MicrophoneChoice::Default,
            speaker: SpeakerChoice::Default,
            processing: AudioProcessing::default(),
            video_on: true,
            muted: false,
            max_video_bitrate: Bitrate::kbps(2_500),
        }
    }
}

/// Why a call cannot begin. What goes wrong later is an event.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// [`Call::start`](super::Call::start) was called outside a tokio runtime.
    #[error("a call needs a tokio runtime")]
    NoRuntime,
    /// The call is over; its handle does nothing any more.
    #[error("the call is over")]
    Ended,
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// [`Call::hang_up`](super::Call::hang_up).
    HungUp,
    /// The last other device left or hung up.
    PeersLeft,
    /// The connection to the last other device could not be made or was lost for good.
    ConnectionLost,
}

/// What a call tells the layers above.
#[derive(Clone, Debug)]
pub enum CallEvent {
    /// Write this on the signal socket. When there is none just now, drop it: what matters is repeated.
    Send(ClientSignal),
    /// A device's connection changed.
    PeerState {
        /// Which device.
        device: DeviceId,
        /// Whose.
        user: UserId,
        /// How it stands now.
        state: PairState,
    },
    /// A device is a guest's; said before anything else about it. Nothing but the server vouches for the name.
    Guest {
        /// Which device.
        device: DeviceId,
        /// What they call themselves.
        name: String,
    },
    /// Somebody said something in writing to everybody in the call.
    Chat {
        /// Which device.
        device: DeviceId,
        /// Chosen by it.
        id: TxnId,
        /// 1 to [`MAX_CHAT_CHARS`](snug_protocol::pair::MAX_CHAT_CHARS) characters.
        text: String,
    },
    /// A device switched its camera or microphone.
    PeerMedia {
        /// Which device.
        device: DeviceId,
        /// What it sends now.
        media: MediaState,
    },
    /// How loud a device is heard; about fifteen times a second.
    PeerLevel {
        /// Which device.
        device: DeviceId,
        /// 0 is silence, 1 is full scale.
        level: f32,
        /// Whether somebody speaks.
        speaking: bool,
    },
    /// How loud this device's microphone is; about fifteen times a second, silence while muted.
    SelfLevel {
        /// 0 is silence, 1 is full scale.
        level: f32,
        /// Whether somebody speaks.
        speaking: bool,
    },
    /// What this device sends changed.
    SelfMedia(MediaState),
    /// A device of this computer does not work; the call goes on without it.
    DeviceProblem {
        /// Which kind.
        kind: DeviceKind,
        /// What is wrong.
        error: DeviceError,
    },
    /// A device of this computer works (again).
    DeviceWorks {
        /// Which kind.
        kind: DeviceKind,
        /// What the system calls it.
        name: String,
    },
    /// A device was met for the first time: keep its key, and give it to later calls as a known one.
    KeySeen {
        /// Which device.
        device: DeviceId,
        /// Its Ed25519 public key.
        key: [u8; 32],
    },
    /// A known device came with another key than before: somebody may stand in between.
    KeyChanged {
        /// Which device.
        device: DeviceId,
        /// The key that it came with.
        key: [u8; 32],
    },
    /// No relay (TURN server) helps, and the call needs one: without it there has been no connection for a while, or none is allowed.
    /// Said once in a call for each problem.
    RelayProblem {
        /// Why.
        problem: RelayProblem,
    },
    /// A signal was refused: forged, replayed, or rubbish.
    BadSignal {
        /// From whom, as the server says.
        device: DeviceId,
    },
    /// The call is over; nothing comes after this.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Whose picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoSource {
    /// This device's own camera, as it is sent.
    SelfView,
    /// Another device.
    Remote(DeviceId),
}
