//! Two people at their desks: each with a display, a driver, folders and a window of their own.

use super::{Display, Driver, Window};
use crate::process::{Run, Usage};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The size of display and window: what a small laptop shows.
pub(crate) const SIZE: (u32, u32) = (1280, 800);

/// One person with their window; all of its processes end when this is dropped.
#[derive(Debug)]
pub struct Seat {
    /// What they see and do.
    pub window: Window,
    display: Display,
    driver: Driver,
    app: PathBuf,
    /// The last field, so that the others can still say goodbye.
    run: Run,
}

/// What a person brings to their desk.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Their name.
    pub who: String,
    /// The app's binary.
    pub app: PathBuf,
    /// A folder for everything that the app writes.
    pub home: PathBuf,
    /// The number that their test camera shows, and the pitch of their test tone.
    pub sender: u8,
    /// In hertz.
    pub pitch: f32,
}

impl Desk {
    /// Sits down: starts the display, the driver and the app.
    pub async fn sit_down(self) -> Result<Seat> {
        let run = Run::new();
        let app = std::path::absolute(&self.app)?;
        std::fs::create_dir_all(&self.home)
            .with_context(|| format!("cannot make {}", self.home.display()))?;
        let display = Display::start(&run, SIZE.0, SIZE.1).await?;
        let driver = Driver::start(&run, &display, &self.home, &self.environment()).await?;
        let window = Window::open(&self.who, &app, &driver).await?;
        window.fill(SIZE.0, SIZE.1).await?;
        Ok(Seat { window, display, driver, app, run })
    }

    /// The devices enter where a camera and a microphone do; developer mode is what offers them.
    fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("SNUG_DEVELOPER", "1".to_owned()),
            ("SNUG_CAMERA", format!("pattern:{}", self.sender)),
            ("SNUG_MICROPHONE", format!("tone:{}", self.pitch)),
            ("SNUG_SPEAKER", "null".to_owned()),
            ("SNUG_PROFILE_DIR", self.home.join("profile").display().to_string()),
            // A D-Bus session that was just made has no keyring, or one that asks for a password.
            ("SNUG_KEYRING_FILE", "1".to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Seat {
    /// Writes what the person sees as a PNG.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        self.window.picture(&self.run, &self.display, path).await
    }

    /// The end of what the app wrote to its log.
    pub fn last_words(&self) -> String {
        self.driver.last_words()
    }

    /// What each process of this seat has used.
    pub fn usage(&self) -> Vec<Usage> {
        self.run.members().into_iter().filter_map(Usage::of).collect()
    }

    /// Whether a process is the app or one of its webview's, and not the driver's or the display's.
    pub fn is_app(&self, usage: &Usage) -> bool {
        is_app(&self.app, usage)
    }
}

/// Whether a process is this app or one of its webview's.
pub(crate) fn is_app(app: &Path, usage: &Usage) -> bool {
    let webview = usage.name.starts_with("WebKit") && usage.name != "WebKitWebDriver";
    webview || app.file_name().is_some_and(|name| name == usage.name.as_str())
}
