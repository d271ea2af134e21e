//! The handle that everything above uses: one method for each thing that a person can ask of the app.
//!
//! Not where the work is done: methods here check, hand on to the part that owns the matter, and say what became of it.

mod account;
mod calls;
mod devices;
mod guests;
mod rooms;
mod timeline;

pub use devices::StreamName;

use crate::calls::Studio;
use crate::config::ClientConfig;
use crate::core::Core;
use crate::net::{watch_addresses, watch_sleep};
use crate::secrets;
use crate::session::Session;
use crate::store::Store;
use crate::updates::{self, Updates};
use crate::view::{Connection, Problem};
use snug_protocol::RoomId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::task::AbortOnDropHandle;

/// A running client. Cheap to clone; all clones are the same client, which ends at [`close`](Client::close) or with the last of them.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    studio: Arc<Studio>,
    /// Whoever is signed in. Held for a read or a write only.
    session: Mutex<Option<Arc<Session>>>,
    /// One signing in or out at a time; held across it.
    changing: tokio::sync::Mutex<()>,
    _sleep: AbortOnDropHandle<()>,
    _addresses: AbortOnDropHandle<()>,
}

/// What a method of [`Client`] comes to.
pub type Result<T> = std::result::Result<T, Problem>;

/// What the user's eyes are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// The window is there, focused or not; false in the tray.
    pub open: bool,
    /// The window has the focus.
    pub focused: bool,
    /// The room that it shows.
    pub room: Option<RoomId>,
}

impl Client {
    /// Opens the store, and, if somebody is signed in, begins to connect in the background: what is stored can be shown at once.
    /// Must be called inside a tokio runtime.
    ///
    /// `store_damaged` and `disk_full` are the errors to expect; after the former, [`set_aside_store`](Self::set_aside_store).
    pub async fn open(config: ClientConfig) -> Result<(Self, Updates)> {
        let store = Store::open(&config).await?;
        let (sender, updates) = updates::channel();
        let studio = Studio::open(config.developer, &config.devices, &store, sender.clone()).await?;
        let core = Arc::new(Core::new(config, store, sender));
        let client = Self {
            inner: Arc::new(Inner {
                _sleep: watch_sleep(core.kicks.clone()),
                _addresses: watch_network(&core),
                core,
                studio: Arc::new(studio),
                session: Mutex::default(),
                changing: tokio::sync::Mutex::default(),
            }),
        };
        client.resume().await?;
        Ok((client, updates))
    }

    /// Moves a damaged store out of the way, so that the next [`open`](Self::open) begins afresh and asks to sign in.
    pub fn set_aside_store(config: &ClientConfig) -> Result<()> {
        let aside = Store::set_aside(&config.data_dir)?;
        tracing::warn!(to = %aside.display(), "the damaged store was set aside");
        Ok(())
    }

    /// Ends everything: leaves the call, closes connections, writes what is to be written. [`Updates`] ends, too.
    pub async fn close(&self) {
        let _changing = self.inner.changing.lock().await;
        self.end_session().await;
        self.inner.studio.stop_preview();
        self.core().updates.close();
        self.core().store.close().await;
    }

    /// Whether the network feeds the store at the moment.
    pub fn connection(&self) -> Connection {
        self.core().connection()
    }

    /// Tries to connect now, without waiting for the next attempt: the user asked, or the system says that the network is back.
    pub fn reconnect(&self) {
        self.core().kick();
    }

    /// Whether the window is open (not only in the tray), has the focus, and which room it shows. Closed and without a call, only the
    /// event stream stays; focused, a message in that room is worth no notification.
    pub fn set_attention(&self, attention: Attention) {
        self.core().attention.send_replace(attention);
    }

    fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }

    /// What runs for whoever is signed in.
    fn session(&self) -> Result<Arc<Session>> {
        let session = self.inner.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        session.ok_or_else(|| Problem { code: "unauthorized".into(), detail: "nobody is signed in".into() })
    }

    /// Starts what runs for the stored account, if there is one.
    async fn resume(&self) -> Result<()> {
        let Some(account) = self.core().store.account().await? else { return Ok(()) };
        let config = &self.core().config;
        let secret = secrets::read(account.secrets, &config.data_dir, account.view.device).await;
        let Some(secret) = secret else {
            // The keyring was reset or moved: what is stored can be read, and signing in again goes on with it.
            self.core().set_connection(Connection::SignedOut);
            return Ok(());
        };
        let session = Session::start(self.core(), self.inner.studio.clone(), &account, secret)?;
        *self.inner.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(session));
        Ok(())
    }

    async fn end_session(&self) {
        let session = self.inner.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.end().await;
        }
    }
}

/// Connects anew when an address is gone, or when one came while there was no connection.
fn watch_network(core: &Arc<Core>) -> AbortOnDropHandle<()> {
    let (changes, weak) = (core.addresses.clone(), Arc::downgrade(core));
    watch_addresses(changes, move |gone| {
        if let Some(core) = weak.upgrade()
            && (gone || core.connection() != Connection::Online)
        {
            core.kick();
        }
    })
}
