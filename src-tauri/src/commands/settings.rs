//! Preferences, the clipboard, and what the user looks at.

use super::Answer;
use crate::attention::Eyes;
use crate::clipboard;
use crate::launch::Launch;
use crate::tray::Tray;
use crate::window;
use crate::words::words;
use serde::Serialize;
use snug_client::Client;
use snug_client::view::Preferences;
use snug_protocol::RoomId;
use tauri::{AppHandle, Runtime, State, Theme};

/// What the settings say about the program.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    version: String,
    license: &'static str,
    developer: bool,
}

#[tauri::command]
pub(crate) async fn preferences(client: State<'_, Client>) -> Answer<Preferences> {
    client.preferences().await
}

#[tauri::command]
pub(crate) async fn set_preferences<R: Runtime>(
    app: AppHandle<R>,
    client: State<'_, Client>,
    tray: State<'_, Tray<R>>,
    preferences: Preferences,
) -> Answer<()> {
    client.set_preferences(preferences.clone()).await?;
    window::set_theme(&app, theme(&preferences));
    if let Err(error) = tray.reword(&app, words(&preferences)) {
        tracing::warn!(%error, "the tray keeps its language");
    }
    Ok(())
}

#[tauri::command]
pub(crate) fn about<R: Runtime>(app: AppHandle<R>, launch: State<'_, Launch>) -> About {
    About {
        version: app.package_info().version.to_string(),
        license: env!("CARGO_PKG_LICENSE"),
        developer: launch.developer,
    }
}

#[tauri::command]
pub(crate) async fn copy_text<R: Runtime>(app: AppHandle<R>, text: String) -> Answer<()> {
    clipboard::put(&app, text).await
}

#[tauri::command]
pub(crate) fn set_attention(eyes: State<'_, Eyes>, focused: bool, room: Option<RoomId>) {
    eyes.looks_at(focused, room);
}

/// The window's own parts follow the preferred theme; without one, the system's.
pub(crate) fn theme(preferences: &Preferences) -> Option<Theme> {
    match preferences.theme.as_deref() {
        Some("light") => Some(Theme::Light),
        Some("dark") => Some(Theme::Dark),
        _ => None,
    }
}
