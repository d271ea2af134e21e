//! The space that this computer hosts: the same server as `snug-server`, inside the app.
//!
//! It is a space like any other: the client reaches it over TLS and a socket, with the pinned key, and not by a short cut, so that
//! what works for its owner works for everybody. It runs while the app does, the tray included. The port is kept, because the links
//! that people have name it.

use crate::launch::Profile;
use serde::{Deserialize, Serialize};
use snug_client::Client;
use snug_client::view::{Account, NewAccount, Problem};
use snug_protocol::invitation::InvitationLink;
use snug_server::{Server, ServerConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tokio::sync::Mutex;

/// What a space listens on unless something else does: the one that `snug-server` has by default, too.
const USUAL_PORT: u16 = 4433;

/// Kept beside the space's data from the moment at which it has an owner.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    port: u16,
}

/// The space hosted here, if any.
pub(crate) struct Hosting {
    folder: PathBuf,
    record: PathBuf,
    /// Held while the server starts or ends, which takes a moment: a second request waits for the first.
    running: Mutex<Option<Server>>,
}

impl Hosting {
    /// Looks at nothing yet; [`resume`](Self::resume) does.
    pub(crate) fn new(profile: &Profile) -> Hosting {
        let folder = profile.space();
        Hosting { record: folder.with_extension("json"), folder, running: Mutex::default() }
    }

    /// Starts a space, makes its owner and a first room, and signs in. Can be repeated when it failed in the middle.
    pub(crate) async fn begin(
        &self,
        client: &Client,
        space_name: &str,
        room_name: &str,
        account: NewAccount,
    ) -> Result<Account, Problem> {
        let mut running = self.running.lock().await;
        let server = match running.take() {
            Some(server) => server,
            None => self.start(USUAL_PORT).await?,
        };
        let done = self.set_up(client, &server, space_name, account).await;
        match &done {
            Ok(_) => *running = Some(server),
            // Nobody can use a space without an owner; one that has an owner goes on.
            Err(_) if self.record.exists() => *running = Some(server),
            Err(_) => server.shutdown().await,
        }
        let account = done?;
        if let Err(problem) = client.create_room(room_name, "").await {
            // The space stands; a room can be made in it at any time.
            tracing::warn!(%problem, "the first room was not made");
        }
        Ok(account)
    }

    async fn set_up(
        &self,
        client: &Client,
        server: &Server,
        space_name: &str,
        account: NewAccount,
    ) -> Result<Account, Problem> {
        let Some(code) = server.setup_code() else {
            let detail = "this computer hosts a space already; sign in to it";
            return Err(Problem { code: "setup_refused".to_owned(), detail: detail.to_owned() });
        };
        let account = client.set_up(&own_link(server).to_string(), &code, space_name, account, true).await?;
        let record = Record { port: server.local_addr().port() };
        let written = serde_json::to_vec(&record).map_err(std::io::Error::from);
        written.and_then(|bytes| std::fs::write(&self.record, bytes)).map_err(|error| internal(&error))?;
        Ok(account)
    }

    /// Opens the space again, if one is hosted here, and tells the client where it is now.
    pub(crate) async fn resume(&self, client: &Client) -> Result<(), Problem> {
        let Some(record) = self.read_record() else { return Ok(()) };
        let mut running = self.running.lock().await;
        if running.is_some() {
            return Ok(());
        }
        let server = self.start(record.port).await?;
        let addresses = own_link(&server).addresses;
        *running = Some(server);
        drop(running);
        if client.account().await?.is_some_and(|account| account.hosted_here) {
            client.set_addresses(&addresses).await?;
            client.reconnect();
        }
        Ok(())
    }

    /// Closes the space; what it was told is on the disk.
    pub(crate) async fn end(&self) {
        if let Some(server) = self.running.lock().await.take() {
            server.shutdown().await;
        }
    }

    fn read_record(&self) -> Option<Record> {
        let bytes = std::fs::read(&self.record).ok()?;
        match serde_json::from_slice(&bytes) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(%error, "the port of the space on this computer is not readable");
                // The space is there all the same.
                Some(Record { port: USUAL_PORT })
            }
        }
    }

    /// Listens on the port, or, if another program has it, on any: the owner then still gets in, and new links are right.
    async fn start(&self, port: u16) -> Result<Server, Problem> {
        match self.start_on(port).await {
            Ok(server) => Ok(server),
            Err(error) if is_taken(&error) => {
                tracing::warn!(port, "another program has the port; the space takes another");
                self.start_on(0).await.map_err(|error| internal(&error))
            }
            Err(error) => Err(internal(&error)),
        }
    }

    async fn start_on(&self, port: u16) -> anyhow::Result<Server> {
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let config = ServerConfig::new(&self.folder, listen);
        // On a thread for what blocks: starting makes a certificate and migrates a database.
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(Server::start(config))).await?
    }
}

/// Where the space is for the client in the same program: on this computer first, which holds in every network.
fn own_link(server: &Server) -> InvitationLink {
    let mut link = server.link();
    let own = format!("127.0.0.1:{}", server.local_addr().port());
    link.addresses.retain(|address| *address != own);
    link.addresses.insert(0, own);
    link
}

/// Whether the server did not start because another program listens on the port.
fn is_taken(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::AddrInUse)
}

fn internal(error: &dyn std::fmt::Display) -> Problem {
    Problem { code: "internal".to_owned(), detail: format!("{error:#}") }
}
