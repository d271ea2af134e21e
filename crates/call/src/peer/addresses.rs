//! The addresses of this computer to which a connection's sockets are bound.
//!
//! webrtc asks anew at the beginning and at each ICE restart, so that a restart uses the addresses that there are then. Told one by one,
//! because what it makes of a wildcard is a candidate `0.0.0.0` while there is no network.

use rtc::shared::ifaces::ifaces;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Sockets beyond these help nobody: each is a candidate, and a request to every STUN server and relay.
const MOST: usize = 12;

/// Whatever addresses there are when it is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalAddresses {
    /// 127.0.0.1, too; it is taken in any case when there is no other.
    pub(super) include_loopback: bool,
}

impl ToSocketAddrs for LocalAddresses {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> std::io::Result<Self::Iter> {
        // A system that does not tell has none; over loopback the connection at least lives until it does.
        let interfaces = ifaces().unwrap_or_default();
        let there = interfaces.iter().filter_map(|interface| interface.addr.map(|address| address.ip()));
        Ok(chosen(there, self.include_loopback).into_iter())
    }
}

fn chosen(there: impl Iterator<Item = IpAddr>, include_loopback: bool) -> Vec<SocketAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for ip in there.filter(|ip| is_reachable(*ip)) {
        if !addresses.contains(&ip) && addresses.len() < MOST {
            addresses.push(ip);
        }
    }
    if include_loopback || addresses.is_empty() {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// Whether somebody else could reach it. A link-local one means nothing without its interface, which no candidate names.
pub(crate) fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_link_local()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(addresses: &[&str], include_loopback: bool) -> Vec<String> {
        let there = addresses.iter().map(|address| address.parse().unwrap());
        chosen(there, include_loopback).into_iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn every_address_that_others_can_reach_is_taken_once() {
        let there = ["127.0.0.1", "::1", "192.0.2.1", "fe80::1", "2001:db8::1", "169.254.1.1", "192.0.2.1"];
        assert_eq!(of(&there, false), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(of(&there, true), ["192.0.2.1", "2001:db8::1", "127.0.0.1"]);
    }

    #[test]
    fn without_a_network_there_is_loopback() {
        assert_eq!(of(&["127.0.0.1"], false), ["127.0.0.1"]);
        assert_eq!(of(&[], false), ["127.0.0.1"]);
    }
}
