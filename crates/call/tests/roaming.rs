//! Calls between computers whose addresses change, in network namespaces around a router.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use snug_call::{CallEvent, PeerState, VideoSource};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use support::coturn::{self, Coturn};
use support::namespaces::{self, Computer, Network};
use support::{Begin, Person, Relay};

/// Loose, because other programs build beside; what it took is printed.
const BACK_WITHIN: Duration = Duration::from_secs(10);

async fn enter(computer: &Computer, relay: &Relay, begin: Begin) -> Person {
    let relay = relay.clone();
    computer.run(async move { Person::enter(&relay, begin).await }).await
}

async fn connected(a: &Person, b: &Person) {
    a.sees_peer(b.device, PeerState::Connected).await;
    b.sees_peer(a.device, PeerState::Connected).await;
    see(a, b).await;
}

async fn see(a: &Person, b: &Person) {
    let mut at_a = a.watch(VideoSource::Remote(b.device)).await;
    let mut at_b = b.watch(VideoSource::Remote(a.device)).await;
    tokio::join!(at_a.shows(2, 10), at_b.shows(1, 10));
}

/// The computer is somewhere else now, and says so, as the watcher of the system's addresses would.
async fn moves(computer: &Computer, person: &Person, from: Option<u8>, to: Option<u8>) {
    if let Some(last) = from {
        computer.lose_address(last);
    }
    if let Some(last) = to {
        computer.get_address(last);
    }
    let addresses: Vec<IpAddr> = to.map(|last| computer.address(last).parse().unwrap()).into_iter().collect();
    person.call.network_changed(addresses).await.unwrap();
}

/// Waits until both see what was captured after this began.
async fn back(what: &str, a: &Person, b: &Person) {
    let began = Instant::now();
    let mut at_a = a.watch(VideoSource::Remote(b.device)).await;
    let mut at_b = b.watch(VideoSource::Remote(a.device)).await;
    tokio::join!(at_a.shows(2, 1), at_b.shows(1, 1));
    eprintln!("{what}: pictures both ways after {:?}", began.elapsed());
    tokio::join!(at_a.shows(2, 20), at_b.shows(1, 20));
    assert!(began.elapsed() < BACK_WITHIN, "{what}: {:?}", began.elapsed());
    a.sees_last_peer_state(b.device, PeerState::Connected).await;
    b.sees_last_peer_state(a.device, PeerState::Connected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_follows_a_computer_to_another_address_and_two_at_once() {
    if !namespaces::can_be_made() {
        return;
    }
    let network = Network::new(2);
    let [here, there] = network.computers() else { unreachable!() };
    let relay = Relay::start(None);
    let a = enter(here, &relay, Begin::new(1, 440.0)).await;
    let b = enter(there, &relay, Begin::new(2, 700.0)).await;
    connected(&a, &b).await;

    moves(here, &a, Some(2), Some(77)).await;
    back("the one who joined first moves", &a, &b).await;
    moves(there, &b, Some(2), Some(78)).await;
    back("the one who offered moves", &a, &b).await;
    tokio::join!(moves(here, &a, Some(77), Some(2)), moves(there, &b, Some(78), Some(2)));
    back("both move at once", &a, &b).await;

    // Another one comes and goes: nothing happens.
    let before = restarts(&a) + restarts(&b);
    here.get_address(91);
    let addresses =
        |all: &[u8]| all.iter().map(|last| here.address(*last).parse().unwrap()).collect::<Vec<IpAddr>>();
    a.call.network_changed(addresses(&[2, 91])).await.unwrap();
    see(&a, &b).await;
    here.lose_address(91);
    a.call.network_changed(addresses(&[2])).await.unwrap();
    see(&a, &b).await;
    assert_eq!(restarts(&a) + restarts(&b), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_a_gap_without_any_address() {
    if !namespaces::can_be_made() {
        return;
    }
    let network = Network::new(2);
    let [here, there] = network.computers() else { unreachable!() };
    let relay = Relay::start(None);
    let a = enter(here, &relay, Begin::new(1, 440.0)).await;
    let b = enter(there, &relay, Begin::new(2, 700.0)).await;
    connected(&a, &b).await;
    // As between two Wi-Fis; and as in a tunnel, where the connection is given up and made anew in vain.
    for (gap, from, to) in [(1_500, 2, 90), (9_000, 90, 91)] {
        moves(here, &a, Some(from), None).await;
        tokio::time::sleep(Duration::from_millis(gap)).await;
        moves(here, &a, None, Some(to)).await;
        back("there was no address for a while", &a, &b).await;
    }
}

fn restarts(person: &Person) -> usize {
    let is_it =
        |event: &&CallEvent| matches!(event, CallEvent::PeerState { state: PeerState::Reconnecting, .. });
    person.log().iter().filter(is_it).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_relay_follows_and_tells_nobodys_address() {
    if !namespaces::can_be_made() || !coturn::is_there() {
        return;
    }
    let network = Network::new(2);
    let [here, there] = network.computers() else { unreachable!() };
    let coturn =
        Coturn::start("10.71.1.1".parse().unwrap(), Some(&network.router().namespace), &["--no-udp"]).await;
    let relay = Relay::start(None);
    let urls = [coturn.udp(), coturn.tcp()];
    let list = |user| coturn::list(&urls, user, Duration::from_secs(3600));
    let a = enter(here, &relay, Begin::new(1, 440.0).by_relay(list("a"))).await;
    let b = enter(there, &relay, Begin::new(2, 700.0).by_relay(list("b"))).await;
    connected(&a, &b).await;
    moves(here, &a, Some(2), Some(77)).await;
    back("by relay over TCP", &a, &b).await;
}
