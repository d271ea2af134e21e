//! `GET /healthz`: whether the server can serve, for whatever watches it. Outside the API's prefix and without a token.

use crate::{
    app::App,
    auth::Visitor,
    failure::{Result, refusal},
};
use axum::{Json, Router, extract::State, routing::get};
use snug_protocol::ErrorCode;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/healthz", get(health))
}

async fn health(_: Visitor, State(app): State<App>) -> Result<Json<serde_json::Value>> {
    if !app.log.is_open() || app.stopping.is_cancelled() {
        return Err(refusal(ErrorCode::Unavailable, "the server is stopping"));
    }
    sqlx::query("SELECT 1").execute(&app.log.pool).await?;
    Ok(Json(serde_json::json!({ "status": "ok" })))
}
