//! Two real windows of the app, each on a display of its own, driven through the interface by WebDriver.
//!
//! Needs xvfb, dbus, webkit2gtk-driver, imagemagick and tauri-driver; `script/test` installs what is missing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, Result, ensure};
use snug_lab::demo::Party;
use snug_lab::windows::Seat;
use std::path::{Path, PathBuf};
use std::time::Duration;

const APP: &str = env!("CARGO_BIN_EXE_snug");

/// Leaves pictures of the moment at which something failed.
async fn with_pictures(name: &str, done: Result<()>, seats: &[&Seat]) {
    let Err(error) = done else { return };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for (number, seat) in seats.iter().enumerate() {
        let path = folder.join(format!("{name}-{number}.png"));
        let taken = seat.picture(&path).await;
        eprintln!("picture: {} {taken:?}; the app's log: {}", path.display(), seat.last_words());
    }
    panic!("{error:#}");
}

async fn settle(party: &Party) -> Result<()> {
    party.first_screen().await?;
    let link = party.host().await?;
    party.fill_in_link(&link).await?;
    party.join().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_and_call_and_a_stopped_camera_is_noticed() {
    let homes = tempfile::tempdir().unwrap();
    let party = Party::gather(Path::new(APP), homes.path()).await.unwrap();
    let story = async {
        settle(&party).await.context("settling")?;
        party.talk().await.context("talking")?;
        party.ring().await.context("ringing")?;
        party.accept().await.context("accepting")?;
        party.watch(Duration::from_secs(6)).await.context("watching")?;
        party.mute().await.context("muting")?;
        party.unmute().await.context("unmuting")?;

        party.stop_camera().await.context("stopping the camera")?;
        let stopped = party.look(Duration::from_secs(5)).await?;
        let ada = stopped.ada_moves();
        ensure!(ada.is_err(), "Ada's camera is off, and yet she is said to move: {ada:?}");
        stopped.ben_moves().context("Ben's camera is still on")?;
        party.start_camera().await.context("starting the camera")?;
        party.watch(Duration::from_secs(4)).await.context("watching again")?;
        party.hang_up().await.context("hanging up")
    };
    let told = story.await;
    with_pictures("call", told, &[&party.ada, &party.ben]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_the_host_is_away_arrives_when_they_are_back() {
    let homes = tempfile::tempdir().unwrap();
    let app = Path::new(APP);
    let party = Party::gather(app, homes.path()).await.unwrap();
    with_pictures("settling", settle(&party).await, &[&party.ada, &party.ben]).await;
    let Party { ada, ben } = party;
    // Her app hosts the space: with it ends the server, in the middle of Ben's connection.
    drop(ada);
    let words = "Are you still there?";
    let alone = async {
        ben.window.see("connection-line").await?;
        ben.window.type_into("composer", words).await?;
        ben.window.press("composer", "\u{E007}").await?;
        ben.window.read("message-text", words).await?;
        ben.window.see_css(r#"[data-testid="message"][data-delivery="sending"]"#).await?;
        anyhow::Ok(())
    };
    with_pictures("alone", alone.await, &[&ben]).await;

    let ada = Party::desk_of_ada(app, homes.path()).sit_down().await.unwrap();
    let again = async {
        ada.window.see("main").await?;
        ada.window.click("room-row").await?;
        ada.window.read("message-text", words).await?;
        ben.window.gone("connection-line").await?;
        ben.window.gone_css(r#"[data-testid="message"][data-delivery="sending"]"#).await?;
        ben.window.see_css(r#"[data-testid="message"][data-delivery="sent"]"#).await?;
        let told = ben.window.texts("message-text").await?;
        ensure!(told.iter().filter(|text| text.contains(words)).count() == 1, "Ben sees {told:?}");
        Ok(())
    };
    with_pictures("again", again.await, &[&ada, &ben]).await;
}
