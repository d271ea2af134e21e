//! Errors as every route and socket tells them: a code for programs, a sentence for people.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The body of every response that is not 2xx, and of [`ServerSignal::Error`](crate::signal::ServerSignal).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, ts_rs::TS)]
#[ts(export)]
#[error("{message}")]
pub struct ApiError {
    /// What went wrong, for programs; user interfaces put it into the reader's language.
    pub code: ErrorCode,
    /// What went wrong, in plain English. Never carries internals.
    pub message: String,
    /// With [`ErrorCode::RateLimited`]: milliseconds until a retry may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub retry_after_ms: Option<u64>,
}

impl ApiError {
    /// An error of `code` with a sentence for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }
}

/// Why a request or a signal was refused.
///
/// A code exists because somebody acts on it. Codes of a newer server read as [`ErrorCode::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ErrorCode {
    /// Not JSON, not the shape that the route takes, or a value out of its range. 400.
    BadRequest,
    /// No token, an unknown one, or one that was signed out. Final: sign in again. 401.
    Unauthorized,
    /// Wrong name or password. 401 on the sign-in route only.
    BadCredentials,
    /// Signed in, but not allowed to. 403.
    Forbidden,
    /// No such thing, or none that this user may see. 404.
    NotFound,
    /// The same transaction id with another body. 409.
    TxnConflict,
    /// The name is taken, or the thing exists. 409.
    AlreadyExists,
    /// `expected_epoch` is not the room's epoch. 409.
    EpochMismatch,
    /// The invitation does not exist, was used up or has expired. 410.
    InvitationExpired,
    /// The guest link was revoked, has expired, or its call is over. 410.
    LinkExpired,
    /// The space has an owner already, or the set-up code is wrong. 403.
    SetupRefused,
    /// Registration needs an invitation here. 403.
    InvitationNeeded,
    /// The password is too short or the name has characters that it may not have. 422.
    Unacceptable,
    /// The body is larger than the route takes. 413.
    TooLarge,
    /// Too many requests; `retry_after_ms` says when to come again. 429.
    RateLimited,
    /// A signal for a call or a device that is not in the call. Socket only.
    NotInCall,
    /// The server is full, stopping, or its disk is. 503.
    Unavailable,
    /// The server failed; details are in its log only. 500.
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).ok();
        f.write_str(name.as_ref().and_then(|v| v.as_str()).unwrap_or("unknown"))
    }
}
