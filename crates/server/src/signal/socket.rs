//! One connection of the signal socket: getting in, and the loop that reads, writes and pings.

use super::{ConnectionId, GuestPass, Identity, Input};
use crate::{
    app::App,
    auth::{Credential, SignedIn, admit, asking_host, bearer, is_signed_in, origin_allowed, signed_out},
    clock,
    extract::InQuery,
    failure::{Failure, Result, bad, forbidden},
    guests::session::{Caller, Guest, Holder, by_device},
    rates, secret,
};
use axum::{
    Json, Router,
    extract::{
        State,
        ws::{
            CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
        },
    },
    http::request::Parts,
    response::Response,
    routing::{get, post},
};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use serde::Deserialize;
use snug_protocol::{
    ApiError, Content, DeviceId, ErrorCode, MAX_SIGNAL_BYTES,
    signal::{ClientSignal, SUBPROTOCOL, ServerSignal, Ticket, close},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite;

/// How long the other side has to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/signal", get(connect)).route("/signal/ticket", post(ticket))
}

async fn ticket(who: Caller, State(app): State<App>) -> Result<Json<Ticket>> {
    app.tickets.issue(who.holder(), Instant::now()).map(|ticket| Json(Ticket { ticket }))
}

#[derive(Deserialize)]
struct Entry {
    ticket: Option<String>,
}

async fn connect(
    State(app): State<App>,
    InQuery(entry): InQuery<Entry>,
    upgrade: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    parts: Parts,
) -> Result<Response> {
    let who = enter(&app, &parts, entry).await?;
    let upgrade = upgrade.map_err(|_| bad("this is a WebSocket"))?.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(bad(format!("the subprotocol here is {SUBPROTOCOL}")));
    }
    // A little above our own limit, so that it is we who say that a frame was too large.
    let upgrade = upgrade.max_message_size(2 * MAX_SIGNAL_BYTES).max_frame_size(2 * MAX_SIGNAL_BYTES);
    let tasks = app.tasks.clone();
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(Connection::serve(app, who, socket))))
}

/// Who is at the other end.
#[derive(Clone)]
struct Entrant {
    who: Identity,
    guest: Option<GuestPass>,
}

impl Entrant {
    async fn member(app: &App, who: SignedIn) -> Result<Self> {
        let query = "SELECT public_key, display_name FROM devices JOIN accounts ON accounts.id = account WHERE devices.id = ?";
        let (key, name): (Vec<u8>, String) =
            sqlx::query_as(query).bind(who.device.to_string()).fetch_one(&app.log.pool).await?;
        let who = Identity { user: who.user, device: who.device, key: Content(key), name };
        Ok(Self { who, guest: None })
    }

    async fn guest(app: &App, device: DeviceId) -> Result<Self> {
        let Guest { user, device, key, pass } = by_device(app, device).await?;
        let who = Identity { user, device, key, name: pass.name.clone() };
        Ok(Self { who, guest: Some(pass) })
    }

    /// Whether the session still stands.
    async fn stands(&self, app: &App) -> Result<bool> {
        if self.guest.is_none() {
            return is_signed_in(app, self.who.device).await;
        }
        match by_device(app, self.who.device).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(_)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// Who connects: by token, or by ticket, which pages alone use and which therefore comes with their origin.
async fn enter(app: &App, parts: &Parts, entry: Entry) -> Result<Entrant> {
    let origin = origin_allowed(&parts.headers, &app.allowed_origins);
    if origin == Some(false) {
        return Err(forbidden("pages of this origin may not connect"));
    }
    let host = asking_host(parts, app.behind_proxy)?;
    let Some(ticket) = entry.ticket else {
        let token = bearer(&parts.headers).map(|token| secret::hash(token.as_bytes()));
        let who = admit(app, host, token, Credential::Token).await?;
        return Entrant::member(app, who).await;
    };
    if origin.is_none() {
        return Err(forbidden("a ticket is for pages, which have an origin"));
    }
    match app.tickets.spend(&ticket, Instant::now()) {
        Some(Holder::Member(who)) if is_signed_in(app, who.device).await? => Entrant::member(app, who).await,
        Some(Holder::Guest(device)) => Entrant::guest(app, device).await,
        _ => {
            app.rates.address.take(&host)?;
            Err(signed_out())
        }
    }
}

/// Why a connection ends.
enum End {
    /// We close it with this code.
    Close(u16),
    /// The other side closes it.
    Closed,
    /// It is gone.
    Gone,
}

struct Connection {
    app: App,
    id: ConnectionId,
    entrant: Entrant,
    socket: WebSocket,
    rate: DefaultDirectRateLimiter,
}

impl Connection {
    async fn serve(app: App, entrant: Entrant, socket: WebSocket) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed));
        let rate = RateLimiter::direct(rates::quota(app.limits.signals));
        let killed = app.killed.clone();
        let mut connection = Self { app, id, entrant, socket, rate };
        tokio::select! {
            () = killed.cancelled() => {}
            () = connection.run() => {}
        }
    }

    async fn run(&mut self) {
        let hello = ServerSignal::Hello { device: self.entrant.who.device, server_time: clock::now() };
        if self.send(&hello).await.is_err() {
            return;
        }
        let (queue, signals) = mpsc::channel(self.app.limits.signal_queue.max(1));
        let (close, closing) = oneshot::channel();
        let Entrant { who, guest } = self.entrant.clone();
        let (connection, device) = (self.id, who.device);
        let connected = Input::Connected { connection, who, guest, queue, close };
        if self.app.hub.send(connected).await.is_err() {
            self.close(close::GOING_AWAY).await;
            return;
        }
        // The session may have ended between the handshake and the hub knowing of this connection.
        let end = match self.entrant.stands(&self.app).await {
            Ok(true) => self.converse(signals, closing).await,
            Ok(false) if self.entrant.guest.is_some() => End::Close(close::GUEST_ENDED),
            Ok(false) => End::Close(close::SIGNED_OUT),
            Err(_) => End::Gone,
        };
        // A hub that is gone needs no news.
        let _ = self.app.hub.send(Input::Disconnected { connection, device }).await;
        match end {
            End::Close(code) => self.close(code).await,
            End::Closed => self.finish().await,
            End::Gone => {}
        }
    }

    /// Reads, writes and pings until there is a reason to stop.
    async fn converse(
        &mut self,
        mut signals: mpsc::Receiver<Utf8Bytes>,
        mut closing: oneshot::Receiver<u16>,
    ) -> End {
        let (every, within) = (self.app.limits.ping_every, self.app.limits.pong_within);
        let mut pings = interval_at(tokio::time::Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                // The hub drops the sender without a code only when it ends without having seen this connection.
                code = &mut closing => {
                    let code = code.unwrap_or(close::GOING_AWAY);
                    if code == close::GUEST_ENDED {
                        // Why it ends is among what waits.
                        let _ = timeout(CLOSING, self.send_what_waits(&mut signals)).await;
                    }
                    return End::Close(code);
                }
                Some(signal) = signals.recv() => {
                    if self.socket.send(Message::Text(signal)).await.is_err() {
                        return End::Gone;
                    }
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match self.read(message).await {
                        Ok(()) => {}
                        Err(end) => return end,
                    }
                }
                _ = pings.tick() => {
                    if self.socket.send(Message::Ping(bytes::Bytes::new())).await.is_err() {
                        return End::Gone;
                    }
                }
                // A socket of which nobody is left to say that it is closed.
                () = sleep_until((heard + every + within).into()) => return End::Gone,
            }
        }
    }

    async fn read(
        &mut self,
        message: Option<std::result::Result<Message, axum::Error>>,
    ) -> std::result::Result<(), End> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(broken(error)),
            None => return Err(End::Gone),
        };
        let size = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            // Pongs have done their work by being heard, and pings are answered by the library.
            Message::Ping(_) | Message::Pong(_) => 0,
            Message::Close(_) => return Err(End::Closed),
        };
        if size > MAX_SIGNAL_BYTES {
            return Err(End::Close(close::TOO_LARGE));
        }
        if self.rate.check().is_err() {
            return Err(End::Close(close::RATE_LIMITED));
        }
        let parsed = match &message {
            Message::Text(text) => {
                serde_json::from_str::<ClientSignal>(text).map_err(|e| format!("not a signal: {e}"))
            }
            Message::Binary(_) => Err("nothing is said in binary frames yet".to_owned()),
            _ => return Ok(()),
        };
        match parsed {
            Ok(signal) => {
                let input = Input::Signal { connection: self.id, device: self.entrant.who.device, signal };
                self.app.hub.send(input).await.map_err(|_| End::Close(close::GOING_AWAY))
            }
            Err(why) => {
                let error = ApiError::new(ErrorCode::BadRequest, why);
                self.send(&ServerSignal::Error { error, call: None }).await.map_err(|_| End::Gone)
            }
        }
    }

    async fn send(&mut self, signal: &ServerSignal) -> std::result::Result<(), axum::Error> {
        let json = serde_json::to_string(signal).expect("a signal has string keys");
        self.socket.send(Message::Text(json.into())).await
    }

    async fn send_what_waits(&mut self, signals: &mut mpsc::Receiver<Utf8Bytes>) {
        while let Ok(signal) = signals.try_recv() {
            if self.socket.send(Message::Text(signal)).await.is_err() {
                return;
            }
        }
    }

    /// Closes with a code.
    async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static("") };
        // Once begun it is finished whether or not the frame fits into what the other side takes.
        if let Ok(Ok(())) = timeout(CLOSING, self.socket.send(Message::Close(Some(frame)))).await {
            self.finish().await;
        }
    }

    /// Gives both halves of a close a moment, without which the last frames could be lost. Reading is what makes the library answer.
    async fn finish(&mut self) {
        let closing = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        // Whether it was in time makes no difference to us.
        let _ = timeout(CLOSING, closing).await;
    }
}

/// What a read error means.
fn broken(error: axum::Error) -> End {
    use tungstenite::Error;
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => End::Close(close::TOO_LARGE),
        // RFC 6455 §8.1: a text frame that is not UTF-8 fails the connection.
        Some(Error::Utf8(_)) => End::Close(close::INVALID_DATA),
        Some(Error::Protocol(_)) => End::Close(close::PROTOCOL),
        _ => End::Gone,
    }
}
