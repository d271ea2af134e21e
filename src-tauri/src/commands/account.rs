//! Hosting, joining, signing in and out.

use super::Answer;
use crate::hosting::Hosting;
use snug_client::Client;
use snug_client::view::{Account, Connection, LinkInfo, NewAccount};
use snug_protocol::RoomId;
use tauri::State;

#[tauri::command]
pub(crate) async fn account(client: State<'_, Client>) -> Answer<Option<Account>> {
    client.account().await
}

#[tauri::command]
pub(crate) fn connection(client: State<'_, Client>) -> Connection {
    client.connection()
}

#[tauri::command]
pub(crate) async fn host(
    client: State<'_, Client>,
    hosting: State<'_, Hosting>,
    space_name: String,
    room_name: String,
    account: NewAccount,
) -> Answer<Account> {
    hosting.begin(&client, &space_name, &room_name, account).await
}

#[tauri::command]
pub(crate) async fn inspect_link(client: State<'_, Client>, link: String) -> Answer<LinkInfo> {
    client.inspect_link(&link).await
}

#[tauri::command]
pub(crate) async fn join(client: State<'_, Client>, link: String, account: NewAccount) -> Answer<Account> {
    client.join(&link, account).await
}

#[tauri::command]
pub(crate) async fn sign_in(
    client: State<'_, Client>,
    server: String,
    username: String,
    password: String,
) -> Answer<Account> {
    client.sign_in(&server, &username, &password).await
}

#[tauri::command]
pub(crate) async fn sign_out(client: State<'_, Client>) -> Answer<()> {
    client.sign_out().await
}

#[tauri::command]
pub(crate) async fn set_display_name(client: State<'_, Client>, name: String) -> Answer<()> {
    client.set_display_name(&name).await
}

#[tauri::command]
pub(crate) async fn invitation_link(
    client: State<'_, Client>,
    rooms: Vec<RoomId>,
    uses: u32,
) -> Answer<String> {
    client.invitation_link(&rooms, uses).await
}

#[tauri::command]
pub(crate) async fn trust_new_key(client: State<'_, Client>) -> Answer<()> {
    client.trust_new_key().await
}
