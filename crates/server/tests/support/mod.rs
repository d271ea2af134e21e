//! What the tests share: a server on a free port in a folder of its own, and a raw client that speaks HTTP, server-sent events and
//! WebSocket over real TLS with the key pinned. Not the client crate: these tests say what goes over the wire.

#![allow(clippy::unwrap_used)]

pub(crate) mod http;
pub(crate) mod socket;
pub(crate) mod space;
pub(crate) mod stream;

use std::{future::Future, time::Duration};

/// Waits for something that must happen; a test that would hang fails instead and says at what.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited 20 s for {what}"),
    }
}
