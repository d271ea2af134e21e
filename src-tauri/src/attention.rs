//! What the user's eyes are on: whether the window is there, whether it has the focus, and which room it shows.
//!
//! The interface knows focus and room, the shell knows whether the window is hidden; the client decides by both what is worth a
//! notification and which connections to keep. This is only where the two come together.

use snug_client::{Attention, Client};
use snug_protocol::RoomId;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What the user looks at, as the client and the shell's own parts are told.
pub(crate) struct Eyes {
    client: Client,
    /// Held for changing three fields; never while calling out.
    now: Mutex<Attention>,
    /// Notifications and the video path listen.
    told: watch::Sender<Attention>,
}

impl Eyes {
    /// Nothing is looked at until the window is shown.
    pub(crate) fn new(client: Client) -> Eyes {
        Eyes { client, now: Mutex::default(), told: watch::Sender::new(Attention::default()) }
    }

    /// The window is on the screen.
    pub(crate) fn opened(&self) {
        self.change(|now| now.open = true);
    }

    /// The window is in the tray: nothing in it is seen.
    pub(crate) fn closed(&self) {
        self.change(|now| (now.open, now.focused) = (false, false));
    }

    /// What the interface says. A hidden window has no focus, whatever it says.
    pub(crate) fn looks_at(&self, focused: bool, room: Option<RoomId>) {
        self.change(|now| (now.focused, now.room) = (focused && now.open, room));
    }

    /// Changes as they come.
    pub(crate) fn watch(&self) -> watch::Receiver<Attention> {
        self.told.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Attention)) {
        let now = {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut now);
            *now
        };
        self.client.set_attention(now);
        self.told.send_if_modified(|told| std::mem::replace(told, now) != now);
    }
}

/// The room whose notifications have been seen: the one that is shown while the window has the focus.
pub(crate) fn seen(attention: Attention) -> Option<RoomId> {
    attention.room.filter(|_| attention.open && attention.focused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_seen_only_in_a_window_that_has_the_focus() {
        let room = Some(RoomId::random());
        assert_eq!(seen(Attention { open: true, focused: true, room }), room);
        assert_eq!(seen(Attention { open: true, focused: false, room }), None);
        assert_eq!(seen(Attention { open: false, focused: true, room }), None);
        assert_eq!(seen(Attention { open: true, focused: true, room: None }), None);
    }
}
