//! Guests and the call's chat, as far as the desk goes.

use super::{Desk, not_now};
use crate::core::now;
use crate::view::{ChatLine, Problem, Update};
use snug_protocol::pair::MAX_CHAT_CHARS;
use snug_protocol::signal::{ClientSignal, ServerSignal};
use snug_protocol::{DeviceId, TxnId};

/// What the person decides about a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let in who waits.
    Admit,
    /// Send away who waits.
    Refuse,
    /// Remove who was let in.
    Remove,
}

impl Desk {
    /// Somebody came to the door, or went from it.
    pub(super) fn door(&mut self, signal: &ServerSignal) {
        let Some(current) = &mut self.current else { return };
        match signal {
            ServerSignal::GuestKnocking { call, device, name } if *call == current.rung.call => {
                current.knocks(*device, name);
            }
            ServerSignal::GuestSettled { call, device } if *call == current.rung.call => {
                current.settled(*device);
            }
            _ => {}
        }
    }

    /// Decides about a guest; what comes of it the server says.
    pub(super) fn decide(&self, device: DeviceId, verdict: Verdict) -> Result<(), Problem> {
        let current = self.current.as_ref().ok_or_else(|| not_now("there is no call"))?;
        let call = current.rung.call;
        self.signal.send(match verdict {
            Verdict::Admit => ClientSignal::GuestAdmit { call, device },
            Verdict::Refuse => ClientSignal::GuestRefuse { call, device },
            Verdict::Remove => ClientSignal::GuestRemove { call, device },
        });
        Ok(())
    }

    /// Says something in writing.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Problem> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_CHAT_CHARS {
            return Err(Problem {
                code: "bad_request".into(),
                detail: format!("a message has 1 to {MAX_CHAT_CHARS} characters"),
            });
        }
        let name = self.core.store.name_of(self.me.user).await.unwrap_or_default();
        let me = self.me.device;
        let current = self.current.as_mut().ok_or_else(|| not_now("there is no call"))?;
        let id = TxnId::random();
        current.call.say(id, text.to_owned()).await.map_err(|error| not_now(&error.to_string()))?;
        let line = ChatLine { id, name, own: true, guest: false, at: now(), text: text.to_owned() };
        current.chat.add(me, line);
        self.core.updates.send(Update::CallChat);
        Ok(())
    }

    /// Another device said something in writing.
    pub(super) fn heard(&mut self, device: DeviceId, id: TxnId, text: String) {
        let Some(current) = &mut self.current else { return };
        let Some(peer) = current.peer(device) else { return };
        let line = ChatLine { id, name: peer.name.clone(), own: false, guest: peer.guest, at: now(), text };
        if current.chat.add(device, line) {
            self.core.updates.send(Update::CallChat);
        }
    }
}
