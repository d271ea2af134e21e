//! The server's list of STUN and TURN servers, as a call takes it.

use snug_protocol::ice::{IceServer, IceServers};

/// Most servers that are taken from a list, which comes from outside: each is asked by every connection.
const MOST: usize = 8;

/// Puts the host under which we reached the server where the list has `*`. `address` is `host:port`, a v6 host in brackets.
pub(super) fn with_host(list: IceServers, address: &str) -> Vec<IceServer> {
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
}
