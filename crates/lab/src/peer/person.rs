//! A person without a window: a client that does orders and notes what it sees and hears.

use super::ears::Ears;
use super::eyes::Eyes;
use super::messages::{Happening, Line, Numbered, Order, Received};
use super::stock::{Stock, Targets};
use super::tell;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use snug_call::Clock;
use snug_call::device::VideoFormat;
use snug_client::view::{CallPhase, CallView, Connection, ItemBody, NewAccount, Problem, Update};
use snug_client::{Attention, Client, ClientConfig, DeviceOverrides, Keyring, StreamName, Updates};
use snug_protocol::room::Membership;
use snug_protocol::{CallId, DeviceId, RoomId};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;

/// Good enough for an account that lives as long as a measurement.
const PASSWORD: &str = "for a measurement only";
/// Items of a timeline that are asked for at once.
const PAGE: u32 = 200;

/// Who a person is and what they bring along.
#[derive(Clone, Debug)]
pub struct PersonOptions {
    /// Their name, also their account's.
    pub name: String,
    /// Where their client keeps its store; one that exists is gone on with.
    pub data: PathBuf,
    /// Their devices.
    pub devices: DeviceOverrides,
    /// Where to write what they see.
    pub record: Option<PathBuf>,
    /// The largest picture that is asked of their camera, in pixels; 1280×720 when absent.
    pub size: Option<(u32, u32)>,
    /// Whether others live elsewhere: on this computer alone a call needs the loopback.
    pub networked: bool,
    /// Whether they listen to nothing: in a recording there are no times to be heard, and looking for them is a seventh of a
    /// receiver's work.
    pub deaf: bool,
}

/// Lives until told to leave, or until nobody gives orders any more.
pub async fn live(options: PersonOptions) -> Result<()> {
    let (ears, eardrum) = Ears::open();
    let usual = ClientConfig::new(&options.data);
    let (width, height) = options.size.unwrap_or((usual.video_format.width, usual.video_format.height));
    let config = ClientConfig {
        device_name: options.name.clone(),
        keyring: Keyring::File,
        developer: true,
        devices: options.devices.clone(),
        video_format: VideoFormat { width, height, ..usual.video_format },
        include_loopback: !options.networked,
        ..usual
    };
    let (client, updates) = Client::open(config).await.map_err(problem)?;
    if !options.deaf {
        client.set_hearing(move || {
            let eardrum = eardrum.clone();
            Box::new(move |first, samples| eardrum.beat(first, samples))
        });
    }
    client.set_attention(Attention { open: true, focused: true, room: None });
    let (rooms_changed, rooms) = watch::channel(());
    let eyes = Arc::<Mutex<Vec<Eyes>>>::default();
    let follower = Follower {
        client: client.clone(),
        eyes: eyes.clone(),
        rooms_changed,
        call: None,
        record: options.record,
    };
    let follower = tokio::spawn(follower.follow(updates));
    let person = Person {
        name: options.name,
        client: client.clone(),
        rooms,
        ears,
        eyes,
        stock: Stock::default(),
        targets: Targets::follow(&client),
    };
    tell(&Line::Happened(Happening::Ready));
    let orders = person.obey().await;
    client.close().await;
    follower.await?;
    orders
}

fn problem(problem: Problem) -> anyhow::Error {
    anyhow!(problem)
}

struct Person {
    name: String,
    client: Client,
    /// Marked as changed by the follower whenever the rooms may have.
    rooms: watch::Receiver<()>,
    ears: Ears,
    /// Opened by the follower; held for a few lines by either.
    eyes: Arc<Mutex<Vec<Eyes>>>,
    /// What [`Order::TakeStock`] found.
    stock: Stock,
    targets: Targets,
}

impl Person {
    async fn obey(mut self) -> Result<()> {
        let mut orders = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = orders.next_line().await? {
            let Numbered { id, order } =
                serde_json::from_str(&line).with_context(|| format!("no order: {line}"))?;
            if order == Order::Leave {
                break;
            }
            tell(&match self.obey_one(order).await {
                Ok(value) => Line::Done { id, value },
                Err(error) => Line::Refused { id, why: format!("{error:#}") },
            });
        }
        Ok(())
    }

    async fn obey_one(&mut self, order: Order) -> Result<Value> {
        let client = &self.client;
        match order {
            Order::SetUp { server, code } => {
                client.set_up(&server, &code, "Lab", self.account(), false).await.map_err(problem)?;
            }
            Order::Join { link } => drop(client.join(&link, self.account()).await.map_err(problem)?),
            Order::CreateRoom { name } => {
                return Ok(json!(client.create_room(&name, "").await.map_err(problem)?));
            }
            Order::Invite { room } => {
                return Ok(json!(client.invitation_link(&[room], 1).await.map_err(problem)?));
            }
            Order::AwaitCompany { room } => self.await_company(room).await?,
            Order::Ring { room, camera } => client.ring(room, camera).await.map_err(problem)?,
            Order::Accept { camera } => {
                let clock = Clock::shared();
                let at_ms = clock.unix_micros(clock.now()) as f64 / 1000.0;
                client.accept(camera).await.map_err(problem)?;
                return Ok(json!(at_ms));
            }
            Order::Camera { on } => client.set_camera(on).await.map_err(problem)?,
            Order::TakeStock => {
                let stats = client.call_stats().await.map_err(problem)?;
                self.stock = stats.pairs.iter().fold(Stock::default(), Stock::with);
            }
            Order::HangUp => client.hang_up().await.map_err(problem)?,
            Order::Report => return Ok(serde_json::to_value(self.report().await?)?),
            Order::Say { room, text } => drop(client.send(room, &text).await.map_err(problem)?),
            Order::Texts { room } => return self.texts(room).await,
            Order::Leave => {}
        }
        Ok(Value::Null)
    }

    fn account(&self) -> NewAccount {
        NewAccount {
            // Names may be shorter than an account's.
            username: format!("peer-{}", self.name.to_lowercase()),
            display_name: self.name.clone(),
            password: PASSWORD.to_owned(),
        }
    }

    async fn await_company(&mut self, room: RoomId) -> Result<()> {
        loop {
            self.rooms.mark_unchanged();
            let rooms = self.client.rooms().await.map_err(problem)?;
            let members = rooms.iter().find(|summary| summary.id == room).map(|summary| &summary.members);
            let joined =
                members.into_iter().flatten().filter(|member| member.membership == Membership::Joined);
            if joined.count() >= 2 {
                return Ok(());
            }
            self.rooms.changed().await.context("the client was closed")?;
        }
    }

    /// What was received in the call, which must be over.
    async fn report(&self) -> Result<Received> {
        let eyes = std::mem::take(&mut *self.eyes.lock().unwrap_or_else(PoisonError::into_inner));
        let seen =
            tokio::task::spawn_blocking(|| eyes.into_iter().map(Eyes::report).collect::<Result<Vec<_>>>());
        let mut received = Received::default();
        for seen in seen.await?? {
            (received.width, received.height) = (seen.width, seen.height);
            received.video_bytes += seen.video_bytes;
            received.undecodable += seen.undecodable;
            received.sizes.extend(seen.sizes);
            received.pictures.extend(seen.pictures);
        }
        self.ears.report(&mut received);
        self.stock.report(&mut received);
        received.sent.targets = self.targets.take();
        Ok(received)
    }

    async fn texts(&self, room: RoomId) -> Result<Value> {
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let page = self.client.timeline(room, before, PAGE).await.map_err(problem)?;
            let first = page.items.iter().find_map(|item| item.seq);
            if !page.at_start && (first.is_none() || first == before) {
                bail!("a page that begins nowhere, and is not the first");
            }
            before = first;
            pages.push(page.items);
            if page.at_start {
                break;
            }
        }
        let items = pages.into_iter().rev().flatten();
        let texts = items.filter_map(|item| match item.body {
            ItemBody::Text { text } => Some(json!({ "text": text, "sent": item.seq.is_some() })),
            _ => None,
        });
        Ok(texts.collect())
    }
}

/// Follows what happens to the client: tells of it, and opens eyes for each picture that comes.
struct Follower {
    client: Client,
    eyes: Arc<Mutex<Vec<Eyes>>>,
    rooms_changed: watch::Sender<()>,
    /// The call that was told of, and how far.
    call: Option<(CallId, CallPhase)>,
    record: Option<PathBuf>,
}

impl Follower {
    async fn follow(mut self, mut updates: Updates) {
        let mut streams = self.client.streams();
        let mut watched = BTreeSet::new();
        loop {
            tokio::select! {
                update = updates.next() => match update {
                    Some(update) => self.notice(update),
                    None => break,
                },
                Ok(()) = streams.changed() => {
                    let now: BTreeSet<DeviceId> = streams.borrow_and_update().iter().filter_map(peer_of).collect();
                    now.difference(&watched).for_each(|device| self.look_at(*device));
                    watched = now;
                }
            }
        }
    }

    fn look_at(&mut self, device: DeviceId) {
        let mut eyes = self.eyes.lock().unwrap_or_else(PoisonError::into_inner);
        // A camera that is switched off and on again begins a new recording.
        let record = self.record.as_ref().map(|file| file.with_extension(format!("{}.ivf", eyes.len() + 1)));
        eyes.extend(Eyes::open(&self.client, StreamName::Peer(device), record));
    }

    fn notice(&mut self, update: Update) {
        let happening = match update {
            Update::Connection { connection: Connection::Online } => Happening::Online,
            Update::Problem { problem } => Happening::Problem { what: problem.to_string() },
            Update::Call { call } => return self.notice_call(call),
            Update::Rooms => return self.rooms_changed.send_replace(()),
            _ => return,
        };
        tell(&Line::Happened(happening));
    }

    fn notice_call(&mut self, call: Option<CallView>) {
        let before = self.call;
        self.call = call.as_ref().map(|view| (view.call, view.phase));
        if self.call == before {
            return;
        }
        let over = |phase| matches!(phase, CallPhase::Ended(_));
        let happening = match &call {
            Some(CallView { phase: CallPhase::Incoming, .. }) => Happening::Rings,
            Some(CallView { phase: CallPhase::Active, connected_at: Some(at), .. }) => {
                Happening::Connected { at_ms: at.0 }
            }
            Some(CallView { phase: CallPhase::Ended(end), .. }) => {
                Happening::Ended { why: format!("{end:?}") }
            }
            None if before.is_some_and(|(_, phase)| !over(phase)) => {
                Happening::Ended { why: "gone".to_owned() }
            }
            _ => return,
        };
        tell(&Line::Happened(happening));
    }
}

fn peer_of(stream: &StreamName) -> Option<DeviceId> {
    match stream {
        StreamName::Peer(device) => Some(*device),
        StreamName::Own | StreamName::Preview => None,
    }
}
