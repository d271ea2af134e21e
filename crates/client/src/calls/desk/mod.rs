//! The task that owns ringing and call: takes what happens, in order, and does what the ringing decides.
//!
//! Nothing here waits for the network: requests run beside it and come back as [`Done`].

mod engine;
mod guests;
mod orders;
mod rings;

use super::current::Current;
use super::ending::Cause;
use super::ice::IceList;
use super::news::ring_event;
use super::{Parts, Studio};
use crate::core::Core;
use crate::net::{Http, api};
use crate::signal::{SignalNews, SignalSender};
use crate::store::Me;
use crate::sync::CallNews;
use crate::view::{CallPhase, CallView, ChatLine, DeviceKind, OwnMedia, Problem, Update};
use ed25519_dalek::SigningKey;
use snug_call::session::{RingInput, RingState, Ringing, Rung};
use snug_call::{CallEvent, CallStats, Clock, VideoSource};
use snug_protocol::signal::{Participant, ServerSignal};
use snug_protocol::{CallId, DeviceId, RoomId};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use guests::Verdict;

type Reply<T> = oneshot::Sender<T>;

/// What the person wants.
pub(super) enum Order {
    Ring { room: RoomId, video: bool, reply: Reply<Result<(), Problem>> },
    Accept { video: bool, reply: Reply<Result<(), Problem>> },
    Decline { reply: Reply<()> },
    HangUp { reply: Reply<()> },
    Microphone { on: bool, reply: Reply<()> },
    Camera { on: bool, reply: Reply<()> },
    DeviceChosen { kind: DeviceKind, reply: Reply<()> },
    Tile { device: DeviceId, width: u32, height: u32 },
    Keyframe { source: VideoSource },
    Guest { device: DeviceId, verdict: Verdict, reply: Reply<Result<(), Problem>> },
    Say { text: String, reply: Reply<Result<(), Problem>> },
    Chat { reply: Reply<Vec<ChatLine>> },
    Stats { reply: Reply<Result<CallStats, Problem>> },
    Close { reply: Reply<()> },
}

/// What ran beside the desk and is done.
enum Done {
    Ice(Option<IceList>),
    Rang,
    /// The call cannot begin.
    Failed(CallId, Problem),
    Left,
}

pub(super) struct Desk {
    core: Arc<Core>,
    studio: Arc<Studio>,
    me: Me,
    key: SigningKey,
    http: Http,
    signal: SignalSender,
    from_log: mpsc::Receiver<CallNews>,
    from_socket: mpsc::Receiver<SignalNews>,
    orders: mpsc::Receiver<Order>,
    publisher: watch::Sender<Option<CallView>>,
    clock: Clock,
    ringing: Ringing,
    current: Option<Current>,
    /// Whether the camera shall be on when the call begins: what the person said as they rang or accepted.
    video: bool,
    peer_name: String,
    /// Who was in the call that rings when it was looked into.
    seen: Option<(CallId, Vec<Participant>)>,
    /// A call that is over, still shown until then.
    ended: Option<(CallView, Instant)>,
    /// Renewed as long as anything rings or goes on.
    ice: Option<IceList>,
    /// This computer's addresses, whenever they change.
    addresses: watch::Receiver<Arc<[IpAddr]>>,
    beside: JoinSet<Done>,
    /// Calls that say goodbye at the moment.
    leaving: usize,
    /// Whoever waits for everything to be over.
    closing: Option<Reply<()>>,
}

impl Desk {
    pub(super) fn new(
        parts: Parts,
        orders: mpsc::Receiver<Order>,
        publisher: watch::Sender<Option<CallView>>,
    ) -> Self {
        let Parts { core, studio, me, key, http, signal, from_log, from_socket } = parts;
        Self {
            addresses: core.addresses.subscribe(),
            core,
            studio,
            me,
            key,
            http,
            signal,
            from_log,
            from_socket,
            orders,
            publisher,
            clock: Clock::shared(),
            ringing: Ringing::new(me.user, me.device),
            current: None,
            video: false,
            peer_name: String::new(),
            seen: None,
            ended: None,
            ice: None,
            beside: JoinSet::new(),
            leaving: 0,
            closing: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let ring_due = self.ringing.next_deadline().map(|at| Instant::from_std(self.clock.instant(at)));
            let renew_ice = self.rung().and(self.ice.as_ref()).map(IceList::renew_at);
            let shown_until = self.ended.as_ref().map(|(_, until)| *until);
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.order(order).await,
                    None => return,
                },
                Some(news) = self.from_log.recv() => {
                    if let Some(event) = ring_event(&news) {
                        self.ring_event(event).await;
                    }
                }
                Some(news) = self.from_socket.recv() => self.socket(news).await,
                event = next_event(&mut self.current) => self.call_event(event).await,
                Some(done) = self.beside.join_next() => match done {
                    Ok(done) => self.done(done).await,
                    Err(error) => tracing::error!(%error, "something beside the calls failed"),
                },
                () = until(ring_due) => {
                    let before = self.view();
                    let outputs = self.ringing.poll(self.clock.now());
                    self.follow(before, Cause::Clock, outputs).await;
                }
                () = until(renew_ice) => self.fetch_ice(),
                Ok(()) = self.addresses.changed() => self.network_changed().await,
                () = until(shown_until) => self.ended = None,
            }
            self.publish();
            if self.leaving == 0
                && let Some(reply) = self.closing.take()
            {
                // Whoever closes may have given up.
                let _ = reply.send(());
            }
        }
    }

    async fn socket(&mut self, news: SignalNews) {
        match news {
            SignalNews::Up => {
                self.fetch_ice();
                self.look();
                if let Some(current) = &self.current {
                    let _ = current.call.socket_connected().await;
                }
            }
            SignalNews::Down => {
                if let Some(current) = &mut self.current {
                    current.forget_knocking();
                    let _ = current.call.socket_lost().await;
                }
            }
            SignalNews::Signal(ServerSignal::CallState { call, people, guests, .. }) => {
                // With guests alone it goes on; an empty list would mean that it is over.
                if guests.is_empty() || !people.is_empty() {
                    self.ring_input(RingInput::People { call, people }).await;
                }
            }
            SignalNews::Signal(
                signal @ (ServerSignal::GuestKnocking { .. } | ServerSignal::GuestSettled { .. }),
            ) => self.door(&signal),
            SignalNews::Signal(signal) => match (&self.current, signal) {
                (Some(current), signal) => {
                    let _ = current.call.server_signal(signal).await;
                }
                (None, ServerSignal::Roster { call, members }) => self.seen = Some((call, members)),
                (None, _) => {}
            },
        }
    }

    async fn network_changed(&mut self) {
        let addresses = self.addresses.borrow_and_update().to_vec();
        if let Some(current) = &self.current {
            let _ = current.call.network_changed(addresses).await;
        }
    }

    /// Asks for the list, beside us; until it is there, nobody asks again.
    fn fetch_ice(&mut self) {
        if let Some(list) = &mut self.ice {
            list.put_off(Instant::now());
        }
        let http = self.http.clone();
        self.beside.spawn(async move { Done::Ice(ice_servers(&http).await) });
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Ice(None) => {}
            Done::Ice(Some(list)) => {
                if let Some(current) = &self.current {
                    let _ = current.call.set_ice_servers(list.servers.clone()).await;
                }
                self.ice = Some(list);
            }
            Done::Rang => {}
            Done::Failed(call, problem) => {
                if self.rung().is_some_and(|rung| rung.call == call) {
                    self.core.updates.problem(problem);
                    self.give_up().await;
                }
            }
            Done::Left => {
                self.leaving = self.leaving.saturating_sub(1);
                self.tell_socket();
            }
        }
    }

    /// What rings or goes on.
    fn rung(&self) -> Option<Rung> {
        match self.ringing.state() {
            RingState::Idle => None,
            RingState::Outgoing(rung) | RingState::Incoming(rung) | RingState::InCall(rung) => Some(rung),
        }
    }

    fn view(&self) -> Option<CallView> {
        let rung = self.rung()?;
        let current = self.current.as_ref().filter(|current| current.rung.call == rung.call);
        let connected_at = current.and_then(|current| current.connected_at);
        let phase = match self.ringing.state() {
            RingState::Incoming(_) => CallPhase::Incoming,
            RingState::Outgoing(_) => CallPhase::Outgoing,
            _ if connected_at.is_some() => CallPhase::Active,
            _ => CallPhase::Connecting,
        };
        let silent = OwnMedia {
            microphone: false,
            camera: false,
            speaking: false,
            camera_problem: None,
            microphone_problem: None,
        };
        Some(CallView {
            call: rung.call,
            room: rung.room,
            phase,
            video: rung.video,
            peer_name: self.peer_name.clone(),
            connected_at,
            own: current.map_or(silent, |current| current.own.clone()),
            peers: current.map(Current::peers).unwrap_or_default(),
            knocking: current.map(Current::knocking).unwrap_or_default(),
        })
    }

    /// Tells the interface, when there is anything new to tell.
    fn publish(&self) {
        let view = self.view().or_else(|| self.ended.as_ref().map(|(view, _)| view.clone()));
        let changed = self.publisher.send_if_modified(|shown| {
            let changed = *shown != view;
            shown.clone_from(&view);
            changed
        });
        if changed {
            self.core.updates.send(Update::Call { call: view });
        }
    }
}

async fn next_event(current: &mut Option<Current>) -> Option<CallEvent> {
    match current {
        Some(current) => current.events.next().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn ice_servers(http: &Http) -> Option<IceList> {
    match api::ice(http).await {
        Ok(list) => Some(IceList::new(Instant::now(), list, &http.dialer().address())),
        Err(failure) => {
            tracing::warn!(%failure, "no list of ICE servers");
            None
        }
    }
}

fn not_now(why: &str) -> Problem {
    Problem { code: "call_failed".into(), detail: why.to_owned() }
}
