//! Who has an open event stream. Counting only: the signal hub tells people of it, and waits a little before it says that somebody
//! went, because a stream that reconnects is no news.

use snug_protocol::UserId;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Open streams of each person.
#[derive(Default)]
pub(crate) struct Presence {
    /// Held for a few instructions by streams that open and close and by the hub when it looks.
    open: Mutex<HashMap<UserId, usize>>,
    /// Wakes the hub; one waiter, and wakes that come together are one.
    changed: Notify,
}

/// One open stream; closing it is dropping this.
pub(crate) struct OpenStream {
    presence: Arc<Presence>,
    user: UserId,
}

impl Presence {
    /// Counts a stream for as long as the result lives.
    pub(crate) fn open(self: &Arc<Self>, user: UserId) -> OpenStream {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open.entry(user).or_default() += 1;
        drop(open);
        self.changed.notify_one();
        OpenStream { presence: Arc::clone(self), user }
    }

    /// Everybody with an open stream.
    pub(crate) fn available(&self) -> HashSet<UserId> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Resolves when a stream opened or closed since the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.presence.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
        drop(open);
        self.presence.changed.notify_one();
    }
}
