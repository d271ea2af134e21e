//! Rooms and people.

use super::{Client, Result};
use crate::net::api;
use crate::view::{Person, RoomSummary, Update};
use snug_protocol::room::{NewRoom, Room, UpdateRoom};
use snug_protocol::{RoomId, TxnId, UserId};

impl Client {
    /// All rooms that the reader is in or invited to, the most recent first.
    pub async fn rooms(&self) -> Result<Vec<RoomSummary>> {
        match self.core().store.account().await? {
            Some(kept) => self.core().store.rooms(kept.me(), &self.core().moment()).await,
            None => Ok(Vec::new()),
        }
    }

    /// Everybody in the space but the reader, by name.
    pub async fn people(&self) -> Result<Vec<Person>> {
        match self.core().store.account().await? {
            Some(kept) => self.core().store.people(kept.me(), &self.core().moment()).await,
            None => Ok(Vec::new()),
        }
    }

    /// Makes a room; its maker owns it.
    pub async fn create_room(&self, name: &str, topic: &str) -> Result<RoomId> {
        let new = NewRoom {
            txn: TxnId::random(),
            name: name.to_owned(),
            topic: topic.to_owned(),
            history: Default::default(),
        };
        let room = api::new_room(&self.session()?.http, &new).await?;
        self.take_over(&room).await
    }

    /// The direct room with a person, made if there is none.
    pub async fn open_direct(&self, user: UserId) -> Result<RoomId> {
        let room = api::direct_room(&self.session()?.http, user).await?;
        self.take_over(&room).await
    }

    /// Asks somebody in.
    pub async fn invite_to_room(&self, room: RoomId, user: UserId) -> Result<()> {
        Ok(api::invite(&self.session()?.http, room, user).await?)
    }

    /// Accepts an invitation to a room.
    pub async fn join_room(&self, room: RoomId) -> Result<()> {
        Ok(api::join(&self.session()?.http, room).await?)
    }

    /// Leaves a room, or declines the invitation to it.
    pub async fn leave_room(&self, room: RoomId) -> Result<()> {
        Ok(api::leave(&self.session()?.http, room).await?)
    }

    /// Removes somebody.
    pub async fn kick(&self, room: RoomId, user: UserId) -> Result<()> {
        Ok(api::kick(&self.session()?.http, room, user).await?)
    }

    /// Changes a room's name and topic.
    pub async fn rename_room(&self, room: RoomId, name: &str, topic: &str) -> Result<()> {
        let update = UpdateRoom { name: Some(name.to_owned()), topic: Some(topic.to_owned()), history: None };
        Ok(api::update_room(&self.session()?.http, room, &update).await?)
    }

    /// The event stream will tell of the room, too; this lets it be shown as the request returns.
    async fn take_over(&self, room: &Room) -> Result<RoomId> {
        self.core().store.keep_new_room(self.session()?.me, room).await?;
        self.core().updates.send(Update::Rooms);
        Ok(room.id)
    }
}
