//! The icon in the tray: Open, Quit.
//!
//! A tray is not a given: the icon can be made anywhere, but where nobody shows it, a window that hid itself would be lost. So the
//! session is asked first whether anybody shows such icons (the StatusNotifierItem specification), and the library that the icon
//! needs is looked for, because asking for it when it is missing panics.

use crate::window;
use crate::words::Words;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tauri::menu::{Menu, MenuBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Runtime};

const OPEN: &str = "open";
const QUIT: &str = "quit";

/// The tray's icon, if there is a tray.
pub(crate) struct Tray<R: Runtime> {
    /// Held for looking and replacing only.
    icon: Mutex<Option<TrayIcon<R>>>,
}

impl<R: Runtime> Default for Tray<R> {
    fn default() -> Self {
        Self { icon: Mutex::new(None) }
    }
}

impl<R: Runtime> Tray<R> {
    /// Whether the window can hide there.
    pub(crate) fn is_there(&self) -> bool {
        self.icon.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Puts the icon into the tray.
    pub(crate) fn show(&self, app: &AppHandle<R>, words: &Words) -> tauri::Result<()> {
        let builder = TrayIconBuilder::with_id("snug")
            .icon(tauri::include_image!("assets/icons/tray.png"))
            .tooltip("Snug")
            .menu(&menu(app, words)?)
            .show_menu_on_left_click(false)
            .on_menu_event(|app, event| match event.id().as_ref() {
                OPEN => window::show(app),
                QUIT => app.exit(0),
                _ => {}
            })
            .on_tray_icon_event(|icon, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    window::show(icon.app_handle());
                }
            });
        let icon = builder.build(app)?;
        *self.icon.lock().unwrap_or_else(PoisonError::into_inner) = Some(icon);
        Ok(())
    }

    /// Says it in another language.
    pub(crate) fn reword(&self, app: &AppHandle<R>, words: &Words) -> tauri::Result<()> {
        let icon = self.icon.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match icon {
            Some(icon) => icon.set_menu(Some(menu(app, words)?)),
            None => Ok(()),
        }
    }
}

fn menu<R: Runtime>(app: &AppHandle<R>, words: &Words) -> tauri::Result<Menu<R>> {
    MenuBuilder::new(app).text(OPEN, words.open).text(QUIT, words.quit).build()
}

/// Whether an icon would be seen.
pub(crate) async fn can_be_seen() -> bool {
    let library = LIBRARY_FOLDERS.iter().any(|folder| has_library(Path::new(folder)));
    if !library {
        tracing::info!("no tray: the library for its icon is not installed");
        return false;
    }
    let shown = host_is_registered().await;
    if let Err(error) = &shown {
        tracing::info!(%error, "no tray");
    }
    shown.unwrap_or(false)
}

/// Asks whoever keeps the list of tray icons whether somebody shows them.
async fn host_is_registered() -> zbus::Result<bool> {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let session = zbus::Connection::session().await?;
    let watcher = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&session)
        .destination(WATCHER)?
        .path("/StatusNotifierWatcher")?
        .interface(WATCHER)?
        // Asked once.
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    watcher.get_property("IsStatusNotifierHostRegistered").await
}

/// Where distributions put libraries.
const LIBRARY_FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/app/lib",
];

fn has_library(folder: &Path) -> bool {
    ["libayatana-appindicator3.so.1", "libappindicator3.so.1"].iter().any(|name| folder.join(name).exists())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_icons_library_is_found_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_library(folder.path()));
        std::fs::write(folder.path().join("libayatana-appindicator3.so.1"), "").unwrap();
        assert!(has_library(folder.path()));
    }
}
