//! Offers that collide, a computer that froze, a path that loses packets, and one over which no handshake comes to its end.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use snug_call::{PeerState, VideoSource};
use snug_protocol::signal::ClientSignal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::lossy_path::Path;
use support::{Begin, Person, Relay, Spoiler};

/// Waits until the two see and hear each other, and the control channel stands, too.
async fn whole(a: &Person, b: &Person) {
    a.sees_peer(b.device, PeerState::Connected).await;
    b.sees_peer(a.device, PeerState::Connected).await;
    let mut at_a = a.watch(VideoSource::Remote(b.device)).await;
    let mut at_b = b.watch(VideoSource::Remote(a.device)).await;
    tokio::join!(at_a.shows(2, 10), at_b.shows(1, 10));
    a.hears(Some(700.0)).await;
    b.hears(Some(440.0)).await;
    a.call.set_muted(true).await.unwrap();
    b.hears(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_collide_end_in_one_connection() {
    let spoil: Spoiler = Box::new(|_, signal| match signal {
        // Nobody is told of anybody, until both are told of both at once.
        ClientSignal::Join { .. } => Vec::new(),
        other => vec![other],
    });
    let relay = Relay::start(Some(spoil));
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    let b = Person::enter(&relay, Begin::new(2, 700.0)).await;
    relay.tell_all_of_all().await;
    whole(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_that_froze_for_seconds_is_back_in_the_call() {
    let relay = Relay::start(None);
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    let world = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let b_relay = relay.clone();
    let b = world.spawn(async move { Person::enter(&b_relay, Begin::new(2, 700.0)).await }).await.unwrap();
    a.sees_peer(b.device, PeerState::Connected).await;
    let mut screen = a.watch(VideoSource::Remote(b.device)).await;
    screen.shows(2, 5).await;
    // The only worker of that runtime sleeps: no packet, no signal, no timer.
    world.spawn(async { std::thread::sleep(Duration::from_secs(8)) });
    a.sees_peer(b.device, PeerState::Reconnecting).await;
    a.sees_last_peer_state(b.device, PeerState::Connected).await;
    screen.shows(2, 30).await;
    a.hears(Some(700.0)).await;
    world.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_packets_are_asked_for_and_come_again() {
    let path = Arc::<Path>::default();
    let (a, b) = (Begin::new(1, 440.0), Begin::new(2, 700.0));
    let relay = Relay::start(Some(path.spoiler([&a, &b], 0.08)));
    let a = Person::enter(&relay, a).await;
    let b = Person::enter(&relay, b).await;
    a.sees_peer(b.device, PeerState::Connected).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    let numbers = screen.shows(1, 150).await;
    let lost = path.lost.load(Ordering::Relaxed);
    assert!(lost >= 10, "the path lost only {lost}");
    let shown = numbers.len() as f64 / f64::from(numbers[149] - numbers[0] + 1);
    assert!(shown > 0.9, "{shown} of the pictures were shown");
    let stats = b.call.stats().await.unwrap();
    let inbound = stats.pairs[0].inbound_video;
    assert!(inbound.nack_count > 0 && inbound.retransmitted_packets_received > 0, "{inbound:?}");
    assert!(inbound.packets_lost < lost as i64 / 2, "{inbound:?}, {lost} lost");
    let outbound = a.call.stats().await.unwrap().pairs[0].outbound_video;
    // A request for what is already on its way would be answered twice.
    let extra = outbound.retransmitted_packets_sent as f64 / inbound.retransmitted_packets_received as f64;
    assert!(extra < 1.5, "{outbound:?} for {inbound:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_failed_is_begun_anew() {
    let path = Arc::<Path>::default();
    let (a, b) = (Begin::new(1, 440.0), Begin::new(2, 700.0));
    let relay = Relay::start(Some(path.spoiler([&a, &b], 0.0)));
    path.no_handshakes.store(true, Ordering::Relaxed);
    let a = Person::enter(&relay, a).await;
    let b = Person::enter(&relay, b).await;
    // webrtc gives up after eight tries, a second apart, and its driver ends.
    tokio::time::sleep(Duration::from_secs(11)).await;
    path.no_handshakes.store(false, Ordering::Relaxed);
    whole(&a, &b).await;
}
