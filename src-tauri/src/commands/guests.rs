//! Guests of the call, the links by which they come, and the call's chat.

use super::Answer;
use snug_client::Client;
use snug_client::view::{CallLink, CallLinks, ChatLine};
use snug_protocol::guest::Admission;
use snug_protocol::{DeviceId, GuestLinkId};
use tauri::State;

#[tauri::command]
pub(crate) async fn guest_links(client: State<'_, Client>) -> Answer<CallLinks> {
    client.guest_links().await
}

#[tauri::command]
pub(crate) async fn make_guest_link(client: State<'_, Client>, admission: Admission) -> Answer<CallLink> {
    client.make_guest_link(admission).await
}

#[tauri::command]
pub(crate) async fn revoke_guest_link(client: State<'_, Client>, id: GuestLinkId) -> Answer<()> {
    client.revoke_guest_link(id).await
}

#[tauri::command]
pub(crate) async fn admit_guest(client: State<'_, Client>, device: DeviceId) -> Answer<()> {
    client.admit_guest(device).await
}

#[tauri::command]
pub(crate) async fn refuse_guest(client: State<'_, Client>, device: DeviceId) -> Answer<()> {
    client.refuse_guest(device).await
}

#[tauri::command]
pub(crate) async fn remove_guest(client: State<'_, Client>, device: DeviceId) -> Answer<()> {
    client.remove_guest(device).await
}

#[tauri::command]
pub(crate) async fn say_in_call(client: State<'_, Client>, text: String) -> Answer<()> {
    client.say_in_call(&text).await
}

#[tauri::command]
pub(crate) async fn call_chat(client: State<'_, Client>) -> Answer<Vec<ChatLine>> {
    client.call_chat().await
}
