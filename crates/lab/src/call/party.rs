//! A space and two people in processes of their own, and the call that they hold.

use super::CallOptions;
use crate::net::{Namespace, Network};
use crate::peer::Remote;
use crate::peer::messages::{Happening, Order, Received};
use crate::process::{Program, Run};
use anyhow::{Context, Result};
use snug_protocol::RoomId;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// For what happens at once on an idle machine; a busy one takes its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The people of all calls, call by call; the number of each's test picture is one more than the place here.
pub(super) const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// A person's arguments.
const DEVICES: [&str; 3] = ["--camera", "--mic", "--speaker"];
/// How many calls there are names for.
pub const MAX_CALLS: usize = NAMES.len() / 2;
/// What a first caller may take to hear that the other one has hung up, before the other end is told to hang up, too.
const GOODBYE: Duration = Duration::from_secs(10);

/// Two people in a room of a space, each a process.
#[derive(Debug)]
pub struct Party {
    people: [Remote; 2],
    /// Their places among the people of all calls.
    places: [usize; 2],
    cameras: [bool; 2],
    _space: Remote,
    room: RoomId,
    /// After the people, so that it ends what is left of them…
    _run: Run,
    /// …and before their folders, so that nobody writes there any more when these go.
    _homes: TempDir,
}

/// How a call began, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// When the second person accepted.
    pub accepted_ms: f64,
    /// When media was connected at each.
    pub connected_ms: [f64; 2],
}

impl Beginning {
    /// Waits until so long after the accepting.
    pub async fn go_on_for(&self, length: Duration) -> Result<()> {
        let now_ms = crate::windows::unix_ms() as f64;
        let left = length.as_secs_f64() - (now_ms - self.accepted_ms) / 1000.0;
        sleep(Duration::try_from_secs_f64(left.max(0.0))?).await;
        Ok(())
    }
}

impl Party {
    /// Starts the server and both people; the second joins by the first's invitation. On this computer's loopback.
    pub async fn gather(program: &Program, options: &CallOptions) -> Result<Party> {
        Party::gather_on(None, 0, program, options).await
    }

    /// The same for the call with this number, each process in its place of an emulated network if there is one.
    pub async fn gather_on(
        network: Option<&Network>,
        call: usize,
        program: &Program,
        options: &CallOptions,
    ) -> Result<Party> {
        let run = Run::new();
        let homes = tempfile::tempdir()?;
        let stage = Stage {
            run: &run,
            program,
            home: homes.path(),
            size: options.size,
            deaf: options.speaks_recordings(),
        };
        let places = [call * 2, call * 2 + 1];
        let at = network.map(Network::server);
        let listen = SocketAddr::from((at.map_or(Ipv4Addr::LOCALHOST, |(_, address)| address), 0));
        let mut space = stage.space(listen, at.map(|(namespace, _)| namespace))?;
        let (link, code, _) = serving(&mut space).await?;
        let code = code.context("a fresh space has a set-up code")?;
        let person = |place: usize| {
            let name = NAMES[place];
            let record = options.record.as_ref().map(|folder| folder.join(format!("{name}-saw")));
            let namespace = network.map(|network| network.person(place).as_ref());
            stage.person(name, &options.devices(place, name), record.as_deref(), namespace)
        };
        let mut people = [person(places[0])?, person(places[1])?];
        let [first, second] = &mut people;
        first.order::<()>(Order::SetUp { server: link, code }, PATIENCE).await?;
        let room: RoomId = first.order(Order::CreateRoom { name: "Call".to_owned() }, PATIENCE).await?;
        let link: String = first.order(Order::Invite { room }, PATIENCE).await?;
        second.order::<()>(Order::Join { link }, PATIENCE).await?;
        for person in &mut people {
            person.order::<()>(Order::AwaitCompany { room }, PATIENCE).await?;
            person.happening("being online", PATIENCE, online).await?;
        }
        let cameras = places.map(|place| options.sends_video(place));
        Ok(Party { people, places, cameras, _space: space, room, _homes: homes, _run: run })
    }

    /// Their places among the people of all calls.
    pub fn places(&self) -> [usize; 2] {
        self.places
    }

    /// What the two are called.
    pub fn names(&self) -> [&'static str; 2] {
        self.places.map(|place| NAMES[place])
    }

    /// Their processes.
    pub fn pids(&self) -> [Option<u32>; 2] {
        [self.people[0].pid(), self.people[1].pid()]
    }

    /// The first rings, and it rings at the second.
    pub async fn ring(&mut self) -> Result<()> {
        let [first, second] = &mut self.people;
        first.order::<()>(Order::Ring { room: self.room, camera: self.cameras[0] }, PATIENCE).await?;
        let rings = |happening: &Happening| (*happening == Happening::Rings).then_some(());
        second.happening("a ring", PATIENCE, rings).await
    }

    /// The second accepts, and media flows.
    pub async fn accept(&mut self) -> Result<Beginning> {
        let accept = Order::Accept { camera: self.cameras[1] };
        let accepted_ms = self.people[1].order(accept, PATIENCE).await?;
        let mut connected_ms = [0.0; 2];
        for (person, at) in self.people.iter_mut().zip(&mut connected_ms) {
            *at = person.happening("a connection", PATIENCE, connected).await?;
        }
        Ok(Beginning { accepted_ms, connected_ms })
    }

    /// The first switches their camera, and it is switched when this returns.
    pub async fn switch_camera(&mut self, on: bool) -> Result<()> {
        self.people[0].order(Order::Camera { on }, PATIENCE).await
    }

    /// The first hangs up; gives what each received. A call that is over already is no error: see [`Party::ended_early`].
    pub async fn hang_up(&mut self) -> Result<[Received; 2]> {
        for person in &mut self.people {
            if person.has_happened(ended).is_none() {
                person.order::<()>(Order::TakeStock, PATIENCE).await?;
            }
        }
        let [first, second] = &mut self.people;
        hang_up(first).await?;
        // Where the network took the way to the server away, the second does not hear of it.
        let heard = second.happening("the end of the call", GOODBYE, ended).await;
        if heard.is_err() {
            hang_up(second).await?;
        }
        Ok([first.order(Order::Report, PATIENCE).await?, second.order(Order::Report, PATIENCE).await?])
    }

    /// Whose call is over although nobody hung up. To be asked before [`Party::hang_up`].
    pub fn ended_early(&mut self) -> Vec<&'static str> {
        let named = self.names().into_iter().zip(&mut self.people);
        named.filter_map(|(name, person)| person.has_happened(ended).map(|()| name)).collect()
    }

    /// Both go home.
    pub async fn leave(self) -> Result<()> {
        for person in self.people {
            person.leave(PATIENCE).await?;
        }
        Ok(())
    }
}

/// Ends the call at one end, if it is not over there.
pub(super) async fn hang_up(person: &mut Remote) -> Result<()> {
    if person.has_happened(ended).is_none() {
        person.order::<()>(Order::HangUp, PATIENCE).await?;
    }
    person.happening("the end of the call", PATIENCE, ended).await
}

pub(super) fn online(happening: &Happening) -> Option<()> {
    (*happening == Happening::Online).then_some(())
}

pub(super) fn connected(happening: &Happening) -> Option<f64> {
    match happening {
        Happening::Connected { at_ms } => Some(*at_ms as f64),
        _ => None,
    }
}

pub(super) fn ended(happening: &Happening) -> Option<()> {
    matches!(happening, Happening::Ended { .. }).then_some(())
}

/// Starts a server in a process of its own, with its data under `home`; port 0 takes a free one.
pub fn start_space(run: &Run, program: &Program, home: &Path, port: u16) -> Result<Remote> {
    Stage { run, program, home, size: None, deaf: false }
        .space(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), None)
}

/// Waits until a server takes connections: its link, its set-up code while it has no owner, and its port.
pub async fn serving(space: &mut Remote) -> Result<(String, Option<String>, u16)> {
    let serving = |happening: &Happening| match happening {
        Happening::Serving { link, setup_code, port } => Some((link.clone(), setup_code.clone(), *port)),
        _ => None,
    };
    space.happening("a running server", PATIENCE, serving).await
}

/// Starts a person in a process of their own, with their data under `home`.
pub fn start_person(
    run: &Run,
    program: &Program,
    home: &Path,
    name: &str,
    devices: &[(&str, String); 3],
    record: Option<&Path>,
) -> Result<Remote> {
    let devices = devices.clone().map(|(_, choice)| choice);
    Stage { run, program, home, size: None, deaf: false }.person(name, &devices, record, None)
}

/// Where processes come from and keep their data.
pub(super) struct Stage<'a> {
    pub(super) run: &'a Run,
    pub(super) program: &'a Program,
    pub(super) home: &'a Path,
    /// The largest picture that is asked of cameras.
    pub(super) size: Option<(u32, u32)>,
    /// Whether nobody listens for test tones.
    pub(super) deaf: bool,
}

impl Stage<'_> {
    pub(super) fn space(&self, listen: SocketAddr, namespace: Option<&Namespace>) -> Result<Remote> {
        let data = self.home.join("space").display().to_string();
        let arguments = ["server", "--data", &data, "--listen", &listen.to_string()].map(str::to_owned);
        Remote::start(self.run, self.program, "space", &arguments, self.home, namespace)
    }

    /// `devices` are camera, microphone and speaker.
    pub(super) fn person(
        &self,
        name: &str,
        devices: &[String; 3],
        record: Option<&Path>,
        namespace: Option<&Namespace>,
    ) -> Result<Remote> {
        let data = self.home.join(format!("person-{name}")).display().to_string();
        let mut arguments = ["peer", "--name", name, "--data", &data].map(str::to_owned).to_vec();
        for (device, choice) in DEVICES.into_iter().zip(devices) {
            arguments.extend([device.to_owned(), choice.clone()]);
        }
        if let Some(record) = record {
            arguments.extend(["--record".to_owned(), record.display().to_string()]);
        }
        if let Some((width, height)) = self.size {
            arguments.extend(["--size".to_owned(), format!("{width}x{height}")]);
        }
        if namespace.is_some() {
            arguments.push("--networked".to_owned());
        }
        if self.deaf {
            arguments.push("--deaf".to_owned());
        }
        Remote::start(self.run, self.program, name, &arguments, self.home, namespace)
    }
}
