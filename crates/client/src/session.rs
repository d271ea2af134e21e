//! One signed-in stay: everything that runs for it, owned in one place, so that signing out or closing ends all of it.

use crate::core::Core;
use crate::net::{Dialer, Http};
use crate::outbox::Delivery;
use crate::secrets::Secret;
use crate::signal::{SignalSender, SignalSocket};
use crate::store::{KeptAccount, Me};
use crate::sync::Feed;
use crate::view::Problem;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// News for the calls that wait to be taken; its receiver never waits for those who send.
const NEWS: usize = 64;

pub(crate) struct Session {
    pub me: Me,
    pub http: Http,
    pub signal: SignalSender,
    /// Taken by [`end`](Self::end); whoever still holds the session then finds it quiet.
    running: Mutex<Option<Running>>,
}

struct Running {
    feed: Feed,
    delivery: Delivery,
    socket: SignalSocket,
}

impl Session {
    /// Begins to connect in the background.
    pub(crate) fn start(core: &Arc<Core>, account: &KeptAccount, secret: Secret) -> Result<Self, Problem> {
        let me = account.me();
        let dialer = Arc::new(Dialer::new(account.endpoint.clone()).map_err(crate::net::Failure::from)?);
        let http = Http::new(dialer).with_token(&secret.token)?;
        let (log_news, mut from_log) = mpsc::channel(NEWS);
        let (socket_news, mut from_socket) = mpsc::channel(NEWS);
        let (signal, socket) = SignalSocket::start(core.clone(), http.clone(), socket_news);
        tokio::spawn(async move { while from_log.recv().await.is_some() {} });
        tokio::spawn(async move { while from_socket.recv().await.is_some() {} });
        let running = Running {
            feed: Feed::start(core.clone(), me, http.clone(), log_news),
            delivery: Delivery::start(core.clone(), me, http.clone()),
            socket,
        };
        Ok(Self { me, http, signal, running: Mutex::new(Some(running)) })
    }

    /// Ends everything that runs for it; nothing is written to the store for it after this.
    pub(crate) async fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { feed, delivery, socket }) = running {
            feed.end().await;
            delivery.end().await;
            socket.end().await;
        }
    }
}
