//! The one window: how large, where, and what closing it means.
//!
//! It is made hidden and shown when its page has loaded, so that nobody sees it empty. Its place is remembered in a file of the
//! profile and not in the client's store: it belongs to this screen, and must not make opening the window wait.

use crate::attention::Eyes;
use crate::launch::Profile;
use crate::tray::Tray;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tauri::webview::PageLoadEvent;
use tauri::{
    AppHandle, Manager, Runtime, Theme, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent,
};

/// The window's label in Tauri's names.
pub(crate) const MAIN: &str = "main";

const DEFAULT_SIZE: (f64, f64) = (1100.0, 760.0);
const SMALLEST: (f64, f64) = (400.0, 500.0);

/// Size and place in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Geometry {
    width: f64,
    height: f64,
    /// Absent where the system does not tell (Wayland).
    place: Option<(f64, f64)>,
    maximized: bool,
}

impl Default for Geometry {
    fn default() -> Self {
        Self { width: DEFAULT_SIZE.0, height: DEFAULT_SIZE.1, place: None, maximized: false }
    }
}

impl Geometry {
    /// What the file says, as far as it makes sense.
    fn read(file: &Path) -> Geometry {
        let read: Option<Geometry> =
            std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let sensible = |size: f64, least: f64| size.is_finite() && (least..16_384.0).contains(&size);
        read.filter(|read| sensible(read.width, SMALLEST.0) && sensible(read.height, SMALLEST.1))
            .unwrap_or_default()
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        // Whole or not at all: a crash in between must not leave half a file.
        let fresh = file.with_extension("new");
        std::fs::File::create(&fresh)?.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(fresh, file)
    }
}

/// Remembers the window's size and place.
#[derive(Debug)]
pub(crate) struct Remembered {
    file: PathBuf,
    /// Held for reading or writing a few numbers, by the main thread only.
    last: Mutex<Geometry>,
}

impl Remembered {
    pub(crate) fn new(profile: &Profile) -> Remembered {
        let file = profile.window();
        let last = Mutex::new(Geometry::read(&file));
        Remembered { file, last }
    }

    fn last(&self) -> Geometry {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the size in; while maximised only that it is, so that un-maximising finds the size from before.
    fn note<R: Runtime>(&self, window: &Window<R>) {
        let (Ok(scale), Ok(size), Ok(maximized)) =
            (window.scale_factor(), window.inner_size(), window.is_maximized())
        else {
            return;
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.maximized = maximized;
        if !maximized && size.width > 0 && !window.is_minimized().unwrap_or(false) {
            let size = size.to_logical::<f64>(scale);
            (last.width, last.height) = (size.width, size.height);
            last.place = window.outer_position().ok().map(|place| place.to_logical::<f64>(scale).into());
        }
    }

    /// Writes what was noted.
    pub(crate) fn save(&self) {
        if let Err(error) = self.last().write(&self.file) {
            tracing::warn!(%error, "cannot remember the window's size");
        }
    }
}

/// Makes the window, hidden; `loaded` is called each time that its page has loaded.
pub(crate) fn make<R: Runtime>(
    app: &AppHandle<R>,
    profile: &Profile,
    theme: Option<Theme>,
    loaded: impl Fn(&AppHandle<R>) + Send + Sync + 'static,
) -> tauri::Result<WebviewWindow<R>> {
    let geometry = app.state::<Remembered>().last();
    let mut builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Snug")
        .inner_size(geometry.width, geometry.height)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .maximized(geometry.maximized)
        .theme(theme)
        .data_directory(profile.webview())
        .visible(false)
        // Nothing but the app's own page is ever shown, and nothing opens a second window.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"))
        .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny)
        .on_page_load(move |window, payload| {
            if payload.event() == PageLoadEvent::Finished {
                loaded(window.app_handle());
            }
        });
    builder = match geometry.place {
        Some((x, y)) => builder.position(x, y).prevent_overflow(),
        None => builder.center(),
    };
    builder.build()
}

/// Shows the window and puts it in front, wherever it was.
pub(crate) fn show<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "cannot show the window");
    }
    app.state::<Eyes>().opened();
}

/// Makes the window's own parts light or dark; by the system when nothing is said.
pub(crate) fn set_theme<R: Runtime>(app: &AppHandle<R>, theme: Option<Theme>) {
    if let Some(Err(error)) = app.get_webview_window(MAIN).map(|window| window.set_theme(theme)) {
        tracing::warn!(%error, "the window keeps its theme");
    }
}

/// What the window's events mean: closing hides to the tray where there is one, and quits where there is none.
pub(crate) fn on_event<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    let remembered = window.state::<Remembered>();
    match event {
        WindowEvent::Resized(_) | WindowEvent::Moved(_) => remembered.note(window),
        WindowEvent::CloseRequested { api, .. } => {
            remembered.note(window);
            remembered.save();
            if window.state::<Tray<R>>().is_there() {
                api.prevent_close();
                if let Err(error) = window.hide() {
                    tracing::warn!(%error, "cannot hide the window");
                }
                window.state::<Eyes>().closed();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("window.json");
        let written = Geometry { width: 801.5, height: 600.0, place: Some((-4.0, 20.0)), maximized: true };
        written.write(&file).unwrap();
        assert_eq!(Geometry::read(&file), written);
    }

    #[test]
    fn what_makes_no_sense_is_as_if_it_were_not_there() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("window.json");
        assert_eq!(Geometry::read(&file), Geometry::default());
        for text in [
            "",
            "{",
            "[]",
            r#"{"width":3,"height":2,"place":null,"maximized":false}"#,
            r#"{"width":1e9,"height":700,"place":null,"maximized":false}"#,
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Geometry::read(&file), Geometry::default(), "{text}");
        }
    }
}
