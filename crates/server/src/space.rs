//! The space itself: its name, and who may come.

use crate::{
    app::App,
    auth::{SignedIn, Visitor},
    extract::Body,
    failure::{Result, refusal},
    log::Append,
    words,
};
use axum::{Json, Router, extract::State, routing::get};
use snug_protocol::{
    ErrorCode,
    account::{Registration, ServerInfo, UpdateServer},
};
use sqlx::SqliteConnection;

/// Setting: the name that its owner gave.
pub(crate) const NAME: &str = "name";
/// Setting: `true` while anybody may register.
const OPEN: &str = "open_registration";
/// Setting: which life of the log it is.
pub(crate) const GENERATION: &str = "generation";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/server", get(info).patch(update))
}

async fn info(_: Visitor, State(app): State<App>) -> Result<Json<ServerInfo>> {
    describe(&app).await.map(Json)
}

async fn describe(app: &App) -> Result<ServerInfo> {
    let mut conn = app.log.pool.acquire().await?;
    let registration = if app.setup_code().is_some() {
        Registration::Setup
    } else if is_open(&mut conn).await? {
        Registration::Open
    } else {
        Registration::Invitation
    };
    let name = name(&mut conn, &app.default_name).await?;
    Ok(ServerInfo { name, version: env!("CARGO_PKG_VERSION").to_owned(), registration })
}

async fn update(
    who: SignedIn,
    State(app): State<App>,
    Body(change): Body<UpdateServer>,
) -> Result<Json<ServerInfo>> {
    who.must_own_the_space()?;
    if change.name.as_ref().is_some_and(|name| !words::is_name(name, 64)) {
        return Err(refusal(ErrorCode::Unacceptable, "a space's name has 1 to 64 characters"));
    }
    app.log
        .write(move |log| {
            Box::pin(async move {
                if let Some(name) = &change.name {
                    set(log, NAME, name.trim()).await?;
                }
                if let Some(open) = change.open_registration {
                    set(log, OPEN, if open { "true" } else { "false" }).await?;
                }
                Ok(())
            })
        })
        .await?;
    describe(&app).await.map(Json)
}

/// The space's name.
pub(crate) async fn name(conn: &mut SqliteConnection, default: &str) -> Result<String> {
    Ok(get_setting(conn, NAME).await?.unwrap_or_else(|| default.to_owned()))
}

/// Whether anybody may register.
pub(crate) async fn is_open(conn: &mut SqliteConnection) -> Result<bool> {
    Ok(get_setting(conn, OPEN).await?.as_deref() == Some("true"))
}

/// Reads a setting.
pub(crate) async fn get_setting(conn: &mut SqliteConnection, name: &str) -> Result<Option<String>> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT value FROM settings WHERE name = ?").bind(name).fetch_optional(conn).await?;
    Ok(row.map(|(value,)| value))
}

/// Writes a setting.
pub(crate) async fn set(log: &mut Append, name: &str, value: &str) -> Result<()> {
    set_on(&mut log.conn, name, value).await
}

/// Writes a setting before there is a log.
pub(crate) async fn set_on(conn: &mut SqliteConnection, name: &str, value: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(conn)
    .await?;
    Ok(())
}
