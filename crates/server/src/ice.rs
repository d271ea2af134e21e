//! Which STUN and TURN servers a client should use: this one's own STUN, those of the configuration, and the TURN server that shares
//! a secret with this one, with a password that expires.
//!
//! Not a TURN server: that is coturn's work. The password is made by draft-uberti-behave-turn-rest-00, which coturn takes with
//! `use-auth-secret`: the user name is the second in which it ends, and whom it is for; the password is the HMAC-SHA1 of that. So a
//! device that is signed out, or a guest whose call is over, keeps a way through the relay only until then.

use crate::{app::App, clock, config::Turn, failure::Result, guests::session::Caller};
use axum::{Json, Router, extract::State, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use snug_protocol::{
    DeviceId, UnixMillis,
    ice::{IceServer, IceServers},
};
use std::net::SocketAddr;

/// How long clients may use a list without passwords that expire.
const LASTING_TTL_S: u64 = 24 * 60 * 60;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ice", get(servers))
}

async fn servers(who: Caller, State(app): State<App>) -> Result<Json<IceServers>> {
    Ok(Json(app.ice.servers_for(who.in_calls(&app).await?, clock::now())))
}

/// What clients are told.
pub(crate) struct Ice {
    /// The same for everybody.
    lasting: Vec<IceServer>,
    turn: Option<Turn>,
}

impl Ice {
    /// Its own STUN first, then what was configured.
    pub(crate) fn new(stun: Option<SocketAddr>, further: Vec<IceServer>, turn: Option<Turn>) -> Self {
        let own = stun.map(|address| IceServer {
            urls: vec![format!("stun:*:{}", address.port())],
            username: None,
            credential: None,
        });
        Self { lasting: own.into_iter().chain(further).collect(), turn }
    }

    /// The list for one device, member or guest, with a fresh password.
    pub(crate) fn servers_for(&self, device: DeviceId, now: UnixMillis) -> IceServers {
        let mut servers = self.lasting.clone();
        let Some(turn) = &self.turn else { return IceServers { servers, ttl_s: LASTING_TTL_S } };
        let ttl_s = turn.life.as_secs();
        let now_s = u64::try_from(now.0).unwrap_or(0) / 1000;
        let username = format!("{}:{device}", now_s.saturating_add(ttl_s));
        let credential = password(&turn.secret, &username);
        servers.push(IceServer {
            urls: turn.urls.clone(),
            username: Some(username),
            credential: credential.into(),
        });
        IceServers { servers, ttl_s }
    }
}

/// base64(HMAC-SHA1(secret, username)).
fn password(secret: &str, username: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_password_is_the_one_that_coturn_expects() {
        // As `echo -n 1700000000:user | openssl dgst -binary -sha1 -hmac north | base64` says.
        assert_eq!(password("north", "1700000000:user"), "2uyGWnO1vHFmQfE0HWQNi1ldYAk=");
    }

    #[test]
    fn the_user_name_ends_with_the_life_and_every_device_has_its_own() {
        let urls =
            vec!["turn:relay.example:3478".to_owned(), "turns:relay.example:443?transport=tcp".to_owned()];
        let turn = Turn { urls: urls.clone(), secret: "north".to_owned(), life: Duration::from_secs(60) };
        let ice = Ice::new(Some(([0, 0, 0, 0], 7664).into()), Vec::new(), Some(turn.clone()));
        let now = UnixMillis(1_700_000_000_900);
        let device = DeviceId::random();
        let IceServers { servers, ttl_s } = ice.servers_for(device, now);
        assert_eq!((servers.len(), ttl_s), (2, 60));
        assert_eq!(servers[0].urls, ["stun:*:7664"]);
        assert_eq!(servers[1].urls, urls);
        assert_eq!(servers[1].username, Some(format!("1700000060:{device}")));
        assert_ne!(ice.servers_for(DeviceId::random(), now).servers[1], servers[1]);
        assert!(!format!("{turn:?}").contains("north"), "a secret in a log");
    }

    #[test]
    fn without_a_relay_the_list_lasts() {
        assert_eq!(
            Ice::new(None, Vec::new(), None).servers_for(DeviceId::random(), UnixMillis(0)),
            IceServers { servers: Vec::new(), ttl_s: LASTING_TTL_S }
        );
    }
}
