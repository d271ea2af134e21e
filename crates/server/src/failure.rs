//! What a handler returns when it cannot do what was asked: a refusal that the client reads, or an internal failure that only the
//! log reads. Not an enum of causes: the causes that somebody acts on are [`ErrorCode`]s.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use snug_protocol::{ApiError, ErrorCode};

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Told as it is.
    Refused(ApiError),
    /// Logged; the client hears [`ErrorCode::Internal`].
    Internal(anyhow::Error),
}

/// A refusal of `code` with a sentence for people.
pub(crate) fn refusal(code: ErrorCode, message: impl Into<String>) -> Failure {
    Failure::Refused(ApiError::new(code, message))
}

/// The value is not what the route takes.
pub(crate) fn bad(message: impl Into<String>) -> Failure {
    refusal(ErrorCode::BadRequest, message)
}

/// No such thing, or none that this user may see: the two must not be told apart.
pub(crate) fn missing(what: &str) -> Failure {
    refusal(ErrorCode::NotFound, format!("no such {what}"))
}

/// Signed in, but not allowed to.
pub(crate) fn forbidden(message: impl Into<String>) -> Failure {
    refusal(ErrorCode::Forbidden, message)
}

impl Failure {
    /// What the client is told. Internals go to the log here, and nowhere else.
    pub(crate) fn into_api(self) -> ApiError {
        match self {
            Self::Refused(error) => error,
            Self::Internal(cause) => {
                tracing::error!(error = format!("{cause:#}"), "a request failed");
                ApiError::new(ErrorCode::Internal, "the server failed; its log says why")
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(cause: sqlx::Error) -> Self {
        // 13 is SQLITE_FULL, 778 SQLITE_IOERR_WRITE: the disk, which somebody can do something about.
        let disk = cause
            .as_database_error()
            .and_then(|e| e.code())
            .is_some_and(|code| matches!(code.as_ref(), "13" | "778"));
        if disk || matches!(cause, sqlx::Error::PoolTimedOut) {
            tracing::error!(error = %cause, "the database cannot serve");
            return refusal(ErrorCode::Unavailable, "the server's disk is full or too slow");
        }
        Self::Internal(cause.into())
    }
}

/// The HTTP status of an error code.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest | ErrorCode::NotInCall => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized | ErrorCode::BadCredentials => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::SetupRefused | ErrorCode::InvitationNeeded => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TxnConflict | ErrorCode::AlreadyExists | ErrorCode::EpochMismatch => StatusCode::CONFLICT,
        ErrorCode::InvitationExpired | ErrorCode::LinkExpired => StatusCode::GONE,
        ErrorCode::Unacceptable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal | ErrorCode::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = self.into_api();
        let retry_after = error.retry_after_ms.map(|ms| ms.div_ceil(1000));
        let code = error.code;
        let mut response = (status(code), Json(error)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if code == ErrorCode::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
