//! webrtc's slot for a runtime, filled: tokio's, with sockets and name look-ups of ours.

use super::nudge::Nudge;
use super::outcome::{Outcome, RelayNews, RelayProblem};
use super::plan::{Plan, Relay, Transport, is_stand_in, named, stand_in};
use super::sighting::Sighting;
use super::socket::CallSocket;
use super::tunnel::{CONNECT, RelayTrust};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle as WebrtcJoinHandle, Runtime,
    TokioRuntime,
};

/// Looking up a name holds webrtc's driver up, and with it everything else of the connection.
const LOOK_UP: Duration = Duration::from_millis(1_500);
/// A relay that has not answered by then does not: two head starts, and a stream that takes as long as it may.
const PATIENCE: Duration = CONNECT.saturating_add(Duration::from_secs(2));

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One connection's runtime.
#[derive(Clone, Debug)]
pub(in crate::peer) struct CallRuntime {
    ways: Arc<Ways>,
}

impl CallRuntime {
    /// One for the relays of a list. What came of them goes to `news`, which is never waited for.
    pub(in crate::peer) fn new(plan: Plan, trust: RelayTrust, news: mpsc::Sender<RelayNews>) -> CallRuntime {
        let state = Mutex::new(State::new(plan));
        let ways = Ways { state, trust, news, nudge: Nudge::default(), driver_ended: Notify::new() };
        CallRuntime { ways: Arc::new(ways) }
    }

    /// Waits until webrtc's driver ended, which nothing else tells: the connection does nothing any more. Says so once.
    pub(in crate::peer) async fn driver_ended(&self) {
        self.ways.driver_ended.notified().await;
    }

    /// Takes another list, from the next gathering on.
    pub(in crate::peer) fn set_plan(&self, plan: Plan) {
        let mut state = self.ways.state();
        state.next_plan = Some(plan);
        if !state.gathering {
            state.begin();
        }
    }
}

/// What sockets and tunnels of one connection share: the relays, and what came of them.
#[derive(Debug)]
pub(super) struct Ways {
    /// Held for an instant.
    state: Mutex<State>,
    trust: RelayTrust,
    /// To the control task. When it is full, that task is dead or stuck, and what is lost does not matter any more.
    news: mpsc::Sender<RelayNews>,
    pub(super) nudge: Nudge,
    driver_ended: Notify,
}

/// Tells at its end, whatever the end is like, that the driver ended.
struct End(Arc<Ways>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.driver_ended.notify_one();
    }
}

#[derive(Debug)]
struct State {
    plan: Plan,
    next_plan: Option<Plan>,
    /// Whether names were looked up since sockets were made: the next socket begins another gathering.
    gathering: bool,
    outcome: Outcome,
    /// Where the relays are.
    addresses: HashMap<u32, Vec<SocketAddr>>,
    /// What names were looked up before: a restart is not held up by a look-up.
    names: HashMap<String, Vec<SocketAddr>>,
    /// The best way that serves.
    works: watch::Sender<Option<Transport>>,
    /// Gives up waiting for the relays of this gathering.
    patience: Option<Patience>,
}

#[derive(Debug)]
struct Patience(JoinHandle<()>);

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl State {
    fn new(plan: Plan) -> State {
        State {
            outcome: Outcome::of(plan.relays.iter().map(|relay| relay.id)),
            plan,
            next_plan: None,
            gathering: false,
            addresses: HashMap::new(),
            names: HashMap::new(),
            works: watch::Sender::new(None),
            patience: None,
        }
    }

    /// A gathering begins, with sockets of its own.
    fn begin(&mut self) {
        self.gathering = false;
        if let Some(plan) = self.next_plan.take() {
            self.plan = plan;
            self.addresses.clear();
        }
        self.outcome = Outcome::of(self.plan.relays.iter().map(|relay| relay.id));
        self.works = watch::Sender::new(None);
        self.patience = None;
    }

    fn relay(&self, id: u32) -> Option<&Relay> {
        self.plan.relays.iter().find(|relay| relay.id == id)
    }

    /// The relay behind an address, as webrtc knows it.
    fn at(&self, address: SocketAddr) -> Option<u32> {
        let relays = &self.plan.relays;
        if is_stand_in(address) {
            let relay = relays.iter().find(|relay| stand_in(relay.id, address.is_ipv4()) == address);
            return relay.map(|relay| relay.id);
        }
        let by_udp = relays.iter().filter(|relay| relay.transport == Transport::Udp);
        by_udp.map(|relay| relay.id).find(|id| self.addresses.get(id).is_some_and(|of| of.contains(&address)))
    }
}

impl Ways {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn trust(&self) -> &RelayTrust {
        &self.trust
    }

    /// The relays that are reached by streams.
    pub(super) fn streams(&self) -> Vec<Relay> {
        let state = self.state();
        state.plan.relays.iter().filter(|relay| relay.transport != Transport::Udp).cloned().collect()
    }

    pub(super) fn addresses_of(&self, id: u32) -> Vec<SocketAddr> {
        self.state().addresses.get(&id).cloned().unwrap_or_default()
    }

    /// How many better ways there are, and where it is told that one serves.
    pub(super) fn before(&self, transport: Transport) -> (u32, watch::Receiver<Option<Transport>>) {
        let state = self.state();
        (state.plan.better(transport), state.works.subscribe())
    }

    pub(super) fn tries(&self, id: u32) {
        self.state().outcome.tries(id);
    }

    /// Something passed between webrtc and a relay, or another address.
    pub(super) fn sighted_at(&self, address: SocketAddr, sighting: Sighting) {
        let id = self.state().at(address);
        if let Some(id) = id {
            self.sighted(id, sighting);
        }
    }

    /// Something passed between webrtc and a relay.
    pub(super) fn sighted(&self, id: u32, sighting: Sighting) {
        let mut state = self.state();
        if state.outcome.sighted(id, sighting) {
            let transport = state.relay(id).map(|relay| relay.transport);
            tracing::debug!(?transport, "a relay serves");
            state.works.send_modify(|best| *best = [*best, transport].into_iter().flatten().min());
            self.nudge.turn_on();
        }
        self.conclude(state);
    }

    /// A stream ended, or could not be made.
    pub(super) fn ended(&self, id: u32, problem: RelayProblem) {
        let mut state = self.state();
        if state.outcome.serves(id) {
            drop(state);
            return self.tell(RelayNews::Lost);
        }
        state.outcome.missed(id, problem);
        self.conclude(state);
    }

    fn give_up(&self) {
        let mut state = self.state();
        state.outcome.give_up();
        self.conclude(state);
    }

    fn conclude(&self, mut state: MutexGuard<'_, State>) {
        let problem = state.outcome.problem();
        drop(state);
        if let Some(problem) = problem {
            self.tell(RelayNews::Problem(problem));
        }
    }

    fn tell(&self, news: RelayNews) {
        if self.news.try_send(news).is_err() {
            tracing::debug!("nobody listens to what came of the relays");
        }
    }

    /// Addresses for `host:port`, from before or by asking.
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Some(addresses) = self.state().names.get(name) {
            return Ok(addresses.clone());
        }
        let asked = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host(name)).await;
        let addresses: Vec<SocketAddr> =
            asked.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect();
        self.state().names.insert(name.to_owned(), addresses.clone());
        Ok(addresses)
    }

    /// What a name of ours stands for.
    async fn resolve_relay(self: &Arc<Self>, id: u32) -> io::Result<Vec<SocketAddr>> {
        let relay = {
            let mut state = self.state();
            if !std::mem::replace(&mut state.gathering, true) {
                let ways = Arc::downgrade(self);
                state.patience = Some(Patience(tokio::spawn(async move {
                    tokio::time::sleep(PATIENCE).await;
                    if let Some(ways) = ways.upgrade() {
                        ways.give_up();
                    }
                })));
            }
            state.relay(id).cloned()
        };
        let relay = relay.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let v6 = relay.host.contains(':');
        let name = if v6 {
            format!("[{}]:{}", relay.host, relay.port)
        } else {
            format!("{}:{}", relay.host, relay.port)
        };
        let addresses = match self.look_up(&name).await {
            Ok(addresses) => addresses,
            Err(error) => {
                self.ended(id, RelayProblem::Unreachable);
                return Err(error);
            }
        };
        self.state().addresses.insert(id, addresses.clone());
        if relay.transport == Transport::Udp {
            return Ok(addresses);
        }
        let families = [true, false].into_iter().filter(|v4| addresses.iter().any(|of| of.is_ipv4() == *v4));
        Ok(families.map(|v4| stand_in(id, v4)).collect())
    }
}

impl Runtime for CallRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn WebrtcJoinHandle> {
        // The driver is all that webrtc spawns.
        let end = End(Arc::clone(&self.ways));
        TokioRuntime.spawn(Box::pin(async move {
            let _end = end;
            future.await;
        }))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        {
            let mut state = self.ways.state();
            if state.gathering {
                state.begin();
            }
        }
        let system = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(CallSocket::new(system, Arc::clone(&self.ways))?))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, address: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(address).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            match named(host) {
                Some(id) => self.ways.resolve_relay(id).await,
                None => self.ways.look_up(host).await,
            }
        })
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.ways.nudge.waits();
        TokioRuntime.sleep(self.ways.nudge.limit(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "tokio, with relays"
    }
}
