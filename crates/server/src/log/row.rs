//! A row of the log: how it is read from the database, and how it looks on the event stream.
//!
//! A published row is encoded once for all its readers, not once for each. There are two encodings because the
//! transaction id goes to the sender's devices alone.

use crate::failure::Result;
use anyhow::Context;
use bytes::Bytes;
use snug_protocol::{
    Content, RoomId, UnixMillis, UserId,
    event::{Event, kind},
};
use sqlx::{FromRow, SqliteConnection};
use std::fmt::Write;

/// The columns of [`StoredRow`]. A macro, because SQL is a literal everywhere here.
macro_rules! row_columns {
    () => {
        "seq, topic, kind, sender, device, txn, client_time, server_time, target, mentions, expires_in_ms, epoch, content"
    };
}
pub(crate) use row_columns;

/// A row as the database holds it.
#[derive(FromRow)]
pub(crate) struct StoredRow {
    seq: i64,
    topic: String,
    kind: String,
    sender: Option<String>,
    device: Option<String>,
    txn: Option<String>,
    client_time: Option<i64>,
    server_time: i64,
    target: Option<i64>,
    mentions: String,
    expires_in_ms: Option<i64>,
    epoch: i64,
    content: Vec<u8>,
}

impl StoredRow {
    /// The event in it; it is an internal failure if the database holds something that was never written.
    pub(crate) fn into_event(self) -> Result<Event> {
        Ok(Event {
            seq: self.seq as u64,
            topic: self.topic.parse().context("a row's topic")?,
            kind: self.kind,
            sender: self.sender.map(|id| id.parse()).transpose().context("a row's sender")?,
            device: self.device.map(|id| id.parse()).transpose().context("a row's device")?,
            txn: self.txn.map(|id| id.parse()).transpose().context("a row's transaction")?,
            client_time: self.client_time.map(UnixMillis),
            server_time: UnixMillis(self.server_time),
            target: self.target.map(|seq| seq as u64),
            mentions: self
                .mentions
                .split_ascii_whitespace()
                .map(str::parse)
                .collect::<std::result::Result<_, _>>()
                .context("a row's mentions")?,
            expires_in_ms: self.expires_in_ms.map(|ms| ms as u64),
            epoch: self.epoch as u64,
            content: Content(self.content),
        })
    }
}

/// Writes `event`. Only the log's writer calls this.
pub(super) async fn insert(conn: &mut SqliteConnection, event: &Event) -> Result<()> {
    let mentions: Vec<String> = event.mentions.iter().map(ToString::to_string).collect();
    sqlx::query(concat!(
        "INSERT INTO events (",
        row_columns!(),
        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ))
    .bind(event.seq as i64)
    .bind(event.topic.to_string())
    .bind(&event.kind)
    .bind(event.sender.map(|id| id.to_string()))
    .bind(event.device.map(|id| id.to_string()))
    .bind(event.txn.map(|id| id.to_string()))
    .bind(event.client_time.map(|t| t.0))
    .bind(event.server_time.0)
    .bind(event.target.map(|seq| seq as i64))
    .bind(mentions.join(" "))
    .bind(event.expires_in_ms.map(|ms| ms as i64))
    .bind(event.epoch as i64)
    .bind(&event.content.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Who is in a room now changed. It stands beside its row, so that live readers follow it; and it goes from the writer to the signal hub
/// before the write is answered, so that a client that has its answer can rely on it on its socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
    pub(crate) joined: bool,
}

/// A row after its commit, on its way to the readers.
#[derive(Debug)]
pub(crate) struct Published {
    /// The row.
    pub(crate) event: Event,
    /// Whose stay begins or ends with it.
    pub(crate) stay: Option<Membership>,
    for_sender: Bytes,
    for_others: Bytes,
}

impl Published {
    pub(crate) fn new(generation: &str, event: Event, stay: Option<Membership>) -> Self {
        let for_sender = frame(generation, &event);
        let for_others = if event.txn.is_some() {
            frame(generation, &Event { txn: None, ..event.clone() })
        } else {
            for_sender.clone()
        };
        Self { event, stay, for_sender, for_others }
    }

    /// Its bytes on the event stream of `user`.
    pub(crate) fn frame_for(&self, user: UserId) -> Bytes {
        if self.event.sender == Some(user) { self.for_sender.clone() } else { self.for_others.clone() }
    }
}

/// What `user` sees of a stored event: the transaction id only if it is theirs.
pub(crate) fn seen_by(user: UserId, mut event: Event) -> Event {
    if event.sender != Some(user) {
        event.txn = None;
    }
    event
}

/// An event as the event stream carries it (WHATWG HTML §9.2.5): the cursor, the kind, and JSON, which has no line breaks.
/// An announcement has no name and is its text, one `data:` for each line.
pub(crate) fn frame(generation: &str, event: &Event) -> Bytes {
    let mut out = format!("id: {generation}.{}\n", event.seq);
    if event.kind == kind::ANNOUNCEMENT {
        let text = String::from_utf8_lossy(&event.content.0).replace("\r\n", "\n").replace('\r', "\n");
        for line in text.split('\n') {
            out.push_str("data: ");
            out.push_str(line);
            out.push('\n');
        }
    } else {
        let json = serde_json::to_string(event).expect("an event has string keys and no failing serialiser");
        write!(out, "event: {}\ndata: {json}\n", event.kind).expect("a String takes every write");
    }
    out.push('\n');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use snug_protocol::event::Topic;

    fn event(kind: &str, content: &str) -> Event {
        Event {
            seq: 7,
            topic: Topic::Space,
            kind: kind.to_owned(),
            sender: Some(UserId::random()),
            device: None,
            txn: Some(snug_protocol::TxnId::random()),
            client_time: None,
            server_time: UnixMillis(0),
            target: None,
            mentions: Vec::new(),
            expires_in_ms: None,
            epoch: 0,
            content: Content(content.as_bytes().to_vec()),
        }
    }

    #[test]
    fn an_announcement_is_unnamed_with_one_data_for_each_line() {
        let bytes = frame("g", &event(kind::ANNOUNCEMENT, "tea\r\n\rat five\nid: 9"));
        assert_eq!(&bytes[..], b"id: g.7\ndata: tea\ndata: \ndata: at five\ndata: id: 9\n\n");
    }

    #[test]
    fn the_transaction_id_goes_to_the_sender_alone() {
        let event = event(kind::MESSAGE, "hello\nworld");
        let (sender, txn) = (event.sender.expect("set"), event.txn.expect("set").to_string());
        let published = Published::new("g", event, None);
        let text = |user| String::from_utf8(published.frame_for(user).to_vec()).expect("UTF-8");
        assert!(text(sender).contains(&txn));
        assert!(!text(UserId::random()).contains(&txn));
        assert_eq!(text(sender).lines().count(), 4, "id, event, one data, the empty line");
    }
}
