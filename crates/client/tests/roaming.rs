//! Two clients in a call, with the server between them, while their computers get other addresses: in network namespaces.

#![allow(clippy::unwrap_used)]

#[path = "../../call/tests/support/namespaces.rs"]
mod namespaces;
mod support;

use namespaces::{Computer, Network};
use snug_client::view::{CallPhase, Preferences, Update};
use snug_client::{Client, ClientConfig, StreamName};
use snug_protocol::RoomId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Person, Space, account};

/// Loose, because other programs build beside; what it took is printed.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// Somebody on a computer of their own.
async fn person_on(computer: &Computer) -> Person {
    let no_loopback = |config: ClientConfig| ClientConfig { include_loopback: false, ..config };
    let folder = Arc::new(tempfile::tempdir().unwrap());
    computer.run(async move { Person::open(folder, no_loopback).await.unwrap() }).await
}

/// Does something that asks the server, on that computer.
async fn on<T, F>(computer: &Computer, person: &Person, what: impl FnOnce(Client) -> F) -> T
where
    T: Send + 'static,
    F: Future<Output = snug_client::Result<T>> + Send + 'static,
{
    computer.run(what(person.client.clone())).await.unwrap()
}

async fn two(network: &Network) -> (Space, Person, Person, RoomId) {
    let [here, there] = network.computers() else { unreachable!() };
    let space = network.router().run(Space::start_at("0.0.0.0:0".parse().unwrap())).await;
    let (link, code) = (space.link().to_string(), space.server().setup_code().unwrap());
    let ann = person_on(here).await;
    on(here, &ann, |ann| async move { ann.set_up(&link, &code, "Home", account("Ann"), false).await }).await;
    let kitchen = on(here, &ann, |ann| async move { ann.create_room("Kitchen", "").await }).await;
    let link = on(here, &ann, move |ann| async move { ann.invitation_link(&[kitchen], 1).await }).await;
    let bob = person_on(there).await;
    on(there, &bob, |bob| async move { bob.join(&link, account("Bob")).await }).await;
    for person in [&ann, &bob] {
        person.is_online().await;
    }
    let is_there =
        || async { ann.client.people().await.unwrap().iter().any(|p| p.name == "Bob").then_some(()) };
    ann.until(is_there).await;
    (space, ann, bob, kitchen)
}

async fn in_a_call(ann: &Person, bob: &Person, room: RoomId) {
    ann.client.ring(room, true).await.unwrap();
    bob.until(|| async { bob.client.call().filter(|call| call.phase == CallPhase::Incoming) }).await;
    bob.client.accept(true).await.unwrap();
    for person in [ann, bob] {
        person.until(|| async { person.client.call().filter(|call| call.phase == CallPhase::Active) }).await;
        person
            .until(|| async { person.client.call()?.peers.first().filter(|peer| peer.camera).map(drop) })
            .await;
    }
}

/// Watches the other one's pictures, and says for how long they stood still at most.
async fn longest_stop(person: &Person, watch_for: Duration) -> Duration {
    let device = person.client.call().unwrap().peers[0].device;
    let mut pictures = person.client.subscribe_video(&StreamName::Peer(device)).unwrap();
    let (began, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
    loop {
        let next = tokio::time::timeout(BACK_WITHIN, pictures.next()).await;
        assert!(matches!(next, Ok(Some(_))), "the pictures do not come back");
        longest = longest.max(last.elapsed());
        last = Instant::now();
        if began.elapsed() > watch_for {
            return longest;
        }
    }
}

fn moves(computer: &Computer, from: u8, to: u8) {
    computer.lose_address(from);
    computer.get_address(to);
}

async fn say_and_see(what: &str, computer: &Computer, from: &Person, to: &Person, room: RoomId, words: &str) {
    let (text, began) = (words.to_owned(), Instant::now());
    on(computer, from, move |client| async move { client.send(room, &text).await }).await;
    to.until(|| async { to.words(room).await.iter().any(|said| said == words).then_some(()) }).await;
    println!("{what}: a message passed after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn call_socket_and_stream_follow_a_computer_to_another_address() {
    if !namespaces::can_be_made() {
        return;
    }
    let network = Network::new(2);
    let [here, there] = network.computers() else { unreachable!() };
    let (mut space, ann, bob, room) = two(&network).await;
    in_a_call(&ann, &bob, room).await;
    let watch_for = Duration::from_secs(5);

    let moving = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        moves(here, 2, 77);
    };
    let (at_ann, at_bob, ()) =
        tokio::join!(longest_stop(&ann, watch_for), longest_stop(&bob, watch_for), moving);
    println!("one moves: pictures stood still for {at_ann:?} and {at_bob:?}");
    assert!(at_ann.max(at_bob) < BACK_WITHIN);
    say_and_see("one moved", here, &ann, &bob, room, "from elsewhere").await;
    say_and_see("one moved", there, &bob, &ann, room, "to elsewhere").await;

    let moving = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        moves(here, 77, 2);
        moves(there, 2, 77);
    };
    let restarting = network.router().run(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        space.stop().await;
        space.start_again().await;
        space
    });
    let watch_for = Duration::from_secs(10);
    let (at_ann, at_bob, (), _space) =
        tokio::join!(longest_stop(&ann, watch_for), longest_stop(&bob, watch_for), moving, restarting);
    println!("both move while the server restarts: pictures stood still for {at_ann:?} and {at_bob:?}");
    assert!(at_ann.max(at_bob) < BACK_WITHIN);
    say_and_see("both moved", here, &ann, &bob, room, "again").await;
    for person in [&ann, &bob] {
        assert_eq!(person.client.call().map(|call| call.phase), Some(CallPhase::Active), "nobody hung up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hides_their_address_in_a_space_without_a_relay_is_told() {
    let space = Space::start().await;
    let (ann, kitchen) = Person::owner(&space).await;
    let bob = Person::guest(&ann, kitchen, "Bob", |link| link).await;
    bob.client.set_preferences(Preferences { relay_only: true, ..Preferences::default() }).await.unwrap();
    assert!(bob.client.preferences().await.unwrap().relay_only);
    for person in [&ann, &bob] {
        person.is_online().await;
    }
    ann.client.ring(kitchen, false).await.unwrap();
    bob.until(|| async { bob.client.call().filter(|call| call.phase == CallPhase::Incoming) }).await;
    bob.client.accept(false).await.unwrap();
    bob.hears(|update| matches!(update, Update::Problem { problem } if problem.code == "relay_missing"))
        .await;
}
