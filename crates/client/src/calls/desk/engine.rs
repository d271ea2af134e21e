//! What the call engine says.

use super::Desk;
use crate::calls::studio::device_problem;
use crate::core::now;
use crate::view::Problem;
use snug_call::device::DeviceKind;
use snug_call::session::RingInput;
use snug_call::{CallEvent, EndReason, PeerState, RelayProblem};
use snug_protocol::CallId;
use snug_protocol::signal::ClientSignal;

impl Desk {
    pub(super) async fn call_event(&mut self, event: Option<CallEvent>) {
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
                let name = match current.guest_name(device) {
                    Some(name) => name,
                    None => self.core.store.name_of(user).await.unwrap_or_default(),
                };
                current.peer_state(device, user, name, state, now());
                self.studio.call_streams(current.streams());
                if fresh && user != self.me.user && !matches!(state, PeerState::Lost | PeerState::Left) {
                    self.ring_input(RingInput::PeerJoined { call }).await;
                }
            }
            CallEvent::Guest { device, name } => current.guest(device, &name),
            CallEvent::Chat { device, id, text } => self.heard(device, id, text),
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
                if kind == DeviceKind::Speaker {
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
            CallEvent::RelayProblem { problem } => {
                if problem == RelayProblem::Credential {
                    // The password may have ended while the server was away.
                    self.fetch_ice();
                }
                self.core.updates.problem(relay_problem(problem));
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
}

fn relay_problem(problem: RelayProblem) -> Problem {
    let (code, detail) = match problem {
        RelayProblem::Missing => ("relay_missing", "only a relay may be used, and the server names none"),
        RelayProblem::Unreachable => ("relay_unreachable", "no relay answers"),
        RelayProblem::Untrusted => ("relay_untrusted", "a relay's certificate is not trusted"),
        RelayProblem::Refused => ("relay_refused", "a relay takes no more"),
        RelayProblem::Credential => ("relay_credential", "a relay does not take the server's password"),
    };
    Problem { code: code.into(), detail: detail.into() }
}
