//! The server's list of STUN and TURN servers, as a call takes it, and how long it is good.
//!
//! A relay's password ends, and is asked for when a call begins and whenever it finds its way anew, which can be in any moment of it. So the list
//! is renewed all through a call, long before its end, rather than fetched when it is too late to wait for.

use snug_protocol::ice::{IceServer, IceServers};
use std::time::Duration;
use tokio::time::Instant;

/// No server makes us ask more often, whatever it says.
const SHORTEST: Duration = Duration::from_secs(10);
/// A list without an end is asked for once a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// When the list could not be had.
const AGAIN: Duration = Duration::from_secs(5);

/// Most servers that are taken from a list, which comes from outside: each is asked by every connection.
const MOST: usize = 8;

/// A list, and when it is to be renewed.
#[derive(Clone, Debug)]
pub(super) struct IceList {
    pub servers: Vec<IceServer>,
    renew_at: Instant,
}

impl IceList {
    /// Renewed at half of its life, so that what is left is enough for an outage.
    pub(super) fn new(now: Instant, list: IceServers, address: &str) -> Self {
        let half = Duration::from_secs(list.ttl_s / 2).clamp(SHORTEST, LONGEST);
        Self { servers: with_host(list, address), renew_at: now + half }
    }

    /// When to ask for another one.
    pub(super) fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// Another one could not be had: this one goes on, and it is tried again soon.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.renew_at = self.renew_at.max(now + AGAIN);
    }
}

/// Puts the host under which we reached the server where the list has `*`. `address` is `host:port`, a v6 host in brackets.
fn with_host(list: IceServers, address: &str) -> Vec<IceServer> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut servers: Vec<IceServer> = list.servers.into_iter().take(MOST).collect();
    for url in servers.iter_mut().flat_map(|server| &mut server.urls) {
        if let Some((scheme, rest)) = url.split_once(':')
            && let Some(port_and_more) = rest.strip_prefix('*')
        {
            *url = format!("{scheme}:{host}{port_and_more}");
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_star_is_the_host_that_we_reached() {
        let server = |url: &str| IceServer { urls: vec![url.to_owned()], username: None, credential: None };
        let list = || IceServers {
            servers: vec![server("stun:*:3478"), server("turn:*:3478?transport=udp"), server("stun:a.b:1")],
            ttl_s: 60,
        };
        let urls = |address| with_host(list(), address).into_iter().flat_map(|s| s.urls).collect::<Vec<_>>();
        assert_eq!(
            urls("1.2.3.4:443"),
            ["stun:1.2.3.4:3478", "turn:1.2.3.4:3478?transport=udp", "stun:a.b:1"]
        );
        assert_eq!(urls("[fe80::1]:443")[0], "stun:[fe80::1]:3478");
    }

    #[test]
    fn a_list_is_renewed_at_half_of_its_life_and_not_all_the_time() {
        let now = Instant::now();
        let after = |ttl_s| {
            let list = IceServers { servers: Vec::new(), ttl_s };
            IceList::new(now, list, "a:1").renew_at().duration_since(now)
        };
        assert_eq!(after(60), Duration::from_secs(30));
        assert_eq!((after(0), after(u64::MAX)), (SHORTEST, LONGEST));
        let mut list = IceList::new(now, IceServers { servers: Vec::new(), ttl_s: 0 }, "a:1");
        list.put_off(now + Duration::from_secs(20));
        assert_eq!(list.renew_at(), now + Duration::from_secs(25));
    }
}
