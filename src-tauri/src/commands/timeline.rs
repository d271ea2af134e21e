//! Reading and writing in a room.

use super::Answer;
use snug_client::Client;
use snug_client::view::Timeline;
use snug_protocol::{RoomId, TxnId};
use tauri::State;

#[tauri::command]
pub(crate) async fn timeline(
    client: State<'_, Client>,
    room: RoomId,
    before: Option<u64>,
    limit: u32,
) -> Answer<Timeline> {
    client.timeline(room, before, limit).await
}

#[tauri::command]
pub(crate) async fn send(client: State<'_, Client>, room: RoomId, text: String) -> Answer<()> {
    // The echo in the timeline carries the transaction's id.
    client.send(room, &text).await.map(drop)
}

#[tauri::command]
pub(crate) async fn retry(client: State<'_, Client>, txn: TxnId) -> Answer<()> {
    client.retry(txn).await
}

#[tauri::command]
pub(crate) async fn discard(client: State<'_, Client>, txn: TxnId) -> Answer<()> {
    client.discard(txn).await
}

#[tauri::command]
pub(crate) async fn mark_read(client: State<'_, Client>, room: RoomId, seq: u64) -> Answer<()> {
    client.mark_read(room, seq).await
}

#[tauri::command]
pub(crate) fn typing(client: State<'_, Client>, room: RoomId, active: bool) {
    client.typing(room, active);
}
