//! The story's people and what they do, each thing through the interface.

use crate::call::gate::{Gate, Moves};
use crate::windows::{Desk, Probe, Seat, TileStory, Window};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Ada's test camera shows this number.
const ADA: u8 = 1;
/// Ben's test camera shows this number.
const BEN: u8 = 2;

/// The canvas with somebody else's picture.
const REMOTE_PICTURE: &str =
    r#"[data-testid="tile"] canvas[data-stream]:not([data-stream="self"]):not([data-stream="preview"])"#;
const OWN_PICTURE: &str = r#"canvas[data-stream="self"]"#;
const ACTIVE_STAGE: &str = r#"[data-testid="stage"][data-phase="active"]"#;
/// A message that the server has not got, or refused.
const NOT_SENT: &str = r#"[data-testid="message"][data-own="true"]:not([data-delivery="sent"])"#;
/// Between two looks at what the page noted.
const FETCH_EVERY: Duration = Duration::from_millis(500);
/// A picture that stands still for longer is no video, on any machine.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(2);
/// Enter, as WebDriver writes it.
const ENTER: &str = "\u{E007}";

/// Two people with their windows open.
#[derive(Debug)]
pub struct Party {
    /// Hosts, rings, mutes.
    pub ada: Seat,
    /// Joins, accepts, hangs up.
    pub ben: Seat,
}

/// What both tiles showed over some time.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Ben's camera in Ada's window.
    pub ada_saw: TileStory,
    /// Ada's camera in Ben's window.
    pub ben_saw: TileStory,
    /// When watching began, in milliseconds since 1970.
    pub from_ms: u64,
    /// When it ended.
    pub to_ms: u64,
}

impl Watched {
    /// Whether what Ada saw of Ben moved.
    pub fn ben_moves(&self) -> Result<Moves> {
        self.judge(BEN, &self.ada_saw).context("Ada does not see Ben move")
    }

    /// Whether what Ben saw of Ada moved.
    pub fn ada_moves(&self) -> Result<Moves> {
        self.judge(ADA, &self.ben_saw).context("Ben does not see Ada move")
    }

    fn judge(&self, sender: u8, story: &TileStory) -> Result<Moves> {
        let gate = Gate { sender, from_ms: self.from_ms, to_ms: self.to_ms, longest_gap: LONGEST_STANDSTILL };
        story.not_empty()?;
        Ok(gate.judge(&story.sightings)?)
    }
}

impl Party {
    /// Starts both apps, with folders in `homes`.
    pub async fn gather(app: &Path, homes: &Path) -> Result<Party> {
        let (ada, ben) = (Party::desk_of_ada(app, homes), Party::desk_of_ben(app, homes));
        let (ada, ben) = tokio::try_join!(ada.sit_down(), ben.sit_down())?;
        Ok(Party { ada, ben })
    }

    /// Where Ada sits; her app's data is still there when she comes back.
    pub fn desk_of_ada(app: &Path, homes: &Path) -> Desk {
        Desk {
            who: "Ada".to_owned(),
            app: app.to_owned(),
            home: homes.join("ada"),
            sender: ADA,
            pitch: 440.0,
        }
    }

    /// Where Ben sits.
    pub fn desk_of_ben(app: &Path, homes: &Path) -> Desk {
        Desk {
            who: "Ben".to_owned(),
            app: app.to_owned(),
            home: homes.join("ben"),
            sender: BEN,
            pitch: 660.0,
        }
    }

    fn ada(&self) -> &Window {
        &self.ada.window
    }

    fn ben(&self) -> &Window {
        &self.ben.window
    }

    /// Both see the choices of the first start.
    pub async fn first_screen(&self) -> Result<()> {
        for window in [self.ada(), self.ben()] {
            for choice in ["start-host", "start-join", "start-sign-in"] {
                window.see(choice).await?;
            }
        }
        Ok(())
    }

    /// Ada hosts a space; gives the link that her window shows.
    pub async fn host(&self) -> Result<String> {
        let ada = self.ada();
        ada.click("start-host").await?;
        ada.type_into("host-space", "The Hollow Oak").await?;
        ada.type_into("host-room", "Fireside").await?;
        fill_in_account(ada, "Ada Winter", "ada").await?;
        ada.click("submit").await?;
        ada.see("host-ready").await?;
        let link = ada.value_of("invite-link").await?;
        ensure!(link.starts_with("snug://join?"), "Ada's window shows “{link}” where a link should be");
        Ok(link)
    }

    /// Ben pastes the link and names himself.
    pub async fn fill_in_link(&self, link: &str) -> Result<()> {
        let ben = self.ben();
        ben.click("start-join").await?;
        ben.type_into("join-link", link).await?;
        ben.read("join-info", "The Hollow Oak").await?;
        fill_in_account(ben, "Ben Okafor", "ben").await
    }

    /// Ben sends the form off; both go to the room that Ada made.
    pub async fn join(&self) -> Result<()> {
        self.ben().click("submit").await?;
        self.ada().click("enter").await?;
        for window in [self.ada(), self.ben()] {
            window.see("main").await?;
            window.click("room-row").await?;
            window.read("room-title", "Fireside").await?;
            window.see("composer").await?;
        }
        Ok(())
    }

    /// A few messages in both directions, each seen by the other.
    pub async fn talk(&self) -> Result<()> {
        let (ada, ben) = (self.ada(), self.ben());
        for (from, to, words) in [
            (ada, ben, "You found it! Welcome to the Hollow Oak."),
            (ben, ada, "The link just worked. It is warm in here."),
            (ada, ben, "晚上好 – shall we talk face to face?"),
            (ben, ada, "Yes. Ring me!"),
        ] {
            self.say(from, to, words).await?;
        }
        Ok(())
    }

    /// One writes, the other reads, and the one who wrote sees that it was sent.
    pub async fn say(&self, from: &Window, to: &Window, words: &str) -> Result<()> {
        from.type_into("composer", words).await?;
        from.press("composer", ENTER).await?;
        from.read("message-text", words).await?;
        to.read("message-text", words).await?;
        from.gone_css(NOT_SENT).await
    }

    /// Ada rings with video, and Ben's window shows who does.
    pub async fn ring(&self) -> Result<()> {
        self.ada().click("call-video").await?;
        self.ada().see("stage").await?;
        self.ben().read("incoming", "Ada Winter").await
    }

    /// Ben accepts; both see the other's picture, and their own.
    pub async fn accept(&self) -> Result<()> {
        self.ben().click("incoming-accept-video").await?;
        for window in [self.ada(), self.ben()] {
            window.see_css(ACTIVE_STAGE).await?;
            let drawn = r#":not([data-frames="0"])"#;
            window.see_css(&format!("{REMOTE_PICTURE}{drawn}")).await?;
            window.see_css(&format!("{OWN_PICTURE}{drawn}")).await?;
        }
        Ok(())
    }

    /// Watches both remote tiles, and fails unless each shows the other moving.
    pub async fn watch(&self, length: Duration) -> Result<Watched> {
        let watched = self.look(length).await?;
        watched.ben_moves()?;
        watched.ada_moves()?;
        Ok(watched)
    }

    /// Watches both remote tiles without judging.
    pub async fn look(&self, length: Duration) -> Result<Watched> {
        let mut ada_saw = Probe::start(self.ada(), REMOTE_PICTURE).await?;
        let mut ben_saw = Probe::start(self.ben(), REMOTE_PICTURE).await?;
        let from_ms = crate::windows::unix_ms();
        let end = Instant::now() + length;
        while Instant::now() < end {
            sleep(FETCH_EVERY).await;
            ada_saw.fetch(self.ada()).await?;
            ben_saw.fetch(self.ben()).await?;
        }
        let to_ms = crate::windows::unix_ms();
        Ok(Watched {
            ada_saw: ada_saw.stop(self.ada()).await?,
            ben_saw: ben_saw.stop(self.ben()).await?,
            from_ms,
            to_ms,
        })
    }

    /// Ada mutes herself; Ben's tile of her says so.
    pub async fn mute(&self) -> Result<()> {
        self.ada().click("call-microphone").await?;
        self.ben().see_css(&tile_that("microphone", false)).await?;
        self.ben().see("tile-muted").await?;
        Ok(())
    }

    /// Ada unmutes herself; Ben's tile of her says so.
    pub async fn unmute(&self) -> Result<()> {
        self.ada().click("call-microphone").await?;
        self.ben().see_css(&tile_that("microphone", true)).await?;
        Ok(())
    }

    /// Ada switches her camera off; Ben's tile of her says so.
    pub async fn stop_camera(&self) -> Result<()> {
        self.ada().click("call-camera").await?;
        self.ben().see_css(&tile_that("camera", false)).await?;
        Ok(())
    }

    /// Ada switches her camera on again, and Ben sees a picture of her.
    pub async fn start_camera(&self) -> Result<()> {
        self.ada().click("call-camera").await?;
        self.ben().see_css(&tile_that("camera", true)).await?;
        self.ben().see_css(&format!(r#"{REMOTE_PICTURE}:not([data-frames="0"])"#)).await?;
        Ok(())
    }

    /// Ada chooses the dark theme and Ben the Chinese language.
    pub async fn change_looks(&self) -> Result<()> {
        self.ada().click("settings-open").await?;
        self.ada().click("settings-appearance").await?;
        self.ada().choose("theme-select", "dark").await?;
        self.ben().click("settings-open").await?;
        self.ben().click("settings-appearance").await?;
        self.ben().choose("language-select", "zh-CN").await?;
        self.ben().read("settings", "语言").await?;
        for window in [self.ada(), self.ben()] {
            window.press_escape().await?;
            window.gone("settings").await?;
        }
        Ok(())
    }

    /// Ben hangs up; the call is over for both.
    pub async fn hang_up(&self) -> Result<()> {
        self.ben().click("call-hang-up").await?;
        self.ben().gone("stage").await?;
        self.ada().gone("stage").await
    }

    /// Both open their settings: Ada her devices, Ben how it looks.
    pub async fn show_settings(&self) -> Result<()> {
        for (window, page, shown) in [
            (self.ada(), "settings-devices", "camera-select"),
            (self.ben(), "settings-appearance", "language-select"),
        ] {
            window.click("settings-open").await?;
            window.click(page).await?;
            window.see(shown).await?;
        }
        self.ada().see_css(r#"canvas[data-stream="preview"]:not([data-frames="0"])"#).await?;
        Ok(())
    }
}

async fn fill_in_account(window: &Window, name: &str, username: &str) -> Result<()> {
    window.type_into("account-name", name).await?;
    window.type_into("account-username", username).await?;
    window.type_into("account-password", "a warm quiet room").await
}

/// The other person's tile in a state.
fn tile_that(what: &str, on: bool) -> String {
    format!(r#"[data-testid="tile"]:not([data-device="self"])[data-{what}="{on}"]"#)
}
