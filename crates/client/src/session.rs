//! One signed-in stay: everything that runs for it, owned in one place, so that signing out or closing ends all of it.

use crate::calls::{Calls, Parts, Studio};
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
    pub calls: Calls,
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
    pub(crate) fn start(
        core: &Arc<Core>,
        studio: Arc<Studio>,
        account: &KeptAccount,
        secret: Secret,
    ) -> Result<Self, Problem> {
        let me = account.me();
        let dialer = Arc::new(Dialer::new(account.endpoint.clone()).map_err(crate::net::Failure::from)?);
        let http = Http::new(dialer).with_token(&secret.token)?;
        let (log_news, from_log) = mpsc::channel(NEWS);
        let (socket_news, from_socket) = mpsc::channel(NEWS);
        let (signal, socket) = SignalSocket::start(core.clone(), http.clone(), socket_news);
        let calls = Calls::start(Parts {
            core: core.clone(),
            studio,
            me,
            key: secret.key,
            http: http.clone(),
            signal: signal.clone(),
            from_log,
            from_socket,
        });
        let running = Running {
            feed: Feed::start(core.clone(), me, http.clone(), log_news),
            delivery: Delivery::start(core.clone(), me, http.clone()),
            socket,
        };
        Ok(Self { me, http, signal, calls, running: Mutex::new(Some(running)) })
    }

    /// Hangs up, and ends everything that runs for it; nothing is written to the store for it after this.
    pub(crate) async fn end(&self) {
        self.calls.end().await;
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { feed, delivery, socket }) = running {
            feed.end().await;
            delivery.end().await;
            socket.end().await;
        }
    }
}
