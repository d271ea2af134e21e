//! Signing devices in and out. A device *is* a session: signing in makes a new one with its own key, signing out ends it for good.

use crate::{
    app::App,
    auth::{Newcomer, SignedIn, space_role},
    extract::{Body, InPath},
    failure::{Result, missing, refusal},
    log::Append,
    secret, words,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{delete, post},
};
use snug_protocol::{
    DeviceId, ErrorCode,
    account::{NewDevice, Session, SignIn, User},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sessions", post(sign_in))
        .route("/sessions/current", delete(sign_out_here))
        .route("/sessions/{device}", delete(sign_out))
}

async fn sign_in(
    _: Newcomer,
    State(app): State<App>,
    Body(wanted): Body<SignIn>,
) -> Result<(StatusCode, Json<Session>)> {
    check(&wanted.device)?;
    let row: Option<(String, String, String, String, String)> = sqlx::query_as(
        "SELECT id, username, display_name, role, password_hash FROM accounts WHERE username = ?",
    )
    .bind(&wanted.username)
    .fetch_optional(&app.log.pool)
    .await?;
    let stored = row.as_ref().map(|row| row.4.clone());
    // Hashed also when there is no such account: an answer that came sooner would tell.
    if !app.passwords.verify(wanted.password, stored).await? {
        return Err(refusal(ErrorCode::BadCredentials, "the name or the password is wrong"));
    }
    let (id, username, display_name, role, _) = row.context("a password verified without an account")?;
    let user =
        User { id: id.parse().context("an account's id")?, username, display_name, role: space_role(&role)? };
    let session = app.log.write(move |log| Box::pin(create(log, user, wanted.device))).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// Refuses devices without a name or with a key of another size.
pub(crate) fn check(device: &NewDevice) -> Result<()> {
    if !words::is_name(&device.name, 64) {
        return Err(refusal(ErrorCode::Unacceptable, "a device's name has 1 to 64 characters"));
    }
    if device.key.0.len() != 32 {
        return Err(refusal(ErrorCode::Unacceptable, "a device's key has 32 bytes"));
    }
    Ok(())
}

/// Makes a device and its token.
pub(crate) async fn create(log: &mut Append, user: User, device: NewDevice) -> Result<Session> {
    let (id, token) = (DeviceId::random(), secret::token());
    sqlx::query(
        "INSERT INTO devices (id, account, name, public_key, token_hash, last_seen, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(user.id.to_string())
    .bind(device.name.trim())
    .bind(&device.key.0)
    .bind(secret::hash(token.as_bytes()))
    .bind(log.now.0)
    .bind(log.now.0)
    .execute(&mut log.conn)
    .await?;
    Ok(Session { token, user, device: id, cursor: log.cursor() })
}

async fn sign_out_here(who: SignedIn, State(app): State<App>) -> Result<StatusCode> {
    end(&app, who, who.device).await
}

async fn sign_out(
    who: SignedIn,
    State(app): State<App>,
    InPath(device): InPath<DeviceId>,
) -> Result<StatusCode> {
    end(&app, who, device).await
}

/// Ends a session of the asking person, and with it what it has open.
async fn end(app: &App, who: SignedIn, device: DeviceId) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let ended = sqlx::query(
                    "UPDATE devices SET token_hash = NULL, cookie_hash = NULL
                     WHERE id = ? AND account = ? AND token_hash IS NOT NULL",
                )
                .bind(device.to_string())
                .bind(who.user.to_string())
                .execute(&mut log.conn)
                .await?;
                if ended.rows_affected() == 0 { Err(missing("device")) } else { Ok(()) }
            })
        })
        .await?;
    app.session_ended(device).await;
    Ok(StatusCode::NO_CONTENT)
}
