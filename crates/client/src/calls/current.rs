//! The call that this device is in: its handle, and what is known of those in it.
//!
//! It only keeps score of what the engine says; what follows from it is the desk's.

use super::studio::device_problem;
use crate::client::StreamName;
use crate::view::{OwnMedia, PeerLink, PeerView};
use snug_call::device::{DeviceError, DeviceKind};
use snug_call::session::Rung;
use snug_call::{Call, CallEvents, PeerState};
use snug_protocol::pair::MediaState;
use snug_protocol::{DeviceId, UnixMillis, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Current {
    pub rung: Rung,
    pub call: Arc<Call>,
    pub events: CallEvents,
    pub own: OwnMedia,
    pub connected_at: Option<UnixMillis>,
    peers: BTreeMap<DeviceId, Peer>,
}

struct Peer {
    view: PeerView,
    /// Until it says what it sends, its camera may be on.
    said_media: bool,
}

impl Current {
    pub(super) fn new(rung: Rung, call: Arc<Call>, events: CallEvents, media: MediaState) -> Self {
        let own = OwnMedia {
            microphone: media.microphone,
            camera: media.camera,
            speaking: false,
            camera_problem: None,
            microphone_problem: None,
        };
        Self { rung, call, events, own, connected_at: None, peers: BTreeMap::new() }
    }

    /// The others that are there, in a stable order.
    pub(super) fn peers(&self) -> Vec<PeerView> {
        self.peers.values().map(|peer| peer.view.clone()).collect()
    }

    /// Whether a device has been met in this call.
    pub(super) fn knows(&self, device: DeviceId) -> bool {
        self.peers.contains_key(&device)
    }

    /// A device's connection changed; `name` is its person's.
    pub(super) fn peer_state(
        &mut self,
        device: DeviceId,
        user: UserId,
        name: String,
        state: PeerState,
        now: UnixMillis,
    ) {
        let link = match state {
            PeerState::Connecting => PeerLink::Connecting,
            PeerState::Connected => PeerLink::Connected,
            PeerState::Reconnecting => PeerLink::Reconnecting,
            PeerState::Lost | PeerState::Left => {
                self.peers.remove(&device);
                return;
            }
        };
        if link == PeerLink::Connected {
            self.connected_at.get_or_insert(now);
        }
        let fresh = || Peer {
            view: PeerView { device, user, name, microphone: true, camera: false, speaking: false, link },
            said_media: false,
        };
        self.peers.entry(device).or_insert_with(fresh).view.link = link;
    }

    /// A device says what it sends.
    pub(super) fn peer_media(&mut self, device: DeviceId, media: MediaState) {
        if let Some(peer) = self.peers.get_mut(&device) {
            peer.said_media = true;
            (peer.view.microphone, peer.view.camera) = (media.microphone, media.camera);
        }
    }

    /// Whether somebody speaks. True when that is news.
    pub(super) fn peer_speaks(&mut self, device: DeviceId, speaking: bool) -> bool {
        self.peers
            .get_mut(&device)
            .is_some_and(|peer| std::mem::replace(&mut peer.view.speaking, speaking) != speaking)
    }

    /// A device of this computer does not work, or does again (`None`). What is wrong with a speaker is told otherwise.
    pub(super) fn device(&mut self, kind: DeviceKind, error: Option<&DeviceError>) {
        let problem = error.map(|error| device_problem(kind, error));
        match kind {
            DeviceKind::Camera => self.own.camera_problem = problem,
            DeviceKind::Microphone => self.own.microphone_problem = problem,
            DeviceKind::Speaker => {}
        }
    }

    /// The pictures that there are.
    pub(super) fn streams(&self) -> Vec<StreamName> {
        let own = self.own.camera.then_some(StreamName::Own);
        let theirs = self.peers.iter().filter(|(_, peer)| peer.view.camera || !peer.said_media);
        own.into_iter().chain(theirs.map(|(device, _)| StreamName::Peer(*device))).collect()
    }
}
