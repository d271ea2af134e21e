//! What the ringing decides, and doing it.

use super::{Desk, Done, ice_servers, not_now};
use crate::calls::current::Current;
use crate::calls::ending::{Cause, end_of};
use crate::core::now;
use crate::net::api;
use crate::signal::SignalSender;
use crate::view::{CallPhase, CallView, Update};
use snug_call::session::{RingEvent, RingInput, RingOutput, RingSays, RingState, Rung};
use snug_call::{Call, CallConfig, CallEvent, MediaConfig, RelayTrust};
use snug_protocol::content::Ring;
use snug_protocol::event::{NewEvent, kind};
use snug_protocol::pair::MediaState;
use snug_protocol::signal::ClientSignal;
use snug_protocol::{CallId, Content, JoinId, RoomId, TxnId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a call that is over is shown.
const SHOW_END: Duration = Duration::from_secs(3);

/// How long a call waits for the list of ICE servers, if it has none that is good: two in one network need none.
const ICE_PATIENCE: Duration = Duration::from_secs(2);

impl Desk {
    pub(super) async fn ring_event(&mut self, mut event: RingEvent) {
        // After an absence a ring and its end come together: it must not be heard in between.
        if let RingSays::Rings { ring, expires_in } = &event.what
            && self.core.store.ring_is_over(self.me, ring.call).await.unwrap_or(false)
        {
            event.age = *expires_in;
        }
        self.ring_input(RingInput::Event(event)).await;
    }

    pub(super) async fn ring_input(&mut self, input: RingInput) {
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
    pub(super) async fn give_up(&mut self) {
        let before = self.view();
        let outputs = self.ringing.handle(self.clock.now(), RingInput::HangUp);
        self.follow(before, Cause::Lost, outputs).await;
    }

    /// Does what the ringing decided; `before` is what was shown until then.
    pub(super) async fn follow(&mut self, before: Option<CallView>, cause: Cause, outputs: Vec<RingOutput>) {
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
                    self.look();
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

    pub(super) async fn name_peer(&mut self, state: RingState) {
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

    /// Asks who is in the call that rings, so that no time passes with it when it is accepted.
    pub(super) fn look(&mut self) {
        if let RingState::Incoming(Rung { call, room, .. }) = self.ringing.state() {
            self.signal.send(ClientSignal::Look { call, room });
        }
    }

    pub(super) fn send_ring(&mut self, room: RoomId, ring: Ring, expires_in: Duration) {
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

    pub(super) async fn join(&mut self, rung: Rung) {
        if self.ice.as_ref().is_none_or(|list| list.renew_at() <= Instant::now()) {
            let fetched = tokio::time::timeout(ICE_PATIENCE, ice_servers(&self.http)).await;
            self.ice = fetched.unwrap_or_default().or(self.ice.take());
        }
        let choices = self.studio.choices();
        let media = MediaConfig {
            camera: Some(choices.camera.clone()),
            microphone: choices.microphone.clone(),
            speaker: choices.speaker.clone(),
            processing: choices.processing(),
            video_format: self.core.config.video_format,
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
        let relay_only = match self.core.store.preferences().await {
            Ok(preferences) => preferences.relay_only,
            Err(problem) => {
                // What the person chose is not known, and to hide too much does less harm.
                self.core.updates.problem(problem);
                true
            }
        };
        let config = CallConfig {
            me: (self.me.user, self.me.device),
            join: JoinId::random(),
            call: rung.call,
            room: rung.room,
            present: self
                .seen
                .take()
                .filter(|(of, _)| *of == rung.call)
                .map(|(_, seen)| seen)
                .unwrap_or_default(),
            key: self.key.clone(),
            known_keys,
            ice_servers: self.ice.as_ref().map(|list| list.servers.clone()).unwrap_or_default(),
            media,
            relay_only,
            relay_trust: RelayTrust { extra: self.core.config.relay_roots.clone() },
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
    pub(super) fn leave(&mut self, call: CallId) {
        let Some(current) = self.current.take_if(|current| current.rung.call == call) else { return };
        self.studio.call_ended();
        self.leaving += 1;
        self.beside.spawn(farewell(current, self.signal.clone()));
    }

    /// The socket stays for as long as a call, or a ring, needs it.
    pub(super) fn tell_socket(&self) {
        let rings = !matches!(self.ringing.state(), RingState::Idle);
        self.signal.set_in_call(rings || self.current.is_some() || self.leaving > 0);
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
