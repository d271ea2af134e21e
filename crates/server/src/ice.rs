//! Which STUN and TURN servers a client should use: this one's own STUN, and those of the configuration.

use crate::{app::App, failure::Result, guests::session::Caller};
use axum::{Json, Router, extract::State, routing::get};
use snug_protocol::ice::IceServers;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ice", get(servers))
}

async fn servers(who: Caller, State(app): State<App>) -> Result<Json<IceServers>> {
    who.in_calls(&app).await?;
    Ok(Json(app.ice.clone()))
}
