//! What goes over the wire between Snug's parts: ids, requests, events, signals, error codes.
//!
//! Types only. Nothing here opens a socket, reads a clock or checks a permission; the one function with
//! work in it, [`signing::signing_input`], is here because the exact bytes under a signature are a wire shape.
//!
//! JSON everywhere: the same types describe HTTP bodies, the `data:` of server-sent events and the text
//! frames of the signal socket, and `ts-rs` writes the ones that the user interface sees into TypeScript.

pub mod account;
pub mod content;
pub mod error;
pub mod event;
pub mod guest;
pub mod ice;
pub mod id;
pub mod invitation;
pub mod pair;
pub mod room;
pub mod signal;
pub mod signing;
pub mod time;

pub use content::Content;
pub use error::{ApiError, ErrorCode};
pub use id::{CallId, DeviceId, GuestLinkId, JoinId, RoomId, TxnId, UserId};
pub use time::UnixMillis;

/// Path prefix of every route of the HTTP interface except `/healthz`.
pub const API_PREFIX: &str = "/api/v1";

/// Largest event content that a server stores, in bytes.
pub const MAX_CONTENT_BYTES: usize = 64 * 1024;

/// Largest text frame on the signal socket, in bytes. A session description of many candidates is about 8 KiB.
pub const MAX_SIGNAL_BYTES: usize = 128 * 1024;
