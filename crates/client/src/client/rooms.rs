//! Rooms and people.

use super::{Client, Result, soon};
use crate::view::{Person, RoomSummary};
use snug_protocol::{RoomId, UserId};

impl Client {
    /// All rooms that the reader is in or invited to, the most recent first.
    pub async fn rooms(&self) -> Result<Vec<RoomSummary>> {
        soon()
    }

    /// Everybody in the space but the reader, by name.
    pub async fn people(&self) -> Result<Vec<Person>> {
        soon()
    }

    /// Makes a room; its maker owns it.
    pub async fn create_room(&self, _name: &str, _topic: &str) -> Result<RoomId> {
        soon()
    }

    /// The direct room with a person, made if there is none.
    pub async fn open_direct(&self, _user: UserId) -> Result<RoomId> {
        soon()
    }

    /// Asks somebody in.
    pub async fn invite_to_room(&self, _room: RoomId, _user: UserId) -> Result<()> {
        soon()
    }

    /// Accepts an invitation to a room.
    pub async fn join_room(&self, _room: RoomId) -> Result<()> {
        soon()
    }

    /// Leaves a room, or declines the invitation to it.
    pub async fn leave_room(&self, _room: RoomId) -> Result<()> {
        soon()
    }

    /// Removes somebody.
    pub async fn kick(&self, _room: RoomId, _user: UserId) -> Result<()> {
        soon()
    }

    /// Changes a room's name and topic.
    pub async fn rename_room(&self, _room: RoomId, _name: &str, _topic: &str) -> Result<()> {
        soon()
    }
}
