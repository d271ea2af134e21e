//! Reading and writing in a room, and what the user prefers.

use super::{Client, Result};
use crate::core::now;
use crate::sync::fetch_page;
use crate::view::{Preferences, Problem, Timeline, Update};
use snug_protocol::content::Message;
use snug_protocol::event::{NewEvent, kind};
use snug_protocol::room::Membership;
use snug_protocol::signal::ClientSignal;
use snug_protocol::{Content, MAX_CONTENT_BYTES, RoomId, TxnId, UnixMillis, UserId};
use std::time::Duration;

/// Most items of one answer.
const MOST_ITEMS: u32 = 500;

/// Pages of history that are fetched for one answer: edits and reactions are events, too, but no items.
const MOST_PAGES: usize = 4;

/// How long an answer that could be given from the store waits for the server's part.
const PATIENCE: Duration = Duration::from_secs(4);

/// The server's limit.
const MOST_MENTIONS: usize = 50;

impl Client {
    /// The newest `limit` items, or those before `before`; fetches from the server what the store lacks.
    ///
    /// Without a network it gives what is stored; `offline` only when that is nothing and something was asked for further back.
    pub async fn timeline(&self, room: RoomId, before: Option<u64>, limit: u32) -> Result<Timeline> {
        let Some(kept) = self.core().store.account().await? else {
            return Err(Problem { code: "unauthorized".into(), detail: "nobody is signed in".into() });
        };
        let limit = limit.clamp(1, MOST_ITEMS);
        let ongoing = self.core().ongoing_call(room).map(|ongoing| ongoing.call);
        let ahead = self.session().map_or(0, |session| session.http.ahead_ms());
        let mut failed: Option<Problem> = None;
        let mut pages = 0;
        loop {
            let now = UnixMillis(now().0.saturating_add(ahead));
            let page = self.core().store.timeline(kept.me(), room, before, limit, now, ongoing).await?;
            let missing = page.missing_before.filter(|_| pages < MOST_PAGES && failed.is_none());
            if let (Some(missing), Ok(session)) = (missing, self.session()) {
                pages += 1;
                let fetched =
                    tokio::time::timeout(PATIENCE, fetch_page(self.core(), &session.http, room, missing));
                failed = match fetched.await {
                    Ok(fetched) => fetched.err().map(Problem::from),
                    Err(_) => Some(Problem { code: "offline".into(), detail: "the server is slow".into() }),
                };
                continue;
            }
            return match failed {
                Some(problem) if page.items.is_empty() && before.is_some() => Err(problem),
                _ => Ok(Timeline {
                    room,
                    items: page.items,
                    at_start: page.at_start,
                    read_up_to: page.read_up_to,
                }),
            };
        }
    }

    /// Says something. Returns as soon as outbox and local echo are stored.
    pub async fn send(&self, room: RoomId, text: &str) -> Result<TxnId> {
        let body = text.trim();
        if body.is_empty() {
            return Err(Problem { code: "bad_request".into(), detail: "there are no words in it".into() });
        }
        match self.core().store.room_place(room).await? {
            Some((_, Membership::Joined)) => {}
            Some(_) => {
                return Err(Problem { code: "forbidden".into(), detail: "not a member of the room".into() });
            }
            None => return Err(Problem { code: "not_found".into(), detail: "no such room".into() }),
        }
        let content = Content::json(&Message { body: body.to_owned() });
        if content.0.len() > MAX_CONTENT_BYTES {
            return Err(Problem { code: "too_large".into(), detail: format!("{} bytes", content.0.len()) });
        }
        let event = NewEvent {
            txn: TxnId::random(),
            kind: kind::MESSAGE.to_owned(),
            client_time: now(),
            target: None,
            mentions: mentions(body, &self.core().store.members_of(room).await?),
            expires_in_ms: None,
            expected_epoch: None,
            content,
        };
        self.core().store.enqueue(room, &event).await?;
        self.outbox_changed(room);
        Ok(event.txn)
    }

    /// Tries a failed message again.
    pub async fn retry(&self, txn: TxnId) -> Result<()> {
        if let Some(room) = self.core().store.retry(txn, now()).await? {
            self.outbox_changed(room);
        }
        Ok(())
    }

    /// Gives a failed message up.
    pub async fn discard(&self, txn: TxnId) -> Result<()> {
        if let Some(room) = self.core().store.discard(txn).await? {
            self.outbox_changed(room);
        }
        Ok(())
    }

    fn outbox_changed(&self, room: RoomId) {
        self.core().outbox.notify_one();
        self.core().updates.send(Update::Timeline { room });
        self.core().updates.send(Update::Rooms);
    }

    /// The reader has seen everything up to `seq`.
    pub async fn mark_read(&self, room: RoomId, seq: u64) -> Result<()> {
        if self.core().store.mark_read(room, seq).await? {
            self.core().updates.send(Update::Rooms);
            self.core().outbox.notify_one();
        }
        Ok(())
    }

    /// The user types, or stopped to. Lost without harm when there is no signal socket.
    pub fn typing(&self, room: RoomId, active: bool) {
        if let Ok(session) = self.session() {
            session.signal.send(ClientSignal::Typing { room, active });
        }
    }

    /// What the user chose for this device.
    pub async fn preferences(&self) -> Result<Preferences> {
        self.core().store.preferences().await
    }

    /// Keeps what the user chose for this device.
    pub async fn set_preferences(&self, preferences: Preferences) -> Result<()> {
        self.core().store.keep_preferences(&preferences).await
    }
}

/// The members that a text calls by `@username`.
fn mentions(text: &str, members: &[(UserId, String)]) -> Vec<UserId> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut mentioned = Vec::new();
    for (at, _) in text.match_indices('@') {
        // An address of electronic mail calls nobody.
        if text[..at].chars().next_back().is_some_and(part_of_name) {
            continue;
        }
        let rest = &text[at + 1..];
        let name = &rest[..rest.find(|c| !part_of_name(c)).unwrap_or(rest.len())];
        // A full stop may end the sentence instead of belonging to the name.
        let called = members.iter().find(|(_, username)| {
            username.eq_ignore_ascii_case(name)
                || username.eq_ignore_ascii_case(name.trim_end_matches(['.', '-', '_']))
        });
        if let Some((user, _)) = called
            && !mentioned.contains(user)
            && mentioned.len() < MOST_MENTIONS
        {
            mentioned.push(*user);
        }
    }
    mentioned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_called_and_addresses_are_not() {
        let members: Vec<(UserId, String)> =
            ["ann", "b.c", "ann-marie"].into_iter().map(|name| (UserId::random(), name.to_owned())).collect();
        let called = |text| -> Vec<&str> {
            let ids = mentions(text, &members);
            ids.iter()
                .filter_map(|id| members.iter().find(|(m, _)| m == id))
                .map(|(_, n)| n.as_str())
                .collect()
        };
        assert_eq!(called("@Ann, ask @b.c. And @ann again; (@ann-marie)"), ["ann", "b.c", "ann-marie"]);
        assert_eq!(called("me@ann.example @ann.example @ @nobody 你好@"), [""; 0]);
        assert_eq!(called("你好@ann！"), ["ann"]);
    }
}
