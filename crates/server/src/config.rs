//! What a server is told before it starts. Plain values with the defaults of a small space; nothing here is read from
//! files or the environment, because the app and the tests start servers too: only the binary knows about flags.

use snug_protocol::ice::IceServer;
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Folder for the database, the certificate and the lock; made with mode 0700 when absent.
    pub data: PathBuf,
    /// TCP address to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What the space is called until its owner names it.
    pub name: String,
    /// How connections are encrypted.
    pub tls: Tls,
    /// `host:port` under which the server is reached from outside, best first; they lead the invitation links.
    pub public_addresses: Vec<String>,
    /// `https://host[:port]` under which browsers reach and trust the server, where that is not its own address with its own
    /// certificate: guest links begin with it.
    pub public_url: Option<String>,
    /// Further STUN and TURN servers that clients are told of.
    pub ice_servers: Vec<IceServer>,
    /// A TURN server that shares a secret with this one.
    pub turn: Option<Turn>,
    /// Where to answer STUN.
    pub stun: Stun,
    /// Browser origins that may open the signal socket and the event stream, beside the server's own.
    pub allowed_origins: Vec<String>,
    /// The data was restored from a backup: every cursor that clients hold is answered with a gap.
    pub restored: bool,
    /// What is refused, and when the server gives up waiting.
    pub limits: Limits,
}

impl ServerConfig {
    /// A server on `listen` that keeps its data in `data`, with its own certificate and the default limits.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            listen,
            name: "Snug".to_owned(),
            tls: Tls::OwnCertificate,
            public_addresses: Vec::new(),
            public_url: None,
            ice_servers: Vec::new(),
            turn: None,
            stun: Stun::SamePort,
            allowed_origins: Vec::new(),
            restored: false,
            limits: Limits::default(),
        }
    }
}

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By a certificate that the server makes once and keeps in its data folder; clients pin its key.
    OwnCertificate,
    /// By a certificate that systems trust, in PEM files.
    Files {
        /// The chain, the server's own first.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Not at all: a proxy on the same machine or private network does, and sets `X-Forwarded-For`.
    PlainBehindProxy,
}

/// A TURN server (RFC 8656) for which this server makes passwords that expire (draft-uberti-behave-turn-rest-00; coturn's
/// `use-auth-secret`).
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its addresses: `turn:host:port`, with `?transport=tcp` for TCP, or `turns:host:port?transport=tcp` for TLS.
    pub urls: Vec<String>,
    /// What both servers know.
    pub secret: String,
    /// How long a password is good for. A relay checks it when a call begins or changes its network, not in between.
    pub life: Duration,
}

impl Turn {
    /// Long enough for somebody whose network is away for a while, short enough that a leaked password is soon worth nothing.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);
}

impl fmt::Debug for Turn {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("urls", &self.urls).field("life", &self.life).finish_non_exhaustive()
    }
}

/// Where STUN (RFC 8489) is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stun {
    /// On UDP under the number of the TCP port.
    SamePort,
    /// Somewhere else.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// A token bucket: `burst` at once, and one more each `every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How long until one more.
    pub every: Duration,
}

impl Rate {
    /// `burst` at once, and one more each `every`.
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }
}

/// What the server refuses, and how long it waits. The defaults serve a space of some hundred people.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests without a session, and wrong tokens, of one address.
    pub per_address: Rate,
    /// Requests of one session.
    pub per_session: Rate,
    /// Attempts at signing in, registering and set-up, of one address.
    pub sign_in: Rate,
    /// Knocks of one address.
    pub knock: Rate,
    /// Signals of one connection.
    pub signals: Rate,
    /// STUN requests of one address.
    pub stun: Rate,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// From accepting to the end of the TLS handshake.
    pub handshake: Duration,
    /// For a request's header, and for how long an idle connection is kept.
    pub header: Duration,
    /// For a request's body.
    pub body: Duration,
    /// How long a connection may refuse to take bytes.
    pub write_stall: Duration,
    /// Signals waiting for one connection before it is closed as too slow.
    pub signal_queue: usize,
    /// How often a signal connection is pinged.
    pub ping_every: Duration,
    /// How long after a ping something must be heard.
    pub pong_within: Duration,
    /// How long a call keeps the place of a device whose connection is lost.
    pub call_grace: Duration,
    /// How long a person stays available after their last event stream closed.
    pub presence_grace: Duration,
    /// Rows that an event stream may be behind before it is ended.
    pub stream_lag: usize,
    /// How often an event stream carries its cursor when nothing happens.
    pub heartbeat: Duration,
    /// How often it is looked whether guests and their links are over.
    pub guest_tidy: Duration,
    /// How long a call may be empty before its guest links are over.
    pub guest_call_empty: Duration,
    /// How long a session lives unused.
    pub session_idle: Duration,
    /// Memory that hashing one password takes, in KiB.
    pub password_memory_kib: u32,
    /// How long a graceful shutdown may take.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            per_address: Rate::new(60, Duration::from_millis(500)),
            // A client that comes back sends its whole outbox and reads every room's history.
            per_session: Rate::new(300, Duration::from_millis(20)),
            sign_in: Rate::new(10, s(6)),
            // A household that comes together, and reloads its pages.
            knock: Rate::new(10, s(6)),
            // Trickle ICE towards several peers comes in bursts of some hundred candidates.
            signals: Rate::new(600, Duration::from_millis(10)),
            stun: Rate::new(60, Duration::from_millis(50)),
            connections: 4096,
            connections_per_address: 256,
            handshake: s(10),
            header: s(20),
            body: s(20),
            write_stall: s(20),
            signal_queue: 256,
            ping_every: s(20),
            pong_within: s(10),
            call_grace: s(15),
            presence_grace: s(5),
            stream_lag: 256,
            heartbeat: s(15),
            guest_tidy: s(60),
            guest_call_empty: s(5 * 60),
            session_idle: s(90 * 24 * 60 * 60),
            // OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
            password_memory_kib: 19 * 1024,
            shutdown: s(5),
        }
    }
}
