//! The ways to the server: TLS with a pinned key, HTTP requests, the parser of the event stream, and how long to wait in between.
//!
//! Nothing here knows what is stored or shown; nothing above here knows hyper, rustls or a socket.

mod addresses;
pub(crate) mod api;
mod backoff;
mod dial;
mod http;
mod pin;
pub(crate) mod sse;
mod wake;

pub(crate) use addresses::watch_addresses;
pub(crate) use backoff::Backoff;
pub(crate) use dial::{DialError, Dialer, Endpoint, ServerStream};
pub(crate) use http::{Failure, Http};
pub(crate) use wake::watch_sleep;
