//! The control task of one connection: carries out the session's outputs one after another, and tells what came of them.
//!
//! In order, because each step changes what the next means (rolling back must follow the offer that it takes back). Everything that webrtc does with
//! bytes from the other side is done under a guard: a panic in there ends this pair, not the program.

use super::channel::{ControlChannels, Heard};
use super::connection::{Connection, Told};
use super::description::{acceptable, concealed_candidate, ufrag};
use super::inbound::Inbound;
use super::outbound::{Outbound, Sending};
use super::shared::{Counters, Shared};
use super::turn::{CallRuntime, Plan, RelayNews, RelayProblem};
use crate::audio::{AudioPackets, PlayoutStream};
use crate::clock::Clock;
use crate::frames::Viewers;
use crate::session::{Candidate, Input, Link};
use crate::video::VideoSender;
use futures_util::FutureExt;
use rtc::peer_connection::configuration::RTCOfferOptions;
use snug_media::Bitrate;
use snug_media::bwe::{Estimate, Limits};
use snug_protocol::ice::IceServer;
use snug_protocol::pair::{CONTROL_CHANNEL, ChannelMessage};
use snug_protocol::{DeviceId, JoinId};
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::Instrument;
use webrtc::data_channel::RTCDataChannelInit;
use webrtc::peer_connection::{PeerConnection, RTCPeerConnectionState, RTCSessionDescription};

pub(crate) use super::connection::PeerSettings;

/// Commands to one connection. A session makes a handful at once; more wait only when webrtc hangs.
const COMMANDS: usize = 256;
/// Packets between the tap and the inbound task: a quarter of a second of 10 Mbit/s.
const ARRIVALS: usize = 512;
/// What a last message on the control channel needs to get out.
const LAST_WORDS: Duration = Duration::from_millis(120);
/// webrtc's own clean-up, TURN allocations included.
const CLOSING: Duration = Duration::from_millis(600);

/// What became of the relays; there is little to tell.
const RELAY_NEWS: usize = 16;

/// What the session wants done.
#[derive(Debug)]
pub(crate) enum PeerCommand {
    /// See [`session::Output`](crate::session::Output).
    MakeOffer { exchange: u32, restart: bool },
    /// See there.
    Rollback,
    /// See there.
    ApplyOffer { exchange: u32, sdp: String },
    /// See there.
    ApplyAnswer { exchange: u32, sdp: String },
    /// See there.
    AddCandidate(Candidate),
    /// Say this on the control channel; nothing before it is open.
    Say(ChannelMessage),
    /// Use these servers from the next restart on.
    Servers(Vec<IceServer>),
    /// This computer has these addresses now. `lost`: and one fewer of those that it had.
    Network { addresses: Arc<[IpAddr]>, lost: bool },
}

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// For the session.
    Session(Input),
    /// The control channel is open.
    ChannelOpen,
    /// The other side says on the control channel.
    Heard(ChannelMessage),
    /// The network takes more or less than before.
    Estimate(Estimate),
    /// No relay serves us.
    Relay(RelayProblem),
    /// The connection could not even be set up, or webrtc panicked.
    Broken,
}

/// Which pair.
pub(crate) type PairKey = (DeviceId, JoinId);

/// Which connection: a pair has one after another when they die.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerId {
    pub(crate) key: PairKey,
    /// From 0.
    pub(crate) number: u32,
}

/// What a connection is tied to.
pub(crate) struct PeerLinks {
    pub(crate) id: PeerId,
    pub(crate) clock: Clock,
    /// Between what the estimate of the network stays.
    pub(crate) limits: Limits,
    /// This side's sound.
    pub(crate) sound: AudioPackets,
    /// This side's pictures.
    pub(crate) source: Arc<VideoSender>,
    /// Where the other side is heard.
    pub(crate) playout: Arc<PlayoutStream>,
    /// Where the other side is seen.
    pub(crate) viewers: Arc<Viewers>,
    /// To the engine; awaited. The engine never waits for a peer, so this cannot close a circle.
    pub(crate) events: mpsc::Sender<(PeerId, PeerEvent)>,
}

/// A connection does not take commands any more.
#[derive(Debug)]
pub(crate) struct PeerGone;

/// A connection to one other device. Dropping it closes it.
pub(crate) struct Peer {
    commands: mpsc::Sender<PeerCommand>,
    sending: watch::Sender<Sending>,
    keyframe: Arc<Notify>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts the tasks; failures come as events.
    pub(crate) fn start(settings: PeerSettings, links: PeerLinks) -> Peer {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let sending = watch::Sender::new(Sending { connected: false, watched: true });
        let keyframe = Arc::new(Notify::new());
        let shared = Arc::new(Shared::new(links.clock, links.limits));
        let span = tracing::info_span!("peer", device = %links.id.key.0);
        let run =
            run(settings, links, orders, sending.subscribe(), Arc::clone(&keyframe), Arc::clone(&shared));
        let task = tokio::spawn(run.instrument(span));
        Peer { commands, sending, keyframe, shared, task }
    }

    /// Does not wait: a connection that has so much to do is stuck.
    pub(crate) fn command(&self, command: PeerCommand) -> Result<(), PeerGone> {
        self.commands.try_send(command).map_err(|_| PeerGone)
    }

    /// Whether media may flow.
    pub(crate) fn set_connected(&self, connected: bool) {
        if connected {
            self.shared.found_route();
        }
        self.sending.send_modify(|sending| sending.connected = connected);
    }

    /// Whether the other side shows our video.
    pub(crate) fn set_watched(&self, watched: bool) {
        self.sending.send_if_modified(|sending| std::mem::replace(&mut sending.watched, watched) != watched);
    }

    /// The most that this side's sources could send.
    pub(crate) fn set_wanted(&self, wanted: Bitrate) {
        self.shared.set_wanted(wanted);
    }

    /// A viewer needs a keyframe of the other side.
    pub(crate) fn request_keyframe(&self) {
        self.keyframe.notify_one();
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> PeerCounters {
        PeerCounters { counters: *self.shared.counters(), round_trip: self.shared.measured_rtt() }
    }

    /// Says what is still to be said, closes, and ends within a second.
    pub(crate) fn close(self) -> JoinHandle<()> {
        self.task
    }
}

/// What one connection counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeerCounters {
    pub(crate) counters: Counters,
    pub(crate) round_trip: Option<Duration>,
}

async fn run(
    settings: PeerSettings,
    links: PeerLinks,
    orders: mpsc::Receiver<PeerCommand>,
    sending: watch::Receiver<Sending>,
    keyframe: Arc<Notify>,
    shared: Arc<Shared>,
) {
    let PeerLinks { id, sound, source, playout, viewers, events, .. } = links;
    let (told, tidings) = mpsc::channel(COMMANDS);
    let (arrived, arrivals) = mpsc::channel(ARRIVALS);
    let (relays, relay_news) = mpsc::channel(RELAY_NEWS);
    let plan = Plan::new(0, &settings.ice_servers);
    let no_way = settings.relay_only && !plan.has_relays();
    if no_way && events.send((id, PeerEvent::Relay(RelayProblem::Missing))).await.is_err() {
        return;
    }
    let opening = guarded(Connection::open(&settings, plan, &shared, arrived, told, relays)).await;
    let Connection { peer, runtime, audio, video } = match opening {
        Ok(connection) => connection,
        Err(error) => {
            tracing::warn!(%error, "no peer connection");
            let _ = events.send((id, PeerEvent::Broken)).await;
            return;
        }
    };
    let mut media = JoinSet::new();
    let outbound = Outbound::new(Arc::clone(&shared), audio, Arc::clone(&video), Arc::clone(&source));
    media.spawn(outbound.run(sound, sending).in_current_span());
    let estimates = shared.estimate.subscribe();
    let inbound = Inbound::new(shared, video, source, playout, viewers);
    media.spawn(inbound.run(arrivals, keyframe).in_current_span());

    let (heard, hearing) = mpsc::channel(16);
    let channels = ControlChannels::new(heard);
    let control = Control {
        id,
        peer: Arc::clone(&peer),
        runtime,
        relay_only: settings.relay_only,
        plans: 0,
        servers: None,
        look_ups: JoinSet::new(),
        channels,
        events,
    };
    control.run(orders, tidings, relay_news, hearing, estimates).await;
    if tokio::time::timeout(CLOSING, guarded(peer.close())).await.is_err() {
        tracing::warn!("a connection that does not close is left to itself");
    }
}

pub(super) struct Control {
    id: PeerId,
    pub(super) peer: Arc<dyn PeerConnection>,
    pub(super) runtime: CallRuntime,
    pub(super) relay_only: bool,
    /// Names of relays below this are used up.
    pub(super) plans: u32,
    /// For the next restart.
    pub(super) servers: Option<Vec<IceServer>>,
    /// Candidates whose name is being looked up.
    pub(super) look_ups: JoinSet<Option<Candidate>>,
    channels: ControlChannels,
    events: mpsc::Sender<(PeerId, PeerEvent)>,
}

impl Control {
    async fn run(
        mut self,
        mut orders: mpsc::Receiver<PeerCommand>,
        mut tidings: mpsc::Receiver<Told>,
        mut relay_news: mpsc::Receiver<RelayNews>,
        mut hearing: mpsc::Receiver<Heard>,
        mut estimates: watch::Receiver<Option<Estimate>>,
    ) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.runtime.driver_ended() => Some(PeerEvent::Broken),
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                Some(told) = tidings.recv() => self.told(told).await,
                Some(news) = relay_news.recv() => self.relay(news).await,
                Some(Ok(Some(candidate))) = self.look_ups.join_next() => {
                    self.add_known_candidate(candidate).await;
                    None
                }
                Some(heard) = hearing.recv() => match heard {
                    Heard::Open(channel) => self.channels.opened(channel).then_some(PeerEvent::ChannelOpen),
                    Heard::Message(message) => Some(PeerEvent::Heard(message)),
                },
                Ok(()) = estimates.changed() => estimates.borrow_and_update().map(PeerEvent::Estimate),
            };
            if let Some(event) = event
                && self.events.send((self.id, event)).await.is_err()
            {
                break;
            }
        }
        tokio::time::sleep(LAST_WORDS).await;
    }

    async fn obey(&mut self, command: PeerCommand) -> Option<PeerEvent> {
        let input = match command {
            PeerCommand::MakeOffer { exchange, restart } => match self.offer(restart).await {
                Ok(sdp) => Input::OfferMade { exchange, sdp },
                Err(error) => refused(exchange, &error),
            },
            PeerCommand::Rollback => {
                let rollback = RTCSessionDescription::rollback(None).map_err(Failure::from);
                let done = match rollback {
                    Ok(rollback) => guarded(self.peer.set_local_description(rollback)).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = done {
                    tracing::debug!(%error, "nothing to roll back");
                }
                return None;
            }
            PeerCommand::ApplyOffer { exchange, sdp } => match self.answer(sdp).await {
                Ok(sdp) => Input::AnswerMade { exchange, sdp },
                Err(error) => refused(exchange, &error),
            },
            PeerCommand::ApplyAnswer { exchange, sdp } => match self.accept(sdp).await {
                Ok(()) => Input::AnswerApplied { exchange },
                Err(error) => refused(exchange, &error),
            },
            PeerCommand::AddCandidate(candidate) => {
                self.add_candidate(candidate).await;
                return None;
            }
            PeerCommand::Say(message) => {
                self.channels.say(&message).await;
                return None;
            }
            PeerCommand::Servers(servers) => {
                self.servers = Some(servers);
                return None;
            }
            PeerCommand::Network { addresses, lost } => self.moved(&addresses, lost).await,
        };
        Some(PeerEvent::Session(input))
    }

    async fn offer(&mut self, restart: bool) -> Result<String, Failure> {
        if !self.channels.created() {
            let init = RTCDataChannelInit { ordered: true, ..Default::default() };
            let channel = guarded(self.peer.create_data_channel(CONTROL_CHANNEL, Some(init))).await?;
            self.channels.made(channel);
        }
        if restart {
            self.renew_servers().await;
        }
        // Not by `restart_ice`, which gathers at once, for the generation that is about to end.
        let options = restart.then_some(RTCOfferOptions { ice_restart: true });
        let offer = guarded(self.peer.create_offer(options)).await?;
        let sdp = self.shown(&offer.sdp);
        guarded(self.peer.set_local_description(offer)).await?;
        Ok(sdp)
    }

    async fn answer(&mut self, sdp: String) -> Result<String, Failure> {
        acceptable(&sdp).map_err(Failure::Unacceptable)?;
        let before = self.peer.remote_description().await.and_then(|before| ufrag(&before.sdp));
        if before != ufrag(&sdp) {
            // It restarts, and so do we.
            self.renew_servers().await;
        }
        let offer = guarded(async { RTCSessionDescription::offer(sdp) }).await?;
        guarded(self.peer.set_remote_description(offer)).await?;
        match self.answer_applied().await {
            Ok(sdp) => Ok(sdp),
            Err(error) => {
                // Half applied; the next offer must find the connection as it was.
                if let Ok(rollback) = RTCSessionDescription::rollback(None) {
                    let _ = guarded(self.peer.set_remote_description(rollback)).await;
                }
                Err(error)
            }
        }
    }

    async fn answer_applied(&self) -> Result<String, Failure> {
        let answer = guarded(self.peer.create_answer(None)).await?;
        let sdp = self.shown(&answer.sdp);
        guarded(self.peer.set_local_description(answer)).await?;
        Ok(sdp)
    }

    async fn accept(&self, sdp: String) -> Result<(), Failure> {
        acceptable(&sdp).map_err(Failure::Unacceptable)?;
        let answer = guarded(async { RTCSessionDescription::answer(sdp) }).await?;
        guarded(self.peer.set_remote_description(answer)).await
    }

    async fn told(&mut self, told: Told) -> Option<PeerEvent> {
        let input = match told {
            Told::Candidate(candidate) => {
                let candidate = if self.relay_only { concealed_candidate(&candidate)? } else { candidate };
                let local = self.peer.local_description().await;
                let ufrag = local.and_then(|description| ufrag(&description.sdp));
                Input::LocalCandidate(Candidate { candidate, mid: None, line: Some(0), ufrag })
            }
            Told::State(state) => {
                tracing::debug!(?state, "connection");
                match state {
                    RTCPeerConnectionState::Connected => Input::Link(Link::Connected),
                    RTCPeerConnectionState::Disconnected => Input::Link(Link::Disconnected),
                    RTCPeerConnectionState::Failed => Input::Link(Link::Failed),
                    _ => return None,
                }
            }
            Told::Channel(channel) => {
                self.channels.offered(channel);
                return None;
            }
        };
        Some(PeerEvent::Session(input))
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Unacceptable(&'static str),
    #[error(transparent)]
    Webrtc(#[from] webrtc::error::Error),
    #[error("webrtc panicked")]
    Panicked,
}

fn refused(exchange: u32, error: &Failure) -> Input {
    tracing::warn!(%error, "a description cannot be applied");
    Input::Refused { exchange }
}

/// Runs a call into webrtc so that a panic in there is an error here.
pub(super) async fn guarded<T>(call: impl Future<Output = webrtc::error::Result<T>>) -> Result<T, Failure> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(result) => result.map_err(Failure::from),
        Err(_) => Err(Failure::Panicked),
    }
}
