//! What a write sees while it runs: the one writing connection, the time, and a way to append rows.

use super::row::{self, Membership};
use crate::failure::Result;
use snug_protocol::{
    Content, DeviceId, TxnId, UnixMillis, UserId,
    event::{Event, Topic},
};
use sqlx::SqliteConnection;

/// A row to be appended; the writer gives it its `seq` and its time.
#[derive(Clone, Debug)]
pub(crate) struct NewRow {
    pub(crate) topic: Topic,
    pub(crate) kind: String,
    pub(crate) sender: Option<(UserId, DeviceId)>,
    pub(crate) txn: Option<TxnId>,
    pub(crate) client_time: Option<UnixMillis>,
    pub(crate) target: Option<u64>,
    pub(crate) mentions: Vec<UserId>,
    pub(crate) expires_in_ms: Option<u64>,
    pub(crate) epoch: u64,
    pub(crate) content: Content,
    /// Whose stay begins or ends with it.
    pub(crate) stay: Option<Membership>,
}

impl NewRow {
    /// A row of the server's own making.
    pub(crate) fn of_server(topic: Topic, kind: &str, by: (UserId, DeviceId), content: Content) -> Self {
        Self {
            topic,
            kind: kind.to_owned(),
            sender: Some(by),
            txn: None,
            client_time: None,
            target: None,
            mentions: Vec::new(),
            expires_in_ms: None,
            epoch: 0,
            content,
            stay: None,
        }
    }
}

/// The writing end of the log, lent to one write at a time.
pub(crate) struct Append {
    /// For the write's own statements, in the same transaction as its rows.
    pub(crate) conn: SqliteConnection,
    /// The server's clock for everything in this transaction.
    pub(crate) now: UnixMillis,
    pub(super) generation: String,
    pub(super) next_seq: u64,
    pub(super) rows: Vec<(Event, Option<Membership>)>,
}

impl Append {
    /// The `seq` that the next row gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The cursor after everything that was appended so far.
    pub(crate) fn cursor(&self) -> String {
        format!("{}.{}", self.generation, self.next_seq - 1)
    }

    /// Appends a row and returns its `seq`.
    pub(crate) async fn row(&mut self, new: NewRow) -> Result<u64> {
        let seq = self.next_seq;
        let event = Event {
            seq,
            topic: new.topic,
            kind: new.kind,
            sender: new.sender.map(|(user, _)| user),
            device: new.sender.map(|(_, device)| device),
            txn: new.txn,
            client_time: new.client_time,
            server_time: self.now,
            target: new.target,
            mentions: new.mentions,
            expires_in_ms: new.expires_in_ms,
            epoch: new.epoch,
            content: new.content,
        };
        row::insert(&mut self.conn, &event).await?;
        self.next_seq += 1;
        self.rows.push((event, new.stay));
        Ok(seq)
    }
}
