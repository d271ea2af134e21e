//! What waits to be sent. Each row is its own local echo, so the two cannot differ.

use super::ingest::keep_event;
use super::{Me, Store, id, word};
use crate::view::Problem;
use snug_protocol::event::{Event, NewEvent, Sent, Topic};
use snug_protocol::{ErrorCode, RoomId, TxnId, UnixMillis};
use sqlx::Row;

/// The next thing to send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub room: RoomId,
    pub event: NewEvent,
}

impl Store {
    /// Puts an event into the outbox; from here on it survives everything but the disk.
    pub(crate) async fn enqueue(&self, room: RoomId, event: &NewEvent) -> Result<(), Problem> {
        let body = serde_json::to_string(event).map_err(|e| super::damaged(&e.to_string()))?;
        sqlx::query("INSERT INTO outbox (txn, room, kind, body, created_at) VALUES (?, ?, ?, ?, ?)")
            .bind(event.txn.to_string())
            .bind(room.to_string())
            .bind(&event.kind)
            .bind(body)
            .bind(event.client_time.0)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// What is to be sent next: the oldest that was not refused.
    pub(crate) async fn next_pending(&self) -> Result<Option<Pending>, Problem> {
        let row = sqlx::query("SELECT room, body FROM outbox WHERE failed IS NULL ORDER BY place LIMIT 1")
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            let event =
                serde_json::from_str(row.try_get("body")?).map_err(|_| super::damaged("an outbox row"))?;
            Ok(Pending { room: id(row.try_get("room")?)?, event })
        })
        .transpose()
    }

    /// The server has it, at this place: the echo becomes the event, in one step. Nothing to do when the event stream was faster.
    pub(crate) async fn delivered(&self, me: Me, pending: &Pending, sent: Sent) -> Result<(), Problem> {
        let Pending { room, event } = pending;
        let mut tx = self.write.begin().await?;
        let waiting = sqlx::query("DELETE FROM outbox WHERE txn = ?")
            .bind(event.txn.to_string())
            .execute(&mut *tx)
            .await?;
        if waiting.rows_affected() > 0 && i64::try_from(sent.seq).is_ok() {
            let event = Event {
                seq: sent.seq,
                topic: Topic::Room(*room),
                kind: event.kind.clone(),
                sender: Some(me.user),
                device: Some(me.device),
                txn: Some(event.txn),
                client_time: Some(event.client_time),
                server_time: sent.server_time,
                target: event.target,
                mentions: event.mentions.clone(),
                expires_in_ms: event.expires_in_ms,
                epoch: 0,
                content: event.content.clone(),
            };
            keep_event(&mut tx, &event).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The server will never take it.
    pub(crate) async fn refused(&self, txn: TxnId, code: ErrorCode) -> Result<(), Problem> {
        sqlx::query("UPDATE outbox SET failed = ? WHERE txn = ?")
            .bind(word(&code))
            .bind(txn.to_string())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Tries a refused one again, after everything that was sent since. Its room, if there is such a row.
    pub(crate) async fn retry(&self, txn: TxnId, now: UnixMillis) -> Result<Option<RoomId>, Problem> {
        let room: Option<String> = sqlx::query_scalar(
            "UPDATE outbox SET failed = NULL, created_at = ?2, place = (SELECT MAX(place) + 1 FROM outbox)
             WHERE txn = ?1 AND failed IS NOT NULL RETURNING room",
        )
        .bind(txn.to_string())
        .bind(now.0)
        .fetch_optional(&self.write)
        .await?;
        room.map(|room| id(&room)).transpose()
    }

    /// Forgets a refused one. Its room, if there is such a row.
    pub(crate) async fn discard(&self, txn: TxnId) -> Result<Option<RoomId>, Problem> {
        let room: Option<String> =
            sqlx::query_scalar("DELETE FROM outbox WHERE txn = ? AND failed IS NOT NULL RETURNING room")
                .bind(txn.to_string())
                .fetch_optional(&self.write)
                .await?;
        room.map(|room| id(&room)).transpose()
    }
}
