//! Which relays there are, and under which names webrtc knows them.
//!
//! webrtc skips relays over TCP and TLS, and cannot look up an IPv6 literal. So each relay gets a name of ours with `transport=udp`;
//! what the name stands for is answered when webrtc looks it up: the relay's addresses for UDP, and addresses that exist nowhere for a
//! stream. A name is used once, so that an old list's answers never serve a new list.

use snug_protocol::ice::IceServer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use webrtc::peer_connection::RTCIceServer;

/// Relays beyond these are left out: each costs an allocation for every local address.
const MOST_RELAYS: u32 = 6;
/// Ends the names of ours. RFC 6761 §6.4 promises that no other name ends so.
const NAMES: &str = ".relay.invalid";
/// RFC 8656 §16 (with RFC 7065 §3.1): without TLS.
const PORT: u16 = 3478;
/// With TLS.
const TLS_PORT: u16 = 5349;
/// Addresses that stand for a stream: RFC 1112 §4 reserves 240/4, so nobody has them.
const STREAMS_V4: [u8; 3] = [240, 0, 0];
/// The same in IPv6: RFC 6666's prefix for what is thrown away.
const STREAMS_V6: [u16; 7] = [0x100, 0, 0, 0, 0, 0, 0];
/// Their port; any that is not multicast DNS's.
const STREAM_PORT: u16 = 3478;

/// How a relay is reached; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// One way to one relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relay {
    /// Never used for another.
    pub(super) id: u32,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) transport: Transport,
}

/// The relays of one list, and the list as webrtc takes it.
#[derive(Clone, Debug, Default)]
pub(in crate::peer) struct Plan {
    pub(super) relays: Vec<Relay>,
    servers: Vec<RTCIceServer>,
}

impl Plan {
    /// Reads a list. `first` is the lowest number that no earlier list of this connection used.
    pub(in crate::peer) fn new(first: u32, list: &[IceServer]) -> Plan {
        let mut plan = Plan::default();
        let mut ids = first..first.saturating_add(MOST_RELAYS);
        for server in list {
            let stun: Vec<String> =
                server.urls.iter().filter(|url| url.starts_with("stun:")).cloned().collect();
            if !stun.is_empty() {
                plan.servers.push(RTCIceServer { urls: stun, ..Default::default() });
            }
            // Without a user webrtc refuses the whole list.
            let login = server.username.clone().zip(server.credential.clone());
            let Some((username, credential)) =
                login.filter(|(user, word)| !user.is_empty() && !word.is_empty())
            else {
                continue;
            };
            for url in &server.urls {
                let Some((host, port, transport)) = parse(url) else { continue };
                let Some(id) = ids.next() else { break };
                plan.relays.push(Relay { id, host, port, transport });
                plan.servers.push(RTCIceServer {
                    urls: vec![format!("turn:{id}{NAMES}:{port}?transport=udp")],
                    username: username.clone(),
                    credential: credential.clone(),
                });
            }
        }
        plan
    }

    /// For webrtc.
    pub(in crate::peer) fn servers(&self) -> Vec<RTCIceServer> {
        self.servers.clone()
    }

    /// Whether there is any relay.
    pub(in crate::peer) fn has_relays(&self) -> bool {
        !self.relays.is_empty()
    }

    /// The lowest number that the next list may use, after `first`.
    pub(in crate::peer) fn next(first: u32) -> u32 {
        first.saturating_add(MOST_RELAYS)
    }

    /// How many better ways than this one there are: so many head starts they get.
    pub(super) fn better(&self, transport: Transport) -> u32 {
        let kinds = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let there = |kind: &Transport| self.relays.iter().any(|relay| relay.transport == *kind);
        kinds.iter().filter(|kind| **kind < transport).filter(|kind| there(kind)).map(|_| 1).sum()
    }
}

/// The relay whose name of ours `host:port` is.
pub(super) fn named(host_and_port: &str) -> Option<u32> {
    let (host, _) = host_and_port.rsplit_once(':')?;
    host.strip_suffix(NAMES)?.parse().ok()
}

/// The address that stands for the stream to a relay, for sockets of one family.
pub(super) fn stand_in(id: u32, v4: bool) -> SocketAddr {
    // Told apart in the last byte: a list has far fewer than 256 relays, and an older list's are gone.
    let last = u8::try_from(id % 256).unwrap_or_default();
    let ip = if v4 {
        let [a, b, c] = STREAMS_V4;
        IpAddr::V4(Ipv4Addr::new(a, b, c, last))
    } else {
        let [a, b, c, d, e, f, g] = STREAMS_V6;
        IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, u16::from(last)))
    };
    SocketAddr::new(ip, STREAM_PORT)
}

/// Whether an address stands for a stream.
pub(super) fn is_stand_in(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets()[..3] == STREAMS_V4,
        IpAddr::V6(ip) => ip.segments()[..7] == STREAMS_V6,
    }
}

/// `turn:host[:port][?transport=…]` (RFC 7065 §3.1).
fn parse(url: &str) -> Option<(String, u16, Transport)> {
    let (scheme, rest) = url.split_once(':')?;
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let transport = match (scheme, query.map(str::to_ascii_lowercase).as_deref()) {
        ("turn", None | Some("transport=udp")) => Transport::Udp,
        ("turn", Some("transport=tcp")) => Transport::Tcp,
        ("turns", None | Some("transport=tcp")) => Transport::Tls,
        // DTLS to a relay is hardly offered by anybody, and TLS gets through wherever it would.
        _ => return None,
    };
    let default = if transport == Transport::Tls { TLS_PORT } else { PORT };
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        (host, port.strip_prefix(':'))
    } else {
        place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => default,
    };
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let fine = !host.is_empty() && host.len() <= 253 && host.chars().all(known);
    fine.then(|| (host.to_owned(), port, transport))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(urls: &[&str]) -> IceServer {
        IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: Some("user".to_owned()),
            credential: Some("word".to_owned()),
        }
    }

    #[test]
    fn every_kind_of_relay_is_known_by_a_name_of_ours() {
        let list = [
            IceServer { urls: vec!["stun:a:1".to_owned()], username: None, credential: None },
            turn(&[
                "turn:a.example",
                "turn:[::1]:9?transport=TCP",
                "turns:a.example:443",
                "turns:a?transport=udp",
            ]),
            IceServer {
                urls: vec!["turn:nobody.knows.the.user".to_owned()],
                username: None,
                credential: None,
            },
        ];
        let plan = Plan::new(12, &list);
        let relay = |id, host: &str, port, transport| Relay { id, host: host.to_owned(), port, transport };
        assert_eq!(
            plan.relays,
            [
                relay(12, "a.example", 3478, Transport::Udp),
                relay(13, "::1", 9, Transport::Tcp),
                relay(14, "a.example", 443, Transport::Tls),
            ]
        );
        let urls: Vec<String> = plan.servers().into_iter().flat_map(|server| server.urls).collect();
        assert_eq!(
            urls,
            [
                "stun:a:1",
                "turn:12.relay.invalid:3478?transport=udp",
                "turn:13.relay.invalid:9?transport=udp",
                "turn:14.relay.invalid:443?transport=udp",
            ]
        );
        assert!(plan.servers().iter().all(|server| server.urls().is_ok()), "webrtc takes it");
        assert_eq!(named("13.relay.invalid:9"), Some(13));
        assert_eq!(named("a.example:9"), None);
    }

    #[test]
    fn tcp_waits_for_udp_and_tls_for_both_where_they_are() {
        let all = Plan::new(0, &[turn(&["turn:a", "turn:a?transport=tcp", "turns:a"])]);
        assert_eq!([Transport::Udp, Transport::Tcp, Transport::Tls].map(|t| all.better(t)), [0, 1, 2]);
        let tls = Plan::new(0, &[turn(&["turns:a", "turns:b"])]);
        assert_eq!(tls.better(Transport::Tls), 0);
    }

    #[test]
    fn what_stands_for_a_stream_is_told_from_addresses() {
        for v4 in [true, false] {
            assert!(is_stand_in(stand_in(7, v4)));
            assert_ne!(stand_in(7, v4), stand_in(8, v4));
        }
        assert!(!is_stand_in(([127, 0, 0, 1], 3478).into()));
        assert!(!is_stand_in((Ipv6Addr::LOCALHOST, 3478).into()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_list_from_outside_never_panics_and_is_bounded(urls in prop::collection::vec("(turns?:)?[\\[\\]a:?=.0-9é/]{0,20}", 0..20)) {
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let plan = Plan::new(u32::MAX - 3, &[turn(&urls)]);
            prop_assert!(plan.relays.len() <= MOST_RELAYS as usize);
            prop_assert!(plan.servers().iter().all(|server| server.urls().is_ok() || server.urls.iter().all(|url| url.starts_with("stun:"))));
        }
    }
}
