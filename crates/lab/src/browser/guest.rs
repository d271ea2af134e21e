//! A guest at their browser: opens a link, gives a name, knocks, takes part, leaves.

use super::driver::{Browser, BrowserDriver, Playing};
use super::notes::{Keep, Notes, save_pictures, save_sound};
use super::stats::{Connection, NOTE_CONNECTIONS};
use crate::net::Namespace;
use crate::process::{Run, Usage, descendants};
use crate::windows::{PATIENCE, Window};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use snug_protocol::RoomId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The call's id is in the ring that the room's log keeps.
const MAKE_LINK: &str = r#"
const [token, room] = arguments
const ask = async (method, path, body) => {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
return (async () => {
  const log = await ask('GET', `/rooms/${room}/events?limit=50`)
  const ring = (log.events ?? log).findLast(({ kind }) => kind === 'call.ring')
  const { call } = JSON.parse(atob(ring.content))
  return (await ask('POST', `/calls/${call}/guest-links`, { admission: 'open' })).token
})()
"#;

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
    _run: Run,
}

impl GuestSeat {
    /// Starts the browser.
    pub async fn sit_down(self) -> Result<Guest> {
        let run = Run::new();
        let driver = BrowserDriver::start(&run, self.browser, &self.home, self.namespace).await?;
        let client = driver.open(self.size, &Playing { clip: self.clip, voice: self.voice }).await?;
        let window = Window::of(&self.name, client);
        Ok(Guest { window, driver, name: self.name, _run: run })
    }
}

impl Guest {
    /// Opens the link, looks into the mirror, gives the name and knocks.
    pub async fn knock(&self, link: &str) -> Result<()> {
        self.enter(link).await?;
        self.knock_now().await
    }

    /// Opens the link, looks into the mirror and gives the name.
    pub async fn enter(&self, link: &str) -> Result<()> {
        self.window.go_to(link).await?;
        self.phase("lobby").await?;
        self.window.look(NOTE_CONNECTIONS, vec![]).await?;
        // The level moves once the microphone is open; the picture comes with the same answer.
        self.window.see("level").await?;
        self.window.see_css("video[data-stream=\"preview\"]").await?;
        self.window.type_into("guest-name", &self.name).await
    }

    /// Knocks, having entered.
    pub async fn knock_now(&self) -> Result<()> {
        self.window.click("guest-knock").await
    }

    /// Having entered, goes on without a camera.
    pub async fn leave_camera_off(&self) -> Result<()> {
        self.window.click("lobby-camera").await?;
        self.window.gone_css("video[data-stream=\"preview\"]").await
    }

    /// Allows what [`Guest::observe`] does. To be called before the page is opened. Chromium only.
    pub async fn expect_observers(&self) -> Result<()> {
        self.driver.allow_workers(&self.window.client).await
    }

    /// Notes from now on what the page receives and when. To be called before the guest knocks.
    pub async fn observe(&self, keep: Keep) -> Result<()> {
        Notes::begin(&self.window, keep).await
    }

    /// Forgets what was received until now.
    pub async fn forget(&self) -> Result<()> {
        Notes::forget(&self.window).await
    }

    /// What was noted up to now.
    pub async fn notes(&self) -> Result<Notes> {
        Notes::read(&self.window).await
    }

    /// Writes what the page kept: `NAME-saw.1.ivf` and `NAME-heard.wav`.
    pub async fn save(&self, keep: Keep, folder: &Path, name: &str) -> Result<()> {
        if keep.sound {
            save_sound(&self.window, &folder.join(format!("{name}-heard.wav"))).await?;
        }
        if keep.pictures {
            save_pictures(&self.window, &folder.join(format!("{name}-saw.1.ivf"))).await?;
        }
        Ok(())
    }

    /// Whether the page is in a call now.
    pub async fn in_call(&self) -> Result<bool> {
        let script = "return document.querySelector('[data-testid=\"guest\"]')?.dataset.phase ?? null";
        Ok(self.window.look(script, vec![]).await? == "call")
    }

    /// Makes a link into the call that `room` rings for last, which needs no admission, and gives its token. As the member who keeps
    /// their session in `data`: asked by a page of the server, so that nothing here has to speak HTTP.
    pub async fn make_link(&self, page: &str, data: &Path, room: RoomId) -> Result<String> {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(data.join("secrets.json"))?)?;
        let session = kept["token"].as_str().context("no session is kept")?;
        let made = self.ask(page, MAKE_LINK, vec![json!(session), json!(room)]).await?;
        Ok(made.as_str().context("a token")?.to_owned())
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

    /// What each process of this browser has used, without its driver.
    pub fn usage(&self) -> Vec<Usage> {
        let started = self.driver.pid().map(descendants).unwrap_or_default();
        started.into_iter().filter_map(Usage::of).collect()
    }

    /// Closes the browser as a person does, and the page hears of it.
    pub async fn close(self) -> Result<()> {
        self.window.close().await
    }
}
