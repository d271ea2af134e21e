//! The task that owns ringing and call: takes what happens, in order, and does what the ringing decides.
//!
//! Nothing here waits for the network: requests run beside it and come back as [`Done`].

use super::current::Current;
use super::ending::{Cause, end_of};
use super::ice::with_host;
use super::news::ring_event;
use super::studio::device_problem;
use super::{Parts, Studio};
use crate::core::{Core, now};
use crate::net::{Http, api};
use crate::signal::{SignalNews, SignalSender};
use crate::store::Me;
use crate::sync::CallNews;
use crate::view::{CallPhase, CallView, Connection, DeviceKind, OwnMedia, Problem, Update};
use ed25519_dalek::SigningKey;
use snug_call::session::{RingInput, RingOutput, RingState, Ringing, Rung};
use snug_call::{
    Call, CallConfig, CallEvent, CallStats, Clock, EndReason, MediaConfig, PeerState, VideoSource,
};
use snug_protocol::content::Ring;
use snug_protocol::event::{NewEvent, kind};
use snug_protocol::ice::IceServer;
use snug_protocol::pair::MediaState;
use snug_protocol::signal::{ClientSignal, ServerSignal};
use snug_protocol::{CallId, Content, DeviceId, JoinId, RoomId, TxnId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a call that is over is shown.
const SHOW_END: Duration = Duration::from_secs(3);

/// How long a call waits for the list of ICE servers, if it has none yet: two in one network need none.
const ICE_PATIENCE: Duration = Duration::from_secs(2);

type Reply<T> = oneshot::Sender<T>;

/// What the person wants.
pub(super) enum Order {
    Ring { room: RoomId, video: bool, reply: Reply<Result<(), Problem>> },
    Accept { video: bool, reply: Reply<Result<(), Problem>> },
    Decline { reply: Reply<()> },
    HangUp { reply: Reply<()> },
    Microphone { on: bool, reply: Reply<()> },
    Camera { on: bool, reply: Reply<()> },
    DeviceChosen { kind: DeviceKind, reply: Reply<()> },
    Tile { device: DeviceId, width: u32, height: u32 },
    Keyframe { source: VideoSource },
    Stats { reply: Reply<Result<CallStats, Problem>> },
    Close { reply: Reply<()> },
}

/// What ran beside the desk and is done.
enum Done {
    Ice(Option<Vec<IceServer>>),
    Rang,
    /// The call cannot begin.
    Failed(CallId, Problem),
    Left,
}

pub(super) struct Desk {
    core: Arc<Core>,
    studio: Arc<Studio>,
    me: Me,
    key: SigningKey,
    http: Http,
    signal: SignalSender,
    from_log: mpsc::Receiver<CallNews>,
    from_socket: mpsc::Receiver<SignalNews>,
    orders: mpsc::Receiver<Order>,
    publisher: watch::Sender<Option<CallView>>,
    clock: Clock,
    ringing: Ringing,
    current: Option<Current>,
    /// Whether the camera shall be on when the call begins: what the person said as they rang or accepted.
    video: bool,
    peer_name: String,
    /// A call that is over, still shown until then.
    ended: Option<(CallView, Instant)>,
    ice: Option<Vec<IceServer>>,
    beside: JoinSet<Done>,
    /// Calls that say goodbye at the moment.
    leaving: usize,
    /// Whoever waits for everything to be over.
    closing: Option<Reply<()>>,
}

impl Desk {
    pub(super) fn new(
        parts: Parts,
        orders: mpsc::Receiver<Order>,
        publisher: watch::Sender<Option<CallView>>,
    ) -> Self {
        let Parts { core, studio, me, key, http, signal, from_log, from_socket } = parts;
        Self {
            core,
            studio,
            me,
            key,
            http,
            signal,
            from_log,
            from_socket,
            orders,
            publisher,
            clock: Clock::shared(),
            ringing: Ringing::new(me.user, me.device),
            current: None,
            video: false,
            peer_name: String::new(),
            ended: None,
            ice: None,
            beside: JoinSet::new(),
            leaving: 0,
            closing: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let ring_due = self.ringing.next_deadline().map(|at| Instant::from_std(self.clock.instant(at)));
            let shown_until = self.ended.as_ref().map(|(_, until)| *until);
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.order(order).await,
                    None => return,
                },
                Some(news) = self.from_log.recv() => {
                    if let Some(event) = ring_event(&news) {
                        self.ring_input(RingInput::Event(event)).await;
                    }
                }
                Some(news) = self.from_socket.recv() => self.socket(news).await,
                event = next_event(&mut self.current) => self.call_event(event).await,
                Some(done) = self.beside.join_next() => match done {
                    Ok(done) => self.done(done).await,
                    Err(error) => tracing::error!(%error, "something beside the calls failed"),
                },
                () = until(ring_due) => {
                    let before = self.view();
                    let outputs = self.ringing.poll(self.clock.now());
                    self.follow(before, Cause::Clock, outputs).await;
                }
                () = until(shown_until) => self.ended = None,
            }
            self.publish();
            if self.leaving == 0
                && let Some(reply) = self.closing.take()
            {
                // Whoever closes may have given up.
                let _ = reply.send(());
            }
        }
    }

    async fn order(&mut self, order: Order) {
        match order {
            Order::Ring { room, video, reply } => {
                let result = self.ring(room, video).await;
                let _ = reply.send(result);
            }
            Order::Accept { video, reply } => {
                self.video = video;
                let rings = matches!(self.ringing.state(), RingState::Incoming(_));
                self.ring_input(RingInput::Accept).await;
                let _ = reply.send(if rings { Ok(()) } else { Err(not_now("nothing rings")) });
            }
            Order::Decline { reply } => {
                self.ring_input(RingInput::Decline).await;
                let _ = reply.send(());
            }
            Order::HangUp { reply } => {
                self.ring_input(RingInput::HangUp).await;
                let _ = reply.send(());
            }
            Order::Microphone { on, reply } => {
                if let Some(current) = &mut self.current {
                    current.own.microphone = on;
                    // An engine that has ended says so as an event.
                    let _ = current.call.set_muted(!on).await;
                }
                let _ = reply.send(());
            }
            Order::Camera { on, reply } => {
                if let Some(current) = &mut self.current {
                    current.own.camera = on;
                    current.own.camera_problem = None;
                    let _ = current.call.set_video(on).await;
                    self.studio.call_streams(current.streams());
                }
                let _ = reply.send(());
            }
            Order::DeviceChosen { kind, reply } => {
                self.device_chosen(kind).await;
                let _ = reply.send(());
            }
            Order::Tile { device, width, height } => {
                if let Some(current) = &self.current {
                    let _ = current.call.set_tile(device, width, height).await;
                }
            }
            Order::Keyframe { source } => {
                if let Some(current) = &self.current {
                    let _ = current.call.request_keyframe(source).await;
                }
            }
            Order::Stats { reply } => {
                let stats = match &self.current {
                    Some(current) => current.call.stats().await.map_err(|error| not_now(&error.to_string())),
                    None => Err(not_now("there is no call")),
                };
                let _ = reply.send(stats);
            }
            Order::Close { reply } => {
                self.ring_input(RingInput::HangUp).await;
                self.closing = Some(reply);
            }
        }
    }

    async fn device_chosen(&mut self, kind: DeviceKind) {
        let Some(current) = &mut self.current else { return };
        let choices = self.studio.choices();
        let _ = match kind {
            DeviceKind::Camera => {
                current.own.camera_problem = None;
                current.call.set_camera(Some(choices.camera)).await
            }
            DeviceKind::Microphone => {
                current.own.microphone_problem = None;
                current.call.set_microphone(choices.microphone).await
            }
            DeviceKind::Speaker => current.call.set_speaker(choices.speaker).await,
        };
    }

    async fn ring(&mut self, room: RoomId, video: bool) -> Result<(), Problem> {
        if !matches!(self.ringing.state(), RingState::Idle) {
            return Err(Problem { code: "in_a_call".into(), detail: "there is a call already".into() });
        }
        if self.core.connection() != Connection::Online {
            return Err(Problem { code: "offline".into(), detail: "calls need the server".into() });
        }
        self.video = video;
        let ongoing = self
            .core
            .ongoing_call(room)
            .filter(|ongoing| ongoing.people.iter().any(|user| *user != self.me.user));
        let input = match ongoing {
            Some(ongoing) => RingInput::Enter { room, call: ongoing.call, video },
            None => {
                let members = self.core.store.members_of(room).await?;
                let people = members.iter().filter(|(user, _)| *user != self.me.user).count();
                if people == 0 {
                    return Err(not_now("nobody else is in the room"));
                }
                RingInput::Ring { room, call: CallId::random(), video, people }
            }
        };
        self.ring_input(input).await;
        Ok(())
    }

    async fn socket(&mut self, news: SignalNews) {
        match news {
            SignalNews::Up => {
                self.fetch_ice();
                if let Some(current) = &self.current {
                    let _ = current.call.socket_connected().await;
                }
            }
            SignalNews::Down => {
                if let Some(current) = &self.current {
                    let _ = current.call.socket_lost().await;
                }
            }
            SignalNews::Signal(ServerSignal::CallState { call, people, .. }) => {
                self.ring_input(RingInput::People { call, people }).await;
            }
            SignalNews::Signal(signal) => {
                if let Some(current) = &self.current {
                    let _ = current.call.server_signal(signal).await;
                }
            }
        }
    }

    fn fetch_ice(&mut self) {
        let http = self.http.clone();
        self.beside.spawn(async move { Done::Ice(ice_servers(&http).await) });
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Ice(servers) => self.ice = servers.or(self.ice.take()),
            Done::Rang => {}
            Done::Failed(call, problem) => {
                if self.rung().is_some_and(|rung| rung.call == call) {
                    self.core.updates.problem(problem);
                    self.give_up().await;
                }
            }
            Done::Left => {
                self.leaving = self.leaving.saturating_sub(1);
                self.tell_socket();
            }
        }
    }

    async fn ring_input(&mut self, input: RingInput) {
        let (before, cause) = (self.view(), Cause::of(&input));
        // One of several hangs up for themselves; only the last two end it for both.
        let others = self.current.as_ref().map_or(0, |current| current.peers().len());
        let goes_on = matches!(input, RingInput::HangUp) && others >= 2;
        let mut outputs = self.ringing.handle(self.clock.now(), input);
        if goes_on {
            outputs.retain(|output| !matches!(output, RingOutput::SendEnd { kind: kind::CALL_END, .. }));
        }
        self.follow(before, cause, outputs).await;
    }

    /// Ends what rings or goes on, because it cannot.
    async fn give_up(&mut self) {
        let before = self.view();
        let outputs = self.ringing.handle(self.clock.now(), RingInput::HangUp);
        self.follow(before, Cause::Lost, outputs).await;
    }

    /// Does what the ringing decided; `before` is what was shown until then.
    async fn follow(&mut self, before: Option<CallView>, cause: Cause, outputs: Vec<RingOutput>) {
        let end = end_of(cause, &outputs);
        for output in outputs {
            match output {
                RingOutput::SendRing { room, ring, expires_in } => self.send_ring(room, ring, expires_in),
                RingOutput::SendEnd { room, kind, end } => {
                    let event = new_event(kind, Content::json(&end), None);
                    match self.core.store.enqueue(room, &event).await {
                        Ok(()) => self.core.outbox.notify_one(),
                        Err(problem) => self.core.updates.problem(problem),
                    }
                }
                RingOutput::JoinCall(rung) => self.join(rung).await,
                RingOutput::LeaveCall(call) => self.leave(call),
                RingOutput::State(RingState::Idle) => {
                    // A call that was another's end at once (both rang each other) is no end to show.
                    if let Some(before) = before.clone() {
                        let view = CallView { phase: CallPhase::Ended(end), ..before };
                        self.ended = Some((view, Instant::now() + SHOW_END));
                    }
                }
                RingOutput::State(state) => {
                    self.ended = None;
                    self.name_peer(state).await;
                }
                RingOutput::Missed(rung) => {
                    // The timeline says so; a ring that was never heard changes nothing else.
                    self.core.updates.send(Update::Timeline { room: rung.room });
                }
                RingOutput::Over { rung, reason, duration } => {
                    tracing::info!(call = %rung.call, ?reason, ?duration, "a call is over");
                }
            }
        }
        self.tell_socket();
    }

    async fn name_peer(&mut self, state: RingState) {
        let name = match state {
            RingState::Idle => return,
            RingState::Incoming(rung) => self.core.store.name_of(rung.user).await,
            RingState::Outgoing(rung) | RingState::InCall(rung) if rung.user == self.me.user => {
                self.core.store.room_name(self.me, rung.room).await
            }
            RingState::Outgoing(rung) | RingState::InCall(rung) => self.core.store.name_of(rung.user).await,
        };
        self.peer_name = name.unwrap_or_default();
    }

    fn send_ring(&mut self, room: RoomId, ring: Ring, expires_in: Duration) {
        let expires_in = u64::try_from(expires_in.as_millis()).unwrap_or(u64::MAX);
        let event = new_event(kind::CALL_RING, Content::json(&ring), Some(expires_in));
        let (http, call) = (self.http.clone(), ring.call);
        self.beside.spawn(async move {
            match api::send(&http, room, &event).await {
                Ok(_) => Done::Rang,
                Err(failure) => Done::Failed(call, failure.into()),
            }
        });
    }

    async fn join(&mut self, rung: Rung) {
        if self.ice.is_none() {
            let fetched = tokio::time::timeout(ICE_PATIENCE, ice_servers(&self.http)).await;
            self.ice = fetched.unwrap_or_default();
        }
        let choices = self.studio.choices();
        let media = MediaConfig {
            camera: Some(choices.camera.clone()),
            microphone: choices.microphone.clone(),
            speaker: choices.speaker.clone(),
            processing: choices.processing(),
            video_on: self.video,
            muted: false,
            ..MediaConfig::default()
        };
        let known_keys = match self.core.store.device_keys().await {
            Ok(keys) => keys,
            Err(problem) => {
                self.core.updates.problem(problem);
                Default::default()
            }
        };
        let config = CallConfig {
            me: (self.me.user, self.me.device),
            join: JoinId::random(),
            call: rung.call,
            room: rung.room,
            key: self.key.clone(),
            known_keys,
            ice_servers: self.ice.clone().unwrap_or_default(),
            media,
            relay_only: self.core.config.relay_only,
            include_loopback: self.core.config.include_loopback,
            heard: self.studio.heard(),
        };
        // The preview's camera is free before the call opens it.
        self.studio.clear_preview();
        let (call, events) = match Call::start(config) {
            Ok(started) => started,
            Err(error) => {
                let (call, problem) = (rung.call, not_now(&error.to_string()));
                self.beside.spawn(async move { Done::Failed(call, problem) });
                return;
            }
        };
        if let Err(problem) = self.core.store.keep_joined_call(rung.call).await {
            self.core.updates.problem(problem);
        }
        let call = Arc::new(call);
        self.studio.call_began(&call);
        let media = MediaState { microphone: true, camera: self.video };
        let current = Current::new(rung, call, events, media);
        self.studio.call_streams(current.streams());
        self.current = Some(current);
        self.tell_socket();
    }

    /// Lets the call say goodbye beside us.
    fn leave(&mut self, call: CallId) {
        let Some(current) = self.current.take_if(|current| current.rung.call == call) else { return };
        self.studio.call_ended();
        self.leaving += 1;
        self.beside.spawn(farewell(current, self.signal.clone()));
    }

    /// The socket stays for as long as a call, or a ring, needs it.
    fn tell_socket(&self) {
        let rings = !matches!(self.ringing.state(), RingState::Idle);
        self.signal.set_in_call(rings || self.current.is_some() || self.leaving > 0);
    }

    async fn call_event(&mut self, event: Option<CallEvent>) {
        let Some(current) = &mut self.current else { return };
        let call = current.rung.call;
        let Some(event) = event else {
            // The engine ended without a goodbye; the server must not keep our place.
            self.signal.send(ClientSignal::Leave { call });
            self.engine_ended(call, true).await;
            return;
        };
        match event {
            CallEvent::Send(signal) => self.signal.send(signal),
            CallEvent::PeerState { device, user, state } => {
                let fresh = !current.knows(device);
                let name = self.core.store.name_of(user).await.unwrap_or_default();
                current.peer_state(device, user, name, state, now());
                self.studio.call_streams(current.streams());
                if fresh && user != self.me.user && !matches!(state, PeerState::Lost | PeerState::Left) {
                    self.ring_input(RingInput::PeerJoined { call }).await;
                }
            }
            CallEvent::PeerMedia { device, media } => {
                current.peer_media(device, media);
                self.studio.call_streams(current.streams());
            }
            CallEvent::PeerLevel { device, speaking, .. } => {
                current.peer_speaks(device, speaking);
            }
            CallEvent::SelfLevel { level, speaking } => {
                current.own.speaking = speaking;
                self.studio.levels().send_replace(level);
            }
            CallEvent::SelfMedia(media) => {
                (current.own.microphone, current.own.camera) = (media.microphone, media.camera);
                self.studio.call_streams(current.streams());
            }
            CallEvent::DeviceProblem { kind, error } => {
                current.device(kind, Some(&error));
                if kind == snug_call::device::DeviceKind::Speaker {
                    self.core.updates.problem(device_problem(kind, &error));
                }
            }
            CallEvent::DeviceWorks { kind, .. } => current.device(kind, None),
            CallEvent::KeySeen { device, key } => {
                if let Err(problem) = self.core.store.keep_device_key(device, key).await {
                    self.core.updates.problem(problem);
                }
            }
            CallEvent::KeyChanged { device, .. } => {
                let detail = format!("device {device} came with another key than before");
                self.core.updates.problem(Problem { code: "call_key_changed".into(), detail });
            }
            CallEvent::BadSignal { device } => tracing::warn!(%device, "a signal was refused"),
            CallEvent::Ended { reason } => {
                self.engine_ended(call, reason == EndReason::ConnectionLost).await;
            }
        }
    }

    async fn engine_ended(&mut self, call: CallId, lost: bool) {
        self.ring_input(RingInput::CallEnded { call, lost }).await;
        self.leave(call);
        // Nobody may be left ringing for a call that nothing carries.
        if self.rung().is_some_and(|rung| rung.call == call) {
            self.give_up().await;
        }
    }

    /// What rings or goes on.
    fn rung(&self) -> Option<Rung> {
        match self.ringing.state() {
            RingState::Idle => None,
            RingState::Outgoing(rung) | RingState::Incoming(rung) | RingState::InCall(rung) => Some(rung),
        }
    }

    fn view(&self) -> Option<CallView> {
        let rung = self.rung()?;
        let current = self.current.as_ref().filter(|current| current.rung.call == rung.call);
        let connected_at = current.and_then(|current| current.connected_at);
        let phase = match self.ringing.state() {
            RingState::Incoming(_) => CallPhase::Incoming,
            RingState::Outgoing(_) => CallPhase::Outgoing,
            _ if connected_at.is_some() => CallPhase::Active,
            _ => CallPhase::Connecting,
        };
        let silent = OwnMedia {
            microphone: false,
            camera: false,
            speaking: false,
            camera_problem: None,
            microphone_problem: None,
        };
        Some(CallView {
            call: rung.call,
            room: rung.room,
            phase,
            video: rung.video,
            peer_name: self.peer_name.clone(),
            connected_at,
            own: current.map_or(silent, |current| current.own.clone()),
            peers: current.map(Current::peers).unwrap_or_default(),
        })
    }

    /// Tells the interface, when there is anything new to tell.
    fn publish(&self) {
        let view = self.view().or_else(|| self.ended.as_ref().map(|(view, _)| view.clone()));
        let changed = self.publisher.send_if_modified(|shown| {
            let changed = *shown != view;
            shown.clone_from(&view);
            changed
        });
        if changed {
            self.core.updates.send(Update::Call { call: view });
        }
    }
}

async fn next_event(current: &mut Option<Current>) -> Option<CallEvent> {
    match current {
        Some(current) => current.events.next().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Hangs up, and passes on what the call still has to say.
async fn farewell(current: Current, signal: SignalSender) -> Done {
    let Current { call, mut events, .. } = current;
    tokio::join!(call.hang_up(), async {
        while let Some(event) = events.next().await {
            if let CallEvent::Send(last) = event {
                signal.send(last);
            }
        }
    });
    Done::Left
}

async fn ice_servers(http: &Http) -> Option<Vec<IceServer>> {
    match api::ice(http).await {
        Ok(list) => Some(with_host(list, &http.dialer().address())),
        Err(failure) => {
            tracing::warn!(%failure, "no list of ICE servers");
            None
        }
    }
}

fn new_event(kind: &str, content: Content, expires_in_ms: Option<u64>) -> NewEvent {
    NewEvent {
        txn: TxnId::random(),
        kind: kind.to_owned(),
        client_time: now(),
        target: None,
        mentions: Vec::new(),
        expires_in_ms,
        expected_epoch: None,
        content,
    }
}

fn not_now(why: &str) -> Problem {
    Problem { code: "call_failed".into(), detail: why.to_owned() }
}
