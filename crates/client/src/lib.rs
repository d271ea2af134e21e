//! The whole app without a window: API, streams, sync, outbox, store.

pub mod view;
