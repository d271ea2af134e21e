//! People in rooms: inviting, joining, leaving, removing, roles, read markers.
//!
//! Every change of a place is one row on the room's topic and one on the person's own: whoever was removed while away no
//! longer sees the room's topic, and learns it from their own.

use crate::{
    accounts,
    app::App,
    auth::SignedIn,
    extract::{Body, InPath},
    failure::{Result, bad, forbidden, missing, refusal},
    log::{Append, NewRow},
    rooms, words,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{post, put},
};
use snug_protocol::{
    Content, DeviceId, ErrorCode, RoomId, UserId,
    event::{Topic, kind},
    room::{
        HistoryVisibility, Invite, Kick, MemberChange, Membership, ReadMarker, ReadUpTo, Room, RoomKind,
        RoomRole, SetRole,
    },
};
use sqlx::SqliteConnection;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/rooms/{id}/invite", post(invite))
        .route("/rooms/{id}/join", post(join))
        .route("/rooms/{id}/leave", post(leave))
        .route("/rooms/{id}/kick", post(kick))
        .route("/rooms/{id}/role", put(set_role))
        .route("/rooms/{id}/read", put(read))
}

/// Somebody's place in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) role: RoomRole,
    pub(crate) membership: Membership,
}

/// Where `user` stands in `room`; none if they never did.
pub(crate) async fn place(conn: &mut SqliteConnection, room: RoomId, user: UserId) -> Result<Option<Place>> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT role, membership FROM members WHERE room = ? AND account = ?")
            .bind(room.to_string())
            .bind(user.to_string())
            .fetch_optional(conn)
            .await?;
    let Some((role, membership)) = row else { return Ok(None) };
    Ok(Some(Place {
        role: words::read(&role).context("a room role")?,
        membership: words::read(&membership).context("a membership")?,
    }))
}

/// Whether `user` is in `room` now.
pub(crate) async fn is_in(conn: &mut SqliteConnection, room: RoomId, user: UserId) -> Result<bool> {
    Ok(place(conn, room, user).await?.is_some_and(|place| place.membership == Membership::Joined))
}

/// The role of one who is in; refuses everybody else, those who may not know of the room without telling that there is one.
pub(crate) fn in_room(place: Option<&Place>) -> Result<RoomRole> {
    match place {
        Some(Place { role, membership: Membership::Joined }) => Ok(*role),
        Some(Place { membership: Membership::Invited, .. }) => Err(forbidden("join the room first")),
        _ => Err(missing("room")),
    }
}

/// What kind of room it is; missing if there is none.
pub(crate) async fn room_kind(conn: &mut SqliteConnection, room: RoomId) -> Result<RoomKind> {
    let row: Option<(String,)> = sqlx::query_as("SELECT kind FROM rooms WHERE id = ?")
        .bind(room.to_string())
        .fetch_optional(conn)
        .await?;
    let (kind,) = row.ok_or_else(|| missing("room"))?;
    Ok(words::read(&kind).context("a room's kind")?)
}

/// Whether one with `place` may ask others into a room of `kind`.
pub(crate) fn may_invite(place: Option<&Place>, kind: &RoomKind) -> Result<RoomRole> {
    let role = in_room(place)?;
    match kind {
        RoomKind::Room => Ok(role),
        RoomKind::Direct => Err(forbidden("a direct room is for two")),
    }
}

/// Writes a change of place: the member's row, their stay in the log, and the two events.
async fn change(
    log: &mut Append,
    room: RoomId,
    user: UserId,
    to: Place,
    by: (UserId, DeviceId),
) -> Result<()> {
    let was_in = is_in(&mut log.conn, room, user).await?;
    let is_in = to.membership == Membership::Joined;
    sqlx::query(
        "INSERT INTO members (room, account, role, membership, changed_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (room, account) DO UPDATE
         SET role = excluded.role, membership = excluded.membership, changed_at = excluded.changed_at",
    )
    .bind(room.to_string())
    .bind(user.to_string())
    .bind(words::write(&to.role))
    .bind(words::write(&to.membership))
    .bind(log.now.0)
    .execute(&mut log.conn)
    .await?;

    // The stay begins with the row that tells of it, and ends before the row that tells of its end.
    let seq = log.next_seq();
    if is_in && !was_in {
        sqlx::query(
            "INSERT INTO stays (room, account, from_seq, until_seq, history_from)
             SELECT id, ?, ?, NULL, CASE history WHEN ? THEN 0 ELSE ? END FROM rooms WHERE id = ?",
        )
        .bind(user.to_string())
        .bind(seq as i64)
        .bind(words::write(&HistoryVisibility::Shared))
        .bind(seq as i64)
        .bind(room.to_string())
        .execute(&mut log.conn)
        .await?;
    } else if was_in && !is_in {
        sqlx::query("UPDATE stays SET until_seq = ? WHERE room = ? AND account = ? AND until_seq IS NULL")
            .bind(seq as i64)
            .bind(room.to_string())
            .bind(user.to_string())
            .execute(&mut log.conn)
            .await?;
    }

    let told = MemberChange { room, user, membership: to.membership, role: to.role, by: by.0 };
    let content = Content::json(&told);
    let mut row = NewRow::of_server(Topic::Room(room), kind::ROOM_MEMBER, by, content.clone());
    row.stay = (was_in != is_in).then_some(crate::log::Membership { room, user, joined: is_in });
    log.row(row).await?;
    log.row(NewRow::of_server(Topic::User(user), kind::ROOM_MEMBER, by, content)).await?;
    Ok(())
}

/// Puts `user` into `room`; nothing happens if they are in.
pub(crate) async fn enter(
    log: &mut Append,
    room: RoomId,
    user: UserId,
    role: RoomRole,
    by: (UserId, DeviceId),
) -> Result<()> {
    if is_in(&mut log.conn, room, user).await? {
        return Ok(());
    }
    change(log, room, user, Place { role, membership: Membership::Joined }, by).await
}

async fn invite(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(Invite { user }): Body<Invite>,
) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let mine = place(&mut log.conn, room, who.user).await?;
                let role = may_invite(mine.as_ref(), &room_kind(&mut log.conn, room).await?)?;
                accounts::account(&mut log.conn, user).await?;
                match place(&mut log.conn, room, user).await?.map(|place| place.membership) {
                    Some(Membership::Joined) => {
                        Err(refusal(ErrorCode::AlreadyExists, "they are in the room"))
                    }
                    Some(Membership::Invited) => Ok(StatusCode::NO_CONTENT),
                    // Else any member could undo what a moderator did.
                    Some(Membership::Kicked) if role < RoomRole::Moderator => {
                        Err(forbidden("they were removed: only a moderator may ask them back"))
                    }
                    _ => {
                        let invited = Place { role: RoomRole::Member, membership: Membership::Invited };
                        change(log, room, user, invited, who.by()).await?;
                        Ok(StatusCode::NO_CONTENT)
                    }
                }
            })
        })
        .await
}

async fn join(who: SignedIn, State(app): State<App>, InPath(room): InPath<RoomId>) -> Result<Json<Room>> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                match place(&mut log.conn, room, who.user).await? {
                    Some(Place { membership: Membership::Joined, .. }) => {}
                    Some(Place { role, membership: Membership::Invited }) => {
                        enter(log, room, who.user, role, who.by()).await?;
                    }
                    _ => return Err(missing("room")),
                }
                rooms::one(&mut log.conn, who.user, room).await.map(Json)
            })
        })
        .await
}

async fn leave(who: SignedIn, State(app): State<App>, InPath(room): InPath<RoomId>) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let mine = place(&mut log.conn, room, who.user).await?;
                let Some(Place { role, membership: Membership::Joined | Membership::Invited }) = mine else {
                    return Err(missing("room"));
                };
                if room_kind(&mut log.conn, room).await? == RoomKind::Direct {
                    return Err(forbidden("a direct room stays with its two people"));
                }
                let left = Place { role: RoomRole::Member, membership: Membership::Left };
                change(log, room, who.user, left, who.by()).await?;
                if role == RoomRole::Owner {
                    succeed(log, room, who.by()).await?;
                }
                Ok(StatusCode::NO_CONTENT)
            })
        })
        .await
}

/// Makes another member the owner of a room whose owner left: a moderator before a member, the longest in the room first.
async fn succeed(log: &mut Append, room: RoomId, by: (UserId, DeviceId)) -> Result<()> {
    let next: Option<(String,)> = sqlx::query_as(
        "SELECT m.account FROM members m JOIN stays s ON s.room = m.room AND s.account = m.account
         WHERE m.room = ? AND m.membership = 'joined' AND s.until_seq IS NULL
         ORDER BY CASE m.role WHEN 'moderator' THEN 0 ELSE 1 END, s.from_seq LIMIT 1",
    )
    .bind(room.to_string())
    .fetch_optional(&mut log.conn)
    .await?;
    let Some((next,)) = next else { return Ok(()) };
    let next = next.parse().context("a member")?;
    change(log, room, next, Place { role: RoomRole::Owner, membership: Membership::Joined }, by).await
}

async fn kick(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(Kick { user }): Body<Kick>,
) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let mine = in_room(place(&mut log.conn, room, who.user).await?.as_ref())?;
                if mine < RoomRole::Moderator {
                    return Err(forbidden("only moderators and the owner remove people"));
                }
                let theirs = place(&mut log.conn, room, user).await?;
                let Some(Place { role, membership: Membership::Joined | Membership::Invited }) = theirs
                else {
                    return Err(missing("member"));
                };
                if role >= mine {
                    return Err(forbidden("only people below one's own role can be removed"));
                }
                let kicked = Place { role: RoomRole::Member, membership: Membership::Kicked };
                change(log, room, user, kicked, who.by()).await?;
                Ok(StatusCode::NO_CONTENT)
            })
        })
        .await
}

async fn set_role(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(SetRole { user, role }): Body<SetRole>,
) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let mine = in_room(place(&mut log.conn, room, who.user).await?.as_ref())?;
                if mine != RoomRole::Owner {
                    return Err(forbidden("only the room's owner gives roles"));
                }
                if role == RoomRole::Owner {
                    return Err(bad("a room has one owner"));
                }
                if user == who.user {
                    return Err(forbidden("the owner stays the owner"));
                }
                let theirs = place(&mut log.conn, room, user).await?;
                let Some(theirs @ Place { membership: Membership::Joined, .. }) = theirs else {
                    return Err(missing("member"));
                };
                if theirs.role != role {
                    change(log, room, user, Place { role, ..theirs }, who.by()).await?;
                }
                Ok(StatusCode::NO_CONTENT)
            })
        })
        .await
}

/// Moves the reader's marker forward, never beyond the room's newest event.
async fn read(
    who: SignedIn,
    State(app): State<App>,
    InPath(room): InPath<RoomId>,
    Body(ReadUpTo { seq }): Body<ReadUpTo>,
) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                in_room(place(&mut log.conn, room, who.user).await?.as_ref())?;
                let newest: (Option<i64>,) = sqlx::query_as("SELECT MAX(seq) FROM events WHERE topic = ?")
                    .bind(Topic::Room(room).to_string())
                    .fetch_one(&mut log.conn)
                    .await?;
                let seq = seq.min(newest.0.unwrap_or(0) as u64);
                let moved = sqlx::query(
                    "INSERT INTO read_markers (room, account, seq) VALUES (?, ?, ?)
                     ON CONFLICT (room, account) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > read_markers.seq",
                )
                .bind(room.to_string())
                .bind(who.user.to_string())
                .bind(seq as i64)
                .execute(&mut log.conn)
                .await?;
                if moved.rows_affected() > 0 {
                    let marker = Content::json(&ReadMarker { room, seq, at: log.now });
                    log.row(NewRow::of_server(Topic::User(who.user), kind::READ, who.by(), marker)).await?;
                }
                Ok(StatusCode::NO_CONTENT)
            })
        })
        .await
}
