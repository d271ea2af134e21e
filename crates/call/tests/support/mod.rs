//! Two or more calls in one process, over real UDP on loopback, with a relay of signals that the test can spoil.

// Each test program uses its part of it.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod coturn;
pub(crate) mod lossy_path;
pub(crate) mod namespaces;

use ed25519_dalek::SigningKey;
use snug_call::audio::AudioProcessing;
use snug_call::device::{CameraChoice, MicrophoneChoice, SpeakerChoice, VideoFormat};
use snug_call::video::VideoDecoder;
use snug_call::{Call, CallConfig, CallEvent, MediaConfig, PeerState, RelayTrust, VideoSource, VideoStream};
use snug_media::pattern::{self, Code};
use snug_protocol::ice::IceServer;
use snug_protocol::signal::{ClientSignal, Participant, ServerSignal};
use snug_protocol::{CallId, Content, DeviceId, JoinId, RoomId, UserId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Decides what becomes of a signal on its way: it goes on as it is, changed, or not at all.
pub(crate) type Spoiler = Box<dyn FnMut(DeviceId, ClientSignal) -> Vec<ClientSignal> + Send>;

enum ToRelay {
    Enter(Participant, Arc<Call>),
    Signal(DeviceId, ClientSignal),
    Inject(DeviceId, ServerSignal),
    Cut(DeviceId),
    TellAllOfAll,
}

/// The server, as far as a call sees it.
#[derive(Clone)]
pub(crate) struct Relay {
    inbox: mpsc::Sender<ToRelay>,
    pub(crate) call: CallId,
    pub(crate) room: RoomId,
}

impl Relay {
    pub(crate) fn start(mut spoil: Option<Spoiler>) -> Relay {
        let (inbox, mut orders) = mpsc::channel(1024);
        let call = CallId::random();
        tokio::spawn(async move {
            let mut calls: HashMap<DeviceId, (Participant, Arc<Call>)> = HashMap::new();
            let mut inside: BTreeMap<DeviceId, Participant> = BTreeMap::new();
            while let Some(order) = orders.recv().await {
                let (from, signals) = match order {
                    ToRelay::Enter(participant, call) => {
                        calls.insert(participant.device, (participant, call));
                        continue;
                    }
                    ToRelay::Cut(device) => {
                        calls.remove(&device);
                        continue;
                    }
                    ToRelay::TellAllOfAll => {
                        let members: Vec<Participant> =
                            calls.values().map(|(participant, _)| participant.clone()).collect();
                        for (_, told) in calls.values() {
                            let roster = ServerSignal::Roster { call, members: members.clone() };
                            let _ = told.server_signal(roster).await;
                        }
                        continue;
                    }
                    ToRelay::Inject(to, signal) => {
                        if let Some((_, call)) = calls.get(&to) {
                            let _ = call.server_signal(signal).await;
                        }
                        continue;
                    }
                    ToRelay::Signal(from, signal) => match &mut spoil {
                        Some(spoil) => (from, spoil(from, signal)),
                        None => (from, vec![signal]),
                    },
                };
                for signal in signals {
                    deliver(call, &calls, &mut inside, from, signal).await;
                }
            }
        });
        Relay { inbox, call, room: RoomId::random() }
    }

    /// Delivers what no peer sent.
    pub(crate) async fn inject(&self, to: DeviceId, signal: ServerSignal) {
        self.inbox.send(ToRelay::Inject(to, signal)).await.unwrap();
    }

    /// Says to everybody that everybody was there before.
    pub(crate) async fn tell_all_of_all(&self) {
        self.send(ToRelay::TellAllOfAll).await;
    }

    async fn send(&self, order: ToRelay) {
        let _ = self.inbox.send(order).await;
    }
}

async fn deliver(
    call: CallId,
    calls: &HashMap<DeviceId, (Participant, Arc<Call>)>,
    inside: &mut BTreeMap<DeviceId, Participant>,
    from: DeviceId,
    signal: ClientSignal,
) {
    let Some((participant, sender)) = calls.get(&from) else { return };
    let (signal, to): (ServerSignal, Vec<DeviceId>) = match signal {
        ClientSignal::Join { .. } => {
            let others: Vec<DeviceId> = inside.keys().copied().filter(|device| *device != from).collect();
            inside.insert(from, participant.clone());
            let members = inside.values().cloned().collect();
            let _ = sender.server_signal(ServerSignal::Roster { call, members }).await;
            (ServerSignal::Joined { call, participant: participant.clone() }, others)
        }
        ClientSignal::Leave { .. } => {
            inside.remove(&from);
            let join = participant.join;
            (ServerSignal::Left { call, device: from, join }, inside.keys().copied().collect())
        }
        ClientSignal::Relay { to, envelope, .. } => (ServerSignal::Relay { call, from, envelope }, vec![to]),
        _ => return,
    };
    for device in to {
        if let Some((_, call)) = calls.get(&device) {
            let _ = call.server_signal(signal.clone()).await;
        }
    }
}

/// One person in the call.
pub(crate) struct Person {
    pub(crate) call: Arc<Call>,
    pub(crate) device: DeviceId,
    pub(crate) participant: Participant,
    pub(crate) heard: Arc<Mutex<Vec<f32>>>,
    log: watch::Receiver<Vec<CallEvent>>,
    relay: Relay,
}

/// How a person begins.
pub(crate) struct Begin {
    pub(crate) sender: u8,
    pub(crate) tone: f32,
    pub(crate) video_on: bool,
    pub(crate) key: [u8; 32],
    pub(crate) device: DeviceId,
    pub(crate) present: Vec<Participant>,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) relay_only: bool,
    pub(crate) relay_trust: RelayTrust,
}

impl Begin {
    pub(crate) fn new(sender: u8, tone: f32) -> Begin {
        Begin {
            sender,
            tone,
            video_on: true,
            key: [sender; 32],
            device: DeviceId::random(),
            present: Vec::new(),
            ice_servers: Vec::new(),
            relay_only: false,
            relay_trust: RelayTrust::default(),
        }
    }

    /// By relays alone, and only these.
    pub(crate) fn by_relay(self, servers: Vec<IceServer>) -> Begin {
        Begin { ice_servers: servers, relay_only: true, ..self }
    }
}

pub(crate) fn media(sender: u8, tone: f32, video_on: bool) -> MediaConfig {
    MediaConfig {
        camera: Some(CameraChoice::Pattern { sender }),
        // Small, so that two encoders and two decoders fit beside a build.
        video_format: VideoFormat { width: 320, height: 180, fps: 30 },
        microphone: MicrophoneChoice::Tone { hz: tone },
        speaker: SpeakerChoice::Null,
        processing: AudioProcessing::OFF,
        video_on,
        ..MediaConfig::default()
    }
}

impl Person {
    pub(crate) async fn enter(relay: &Relay, begin: Begin) -> Person {
        let (user, device, join) = (UserId::random(), begin.device, JoinId::random());
        let key = SigningKey::from_bytes(&begin.key);
        let public = Content(key.verifying_key().to_bytes().to_vec());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let config = CallConfig {
            me: (user, device),
            join,
            call: relay.call,
            room: relay.room,
            present: begin.present,
            key,
            known_keys: HashMap::new(),
            ice_servers: begin.ice_servers,
            media: media(begin.sender, begin.tone, begin.video_on),
            relay_only: begin.relay_only,
            relay_trust: begin.relay_trust,
            include_loopback: true,
            heard: Some(Box::new(move |_, block: &[f32]| {
                let mut heard = ear.lock().unwrap();
                heard.extend_from_slice(block);
                let surplus = heard.len().saturating_sub(48_000);
                heard.drain(..surplus);
            })),
        };
        let (call, mut events) = Call::start(config).unwrap();
        let call = Arc::new(call);
        let participant = Participant { user, device, join, key: public, guest: false, name: None };
        relay.send(ToRelay::Enter(participant.clone(), Arc::clone(&call))).await;
        let (log_in, log) = watch::channel(Vec::new());
        let to_relay = relay.clone();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match event {
                    CallEvent::Send(signal) => to_relay.send(ToRelay::Signal(device, signal)).await,
                    other => log_in.send_modify(|log| log.push(other)),
                }
            }
        });
        Person { call, device, participant, heard, log, relay: relay.clone() }
    }

    /// Waits until something in all that happened so far, or happens, is what is asked for.
    pub(crate) async fn sees(&self, what: &str, is_it: impl Fn(&CallEvent) -> bool) -> CallEvent {
        self.sees_within(PATIENCE, what, is_it).await
    }

    /// The same with another patience.
    pub(crate) async fn sees_within(
        &self,
        patience: Duration,
        what: &str,
        is_it: impl Fn(&CallEvent) -> bool,
    ) -> CallEvent {
        let mut log = self.log.clone();
        let found = log.wait_for(|log| log.iter().any(&is_it));
        match tokio::time::timeout(patience, found).await {
            Ok(Ok(log)) => log.iter().rev().find(|event| is_it(event)).cloned().unwrap(),
            _ => panic!("no {what} in {:#?}", quiet(&self.log.borrow())),
        }
    }

    pub(crate) async fn sees_peer(&self, device: DeviceId, wanted: PeerState) {
        let is_it = |event: &CallEvent| matches!(event, CallEvent::PeerState { device: of, state, .. } if *of == device && *state == wanted);
        self.sees(&format!("{wanted:?}"), is_it).await;
    }

    /// Waits until this is the newest state of a peer.
    pub(crate) async fn sees_last_peer_state(&self, device: DeviceId, wanted: PeerState) {
        let mut log = self.log.clone();
        let last = |log: &Vec<CallEvent>| {
            log.iter().rev().find_map(|event| match event {
                CallEvent::PeerState { device: of, state, .. } if *of == device => Some(*state),
                _ => None,
            })
        };
        let found = log.wait_for(|log| last(log) == Some(wanted));
        if tokio::time::timeout(PATIENCE, found).await.is_err() {
            panic!("not {wanted:?} in {:#?}", self.log());
        }
    }

    /// What happened so far, levels left out.
    pub(crate) fn log(&self) -> Vec<CallEvent> {
        quiet(&self.log.borrow())
    }

    /// No more signals to and from this person.
    pub(crate) async fn cut(&self) {
        self.relay.send(ToRelay::Cut(self.device)).await;
    }

    pub(crate) async fn watch(&self, source: VideoSource) -> Screen {
        let stream = self.call.subscribe_video(source).await.unwrap();
        Screen { stream, decoder: VideoDecoder::new().unwrap(), keyframes: 0, size: (0, 0) }
    }

    /// The pitch of what is heard just now.
    pub(crate) fn pitch(&self) -> Option<f32> {
        let heard = self.heard.lock().unwrap();
        let newest = heard.len().saturating_sub(9_600);
        snug_media::tone::dominant_frequency(&heard[newest..], 48_000)
    }

    /// Waits until this is heard, or silence.
    pub(crate) async fn hears(&self, hz: Option<f32>) {
        let waiting = async {
            loop {
                match (self.pitch(), hz) {
                    (Some(pitch), Some(hz)) if (pitch - hz).abs() < 8.0 => return,
                    (None, None) if self.heard.lock().unwrap().len() > 9_600 => return,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("{:?} is heard and not {hz:?}; {:#?}", self.pitch(), self.log());
        }
    }
}

fn quiet(log: &[CallEvent]) -> Vec<CallEvent> {
    let level =
        |event: &&CallEvent| !matches!(event, CallEvent::SelfLevel { .. } | CallEvent::PeerLevel { .. });
    log.iter().filter(level).cloned().collect()
}

/// Decodes what somebody sees.
pub(crate) struct Screen {
    pub(crate) stream: VideoStream,
    decoder: VideoDecoder,
    pub(crate) keyframes: usize,
    pub(crate) size: (u32, u32),
}

impl Screen {
    /// The code in the next picture.
    pub(crate) async fn code(&mut self) -> Code {
        let shown = async {
            loop {
                let shown = self.stream.next().await.expect("the stream goes on");
                self.keyframes += usize::from(shown.frame.keyframe);
                let picture = self.decoder.decode(&shown.frame.data).expect("every frame decodes");
                if let Some(picture) = picture {
                    let (width, height) = (picture.width(), picture.height());
                    self.size = (width, height);
                    if let Some(code) = pattern::read(picture.y(), width, height, width as usize) {
                        return code;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("no picture")
    }

    /// So many pictures in a row: all of the same sender, and each newer than the one before.
    pub(crate) async fn shows(&mut self, sender: u8, pictures: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < pictures {
            let code = self.code().await;
            assert_eq!(code.sender, sender);
            if let Some(last) = numbers.last() {
                assert!(code.frame_no > *last, "{} after {last}", code.frame_no);
            }
            numbers.push(code.frame_no);
        }
        numbers
    }
}

/// Two people who are connected.
pub(crate) async fn two(spoil: Option<Spoiler>) -> (Relay, Person, Person) {
    let relay = Relay::start(spoil);
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    let b = Person::enter(&relay, Begin::new(2, 700.0)).await;
    a.sees_peer(b.device, PeerState::Connected).await;
    b.sees_peer(a.device, PeerState::Connected).await;
    (relay, a, b)
}
