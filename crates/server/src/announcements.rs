//! What the owner tells everybody: plain text in the log, so that those who are away get it too.

use crate::{
    app::App,
    auth::SignedIn,
    extract::Body,
    failure::{Result, bad},
    log::NewRow,
};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use snug_protocol::{
    Content,
    account::Announcement,
    event::{Sent, Topic, kind},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/announcements", post(announce))
}

async fn announce(
    who: SignedIn,
    State(app): State<App>,
    Body(Announcement { text }): Body<Announcement>,
) -> Result<(StatusCode, Json<Sent>)> {
    who.must_own_the_space()?;
    if text.trim().is_empty() || text.chars().count() > 4000 {
        return Err(bad("an announcement has 1 to 4000 characters"));
    }
    // An event stream's line ends at either, and a NUL ends nothing good.
    if text.contains('\0') {
        return Err(bad("an announcement is plain text"));
    }
    app.log
        .write(move |log| {
            Box::pin(async move {
                let content = Content(text.into_bytes());
                let seq =
                    log.row(NewRow::of_server(Topic::Space, kind::ANNOUNCEMENT, who.by(), content)).await?;
                Ok((StatusCode::CREATED, Json(Sent { seq, server_time: log.now })))
            })
        })
        .await
}
