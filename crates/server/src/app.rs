//! What every handler shares, and the router that puts them together.

use crate::{
    accounts, announcements,
    config::Limits,
    events,
    failure::{Failure, bad, refusal},
    guests::{self, Browsers},
    health, ice, invitations,
    log::Log,
    members,
    password::Passwords,
    presence::Presence,
    rates::Rates,
    rooms, sessions,
    signal::{self, Input, ticket::Tickets},
    space, stream,
};
use anyhow::anyhow;
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use snug_protocol::{API_PREFIX, DeviceId, ErrorCode};
use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::catch_panic::CatchPanicLayer;

/// Bodies of all routes that do not say otherwise.
const BODY_BYTES: usize = 16 * 1024;

/// What handlers get as their state.
pub(crate) type App = Arc<Shared>;

/// What handlers share. Each takes what it needs of it.
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) passwords: Passwords,
    /// To the signal hub; when it is full, those who send wait.
    pub(crate) hub: mpsc::Sender<Input>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) tickets: Tickets,
    /// Good while the space has no owner; held for an instant.
    pub(crate) setup_code: Mutex<Option<String>>,
    pub(crate) default_name: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) key_pin: Option<[u8; 32]>,
    pub(crate) ice: ice::Ice,
    pub(crate) browsers: Browsers,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) behind_proxy: bool,
    /// Counts ended sessions; open streams then look whether theirs was one.
    pub(crate) sessions_ended: watch::Sender<u64>,
    pub(crate) stopping: CancellationToken,
    pub(crate) killed: CancellationToken,
    /// Connections and sockets, which shutdown waits for.
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    /// The set-up code, while the space has no owner.
    pub(crate) fn setup_code(&self) -> Option<String> {
        self.setup_code.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The space has an owner now.
    pub(crate) fn forget_setup_code(&self) {
        *self.setup_code.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Ends what a device whose session ended has open.
    pub(crate) async fn session_ended(&self, device: DeviceId) {
        self.sessions_ended.send_modify(|count| *count += 1);
        // A hub that is gone has no connections.
        let _ = self.hub.send(Input::SignedOut { device }).await;
    }
}

/// All routes.
pub(crate) fn router(app: App) -> Router {
    let api = Router::new()
        .merge(space::routes())
        .merge(accounts::routes())
        .merge(sessions::routes())
        .merge(invitations::routes())
        .merge(rooms::routes())
        .merge(members::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(signal::routes())
        .merge(ice::routes())
        .merge(guests::routes())
        .merge(announcements::routes());
    Router::new()
        .nest(API_PREFIX, api)
        .merge(health::routes())
        .merge(guests::pages())
        .fallback(|| async { refusal(ErrorCode::NotFound, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            let refused = bad("this route does not take this method").into_response();
            (StatusCode::METHOD_NOT_ALLOWED, refused)
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(middleware::from_fn(trace))
        .with_state(app)
}

/// A panic in a handler is a bug of ours; the client hears that the server failed, and the others nothing.
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    let what = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Failure::Internal(anyhow!("a handler panicked: {what}")).into_response()
}

/// One line for each request, by its route: a path holds ids and a query may hold a ticket.
async fn trace(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let start = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("no route", MatchedPath::as_str);
    let ms = start.elapsed().as_millis();
    tracing::debug!(%method, route, status = response.status().as_u16(), ms, "request");
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::{body::Body, routing::get};
    use snug_protocol::ApiError;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_500_that_tells_nothing() {
        async fn buggy() -> StatusCode {
            panic!("a secret detail")
        }
        let router = Router::new().route("/", get(buggy)).layer(CatchPanicLayer::custom(answer_panic));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let error: ApiError = serde_json::from_slice(&body).unwrap();
        assert_eq!(error.code, ErrorCode::Internal);
        assert!(!error.message.contains("secret"));
    }
}
