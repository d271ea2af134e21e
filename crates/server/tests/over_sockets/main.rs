//! The server over real sockets: TLS, HTTP, event streams, signal sockets, STUN, and the real binary.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod bad_input;
mod calls;
mod connections;
mod guests;
mod process;
mod replay;
mod roles;
mod rooms;
mod sending;
mod socket;
mod stun;
