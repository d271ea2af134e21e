//! The call that this device is in: its handle, and what is known of those in it.
//!
//! It only keeps score of what the engine says; what follows from it is the desk's.

use super::chat::Chat;
use super::studio::device_problem;
use crate::client::StreamName;
use crate::view::{Knocking, OwnMedia, PeerLink, PeerView};
use snug_call::device::{DeviceError, DeviceKind};
use snug_call::session::Rung;
use snug_call::{Call, CallEvents, PeerState};
use snug_protocol::guest::MAX_GUEST_NAME;
use snug_protocol::pair::MediaState;
use snug_protocol::{DeviceId, UnixMillis, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Guests of one call whose names are kept, and people at its door who are shown. What comes from the server has a bound.
const MOST_GUESTS: usize = 256;
const MOST_KNOCKING: usize = 20;

/// A guest's name as it can be shown: the server has checked it, and may be another one tomorrow.
fn guest_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_GUEST_NAME).collect()
}

pub(super) struct Current {
    pub rung: Rung,
    pub call: Arc<Call>,
    pub events: CallEvents,
    pub own: OwnMedia,
    pub connected_at: Option<UnixMillis>,
    pub chat: Chat,
    peers: BTreeMap<DeviceId, Peer>,
    /// What the call's guests call themselves, also those who are gone.
    guests: BTreeMap<DeviceId, String>,
    knocking: Vec<Knocking>,
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
        Self {
            rung,
            call,
            events,
            own,
            connected_at: None,
            chat: Chat::default(),
            peers: BTreeMap::new(),
            guests: BTreeMap::new(),
            knocking: Vec::new(),
        }
    }

    /// The others that are there, in a stable order.
    pub(super) fn peers(&self) -> Vec<PeerView> {
        self.peers.values().map(|peer| peer.view.clone()).collect()
    }

    /// Whether a device has been met in this call.
    pub(super) fn knows(&self, device: DeviceId) -> bool {
        self.peers.contains_key(&device)
    }

    /// One of the others.
    pub(super) fn peer(&self, device: DeviceId) -> Option<&PeerView> {
        self.peers.get(&device).map(|peer| &peer.view)
    }

    /// A device is a guest's.
    pub(super) fn guest(&mut self, device: DeviceId, name: &str) {
        if self.guests.len() < MOST_GUESTS {
            self.guests.insert(device, guest_name(name));
        }
    }

    /// What a guest calls themselves; none for people of the space.
    pub(super) fn guest_name(&self, device: DeviceId) -> Option<String> {
        self.guests.get(&device).cloned()
    }

    /// Somebody asks to be let in; again, after a reconnect.
    pub(super) fn knocks(&mut self, device: DeviceId, name: &str) {
        let known = self.knocking.iter().any(|knocking| knocking.device == device);
        if !known && self.knocking.len() < MOST_KNOCKING {
            self.knocking.push(Knocking { device, name: guest_name(name) });
        }
    }

    /// Somebody waits no longer.
    pub(super) fn settled(&mut self, device: DeviceId) {
        self.knocking.retain(|knocking| knocking.device != device);
    }

    /// The socket is gone: who waits is told anew when it is back.
    pub(super) fn forget_knocking(&mut self) {
        self.knocking.clear();
    }

    /// Those who ask to be let in.
    pub(super) fn knocking(&self) -> Vec<Knocking> {
        self.knocking.clone()
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
        let guest = self.guests.contains_key(&device);
        let fresh = || Peer {
            view: PeerView {
                device,
                user,
                name,
                guest,
                microphone: true,
                camera: false,
                speaking: false,
                link,
            },
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
