//! A call with browsers: one person of the app and a guest, or two guests.
//!
//! Browsers come by a link, as they do in life. A link is made by a member who is in a call, and a call begins with a ring; so there is
//! a room with a neighbour in it, who is rung, and is not at home. Where both are guests, it is a host who rings, lets the first one in
//! and goes: the call goes on without them. All of that is over before the second knocks, and nothing of it is measured.

use super::gathering::Gathering;
use super::party::{Beginning, PATIENCE, Stage, connected, ended, hang_up, online, serving};
use super::{CallOptions, NAMES};
use crate::browser::{
    Browser, Clip, Guest, GuestSeat, Keep, Notes, retime, stamp_clip, write_clip, write_voice,
};
use crate::net::{Namespace, Network};
use crate::peer::Remote;
use crate::peer::messages::{Order, Received};
use crate::process::{Program, Run, Usage};
use anyhow::{Context, Result};
use snug_call::device::{CameraChoice, MicrophoneChoice};
use snug_protocol::RoomId;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Large enough that the other one's tile asks for the whole picture.
const PAGE: (u32, u32) = (1600, 1000);
/// What a test picture is, and how long until it begins anew.
const PATTERN: (u32, u32) = (1280, 720);
const PATTERN_SECONDS: u32 = 10;
const HOST: &str = "host";
const NEIGHBOUR: &str = "neighbour";

/// A call that at least one guest takes part in. The second is one always.
#[derive(Debug)]
pub(super) struct Visit {
    first: First,
    second: Visitor,
    room: RoomId,
    /// The page that links lead to, without a token.
    page: String,
    homes: TempDir,
    _space: Remote,
    /// Ends what is left of the processes, before their folders go.
    _run: Run,
}

#[derive(Debug)]
enum First {
    /// Somebody of the app, who rings.
    Person(Remote, bool),
    /// A guest, whom a host lets in and leaves. The host is gone once the call is ready.
    Guest(Box<Visitor>, Option<Remote>),
}

/// A guest and what they bring along.
#[derive(Debug)]
struct Visitor {
    guest: Guest,
    clip: Option<Clip>,
    keep: Keep,
    recorded_as: String,
}

impl Visit {
    /// The server, who is rung, and both people; the first a browser, too, or somebody of the app.
    pub(super) async fn gather_on(
        network: Option<&Network>,
        program: &Program,
        options: &CallOptions,
        (first, second): (Option<Browser>, Browser),
    ) -> Result<Visit> {
        let (run, homes) = (Run::new(), tempfile::tempdir()?);
        let stage = Stage { run: &run, program, home: homes.path(), size: options.size, deaf: false };
        let at_server = network.map(Network::server);
        let address = at_server.map_or(Ipv4Addr::LOCALHOST, |(_, address)| address);
        let near = at_server.map(|(namespace, _)| namespace);
        let mut space = stage.space(SocketAddr::from((address, 0)), near)?;
        let (link, code, port) = serving(&mut space).await?;
        let code = code.context("a fresh space has a set-up code")?;

        let mute = || ["pattern", "tone", "null"].map(str::to_owned);
        let mut member = match first {
            None => {
                let record = options.record.as_ref().map(|folder| folder.join(format!("{}-saw", NAMES[0])));
                let devices = options.devices(0, NAMES[0]);
                let place = network.map(|network| network.person(0).as_ref());
                stage.person(NAMES[0], &devices, record.as_deref(), place)?
            }
            Some(_) => stage.person(HOST, &mute(), None, near)?,
        };
        let mut neighbour = stage.person(NEIGHBOUR, &mute(), None, near)?;
        member.order::<()>(Order::SetUp { server: link, code }, PATIENCE).await?;
        let room: RoomId = member.order(Order::CreateRoom { name: "Call".to_owned() }, PATIENCE).await?;
        let link: String = member.order(Order::Invite { room }, PATIENCE).await?;
        neighbour.order::<()>(Order::Join { link }, PATIENCE).await?;
        member.order::<()>(Order::AwaitCompany { room }, PATIENCE).await?;
        member.happening("being online", PATIENCE, online).await?;
        neighbour.leave(PATIENCE).await?;

        let seat = |place: usize, browser: Browser| {
            let namespace = network.map(|network| Arc::clone(network.person(place)));
            let prefix = if first.is_some() { "baseline-" } else { "" };
            Visitor::sit_down(place, browser, namespace, options, homes.path(), prefix)
        };
        let second = seat(1, second).await?;
        let first = match first {
            None => First::Person(member, options.sends_video(0)),
            Some(browser) => First::Guest(Box::new(seat(0, browser).await?), Some(member)),
        };
        let page = format!("https://{address}:{port}/join/");
        Ok(Visit { first, second, room, page, homes, _space: space, _run: run })
    }
}

impl Gathering for Visit {
    fn names(&self) -> [&'static str; 2] {
        [NAMES[0], NAMES[1]]
    }

    fn usage(&self) -> [Option<Usage>; 2] {
        let first = match &self.first {
            First::Person(person, _) => person.pid().and_then(Usage::of),
            First::Guest(visitor, _) => visitor.usage(),
        };
        [first, self.second.usage()]
    }

    async fn ring(&mut self) -> Result<()> {
        let (room, page) = (self.room, &self.page);
        let link = async |person: &mut Remote, name: &str, camera: bool, by: &Visitor| {
            person.order::<()>(Order::Ring { room, camera }, PATIENCE).await?;
            let data = self.homes.path().join(format!("person-{name}"));
            anyhow::Ok(format!("{page}{}", by.guest.make_link(page, &data, room).await?))
        };
        let link = match &mut self.first {
            First::Person(person, camera) => link(person, NAMES[0], *camera, &self.second).await?,
            First::Guest(visitor, host) => {
                let mut host = host.take().context("a visit rings once")?;
                let link = link(&mut host, HOST, false, visitor).await?;
                visitor.enter(&link).await?;
                visitor.guest.knock_now().await?;
                visitor.guest.company(1).await.context("the first guest and the host")?;
                hang_up(&mut host).await?;
                host.leave(PATIENCE).await?;
                visitor.guest.window.see("alone").await?;
                visitor.guest.forget().await?;
                link
            }
        };
        self.second.enter(&link).await
    }

    async fn accept(&mut self) -> Result<Beginning> {
        let second = &self.second.guest;
        second.knock_now().await?;
        second.phase("call").await?;
        second.company(1).await?;
        let notes = second.notes().await?;
        let accepted_ms = notes.joined.context("the guest's page joined no call")?;
        let since = |notes: &Notes| notes.connected.iter().copied().find(|at| *at >= accepted_ms);
        let first_ms = match &mut self.first {
            First::Person(person, _) => person.happening("a connection", PATIENCE, connected).await?,
            First::Guest(visitor, _) => {
                visitor.guest.company(1).await?;
                since(&visitor.guest.notes().await?).context("the first guest has no connection")?
            }
        };
        let second_ms = since(&notes).context("the second guest has no connection")?;
        Ok(Beginning { accepted_ms, connected_ms: [first_ms, second_ms] })
    }

    async fn ended_early(&mut self) -> Result<Vec<&'static str>> {
        let first = match &mut self.first {
            First::Person(person, _) => person.has_happened(ended).is_some(),
            First::Guest(visitor, _) => !visitor.guest.in_call().await?,
        };
        let over = [first, !self.second.guest.in_call().await?];
        Ok(self.names().into_iter().zip(over).filter_map(|(name, over)| over.then_some(name)).collect())
    }

    async fn hang_up(&mut self, options: &CallOptions) -> Result<[Received; 2]> {
        let (mut by_second, own_of_second) = self.second.received().await?;
        let by_first = match &mut self.first {
            First::Person(person, _) => {
                if person.has_happened(ended).is_none() {
                    person.order::<()>(Order::TakeStock, PATIENCE).await?;
                    hang_up(person).await?;
                }
                let mut received: Received = person.order(Order::Report, PATIENCE).await?;
                retime(&mut received.pictures, &own_of_second);
                received
            }
            First::Guest(visitor, _) => {
                let (mut by_first, own_of_first) = visitor.received().await?;
                retime(&mut by_first.pictures, &own_of_second);
                retime(&mut by_second.pictures, &own_of_first);
                visitor.guest.leave().await?;
                by_first
            }
        };
        if let Some(folder) = &options.record {
            self.second.save(folder).await?;
            if let First::Guest(visitor, _) = &self.first {
                visitor.save(folder).await?;
            }
        }
        Ok([by_first, by_second])
    }

    async fn leave(self) -> Result<()> {
        self.second.guest.close().await?;
        match self.first {
            First::Person(person, _) => person.leave(PATIENCE).await,
            First::Guest(visitor, _) => visitor.guest.close().await,
        }
    }

    fn recorded_as(&self) -> [String; 2] {
        let first = match &self.first {
            First::Person(..) => NAMES[0].to_owned(),
            First::Guest(visitor, _) => visitor.recorded_as.clone(),
        };
        [first, self.second.recorded_as.clone()]
    }

    fn clips(&self) -> [Option<Clip>; 2] {
        let first = match &self.first {
            First::Person(..) => None,
            First::Guest(visitor, _) => visitor.clip.clone(),
        };
        [first, self.second.clip.clone()]
    }
}

impl Visitor {
    async fn sit_down(
        place: usize,
        browser: Browser,
        namespace: Option<Arc<Namespace>>,
        options: &CallOptions,
        homes: &Path,
        prefix: &str,
    ) -> Result<Visitor> {
        let name = NAMES[place];
        let home = homes.join(format!("guest-{name}"));
        std::fs::create_dir_all(&home)?;
        let clip = clip_of(options, place, &home)?;
        let seat = GuestSeat {
            name: name.to_owned(),
            browser,
            clip: clip.as_ref().map(|clip| clip.path.clone()),
            voice: Some(voice_of(options, place, &home)?),
            home,
            size: PAGE,
            namespace,
        };
        let keep = Keep {
            pictures: options.record.is_some() && options.sends_video(CallOptions::other(place)),
            sound: options.record.is_some(),
        };
        let guest = seat.sit_down().await.with_context(|| format!("{name}'s browser"))?;
        guest.expect_observers().await?;
        Ok(Visitor { guest, clip, keep, recorded_as: format!("{prefix}{name}") })
    }

    /// Opens the link and is ready to knock, observed.
    async fn enter(&self, link: &str) -> Result<()> {
        self.guest.enter(link).await?;
        if self.clip.is_none() {
            self.guest.leave_camera_off().await?;
        }
        self.guest.observe(self.keep).await
    }

    /// All of its processes as one. Memory is proportional: they share their program, which counts once.
    fn usage(&self) -> Option<Usage> {
        let sum = |sum: Usage, usage: Usage| Usage {
            cpu_seconds: sum.cpu_seconds + usage.cpu_seconds,
            rss_mib: sum.rss_mib + usage.rss_mib,
            ..sum
        };
        let proportional = |usage: Usage| Usage { rss_mib: usage.pss_mib.unwrap_or(usage.rss_mib), ..usage };
        self.guest.usage().into_iter().map(proportional).reduce(sum)
    }

    /// What was received, and when its own camera gave which picture.
    async fn received(&self) -> Result<(Received, Vec<crate::call::gate::Sighting>)> {
        let connections = self.guest.stats().await?;
        let notes = self.guest.notes().await?;
        Ok((notes.received(&connections), notes.shown()))
    }

    async fn save(&self, folder: &Path) -> Result<()> {
        self.guest.save(self.keep, folder, &self.recorded_as).await
    }
}

/// What the camera of the person at this place plays, if theirs is on: what the lab's own cameras give, as a file.
fn clip_of(options: &CallOptions, place: usize, home: &Path) -> Result<Option<Clip>> {
    if !options.sends_video(place) {
        return Ok(None);
    }
    let (path, sender) = (home.join("camera.y4m"), CallOptions::sender(place));
    match options.camera(place) {
        CameraChoice::File { path: film, .. } => stamp_clip(&path, sender, &film),
        CameraChoice::Pattern { .. } => write_clip(&path, sender, PATTERN.0, PATTERN.1, PATTERN_SECONDS),
        other => anyhow::bail!("a browser here plays files and the test picture, not {other}"),
    }
    .map(Some)
}

/// What the microphone of the person at this place plays. A tone is played without its times: nobody could read them.
fn voice_of(options: &CallOptions, place: usize, home: &Path) -> Result<PathBuf> {
    match options.microphone(place) {
        MicrophoneChoice::File(speech) => Ok(std::path::absolute(speech)?),
        MicrophoneChoice::Tone { hz } => {
            let path = home.join("microphone.wav");
            write_voice(&path, hz, PATTERN_SECONDS)?;
            Ok(path)
        }
        other => anyhow::bail!("a browser here plays files and the tone, not {other}"),
    }
}
