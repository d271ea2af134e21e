//! Cameras, microphones and speakers.

use super::Answer;
use snug_client::Client;
use snug_client::view::{DeviceKind, Devices};
use tauri::State;

#[tauri::command]
pub(crate) async fn devices(client: State<'_, Client>) -> Answer<Devices> {
    client.devices().await
}

#[tauri::command]
pub(crate) async fn choose_device(client: State<'_, Client>, kind: DeviceKind, id: String) -> Answer<()> {
    client.choose_device(kind, &id).await
}

#[tauri::command]
pub(crate) async fn start_preview(client: State<'_, Client>) -> Answer<()> {
    client.start_preview().await
}

#[tauri::command]
pub(crate) async fn stop_preview(client: State<'_, Client>) -> Answer<()> {
    client.stop_preview().await;
    Ok(())
}

#[tauri::command]
pub(crate) async fn test_speaker(client: State<'_, Client>) -> Answer<()> {
    client.test_speaker().await
}
