//! A space and two people in processes of their own, and the call that they hold.

use crate::peer::Remote;
use crate::peer::messages::{Happening, Order, Received};
use crate::process::{Program, Run};
use anyhow::{Context, Result};
use snug_call::device::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use snug_protocol::RoomId;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// For what happens at once on an idle machine; a busy one takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The people; the number of each's test picture is one more than the place here.
const NAMES: [&str; 2] = ["a", "b"];
/// The pitches of their test tones: far apart, and neither a multiple of the other.
const PITCHES: [f32; 2] = [440.0, 660.0];

/// What a call is held with.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// From the accepting on.
    pub length: Duration,
    /// The camera; test pictures get a sender of their own, files are stamped with one.
    pub camera: CameraChoice,
    /// The second person's, where it is another one: a real camera serves one program at a time.
    pub second_camera: Option<CameraChoice>,
    /// The microphone; test tones get a pitch of their own.
    pub microphone: MicrophoneChoice,
    /// The second person's, where it is another one.
    pub second_microphone: Option<MicrophoneChoice>,
    /// Both people's speaker.
    pub speaker: SpeakerChoice,
    /// Where to write what was seen and heard.
    pub record: Option<PathBuf>,
}

impl Default for CallOptions {
    /// Twenty seconds with test picture and tone.
    fn default() -> Self {
        Self {
            length: Duration::from_secs(20),
            camera: CameraChoice::Pattern { sender: 0 },
            second_camera: None,
            microphone: MicrophoneChoice::Tone { hz: PITCHES[0] },
            second_microphone: None,
            speaker: SpeakerChoice::Null,
            record: None,
        }
    }
}

impl CallOptions {
    /// The number in the test picture of the person at this place.
    pub fn sender(place: usize) -> u8 {
        place as u8 + 1
    }

    /// The pitch of the test tone of the person at this place.
    pub fn pitch(place: usize) -> f32 {
        PITCHES[place]
    }

    /// The camera of the person at this place.
    pub(super) fn camera(&self, place: usize) -> CameraChoice {
        let second = self.second_camera.as_ref().filter(|_| place == 1);
        match second.unwrap_or(&self.camera) {
            CameraChoice::Pattern { .. } => CameraChoice::Pattern { sender: Self::sender(place) },
            CameraChoice::File { path, .. } => {
                CameraChoice::File { path: path.clone(), stamp: Some(Self::sender(place)) }
            }
            device => device.clone(),
        }
    }

    /// The microphone of the person at this place.
    pub(super) fn microphone(&self, place: usize) -> MicrophoneChoice {
        let second = self.second_microphone.as_ref().filter(|_| place == 1);
        match second.unwrap_or(&self.microphone) {
            MicrophoneChoice::Tone { .. } => MicrophoneChoice::Tone { hz: PITCHES[place] },
            other => other.clone(),
        }
    }

    fn speaker(&self, place: usize) -> SpeakerChoice {
        match &self.record {
            Some(folder) => SpeakerChoice::File(folder.join(format!("{}-heard.wav", NAMES[place]))),
            None => self.speaker.clone(),
        }
    }
}

/// Two people in a room of a space, each a process.
#[derive(Debug)]
pub struct Party {
    people: [Remote; 2],
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

impl Party {
    /// Starts the server and both people; the second joins by the first's invitation.
    pub async fn gather(program: &Program, options: &CallOptions) -> Result<Party> {
        let run = Run::new();
        let homes = tempfile::tempdir()?;
        let home = homes.path();
        let mut space = start_space(&run, program, home, 0)?;
        let (link, code, _) = serving(&mut space).await?;
        let code = code.context("a fresh space has a set-up code")?;
        let person = |place: usize| {
            let record = options.record.as_ref().map(|folder| folder.join(format!("{}-saw", NAMES[place])));
            let devices = [
                ("camera", options.camera(place).to_string()),
                ("mic", options.microphone(place).to_string()),
                ("speaker", options.speaker(place).to_string()),
            ];
            start_person(&run, program, home, NAMES[place], &devices, record.as_deref())
        };
        let mut people = [person(0)?, person(1)?];
        let [first, second] = &mut people;
        first.order::<()>(Order::SetUp { server: link, code }, PATIENCE).await?;
        let room: RoomId = first.order(Order::CreateRoom { name: "Call".to_owned() }, PATIENCE).await?;
        let link: String = first.order(Order::Invite { room }, PATIENCE).await?;
        second.order::<()>(Order::Join { link }, PATIENCE).await?;
        for person in &mut people {
            person.order::<()>(Order::AwaitCompany { room }, PATIENCE).await?;
            person.happening("being online", PATIENCE, online).await?;
        }
        Ok(Party { people, _space: space, room, _homes: homes, _run: run })
    }

    /// What the two are called.
    pub fn names(&self) -> [&'static str; 2] {
        NAMES
    }

    /// Their processes.
    pub fn pids(&self) -> [Option<u32>; 2] {
        [self.people[0].pid(), self.people[1].pid()]
    }

    /// The first rings, and it rings at the second.
    pub async fn ring(&mut self) -> Result<()> {
        let [first, second] = &mut self.people;
        first.order::<()>(Order::Ring { room: self.room }, PATIENCE).await?;
        let rings = |happening: &Happening| (*happening == Happening::Rings).then_some(());
        second.happening("a ring", PATIENCE, rings).await
    }

    /// The second accepts, and media flows.
    pub async fn accept(&mut self) -> Result<Beginning> {
        let accepted_ms = self.people[1].order(Order::Accept, PATIENCE).await?;
        let mut connected_ms = [0.0; 2];
        for (person, at) in self.people.iter_mut().zip(&mut connected_ms) {
            *at = person.happening("a connection", PATIENCE, connected).await?;
        }
        Ok(Beginning { accepted_ms, connected_ms })
    }

    /// Lets the call go on until so long after the accepting.
    pub async fn go_on_until(&self, beginning: &Beginning, length: Duration) -> Result<()> {
        let now_ms = crate::windows::unix_ms() as f64;
        let left = length.as_secs_f64() - (now_ms - beginning.accepted_ms) / 1000.0;
        sleep(Duration::try_from_secs_f64(left.max(0.0))?).await;
        Ok(())
    }

    /// The first switches their camera, and it is switched when this returns.
    pub async fn switch_camera(&mut self, on: bool) -> Result<()> {
        self.people[0].order(Order::Camera { on }, PATIENCE).await
    }

    /// The first hangs up; gives what each received.
    pub async fn hang_up(&mut self) -> Result<[Received; 2]> {
        for person in &mut self.people {
            person.order::<()>(Order::TakeStock, PATIENCE).await?;
        }
        self.people[0].order::<()>(Order::HangUp, PATIENCE).await?;
        for person in &mut self.people {
            person.happening("the end of the call", PATIENCE, ended).await?;
        }
        let [first, second] = &mut self.people;
        Ok([first.order(Order::Report, PATIENCE).await?, second.order(Order::Report, PATIENCE).await?])
    }

    /// Both go home.
    pub async fn leave(self) -> Result<()> {
        for person in self.people {
            person.leave(PATIENCE).await?;
        }
        Ok(())
    }
}

fn online(happening: &Happening) -> Option<()> {
    (*happening == Happening::Online).then_some(())
}

fn connected(happening: &Happening) -> Option<f64> {
    match happening {
        Happening::Connected { at_ms } => Some(*at_ms as f64),
        _ => None,
    }
}

fn ended(happening: &Happening) -> Option<()> {
    matches!(happening, Happening::Ended { .. }).then_some(())
}

/// Starts a server in a process of its own, with its data under `home`; port 0 takes a free one.
pub fn start_space(run: &Run, program: &Program, home: &Path, port: u16) -> Result<Remote> {
    let data = home.join("space").display().to_string();
    let arguments = ["server", "--data", &data, "--port", &port.to_string()].map(str::to_owned);
    Remote::start(run, program, "space", &arguments, home)
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
    let data = home.join(format!("person-{name}")).display().to_string();
    let mut arguments = ["peer", "--name", name, "--data", &data].map(str::to_owned).to_vec();
    for (device, choice) in devices {
        arguments.extend([format!("--{device}"), choice.clone()]);
    }
    if let Some(record) = record {
        arguments.extend(["--record".to_owned(), record.display().to_string()]);
    }
    Remote::start(run, program, name, &arguments, home)
}
