//! Knowing a guest again: by the session that they got when they knocked.

use crate::{
    app::App,
    auth::{Credential, SignedIn, admit, asking_host, bearer, signed_out},
    failure::{Failure, Result, forbidden},
    secret,
    signal::{GuestPass, Input},
    words,
};
use anyhow::Context;
use axum::{extract::FromRequestParts, http::request::Parts};
use snug_protocol::{Content, DeviceId, UserId};
use tokio::sync::oneshot;

/// Whom a ticket is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    /// A member's device.
    Member(SignedIn),
    /// A guest.
    Guest(DeviceId),
}

/// A guest as the database knows them.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) key: Content,
    pub(crate) pass: GuestPass,
}

/// A member's device or a guest: for the two routes that guests have.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A member's device.
    Member(SignedIn),
    /// A guest, let in or not.
    Guest(Guest),
}

impl Caller {
    /// As the holder of a ticket.
    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Member(who) => Holder::Member(*who),
            Self::Guest(guest) => Holder::Guest(guest.device),
        }
    }

    /// The device of one who may be in a call: a guest who waits at the door is not.
    pub(crate) async fn in_calls(&self, app: &App) -> Result<DeviceId> {
        match self {
            Self::Member(who) => Ok(who.device),
            // The hub knows first: whoever was told that they are in may rely on it.
            Self::Guest(guest) if guest.pass.admitted || admitted_now(app, guest.device).await => {
                Ok(guest.device)
            }
            Self::Guest(_) => Err(forbidden("nobody let you in yet")),
        }
    }
}

async fn admitted_now(app: &App, device: DeviceId) -> bool {
    let (reply, answer) = oneshot::channel();
    app.hub.send(Input::IsAdmitted { device, reply }).await.is_ok() && answer.await.unwrap_or(false)
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let host = asking_host(parts, app.behind_proxy)?;
        let hash = bearer(&parts.headers).map(|token| secret::hash(token.as_bytes()));
        if let Some(hash) = &hash
            && let Some(guest) = by_session(app, hash).await?
        {
            app.rates.session.take(&guest.device)?;
            return Ok(Self::Guest(guest));
        }
        admit(app, host, hash, Credential::Token).await.map(Self::Member)
    }
}

type Row = (String, String, String, String, String, String, String, Vec<u8>, bool);

/// Who waits by a link that is over is nobody any more.
macro_rules! guest_where {
    ($condition:literal) => {
        concat!(
            "SELECT device, user, link, call, room, admission, name, public_key, admitted FROM guests
             WHERE (admitted = 1 OR EXISTS
                (SELECT 1 FROM guest_links l WHERE l.id = guests.link AND l.ended_at IS NULL)) AND ",
            $condition
        )
    };
}

fn read(row: Row) -> Result<Guest> {
    let (device, user, link, call, room, admission, name, key, admitted) = row;
    Ok(Guest {
        user: user.parse().context("a guest's id")?,
        device: device.parse().context("a guest's device")?,
        key: Content(key),
        pass: GuestPass {
            link: link.parse().context("a guest's link")?,
            call: call.parse().context("a guest's call")?,
            room: room.parse().context("a guest's room")?,
            admission: words::read(&admission).context("a guest's admission")?,
            name,
            admitted,
        },
    })
}

/// The guest whose session has this hash.
pub(crate) async fn by_session(app: &App, hash: &[u8]) -> Result<Option<Guest>> {
    let row: Option<Row> =
        sqlx::query_as(guest_where!("session_hash = ?")).bind(hash).fetch_optional(&app.log.pool).await?;
    row.map(read).transpose()
}

/// The guest of a device; refused when their session is over.
pub(crate) async fn by_device(app: &App, device: DeviceId) -> Result<Guest> {
    let row: Option<Row> = sqlx::query_as(guest_where!("device = ?"))
        .bind(device.to_string())
        .fetch_optional(&app.log.pool)
        .await?;
    row.map(read).transpose()?.ok_or_else(signed_out)
}
