//! What the person wants of the call.

use super::{Desk, Order, not_now};
use crate::view::{Connection, DeviceKind, Problem};
use snug_call::session::{RingInput, RingState};
use snug_protocol::{CallId, RoomId};

impl Desk {
    pub(super) async fn order(&mut self, order: Order) {
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
            Order::Guest { device, verdict, reply } => {
                let _ = reply.send(self.decide(device, verdict));
            }
            Order::Say { text, reply } => {
                let said = self.say(&text).await;
                let _ = reply.send(said);
            }
            Order::Chat { reply } => {
                let lines = self.current.as_ref().map(|current| current.chat.lines());
                let _ = reply.send(lines.unwrap_or_default());
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
        let ongoing = self.core.ongoing_call(room).filter(|ongoing| {
            !ongoing.guests.is_empty() || ongoing.people.iter().any(|user| *user != self.me.user)
        });
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
}
