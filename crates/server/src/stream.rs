//! The event stream: the log as server-sent events (WHATWG HTML §9.2), from a cursor on.
//!
//! First the log is replayed in pages, then rows arrive live. Between the two nothing is lost and nothing comes twice: the stream
//! subscribes to live rows, then reads one more page up to where the log stands by now, and skips the live rows up to there.
//! A reader that cannot keep up is not buffered: its subscription overflows, the stream ends, and its cursor makes that harmless.

use crate::{
    app::App,
    auth::{Credential, SignedIn, admit, asking_host, bearer, is_signed_in, origin_allowed},
    extract::InQuery,
    failure::{Result, forbidden},
    log::{Published, Reader, reader, row},
    presence::OpenStream,
    secret,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde::Deserialize;
use snug_protocol::event::kind;
use std::{collections::VecDeque, convert::Infallible, sync::Arc};
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

/// Name of the cookie with which a browser's `EventSource`, which cannot set headers, is let in.
const COOKIE: &str = "snug_events";

/// How long our clients and browsers wait before they come back, in milliseconds.
const RETRY_MS: u32 = 2000;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/events", get(open)).route("/events/cookie", post(cookie))
}

/// Gives a browser a cookie that is good for the event stream alone. It is another secret than the token, so that a page that
/// could somehow read it could read events and do nothing.
async fn cookie(who: SignedIn, State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    if origin_allowed(&headers, &app.allowed_origins) == Some(false) {
        return Err(forbidden("pages of this origin may not listen"));
    }
    let value = secret::token();
    let hash = secret::hash(value.as_bytes());
    app.log
        .write(move |log| {
            Box::pin(async move {
                sqlx::query("UPDATE devices SET cookie_hash = ? WHERE id = ? AND token_hash IS NOT NULL")
                    .bind(hash)
                    .bind(who.device.to_string())
                    .execute(&mut log.conn)
                    .await?;
                Ok(())
            })
        })
        .await?;
    let path = format!("{}/events", snug_protocol::API_PREFIX);
    let cookie = format!("{COOKIE}={value}; Path={path}; HttpOnly; Secure; SameSite=Strict");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
struct Resume {
    /// For a browser that makes a new `EventSource`, which cannot send the header.
    last_event_id: Option<String>,
}

async fn open(State(app): State<App>, InQuery(resume): InQuery<Resume>, parts: Parts) -> Result<Response> {
    let who = enter(&app, &parts).await?;
    let header =
        parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    let wanted = header.or(resume.last_event_id).filter(|id| !id.is_empty());
    let feed = Feed::open(app, who, wanted.as_deref()).await?;
    let body = stream::unfold(feed, |mut feed| async move {
        let bytes = feed.next().await?;
        Some((Ok::<_, Infallible>(bytes), feed))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Who listens: by token, or by cookie, which only pages of allowed origins may use.
async fn enter(app: &App, parts: &Parts) -> Result<SignedIn> {
    let headers = &parts.headers;
    if origin_allowed(headers, &app.allowed_origins) == Some(false) {
        return Err(forbidden("pages of this origin may not listen"));
    }
    let host = asking_host(parts, app.behind_proxy)?;
    if let Some(token) = bearer(headers) {
        return admit(app, host, Some(secret::hash(token.as_bytes())), Credential::Token).await;
    }
    // A page's own GET has no Origin; that it is the page's own, its browser says here.
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if headers.get(header::ORIGIN).is_none() && site.is_some_and(|site| site != "same-origin") {
        return Err(forbidden("pages of other sites may not listen"));
    }
    let hash = cookie_of(headers).map(|cookie| secret::hash(cookie.as_bytes()));
    admit(app, host, hash, Credential::Cookie).await
}

fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// Where a stream stands.
enum Phase {
    /// Reading pages of the log. The subscription is there once the log was nearly caught up with.
    Replay(Option<Receiver<Arc<Published>>>),
    /// Rows as they are published.
    Live(Receiver<Arc<Published>>, Reader),
}

/// One open stream.
struct Feed {
    app: App,
    who: SignedIn,
    phase: Phase,
    /// Everything up to here was judged, and sent if it was theirs.
    cursor: u64,
    /// What goes out before anything else is looked at; at most a page.
    ready: VecDeque<Bytes>,
    heartbeat: Interval,
    sessions_ended: watch::Receiver<u64>,
    _present: OpenStream,
}

impl Feed {
    async fn open(app: App, who: SignedIn, wanted: Option<&str>) -> Result<Self> {
        // Watched from before the check, so that a session that ends in between is noticed.
        let sessions_ended = app.sessions_ended.subscribe();
        if !is_signed_in(&app, who.device).await? {
            return Err(crate::auth::signed_out());
        }
        let head = reader::head(&mut *app.log.pool.acquire().await?).await?;
        let known = wanted.and_then(|cursor| app.log.seq_of(cursor)).filter(|seq| *seq <= head);
        let cursor = known.unwrap_or(head);
        let id = app.log.cursor(cursor);
        // An event without data would not reach a page's listener.
        let gap = if wanted.is_some() && known.is_none() {
            format!("event: {}\ndata: {{}}\n", kind::GAP)
        } else {
            String::new()
        };
        let first = Bytes::from(format!("retry: {RETRY_MS}\nid: {id}\n{gap}\n"));
        let every = app.limits.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + every, every);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let present = app.presence.open(who.user);
        Ok(Self {
            app,
            who,
            phase: Phase::Replay(None),
            cursor,
            ready: VecDeque::from([first]),
            heartbeat,
            sessions_ended,
            _present: present,
        })
    }

    /// The next bytes, or none when the stream is to end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.app.stopping.is_cancelled() {
                return None;
            }
            if matches!(self.phase, Phase::Replay(_)) {
                self.replay().await?;
            } else {
                return self.live().await;
            }
        }
    }

    /// Reads a page, and goes live after one that was read with the subscription in place and reached the head.
    async fn replay(&mut self) -> Option<()> {
        let page = async {
            let mut conn = self.app.log.pool.acquire().await?;
            reader::page(&mut conn, self.who.user, self.who.device, self.cursor).await
        };
        let page = match page.await {
            Ok(page) => page,
            Err(failure) => {
                // Logged there; the client comes back with its cursor.
                let _ = failure.into_api();
                return None;
            }
        };
        let (generation, user) = (self.app.log.generation(), self.who.user);
        let frames = page.events.into_iter().map(|event| row::frame(generation, &row::seen_by(user, event)));
        self.ready.extend(frames);
        self.cursor = page.up_to;
        let Phase::Replay(subscription) = &mut self.phase else { return Some(()) };
        if page.at_head {
            self.phase = match subscription.take() {
                Some(receiver) => Phase::Live(receiver, page.reader),
                None => Phase::Replay(Some(self.app.log.subscribe())),
            };
        }
        Some(())
    }

    /// Waits for a row that is theirs, or for the time to say that there is none.
    async fn live(&mut self) -> Option<Bytes> {
        loop {
            let Phase::Live(rows, reader) = &mut self.phase else { return None };
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => return None,
                changed = self.sessions_ended.changed() => {
                    changed.ok()?;
                    if !is_signed_in(&self.app, self.who.device).await.unwrap_or(false) {
                        return None;
                    }
                }
                row = rows.recv() => match row {
                    // Replayed already.
                    Ok(row) if row.event.seq <= self.cursor => {}
                    Ok(row) => {
                        self.cursor = row.event.seq;
                        if reader.follow(&row) {
                            return Some(row.frame_for(self.who.user));
                        }
                    }
                    Err(RecvError::Lagged(rows)) => {
                        tracing::debug!(device = %self.who.device, rows, "a reader fell behind");
                        return None;
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.heartbeat.tick() => {
                    return Some(format!("id: {}\n\n", self.app.log.cursor(self.cursor)).into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Server, ServerConfig, log::NewRow, sessions};
    use snug_protocol::{
        Content, UserId,
        account::{NewDevice, SpaceRole, User},
        event::Topic,
    };

    /// A row that everybody sees.
    async fn append(app: &App, who: SignedIn) -> u64 {
        let row = NewRow::of_server(Topic::Space, "test", who.by(), Content::default());
        app.log.write(move |log| Box::pin(async move { log.row(row).await })).await.unwrap()
    }

    async fn somebody(app: &App) -> SignedIn {
        let user = User {
            id: UserId::random(),
            username: "bea".into(),
            display_name: "Bea".into(),
            role: SpaceRole::Member,
        };
        app.log
            .write(move |log| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO accounts VALUES (?, 'bea', 'Bea', '', 'member', 0, 0)")
                        .bind(user.id.to_string())
                        .execute(&mut log.conn)
                        .await?;
                    let device = NewDevice { name: "desk".into(), key: Content(vec![0; 32]) };
                    let session = sessions::create(log, user, device).await?;
                    Ok(SignedIn { user: session.user.id, device: session.device, role: SpaceRole::Member })
                })
            })
            .await
            .unwrap()
    }

    async fn next_id(feed: &mut Feed) -> String {
        let bytes = feed.next().await.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
    }

    #[tokio::test]
    async fn rows_around_the_change_from_replay_to_live_come_once_each() {
        let dir = tempfile::tempdir().unwrap();
        let server =
            Server::start(ServerConfig::new(dir.path(), "127.0.0.1:0".parse().unwrap())).await.unwrap();
        let app = server.shared();
        let who = somebody(&app).await;
        let id = |seq| app.log.cursor(seq);
        let mut feed = Feed::open(Arc::clone(&app), who, Some(&id(0))).await.unwrap();
        assert_eq!(next_id(&mut feed).await, id(0));
        let first = append(&app, who).await;
        assert_eq!(next_id(&mut feed).await, id(first));
        // It has subscribed now and reads one more page, in which it finds a row that its subscription also has.
        assert!(matches!(feed.phase, Phase::Replay(Some(_))));
        let in_both = append(&app, who).await;
        assert_eq!(next_id(&mut feed).await, id(in_both));
        assert!(matches!(feed.phase, Phase::Live(..)));
        let live = append(&app, who).await;
        assert_eq!(next_id(&mut feed).await, id(live));
        assert_eq!((first, in_both, live), (1, 2, 3));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "theme=dark; snug_eventsx=no".parse().unwrap());
        headers.append(header::COOKIE, "a=b;snug_events=yes".parse().unwrap());
        assert_eq!(cookie_of(&headers), Some("yes"));
        headers.remove(header::COOKIE);
        assert_eq!(cookie_of(&headers), None);
    }
}
