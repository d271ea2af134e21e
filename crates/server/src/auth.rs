//! Who asks: a signed-in device by its bearer token, or a visitor by their address.

use crate::{
    app::App,
    clock,
    failure::{Failure, Result, forbidden, refusal},
    guests::session::by_session,
    rates::host_of,
    secret,
};
use anyhow::Context;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use snug_protocol::{DeviceId, ErrorCode, UserId, account::SpaceRole};
use std::{net::IpAddr, time::Duration};

/// Where a connection comes from; the listener puts it on every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The host that asks, for rate limits.
pub(crate) fn asking_host(parts: &Parts, behind_proxy: bool) -> Result<IpAddr> {
    let PeerAddress(peer) =
        *parts.extensions.get::<PeerAddress>().context("the listener names every request's peer")?;
    // The last entry is the one that our own proxy wrote; those before it are whatever the client claimed.
    let forwarded = behind_proxy
        .then(|| parts.headers.get_all("x-forwarded-for").iter().next_back())
        .flatten()
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse().ok());
    Ok(host_of(forwarded.unwrap_or(peer)))
}

/// One who is not signed in; counts against their address.
pub(crate) struct Visitor;

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        app.rates.address.take(&asking_host(parts, app.behind_proxy)?)?;
        Ok(Self)
    }
}

/// One who tries to get in; counts against the strict limit.
pub(crate) struct Newcomer;

impl FromRequestParts<App> for Newcomer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        app.rates.sign_in.take(&asking_host(parts, app.behind_proxy)?)?;
        Ok(Self)
    }
}

/// A device with a valid session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) role: SpaceRole,
}

impl SignedIn {
    /// As the sender of a row.
    pub(crate) fn by(self) -> (UserId, DeviceId) {
        (self.user, self.device)
    }

    /// Refuses everybody but the owner of the space.
    pub(crate) fn must_own_the_space(self) -> Result<()> {
        if self.role == SpaceRole::Owner {
            Ok(())
        } else {
            Err(forbidden("only the space's owner may do this"))
        }
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let token = bearer(&parts.headers).map(|token| secret::hash(token.as_bytes()));
        admit(app, asking_host(parts, app.behind_proxy)?, token, Credential::Token).await
    }
}

/// Which secret of a device was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The bearer token: everything.
    Token,
    /// The cookie: the event stream alone.
    Cookie,
}

/// Finds the session of a secret's hash, within the asking host's and the device's limits.
pub(crate) async fn admit(
    app: &App,
    host: IpAddr,
    hash: Option<Vec<u8>>,
    credential: Credential,
) -> Result<SignedIn> {
    let found = match &hash {
        Some(hash) => find(app, hash, credential).await?,
        None => None,
    };
    let Some(signed_in) = found else {
        // Guessing is limited like every other visit.
        app.rates.address.take(&host)?;
        return match hash {
            Some(hash) if by_session(app, &hash).await?.is_some() => {
                Err(forbidden("guests may do nothing but take part in their call"))
            }
            _ => Err(signed_out()),
        };
    };
    app.rates.session.take(&signed_in.device)?;
    Ok(signed_in)
}

async fn find(app: &App, hash: &[u8], credential: Credential) -> Result<Option<SignedIn>> {
    let query = match credential {
        Credential::Token => sqlx::query_as(
            "SELECT d.id, a.id, a.role, d.last_seen FROM devices d JOIN accounts a ON a.id = d.account
             WHERE d.token_hash = ?",
        ),
        Credential::Cookie => sqlx::query_as(
            "SELECT d.id, a.id, a.role, d.last_seen FROM devices d JOIN accounts a ON a.id = d.account
             WHERE d.cookie_hash = ? AND d.token_hash IS NOT NULL",
        ),
    };
    let row: Option<(String, String, String, i64)> = query.bind(hash).fetch_optional(&app.log.pool).await?;
    let Some((device, user, role, last_seen)) = row else { return Ok(None) };
    let unused = Duration::from_millis(u64::try_from(clock::now().0 - last_seen).unwrap_or(0));
    if unused >= app.limits.session_idle {
        return Ok(None);
    }
    let device: DeviceId = device.parse().context("a device's id")?;
    // Once an hour is exact enough for a limit of months, and spares a write on every request.
    if unused >= Duration::from_secs(3600).min(app.limits.session_idle / 2) {
        app.log
            .write(move |log| {
                Box::pin(async move {
                    sqlx::query("UPDATE devices SET last_seen = ? WHERE id = ?")
                        .bind(log.now.0)
                        .bind(device.to_string())
                        .execute(&mut log.conn)
                        .await?;
                    Ok(())
                })
            })
            .await?;
    }
    let role = space_role(&role)?;
    Ok(Some(SignedIn { user: user.parse().context("an account's id")?, device, role }))
}

/// Whether a device's session still stands; asked by open streams when some session ended.
pub(crate) async fn is_signed_in(app: &App, device: DeviceId) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM devices WHERE id = ? AND token_hash IS NOT NULL")
        .bind(device.to_string())
        .fetch_optional(&app.log.pool)
        .await?;
    Ok(row.is_some())
}

/// The answer to a missing, unknown or ended token.
pub(crate) fn signed_out() -> Failure {
    refusal(ErrorCode::Unauthorized, "sign in first")
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a browser at `Origin` may use sockets and streams: the server's own pages, and those of the allowlist. There is no
/// same-origin rule for WebSockets, so this is the only thing that keeps other sites out. None when there is no `Origin`.
pub(crate) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?;
    let Ok(origin) = origin.to_str() else { return Some(false) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host
        .is_some_and(|host| origin.strip_prefix("https://").is_some_and(|o| o.eq_ignore_ascii_case(host)));
    Some(own || allowed.iter().any(|a| a == origin))
}

/// Reads a role as the database holds it.
pub(crate) fn space_role(text: &str) -> Result<SpaceRole> {
    Ok(crate::words::read(text).context("a space role")?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "bearer  abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "abc")])), None);
    }

    #[test]
    fn origins_are_our_own_over_https_or_listed() {
        let allowed = ["https://chat.example".to_owned()];
        let check = |origin| {
            origin_allowed(&headers(&[(header::HOST, "home:7664"), (header::ORIGIN, origin)]), &allowed)
        };
        assert_eq!(check("https://home:7664"), Some(true));
        assert_eq!(check("https://chat.example"), Some(true));
        assert_eq!(check("http://home:7664"), Some(false));
        assert_eq!(check("https://home"), Some(false));
        assert_eq!(check("null"), Some(false));
        assert_eq!(origin_allowed(&headers(&[]), &allowed), None);
    }
}
