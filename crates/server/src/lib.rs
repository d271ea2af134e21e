//! What a space runs on: accounts, rooms, the event log, server-sent events, the signal relay, STUN.
//!
//! A library first: the app hosts a space by starting a [`Server`] in its own process, and so do the tests. The `snug-server`
//! program around it reads flags and waits for a signal.
//!
//! One file for each resource holds its route, its handler and its SQL. They write through [`log`]'s one writer
//! and read from a pool; what is momentary is in [`signal`]. The server never reads what people say to each other.

mod accounts;
mod addresses;
mod announcements;
mod app;
mod auth;
mod certificate;
mod clock;
mod config;
mod database;
mod events;
mod extract;
mod failure;
mod guests;
mod health;
mod ice;
mod invitations;
mod listener;
mod log;
mod members;
mod password;
mod presence;
mod rates;
mod rooms;
mod secret;
mod server;
mod sessions;
mod signal;
mod space;
mod stall;
mod stream;
mod stun;
mod transactions;
mod words;

pub use config::{Limits, Rate, ServerConfig, Stun, Tls, Turn};
pub use server::Server;
