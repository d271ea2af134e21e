//! Invitations to the space. Everybody with an account may make them; the owner sees and withdraws all.

use crate::{
    app::App,
    auth::SignedIn,
    clock,
    extract::{Body, InPath},
    failure::{Failure, Result, bad, missing, refusal},
    log::Append,
    members, secret,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{delete, get},
};
use snug_protocol::{
    ErrorCode, RoomId, UnixMillis, UserId,
    account::SpaceRole,
    invitation::{Invitation, InvitationLink, NewInvitation},
};
use sqlx::SqliteConnection;

const A_WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1000;
const A_YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// Valid invitations of one person. A bound, so that nobody fills the table.
const OPEN_AT_ONCE: i64 = 100;

/// Rooms in one invitation.
const ROOMS: usize = 50;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/invitations", get(list).post(invite)).route("/invitations/{code}", delete(withdraw))
}

/// The link around a code, with every address of the server.
pub(crate) fn link(app: &App, code: &str) -> String {
    let link =
        InvitationLink { code: code.to_owned(), addresses: app.addresses.clone(), key_pin: app.key_pin };
    link.to_string()
}

async fn invite(
    who: SignedIn,
    State(app): State<App>,
    Body(wanted): Body<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>)> {
    let uses = wanted.uses.unwrap_or(1);
    let valid_ms = wanted.expires_in_ms.unwrap_or(A_WEEK_MS);
    if !(1..=1000).contains(&uses) {
        return Err(bad("an invitation is good for 1 to 1000 accounts"));
    }
    if !(1..=A_YEAR_MS).contains(&valid_ms) {
        return Err(bad("an invitation is good for at most a year"));
    }
    if wanted.rooms.len() > ROOMS {
        return Err(bad("an invitation names at most 50 rooms"));
    }
    let code = secret::invitation_code();
    let link = link(&app, &code);
    app.log
        .write(move |log| {
            Box::pin(async move {
                for room in &wanted.rooms {
                    let place = members::place(&mut log.conn, *room, who.user).await?;
                    members::may_invite(place.as_ref(), &members::room_kind(&mut log.conn, *room).await?)?;
                }
                let (open,): (i64,) = sqlx::query_as(
                    "SELECT COUNT(*) FROM invitations WHERE inviter = ? AND uses_left > 0 AND expires_at > ?",
                )
                .bind(who.user.to_string())
                .bind(log.now.0)
                .fetch_one(&mut log.conn)
                .await?;
                if open >= OPEN_AT_ONCE {
                    return Err(refusal(ErrorCode::Forbidden, "withdraw an invitation before making another"));
                }
                let expires_at = UnixMillis(log.now.0.saturating_add(valid_ms as i64));
                let rooms: Vec<String> = wanted.rooms.iter().map(ToString::to_string).collect();
                sqlx::query(
                    "INSERT INTO invitations (code, inviter, uses_left, expires_at, rooms) VALUES (?, ?, ?, ?, ?)",
                )
                .bind(&code)
                .bind(who.user.to_string())
                .bind(uses)
                .bind(expires_at.0)
                .bind(rooms.join(" "))
                .execute(&mut log.conn)
                .await?;
                Ok(Invitation { code, link, uses_left: uses, expires_at })
            })
        })
        .await
        .map(|invitation| (StatusCode::CREATED, Json(invitation)))
}

async fn list(who: SignedIn, State(app): State<App>) -> Result<Json<Vec<Invitation>>> {
    let rows: Vec<(String, u32, i64)> = sqlx::query_as(
        "SELECT code, uses_left, expires_at FROM invitations
         WHERE (inviter = ? OR ?) AND uses_left > 0 AND expires_at > ? ORDER BY expires_at, code",
    )
    .bind(who.user.to_string())
    .bind(who.role == SpaceRole::Owner)
    .bind(clock::now().0)
    .fetch_all(&app.log.pool)
    .await?;
    let invitations = rows.into_iter().map(|(code, uses_left, expires_at)| {
        let link = link(&app, &code);
        Invitation { code, link, uses_left, expires_at: UnixMillis(expires_at) }
    });
    Ok(Json(invitations.collect()))
}

async fn withdraw(who: SignedIn, State(app): State<App>, InPath(code): InPath<String>) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM invitations WHERE code = ? AND (inviter = ? OR ?)")
                    .bind(code)
                    .bind(who.user.to_string())
                    .bind(who.role == SpaceRole::Owner)
                    .execute(&mut log.conn)
                    .await?;
                if gone.rows_affected() == 0 {
                    Err(missing("invitation"))
                } else {
                    Ok(StatusCode::NO_CONTENT)
                }
            })
        })
        .await
}

/// What an invitation opens.
pub(crate) struct Taken {
    inviter: UserId,
    rooms: Vec<RoomId>,
}

impl Taken {
    /// The rooms that it names, each with who opened it.
    pub(crate) fn rooms(self) -> Vec<(RoomId, UserId)> {
        self.rooms.into_iter().map(|room| (room, self.inviter)).collect()
    }
}

fn expired() -> Failure {
    refusal(ErrorCode::InvitationExpired, "this invitation was used up, withdrawn or has expired")
}

/// Refuses a code that is not good.
pub(crate) async fn check(conn: &mut SqliteConnection, code: &str) -> Result<()> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM invitations WHERE code = ? AND uses_left > 0 AND expires_at > ?")
            .bind(code)
            .bind(clock::now().0)
            .fetch_optional(conn)
            .await?;
    row.map(|_| ()).ok_or_else(expired)
}

/// Uses a code once.
pub(crate) async fn take(log: &mut Append, code: &str) -> Result<Taken> {
    let row: Option<(String, String)> = sqlx::query_as(
        "UPDATE invitations SET uses_left = uses_left - 1 WHERE code = ? AND uses_left > 0 AND expires_at > ?
         RETURNING inviter, rooms",
    )
    .bind(code)
    .bind(log.now.0)
    .fetch_optional(&mut log.conn)
    .await?;
    let (inviter, rooms) = row.ok_or_else(expired)?;
    let rooms = rooms.split_ascii_whitespace().map(str::parse).collect::<std::result::Result<_, _>>();
    Ok(Taken {
        inviter: inviter.parse().context("an invitation's maker")?,
        rooms: rooms.context("an invitation's rooms")?,
    })
}
