//! Real browsers as guests of a real call: Chromium with the app's engine, as the one who answers and as the one who offers, and with
//! Firefox. Over the real server with its own certificate, which the browsers are told to take.
//!
//! Needs chromium, chromium-driver, firefox-esr, geckodriver and the built page (`ui/dist-guest`).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use snug_lab::browser::{Browser, Clip, Guest, GuestSeat, Heard, Picture, Watch, write_clip, write_voice};
use snug_lab::call::gate::{Gate, Moves, Sighting};
use snug_lab::call::{serving, start_person, start_space};
use snug_lab::peer::Remote;
use snug_lab::peer::messages::{Happening, Received};
use snug_lab::process::{Program, Run};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(90);
/// A stopped sender never shows [`ENOUGH`], and that is what is asked here: how evenly pictures come is measured elsewhere, on a machine
/// that has nothing else to do than three browsers' codecs.
const LONGEST_STANDSTILL: Duration = PATIENCE;
/// Pictures that must be seen of somebody: a busy machine may take its time for them, but may not stop.
const ENOUGH: usize = 12;
/// Louder than any noise that a codec makes of silence.
const AUDIBLE_DB: f64 = -70.0;
/// How long the guest is alone with Ada: she tells what she heard twice a second.
const ALONE: Duration = Duration::from_secs(4);
/// What the guest's clip shows and its voice sings.
const GUEST: u8 = 9;
const GUEST_PITCH: f32 = 880.0;
const ADA_PITCH: f32 = 440.0;
const BEN_PITCH: f32 = 660.0;

#[test]
#[ignore = "the body of the processes that the other tests start"]
fn lab_process() {
    snug_lab::cli::run_from_environment().unwrap();
}

/// Two people of a space in a call, each a process, and a link into it that needs no admission.
struct House {
    ada: Remote,
    ben: Remote,
    room: Value,
    link: String,
    clip: Clip,
    _space: Remote,
    home: tempfile::TempDir,
    _run: Run,
}

/// Orders by their wire form.
async fn order<T: DeserializeOwned>(person: &mut Remote, order: Value) -> Result<T> {
    person.order(serde_json::from_value(order)?, PATIENCE).await
}

async fn happens(person: &mut Remote, what: &str, is: fn(&Happening) -> bool) -> Result<()> {
    person.happening(what, PATIENCE, |happening| is(happening).then_some(())).await
}

impl House {
    async fn in_a_call() -> Result<House> {
        let (run, home) = (Run::new(), tempfile::tempdir()?);
        let program = Program::this_test("lab_process")?;
        let clip = write_clip(&home.path().join("guest.y4m"), GUEST, 640, 360, 6)?;
        write_voice(&home.path().join("guest.wav"), GUEST_PITCH, 8)?;
        let mut space = start_space(&run, &program, home.path(), 0)?;
        let (link, code, port) = serving(&mut space).await?;
        let person = |name: &str, camera: &str, pitch: f32| {
            let devices = [
                ("camera", camera.to_owned()),
                ("mic", format!("tone:{pitch}")),
                ("speaker", "null".to_owned()),
            ];
            start_person(&run, &program, home.path(), name, &devices, None)
        };
        let (mut ada, mut ben) =
            (person("ada", "pattern:1", ADA_PITCH)?, person("ben", "pattern:2", BEN_PITCH)?);
        let code = code.context("a fresh space has a set-up code")?;
        order::<Value>(&mut ada, json!({ "do": "set_up", "server": link, "code": code })).await?;
        let room: Value = order(&mut ada, json!({ "do": "create_room", "name": "Garden" })).await?;
        let link: String = order(&mut ada, json!({ "do": "invite", "room": room })).await?;
        order::<Value>(&mut ben, json!({ "do": "join", "link": link })).await?;
        for person in [&mut ada, &mut ben] {
            order::<Value>(person, json!({ "do": "await_company", "room": room })).await?;
            happens(person, "being online", |what| *what == Happening::Online).await?;
        }
        order::<Value>(&mut ada, json!({ "do": "ring", "room": room, "camera": true })).await?;
        happens(&mut ben, "a ring", |what| *what == Happening::Rings).await?;
        order::<Value>(&mut ben, json!({ "do": "accept", "camera": true })).await?;
        happens(&mut ada, "a connection", |what| matches!(what, Happening::Connected { .. })).await?;
        let link = format!("https://127.0.0.1:{port}/join/");
        Ok(House { ada, ben, room, link, clip, _space: space, home, _run: run })
    }

    async fn guest(&self, name: &str, browser: Browser) -> Result<Guest> {
        let plays = browser == Browser::Chromium;
        let seat = GuestSeat {
            name: name.to_owned(),
            browser,
            home: self.home.path().join(name),
            clip: plays.then(|| self.clip.path.clone()),
            voice: plays.then(|| self.home.path().join("guest.wav")),
            size: (1280, 800),
            namespace: None,
        };
        seat.sit_down().await
    }

    /// Makes a link as Ada.
    async fn make_link(&mut self, by: &Guest) -> Result<()> {
        let room = serde_json::from_value(self.room.clone())?;
        let token = by.make_link(&self.link, &self.home.path().join("person-ada"), room).await?;
        self.link = format!("{}{token}", self.link);
        Ok(())
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Whose codes are to be seen on a stream: known by the first that is read.
async fn sender_on(guest: &Guest, stream: &str) -> Result<(u8, Watch)> {
    let mut watch = Watch::start(&guest.window, stream).await?;
    let start = Instant::now();
    loop {
        if let Some(seen) = watch.fetch(&guest.window).await?.first() {
            return Ok((seen.code.sender, watch));
        }
        ensure!(start.elapsed() < PATIENCE, "no code is seen of {stream}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The gate over everything from the first sighting to now.
fn judge(sender: u8, seen: &[Sighting]) -> Result<Moves> {
    let from_ms = seen.first().context("nothing was seen")?.at_ms;
    Ok(Gate { sender, from_ms, to_ms: now_ms(), longest_gap: LONGEST_STANDSTILL }.judge(seen)?)
}

/// Sees each of the app's people move and hears each at their own pitch.
async fn sees_and_hears(guest: &Guest, devices: &[String]) -> Result<()> {
    for device in devices {
        let (sender, mut watch) = sender_on(guest, device).await?;
        let pitch = if sender == 1 { ADA_PITCH } else { BEN_PITCH };
        let start = Instant::now();
        loop {
            let heard = Heard::of(&guest.window, device).await?;
            if heard.level > AUDIBLE_DB && heard.playing && (heard.pitch - f64::from(pitch)).abs() < 30.0 {
                break;
            }
            ensure!(start.elapsed() < PATIENCE, "{pitch} Hz is not heard: {heard:?}");
        }
        while watch.fetch(&guest.window).await?.len() < ENOUGH {
            ensure!(start.elapsed() < PATIENCE, "sender {sender} hardly moves");
            sleep(Duration::from_millis(200)).await;
        }
        judge(sender, &watch.stop(&guest.window).await?)?;
    }
    Ok(())
}

/// The energy of the one voice that comes in grows. Not by the page's own ears: without a loudspeaker Firefox has none.
async fn receives_a_voice(guest: &Guest) -> Result<()> {
    let start = Instant::now();
    let energy = async || {
        let connections = guest.stats().await?;
        anyhow::Ok(connections.iter().map(|one| one.inbound("audio").total_audio_energy).sum::<f64>())
    };
    let before = energy().await?;
    while energy().await? < before + 1e-5 {
        ensure!(start.elapsed() < PATIENCE, "{} hears nothing", guest.window.who());
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// What somebody of the app saw and heard of the guest.
fn saw_the_guest(who: &str, received: &Received, clip: &Clip) -> Result<()> {
    let of_guest: Vec<_> =
        received.sightings().into_iter().filter(|seen| seen.code.sender == GUEST).collect();
    let seen = clip.unrolled(&of_guest);
    let (first, last) = (seen.first().context("nothing was seen of the guest")?, seen.last().context("…")?);
    let gate =
        Gate { sender: GUEST, from_ms: first.at_ms, to_ms: last.at_ms, longest_gap: LONGEST_STANDSTILL };
    let moves = gate.judge(&seen)?;
    ensure!(moves.pictures >= ENOUGH, "{who} saw the guest hardly move: {moves:?}");
    let right = received.pitches.iter().filter(|heard| (**heard - GUEST_PITCH).abs() < 10.0).count();
    ensure!(right > 0, "{who} did not hear {GUEST_PITCH} Hz: {:?}", received.pitches);
    Ok(())
}

/// Leaves pictures of the moment at which something failed.
async fn with_pictures(name: &str, told: Result<()>, guests: &[&Guest]) {
    let Err(error) = told else { return };
    for (number, guest) in guests.iter().enumerate() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}.png"));
        eprintln!("picture: {} {:?}", path.display(), guest.picture(&path).await);
    }
    panic!("{error:#}");
}

#[ignore = "needs chromium, firefox-esr and geckodriver; script/test runs it"]
#[tokio::test(flavor = "multi_thread")]
async fn chromium_and_the_app_see_and_hear_each_other_whoever_offers() {
    let mut house = House::in_a_call().await.unwrap();
    let gus = house.guest("gus", Browser::Chromium).await.unwrap();
    let told = async {
        house.make_link(&gus).await.context("making a link")?;
        gus.knock(&house.link).await?;
        gus.phase("call").await?;
        let devices = gus.company(2).await.context("the guest offers")?;
        sees_and_hears(&gus, &devices).await.context("the app answered")?;
        for connection in gus.stats().await? {
            ensure!(
                connection.codec("video").as_deref() == Some("video/VP8"),
                "{:?}",
                connection.codec("video")
            );
        }

        order::<Value>(&mut house.ben, json!({ "do": "camera", "on": false })).await?;
        gus.window.see_css(r#"[data-testid="tile"][data-camera="false"]"#).await?;
        order::<Value>(&mut house.ben, json!({ "do": "hang_up" })).await?;
        gus.company(1).await.context("Ben hung up")?;
        // Of several voices only the loudest pitch is told, so the guest's is Ada's to hear now.
        sleep(ALONE).await;

        // Whoever comes offers: now it is the app.
        order::<Value>(&mut house.ben, json!({ "do": "ring", "room": house.room, "camera": true })).await?;
        let devices = gus.company(2).await.context("the app offers")?;
        order::<Value>(&mut house.ben, json!({ "do": "camera", "on": true })).await?;
        sees_and_hears(&gus, &devices).await.context("the guest answered")?;

        gus.leave().await?;
        order::<Value>(&mut house.ada, json!({ "do": "hang_up" })).await?;
        happens(&mut house.ben, "the end", |what| matches!(what, Happening::Ended { .. })).await?;
        let ada: Received = order(&mut house.ada, json!({ "do": "report" })).await?;
        saw_the_guest("Ada", &ada, &house.clip)?;
        Ok(())
    };
    let told = told.await;
    with_pictures("app", told, &[&gus]).await;
}

#[ignore = "needs chromium, firefox-esr and geckodriver; script/test runs it"]
#[tokio::test(flavor = "multi_thread")]
async fn chromium_and_firefox_see_hear_and_read_each_other() {
    let mut house = House::in_a_call().await.unwrap();
    let gus = house.guest("gus", Browser::Chromium).await.unwrap();
    let fay = house.guest("fay", Browser::Firefox).await.unwrap();
    let told = async {
        house.make_link(&gus).await.context("making a link")?;
        gus.knock(&house.link).await?;
        gus.company(2).await?;
        for person in [&mut house.ada, &mut house.ben] {
            order::<Value>(person, json!({ "do": "hang_up" })).await?;
        }
        gus.window.see("alone").await?;

        fay.knock(&house.link).await.context("Fay knocks")?;
        let (of_fay, of_gus) = (gus.company(1).await?, fay.company(1).await?);
        let (of_fay, of_gus) = (of_fay.first().context("Fay")?, of_gus.first().context("Gus")?);
        let (sender, watch) = sender_on(&fay, of_gus).await?;
        for (guest, device) in [(&gus, of_fay), (&fay, of_gus)] {
            let different = Picture::count_different(&guest.window, device, 10).await?;
            ensure!(different > 4, "only {different} pictures are seen at {}", guest.window.who());
            receives_a_voice(guest).await?;
        }
        let seen = house.clip.unrolled(&watch.stop(&fay.window).await?);
        let moves = judge(sender, &seen)?;
        ensure!(sender == GUEST && moves.pictures >= ENOUGH, "Fay sees sender {sender}: {moves:?}");

        gus.say("Can you read this?").await?;
        fay.read("Can you read this?").await?;
        fay.say("我可以").await?;
        gus.read("我可以").await?;
        fay.switch("call-microphone").await?;
        gus.mark(of_fay, "microphone", false).await?;
        gus.window.see("tile-muted").await?;
        fay.switch("call-camera").await?;
        gus.mark(of_fay, "camera", false).await?;
        fay.switch("call-camera").await?;
        gus.mark(of_fay, "camera", true).await?;
        fay.leave().await?;
        gus.window.see("alone").await?;
        Ok(())
    };
    let told = told.await;
    with_pictures("browsers", told, &[&gus, &fay]).await;
}
