//! A running server: starting it, what one may ask it, and ending it.

use crate::{
    addresses::reachable,
    app::{App, Shared, router},
    certificate::{self, Identity},
    config::{ServerConfig, Stun, Tls},
    database,
    guests::{self, Browsers},
    ice::Ice,
    listener::Listener,
    log::Writer,
    password::Passwords,
    presence::Presence,
    rates::Rates,
    secret,
    signal::{Exchange, Hub, ticket::Tickets},
    stun,
};
use anyhow::{Context, Result};
use snug_protocol::{invitation::InvitationLink, signal::close};
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Signals between the sockets and the hub.
const HUB_QUEUE: usize = 1024;

/// Free ports that are tried until one is free for TCP and UDP alike.
const PORT_ATTEMPTS: u32 = 16;

/// A running server. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets clients finish.
pub struct Server {
    local_addr: SocketAddr,
    stun_addr: Option<SocketAddr>,
    app: App,
    close_code: Arc<AtomicU16>,
    /// The tasks that are there from start to end.
    tasks: JoinSet<()>,
    shutdown_within: Duration,
    /// Keeps a second server off the same data; the system unlocks it even after a crash.
    _lock: File,
}

impl Server {
    /// Starts a server. When this returns it takes requests.
    ///
    /// # Errors
    /// When the data folder is in use, damaged or not writable, the address is taken, or the certificate cannot be used.
    pub async fn start(config: ServerConfig) -> Result<Self> {
        let lock = open_data(&config.data)?;
        let (tcp, udp) = bind(config.listen, config.stun).await?;
        let local_addr = tcp.local_addr().context("the address that is listened on")?;
        let stun_addr = udp.as_ref().map(UdpSocket::local_addr).transpose().context("the address of STUN")?;
        let identity = identity(&config)?;
        let key_pin = identity.as_ref().and_then(|identity| identity.key_pin);
        let behind_proxy = config.tls == Tls::PlainBehindProxy;
        if behind_proxy && !local_addr.ip().is_loopback() {
            tracing::warn!(%local_addr, "not encrypted, and not on loopback alone: only a proxy may reach this address");
        }
        let limits = config.limits;

        let killed = CancellationToken::new();
        let stopping = killed.child_token();
        let database = database::open(&config.data, config.restored).await?;
        let (to_hub_members, members) = mpsc::channel(HUB_QUEUE);
        let hub = Hub::new(limits.call_grace, limits.presence_grace, database.members);
        let (log, writer) = Writer::open(
            database.writing,
            database.reading,
            database.generation,
            limits.stream_lag,
            killed.clone(),
            to_hub_members,
        )
        .await
        .map_err(|failure| anyhow::anyhow!("opening the log: {failure:?}"))?;

        let memory = limits.password_memory_kib;
        let passwords =
            tokio::task::spawn_blocking(move || Passwords::new(memory)).await.context("hashing")??;
        let presence = Arc::new(Presence::default());
        let (to_hub, inputs) = mpsc::channel(HUB_QUEUE);
        let shutdown_within = limits.shutdown;
        let app = Arc::new(Shared {
            log,
            rates: Rates::new(&limits),
            passwords,
            hub: to_hub,
            presence: Arc::clone(&presence),
            tickets: Tickets::default(),
            setup_code: Mutex::new((!database.has_accounts).then(secret::setup_code)),
            default_name: config.name,
            addresses: reachable(&config.public_addresses, local_addr, behind_proxy),
            key_pin,
            ice: Ice::new(stun_addr, config.ice_servers, config.turn),
            browsers: Browsers::new(config.public_url.as_deref(), &config.public_addresses, &config.tls),
            allowed_origins: config.allowed_origins.into_iter().chain(config.public_url).collect(),
            behind_proxy,
            sessions_ended: watch::Sender::new(0),
            stopping: stopping.clone(),
            killed: killed.clone(),
            tasks: TaskTracker::new(),
            limits,
        });

        let mut tasks = JoinSet::new();
        let close_code = Arc::new(AtomicU16::new(close::GOING_AWAY));
        tasks.spawn(writer.run());
        let code = Arc::clone(&close_code);
        let (decisions, decided) = mpsc::channel(HUB_QUEUE);
        let exchange = Exchange { hub, presence, inputs, members, decisions };
        tasks.spawn(exchange.run(stopping.clone(), move || code.load(Ordering::Relaxed)));
        if let Some(udp) = udp {
            tasks.spawn(stun::respond(udp, app.limits.stun, stopping.clone()));
        }
        tasks.spawn(keep_tidy(Arc::downgrade(&app), stopping.clone()));
        tasks.spawn(guests::write_down(Arc::downgrade(&app), decided));
        let every = app.limits.guest_tidy;
        tasks.spawn(guests::keep_tidy(Arc::downgrade(&app), stopping.clone(), every));
        let listener = Listener {
            tls: identity.map(|identity| TlsAcceptor::from(identity.config)),
            router: router(Arc::clone(&app)),
            limits: app.limits.clone(),
            stopping,
            killed,
            tasks: app.tasks.clone(),
        };
        tasks.spawn(listener.run(tcp));
        tracing::info!(%local_addr, ?stun_addr, data = %config.data.display(), "serving");
        Ok(Self { local_addr, stun_addr, app, close_code, tasks, shutdown_within, _lock: lock })
    }

    /// The TCP address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The UDP address on which it answers STUN.
    pub fn stun_addr(&self) -> Option<SocketAddr> {
        self.stun_addr
    }

    /// SHA-256 of its SubjectPublicKeyInfo, if its certificate is its own: what clients pin.
    pub fn key_pin(&self) -> Option<[u8; 32]> {
        self.app.key_pin
    }

    /// `host:port` of every address under which it can be reached, best first.
    pub fn addresses(&self) -> &[String] {
        &self.app.addresses
    }

    /// The one-time code with which the owner is made; none once there is one.
    pub fn setup_code(&self) -> Option<String> {
        self.app.setup_code()
    }

    /// A link that names this server and carries no invitation: for signing in, and for the owner's set-up.
    pub fn link(&self) -> InvitationLink {
        InvitationLink {
            code: String::new(),
            addresses: self.app.addresses.clone(),
            key_pin: self.app.key_pin,
        }
    }

    /// Stops for good: sockets are closed with 1001, streams end, requests that run are answered. Takes five seconds at most.
    pub async fn shutdown(self) {
        self.stop(close::GOING_AWAY).await;
    }

    /// Stops to come back: as [`shutdown`](Self::shutdown), with 1012, so that clients try again soon.
    pub async fn shutdown_for_restart(self) {
        self.stop(close::RESTARTING).await;
    }

    /// What its handlers share, for tests that look at one of them alone.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> App {
        Arc::clone(&self.app)
    }

    async fn stop(mut self, code: u16) {
        self.close_code.store(code, Ordering::Relaxed);
        self.app.stopping.cancel();
        let connections = self.app.tasks.clone();
        connections.close();
        if timeout(self.shutdown_within, connections.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // Now also the writer: it finishes what waits for it, and nobody is left to hand it more.
        self.app.killed.cancel();
        let ending = async {
            connections.wait().await;
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a task of the server failed");
                }
            }
            self.app.log.pool.close().await;
        };
        if timeout(self.shutdown_within, ending).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
        tracing::info!("stopped");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.killed.cancel();
    }
}

/// Makes the data folder if it is absent, and keeps every other server off it.
fn open_data(data: &Path) -> Result<File> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(data).with_context(|| format!("making the data folder {}", data.display()))?;
    let path = data.join("lock");
    let lock = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    lock.try_lock().with_context(|| format!("another server is using {}", data.display()))?;
    Ok(lock)
}

/// Takes the TCP address, and the UDP one for STUN.
async fn bind(listen: SocketAddr, stun: Stun) -> Result<(TcpListener, Option<UdpSocket>)> {
    let mut attempt = 1;
    loop {
        let tcp = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        let at = match stun {
            Stun::Off => return Ok((tcp, None)),
            Stun::At(address) => address,
            Stun::SamePort => tcp.local_addr().context("the address that is listened on")?,
        };
        match UdpSocket::bind(at).await {
            Ok(udp) => return Ok((tcp, Some(udp))),
            // The system chose a number that is free for TCP alone.
            Err(_) if stun == Stun::SamePort && listen.port() == 0 && attempt < PORT_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error).with_context(|| format!("answering STUN on {at}")),
        }
    }
}

fn identity(config: &ServerConfig) -> Result<Option<Identity>> {
    match &config.tls {
        Tls::OwnCertificate => certificate::own(&config.data).map(Some),
        Tls::Files { cert, key } => certificate::from_files(cert, key).map(Some),
        Tls::PlainBehindProxy => Ok(None),
    }
}

/// Forgets what is worth nothing any more, each minute.
async fn keep_tidy(app: Weak<Shared>, stopping: CancellationToken) {
    let mut minutes = interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = minutes.tick() => {}
        }
        let Some(app) = app.upgrade() else { return };
        app.rates.forget_full();
    }
}
