//! The signal socket, kept open while anybody has a use for it.
//!
//! One task, which ends when its handle drops. Nothing that passes here is worth anything a second later, so nothing is queued for a
//! reconnect: what is sent while there is no socket is dropped, and whoever needs more (a call) repeats it. With the window in the tray and
//! no call there is no socket at all.

use crate::core::Core;
use crate::net::{Backoff, Http, ServerStream};
use futures_util::{SinkExt, StreamExt};
use hyper::header::{AUTHORIZATION, HeaderValue};
use snug_protocol::signal::{ClientSignal, SUBPROTOCOL, ServerSignal, close};
use snug_protocol::{API_PREFIX, MAX_SIGNAL_BYTES};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::task::AbortOnDropHandle;

/// The server pings every 20 s: after two of them it is gone, whatever TCP believes.
const SILENCE: Duration = Duration::from_secs(45);

/// One write; a peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(10);

/// TLS and upgrade.
const OPEN: Duration = Duration::from_secs(15);

/// Between attempts.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Signals that wait to be written: the candidates and descriptions of some peers at once.
const QUEUE: usize = 256;

/// How often it is looked whether somebody stopped typing without saying so.
const SWEEP: Duration = Duration::from_secs(1);

/// Keeps the socket until it is dropped.
pub(crate) struct SignalSocket {
    task: AbortOnDropHandle<()>,
}

/// What others do with the socket. Whether there is one at the moment is none of their business.
#[derive(Clone)]
pub(crate) struct SignalSender {
    outgoing: mpsc::Sender<ClientSignal>,
    in_call: Arc<watch::Sender<bool>>,
}

/// What the socket tells the calls.
#[derive(Debug)]
pub(crate) enum SignalNews {
    /// There is a socket; whoever is in a call joins again.
    Up,
    /// There is none.
    Down,
    /// Something about a call.
    Signal(ServerSignal),
}

impl SignalSocket {
    /// Begins. What concerns calls goes to `calls`.
    pub(crate) fn start(
        core: Arc<Core>,
        http: Http,
        calls: mpsc::Sender<SignalNews>,
    ) -> (SignalSender, Self) {
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let in_call = Arc::new(watch::Sender::new(false));
        let keeper = Keeper { core, http, calls, queue, in_call: in_call.subscribe() };
        let task = AbortOnDropHandle::new(tokio::spawn(keeper.run()));
        (SignalSender { outgoing, in_call }, Self { task })
    }

    /// Ends it, and returns when it has ended.
    pub(crate) async fn end(self) {
        self.task.abort();
        // Cancelled, as it was asked to be.
        let _ = self.task.await;
    }
}

impl SignalSender {
    /// Sends, if there is a socket that takes it now.
    pub(crate) fn send(&self, signal: ClientSignal) {
        if self.outgoing.try_send(signal).is_err() {
            tracing::debug!("a signal was dropped: more wait than the socket takes");
        }
    }

    /// Whether a call needs the socket, whatever the window does.
    pub(crate) fn set_in_call(&self, in_call: bool) {
        self.in_call.send_if_modified(|value| std::mem::replace(value, in_call) != in_call);
    }
}

struct Keeper {
    core: Arc<Core>,
    http: Http,
    calls: mpsc::Sender<SignalNews>,
    queue: mpsc::Receiver<ClientSignal>,
    in_call: watch::Receiver<bool>,
}

/// Why a connection is over.
#[derive(Debug)]
enum End {
    /// Nobody needs it.
    Unwanted,
    /// Connect anew, now.
    Kicked,
    /// Connect anew after a while.
    Lost(String),
    /// Not again by itself.
    Fatal(u16),
    /// The client is gone.
    Dropped,
}

impl Keeper {
    async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_WAIT);
        let mut kicks = self.core.kicks.subscribe();
        let mut attention = self.core.attention.subscribe();
        loop {
            kicks.mark_unchanged();
            while !(attention.borrow_and_update().open || *self.in_call.borrow_and_update()) {
                tokio::select! {
                    changed = attention.changed() => if changed.is_err() { return },
                    changed = self.in_call.changed() => if changed.is_err() { return },
                    signal = self.queue.recv() => if signal.is_none() { return },
                }
            }
            let end = match timeout(OPEN, self.open()).await {
                Ok(Ok(socket)) => {
                    backoff.reset();
                    let end = self.hold(socket, &mut kicks, &mut attention).await;
                    if self.calls.send(SignalNews::Down).await.is_err() {
                        return;
                    }
                    end
                }
                Ok(Err(end)) => end,
                Err(_) => End::Lost("timed out".into()),
            };
            match end {
                End::Unwanted | End::Kicked => {}
                End::Dropped => return,
                End::Lost(why) => {
                    tracing::info!(why, "no signal socket");
                    let wait = tokio::time::sleep(backoff.failed(rand::random()));
                    tokio::pin!(wait);
                    loop {
                        tokio::select! {
                            () = &mut wait => break,
                            _ = kicks.changed() => break,
                            signal = self.queue.recv() => if signal.is_none() { return },
                        }
                    }
                }
                End::Fatal(code) => {
                    tracing::warn!(code, "the signal socket was closed for good");
                    loop {
                        tokio::select! {
                            _ = kicks.changed() => break,
                            signal = self.queue.recv() => if signal.is_none() { return },
                        }
                    }
                }
            }
        }
    }

    async fn open(&self) -> Result<WebSocketStream<ServerStream>, End> {
        let lost = |why: String| End::Lost(why);
        let stream = self.http.dialer().connect().await.map_err(|e| lost(e.to_string()))?;
        let address = self.http.dialer().address();
        let mut request = format!("wss://{address}{API_PREFIX}/signal")
            .into_client_request()
            .map_err(|e| lost(e.to_string()))?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        if let Some(token) = self.http.token() {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        // The server's own limit, and room for what it adds around a relayed signal.
        let limit = Some(2 * MAX_SIGNAL_BYTES);
        let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(SocketError::Http(response)) if response.status() == 401 => {
                Err(End::Fatal(close::SIGNED_OUT))
            }
            Err(error) => Err(lost(error.to_string())),
        }
    }

    async fn hold(
        &mut self,
        mut socket: WebSocketStream<ServerStream>,
        kicks: &mut watch::Receiver<u64>,
        attention: &mut watch::Receiver<crate::client::Attention>,
    ) -> End {
        // What was said to a socket that is gone is stale by now.
        while self.queue.try_recv().is_ok() {}
        let mut sweep = tokio::time::interval(SWEEP);
        let mut heard = tokio::time::Instant::now();
        loop {
            let end = tokio::select! {
                message = socket.next() => {
                    heard = tokio::time::Instant::now();
                    match self.take_in(message).await {
                        None => continue,
                        Some(end) => end,
                    }
                }
                signal = self.queue.recv() => {
                    let Some(signal) = signal else { return End::Dropped };
                    let Ok(text) = serde_json::to_string(&signal) else { continue };
                    match timeout(WRITE, socket.send(Message::text(text))).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => End::Lost(error.to_string()),
                        Err(_) => End::Lost("a write does not end".into()),
                    }
                }
                _ = sweep.tick() => {
                    for room in self.core.expire_typing() {
                        self.core.tell_typing(room).await;
                    }
                    if heard.elapsed() < SILENCE {
                        continue;
                    }
                    End::Lost("silence".into())
                }
                _ = kicks.changed() => End::Kicked,
                changed = attention.changed() => match changed {
                    Err(_) => End::Dropped,
                    Ok(()) if self.wanted(attention) => continue,
                    Ok(()) => End::Unwanted,
                },
                changed = self.in_call.changed() => match changed {
                    Err(_) => End::Dropped,
                    Ok(()) if self.wanted(attention) => continue,
                    Ok(()) => End::Unwanted,
                },
            };
            if matches!(end, End::Unwanted | End::Kicked) {
                // Politeness; the server notices either way.
                let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
            }
            return end;
        }
    }

    fn wanted(&mut self, attention: &mut watch::Receiver<crate::client::Attention>) -> bool {
        attention.borrow_and_update().open || *self.in_call.borrow_and_update()
    }

    async fn take_in(&mut self, message: Option<Result<Message, SocketError>>) -> Option<End> {
        match message {
            None => Some(End::Lost("closed".into())),
            Some(Err(error)) => Some(End::Lost(error.to_string())),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(1005, |frame| u16::from(frame.code));
                Some(if close::resumable(code) {
                    End::Lost(format!("closed with {code}"))
                } else {
                    End::Fatal(code)
                })
            }
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(signal) => self.take_signal(signal).await,
                Err(error) => {
                    tracing::warn!(%error, "a signal that cannot be read was left out");
                    None
                }
            },
            // Pongs are written by the library with the next read or write.
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => None,
        }
    }

    async fn take_signal(&mut self, signal: ServerSignal) -> Option<End> {
        match &signal {
            ServerSignal::Hello { .. } => {
                self.core.forget_moment();
                return self.calls.send(SignalNews::Up).await.err().map(|_| End::Dropped);
            }
            ServerSignal::Presence { user, available } => self.core.set_available(*user, *available),
            ServerSignal::Typing { room, user, active } => {
                self.core.set_typing(*room, *user, *active);
                self.core.tell_typing(*room).await;
            }
            ServerSignal::CallState { room, call, people, guests } => {
                self.core.set_call(*room, *call, people.clone(), guests.clone())
            }
            ServerSignal::Error { error, call: None } => tracing::info!(%error, "a signal was refused"),
            _ => {}
        }
        let about_call = match signal {
            ServerSignal::Roster { .. }
            | ServerSignal::Joined { .. }
            | ServerSignal::Left { .. }
            | ServerSignal::Relay { .. }
            | ServerSignal::CallState { .. }
            | ServerSignal::Error { call: Some(_), .. }
            | ServerSignal::GuestKnocking { .. }
            | ServerSignal::GuestSettled { .. } => signal,
            ServerSignal::Hello { .. }
            | ServerSignal::Typing { .. }
            | ServerSignal::Presence { .. }
            | ServerSignal::Error { .. }
            // To guests, which this client never is.
            | ServerSignal::GuestWaiting { .. }
            | ServerSignal::GuestAdmitted { .. }
            | ServerSignal::GuestRefused { .. }
            | ServerSignal::GuestEnded { .. }
            | ServerSignal::Unknown => return None,
        };
        self.calls.send(SignalNews::Signal(about_call)).await.err().map(|_| End::Dropped)
    }
}
