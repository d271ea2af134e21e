//! Pages of a room's past.

use super::SyncError;
use crate::core::Core;
use crate::net::{Http, api};
use crate::store::Missing;
use crate::view::Update;
use snug_protocol::RoomId;

/// Pages that are fetched for one room without anybody looking at it: as many unread messages as a badge counts.
const FILL_PAGES: usize = 4;

/// Fetches the page that a timeline misses, into the store.
pub(crate) async fn fetch_page(
    core: &Core,
    http: &Http,
    room: RoomId,
    missing: Missing,
) -> Result<(), SyncError> {
    let page = api::history(http, room, missing.before()).await?;
    core.store.keep_history(room, missing.before(), &page).await?;
    Ok(())
}

/// Fetches what the rail needs of rooms whose log is not known far enough back: unread messages, and the newest words.
pub(crate) async fn fill(core: &Core, http: &Http) -> Result<(), SyncError> {
    for pass in 0..FILL_PAGES {
        let rooms = core.store.rooms_to_fill().await?;
        if rooms.is_empty() {
            return Ok(());
        }
        for (room, low) in rooms {
            tracing::debug!(%room, low, pass, "filling in history");
            fetch_page(core, http, room, Missing::Below(low)).await?;
            core.updates.send(Update::Timeline { room });
        }
        core.updates.send(Update::Rooms);
    }
    Ok(())
}
