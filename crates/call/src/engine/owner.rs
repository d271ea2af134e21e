//! The task that owns a call.

use super::api::{CallConfig, CallEvent, EndReason, START_VIDEO_BITRATE, VideoSource};
use super::pair::{ForEngine, Pair};
use super::{CallStats, HANG_UP};
use crate::audio::{AudioPackets, AudioSender, AudioSettings, Playout, SoundLevel};
use crate::clock::Clock;
use crate::device::{CameraChoice, DeviceEvent, DeviceEvents, DeviceState, MicrophoneChoice, SpeakerChoice};
use crate::frames::{TimedFrame, VideoStream, Viewers};
use crate::peer::{PairKey, Peer, PeerEvent, PeerLinks, PeerSettings};
use crate::session::{
    Input, KeyPins, Negotiation, Output, PairIds, PairState, Pin, Role, Roster, RosterChange, Signer,
    Verifier,
};
use crate::video::{EncodedFrames, VideoSender, VideoSettings};
use ed25519_dalek::SigningKey;
use snug_media::{Bitrate, EncodedFrame, Time};
use snug_protocol::pair::{ChannelMessage, MediaState, PairSignal};
use snug_protocol::signal::{ClientSignal, Envelope, Participant, ServerSignal};
use snug_protocol::{CallId, DeviceId, JoinId, RoomId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Events of the connections that wait for the owner; they wait in turn.
const PEER_EVENTS: usize = 256;
/// A meter that moves more often looks no better.
const LEVELS_EVERY: Duration = Duration::from_millis(66);
/// How often the audio encoder learns of the loss.
const LOSS_EVERY: Duration = Duration::from_secs(1);

/// What the handle asks.
pub(super) enum Command {
    Signal(Box<ServerSignal>),
    SocketConnected,
    SocketLost,
    Muted(bool),
    Video(bool),
    Camera(Option<CameraChoice>),
    Microphone(MicrophoneChoice),
    Speaker(SpeakerChoice),
    Tile { device: DeviceId, width: u32, height: u32 },
    Keyframe(VideoSource),
    Subscribe(VideoSource, oneshot::Sender<VideoStream>),
    Stats(oneshot::Sender<CallStats>),
    HangUp(oneshot::Sender<()>),
}

/// Everything that can happen to the owner.
enum Happening {
    Command(Command),
    Peer(PairKey, PeerEvent),
    Device(DeviceEvent),
    SelfFrame(Option<Arc<EncodedFrame>>),
    Levels,
    Loss,
    Deadline,
    HandleDropped,
}

/// Whether the call goes on, and if not, why.
type Verdict = Option<(EndReason, Option<oneshot::Sender<()>>)>;

/// The owner's state.
pub(super) struct Owner {
    clock: Clock,
    events: mpsc::Sender<CallEvent>,
    me: DeviceId,
    join: JoinId,
    call: CallId,
    room: RoomId,
    key: SigningKey,
    settings: PeerSettings,
    max_bitrate: Bitrate,
    camera: Option<CameraChoice>,
    has_microphone: bool,
    muted: bool,
    video_on: bool,
    video: Arc<VideoSender>,
    audio: AudioSender,
    sound: AudioPackets,
    playout: Playout,
    devices: [DeviceEvents; 3],
    self_level: watch::Receiver<SoundLevel>,
    self_viewers: Viewers,
    /// Only while somebody watches.
    self_frames: Option<EncodedFrames>,
    roster: Roster,
    pins: KeyPins,
    pairs: BTreeMap<PairKey, Pair>,
    viewers: HashMap<DeviceId, Arc<Viewers>>,
    peer_events_in: mpsc::Sender<(PairKey, PeerEvent)>,
    peer_events: mpsc::Receiver<(PairKey, PeerEvent)>,
    /// Connections that are saying goodbye.
    closing: Vec<JoinHandle<()>>,
}

impl Owner {
    /// Starts the devices.
    pub(super) fn new(config: CallConfig, events: mpsc::Sender<CallEvent>) -> Owner {
        let media = config.media;
        let (playout, far_end, speaker_events) = Playout::start(media.speaker, config.heard);
        let has_microphone = media.microphone != MicrophoneChoice::None;
        let audio_settings = AudioSettings {
            microphone: media.microphone,
            processing: media.processing,
            muted: media.muted,
            ..AudioSettings::default()
        };
        let (audio, sound, microphone_events) = AudioSender::start(audio_settings, far_end);
        let video_settings = VideoSettings {
            camera: media.camera.clone(),
            on: media.video_on,
            format: media.video_format,
            bitrate: START_VIDEO_BITRATE.min(media.max_video_bitrate),
        };
        let (video, camera_events) = VideoSender::start(video_settings);
        let (peer_events_in, peer_events) = mpsc::channel(PEER_EVENTS);
        Owner {
            clock: Clock::shared(),
            events,
            me: config.me.1,
            join: config.join,
            call: config.call,
            room: config.room,
            key: config.key,
            settings: PeerSettings {
                ice_servers: config.ice_servers,
                relay_only: config.relay_only,
                include_loopback: config.include_loopback,
            },
            max_bitrate: media.max_video_bitrate,
            camera: media.camera,
            has_microphone,
            muted: media.muted,
            video_on: media.video_on,
            video: Arc::new(video),
            self_level: audio.level(),
            audio,
            sound,
            playout,
            devices: [camera_events, microphone_events, speaker_events],
            self_viewers: Viewers::default(),
            self_frames: None,
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
        self.emit(CallEvent::SelfMedia(self.media()));
        self.send_join();
        let mut levels = tokio::time::interval(LEVELS_EVERY);
        levels.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut loss = tokio::time::interval(LOSS_EVERY);
        loss.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (reason, reply) = loop {
            let deadline = self.pairs.values().filter_map(|pair| pair.negotiation.next_deadline()).min();
            let deadline = deadline.map(|at| tokio::time::Instant::from_std(self.clock.instant(at)));
            let [camera, microphone, speaker] = &mut self.devices;
            let happening = tokio::select! {
                command = orders.recv() => command.map_or(Happening::HandleDropped, Happening::Command),
                Some((key, event)) = self.peer_events.recv() => Happening::Peer(key, event),
                Some(event) = camera.recv() => Happening::Device(event),
                Some(event) = microphone.recv() => Happening::Device(event),
                Some(event) = speaker.recv() => Happening::Device(event),
                frame = next_frame(&mut self.self_frames) => Happening::SelfFrame(frame),
                () = sleep_until(deadline) => Happening::Deadline,
                _ = levels.tick() => Happening::Levels,
                _ = loss.tick() => Happening::Loss,
            };
            if let Some(end) = self.handle(happening) {
                break end;
            }
        };
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
            Happening::Peer(key, event) => return self.peer_event(now, key, event),
            Happening::Device(event) => self.device(event),
            Happening::SelfFrame(frame) => self.self_frame(frame),
            Happening::Levels => self.levels(),
            Happening::Loss => self.loss(),
            Happening::Deadline => return self.deadline(now),
        }
        // A command can end a pair, too: a newer stay replaces an older one. But then a pair is left.
        None
    }

    /// An event that the layers above must get.
    fn emit(&self, event: CallEvent) {
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

    fn media(&self) -> MediaState {
        MediaState {
            microphone: self.has_microphone && !self.muted,
            camera: self.camera.is_some() && self.video_on,
        }
    }

    fn media_changed(&self, before: MediaState) {
        let media = self.media();
        if media != before {
            self.emit(CallEvent::SelfMedia(media));
            for pair in self.pairs.values() {
                pair.say(ChannelMessage::State(media));
            }
        }
    }

    fn command(&mut self, now: Time, command: Command) {
        let before = self.media();
        match command {
            Command::Signal(signal) => self.signal(now, *signal),
            Command::SocketConnected => self.send_join(),
            Command::SocketLost => tracing::info!("the signal socket is gone; media goes on"),
            Command::Muted(muted) => {
                self.muted = muted;
                self.audio.set_muted(muted);
            }
            Command::Video(on) => {
                self.video_on = on;
                self.video.set_on(on);
            }
            Command::Camera(camera) => {
                self.camera.clone_from(&camera);
                self.video.set_camera(camera);
            }
            Command::Microphone(microphone) => {
                self.has_microphone = microphone != MicrophoneChoice::None;
                self.audio.set_microphone(microphone);
            }
            Command::Speaker(speaker) => self.playout.set_speaker(speaker),
            Command::Tile { device, width, height } => {
                for (_, pair) in self.pairs.iter_mut().filter(|((of, _), _)| *of == device) {
                    pair.tile = Some((width, height));
                    pair.say(ChannelMessage::Tile { width, height });
                }
            }
            Command::Keyframe(VideoSource::SelfView) => self.video.request_keyframe(),
            Command::Keyframe(VideoSource::Remote(device)) => self.request_keyframe(device),
            Command::Subscribe(source, reply) => {
                // Who asked may have gone; then the stream ends by being dropped.
                let _ = reply.send(self.subscribe(source));
            }
            Command::Stats(reply) => {
                let pairs = self.pairs.iter().map(|((device, _), pair)| pair.stats(*device)).collect();
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
            VideoSource::SelfView => {
                let stream = self.self_viewers.add();
                match self.self_frames {
                    Some(_) => self.video.request_keyframe(),
                    None => self.self_frames = Some(self.video.subscribe()),
                }
                stream
            }
            VideoSource::Remote(device) => {
                let stream = self.viewers.entry(device).or_default().add();
                self.request_keyframe(device);
                stream
            }
        }
    }

    fn self_frame(&mut self, frame: Option<Arc<EncodedFrame>>) {
        let Some(frame) = frame else {
            self.self_frames = None;
            return;
        };
        let due = self.clock.now();
        if self.self_viewers.push(&TimedFrame { frame, due }) {
            self.video.request_keyframe();
        }
        if self.self_viewers.is_empty() {
            self.self_frames = None;
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
        let SoundLevel { level, speaking } = *self.self_level.borrow();
        self.emit_level(CallEvent::SelfLevel { level, speaking });
        for ((device, _), pair) in &self.pairs {
            if pair.negotiation.state() == PairState::Connected {
                let SoundLevel { level, speaking } = pair.level();
                self.emit_level(CallEvent::PeerLevel { device: *device, level, speaking });
            }
        }
    }

    /// Redundancy for the worst of the ways that the voice goes.
    fn loss(&self) {
        let losses = self
            .pairs
            .iter()
            .map(|((device, _), pair)| pair.stats(*device).outbound_audio.remote_fraction_lost as f32);
        self.audio.set_packet_loss(losses.fold(0.0, f32::max));
        self.set_bitrate();
    }

    /// The one place that decides at which rate video is encoded: a fixed one, until there is an estimate of the network.
    fn set_bitrate(&self) {
        self.video.set_bitrate(START_VIDEO_BITRATE.min(self.max_bitrate));
    }

    fn signal(&mut self, now: Time, signal: ServerSignal) {
        let changes = match signal {
            ServerSignal::Roster { call, members } if call == self.call => self.roster.replace(members),
            ServerSignal::Joined { call, participant } if call == self.call => {
                self.roster.joined(participant)
            }
            ServerSignal::Left { call, device, join } if call == self.call => self.roster.left(device, join),
            ServerSignal::Relay { call, from, envelope } if call == self.call => {
                self.relayed(now, from, &envelope);
                return;
            }
            _ => return,
        };
        for change in changes {
            match change {
                RosterChange::Came { participant, we_offer } => self.came(now, participant, we_offer),
                RosterChange::Went { device, join } => {
                    self.feed(now, (device, join), Input::Present(false));
                }
            }
        }
    }

    fn came(&mut self, now: Time, participant: Participant, we_offer: bool) {
        let Participant { user, device, join, key } = participant;
        let pair_key = (device, join);
        if self.pairs.contains_key(&pair_key) {
            self.feed(now, pair_key, Input::Present(true));
            return;
        }
        let ids =
            PairIds { call: self.call, me: self.me, my_join: self.join, them: device, their_join: join };
        let public: Option<[u8; 32]> = key.0.as_slice().try_into().ok();
        let Some((public, verifier)) = public.zip(Verifier::new(ids, &key.0)) else {
            tracing::warn!(%device, "a participant without a usable key");
            self.emit(CallEvent::BadSignal { device });
            return;
        };
        match self.pins.check(device, public) {
            Pin::Same => {}
            Pin::First => self.emit(CallEvent::KeySeen { device, key: public }),
            Pin::Changed => self.emit(CallEvent::KeyChanged { device, key: public }),
        }
        let older: Vec<PairKey> = self.pairs.keys().filter(|(of, _)| *of == device).copied().collect();
        let playout = match self.playout.add_stream() {
            Ok(stream) => Arc::new(stream),
            Err(error) => {
                tracing::error!(%error, "no decoder for somebody's voice");
                return;
            }
        };
        let viewers = if older.is_empty() {
            Arc::clone(self.viewers.entry(device).or_default())
        } else {
            // The streams of the older stay end with it.
            let fresh = Arc::<Viewers>::default();
            self.viewers.insert(device, Arc::clone(&fresh));
            fresh
        };
        let links = PeerLinks {
            key: pair_key,
            clock: self.clock,
            sound: self.sound.another(),
            frames: self.video.subscribe(),
            source: Arc::clone(&self.video),
            playout: Arc::clone(&playout),
            viewers,
            events: self.peer_events_in.clone(),
        };
        let role = Role { offers: we_offer, polite: self.me < device };
        let pair = Pair {
            user,
            negotiation: Negotiation::new(now, role),
            signer: Signer::new(ids, self.key.clone()),
            verifier,
            peer: Peer::start(self.settings.clone(), links),
            playout,
            media: None,
            tile: None,
            began: now,
            connected_after: None,
            complained: None,
        };
        self.pairs.insert(pair_key, pair);
        self.emit(CallEvent::PeerState { device, user, state: PairState::Connecting });
        for old in older {
            self.remove(old);
        }
        let outputs = self.pairs.get_mut(&pair_key).map(|pair| pair.negotiation.poll(now));
        self.carry_out(now, pair_key, outputs.unwrap_or_default());
    }

    fn relayed(&mut self, now: Time, from: DeviceId, envelope: &Envelope) {
        let key = (from, envelope.from_join);
        let Some(pair) = self.pairs.get_mut(&key) else {
            tracing::debug!(%from, "a signal of somebody who is not here");
            return;
        };
        match pair.verifier.open(envelope) {
            Ok(signal) => self.feed(now, key, Input::Remote(signal)),
            Err(refusal) => {
                tracing::warn!(%from, %refusal, "a signal is refused");
                self.complain(now, key);
            }
        }
    }

    fn complain(&mut self, now: Time, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let lately = pair.complained.is_some_and(|at| now.since(at) < Duration::from_secs(1));
        if !lately {
            pair.complained = Some(now);
            self.emit(CallEvent::BadSignal { device: key.0 });
        }
    }

    fn peer_event(&mut self, now: Time, key: PairKey, event: PeerEvent) -> Verdict {
        match event {
            PeerEvent::Session(input) => self.feed(now, key, input),
            PeerEvent::Broken => self.feed(now, key, Input::HangUp),
            PeerEvent::ChannelOpen => {
                let media = self.media();
                if let Some(pair) = self.pairs.get(&key) {
                    pair.say(ChannelMessage::State(media));
                    if let Some((width, height)) = pair.tile {
                        pair.say(ChannelMessage::Tile { width, height });
                    }
                }
            }
            PeerEvent::Heard(message) => self.heard(now, key, message),
        }
        self.verdict()
    }

    fn heard(&mut self, now: Time, key: PairKey, message: ChannelMessage) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        match message {
            ChannelMessage::State(media) => {
                if pair.media.replace(media) != Some(media) {
                    self.emit(CallEvent::PeerMedia { device: key.0, media });
                }
            }
            ChannelMessage::Tile { width, height } => pair.peer.set_watched(width > 0 && height > 0),
            ChannelMessage::Bye => self.feed(now, key, Input::Remote(PairSignal::Bye)),
            ChannelMessage::Unknown => {}
        }
    }

    fn deadline(&mut self, now: Time) -> Verdict {
        let keys: Vec<PairKey> = self.pairs.keys().copied().collect();
        for key in keys {
            let outputs = self.pairs.get_mut(&key).map(|pair| pair.negotiation.poll(now));
            self.carry_out(now, key, outputs.unwrap_or_default());
        }
        self.verdict()
    }

    fn feed(&mut self, now: Time, key: PairKey, input: Input) {
        let outputs = self.pairs.get_mut(&key).map(|pair| pair.negotiation.handle(now, input));
        self.carry_out(now, key, outputs.unwrap_or_default());
    }

    fn carry_out(&mut self, now: Time, key: PairKey, outputs: Vec<Output>) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let user = pair.user;
        for rest in pair.carry_out(now, self.call, key.0, outputs) {
            match rest {
                ForEngine::Send(signal) => self.emit(CallEvent::Send(signal)),
                ForEngine::State(state) => {
                    self.emit(CallEvent::PeerState { device: key.0, user, state });
                }
                ForEngine::BadSignal => self.complain(now, key),
                ForEngine::Broken => tracing::warn!(device = %key.0, "a connection takes no commands"),
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

    fn remove(&mut self, key: PairKey) {
        if let Some(pair) = self.pairs.remove(&key) {
            self.closing.retain(|closing| !closing.is_finished());
            self.closing.push(pair.peer.close());
        }
        if !self.pairs.keys().any(|(device, _)| *device == key.0)
            && let Some(viewers) = self.viewers.remove(&key.0)
        {
            viewers.end();
        }
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

async fn next_frame(frames: &mut Option<EncodedFrames>) -> Option<Arc<EncodedFrame>> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
