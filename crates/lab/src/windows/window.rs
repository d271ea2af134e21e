//! One window: what a person sees and does in it, by the test ids of its elements.

use super::{Display, Driver};
use crate::process::Run;
use anyhow::{Context, Result, anyhow, bail};
use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

/// How long one waits for something that should happen at once: long, since a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked. A person would not see a shorter moment either.
const LOOK: Duration = Duration::from_millis(100);

/// A window of the app and who sits before it.
#[derive(Debug)]
pub struct Window {
    who: String,
    pub(crate) client: Client,
}

/// Now, in milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

impl Window {
    /// Starts the app and waits for its window.
    pub async fn open(who: &str, app: &Path, driver: &Driver) -> Result<Window> {
        let options = json!({
            "browserName": "wry",
            "tauri:options": { "application": app },
        });
        let Value::Object(capabilities) = options else { bail!("capabilities are an object") };
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let client =
            tokio::time::timeout(PATIENCE, builder.capabilities(capabilities).connect(&driver.url())).await;
        let client =
            client.map_err(anyhow::Error::from).and_then(|client| client.map_err(anyhow::Error::from));
        let client = client.with_context(|| format!("{who}'s app did not start: {}", driver.last_words()))?;
        Ok(Window { who: who.to_owned(), client })
    }

    /// A window that a WebDriver has opened already, such as a browser's.
    pub(crate) fn of(who: &str, client: Client) -> Window {
        Window { who: who.to_owned(), client }
    }

    /// Shows another page.
    pub(crate) async fn go_to(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("{}: opening the page", self.who))
    }

    /// The page as a PNG.
    pub(crate) async fn page_picture(&self) -> Result<Vec<u8>> {
        Ok(self.client.screenshot().await?)
    }

    /// Who sits before it.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Makes the page as large as its display, where no window manager does.
    pub async fn fill(&self, width: u32, height: u32) -> Result<()> {
        Ok(self.client.set_window_rect(0, 0, width, height).await?)
    }

    /// Waits until something with this test id is shown, and gives the first.
    pub async fn see(&self, id: &str) -> Result<Element> {
        self.see_within(id, PATIENCE).await
    }

    /// [`Window::see`] with a limit of one's own.
    pub async fn see_within(&self, id: &str, limit: Duration) -> Result<Element> {
        self.until(&format!("`{id}` to be seen"), limit, async || self.shown(id).await).await
    }

    /// Waits until an element that fits the CSS selector is shown.
    pub async fn see_css(&self, selector: &str) -> Result<Element> {
        self.until(&format!("`{selector}` to be seen"), PATIENCE, async || self.shown_css(selector).await)
            .await
    }

    /// Waits until nothing with this test id is shown any more.
    pub async fn gone(&self, id: &str) -> Result<()> {
        self.gone_css(&selector(id)).await
    }

    /// Waits until nothing that fits the CSS selector is shown any more.
    pub async fn gone_css(&self, selector: &str) -> Result<()> {
        let gone = async || Ok(self.shown_css(selector).await?.is_none().then_some(()));
        self.until(&format!("`{selector}` to be gone"), PATIENCE, gone).await
    }

    /// Waits until the text of something with this test id holds the words.
    pub async fn read(&self, id: &str, words: &str) -> Result<()> {
        let reads = async || {
            let texts = self.texts(id).await?;
            Ok(texts.iter().any(|text| text.contains(words)).then_some(()))
        };
        self.until(&format!("`{id}` to say “{words}”"), PATIENCE, reads).await
    }

    /// The texts of everything with this test id. Not WebDriver's own idea of them: WebKit's finds no text in what may be cut with an
    /// ellipsis.
    pub async fn texts(&self, id: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(&selector(id))).await? {
            match element.prop("innerText").await {
                Ok(text) => texts.extend(text),
                Err(error) if passing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(texts)
    }

    /// Waits until it can be clicked, and clicks it.
    pub async fn click(&self, id: &str) -> Result<()> {
        self.click_css(&selector(id)).await
    }

    /// [`Window::click`] by a CSS selector.
    pub async fn click_css(&self, selector: &str) -> Result<()> {
        let click = async || {
            let Some(element) = self.shown_css(selector).await? else { return Ok(None) };
            if !element.is_enabled().await? {
                return Ok(None);
            }
            element.click().await?;
            Ok(Some(()))
        };
        self.until(&format!("`{selector}` to be clicked"), PATIENCE, click).await
    }

    /// Types into a field, in place of what it held.
    pub async fn type_into(&self, id: &str, text: &str) -> Result<()> {
        let typing = async || {
            let Some(field) = self.shown(id).await? else { return Ok(None) };
            field.clear().await?;
            field.send_keys(text).await?;
            Ok(Some(()))
        };
        self.until(&format!("typing into `{id}`"), PATIENCE, typing).await
    }

    /// Presses keys where the focus is, in an element that takes it.
    pub async fn press(&self, id: &str, keys: &str) -> Result<()> {
        Ok(self.see(id).await?.send_keys(keys).await?)
    }

    /// Presses Escape where the focus is, which closes what lies on top.
    pub async fn press_escape(&self) -> Result<()> {
        Ok(self.client.active_element().await?.send_keys("\u{E00C}").await?)
    }

    /// The value that a field shows, once it has one.
    pub async fn value_of(&self, id: &str) -> Result<String> {
        let value = async || {
            let Some(field) = self.shown(id).await? else { return Ok(None) };
            let value = field.prop("value").await?.filter(|value| !value.is_empty());
            Ok(if value.is_some() {
                value
            } else {
                field.prop("innerText").await?.filter(|text| !text.is_empty())
            })
        };
        self.until(&format!("`{id}` to have a value"), PATIENCE, value).await
    }

    /// Chooses one of several: from a row of a few, or from a list that opens first.
    pub async fn choose(&self, id: &str, option: &str) -> Result<()> {
        self.see(id).await?;
        let option = format!("[data-option=\"{option}\"]");
        let in_a_row = format!("{} {option}", selector(id));
        if self.shown_css(&in_a_row).await?.is_some() {
            return self.click_css(&in_a_row).await;
        }
        self.click(id).await?;
        self.click_css(&format!("[role=\"option\"]{option}")).await
    }

    /// Looks into the page: reads what is drawn, changes nothing.
    pub(crate) async fn look(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.client
            .execute(script, arguments)
            .await
            .with_context(|| format!("{}: looking into the page", self.who))
    }

    /// When the page's first words or picture were painted, in milliseconds since 1970; `None` before.
    pub async fn first_paint(&self) -> Result<Option<f64>> {
        let script = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
                      return paint ? performance.timeOrigin + paint.startTime : null";
        Ok(self.look(script, vec![]).await?.as_f64())
    }

    /// Takes the pointer off whatever was clicked last, to where nothing is.
    pub async fn rest_pointer(&self) -> Result<()> {
        let away = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveTo {
            duration: None,
            x: 1.0,
            y: 400.0,
        });
        Ok(self.client.perform_actions(away).await?)
    }

    /// Writes the whole display as a PNG.
    pub async fn picture(&self, run: &Run, display: &Display, path: &Path) -> Result<()> {
        display.picture(run, path).await.with_context(|| format!("{}'s picture {}", self.who, path.display()))
    }

    /// Ends the WebDriver session and the app with it.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }

    async fn shown(&self, id: &str) -> Result<Option<Element>> {
        self.shown_css(&selector(id)).await
    }

    async fn shown_css(&self, selector: &str) -> Result<Option<Element>> {
        for element in self.client.find_all(Locator::Css(selector)).await? {
            if element.is_displayed().await? {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    /// Tries until there is an answer. What was redrawn in between, or still lies under something, is tried again.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut attempt: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        let mut last = None;
        while start.elapsed() < limit {
            match attempt().await {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => last = None,
                Err(error) if error.downcast_ref().is_some_and(passing) => last = Some(error),
                Err(error) => return Err(error.context(format!("{}: waiting for {what}", self.who))),
            }
            sleep(LOOK).await;
        }
        let late = format!("{}: waited {} s for {what}", self.who, limit.as_secs());
        Err(last.map_or_else(|| anyhow!("{late}"), |error| error.context(late.clone())))
    }
}

fn selector(id: &str) -> String {
    format!("[data-testid=\"{id}\"]")
}

/// Errors of an element that is just being redrawn, moved or covered.
fn passing(error: &CmdError) -> bool {
    error.is_stale_element_reference()
        || error.is_no_such_element()
        || error.is_element_not_interactable()
        || matches!(error, CmdError::Standard(answer) if answer.error == ErrorStatus::ElementClickIntercepted)
        || error.is_invalid_element_state()
}
