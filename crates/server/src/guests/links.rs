//! Links: made by a member who is in the call, seen and revoked by everybody of its room.

use crate::{
    app::App,
    auth::SignedIn,
    clock,
    config::Tls,
    extract::{Body, InPath},
    failure::{Result, bad, forbidden, missing, refusal},
    members, secret,
    signal::{CallLook, Input},
    words,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::{delete, get},
};
use snug_protocol::{
    CallId, ErrorCode, GuestLinkId, RoomId, UnixMillis, UserId,
    guest::{
        Admission, BrowserTrust, DEFAULT_LINK_LIFE_S, GuestLink, GuestLinks, JOIN_PATH, MAX_LINK_LIFE_S,
        NewGuestLink, NewGuestLinkMade,
    },
};
use tokio::sync::oneshot;

/// A shorter life would be over before the link is sent.
const MIN_LINK_LIFE_S: u64 = 60;

/// Links of one call that are good at the same time. A bound, so that nobody fills the table.
const OPEN_AT_ONCE: i64 = 20;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/calls/{call}/guest-links", get(list).post(make))
        .route("/calls/{call}/guest-links/{id}", delete(revoke))
}

async fn make(
    who: SignedIn,
    State(app): State<App>,
    InPath(call): InPath<CallId>,
    headers: HeaderMap,
    Body(wanted): Body<NewGuestLink>,
) -> Result<(StatusCode, Json<NewGuestLinkMade>)> {
    let life = wanted.expires_in_s.unwrap_or(DEFAULT_LINK_LIFE_S);
    if !(MIN_LINK_LIFE_S..=MAX_LINK_LIFE_S).contains(&life) {
        return Err(bad("a guest link is good for a minute to a week"));
    }
    let look = look(&app, call).await?;
    // Of a call in somebody else's room nobody learns whether there is one.
    let room = look.room.ok_or_else(|| missing("call"))?;
    members::in_room(members::place(&mut *app.log.pool.acquire().await?, room, who.user).await?.as_ref())?;
    if !look.people.contains(&who.user) {
        return Err(forbidden("only those who are in the call invite guests"));
    }
    let token = secret::token();
    let hash = secret::hash(token.as_bytes());
    let link = app
        .log
        .write(move |log| {
            Box::pin(async move {
                let (open,): (i64,) = sqlx::query_as(
                    "SELECT COUNT(*) FROM guest_links WHERE call = ? AND ended_at IS NULL AND expires_at > ?",
                )
                .bind(call.to_string())
                .bind(log.now.0)
                .fetch_one(&mut log.conn)
                .await?;
                if open >= OPEN_AT_ONCE {
                    return Err(refusal(ErrorCode::Forbidden, "revoke a link of this call before making another"));
                }
                let link = GuestLink {
                    id: GuestLinkId::random(),
                    call,
                    admission: wanted.admission,
                    by: who.user,
                    created_at: log.now,
                    expires_at: UnixMillis(log.now.0.saturating_add(life as i64 * 1000)),
                };
                sqlx::query(
                    "INSERT INTO guest_links (id, token_hash, call, room, account, admission, created_at, expires_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .bind(link.id.to_string())
                .bind(hash)
                .bind(call.to_string())
                .bind(room.to_string())
                .bind(who.user.to_string())
                .bind(words::write(&link.admission))
                .bind(link.created_at.0)
                .bind(link.expires_at.0)
                .execute(&mut log.conn)
                .await?;
                Ok(link)
            })
        })
        .await?;
    let base = app.browsers.base(&headers);
    let url = base.map(|base| format!("{base}{JOIN_PATH}{token}"));
    let made = NewGuestLinkMade { link, token, url, browser_trust: app.browsers.trust() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Who is in a call now.
pub(super) async fn look(app: &App, call: CallId) -> Result<CallLook> {
    let stopping = || refusal(ErrorCode::Unavailable, "the server is stopping");
    let (reply, answer) = oneshot::channel();
    app.hub.send(Input::Look { call, reply }).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())
}

type LinkRow = (String, String, String, i64, i64);

async fn list(
    who: SignedIn,
    State(app): State<App>,
    InPath(call): InPath<CallId>,
) -> Result<Json<GuestLinks>> {
    let rows: Vec<LinkRow> = sqlx::query_as(
        "SELECT l.id, l.account, l.admission, l.created_at, l.expires_at FROM guest_links l
         JOIN members m ON m.room = l.room AND m.account = ? AND m.membership = 'joined'
         WHERE l.call = ? AND l.ended_at IS NULL AND l.expires_at > ? ORDER BY l.created_at, l.id",
    )
    .bind(who.user.to_string())
    .bind(call.to_string())
    .bind(clock::now().0)
    .fetch_all(&app.log.pool)
    .await?;
    let links = rows.into_iter().map(|(id, by, admission, created_at, expires_at)| {
        Ok(GuestLink {
            id: id.parse().context("a link's id")?,
            call,
            admission: words::read(&admission).context("an admission")?,
            by: by.parse().context("a link's maker")?,
            created_at: UnixMillis(created_at),
            expires_at: UnixMillis(expires_at),
        })
    });
    let links = links.collect::<Result<_>>()?;
    Ok(Json(GuestLinks { browser_trust: app.browsers.trust(), links }))
}

async fn revoke(
    who: SignedIn,
    State(app): State<App>,
    InPath((call, id)): InPath<(CallId, GuestLinkId)>,
) -> Result<StatusCode> {
    app.log
        .write(move |log| {
            Box::pin(async move {
                let ended = sqlx::query(
                    "UPDATE guest_links SET ended_at = ? WHERE id = ? AND call = ? AND ended_at IS NULL AND EXISTS
                        (SELECT 1 FROM members m WHERE m.room = guest_links.room AND m.account = ? AND m.membership = 'joined')",
                )
                .bind(log.now.0)
                .bind(id.to_string())
                .bind(call.to_string())
                .bind(who.user.to_string())
                .execute(&mut log.conn)
                .await?;
                if ended.rows_affected() == 0 { Err(missing("link")) } else { Ok(()) }
            })
        })
        .await?;
    // A hub that is gone has nobody waiting.
    let _ = app.hub.send(Input::GuestLinkOver { link: id }).await;
    Ok(StatusCode::NO_CONTENT)
}

/// A link that somebody showed the token of, and that is good.
pub(super) struct Shown {
    pub(super) id: GuestLinkId,
    pub(super) call: CallId,
    pub(super) room: RoomId,
    pub(super) by: UserId,
    pub(super) admission: Admission,
}

/// The link of a token. One whose maker is not in the room any more is over with them.
pub(super) async fn shown(app: &App, token: &str) -> Result<Shown> {
    type Row = (String, String, String, String, String, bool);
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, call, room, account, admission, ended_at IS NULL AND expires_at > ? AND EXISTS
            (SELECT 1 FROM members m WHERE m.room = l.room AND m.account = l.account AND m.membership = 'joined')
         FROM guest_links l WHERE token_hash = ?",
    )
    .bind(clock::now().0)
    .bind(secret::hash(token.as_bytes()))
    .fetch_optional(&app.log.pool)
    .await?;
    let (id, call, room, by, admission, good) = row.ok_or_else(|| missing("link"))?;
    if !good {
        return Err(refusal(
            ErrorCode::LinkExpired,
            "this link was revoked, has expired, or its call is over",
        ));
    }
    Ok(Shown {
        id: id.parse().context("a link's id")?,
        call: call.parse().context("a link's call")?,
        room: room.parse().context("a link's room")?,
        by: by.parse().context("a link's maker")?,
        admission: words::read(&admission).context("an admission")?,
    })
}

/// Where browsers reach this server, if they trust it.
pub(crate) enum Browsers {
    /// Nowhere: it made its own certificate.
    Distrust,
    /// At this origin, `https://host` or `https://host:port`.
    At(String),
    /// Where whoever asks for a link reached it.
    WhereAsked,
}

impl Browsers {
    /// What the configuration says. `public_url` is an origin.
    pub(crate) fn new(public_url: Option<&str>, public_addresses: &[String], tls: &Tls) -> Self {
        match (public_url, tls, public_addresses.first()) {
            (Some(origin), ..) => Self::At(origin.trim_end_matches('/').to_owned()),
            (None, Tls::OwnCertificate, _) => Self::Distrust,
            (None, _, Some(address)) => Self::At(format!("https://{}", without_default_port(address))),
            (None, _, None) => Self::WhereAsked,
        }
    }

    fn trust(&self) -> BrowserTrust {
        if matches!(self, Self::Distrust) { BrowserTrust::SelfSigned } else { BrowserTrust::Trusted }
    }

    fn base(&self, headers: &HeaderMap) -> Option<String> {
        match self {
            Self::Distrust => None,
            Self::At(origin) => Some(origin.clone()),
            Self::WhereAsked => {
                let host = headers.get(header::HOST)?.to_str().ok()?;
                Some(format!("https://{}", without_default_port(host)))
            }
        }
    }
}

fn without_default_port(address: &str) -> &str {
    address.strip_suffix(":443").unwrap_or(address)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_leads_where_browsers_reach_the_server_and_nowhere_if_they_distrust_it() {
        let headers: HeaderMap = [(header::HOST, "home:7664".parse().unwrap())].into_iter().collect();
        let files = Tls::Files { cert: "c".into(), key: "k".into() };
        let base = |url: Option<&str>, addresses: &[&str], tls: &Tls| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Browsers::new(url, &addresses, tls).base(&headers)
        };
        assert_eq!(base(None, &["chat.example:443"], &Tls::OwnCertificate), None);
        assert_eq!(base(Some("https://a.example/"), &[], &Tls::OwnCertificate).unwrap(), "https://a.example");
        assert_eq!(base(None, &["chat.example:443"], &files).unwrap(), "https://chat.example");
        assert_eq!(
            base(None, &["chat.example:8443"], &Tls::PlainBehindProxy).unwrap(),
            "https://chat.example:8443"
        );
        assert_eq!(base(None, &[], &files).unwrap(), "https://home:7664");
    }
}
