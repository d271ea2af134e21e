//! The door: what a link leads to, and knocking. For anybody who has the token, so both are strict about how often.

use super::{links, session};
use crate::{
    accounts,
    app::App,
    auth::{asking_host, origin_allowed},
    extract::{Body, InPath},
    failure::{Failure, Result, bad, forbidden, refusal},
    rooms, secret, space, words,
};
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    routing::{get, post},
};
use snug_protocol::{
    DeviceId, ErrorCode, UserId,
    guest::{Admission, GuestIds, GuestInvitation, Knock, Knocked, MAX_GUEST_NAME},
};
use std::time::Instant;

/// Knocks by one link that were not answered, within [`WAITING_FOR_MS`]. More people than this at one door are no people.
const WAITING: i64 = 20;

/// Who knocked longer ago has given up, as far as [`WAITING`] goes.
const WAITING_FOR_MS: i64 = 10 * 60 * 1000;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/guest/{token}", get(describe)).route("/guest/{token}/knock", post(knock))
}

/// Somebody's browser, on a page of ours if it says of which; counts against the address.
struct Door;

impl FromRequestParts<App> for Door {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        app.rates.address.take(&asking_host(parts, app.behind_proxy)?)?;
        if origin_allowed(&parts.headers, &app.allowed_origins) == Some(false) {
            return Err(forbidden("pages of this origin may not ask"));
        }
        Ok(Self)
    }
}

/// One who knocks; counts against the strict limit.
struct Knocker;

impl FromRequestParts<App> for Knocker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Door::from_request_parts(parts, app).await?;
        app.rates.knock.take(&asking_host(parts, app.behind_proxy)?)?;
        Ok(Self)
    }
}

async fn describe(
    _: Door,
    State(app): State<App>,
    InPath(token): InPath<String>,
) -> Result<Json<GuestInvitation>> {
    let link = links::shown(&app, &token).await?;
    let look = links::look(&app, link.call).await?;
    let mut conn = app.log.pool.acquire().await?;
    let mut people = accounts::display_names(&mut conn, &look.people).await?;
    people.extend(look.guests);
    Ok(Json(GuestInvitation {
        space_name: space::name(&mut conn, &app.default_name).await?,
        room_name: rooms::name(&mut conn, link.room).await?,
        invited_by: accounts::display_names(&mut conn, &[link.by]).await?.pop().unwrap_or_default(),
        call: link.call,
        admission: link.admission,
        people,
    }))
}

async fn knock(
    _: Knocker,
    State(app): State<App>,
    InPath(token): InPath<String>,
    Body(knock): Body<Knock>,
) -> Result<(StatusCode, Json<Knocked>)> {
    if !words::is_name(&knock.name, MAX_GUEST_NAME) {
        return Err(bad("a guest's name has 1 to 64 characters"));
    }
    if knock.public_key.0.len() != 32 {
        return Err(bad("a guest's key has 32 bytes"));
    }
    let link = links::shown(&app, &token).await?;
    let guest = GuestIds { user: UserId::random(), device: DeviceId::random() };
    let session = secret::token();
    let hash = secret::hash(session.as_bytes());
    let (call, room) = (link.call, link.room);
    app.log
        .write(move |log| {
            Box::pin(async move {
                let (waiting,): (i64,) = sqlx::query_as(
                    "SELECT COUNT(*) FROM guests WHERE link = ? AND admitted = 0 AND created_at > ?",
                )
                .bind(link.id.to_string())
                .bind(log.now.0 - WAITING_FOR_MS)
                .fetch_one(&mut log.conn)
                .await?;
                if waiting >= WAITING {
                    return Err(refusal(ErrorCode::Unavailable, "too many people wait already"));
                }
                // The link may have ended since it was looked at; a row of a link that is over would outlive its call.
                let written = sqlx::query(
                    "INSERT INTO guests (device, user, link, call, room, admission, name, public_key, session_hash, admitted, created_at)
                     SELECT ?, ?, id, call, room, admission, ?, ?, ?, ?, ? FROM guest_links WHERE id = ? AND ended_at IS NULL",
                )
                .bind(guest.device.to_string())
                .bind(guest.user.to_string())
                .bind(knock.name.trim())
                .bind(&knock.public_key.0)
                .bind(hash)
                .bind(link.admission == Admission::Open)
                .bind(log.now.0)
                .bind(link.id.to_string())
                .execute(&mut log.conn)
                .await?;
                if written.rows_affected() == 0 {
                    return Err(refusal(ErrorCode::LinkExpired, "this link was revoked just now"));
                }
                Ok(())
            })
        })
        .await?;
    let ticket = app.tickets.issue(session::Holder::Guest(guest.device), Instant::now())?;
    Ok((StatusCode::CREATED, Json(Knocked { guest, call, room, session, ticket })))
}
