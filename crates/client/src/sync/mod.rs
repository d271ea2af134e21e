//! Keeping the store as the server is: the event stream, fetching everything where that is needed, pages of history.

mod feed;
mod history;
mod tell;

pub(crate) use feed::{CallNews, Feed};
pub(crate) use history::{fetch_page, fill};

use crate::core::Core;
use crate::net::{Failure, Http, api};
use crate::store::Me;
use crate::view::{Problem, Update};

/// Why a step of keeping up failed: the server, or our own disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Server(#[from] Failure),
    #[error(transparent)]
    Store(#[from] Problem),
}

impl From<SyncError> for Problem {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Server(failure) => failure.into(),
            SyncError::Store(problem) => problem,
        }
    }
}

/// Fetches people and rooms whole.
pub(crate) async fn fetch_everything(core: &Core, me: Me, http: &Http) -> Result<(), SyncError> {
    let users = api::users(http).await?;
    let rooms = api::rooms(http).await?;
    let profile = api::me(http).await?;
    core.store.keep_everything(me, &users, &rooms).await?;
    core.store.keep_profile(&profile.user, Some(&profile.space_name)).await?;
    for update in [Update::Account, Update::People, Update::Rooms] {
        core.updates.send(update);
    }
    for room in rooms {
        core.updates.send(Update::Timeline { room: room.id });
    }
    Ok(())
}
