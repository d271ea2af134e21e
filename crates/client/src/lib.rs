//! The whole app without a window: API, streams, sync, outbox, store.
//!
//! Local-first: what is shown comes out of the store, and the network only feeds it. [`Client`] is the one handle that a user interface
//! needs; [`view`] has the shapes that it shows, and [`Updates`] says when to ask again. Nothing here draws, and nothing here knows
//! how a picture gets from a camera to a peer: that is `snug-call`'s.

mod calls;
mod client;
pub mod config;
mod core;
mod net;
mod outbox;
mod secrets;
mod session;
mod signal;
mod store;
mod sync;
mod updates;
pub mod view;

pub use calls::Pictures;
pub use client::{Attention, Client, Result, StreamName};
pub use config::{ClientConfig, DeviceOverrides, Keyring};
pub use updates::Updates;
