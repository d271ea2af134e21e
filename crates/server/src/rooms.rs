//! Rooms: making them, listing them, changing them, and the one direct room of two people.

use crate::{
    accounts,
    app::App,
    auth::SignedIn,
    extract::{Body, InPath},
    failure::{Result, bad, forbidden, missing},
    log::{Append, NewRow},
    members,
    transactions::Transaction,
    words,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use snug_protocol::{
    Content, DeviceId, RoomId, UserId,
    event::{Topic, kind},
    room::{
        HistoryVisibility, Member, Membership, NewDirect, NewRoom, Room, RoomKind, RoomRole, RoomUpdate,
        UpdateRoom,
    },
};
use sqlx::SqliteConnection;
use std::collections::HashMap;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/rooms", get(list).post(create))
        .route("/rooms/direct", post(direct))
        .route("/rooms/{id}", get(show).patch(update))
}

async fn list(who: SignedIn, State(app): State<App>) -> Result<Json<Vec<Room>>> {
    seen_by(&mut *app.log.pool.acquire().await?, who.user, None).await.map(Json)
}

async fn show(who: SignedIn, State(app): State<App>, InPath(room): InPath<RoomId>) -> Result<Json<Room>> {
    one(&mut *app.log.pool.acquire().await?, who.user, room).await.map(Json)
}

/// A room as `user` sees it; missing if it is not theirs to see.
pub(crate) async fn one(conn: &mut SqliteConnection, user: UserId, room: RoomId) -> Result<Room> {
    seen_by(conn, user, Some(room)).await?.pop().ok_or_else(|| missing("room"))
}

/// A room's name; empty for a direct room.
pub(crate) async fn name(conn: &mut SqliteConnection, room: RoomId) -> Result<String> {
    let row: Option<(String,)> = sqlx::query_as("SELECT name FROM rooms WHERE id = ?")
        .bind(room.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|(name,)| name).ok_or_else(|| missing("room"))
}

/// The rooms that `user` is in or is asked into: all, or one.
async fn seen_by(conn: &mut SqliteConnection, user: UserId, only: Option<RoomId>) -> Result<Vec<Room>> {
    type RoomRow = (String, String, String, String, String, i64, String, i64, i64);
    let only = only.map(|room| room.to_string());
    let rows: Vec<RoomRow> = sqlx::query_as(
        "SELECT r.id, r.kind, r.name, r.topic, r.history, r.epoch, m.membership, COALESCE(k.seq, 0),
                COALESCE((SELECT MAX(e.seq) FROM events e WHERE e.topic = 'room:' || r.id), 0)
         FROM members m JOIN rooms r ON r.id = m.room
         LEFT JOIN read_markers k ON k.room = r.id AND k.account = m.account
         WHERE m.account = ? AND m.membership IN ('joined', 'invited') AND (? IS NULL OR r.id = ?)
         ORDER BY r.created_at, r.id",
    )
    .bind(user.to_string())
    .bind(&only)
    .bind(&only)
    .fetch_all(&mut *conn)
    .await?;
    let member_rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT room, account, role, membership FROM members
         WHERE membership IN ('joined', 'invited') AND (? IS NULL OR room = ?) AND room IN
             (SELECT room FROM members WHERE account = ? AND membership IN ('joined', 'invited'))
         ORDER BY room, changed_at, account",
    )
    .bind(&only)
    .bind(&only)
    .bind(user.to_string())
    .fetch_all(conn)
    .await?;

    let mut members: HashMap<String, Vec<Member>> = HashMap::new();
    for (room, account, role, membership) in member_rows {
        members.entry(room).or_default().push(Member {
            user: account.parse().context("a member")?,
            role: words::read(&role).context("a room role")?,
            membership: words::read(&membership).context("a membership")?,
        });
    }
    rows.into_iter()
        .map(|(id, kind, name, topic, history, epoch, membership, read_up_to, newest)| {
            let membership: Membership = words::read(&membership).context("a membership")?;
            Ok(Room {
                kind: words::read(&kind).context("a room's kind")?,
                name,
                topic,
                history: words::read(&history).context("a room's history")?,
                members: members.remove(&id).unwrap_or_default(),
                read_up_to: read_up_to as u64,
                // One who is only asked in sees none of its events yet.
                last_seq: if membership == Membership::Joined { newest as u64 } else { 0 },
                epoch: epoch as u64,
                id: id.parse().context("a room's id")?,
            })
        })
        .collect()
}

fn check_name(name: &str) -> Result<()> {
    if words::is_name(name, 80) { Ok(()) } else { Err(bad("a room's name has 1 to 80 characters")) }
}

fn check_topic(topic: &str) -> Result<()> {
    if topic.chars().count() <= 500 { Ok(()) } else { Err(bad("a room's topic has at most 500 characters")) }
}

async fn create(
    who: SignedIn,
    State(app): State<App>,
    Body(new): Body<NewRoom>,
) -> Result<(StatusCode, Json<Room>)> {
    check_name(&new.name)?;
    check_topic(&new.topic)?;
    app.log
        .write(move |log| {
            Box::pin(async move {
                let transaction = Transaction::new(who.device, new.txn, "rooms", &new);
                if let Some(room) = transaction.answered::<RoomId>(log).await? {
                    let room = one(&mut log.conn, who.user, room).await?;
                    return Ok((StatusCode::CREATED, Json(room)));
                }
                let room = RoomId::random();
                let update =
                    RoomUpdate { name: new.name.trim().to_owned(), topic: new.topic, history: new.history };
                insert(log, room, RoomKind::Room, &update, None).await?;
                members::enter(log, room, who.user, RoomRole::Owner, who.by()).await?;
                tell_update(log, room, &update, who.by()).await?;
                transaction.answer(log, &room).await?;
                Ok((StatusCode::CREATED, Json(one(&mut log.conn, who.user, room).await?)))
            })
        })
        .await
}

async fn insert(
    log: &mut Append,
    room: RoomId,
    room_kind: RoomKind,
    about: &RoomUpdate,
    direct_of: Option<String>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO rooms (id, kind, name, topic, history, epoch, direct_of, created_at)
         VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
    )
    .bind(room.to_string())
    .bind(words::write(&room_kind))
    .bind(&about.name)
    .bind(&about.topic)
    .bind(words::write(&about.history))
    .bind(direct_of)
    .bind(log.now.0)
    .execute(&mut log.conn)
    .await?;
    Ok(())
}

async fn tell_update(
    log: &mut Append,
    room: RoomId,
    about: &RoomUpdate,
    by: (UserId, DeviceId),
) -> Result<()> {
    log.row(NewRow::of_server(Topic::Room(room), kind::ROOM_UPDATE, by, Content::json(about))).await?;
    Ok(())
}

/// The direct room with a person, made if there is none.
async fn direct(
    who: SignedIn,
    State(app): State<App>,
    Body(NewDirect { user: other }): Body<NewDirect>,
) -> Result<Json<Room>> {
    if other == who.user {
        return Err(bad("a direct room is with somebody else"));
    }
    app.log
        .write(move |log| {
            Box::pin(async move {
                accounts::account(&mut log.conn, other).await?;
                let both = format!("{} {}", who.user.min(other), who.user.max(other));
                let there: Option<(String,)> = sqlx::query_as("SELECT id FROM rooms WHERE direct_of = ?")
                    .bind(&both)
                    .fetch_optional(&mut log.conn)
                    .await?;
                let room = match there {
                    Some((id,)) => id.parse().context("a room's id")?,
                    None => {
                        let room = RoomId::random();
                        let about = RoomUpdate {
                            name: String::new(),
                            topic: String::new(),
                            history: HistoryVisibility::Shared,
                        };
                        insert(log, room, RoomKind::Direct, &about, Some(both)).await?;
                        // Neither stands above the other.
                        for user in [who.user, other] {
                            members::enter(log, room, user, RoomRole::Member, who.by()).await?;
                        }
                        room
                    }
                };
                one(&mut log.conn, who.user, room).await.map(Json)
            })
        })
        .await
}

async fn update(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(change): Body<UpdateRoom>,
) -> Result<Json<Room>> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change.topic.as_deref().map_or(Ok(()), check_topic)?;
    app.log
        .write(move |log| {
            Box::pin(async move {
                let role = members::in_room(members::place(&mut log.conn, room, who.user).await?.as_ref())?;
                if role < RoomRole::Moderator {
                    return Err(forbidden("only moderators and the owner change the room"));
                }
                let now = one(&mut log.conn, who.user, room).await?;
                let before = RoomUpdate { name: now.name, topic: now.topic, history: now.history };
                let after = RoomUpdate {
                    name: change.name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
                    topic: change.topic.unwrap_or_else(|| before.topic.clone()),
                    history: change.history.unwrap_or(before.history),
                };
                if after != before {
                    sqlx::query("UPDATE rooms SET name = ?, topic = ?, history = ? WHERE id = ?")
                        .bind(&after.name)
                        .bind(&after.topic)
                        .bind(words::write(&after.history))
                        .bind(room.to_string())
                        .execute(&mut log.conn)
                        .await?;
                    tell_update(log, room, &after, who.by()).await?;
                }
                one(&mut log.conn, who.user, room).await.map(Json)
            })
        })
        .await
}
