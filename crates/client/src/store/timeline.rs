//! A room's timeline, folded: edits and deletions into what they are about, a call's end into its ring, the outbox behind it all.

use super::stretches::{self, Stretch};
use super::{Me, Store, column, id, of_word, seq};
use crate::view::{Delivery, ItemBody, Problem, TimelineItem};
use snug_protocol::content::{Message, Ring, RingEnd, RingEndReason};
use snug_protocol::event::{NewEvent, kind};
use snug_protocol::room::{MemberChange, RoomUpdate};
use snug_protocol::{CallId, Content, RoomId, TxnId, UnixMillis, UserId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::{HashMap, HashSet};

/// As much of a timeline as is known without holes.
#[derive(Debug)]
pub(crate) struct Page {
    /// Oldest first.
    pub items: Vec<TimelineItem>,
    /// Whether there is nothing before them.
    pub at_start: bool,
    /// Where to ask the server on: the known part begins here. `None` when the page is full or at the start.
    pub missing_before: Option<Missing>,
    /// Read up to here.
    pub read_up_to: u64,
}

/// What of a page the store does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The newest.
    Newest,
    /// Below this place.
    Below(u64),
}

impl Missing {
    /// For the query of the history route.
    pub(crate) fn before(self) -> Option<u64> {
        match self {
            Self::Newest => None,
            Self::Below(seq) => Some(seq),
        }
    }
}

struct Reader<'a> {
    me: Me,
    now: UnixMillis,
    ongoing: Option<CallId>,
    names: HashMap<UserId, String>,
    ends: HashMap<CallId, (RingEndReason, Option<u64>)>,
    joined: &'a HashSet<String>,
}

impl Store {
    /// The newest `limit` items of a room, or those below `before`. `now` is the server's clock, by which rings run out; `ongoing` the call
    /// that goes on in the room.
    pub(crate) async fn timeline(
        &self,
        me: Me,
        room: RoomId,
        before: Option<u64>,
        limit: u32,
        now: UnixMillis,
        ongoing: Option<CallId>,
    ) -> Result<Page, Problem> {
        // One snapshot: an echo must not be seen together with its event, nor neither of them.
        let mut tx = self.read.begin().await?;
        let read_up_to: Option<i64> = sqlx::query_scalar("SELECT read_up_to FROM rooms WHERE id = ?")
            .bind(room.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let stretch = stretches::below(&mut tx, room, before).await?;
        let rows = match stretch {
            Some(Stretch { low, .. }) => rows(&mut tx, room, low, before, limit).await?,
            None => Vec::new(),
        };
        let names = names(&mut tx).await?;
        let ends = call_ends(&mut tx, &rows).await?;
        let joined: Vec<String> =
            sqlx::query_scalar("SELECT call FROM calls_joined").fetch_all(&mut *tx).await?;
        let joined = joined.into_iter().collect();
        let reader = Reader { me, now, ongoing, names, ends, joined: &joined };
        let mut items = rows.iter().rev().map(|row| reader.item(row)).collect::<Result<Vec<_>, _>>()?;
        if before.is_none() {
            items.extend(reader.echoes(&mut tx, room).await?);
        }
        let full = rows.len() >= limit as usize;
        let at_start = !full && stretch.is_some_and(|stretch| stretch.low == 0);
        let missing_before = match stretch {
            _ if full || at_start => None,
            Some(Stretch { low, .. }) => Some(Missing::Below(low)),
            None => Some(before.map_or(Missing::Newest, Missing::Below)),
        };
        Ok(Page { items, at_start, missing_before, read_up_to: read_up_to.map_or(0, seq) })
    }
}

async fn rows(
    connection: &mut SqliteConnection,
    room: RoomId,
    low: u64,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<SqliteRow>, Problem> {
    // An edit counts only from the one whose words it changes; that the server checked it is no reason not to.
    let rows = sqlx::query(
        "SELECT seq, kind, sender, txn, client_time, server_time, expires_in_ms, length(content) = 0 AS blank, COALESCE((
             SELECT edit.content FROM events AS edit WHERE edit.target = events.seq AND edit.kind = 'edit' AND edit.room = events.room
                 AND edit.sender = events.sender AND length(edit.content) > 0 ORDER BY edit.seq DESC LIMIT 1), content) AS content
         FROM events WHERE room = ? AND seq >= ? AND seq < ?
             AND kind NOT IN ('edit', 'delete', 'reaction', 'call.decline', 'call.cancel', 'call.end', 'read', 'user')
         ORDER BY seq DESC LIMIT ?",
    )
    .bind(room.to_string())
    .bind(column(low))
    .bind(before.map_or(i64::MAX, column))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

async fn names(connection: &mut SqliteConnection) -> Result<HashMap<UserId, String>, Problem> {
    let rows = sqlx::query("SELECT id, display_name FROM people").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((id(row.try_get("id")?)?, row.try_get("display_name")?))).collect()
}

/// How the calls that rang in `rows` ended. What an answered call's end says counts more than one callee's decline in a room of many.
async fn call_ends(
    connection: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<HashMap<CallId, (RingEndReason, Option<u64>)>, Problem> {
    let mut calls = Vec::new();
    for row in rows {
        if row.try_get::<&str, _>("kind")? == kind::CALL_RING
            && let Ok(ring) = Content(row.try_get("content")?).parse::<Ring>()
        {
            calls.push(ring.call.to_string());
        }
    }
    let mut ends = HashMap::new();
    if calls.is_empty() {
        return Ok(ends);
    }
    let said = sqlx::query(
        "SELECT content FROM events JOIN json_each(?) ON call = value WHERE kind IN ('call.decline', 'call.cancel', 'call.end')
         ORDER BY CASE kind WHEN 'call.end' THEN 2 WHEN 'call.cancel' THEN 1 ELSE 0 END, seq DESC",
    )
    .bind(serde_json::Value::from(calls).to_string())
    .fetch_all(connection)
    .await?;
    for row in &said {
        if let Ok(end) = Content(row.try_get("content")?).parse::<RingEnd>() {
            ends.insert(end.call, (end.reason, end.duration_ms));
        }
    }
    Ok(ends)
}

impl Reader<'_> {
    fn item(&self, row: &SqliteRow) -> Result<TimelineItem, Problem> {
        let place = seq(row.try_get("seq")?);
        let sender: Option<String> = row.try_get("sender")?;
        let sender = sender.map(|text| id(&text)).transpose()?;
        let txn: Option<String> = row.try_get("txn")?;
        let own = sender == Some(self.me.user);
        Ok(TimelineItem {
            key: txn.unwrap_or_else(|| place.to_string()),
            seq: Some(place),
            sender,
            sender_name: sender.map(|sender| self.name(sender)).unwrap_or_default(),
            own,
            at: UnixMillis(row.try_get("server_time")?),
            body: self.body(row, own)?,
            delivery: Delivery::Sent,
        })
    }

    fn name(&self, user: UserId) -> String {
        self.names.get(&user).cloned().unwrap_or_default()
    }

    fn body(&self, row: &SqliteRow, own: bool) -> Result<ItemBody, Problem> {
        let content = Content(row.try_get("content")?);
        let body = match row.try_get("kind")? {
            kind::MESSAGE if row.try_get("blank")? => Some(ItemBody::Deleted),
            kind::MESSAGE => content.parse().ok().map(|Message { body }| ItemBody::Text { text: body }),
            kind::ROOM_MEMBER => content.parse().ok().map(|change: MemberChange| ItemBody::Member {
                name: self.name(change.user),
                membership: change.membership,
                by: (change.by != change.user).then(|| self.name(change.by)),
            }),
            kind::ROOM_UPDATE => content
                .parse()
                .ok()
                .map(|RoomUpdate { name, topic, .. }| ItemBody::RoomChanged { name, topic }),
            kind::CALL_RING => {
                let expires: Option<i64> = row.try_get("expires_in_ms")?;
                let expired =
                    row.try_get::<i64, _>("server_time")?.saturating_add(expires.unwrap_or(0)) <= self.now.0;
                content.parse().ok().map(|ring| self.call(&ring, own, expired))
            }
            _ => None,
        };
        Ok(body.unwrap_or(ItemBody::Unsupported))
    }

    fn call(&self, ring: &Ring, own: bool, expired: bool) -> ItemBody {
        let Ring { call, video } = *ring;
        let end = self.ends.get(&call);
        let unanswered = match end {
            Some((reason, _)) => {
                matches!(reason, RingEndReason::Cancelled | RingEndReason::TimedOut | RingEndReason::Busy)
            }
            // Nobody said how it ended, as when the caller's computer went off.
            None => expired && self.ongoing != Some(call),
        };
        ItemBody::Call {
            call,
            video,
            ended: end.map(|(reason, _)| *reason).or_else(|| unanswered.then_some(RingEndReason::TimedOut)),
            duration_ms: end.and_then(|(_, duration)| *duration),
            missed: !own && unanswered && !self.joined.contains(&call.to_string()),
        }
    }

    async fn echoes(
        &self,
        connection: &mut SqliteConnection,
        room: RoomId,
    ) -> Result<Vec<TimelineItem>, Problem> {
        let rows = sqlx::query("SELECT txn, body, created_at, failed FROM outbox WHERE room = ? AND kind = 'message' ORDER BY place")
            .bind(room.to_string())
            .fetch_all(connection)
            .await?;
        rows.iter()
            .map(|row| {
                let txn: TxnId = id(row.try_get("txn")?)?;
                let failed: Option<&str> = row.try_get("failed")?;
                let event: NewEvent = serde_json::from_str(row.try_get("body")?)
                    .map_err(|_| super::damaged("an outbox row"))?;
                let text = event.content.parse::<Message>().map(|message| message.body).unwrap_or_default();
                Ok(TimelineItem {
                    key: txn.to_string(),
                    seq: None,
                    sender: Some(self.me.user),
                    sender_name: self.name(self.me.user),
                    own: true,
                    at: UnixMillis(row.try_get("created_at")?),
                    body: ItemBody::Text { text },
                    delivery: match failed {
                        None => Delivery::Sending,
                        Some(code) => Delivery::Failed { code: of_word(code)?, txn },
                    },
                })
            })
            .collect()
    }
}
