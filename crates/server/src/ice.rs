//! Which STUN and TURN servers a client should use: this one's own STUN, and those of the configuration.

use crate::{app::App, auth::SignedIn, failure::Result};
use axum::{Json, Router, extract::State, routing::get};
use snug_protocol::ice::IceServers;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ice", get(servers))
}

async fn servers(_: SignedIn, State(app): State<App>) -> Result<Json<IceServers>> {
    Ok(Json(app.ice.clone()))
}
