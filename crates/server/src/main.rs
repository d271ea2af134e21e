//! `snug-server`: a space of one's own. Flags and signals only; the server is the library.

use anyhow::{Context, Result, bail};
use clap::Parser;
use snug_protocol::{ice::IceServer, invitation::InvitationLink};
use snug_server::{Server, ServerConfig, Stun, Tls, Turn};
use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};
use tracing_subscriber::EnvFilter;

/// Hosts a Snug space: accounts, rooms, messages, and the signalling of calls.
///
/// With only --data it makes its own certificate, which people's apps pin by the invitation link, and answers STUN on the same
/// port over UDP. Open that port, TCP and UDP, on the router if people are to join from outside.
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Folder for everything that must survive: the database, the server's key. Back it up; whoever has it has the space.
    #[arg(long, env = "SNUG_DATA", value_name = "DIR")]
    data: PathBuf,

    /// TCP address to listen on. Set it to listen on one interface alone, or when the port is taken.
    #[arg(long, env = "SNUG_LISTEN", value_name = "ADDR", default_value = "0.0.0.0:7664")]
    listen: SocketAddr,

    /// What the space is called until its owner names it.
    #[arg(long, env = "SNUG_NAME", default_value = "Snug")]
    name: String,

    /// HOST:PORT under which people outside reach this server, best first. Set it when the server stands behind a router or has a
    /// name: invitation links carry it. Several are separated by commas.
    #[arg(long, env = "SNUG_PUBLIC_ADDRESS", value_name = "HOST:PORT", value_delimiter = ',')]
    public_address: Vec<String>,

    /// https://HOST or https://HOST:PORT under which browsers reach this server and trust what they see: that of the proxy in front of it.
    /// Links for guests, who take part in a call by browser, begin with it. Not needed with --tls-cert.
    #[arg(long, env = "SNUG_PUBLIC_URL", value_name = "URL", value_parser = origin)]
    public_url: Option<String>,

    /// Certificate chain in PEM, for a server with a name and a certificate that systems trust. Without it the server makes its own.
    #[arg(long, env = "SNUG_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key in PEM of --tls-cert.
    #[arg(long, env = "SNUG_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak plain HTTP because a proxy in front does TLS. Only for an address that nobody but the proxy reaches; the proxy must set
    /// X-Forwarded-For and must not buffer /api/v1/events.
    #[arg(long, env = "SNUG_BEHIND_PROXY", conflicts_with = "tls_cert")]
    behind_proxy: bool,

    /// UDP address for STUN, or `off`. Set it when the port of --listen is not free for UDP, or when a proxy stands in front: STUN does
    /// not pass through it.
    #[arg(long, env = "SNUG_STUN_LISTEN", value_name = "ADDR|off")]
    stun_listen: Option<String>,

    /// A further STUN or TURN server for calls, as URL or URL|USER|PASSWORD. Set a TURN server when some people's networks let no
    /// direct connection through. Several are separated by commas.
    #[arg(long, env = "SNUG_ICE_SERVERS", value_name = "URL", value_delimiter = ',')]
    ice_server: Vec<String>,

    /// A TURN server that shares --turn-secret with this one (coturn: `use-auth-secret`, `static-auth-secret`), for example
    /// turn:relay.example.org:3478. Add the same with ?transport=tcp, and turns:relay.example.org:443?transport=tcp, for people whose
    /// networks let no UDP through. Several are separated by commas.
    #[arg(
        long,
        env = "SNUG_TURN_SERVERS",
        value_name = "URL",
        value_delimiter = ',',
        requires = "turn_secret"
    )]
    turn_server: Vec<String>,

    /// The secret that --turn-server knows, too. Rather give it as SNUG_TURN_SECRET: others on the machine can read flags.
    #[arg(
        long,
        env = "SNUG_TURN_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        requires = "turn_server"
    )]
    turn_secret: Option<String>,

    /// How many seconds the passwords are good for that are made with --turn-secret.
    #[arg(long, env = "SNUG_TURN_LIFE", value_name = "SECONDS", default_value_t = Turn::LIFE.as_secs(), value_parser = clap::value_parser!(u64).range(30..=86_400))]
    turn_life: u64,

    /// Origin of web pages that may connect, besides the server's own, for example https://chat.example.org. Several are separated by
    /// commas.
    #[arg(long, env = "SNUG_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origin: Vec<String>,

    /// Start once with this after restoring --data from a backup: it tells every app to fetch anew, because what they remember of the
    /// time after the backup is not in it.
    #[arg(long, env = "SNUG_RESTORED")]
    restored: bool,

    /// What to log on standard error: error, warn, info, debug, trace, or a filter such as snug_server=debug,sqlx=warn.
    #[arg(long, env = "SNUG_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

impl Flags {
    fn config(self) -> Result<ServerConfig> {
        let mut config = ServerConfig::new(self.data, self.listen);
        config.name = self.name;
        config.tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Tls::Files { cert, key },
            _ if self.behind_proxy => Tls::PlainBehindProxy,
            _ => Tls::OwnCertificate,
        };
        config.public_addresses = self.public_address;
        config.public_url = self.public_url;
        config.stun = match self.stun_listen.as_deref() {
            None => Stun::SamePort,
            Some("off") => Stun::Off,
            Some(address) => Stun::At(address.parse().context("--stun-listen takes an address or `off`")?),
        };
        config.ice_servers = self.ice_server.iter().map(|text| ice_server(text)).collect::<Result<_>>()?;
        config.turn = self.turn_secret.map(|secret| Turn {
            urls: self.turn_server,
            secret,
            life: Duration::from_secs(self.turn_life),
        });
        if let Some(url) = config.turn.iter().flat_map(|turn| &turn.urls).find(|url| !is_turn(url)) {
            bail!("a TURN server's URL begins with turn: or turns:, not as {url}");
        }
        config.allowed_origins = self.allowed_origin;
        config.restored = self.restored;
        Ok(config)
    }
}

fn is_turn(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

/// An origin as browsers write it: `https://host` or `https://host:port`, nothing behind it.
fn origin(text: &str) -> std::result::Result<String, String> {
    let origin = text.trim_end_matches('/');
    match origin.strip_prefix("https://") {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
            Ok(origin.strip_suffix(":443").unwrap_or(origin).to_ascii_lowercase())
        }
        _ => Err("it is https:// and a host, with a port if it is not 443, and nothing behind".to_owned()),
    }
}

/// `URL` or `URL|USER|PASSWORD`.
fn ice_server(text: &str) -> Result<IceServer> {
    let fields: Vec<&str> = text.split('|').collect();
    let known = is_turn(text) || text.starts_with("stun:") || text.starts_with("stuns:");
    let (url, login) = match fields[..] {
        [url] => (url, None),
        [url, user, password] => (url, Some((user.to_owned(), password.to_owned()))),
        _ => bail!("an ICE server is URL or URL|USER|PASSWORD"),
    };
    if !known {
        bail!("an ICE server's URL begins with stun:, stuns:, turn: or turns:");
    }
    let (username, credential) = login.unzip();
    Ok(IceServer { urls: vec![url.to_owned()], username, credential })
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let filter = match EnvFilter::try_new(&flags.log) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("snug-server: --log: {error}");
            return ExitCode::from(2);
        }
    };
    // Colours are for people; a journal or a file gets plain text.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime");
    match runtime.and_then(|runtime| runtime.block_on(run(flags))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<()> {
    let config = flags.config()?;
    // Listened for before anything is started, so that no signal finds the default behaviour.
    let ending = Ending::listen()?;
    let server = Server::start(config).await?;
    greet(&server).context("writing to standard output")?;
    if ending.comes_back().await {
        tracing::info!("asked to stop by the system");
        server.shutdown_for_restart().await;
    } else {
        tracing::info!("interrupted");
        server.shutdown().await;
    }
    Ok(())
}

/// What ends the program.
#[cfg(unix)]
struct Ending {
    terminated: tokio::signal::unix::Signal,
    interrupted: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Ending {
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let terminated = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let interrupted = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        Ok(Self { terminated, interrupted })
    }

    /// Waits for the end. True when a service manager asked, which most often starts the server again.
    async fn comes_back(mut self) -> bool {
        tokio::select! {
            _ = self.terminated.recv() => true,
            _ = self.interrupted.recv() => false,
        }
    }
}

/// What ends the program: Ctrl+C, where there are no signals.
#[cfg(not(unix))]
struct Ending;

#[cfg(not(unix))]
impl Ending {
    fn listen() -> Result<Self> {
        Ok(Self)
    }

    async fn comes_back(self) -> bool {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl+C cannot be listened for");
            std::future::pending::<()>().await;
        }
        false
    }
}

/// Says on standard output where it listens, and at the first start how to go on.
fn greet(server: &Server) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Listening on {}", server.local_addr())?;
    if let Some(code) = server.setup_code() {
        let link = InvitationLink { code, ..server.link() };
        let how = "This space has no owner yet. In Snug choose \"Join with a link\" and paste this one.\n\
                   It holds the set-up code: whoever uses it first becomes the owner.";
        writeln!(out, "\n{how}\n\n    {link}\n")?;
    }
    out.flush()
}
