//! The call, and its pictures.

use super::Answer;
use crate::frames::Frames;
use snug_client::view::CallView;
use snug_client::{Client, StreamName};
use snug_protocol::{DeviceId, RoomId};
use tauri::State;
use tauri::ipc::Response;

#[tauri::command]
pub(crate) fn call(client: State<'_, Client>) -> Option<CallView> {
    client.call()
}

#[tauri::command]
pub(crate) async fn ring(client: State<'_, Client>, room: RoomId, video: bool) -> Answer<()> {
    client.ring(room, video).await
}

#[tauri::command]
pub(crate) async fn accept(client: State<'_, Client>, video: bool) -> Answer<()> {
    client.accept(video).await
}

#[tauri::command]
pub(crate) async fn decline(client: State<'_, Client>) -> Answer<()> {
    client.decline().await
}

#[tauri::command]
pub(crate) async fn hang_up(client: State<'_, Client>) -> Answer<()> {
    client.hang_up().await
}

#[tauri::command]
pub(crate) async fn set_microphone(client: State<'_, Client>, on: bool) -> Answer<()> {
    client.set_microphone(on).await
}

#[tauri::command]
pub(crate) async fn set_camera(client: State<'_, Client>, on: bool) -> Answer<()> {
    client.set_camera(on).await
}

#[tauri::command]
pub(crate) fn set_tile(
    client: State<'_, Client>,
    frames: State<'_, Frames>,
    device: DeviceId,
    width: u32,
    height: u32,
) {
    frames.set_hidden(StreamName::Peer(device), width == 0 || height == 0);
    client.set_tile(device, width, height);
}

#[tauri::command]
pub(crate) async fn pull_video(frames: State<'_, Frames>) -> Answer<Response> {
    frames.pull().await.map(Response::new)
}

#[tauri::command]
pub(crate) fn request_keyframe(
    client: State<'_, Client>,
    frames: State<'_, Frames>,
    stream: String,
) -> Answer<()> {
    let stream: StreamName = stream.parse()?;
    if frames.restart(stream) {
        client.request_keyframe(&stream);
    }
    Ok(())
}
