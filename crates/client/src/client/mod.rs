//! The handle that everything above uses: one method for each thing that a person can ask of the app.
//!
//! Not where the work is done: methods here check, hand on to the part that owns the matter, and say what became of it.

mod account;
mod calls;
pub(crate) mod devices;
mod rooms;
mod timeline;

use crate::{ClientConfig, Updates, view::Connection, view::Problem};
pub use devices::StreamName;
use std::sync::Arc;

/// A running client. Cheap to clone; all clones are the same client, which ends at [`close`](Client::close) or with the last of them.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
}

/// What a method of [`Client`] comes to.
pub type Result<T> = std::result::Result<T, Problem>;

fn soon<T>() -> Result<T> {
    Err(Problem { code: "internal".into(), detail: "not wired yet".into() })
}

impl Client {
    /// Opens the store, and, if somebody is signed in, begins to connect in the background: what is stored can be shown at once.
    ///
    /// `store_damaged` and `disk_full` are the errors to expect; after the former, [`set_aside_store`](Self::set_aside_store).
    pub async fn open(config: ClientConfig) -> Result<(Self, Updates)> {
        let (_sender, updates) = crate::updates::channel();
        Ok((Self { inner: Arc::new(Inner { config }) }, updates))
    }

    /// Moves a damaged store out of the way, so that the next [`open`](Self::open) begins afresh and asks to sign in.
    pub async fn set_aside_store(_config: &ClientConfig) -> Result<()> {
        soon()
    }

    /// Ends everything: leaves the call, closes connections, writes what is to be written. [`Updates`] ends, too.
    pub async fn close(&self) {
        let _ = &self.inner.config;
    }

    /// Whether the network feeds the store at the moment.
    pub fn connection(&self) -> Connection {
        Connection::Connecting
    }

    /// Tries to connect now, without waiting for the next attempt: the user asked, or the system says that the network is back.
    pub fn reconnect(&self) {}

    /// Whether the window is open (not only in the tray), has the focus, and which room it shows. Closed and without a call, only the
    /// event stream stays; focused, a message in that room is worth no notification.
    pub fn set_attention(&self, _attention: Attention) {}
}

/// What the user's eyes are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// The window is there, focused or not; false in the tray.
    pub open: bool,
    /// The window has the focus.
    pub focused: bool,
    /// The room that it shows.
    pub room: Option<snug_protocol::RoomId>,
}
