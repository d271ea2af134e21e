//! A guest at their browser: opens a link, gives a name, knocks, takes part, leaves.

use super::driver::{Browser, BrowserDriver, Playing};
use super::stats::{Connection, NOTE_CONNECTIONS};
use crate::net::Namespace;
use crate::process::{Run, Usage};
use crate::windows::{PATIENCE, Window};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a guest brings along.
#[derive(Clone, Debug)]
pub struct GuestSeat {
    /// What they call themselves.
    pub name: String,
    /// Which browser.
    pub browser: Browser,
    /// A folder for everything that it writes.
    pub home: PathBuf,
    /// What its camera shows: a y4m file. Chromium only.
    pub clip: Option<PathBuf>,
    /// What its microphone hears: a wav file. Chromium only.
    pub voice: Option<PathBuf>,
    /// How large its page is.
    pub size: (u32, u32),
    /// In which network it lives; the computer's when absent.
    pub namespace: Option<Arc<Namespace>>,
}

/// A guest and their browser, which ends when this is dropped.
#[derive(Debug)]
pub struct Guest {
    /// What they see and do.
    pub window: Window,
    driver: BrowserDriver,
    name: String,
    /// The last field, so that the others can still say goodbye.
    run: Run,
}

impl GuestSeat {
    /// Starts the browser.
    pub async fn sit_down(self) -> Result<Guest> {
        let run = Run::new();
        let driver = BrowserDriver::start(&run, self.browser, &self.home, self.namespace).await?;
        let client = driver.open(self.size, &Playing { clip: self.clip, voice: self.voice }).await?;
        let window = Window::of(&self.name, client);
        Ok(Guest { window, driver, name: self.name, run })
    }
}

impl Guest {
    /// Opens the link, looks into the mirror, gives the name and knocks.
    pub async fn knock(&self, link: &str) -> Result<()> {
        self.window.go_to(link).await?;
        self.phase("lobby").await?;
        self.window.look(NOTE_CONNECTIONS, vec![]).await?;
        // The level moves once the microphone is open; the picture comes with the same answer.
        self.window.see("level").await?;
        self.window.see_css("video[data-stream=\"preview\"]").await?;
        self.window.type_into("guest-name", &self.name).await?;
        self.window.click("guest-knock").await
    }

    /// Waits until the page is in a phase: `lobby`, `waiting`, `call`, `over` and the like.
    pub async fn phase(&self, phase: &str) -> Result<()> {
        let selector = format!("[data-testid=\"guest\"][data-phase=\"{phase}\"]");
        self.window.see_css(&selector).await.map(drop).with_context(|| self.last_words())
    }

    /// Waits until it is over for a reason: `refused`, `removed`, `left` and the like.
    pub async fn over(&self, why: &str) -> Result<()> {
        self.window.see_css(&format!("[data-phase=\"over\"][data-why=\"{why}\"]")).await.map(drop)
    }

    /// Waits until so many others are connected, and gives their devices.
    pub async fn company(&self, count: usize) -> Result<Vec<String>> {
        let connected = async || {
            let script = "return [...document.querySelectorAll('[data-testid=\"tile\"][data-link=\"connected\"]')]\
                          .map((tile) => tile.dataset.device)";
            let devices: Vec<String> = serde_json::from_value(self.window.look(script, vec![]).await?)?;
            Ok((devices.len() == count).then_some(devices))
        };
        self.window.until(&format!("{count} connections"), PATIENCE, connected).await
    }

    /// Waits until somebody's tile says of itself that `mark` (`microphone`, `camera`, `speaking`) is so.
    pub async fn mark(&self, device: &str, mark: &str, on: bool) -> Result<()> {
        let selector = format!("[data-testid=\"tile\"][data-device=\"{device}\"][data-{mark}=\"{on}\"]");
        self.window.see_css(&selector).await.map(drop)
    }

    /// Switches microphone (`call-microphone`) or camera (`call-camera`).
    pub async fn switch(&self, control: &str) -> Result<()> {
        self.window.click(control).await
    }

    /// Opens the chat, if it is not, and says something to everybody.
    pub async fn say(&self, text: &str) -> Result<()> {
        self.open_chat().await?;
        self.window.type_into("chat-text", text).await?;
        self.window.press("chat-text", "\u{E007}").await
    }

    /// Waits until the chat holds these words.
    pub async fn read(&self, words: &str) -> Result<()> {
        self.open_chat().await?;
        self.window.read("chat-message", words).await
    }

    async fn open_chat(&self) -> Result<()> {
        let open =
            self.window.look("return !!document.querySelector('[data-testid=\"chat-panel\"]')", vec![]);
        if open.await? != Value::Bool(true) {
            self.window.click("call-chat").await?;
        }
        self.window.see("chat-text").await.map(drop)
    }

    /// Goes.
    pub async fn leave(&self) -> Result<()> {
        self.window.click("call-leave").await?;
        self.over("left").await
    }

    /// Runs a script in a page of the server, such as a request of its HTTP interface, and gives what it returns. For preparing a call.
    pub async fn ask(&self, page: &str, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.window.go_to(page).await?;
        self.window.look(script, arguments).await
    }

    /// What the page's connections count, oldest first.
    pub async fn stats(&self) -> Result<Vec<Connection>> {
        Connection::all(&self.window).await
    }

    /// Writes what the person sees as a PNG.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, self.window.page_picture().await?)?)
    }

    /// The end of what the browser wrote.
    pub fn last_words(&self) -> String {
        self.driver.last_words()
    }

    /// What each process of this browser and its driver has used.
    pub fn usage(&self) -> Vec<Usage> {
        self.run.members().into_iter().filter_map(Usage::of).collect()
    }

    /// Closes the browser as a person does, and the page hears of it.
    pub async fn close(self) -> Result<()> {
        self.window.close().await
    }
}
