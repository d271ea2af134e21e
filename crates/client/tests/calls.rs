//! Calls between two clients over the real server, with test picture and tone at the device's end of things.

#![allow(clippy::unwrap_used)]

mod support;

use snug_client::view::{CallEnd, CallPhase, CallView, DeviceKind, ItemBody};
use snug_client::{Attention, StreamName};
use snug_protocol::RoomId;
use snug_protocol::content::RingEndReason;
use support::{Person, Space};

async fn two() -> (Space, Person, Person, RoomId) {
    let space = Space::start().await;
    let (ann, kitchen) = Person::owner(&space).await;
    let bob = Person::guest(&ann, kitchen, "Bob", |link| link).await;
    let room = ann.client.open_direct(bob.user().await).await.unwrap();
    bob.until(|| async { bob.client.rooms().await.unwrap().iter().any(|r| r.id == room).then_some(()) })
        .await;
    for person in [&ann, &bob] {
        person.is_online().await;
    }
    (space, ann, bob, room)
}

async fn phase(person: &Person, phase: CallPhase) -> CallView {
    person.until(|| async { person.client.call().filter(|call| call.phase == phase) }).await
}

/// How a call is written down in the timeline.
async fn written(person: &Person, room: RoomId) -> (Option<RingEndReason>, bool, bool) {
    person
        .until(|| async {
            person.items(room).await.into_iter().find_map(|item| match item.body {
                ItemBody::Call { ended: Some(ended), duration_ms, missed, .. } => {
                    Some((Some(ended), duration_ms.is_some(), missed))
                }
                _ => None,
            })
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_rung_answered_seen_and_hung_up() {
    let (_space, ann, bob, room) = two().await;
    ann.client.ring(room, true).await.unwrap();
    assert_eq!(ann.client.ring(room, true).await.unwrap_err().code, "in_a_call");
    let outgoing = phase(&ann, CallPhase::Outgoing).await;
    assert_eq!((outgoing.peer_name.as_str(), outgoing.video), ("Bob", true));
    // Even out of the tray.
    bob.client.set_attention(Attention { open: false, focused: false, room: None });
    let incoming = phase(&bob, CallPhase::Incoming).await;
    assert_eq!((incoming.peer_name.as_str(), incoming.call), ("Ann", outgoing.call));
    bob.client.accept(true).await.unwrap();
    for person in [&ann, &bob] {
        let active = phase(person, CallPhase::Active).await;
        assert!(active.connected_at.is_some());
        person
            .until(|| async { person.client.call()?.peers.first().filter(|peer| peer.camera).map(drop) })
            .await;
    }
    let peer = ann.client.call().unwrap().peers[0].clone();
    assert_eq!(peer.name, "Bob");
    let mut pictures = ann.client.subscribe_video(&StreamName::Peer(peer.device)).unwrap();
    let first = pictures.next().await.unwrap();
    assert!(first.frame.keyframe);
    for _ in 0..10 {
        let next = pictures.next().await.unwrap();
        assert!(next.due > first.due);
    }
    let own = ann.client.subscribe_video(&StreamName::Own).unwrap().next().await.unwrap();
    assert!(own.frame.keyframe);

    bob.client.set_microphone(false).await.unwrap();
    bob.client.set_camera(false).await.unwrap();
    ann.until(|| async {
        let peer = ann.client.call()?.peers.first()?.clone();
        (!peer.microphone && !peer.camera).then_some(())
    })
    .await;
    let mut streams = ann.client.streams();
    streams.wait_for(|streams| !streams.contains(&StreamName::Peer(peer.device))).await.unwrap();
    bob.client.choose_device(DeviceKind::Camera, "pattern:9").await.unwrap();
    assert_eq!(bob.client.devices().await.unwrap().camera.as_deref(), Some("pattern:9"));
    let rail = ann.until(|| async { ann.room(room).await.call.filter(|call| call.people.len() == 2) }).await;
    assert_eq!(rail.call, outgoing.call);

    bob.client.hang_up().await.unwrap();
    phase(&bob, CallPhase::Ended(CallEnd::Here)).await;
    phase(&ann, CallPhase::Ended(CallEnd::There)).await;
    assert!(pictures_end(&mut pictures).await);
    for person in [&ann, &bob] {
        assert_eq!(written(person, room).await, (Some(RingEndReason::HungUp), true, false));
        person.until(|| async { person.client.call().is_none().then_some(()) }).await;
    }
    ann.until(|| async { ann.room(room).await.call.is_none().then_some(()) }).await;
}

async fn pictures_end(pictures: &mut snug_client::Pictures) -> bool {
    while pictures.next().await.is_some() {}
    true
}

#[tokio::test]
async fn a_ring_is_declined_cancelled_or_missed() {
    let (_space, ann, bob, room) = two().await;
    ann.client.ring(room, false).await.unwrap();
    phase(&bob, CallPhase::Incoming).await;
    bob.client.decline().await.unwrap();
    phase(&bob, CallPhase::Ended(CallEnd::Here)).await;
    phase(&ann, CallPhase::Ended(CallEnd::Declined)).await;
    assert_eq!(written(&ann, room).await, (Some(RingEndReason::Declined), false, false));

    let cellar = ann.client.create_room("Cellar", "").await.unwrap();
    assert_eq!(ann.client.ring(cellar, false).await.unwrap_err().code, "call_failed", "nobody is there");

    ann.client.ring(room, false).await.unwrap();
    phase(&bob, CallPhase::Incoming).await;
    ann.client.hang_up().await.unwrap();
    phase(&ann, CallPhase::Ended(CallEnd::Here)).await;
    phase(&bob, CallPhase::Ended(CallEnd::Cancelled)).await;
    bob.until(|| async {
        let missed = |body: &ItemBody| matches!(body, ItemBody::Call { missed: true, .. });
        bob.items(room).await.iter().any(|item| missed(&item.body)).then_some(())
    })
    .await;

    // One who was away when it rang, and comes back after it was given up.
    let bob = {
        bob.client.close().await;
        ann.client.ring(room, false).await.unwrap();
        phase(&ann, CallPhase::Outgoing).await;
        ann.client.hang_up().await.unwrap();
        ann.until(|| async { ann.client.call().is_none().then_some(()) }).await;
        Person::open(bob.folder.clone(), |config| config).await.unwrap()
    };
    bob.until(|| async {
        let missed = |body: &ItemBody| matches!(body, ItemBody::Call { missed: true, .. });
        let items = bob.items(room).await;
        (items.iter().filter(|item| missed(&item.body)).count() == 2).then_some(())
    })
    .await;
    assert!(bob.client.call().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_in_a_call_is_busy_and_one_with_two_devices_answers_on_one() {
    let (space, ann, bob, room) = two().await;
    let tablet = Person::new().await;
    tablet.client.sign_in(&space.link().to_string(), "bob", support::PASSWORD).await.unwrap();
    tablet.is_online().await;
    ann.client.ring(room, false).await.unwrap();
    phase(&tablet, CallPhase::Incoming).await;
    phase(&bob, CallPhase::Incoming).await;
    bob.client.accept(false).await.unwrap();
    phase(&tablet, CallPhase::Ended(CallEnd::Elsewhere)).await;
    phase(&ann, CallPhase::Active).await;
    tablet.client.close().await;

    let kitchen = ann.client.rooms().await.unwrap().into_iter().find(|r| r.name == "Kitchen").unwrap().id;
    let eve = Person::guest(&ann, kitchen, "Eve", |link| link).await;
    let direct = eve.client.open_direct(bob.user().await).await.unwrap();
    eve.is_online().await;
    eve.client.ring(direct, false).await.unwrap();
    phase(&eve, CallPhase::Ended(CallEnd::Busy)).await;
    assert_eq!(bob.client.call().unwrap().phase, CallPhase::Active, "the call goes on");

    // The network between them and the server is not the network between them.
    let media = bob.client.call().unwrap();
    bob.client.close().await;
    let ended = ann
        .until(|| async { ann.client.call().filter(|call| matches!(call.phase, CallPhase::Ended(_))) })
        .await;
    assert_eq!((ended.call, ended.phase), (media.call, CallPhase::Ended(CallEnd::There)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_its_server() {
    let (mut space, ann, bob, room) = two().await;
    ann.client.ring(room, true).await.unwrap();
    phase(&bob, CallPhase::Incoming).await;
    bob.client.accept(true).await.unwrap();
    phase(&bob, CallPhase::Active).await;
    phase(&ann, CallPhase::Active).await;
    let peer = ann.client.call().unwrap().peers[0].device;
    let mut pictures = ann.client.subscribe_video(&StreamName::Peer(peer)).unwrap();
    pictures.next().await.unwrap();
    space.stop().await;
    for person in [&ann, &bob] {
        person.is_not_online().await;
    }
    for _ in 0..30 {
        pictures.next().await.unwrap();
    }
    assert_eq!(ann.client.call().unwrap().phase, CallPhase::Active);
    space.start_again().await;
    for person in [&ann, &bob] {
        person.is_online().await;
        person.until(|| async { person.room(room).await.call.filter(|call| call.people.len() == 2) }).await;
    }
    for _ in 0..10 {
        pictures.next().await.unwrap();
    }
    ann.client.hang_up().await.unwrap();
    phase(&bob, CallPhase::Ended(CallEnd::There)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_show_and_hear_before_anybody_signs_in() {
    let person = Person::new().await;
    let devices = person.client.devices().await.unwrap();
    assert!(devices.cameras.iter().any(|camera| camera.id == "pattern"));
    assert!(devices.microphones.iter().any(|microphone| microphone.id == "tone"));
    person.client.start_preview().await.unwrap();
    let mut streams = person.client.streams();
    streams.wait_for(|streams| streams.contains(&StreamName::Preview)).await.unwrap();
    let mut pictures = person.client.subscribe_video(&StreamName::Preview).unwrap();
    assert!(pictures.next().await.unwrap().frame.keyframe);
    person.client.levels().wait_for(|level| *level > 0.1).await.unwrap();
    person.client.test_speaker().await.unwrap();
    person.client.stop_preview().await;
    assert!(pictures_end(&mut pictures).await);
    assert!(person.client.subscribe_video(&StreamName::Preview).is_none());
    person.client.choose_device(DeviceKind::Microphone, "tone:1000").await.unwrap();
    assert_eq!(
        person.client.choose_device(DeviceKind::Camera, "nonsense").await.unwrap_err().code,
        "bad_request"
    );
    let again = person
        .reopen(|config| snug_client::ClientConfig { devices: Default::default(), ..config })
        .await
        .unwrap();
    assert_eq!(again.client.devices().await.unwrap().microphone.as_deref(), Some("tone:1000"));
}
