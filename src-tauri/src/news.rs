//! What happens by itself, on its way to the interface and to the desktop.
//!
//! The client says what changed; the interface gets all of it as events, and what the user should see without looking at the
//! window becomes a notification. Told only from the moment at which the page has loaded: before, nobody would hear it, and the
//! client's updates are kept (and merged) meanwhile.

use crate::attention::{Eyes, seen};
use crate::notifications::{About, Notifications};
use crate::words::words;
use snug_client::view::{CallPhase, CallView, Update};
use snug_client::{Client, Updates};
use snug_protocol::RoomId;
use std::sync::Arc;
use tauri::{AppHandle, Emitter, Manager, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// Tells the news until it is dropped.
pub(crate) struct News {
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl News {
    /// Must be called inside a tokio runtime. `first` is what went wrong while starting.
    pub(crate) fn start<R: Runtime>(app: AppHandle<R>, updates: Updates, first: Option<Update>) -> News {
        let client = app.state::<Client>().inner().clone();
        let attention = app.state::<Eyes>().watch();
        let notifications = Arc::new(Notifications::start({
            let app = app.clone();
            move |room| open_room(&app, room)
        }));
        let levels = tell_levels(app.clone(), client.levels());
        let updates = tell_updates(app, client, updates, first, notifications.clone());
        News {
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(updates)),
                AbortOnDropHandle::new(tokio::spawn(levels)),
                AbortOnDropHandle::new(tokio::spawn(withdraw_seen(attention, notifications))),
            ],
        }
    }
}

/// The user clicked a notification.
fn open_room<R: Runtime>(app: &AppHandle<R>, room: RoomId) {
    crate::window::show(app);
    emit(app, "open-room", room);
}

fn emit<R: Runtime>(app: &AppHandle<R>, event: &str, payload: impl serde::Serialize + Clone) {
    if let Err(error) = app.emit(event, payload) {
        tracing::warn!(%error, event, "the interface did not hear");
    }
}

async fn tell_updates<R: Runtime>(
    app: AppHandle<R>,
    client: Client,
    mut updates: Updates,
    first: Option<Update>,
    notifications: Arc<Notifications>,
) {
    if let Some(first) = first {
        emit(&app, "update", first);
    }
    let mut ringing = None;
    while let Some(update) = updates.next().await {
        match &update {
            Update::Notify { room, title, body } => {
                let preferences = client.preferences().await.unwrap_or_default();
                if !preferences.quiet {
                    let open = words(&preferences).open;
                    notifications.show(About::Messages(*room), title.clone(), body.clone(), open);
                }
            }
            Update::Call { call } => {
                let rings = call.as_ref().filter(|call| call.phase == CallPhase::Incoming);
                if ringing != rings.map(|call| call.room) {
                    if let Some(room) = ringing.take() {
                        notifications.withdraw(About::Ring(room));
                    }
                    if let Some(call) = rings {
                        ringing = Some(call.room);
                        notify_of_ring(&app, &client, &notifications, call).await;
                    }
                }
            }
            _ => {}
        }
        emit(&app, "update", update);
    }
}

/// A ring is a notification, too, unless the user looks at the window, where it is a sheet.
async fn notify_of_ring<R: Runtime>(
    app: &AppHandle<R>,
    client: &Client,
    notifications: &Notifications,
    call: &CallView,
) {
    let preferences = client.preferences().await.unwrap_or_default();
    if preferences.quiet || app.state::<Eyes>().watch().borrow().focused {
        return;
    }
    let words = words(&preferences);
    let body = if call.video { words.video_call } else { words.voice_call };
    notifications.show(About::Ring(call.room), call.peer_name.clone(), body.to_owned(), words.open);
}

async fn tell_levels<R: Runtime>(app: AppHandle<R>, mut levels: tokio::sync::watch::Receiver<f32>) {
    while levels.changed().await.is_ok() {
        let level = *levels.borrow_and_update();
        emit(&app, "level", level);
    }
}

/// Takes the notifications of a room away once the user looks at it.
async fn withdraw_seen(
    mut attention: tokio::sync::watch::Receiver<snug_client::Attention>,
    notifications: Arc<Notifications>,
) {
    while attention.changed().await.is_ok() {
        let now = *attention.borrow_and_update();
        if let Some(room) = seen(now) {
            notifications.withdraw(About::Messages(room));
        }
    }
}
