//! Under which addresses this server can be reached: what an invitation link lists, best first.

use std::net::{IpAddr, SocketAddr};

/// The configured ones, then this machine's own on the port that is listened on, loopback last.
pub(crate) fn reachable(public: &[String], listening: SocketAddr, behind_proxy: bool) -> Vec<String> {
    let mut addresses: Vec<String> = public.to_vec();
    // What listens behind a proxy does not speak TLS and is not for clients.
    if behind_proxy && !addresses.is_empty() {
        return addresses;
    }
    let own = if listening.ip().is_unspecified() {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::warn!(%error, "this machine's addresses cannot be listed");
            Vec::new()
        });
        interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| is_useful(*ip, listening.ip())).collect()
    } else {
        vec![listening.ip()]
    };
    for address in ordered(own) {
        let text = SocketAddr::new(address, listening.port()).to_string();
        if !addresses.contains(&text) {
            addresses.push(text);
        }
    }
    addresses
}

/// Link-local IPv6 needs a zone that means nothing on another machine; IPv6 is of no use on an IPv4 socket.
fn is_useful(ip: IpAddr, listening: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_link_local(),
        IpAddr::V6(v6) => listening.is_ipv6() && !v6.is_unicast_link_local(),
    }
}

/// IPv4 before IPv6, because a link is read by people too; loopback last, because it is of use on this machine alone.
fn ordered(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    addresses
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn public_addresses_lead_and_loopback_is_last() {
        let public = ["chat.example:443".to_owned()];
        let all = reachable(&public, "0.0.0.0:7664".parse().unwrap(), false);
        assert_eq!(all[0], "chat.example:443");
        assert_eq!(all.last().unwrap(), "127.0.0.1:7664");
        assert!(all.iter().all(|a| !a.contains('[')), "no IPv6 on an IPv4 socket: {all:?}");
    }

    #[test]
    fn a_certain_address_is_listed_alone_and_a_proxys_is_enough() {
        let here = "127.0.0.1:7664".parse().unwrap();
        assert_eq!(reachable(&[], here, false), ["127.0.0.1:7664"]);
        assert_eq!(reachable(&["chat.example:443".into()], here, true), ["chat.example:443"]);
    }

    #[test]
    fn loopback_goes_behind_the_others_and_ipv6_behind_ipv4() {
        let ips = ["::1", "127.0.0.1", "2001:db8::1", "10.0.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let sorted: Vec<String> = ordered(ips.to_vec()).iter().map(ToString::to_string).collect();
        assert_eq!(sorted, ["10.0.0.1", "2001:db8::1", "127.0.0.1", "::1"]);
    }
}
