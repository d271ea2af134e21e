#![allow(clippy::unwrap_used)]
use super::*;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// For what happens at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network, or `None` where this system does not let one be made; CI runs as root and does.
fn network(plan: &str, people: usize, download: bool) -> Option<Network> {
    match Network::open(&plan.parse().unwrap(), 1, people, download) {
        Ok(network) => Some(network),
        Err(error) if !geteuid().is_root() => {
            tracing::warn!("left out: {error}");
            None
        }
        Err(error) => panic!("{error:#}"),
    }
}

fn socket(network: &Network, place: usize, address: Ipv4Addr) -> UdpSocket {
    let socket = network.person(place).enter(|| Ok(UdpSocket::bind((address, 5000))?)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

/// Sends until it comes over: the first packets may be too early for the forwarder. Tells how long the last one took.
fn send(from: &UdpSocket, to: &UdpSocket) -> Duration {
    let (begin, mut buffer) = (Instant::now(), [0; 100]);
    loop {
        let sent = Instant::now();
        from.send_to(b"hello", to.local_addr().unwrap()).unwrap();
        if to.recv(&mut buffer).is_ok() {
            return sent.elapsed();
        }
        assert!(begin.elapsed() < PATIENCE, "nothing comes over");
    }
}

#[test]
fn two_namespaces_hear_each_other_over_the_link_and_after_one_has_moved() {
    let Some(mut network) = network("0:delay=25", 2, false) else { return };
    let (a, b) = (socket(&network, 0, address(0)), socket(&network, 1, address(1)));
    network.begin().unwrap();
    // Not sooner than the link lets it: how much later is the machine's affair.
    assert!(send(&a, &b) >= Duration::from_millis(25));
    assert!(send(&b, &a) >= Duration::from_millis(25));

    network.go_away(0);
    network.come_back(0).unwrap();
    let moved = socket(&network, 0, address_elsewhere(0));
    assert!(send(&moved, &b) >= Duration::from_millis(25));
    assert!(
        network.person(0).enter(|| Ok(UdpSocket::bind((address(0), 5001))?)).is_err(),
        "the old address is gone"
    );
    let measured = network.close().unwrap();
    assert!(measured.meter.between(0, 1).is_some() && measured.meter.between(1, 0).is_some());
    assert!(measured.late_ms.count() >= 3);
}

#[test]
fn a_download_fills_the_link_that_the_left_side_shares() {
    let Some(mut network) = network("0:delay=5+rate=4000+queue=100", 2, true) else { return };
    network.begin().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let measured = network.close().unwrap();
    let (from, to) = Network::download_places();
    let carried = measured.meter.between(from, to).unwrap().carried.between(Duration::ZERO, PATIENCE);
    let capacity = 4_000_000 / 8 * 3;
    assert!(carried > capacity / 4, "{carried} of {capacity} bytes");
    assert!(carried < capacity * 2, "{carried} of {capacity} bytes: the rate holds on any machine");
}

#[test]
fn namespaces_end_with_their_network() {
    let Some(network) = network("0:clean", 2, false) else { return };
    let inside = network.person(0).enter(|| Ok(std::fs::read_link("/proc/thread-self/ns/net")?)).unwrap();
    network.close().unwrap();
    let held = std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        std::fs::read_link(process.path().join("ns/net")).is_ok_and(|namespace| namespace == inside)
    });
    assert!(!held, "somebody still lives in {}", inside.display());
}
