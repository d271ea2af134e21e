//! Reading and writing in a room, and what the user prefers.

use super::{Client, Result, soon};
use crate::view::{Preferences, Timeline};
use snug_protocol::{RoomId, TxnId};

impl Client {
    /// The newest `limit` items, or those before `before`; fetches from the server what the store lacks.
    pub async fn timeline(&self, _room: RoomId, _before: Option<u64>, _limit: u32) -> Result<Timeline> {
        soon()
    }

    /// Says something. Returns as soon as outbox and local echo are stored.
    pub async fn send(&self, _room: RoomId, _text: &str) -> Result<TxnId> {
        soon()
    }

    /// Tries a failed message again.
    pub async fn retry(&self, _txn: TxnId) -> Result<()> {
        soon()
    }

    /// Gives a failed message up.
    pub async fn discard(&self, _txn: TxnId) -> Result<()> {
        soon()
    }

    /// The reader has seen everything up to `seq`.
    pub async fn mark_read(&self, _room: RoomId, _seq: u64) -> Result<()> {
        soon()
    }

    /// The user types, or stopped to. Lost without harm when there is no signal socket.
    pub fn typing(&self, _room: RoomId, _active: bool) {}

    /// What the user chose for this device.
    pub async fn preferences(&self) -> Result<Preferences> {
        soon()
    }

    /// Keeps what the user chose for this device.
    pub async fn set_preferences(&self, _preferences: Preferences) -> Result<()> {
        soon()
    }
}
