//! The whole app without a window: API, streams, sync, outbox, store.

mod client;
pub mod config;
mod updates;
pub mod view;

pub use client::{Attention, Client, Result, StreamName};
pub use config::{ClientConfig, DeviceOverrides, Keyring};
pub use updates::Updates;
