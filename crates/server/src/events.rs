//! Sending into a room, and reading its past.
//!
//! The server never reads `content`. What it must act on stands beside it in the clear: the kind, the target (so that an edit
//! or a deletion is authorised against the target's sender), mentions, a ring's validity, the epoch.

use crate::{
    app::App,
    auth::SignedIn,
    extract::{Body, InPath, InQuery},
    failure::{Result, bad, forbidden, missing, refusal},
    log::{
        Append, NewRow,
        row::{self, StoredRow, row_columns},
    },
    members,
    transactions::Transaction,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::get,
};
use snug_protocol::{
    ErrorCode, MAX_CONTENT_BYTES, RoomId, UserId,
    event::{NewEvent, Sent, Topic, kind},
    room::{HistoryPage, HistoryQuery, RoomRole},
};
use std::collections::BTreeSet;

/// Content in base64, fifty mentions, and the rest.
const BODY_BYTES: usize = MAX_CONTENT_BYTES * 4 / 3 + 8 * 1024;

const MENTIONS: usize = 50;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/rooms/{id}/events", get(history).post(send))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// Appends an event. A repeat gets the first answer.
async fn send(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(new): Body<NewEvent>,
) -> Result<(StatusCode, Json<Sent>)> {
    check_shape(&new)?;
    app.log
        .write(move |log| {
            Box::pin(async move {
                let transaction = Transaction::new(who.device, new.txn, &room.to_string(), &new);
                if let Some(first) = transaction.answered::<Sent>(log).await? {
                    return Ok((StatusCode::CREATED, Json(first)));
                }
                let role = members::in_room(members::place(&mut log.conn, room, who.user).await?.as_ref())?;
                for user in &new.mentions {
                    if !members::is_in(&mut log.conn, room, *user).await? {
                        return Err(bad("a person who is mentioned is not in the room"));
                    }
                }
                if let Some(target) = new.target {
                    check_target(log, room, who.user, role, &new.kind, target).await?;
                }
                let epoch = epoch_after(log, room, new.expected_epoch).await?;
                let seq = log
                    .row(NewRow {
                        topic: Topic::Room(room),
                        kind: new.kind,
                        sender: Some(who.by()),
                        txn: Some(new.txn),
                        client_time: Some(new.client_time),
                        target: new.target,
                        mentions: new.mentions.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
                        expires_in_ms: new.expires_in_ms,
                        epoch,
                        content: new.content,
                        stay: None,
                    })
                    .await?;
                let sent = Sent { seq, server_time: log.now };
                transaction.answer(log, &sent).await?;
                Ok((StatusCode::CREATED, Json(sent)))
            })
        })
        .await
}

/// What can be said of an event without the database.
fn check_shape(new: &NewEvent) -> Result<()> {
    if !kind::SENDABLE.contains(&new.kind.as_str()) {
        return Err(bad("events of this kind are not for clients to send"));
    }
    if new.content.0.len() > MAX_CONTENT_BYTES {
        return Err(refusal(ErrorCode::TooLarge, "the content is larger than 64 KiB"));
    }
    if new.mentions.len() > MENTIONS {
        return Err(bad("at most 50 people can be mentioned"));
    }
    match (new.kind.as_str(), new.expires_in_ms) {
        (kind::CALL_RING, Some(1_000..=120_000)) => {}
        (kind::CALL_RING, _) => return Err(bad("a ring is valid for 1 000 to 120 000 ms")),
        (_, Some(_)) => return Err(bad("only rings expire")),
        _ => {}
    }
    let needs_target = matches!(new.kind.as_str(), kind::EDIT | kind::DELETE | kind::REACTION);
    if needs_target && new.target.is_none() {
        return Err(bad("this kind of event needs the event that it is about"));
    }
    Ok(())
}

/// Whether `user` may say this about `target`; a deletion blanks it here.
async fn check_target(
    log: &mut Append,
    room: RoomId,
    user: UserId,
    role: RoomRole,
    about: &str,
    target: u64,
) -> Result<()> {
    let row: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT e.kind, e.sender FROM events e WHERE e.seq = ? AND e.topic = ? AND e.deleted = 0 AND EXISTS
            (SELECT 1 FROM stays s WHERE s.account = ? AND s.room = ? AND s.history_from <= e.seq
             AND (s.until_seq IS NULL OR e.seq < s.until_seq))",
    )
    .bind(target as i64)
    .bind(Topic::Room(room).to_string())
    .bind(user.to_string())
    .bind(room.to_string())
    .fetch_optional(&mut log.conn)
    .await?;
    let (target_kind, sender) = row.ok_or_else(|| missing("event"))?;
    let own = sender.as_deref() == Some(&user.to_string());
    match about {
        kind::EDIT if target_kind != kind::MESSAGE => Err(bad("only messages are edited")),
        kind::EDIT if !own => Err(forbidden("only its sender edits a message")),
        kind::REACTION if target_kind != kind::MESSAGE => Err(bad("reactions are to messages")),
        kind::DELETE if target_kind != kind::MESSAGE && target_kind != kind::REACTION => {
            Err(bad("only messages and reactions are deleted"))
        }
        kind::DELETE if !own && role < RoomRole::Moderator => {
            Err(forbidden("only its sender, moderators and the owner delete a message"))
        }
        kind::DELETE => blank(log, target).await,
        _ => Ok(()),
    }
}

/// Blanks a deleted event, and the edits that hold its newer texts.
async fn blank(log: &mut Append, target: u64) -> Result<()> {
    sqlx::query(
        "UPDATE events SET content = x'', mentions = '', deleted = 1
         WHERE seq = ? OR (target = ? AND kind = 'edit')",
    )
    .bind(target as i64)
    .bind(target as i64)
    .execute(&mut log.conn)
    .await?;
    Ok(())
}

/// The room's epoch after an event; raised by one that expected it.
async fn epoch_after(log: &mut Append, room: RoomId, expected: Option<u64>) -> Result<u64> {
    let (epoch,): (i64,) = sqlx::query_as("SELECT epoch FROM rooms WHERE id = ?")
        .bind(room.to_string())
        .fetch_one(&mut log.conn)
        .await
        .context("a member's room")?;
    let epoch = epoch as u64;
    match expected {
        None => Ok(epoch),
        Some(expected) if expected != epoch => {
            Err(refusal(ErrorCode::EpochMismatch, format!("the room's epoch is {epoch}")))
        }
        Some(_) => {
            sqlx::query("UPDATE rooms SET epoch = ? WHERE id = ?")
                .bind(epoch as i64 + 1)
                .bind(room.to_string())
                .execute(&mut log.conn)
                .await?;
            Ok(epoch + 1)
        }
    }
}

/// A page of the past: what happened during the reader's stays, and before them where the room showed its past to those who came.
async fn history(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    InQuery(query): InQuery<HistoryQuery>,
) -> Result<Json<HistoryPage>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(bad("a page has 1 to 200 events"));
    }
    let before = query.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let mut conn = app.log.pool.acquire().await?;
    members::in_room(members::place(&mut conn, room, who.user).await?.as_ref())?;
    let rows: Vec<StoredRow> = sqlx::query_as(concat!(
        "SELECT ",
        row_columns!(),
        " FROM events WHERE topic = ? AND seq < ? AND EXISTS
            (SELECT 1 FROM stays s WHERE s.account = ? AND s.room = ? AND s.history_from <= events.seq
             AND (s.until_seq IS NULL OR events.seq < s.until_seq))
          ORDER BY seq DESC LIMIT ?"
    ))
    .bind(Topic::Room(room).to_string())
    .bind(before)
    .bind(who.user.to_string())
    .bind(room.to_string())
    // One more than asked for tells whether there is more.
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *conn)
    .await?;
    let at_start = rows.len() <= limit as usize;
    let mut events = rows
        .into_iter()
        .take(limit as usize)
        .map(|stored| Ok(row::seen_by(who.user, stored.into_event()?)))
        .collect::<Result<Vec<_>>>()?;
    events.reverse();
    Ok(Json(HistoryPage { events, at_start }))
}
