//! Taking in what the server says: the event stream, pages of history, gaps.
//!
//! Events and the cursor after them are one transaction: whatever kills the program in between, the stream continues exactly after what
//! is stored. Everything here comes from outside; what cannot be read is stored as it is, or left out with a line in the log, and never
//! stops the stream.

use super::rooms::{keep_member, keep_person};
use super::stretches::{self, Stretch};
use super::{Me, Store, column, word};
use crate::view::Problem;
use snug_protocol::account::User;
use snug_protocol::content::{Message, Ring, RingEnd};
use snug_protocol::event::{Event, Topic, kind};
use snug_protocol::room::{HistoryPage, MemberChange, Membership, ReadMarker, RoomUpdate};
use snug_protocol::{CallId, RoomId, UnixMillis, UserId};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

/// One thing out of the event stream.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The cursor after it.
    pub cursor: String,
    /// The event; absent where only the cursor advanced.
    pub event: Option<Event>,
}

/// What taking in changed.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Rooms whose timelines changed.
    pub timelines: BTreeSet<RoomId>,
    /// The list of rooms changed.
    pub rooms: bool,
    /// The list of people changed.
    pub people: bool,
    /// The reader's own profile changed.
    pub account: bool,
    /// A room appeared that must be asked for.
    pub fetch_rooms: bool,
    /// Messages of others, newest last.
    pub notices: Vec<Notice>,
    /// What the ringing must know, in order.
    pub calls: Vec<Event>,
}

/// A message of somebody else that came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub room: RoomId,
    pub sender: UserId,
    pub text: String,
    pub at: UnixMillis,
}

impl Store {
    /// Takes in a piece of the event stream, in order, and advances the cursor.
    pub(crate) async fn apply(&self, me: Me, received: &[Received]) -> Result<Applied, Problem> {
        let mut applied = Applied::default();
        let Some(last) = received.last() else { return Ok(applied) };
        let mut tx = self.write.begin().await?;
        for event in received.iter().filter_map(|received| received.event.as_ref()) {
            apply_event(&mut tx, me, event, &mut applied).await?;
        }
        sqlx::query("UPDATE account SET cursor = ?, synced = synced AND NOT ?")
            .bind(&last.cursor)
            .bind(applied.fetch_rooms)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(applied)
    }

    /// The log that we knew is not the server's any more: its places mean other events now. Forgets them all, and continues from `cursor`
    /// once everything is fetched anew. The outbox stays.
    pub(crate) async fn gap(&self, cursor: &str) -> Result<(), Problem> {
        let mut tx = self.write.begin().await?;
        for statement in [
            "DELETE FROM events",
            "DELETE FROM stretches",
            "UPDATE rooms SET read_up_to = 0, read_told = 0",
            "UPDATE account SET synced = 0",
        ] {
            sqlx::query(statement).execute(&mut *tx).await?;
        }
        sqlx::query("UPDATE account SET cursor = ?").bind(cursor).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes in a page of history that was asked for below `before`.
    pub(crate) async fn keep_history(
        &self,
        room: RoomId,
        before: Option<u64>,
        page: &HistoryPage,
    ) -> Result<(), Problem> {
        let mut tx = self.write.begin().await?;
        let mut low = before;
        let mut newest = None;
        for event in page.events.iter().filter(|event| event.topic == Topic::Room(room)) {
            if event.seq > column(u64::MAX) as u64 || before.is_some_and(|before| event.seq >= before) {
                continue;
            }
            keep_event(&mut tx, event).await?;
            low = Some(low.map_or(event.seq, |low| low.min(event.seq)));
            newest = newest.max(Some(event.seq));
        }
        let low = if page.at_start { Some(0) } else { low };
        let high = before.map(|before| before.saturating_sub(1)).or(newest);
        if let (Some(low), Some(high)) = (low, high)
            && low <= high
        {
            stretches::add(&mut tx, room, Stretch { low, high: Some(high) }).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn apply_event(
    tx: &mut SqliteConnection,
    me: Me,
    event: &Event,
    applied: &mut Applied,
) -> Result<(), Problem> {
    if i64::try_from(event.seq).is_err() {
        tracing::warn!(seq = event.seq, "an event beyond any log");
        return Ok(());
    }
    keep_event(tx, event).await?;
    if let Some(txn) = event.txn.filter(|_| event.device == Some(me.device)) {
        sqlx::query("DELETE FROM outbox WHERE txn = ?").bind(txn.to_string()).execute(&mut *tx).await?;
    }
    if let Topic::Room(room) = event.topic {
        applied.timelines.insert(room);
        applied.rooms = true;
    }
    match event.kind.as_str() {
        kind::MESSAGE => notice(me, event, applied),
        kind::DELETE => {
            if let (Some(target), Topic::Room(room)) = (event.target, event.topic) {
                sqlx::query("UPDATE events SET content = x'' WHERE seq = ? AND room = ?")
                    .bind(column(target))
                    .bind(room.to_string())
                    .execute(&mut *tx)
                    .await?;
            }
        }
        kind::ROOM_MEMBER => member_changed(tx, me, event, applied).await?,
        kind::ROOM_UPDATE => {
            if let (Some(update), Topic::Room(room)) = (read::<RoomUpdate>(event), event.topic) {
                sqlx::query("UPDATE rooms SET name = ?, topic = ?, history = ? WHERE id = ?")
                    .bind(update.name)
                    .bind(update.topic)
                    .bind(word(&update.history))
                    .bind(room.to_string())
                    .execute(&mut *tx)
                    .await?;
            }
        }
        kind::READ => {
            if let Some(marker) = read::<ReadMarker>(event) {
                sqlx::query(
                    "UPDATE rooms SET read_up_to = MAX(read_up_to, ?1), read_told = MAX(read_told, ?1) WHERE id = ?2",
                )
                .bind(column(marker.seq))
                .bind(marker.room.to_string())
                .execute(&mut *tx)
                .await?;
                applied.rooms = true;
            }
        }
        kind::USER => {
            if let Some(user) = read::<User>(event) {
                keep_person(tx, &user).await?;
                if user.id == me.user {
                    sqlx::query("UPDATE account SET display_name = ?, role = ?")
                        .bind(&user.display_name)
                        .bind(word(&user.role))
                        .execute(&mut *tx)
                        .await?;
                    applied.account = true;
                }
                applied.people = true;
                applied.rooms = true;
            }
        }
        kind::CALL_RING | kind::CALL_DECLINE | kind::CALL_CANCEL | kind::CALL_END => {
            applied.calls.push(event.clone());
        }
        _ => {}
    }
    Ok(())
}

/// The content as `T`; `None`, with a line in the log, when it is something else.
fn read<T: serde::de::DeserializeOwned>(event: &Event) -> Option<T> {
    let content = event.content.parse();
    if let Err(error) = &content {
        tracing::warn!(seq = event.seq, kind = event.kind, %error, "content that does not fit its kind");
    }
    content.ok()
}

fn notice(me: Me, event: &Event, applied: &mut Applied) {
    let (Topic::Room(room), Some(sender)) = (event.topic, event.sender) else { return };
    if sender == me.user || event.content.0.is_empty() {
        return;
    }
    if let Some(Message { body }) = read(event) {
        applied.notices.push(Notice { room, sender, text: body, at: event.server_time });
    }
}

async fn member_changed(
    tx: &mut SqliteConnection,
    me: Me,
    event: &Event,
    applied: &mut Applied,
) -> Result<(), Problem> {
    let Some(change) = read::<MemberChange>(event) else { return Ok(()) };
    applied.rooms = true;
    let MemberChange { room, user, membership, role, .. } = change;
    keep_member(tx, room, user, role, membership).await?;
    if user != me.user {
        return Ok(());
    }
    match membership {
        // What the room is, who else is in it and where its log stands: asked for, because an event cannot carry it.
        Membership::Joined | Membership::Invited => applied.fetch_rooms = true,
        Membership::Left | Membership::Kicked => stretches::unfollow(tx, room, event.seq).await?,
    }
    sqlx::query("UPDATE rooms SET membership = ?, role = ? WHERE id = ?")
        .bind(word(&membership))
        .bind(word(&role))
        .bind(room.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Adds an event, or what is newly known of it. What was blanked stays blank: a page of history may be older than the deletion.
pub(super) async fn keep_event(tx: &mut SqliteConnection, event: &Event) -> Result<(), Problem> {
    let room = match event.topic {
        Topic::Room(room) => Some(room.to_string()),
        Topic::User(_) | Topic::Device(_) | Topic::Space => None,
    };
    let mentions: Vec<String> = event.mentions.iter().map(UserId::to_string).collect();
    sqlx::query(
        "INSERT INTO events (seq, topic, room, kind, sender, device, txn, client_time, server_time, target, mentions, expires_in_ms,
                             epoch, content, call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (seq) DO UPDATE SET topic = ?2, room = ?3, kind = ?4, sender = ?5, device = ?6, txn = ?7, client_time = ?8,
             server_time = ?9, target = ?10, mentions = ?11, expires_in_ms = ?12, epoch = ?13, call = ?15,
             content = CASE WHEN length(content) = 0 THEN content ELSE ?14 END",
    )
    .bind(column(event.seq))
    .bind(event.topic.to_string())
    .bind(room)
    .bind(&event.kind)
    .bind(event.sender.map(|sender| sender.to_string()))
    .bind(event.device.map(|device| device.to_string()))
    .bind(event.txn.map(|txn| txn.to_string()))
    .bind(event.client_time.map(|time| time.0))
    .bind(event.server_time.0)
    .bind(event.target.map(column))
    .bind(serde_json::Value::from(mentions).to_string())
    .bind(event.expires_in_ms.map(column))
    .bind(column(event.epoch))
    .bind(&event.content.0)
    .bind(call_of(event).map(|call| call.to_string()))
    .execute(tx)
    .await?;
    Ok(())
}

/// The call that an event is about.
fn call_of(event: &Event) -> Option<CallId> {
    match event.kind.as_str() {
        kind::CALL_RING => event.content.parse::<Ring>().ok().map(|ring| ring.call),
        kind::CALL_DECLINE | kind::CALL_CANCEL | kind::CALL_END => {
            event.content.parse::<RingEnd>().ok().map(|end| end.call)
        }
        _ => None,
    }
}
