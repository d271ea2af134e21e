//! What changed, on its way to the user interface.
//!
//! Not a channel: nearly every [`Update`] only says "ask again", so a second one of the same thing replaces the first where it
//! waits. That bounds the queue by the number of rooms, and lets the core push without ever waiting for a slow interface.

use crate::view::{Problem, Update};
use snug_protocol::RoomId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Announcements that wait; older ones give way. An owner who writes more than that at once has a reader who saw none of them.
const MAX_ANNOUNCEMENTS: usize = 16;

/// The receiving end, held by whoever shows things.
#[derive(Debug)]
pub struct Updates {
    queue: Arc<Queue>,
}

/// The sending end, held by everything that changes something.
#[derive(Clone, Debug)]
pub(crate) struct UpdateSender {
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// Held for a push or a pop only, by either end.
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    updates: VecDeque<Update>,
    closed: bool,
}

/// Two updates of the same key are the same news.
#[derive(PartialEq)]
enum Key<'a> {
    Account,
    Connection,
    Rooms,
    People,
    Timeline(RoomId),
    Typing(RoomId),
    Call,
    CallChat,
    Notify(RoomId),
    Announcement(&'a str),
    Problem(&'a str),
}

fn key(update: &Update) -> Key<'_> {
    match update {
        Update::Account => Key::Account,
        Update::Connection { .. } => Key::Connection,
        Update::Rooms => Key::Rooms,
        Update::People => Key::People,
        Update::Timeline { room } => Key::Timeline(*room),
        Update::Typing { room, .. } => Key::Typing(*room),
        Update::Call { .. } => Key::Call,
        Update::CallChat => Key::CallChat,
        Update::Notify { room, .. } => Key::Notify(*room),
        Update::Announcement { text } => Key::Announcement(text),
        Update::Problem { problem } => Key::Problem(&problem.code),
    }
}

/// Both ends of a new queue.
pub(crate) fn channel() -> (UpdateSender, Updates) {
    let queue = Arc::new(Queue { waiting: Mutex::default(), changed: Notify::new() });
    (UpdateSender { queue: queue.clone() }, Updates { queue })
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Updates {
    /// The next thing that changed; `None` once the client is closed and everything is told.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            {
                let mut waiting = self.queue.lock();
                if let Some(update) = waiting.updates.pop_front() {
                    return Some(update);
                }
                if waiting.closed {
                    return None;
                }
            }
            // A push between the look and this wait leaves its permit behind.
            self.queue.changed.notified().await;
        }
    }
}

impl UpdateSender {
    /// Tells of a change; replaces what is waiting to be told of the same thing, and never waits.
    pub(crate) fn send(&self, update: Update) {
        {
            let mut waiting = self.queue.lock();
            if waiting.closed {
                return;
            }
            if let Some(same) = waiting.updates.iter_mut().find(|other| key(other) == key(&update)) {
                *same = update;
            } else {
                if matches!(update, Update::Announcement { .. }) {
                    drop_oldest_announcement(&mut waiting.updates);
                }
                waiting.updates.push_back(update);
            }
        }
        self.queue.changed.notify_one();
    }

    /// Tells of something that went wrong in the background.
    pub(crate) fn problem(&self, problem: Problem) {
        tracing::warn!(code = problem.code, detail = problem.detail, "background problem");
        self.send(Update::Problem { problem });
    }

    /// Ends the queue after what is in it.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_one();
    }
}

fn drop_oldest_announcement(updates: &mut VecDeque<Update>) {
    let is_announcement = |update: &Update| matches!(update, Update::Announcement { .. });
    if updates.iter().filter(|update| is_announcement(update)).count() >= MAX_ANNOUNCEMENTS
        && let Some(oldest) = updates.iter().position(is_announcement)
    {
        updates.remove(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Connection;

    #[tokio::test]
    async fn news_of_the_same_thing_is_told_once_and_as_it_is_now() {
        let (sender, mut updates) = channel();
        let room = RoomId::random();
        sender.send(Update::Connection { connection: Connection::Connecting });
        for _ in 0..10_000 {
            sender.send(Update::Timeline { room });
        }
        sender.send(Update::Connection { connection: Connection::Online });
        sender.close();
        sender.send(Update::Rooms);
        assert_eq!(updates.next().await, Some(Update::Connection { connection: Connection::Online }));
        assert_eq!(updates.next().await, Some(Update::Timeline { room }));
        assert_eq!(updates.next().await, None, "closed, and what came later is not told");
    }

    #[tokio::test]
    async fn a_flood_of_announcements_keeps_the_newest() {
        let (sender, mut updates) = channel();
        for number in 0..100 {
            sender.send(Update::Announcement { text: number.to_string() });
        }
        sender.close();
        let mut told = Vec::new();
        while let Some(Update::Announcement { text }) = updates.next().await {
            told.push(text);
        }
        assert_eq!(told.len(), MAX_ANNOUNCEMENTS);
        assert_eq!(told.last().map(String::as_str), Some("99"));
    }

    #[tokio::test]
    async fn one_who_waits_is_woken() {
        let (sender, mut updates) = channel();
        let waiting = tokio::spawn(async move { updates.next().await });
        tokio::task::yield_now().await;
        sender.send(Update::People);
        assert_eq!(waiting.await.ok().flatten(), Some(Update::People));
    }
}
