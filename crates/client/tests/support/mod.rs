//! A space to test against: the real server over real sockets with its own certificate, people with real clients, and a wire between
//! them that can be cut.

#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use snug_client::view::{NewAccount, Problem, RoomSummary, TimelineItem, Update};
use snug_client::{Client, ClientConfig, DeviceOverrides, Keyring, Updates};
use snug_protocol::invitation::InvitationLink;
use snug_protocol::{RoomId, UserId};
use snug_server::{Rate, Server, ServerConfig};
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Longer than anything here takes on a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_secs(60);

pub const PASSWORD: &str = "correct horse battery";

pub fn server_config(data: &Path, listen: SocketAddr) -> ServerConfig {
    let mut config = ServerConfig::new(data, listen);
    // Tests sign in a lot, from one address, and are not there to measure hashing.
    let free = Rate::new(10_000, Duration::from_millis(1));
    (config.limits.sign_in, config.limits.per_address, config.limits.per_session) = (free, free, free);
    config.limits.password_memory_kib = 256;
    config.limits.heartbeat = Duration::from_millis(500);
    config.limits.shutdown = Duration::from_secs(2);
    config
}

pub struct Space {
    pub data: TempDir,
    pub server: Option<Server>,
    pub address: SocketAddr,
}

impl Space {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(listen: SocketAddr) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(server_config(data.path(), listen)).await.unwrap();
        Self { address: server.local_addr(), data, server: Some(server) }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub async fn stop(&mut self) {
        self.server.take().unwrap().shutdown().await;
    }

    pub async fn start_again(&mut self) {
        self.server = Some(Server::start(server_config(self.data.path(), self.address)).await.unwrap());
    }

    pub fn link(&self) -> InvitationLink {
        self.server().link()
    }

    /// Every message in the server's table, in its order: (seq, content).
    pub async fn table(&self, room: RoomId) -> Vec<(u64, Vec<u8>)> {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.data.path().join("snug.db"))
            .read_only(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT seq, content FROM events WHERE topic = ? AND kind = 'message' ORDER BY seq",
        )
        .bind(format!("room:{room}"))
        .fetch_all(&pool)
        .await
        .unwrap();
        rows.into_iter().map(|(seq, content)| (seq as u64, content)).collect()
    }
}

pub fn config(folder: &Path) -> ClientConfig {
    let devices = DeviceOverrides {
        camera: Some("pattern:1".into()),
        microphone: Some("tone".into()),
        speaker: Some("null".into()),
    };
    ClientConfig {
        keyring: Keyring::File,
        developer: true,
        include_loopback: true,
        stream_silence: Duration::from_secs(3),
        devices,
        ..ClientConfig::new(folder)
    }
}

pub fn account(name: &str) -> NewAccount {
    NewAccount { username: name.to_lowercase(), display_name: name.into(), password: PASSWORD.into() }
}

/// Somebody with a client, whose updates are heard all the time.
pub struct Person {
    pub client: Client,
    pub folder: Arc<TempDir>,
    pub heard: Arc<Mutex<Vec<Update>>>,
    changed: watch::Receiver<u64>,
    _ears: AbortOnDropHandle<()>,
}

impl Person {
    pub async fn new() -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), |config| config).await.unwrap()
    }

    pub async fn open(
        folder: Arc<TempDir>,
        change: impl FnOnce(ClientConfig) -> ClientConfig,
    ) -> Result<Self, Problem> {
        let (client, updates) = Client::open(change(config(folder.path()))).await?;
        let heard = Arc::<Mutex<Vec<Update>>>::default();
        let (count, changed) = watch::channel(0);
        let ears = AbortOnDropHandle::new(tokio::spawn(listen(updates, heard.clone(), count)));
        Ok(Self { client, folder, heard, changed, _ears: ears })
    }

    /// Ends the client and opens it again over the same folder.
    pub async fn reopen(self, change: impl FnOnce(ClientConfig) -> ClientConfig) -> Result<Self, Problem> {
        self.client.close().await;
        Self::open(self.folder.clone(), change).await
    }

    /// The owner of a fresh space, and its first room.
    pub async fn owner(space: &Space) -> (Self, RoomId) {
        let owner = Self::new().await;
        let code = space.server().setup_code().unwrap();
        let link = space.link().to_string();
        owner.client.set_up(&link, &code, "Home", account("Ann"), false).await.unwrap();
        let room = owner.client.create_room("Kitchen", "what to cook").await.unwrap();
        (owner, room)
    }

    /// Somebody whom `host` invites into `room`; `through` may send them another way to the server.
    pub async fn guest(
        host: &Self,
        room: RoomId,
        name: &str,
        through: impl FnOnce(InvitationLink) -> InvitationLink,
    ) -> Self {
        let link: InvitationLink = host.client.invitation_link(&[room], 1).await.unwrap().parse().unwrap();
        let guest = Self::new().await;
        guest.client.join(&through(link).to_string(), account(name)).await.unwrap();
        guest
            .until(|| async {
                guest.client.rooms().await.unwrap().iter().any(|r| r.id == room).then_some(())
            })
            .await;
        let me = guest.user().await;
        host.until(|| async { host.client.people().await.unwrap().iter().any(|p| p.id == me).then_some(()) })
            .await;
        guest
    }

    pub async fn user(&self) -> UserId {
        self.client.account().await.unwrap().unwrap().user
    }

    /// Waits for something to be so, looking again at each update.
    #[track_caller]
    pub fn until<'a, T, F>(&'a self, look: impl Fn() -> F + 'a) -> impl Future<Output = T> + 'a
    where
        F: Future<Output = Option<T>> + 'a,
    {
        let at = std::panic::Location::caller();
        async move {
            let mut changed = self.changed.clone();
            let found = tokio::time::timeout(PATIENCE, async {
                loop {
                    changed.mark_unchanged();
                    if let Some(found) = look().await {
                        return found;
                    }
                    changed.changed().await.unwrap();
                }
            });
            match found.await {
                Ok(found) => found,
                Err(_) => panic!("waited in vain at {at}; heard {:#?}", self.newest_updates()),
            }
        }
    }

    fn newest_updates(&self) -> VecDeque<Update> {
        self.heard.lock().unwrap().iter().rev().take(12).cloned().collect()
    }

    /// Waits for an update.
    #[track_caller]
    pub fn hears<'a>(&'a self, what: impl Fn(&Update) -> bool + 'a) -> impl Future<Output = Update> + 'a {
        self.until(move || {
            let found = self.heard.lock().unwrap().iter().find(|update| what(update)).cloned();
            async move { found }
        })
    }

    pub fn forget_updates(&self) {
        self.heard.lock().unwrap().clear();
    }

    pub async fn items(&self, room: RoomId) -> Vec<TimelineItem> {
        self.client.timeline(room, None, 500).await.unwrap().items
    }

    /// The words of a room, in order.
    pub async fn words(&self, room: RoomId) -> Vec<String> {
        let text = |item: TimelineItem| match item.body {
            snug_client::view::ItemBody::Text { text } => Some(text),
            _ => None,
        };
        self.items(room).await.into_iter().filter_map(text).collect()
    }

    pub async fn room(&self, room: RoomId) -> RoomSummary {
        self.client.rooms().await.unwrap().into_iter().find(|r| r.id == room).unwrap()
    }

    /// Waits until a room has these words and nothing is on its way.
    #[track_caller]
    pub fn sees<'a>(&'a self, room: RoomId, words: &'a [&'a str]) -> impl Future<Output = ()> + 'a {
        self.until(move || async move {
            let delivered = self.items(room).await.iter().all(|item| item.seq.is_some());
            (delivered && self.words(room).await == words).then_some(())
        })
    }

    pub async fn is_online(&self) {
        use snug_client::view::Connection;
        self.until(|| async { (self.client.connection() == Connection::Online).then_some(()) }).await;
    }

    pub async fn is_not_online(&self) {
        use snug_client::view::Connection;
        self.until(|| async { (self.client.connection() != Connection::Online).then_some(()) }).await;
    }
}

async fn listen(mut updates: Updates, heard: Arc<Mutex<Vec<Update>>>, count: watch::Sender<u64>) {
    while let Some(update) = updates.next().await {
        heard.lock().unwrap().push(update);
        count.send_modify(|count| *count += 1);
    }
}

/// What the wire does with what is sent over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Passes it on.
    Whole,
    /// Every connection breaks, and no new one is taken.
    Cut,
    /// Connections stay open, and nothing gets through: a cable pulled out of the next switch.
    Dead,
}

/// A TCP proxy before the server.
pub struct Proxy {
    pub address: SocketAddr,
    pub wire: watch::Sender<Wire>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = watch::Sender::new(Wire::Whole);
        let state = wire.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let wire = state.subscribe();
                connections.spawn(pass(client, server, wire));
            }
        });
        Self { address, wire, _task: AbortOnDropHandle::new(task) }
    }

    /// The link, by way of this proxy only.
    pub fn through(&self, link: InvitationLink) -> InvitationLink {
        InvitationLink { addresses: vec![self.address.to_string()], ..link }
    }

    /// Breaks every connection, and takes new ones at once.
    pub fn cut_once(&self) {
        self.wire.send_replace(Wire::Cut);
        self.wire.send_replace(Wire::Whole);
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, mut wire: watch::Receiver<Wire>) {
    let begun = *wire.borrow_and_update();
    if begun == Wire::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let mut dead = begun == Wire::Dead;
    loop {
        let copying = async {
            if dead {
                std::future::pending::<()>().await;
            }
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        };
        tokio::select! {
            () = copying => return,
            changed = wire.changed() => if changed.is_err() { return },
        }
        match *wire.borrow_and_update() {
            Wire::Dead => dead = true,
            // What went dead stays dead: a connection that lost its middle does not come back.
            Wire::Whole if dead => {}
            Wire::Whole | Wire::Cut => return,
        }
    }
}
