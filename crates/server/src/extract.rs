//! Reading requests: JSON bodies, paths and queries, each refused with an [`ErrorCode`] of ours. Axum's own extractors answer in
//! plain text, and read a body for as long as the client takes to send it.

use crate::{
    app::App,
    failure::{Failure, bad, refusal},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;
use snug_protocol::ErrorCode;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let reading = Bytes::from_request(request, app);
        let bytes = tokio::time::timeout(app.limits.body, reading)
            .await
            .map_err(|_| bad("the body did not arrive in time"))?
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => refusal(ErrorCode::TooLarge, "the body is too large"),
                _ => bad("the body could not be read"),
            })?;
        // serde_json looks only at the strings that it keeps.
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("the body is not UTF-8"))?;
        // serde's message tells the line and what was expected, and nothing of ours.
        serde_json::from_str(text).map(Self).map_err(|e| bad(format!("the body is not what this takes: {e}")))
    }
}

/// Parameters of the path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for InPath<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Path(value) = Path::from_request_parts(parts, app)
            .await
            .map_err(|_| bad("the path holds something that is not an id"))?;
        Ok(Self(value))
    }
}

/// Parameters of the query.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for InQuery<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Query(value) = Query::from_request_parts(parts, app)
            .await
            .map_err(|_| bad("the query is not what this takes"))?;
        Ok(Self(value))
    }
}
