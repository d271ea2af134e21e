//! The task that owns a call.

use super::api::{CallConfig, CallEvent, EndReason, VideoSource};
use super::local::{LocalEvent, LocalMedia};
use super::pair::{ForEngine, Pair};
use super::paths::Paths;
use super::sharing::Way;
use super::{CallStats, HANG_UP};
use crate::audio::SoundLevel;
use crate::clock::Clock;
use crate::device::{CameraChoice, DeviceEvent, DeviceState, MicrophoneChoice, SpeakerChoice};
use crate::frames::{VideoStream, Viewers};
use crate::peer::{PairKey, Peer, PeerEvent, PeerId, PeerSettings};
use crate::session::{Input, KeyPins, Output, PairState, Roster};
use ed25519_dalek::SigningKey;
use snug_media::Time;
use snug_protocol::ice::IceServer;
use snug_protocol::pair::{ChannelMessage, MAX_CHAT_CHARS, MediaState, PairSignal};
use snug_protocol::signal::{ClientSignal, Participant, ServerSignal};
use snug_protocol::{CallId, DeviceId, JoinId, RoomId, TxnId};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Events of the connections that wait for the owner; they wait in turn.
const PEER_EVENTS: usize = 256;
/// A meter that moves more often looks no better.
const LEVELS_EVERY: Duration = Duration::from_millis(66);
/// How often what is sent is looked over when no estimate changes: what waits for a while goes up then.
const ADAPT_EVERY: Duration = Duration::from_millis(250);

/// What the handle asks.
pub(super) enum Command {
    Signal(Box<ServerSignal>),
    SocketConnected,
    SocketLost,
    Network(Vec<IpAddr>),
    IceServers(Vec<IceServer>),
    Muted(bool),
    Video(bool),
    Camera(Option<CameraChoice>),
    Microphone(MicrophoneChoice),
    Speaker(SpeakerChoice),
    Tile { device: DeviceId, width: u32, height: u32 },
    Say(TxnId, String),
    Keyframe(VideoSource),
    Subscribe(VideoSource, oneshot::Sender<VideoStream>),
    Stats(oneshot::Sender<CallStats>),
    HangUp(oneshot::Sender<()>),
}

/// Everything that can happen to the owner.
enum Happening {
    Command(Command),
    Peer(PeerId, PeerEvent),
    Local(LocalEvent),
    Levels,
    Adapt,
    Deadline,
    HandleDropped,
}

/// Whether the call goes on, and if not, why.
type Verdict = Option<(EndReason, Option<oneshot::Sender<()>>)>;

/// The owner's state.
pub(super) struct Owner {
    pub(super) clock: Clock,
    events: mpsc::Sender<CallEvent>,
    pub(super) me: DeviceId,
    pub(super) join: JoinId,
    pub(super) call: CallId,
    room: RoomId,
    /// Who was in the call before we knew it from the server.
    present: Vec<Participant>,
    pub(super) key: SigningKey,
    pub(super) settings: PeerSettings,
    pub(super) local: LocalMedia,
    pub(super) roster: Roster,
    pub(super) pins: KeyPins,
    /// What is known of this computer's network.
    pub(super) paths: Paths,
    pub(super) pairs: BTreeMap<PairKey, Pair>,
    pub(super) viewers: HashMap<DeviceId, Arc<Viewers>>,
    pub(super) peer_events_in: mpsc::Sender<(PeerId, PeerEvent)>,
    peer_events: mpsc::Receiver<(PeerId, PeerEvent)>,
    /// Connections that are saying goodbye.
    closing: Vec<JoinHandle<()>>,
}

impl Owner {
    /// Starts the devices.
    pub(super) fn new(config: CallConfig, events: mpsc::Sender<CallEvent>) -> Owner {
        let (peer_events_in, peer_events) = mpsc::channel(PEER_EVENTS);
        Owner {
            clock: Clock::shared(),
            events,
            me: config.me.1,
            join: config.join,
            call: config.call,
            room: config.room,
            present: config.present,
            key: config.key,
            settings: PeerSettings {
                ice_servers: config.ice_servers,
                relay_only: config.relay_only,
                include_loopback: config.include_loopback,
                relay_trust: config.relay_trust,
            },
            paths: Paths::default(),
            local: LocalMedia::start(config.media, config.heard),
            roster: Roster::new(config.me.1),
            pins: KeyPins::new(config.known_keys),
            pairs: BTreeMap::new(),
            viewers: HashMap::new(),
            peer_events_in,
            peer_events,
            closing: Vec::new(),
        }
    }

    /// Runs until the call is over.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Command>) {
        self.emit(CallEvent::SelfMedia(self.local.state()));
        self.send_join();
        let present = std::mem::take(&mut self.present);
        self.roster_says(self.clock.now(), present);
        let mut levels = tokio::time::interval(LEVELS_EVERY);
        levels.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut adapt = tokio::time::interval(ADAPT_EVERY);
        adapt.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (reason, reply) = loop {
            let deadline = self.pairs.values().filter_map(|pair| pair.negotiation.next_deadline()).min();
            let deadline = deadline.map(|at| tokio::time::Instant::from_std(self.clock.instant(at)));
            let happening = tokio::select! {
                command = orders.recv() => command.map_or(Happening::HandleDropped, Happening::Command),
                Some((from, event)) = self.peer_events.recv() => Happening::Peer(from, event),
                event = self.local.next() => Happening::Local(event),
                () = sleep_until(deadline) => Happening::Deadline,
                _ = levels.tick() => Happening::Levels,
                _ = adapt.tick() => Happening::Adapt,
            };
            if let Some(end) = self.handle(happening) {
                break end;
            }
        };
        // From here on the handle says that the call is over.
        drop(orders);
        self.finish(reason).await;
        if let Some(reply) = reply {
            // Whoever hung up may have gone.
            let _ = reply.send(());
        }
    }

    fn handle(&mut self, happening: Happening) -> Verdict {
        let now = self.clock.now();
        match happening {
            Happening::Command(Command::HangUp(reply)) => return Some((EndReason::HungUp, Some(reply))),
            Happening::HandleDropped => return Some((EndReason::HungUp, None)),
            Happening::Command(command) => self.command(now, command),
            Happening::Peer(from, event) => self.peer_event(now, from, event),
            Happening::Local(LocalEvent::Device(event)) => self.device(event),
            Happening::Local(LocalEvent::SelfFrame(frame)) => self.local.self_frame(self.clock, frame),
            Happening::Levels => self.levels(),
            Happening::Adapt => {
                self.adapt(now);
                self.tell_relay_problems(now);
            }
            Happening::Deadline => self.deadline(now),
        }
        self.verdict()
    }

    /// An event that the layers above must get.
    pub(super) fn emit(&self, event: CallEvent) {
        if let Err(error) = self.events.try_send(event) {
            tracing::error!(%error, "nobody reads the call's events");
        }
    }

    /// An event of which the next one says more.
    fn emit_level(&self, event: CallEvent) {
        if self.events.capacity() > self.events.max_capacity() / 2 {
            self.emit(event);
        }
    }

    fn send_join(&self) {
        let Owner { call, room, join, .. } = *self;
        self.emit(CallEvent::Send(ClientSignal::Join { call, room, join }));
    }

    fn media_changed(&self, before: MediaState) {
        let media = self.local.state();
        if media != before {
            self.emit(CallEvent::SelfMedia(media));
            for pair in self.pairs.values() {
                pair.say(ChannelMessage::State(media));
            }
        }
    }

    fn command(&mut self, now: Time, command: Command) {
        let before = self.local.state();
        match command {
            Command::Signal(signal) => self.signal(now, *signal),
            Command::SocketConnected => {
                self.send_join();
                self.reachable(now);
            }
            Command::Network(addresses) => self.network(addresses),
            Command::IceServers(servers) => self.ice_servers(now, servers),
            Command::SocketLost => tracing::info!("the signal socket is gone; media goes on"),
            Command::Muted(muted) => self.local.set_muted(muted),
            Command::Video(on) => self.local.set_video(on),
            Command::Camera(camera) => self.local.set_camera(camera),
            Command::Microphone(microphone) => self.local.set_microphone(microphone),
            Command::Speaker(speaker) => self.local.set_speaker(speaker),
            Command::Tile { device, width, height } => {
                for (_, pair) in self.pairs.iter_mut().filter(|((of, _), _)| *of == device) {
                    pair.tile = Some((width, height));
                    pair.say(ChannelMessage::Tile { width, height });
                }
            }
            Command::Say(id, text) => {
                for pair in self.pairs.values() {
                    pair.say(ChannelMessage::Chat { id, text: text.clone() });
                }
            }
            Command::Keyframe(VideoSource::SelfView) => self.local.video.request_keyframe(),
            Command::Keyframe(VideoSource::Remote(device)) => self.request_keyframe(device),
            Command::Subscribe(source, reply) => {
                // Who asked may have gone; then the stream ends by being dropped.
                let _ = reply.send(self.subscribe(source));
            }
            Command::Stats(reply) => {
                let rate = self.local.video_rate();
                let pairs = self.pairs.iter().map(|((device, _), pair)| pair.stats(*device, rate)).collect();
                let _ = reply.send(CallStats { pairs });
            }
            Command::HangUp(_) => {}
        }
        self.media_changed(before);
    }

    fn request_keyframe(&self, device: DeviceId) {
        for (_, pair) in self.pairs.iter().filter(|((of, _), _)| *of == device) {
            pair.peer.request_keyframe();
        }
    }

    fn subscribe(&mut self, source: VideoSource) -> VideoStream {
        match source {
            VideoSource::SelfView => self.local.watch_self(),
            VideoSource::Remote(device) => {
                let stream = self.viewers.entry(device).or_default().add();
                self.request_keyframe(device);
                stream
            }
        }
    }

    fn device(&self, event: DeviceEvent) {
        let DeviceEvent { kind, state } = event;
        self.emit(match state {
            DeviceState::Working { name } => CallEvent::DeviceWorks { kind, name },
            DeviceState::Failed(error) => CallEvent::DeviceProblem { kind, error },
        });
    }

    fn levels(&self) {
        let SoundLevel { level, speaking } = self.local.level();
        self.emit_level(CallEvent::SelfLevel { level, speaking });
        for ((device, _), pair) in &self.pairs {
            if pair.negotiation.state() == PairState::Connected {
                let SoundLevel { level, speaking } = pair.level();
                self.emit_level(CallEvent::PeerLevel { device: *device, level, speaking });
            }
        }
    }

    /// What is sent follows what the ways to the others take.
    pub(super) fn adapt(&mut self, now: Time) {
        let ways: Vec<Way> = self.pairs.iter().filter_map(|(key, pair)| pair.way(*key)).collect();
        if ways.is_empty()
            && let Some(first) = self.pairs.iter().find_map(|(key, pair)| pair.first_way(*key))
        {
            self.local.prepare(now, first);
        }
        let wanted = self.local.adapt(now, &ways);
        for (way, wanted) in ways.iter().zip(wanted) {
            if let Some(pair) = self.pairs.get(&way.key) {
                pair.peer.set_wanted(wanted);
            }
        }
    }

    fn peer_event(&mut self, now: Time, from: PeerId, event: PeerEvent) {
        let PeerId { key, number } = from;
        if self.pairs.get(&key).is_none_or(|pair| pair.renewals != number) {
            return;
        }
        match event {
            PeerEvent::Session(input) => self.feed(now, key, input),
            PeerEvent::Relay(problem) => {
                if let Some(pair) = self.pairs.get_mut(&key) {
                    pair.relay_problem = Some(problem);
                }
                self.tell_relay_problems(now);
            }
            PeerEvent::Broken => self.feed(now, key, Input::Broken),
            PeerEvent::ChannelOpen => {
                let media = self.local.state();
                if let Some(pair) = self.pairs.get(&key) {
                    pair.say(ChannelMessage::State(media));
                    if let Some((width, height)) = pair.tile {
                        pair.say(ChannelMessage::Tile { width, height });
                    }
                }
            }
            PeerEvent::Heard(message) => self.heard(now, key, message),
            PeerEvent::Estimate(estimate) => {
                if let Some(pair) = self.pairs.get_mut(&key) {
                    pair.estimate = estimate;
                    self.adapt(now);
                }
            }
        }
    }

    fn heard(&mut self, now: Time, key: PairKey, message: ChannelMessage) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        match message {
            ChannelMessage::State(media) => {
                if pair.media.replace(media) != Some(media) {
                    self.emit(CallEvent::PeerMedia { device: key.0, media });
                }
            }
            ChannelMessage::Tile { width, height } => {
                pair.shown = Some((width, height));
                pair.peer.set_watched(width > 0 && height > 0);
                self.adapt(now);
            }
            ChannelMessage::Bye => self.feed(now, key, Input::Remote(PairSignal::Bye)),
            ChannelMessage::Chat { id, text } => {
                let fits = text.chars().count() <= MAX_CHAT_CHARS && !text.trim().is_empty();
                if fits {
                    self.emit(CallEvent::Chat { device: key.0, id, text });
                }
            }
            ChannelMessage::Unknown => {}
        }
    }

    fn deadline(&mut self, now: Time) {
        let keys: Vec<PairKey> = self.pairs.keys().copied().collect();
        for key in keys {
            let outputs = self.pairs.get_mut(&key).map(|pair| pair.negotiation.poll(now));
            self.carry_out(now, key, outputs.unwrap_or_default());
        }
    }

    pub(super) fn feed(&mut self, now: Time, key: PairKey, input: Input) {
        let outputs = self.pairs.get_mut(&key).map(|pair| pair.negotiation.handle(now, input));
        self.carry_out(now, key, outputs.unwrap_or_default());
    }

    pub(super) fn carry_out(&mut self, now: Time, key: PairKey, outputs: Vec<Output>) {
        for output in outputs {
            let Some(pair) = self.pairs.get_mut(&key) else { return };
            let user = pair.user;
            let Some(rest) = pair.carry_out(now, self.call, key.0, output) else { continue };
            match rest {
                ForEngine::Renew => self.renew(key),
                ForEngine::Send(signal) => self.emit(CallEvent::Send(signal)),
                ForEngine::State(state) => {
                    self.emit(CallEvent::PeerState { device: key.0, user, state });
                    self.adapt(now);
                }
                ForEngine::BadSignal => self.complain(now, key),
                ForEngine::Broken => {
                    tracing::warn!(device = %key.0, "a connection takes no commands");
                    return self.feed(now, key, Input::Broken);
                }
            }
        }
    }

    /// Removes the pairs that are over, and says whether with the last of them the call is.
    fn verdict(&mut self) -> Verdict {
        let over = |pair: &Pair| pair.negotiation.state().ended();
        let ended: Vec<(PairKey, PairState)> = self
            .pairs
            .iter()
            .filter(|(_, pair)| over(pair))
            .map(|(key, pair)| (*key, pair.negotiation.state()))
            .collect();
        for (key, _) in &ended {
            self.remove(*key);
        }
        let (_, last) = ended.last()?;
        if !self.pairs.is_empty() {
            return None;
        }
        let reason = if *last == PairState::Lost { EndReason::ConnectionLost } else { EndReason::PeersLeft };
        Some((reason, None))
    }

    pub(super) fn remove(&mut self, key: PairKey) {
        if let Some(pair) = self.pairs.remove(&key) {
            self.close(pair.peer);
        }
        if !self.pairs.keys().any(|(device, _)| *device == key.0)
            && let Some(viewers) = self.viewers.remove(&key.0)
        {
            viewers.end();
        }
    }

    pub(super) fn close(&mut self, peer: Peer) {
        self.closing.retain(|closing| !closing.is_finished());
        self.closing.push(peer.close());
    }

    async fn finish(mut self, reason: EndReason) {
        let now = self.clock.now();
        let keys: Vec<PairKey> = self.pairs.keys().copied().collect();
        for key in keys {
            if let Some(pair) = self.pairs.get(&key) {
                pair.say(ChannelMessage::Bye);
            }
            self.feed(now, key, Input::HangUp);
            self.remove(key);
        }
        self.emit(CallEvent::Send(ClientSignal::Leave { call: self.call }));
        let closing = futures_util::future::join_all(std::mem::take(&mut self.closing));
        if tokio::time::timeout(HANG_UP, closing).await.is_err() {
            tracing::warn!("a connection is still closing");
        }
        self.emit(CallEvent::Ended { reason });
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
