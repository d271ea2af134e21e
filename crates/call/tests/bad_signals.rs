//! A server or a peer that means ill, and one that vanishes.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use ed25519_dalek::SigningKey;
use snug_call::session::{PairIds, Signer};
use snug_call::{CallEvent, EndReason, PeerState, VideoSource};
use snug_protocol::pair::{PairSignal, SdpKind};
use snug_protocol::signal::{ClientSignal, Participant, ServerSignal};
use snug_protocol::{Content, DeviceId, JoinId, UserId};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Begin, Person, Relay, Spoiler, two};
use tokio::sync::watch;

fn is_bad(device: DeviceId) -> impl Fn(&CallEvent) -> bool {
    move |event| matches!(event, CallEvent::BadSignal { device: of } if *of == device)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_repeats_and_forges_is_refused_and_the_call_stands() {
    let seen: Arc<Mutex<Vec<(DeviceId, ClientSignal)>>> = Arc::default();
    let keeper = Arc::clone(&seen);
    let spoil: Spoiler = Box::new(move |from, signal| {
        keeper.lock().unwrap().push((from, signal.clone()));
        vec![signal]
    });
    let (relay, a, b) = two(Some(spoil)).await;
    let call = relay.call;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
    let kept = seen.lock().unwrap().clone();
    let relayed = kept.iter().filter_map(|(from, signal)| match signal {
        ClientSignal::Relay { to, envelope, .. } => Some((*from, *to, envelope.clone())),
        _ => None,
    });
    for (from, to, envelope) in relayed {
        relay.inject(to, ServerSignal::Relay { call, from, envelope: envelope.clone() }).await;
        let mut forged = envelope.clone();
        forged.counter += 1_000;
        relay.inject(to, ServerSignal::Relay { call, from, envelope: forged }).await;
        let mut rubbish = envelope;
        rubbish.payload = Content(vec![0xff; 100]);
        rubbish.signature = Content(vec![1, 2, 3]);
        relay.inject(to, ServerSignal::Relay { call, from, envelope: rubbish }).await;
    }
    a.sees("bad signal", is_bad(b.device)).await;
    b.sees("bad signal", is_bad(a.device)).await;
    screen.shows(1, 20).await;
}

/// A device that is no call, but signs as one.
struct Stranger {
    device: DeviceId,
    join: JoinId,
    signer: Signer,
}

async fn stranger(relay: &Relay, victim: &Person, victim_join: JoinId) -> Stranger {
    let key = SigningKey::from_bytes(&[77; 32]);
    let (device, join) = (DeviceId::random(), JoinId::random());
    let participant = Participant {
        user: UserId::random(),
        device,
        join,
        key: Content(key.verifying_key().to_bytes().to_vec()),
        guest: false,
        name: None,
    };
    relay.inject(victim.device, ServerSignal::Joined { call: relay.call, participant }).await;
    let ids =
        PairIds { call: relay.call, me: device, my_join: join, them: victim.device, their_join: victim_join };
    Stranger { device, join, signer: Signer::new(ids, key) }
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_descriptions_are_events_and_never_a_panic() {
    let (keep, mut seen) = watch::channel(Vec::<ClientSignal>::new());
    let spoil: Spoiler = Box::new(move |_, signal| {
        keep.send_modify(|seen| seen.push(signal.clone()));
        vec![signal]
    });
    let relay = Relay::start(Some(spoil));
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    let joined = |seen: &Vec<ClientSignal>| matches!(seen.first(), Some(ClientSignal::Join { .. }));
    let Some(&ClientSignal::Join { join, .. }) = seen.wait_for(joined).await.unwrap().first() else {
        unreachable!("it was waited for")
    };

    // A true offer first, made by a second call, to have something worth spoiling.
    let b = Person::enter(&relay, Begin::new(2, 700.0)).await;
    a.sees_peer(b.device, PeerState::Connected).await;
    let offer = seen.borrow().iter().find_map(an_offer).expect("somebody offered");

    for spoiled in spoiled(&offer) {
        let mut stranger = stranger(&relay, &a, join).await;
        let device = stranger.device;
        a.sees_peer(device, PeerState::Connecting).await;
        for candidate in
            ["", "candidate:", "candidate:1 1 udp 1 999.0.0.1 99999 typ host", "\u{0}", "candidate:x y z"]
        {
            let candidate = candidate.into();
            let signal = PairSignal::Candidate { candidate, mid: None, line: Some(9), ufrag: None };
            send(&relay, &a, &mut stranger, &signal).await;
        }
        for kind in [SdpKind::Answer, SdpKind::Offer] {
            let signal = PairSignal::Description { kind, sdp: spoiled.clone(), of: None };
            send(&relay, &a, &mut stranger, &signal).await;
        }
        // Either webrtc takes it and it is answered, or it is called bad.
        let answered = |seen: &Vec<ClientSignal>| {
            seen.iter().any(|signal| matches!(signal, ClientSignal::Relay { to, .. } if *to == device))
        };
        tokio::select! {
            answered = seen.wait_for(answered) => drop(answered.unwrap()),
            _ = a.sees("bad signal", is_bad(device)) => {}
        }
        send(&relay, &a, &mut stranger, &PairSignal::Bye).await;
        a.sees_peer(device, PeerState::Left).await;
    }
    let bad = a.log().iter().filter(|event| matches!(event, CallEvent::BadSignal { .. })).count();
    assert!(bad >= 6, "{bad} were called bad");
    let mut screen = a.watch(VideoSource::Remote(b.device)).await;
    screen.shows(2, 10).await;
}

fn an_offer(signal: &ClientSignal) -> Option<String> {
    let ClientSignal::Relay { envelope, .. } = signal else { return None };
    match envelope.payload.parse() {
        Ok(PairSignal::Description { kind: SdpKind::Offer, sdp, .. }) => Some(sdp),
        _ => None,
    }
}

async fn send(relay: &Relay, to: &Person, stranger: &mut Stranger, signal: &PairSignal) {
    let envelope = stranger.signer.sign(signal);
    assert_eq!(envelope.from_join, stranger.join);
    relay.inject(to.device, ServerSignal::Relay { call: relay.call, from: stranger.device, envelope }).await;
}

/// Ways to spoil an offer: cut off, lines lost, doubled and swapped, numbers absurd.
fn spoiled(offer: &str) -> Vec<String> {
    let lines: Vec<&str> = offer.lines().collect();
    let join = |lines: &[&str]| lines.iter().flat_map(|line| [line, "\r\n"]).collect::<String>();
    let mut all = vec![
        String::new(),
        "v=0".into(),
        "\u{0}\u{ffff}".into(),
        "v=0\r\n".repeat(2_000),
        offer.replace("a=fingerprint", "a=finger"),
        offer.replace("sha-256", "sha-0"),
        offer.replace("111", "99999999999"),
        offer.replace("m=audio 9", "m=audio -1"),
        offer.replace("IN IP4", "XX YY"),
        offer.replace("a=mid:", "a=mid:x"),
        offer.replace("a=setup:actpass", "a=setup:nobody"),
        offer.replace("a=ssrc:", "a=ssrc:99999999999"),
        offer.replace("a=rtpmap:", "a=rtpmap:/"),
        offer.replace("a=extmap:", "a=extmap:99999/"),
        offer.replace(':', " "),
        offer.replace("a=group:BUNDLE", "a=group:BUNDLE 7 8 9"),
    ];
    for cut in [10, lines.len() / 3, lines.len() / 2, lines.len() - 2] {
        all.push(join(&lines[..cut]));
    }
    let doubled: Vec<&str> = lines.iter().flat_map(|line| [*line, *line]).collect();
    all.push(join(&doubled));
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    all.push(join(&reversed));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_changed_is_said() {
    let relay = Relay::start(None);
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    a.sees("its media", |event| matches!(event, CallEvent::SelfMedia(_))).await;
    let device = DeviceId::random();
    for (key, join) in [(3, JoinId::random()), (4, JoinId::random())] {
        let key = Content(SigningKey::from_bytes(&[key; 32]).verifying_key().to_bytes().to_vec());
        let user = UserId::random();
        let participant = Participant { user, device, join, key, guest: false, name: None };
        relay.inject(a.device, ServerSignal::Joined { call: relay.call, participant }).await;
    }
    a.sees("first key", |event| matches!(event, CallEvent::KeySeen { device: of, .. } if *of == device))
        .await;
    a.sees("changed key", |event| matches!(event, CallEvent::KeyChanged { device: of, .. } if *of == device))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_are_lost_at_first_are_repeated_until_they_arrive() {
    let mut dropped = 0;
    let spoil: Spoiler = Box::new(move |_, signal| {
        // The first six relayed signals never arrive: the offer and its candidates at least.
        if matches!(signal, ClientSignal::Relay { .. }) && dropped < 6 {
            dropped += 1;
            return Vec::new();
        }
        vec![signal]
    });
    let (_relay, a, b) = two(Some(spoil)).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_vanishes_is_looked_for_and_then_lost() {
    let relay = Relay::start(None);
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    // b lives on a runtime of its own, so that it can be gone in an instant, without a goodbye on any way.
    let world = tokio::runtime::Runtime::new().unwrap();
    let b_relay = relay.clone();
    let b = world.spawn(async move { Person::enter(&b_relay, Begin::new(2, 700.0)).await }).await.unwrap();
    a.sees_peer(b.device, PeerState::Connected).await;
    let mut screen = a.watch(VideoSource::Remote(b.device)).await;
    screen.shows(2, 5).await;
    b.cut().await;
    world.shutdown_background();
    a.sees_peer(b.device, PeerState::Reconnecting).await;
    a.sees_within(Duration::from_secs(60), "loss", |event| {
        matches!(event, CallEvent::PeerState { state: PeerState::Lost, .. })
    })
    .await;
    let lost = |event: &CallEvent| matches!(event, CallEvent::Ended { reason: EndReason::ConnectionLost });
    a.sees("end", lost).await;
    while screen.stream.next().await.is_some() {}
}
