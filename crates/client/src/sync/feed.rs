//! The event stream, kept open.
//!
//! One task, which ends when its handle drops. It continues after the stored cursor whatever happened: a closed stream, silence, sleep, a
//! changed address. Errors of the server and of our own disk end an attempt and are tried again; only a refused token is final.

use super::{SyncError, fetch_everything, fill, tell::tell};
use crate::core::{Core, now};
use crate::net::sse::{Item, Parser};
use crate::net::{Backoff, DialError, Failure, Http};
use crate::store::{Me, Received};
use crate::view::{Connection, Problem, Update};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use snug_protocol::UnixMillis;
use snug_protocol::event::{Event, kind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A replay is over when nothing came for so long. What rings is told only then, because its end may be next in the log.
const CAUGHT_UP: Duration = Duration::from_millis(250);

/// `call.*` events that are held back while catching up. More of them than this are not about the last minute.
const MOST_HELD: usize = 200;

/// Items that are stored in one transaction, when so many are there at once.
const BATCH: usize = 100;

/// Between attempts, until the server says another time (`retry:`).
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest announcement that is shown; the server's limit.
const MOST_ANNOUNCED: usize = 4000;

/// Keeps the event stream open until it is dropped.
pub(crate) struct Feed {
    task: AbortOnDropHandle<()>,
}

struct Follower {
    core: Arc<Core>,
    me: Me,
    http: Http,
    /// What the ringing must know. Its receiver only decides and never waits for us.
    calls: mpsc::Sender<CallNews>,
    /// Taken in, and not told yet.
    held: Vec<Event>,
    backoff: Backoff,
    /// Fetches history beside the stream; replaced when there is more to fetch.
    filling: Option<AbortOnDropHandle<()>>,
}

/// A `call.*` event and how old it is by the server's clock.
#[derive(Debug)]
pub(crate) struct CallNews {
    pub event: Event,
    pub age: Duration,
}

/// How an attempt ended.
enum End {
    /// The stream broke or fell silent after it had been open.
    Broke(String),
    /// Somebody asked for new connections.
    Kicked,
    Failed(SyncError),
}

impl From<SyncError> for End {
    fn from(error: SyncError) -> Self {
        Self::Failed(error)
    }
}

impl Feed {
    /// Begins. `call.*` events go to `calls`, in order.
    pub(crate) fn start(core: Arc<Core>, me: Me, http: Http, calls: mpsc::Sender<CallNews>) -> Self {
        let (held, backoff) = (Vec::new(), Backoff::new(FIRST_WAIT));
        let follower = Follower { core, me, http, calls, held, backoff, filling: None };
        Self { task: AbortOnDropHandle::new(tokio::spawn(follower.run())) }
    }

    /// Ends it, and returns when it has ended.
    pub(crate) async fn end(self) {
        self.task.abort();
        // Cancelled, as it was asked to be.
        let _ = self.task.await;
    }
}

impl Follower {
    async fn run(mut self) {
        let mut kicks = self.core.kicks.subscribe();
        loop {
            kicks.mark_unchanged();
            if !matches!(self.core.connection(), Connection::Offline { .. } | Connection::KeyChanged) {
                self.core.set_connection(Connection::Connecting);
            }
            let end = tokio::select! {
                end = self.attempt() => end,
                _ = kicks.changed() => End::Kicked,
            };
            let wait = self.backoff.failed(rand::random());
            let retry_at = UnixMillis(now().0 + wait.as_millis() as i64);
            let mut state = Connection::Offline { retry_at };
            match end {
                End::Kicked => {
                    self.backoff.reset();
                    continue;
                }
                End::Broke(why) => tracing::info!(why, "the event stream ended"),
                End::Failed(SyncError::Server(failure)) => {
                    tracing::info!(%failure, "no event stream");
                    match failure {
                        Failure::Refused { status: 401 | 410, .. } => {
                            self.core.set_connection(Connection::SignedOut);
                            return;
                        }
                        Failure::Dial(DialError::KeyChanged(key)) => {
                            self.core.set_seen_key(Some(key));
                            state = Connection::KeyChanged;
                        }
                        Failure::Refused { .. } | Failure::Dial(_) | Failure::Nonsense(_) => {}
                    }
                }
                End::Failed(SyncError::Store(problem)) => self.core.updates.problem(problem),
            }
            self.core.set_connection(state);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = kicks.changed() => self.backoff.reset(),
            }
        }
    }

    async fn attempt(&mut self) -> End {
        let (cursor, body) = match self.open().await {
            Ok(open) => open,
            Err(error) => return End::Failed(error),
        };
        self.backoff.reset();
        self.core.set_seen_key(None);
        self.core.set_connection(Connection::Online);
        self.core.outbox.notify_one();
        self.fill();
        match self.read(Parser::new(cursor), body).await {
            Ok(end) => end,
            Err(error) => End::Failed(error),
        }
    }

    /// Fetches what must be fetched first, and opens the stream after the stored cursor.
    async fn open(&mut self) -> Result<(String, Incoming), SyncError> {
        let Some(account) = self.core.store.account().await? else {
            return Err(SyncError::Store(Problem {
                code: "internal".into(),
                detail: "nobody is signed in".into(),
            }));
        };
        if !account.synced {
            fetch_everything(&self.core, self.me, &self.http).await?;
        }
        let response = self.http.events(&account.cursor).await?;
        let address = self.http.dialer().address();
        if address != account.view.address {
            self.core.store.keep_address(&address).await?;
            self.core.updates.send(Update::Account);
        }
        Ok((account.cursor, response.into_body()))
    }

    async fn read(&mut self, mut parser: Parser, mut body: Incoming) -> Result<End, SyncError> {
        let mut catching_up = true;
        loop {
            let patience = if catching_up { CAUGHT_UP } else { self.core.config.stream_silence };
            let frame = match tokio::time::timeout(patience, body.frame()).await {
                Err(_) if catching_up => {
                    catching_up = false;
                    self.tell_calls().await;
                    continue;
                }
                Err(_) => return Ok(End::Broke("silence".into())),
                Ok(None) => return Ok(End::Broke("closed by the server".into())),
                Ok(Some(Err(error))) => return Ok(End::Broke(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let mut items = frame.data_ref().map(|bytes| parser.push(bytes)).unwrap_or_default();
            // A burst is one transaction. How the stream ends is seen again by the next wait.
            while items.len() < BATCH
                && let Some(Some(Ok(frame))) = body.frame().now_or_never()
            {
                items.extend(frame.data_ref().map(|bytes| parser.push(bytes)).unwrap_or_default());
            }
            self.take_in(items).await?;
            if !catching_up || self.held.len() >= MOST_HELD {
                self.tell_calls().await;
            }
        }
    }

    /// Tells the ringing what came for it.
    async fn tell_calls(&mut self) {
        let server_now = now().0.saturating_add(self.http.ahead_ms());
        for event in self.held.drain(..) {
            let age = u64::try_from(server_now.saturating_sub(event.server_time.0)).unwrap_or(0);
            // Closed only when this session ends.
            let _ = self.calls.send(CallNews { event, age: Duration::from_millis(age) }).await;
        }
    }

    async fn take_in(&mut self, items: Vec<Item>) -> Result<(), SyncError> {
        let mut batch = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Retry(millis) => self.backoff.set_first(Duration::from_millis(millis)),
                Item::Cursor(cursor) => batch.push(Received { cursor, event: None }),
                Item::Oversize(cursor) => {
                    tracing::warn!(cursor, "an event that is too large was left out");
                    batch.push(Received { cursor, event: None });
                }
                Item::Event { name: None, data, id } => {
                    let text: String = data.chars().take(MOST_ANNOUNCED).collect();
                    self.core.updates.send(Update::Announcement { text });
                    batch.push(Received { cursor: id, event: None });
                }
                Item::Event { name: Some(name), id, .. } if name == kind::GAP => {
                    self.apply(std::mem::take(&mut batch)).await?;
                    tracing::warn!("the server's log is another one; fetching everything anew");
                    self.core.store.gap(&id).await?;
                    fetch_everything(&self.core, self.me, &self.http).await?;
                    self.fill();
                }
                Item::Event { name: Some(name), data, id } => {
                    let event = serde_json::from_str::<Event>(&data);
                    if let Err(error) = &event {
                        tracing::warn!(kind = name, %error, "an event that cannot be read was left out");
                    }
                    batch.push(Received { cursor: id, event: event.ok() });
                }
            }
        }
        self.apply(batch).await
    }

    async fn apply(&mut self, batch: Vec<Received>) -> Result<(), SyncError> {
        if batch.is_empty() {
            return Ok(());
        }
        let applied = self.core.store.apply(self.me, &batch).await?;
        let ahead = self.http.ahead_ms();
        if applied.fetch_rooms {
            fetch_everything(&self.core, self.me, &self.http).await?;
            self.fill();
        }
        tell(&self.core, self.me, &applied, ahead).await;
        self.held.extend(applied.calls);
        Ok(())
    }

    /// Fetches history that the rail needs, beside the stream. What fails is tried at the next connection, or when somebody looks.
    fn fill(&mut self) {
        let (core, http) = (self.core.clone(), self.http.clone());
        self.filling = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = fill(&core, &http).await {
                tracing::info!(%error, "history was not filled in");
            }
        })));
    }
}
