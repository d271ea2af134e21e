//! Rooms and people.

use super::Answer;
use snug_client::Client;
use snug_client::view::{Person, RoomSummary};
use snug_protocol::{RoomId, UserId};
use tauri::State;

#[tauri::command]
pub(crate) async fn rooms(client: State<'_, Client>) -> Answer<Vec<RoomSummary>> {
    client.rooms().await
}

#[tauri::command]
pub(crate) async fn people(client: State<'_, Client>) -> Answer<Vec<Person>> {
    client.people().await
}

#[tauri::command]
pub(crate) async fn create_room(client: State<'_, Client>, name: String, topic: String) -> Answer<RoomId> {
    client.create_room(&name, &topic).await
}

#[tauri::command]
pub(crate) async fn open_direct(client: State<'_, Client>, user: UserId) -> Answer<RoomId> {
    client.open_direct(user).await
}

#[tauri::command]
pub(crate) async fn invite_to_room(client: State<'_, Client>, room: RoomId, user: UserId) -> Answer<()> {
    client.invite_to_room(room, user).await
}

#[tauri::command]
pub(crate) async fn join_room(client: State<'_, Client>, room: RoomId) -> Answer<()> {
    client.join_room(room).await
}

#[tauri::command]
pub(crate) async fn leave_room(client: State<'_, Client>, room: RoomId) -> Answer<()> {
    client.leave_room(room).await
}

#[tauri::command]
pub(crate) async fn kick(client: State<'_, Client>, room: RoomId, user: UserId) -> Answer<()> {
    client.kick(room, user).await
}

#[tauri::command]
pub(crate) async fn rename_room(
    client: State<'_, Client>,
    room: RoomId,
    name: String,
    topic: String,
) -> Answer<()> {
    client.rename_room(room, &name, &topic).await
}
