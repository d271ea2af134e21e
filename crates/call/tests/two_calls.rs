//! Two calls over real UDP: what one sends, the other sees and hears.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use snug_call::device::{CameraChoice, MicrophoneChoice};
use snug_call::{CallEvent, EndReason, PeerState, VideoSource};
use snug_protocol::DeviceId;
use snug_protocol::signal::{ClientSignal, Participant};
use std::time::{Duration, Instant};
use support::{Begin, PATIENCE, Person, Relay, Spoiler, two};

#[tokio::test(flavor = "multi_thread")]
async fn they_see_and_hear_each_other() {
    let began = Instant::now();
    let (_relay, a, b) = two(None).await;
    let connected = began.elapsed();
    let mut at_a = a.watch(VideoSource::Remote(b.device)).await;
    let mut at_b = b.watch(VideoSource::Remote(a.device)).await;
    let mut mirror = a.watch(VideoSource::SelfView).await;
    at_b.code().await;
    let first = began.elapsed();
    assert!(first < Duration::from_secs(3), "connected after {connected:?}, first picture after {first:?}");
    let (seen_at_a, seen_at_b, seen_in_mirror) =
        tokio::join!(at_a.shows(2, 30), at_b.shows(1, 30), mirror.shows(1, 10));
    let consecutive = |numbers: &[u32]| numbers.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
    assert!(consecutive(&seen_at_a) >= 20, "{seen_at_a:?}");
    assert!(consecutive(&seen_at_b) >= 20, "{seen_at_b:?}");
    assert!(seen_in_mirror.len() == 10);
    assert_eq!(at_a.size, (320, 180));
    a.hears(Some(700.0)).await;
    b.hears(Some(440.0)).await;
    b.sees("speaking", |event| matches!(event, CallEvent::PeerLevel { level, .. } if *level > 0.1)).await;

    let stats = tokio::time::timeout(PATIENCE, async {
        loop {
            let stats = a.call.stats().await.unwrap();
            if stats.pairs[0].round_trip_time.is_some() {
                return stats;
            }
            at_a.code().await;
        }
    });
    let stats = stats.await.expect("the round trip is measured");
    let pair = &stats.pairs[0];
    assert_eq!((pair.device, pair.state), (b.device, PeerState::Connected));
    assert!(pair.connect_time.unwrap() <= connected.as_secs_f64());
    assert!(pair.round_trip_time.unwrap() < 0.5, "{pair:?}");
    assert!(pair.inbound_video.frames_received >= 30 && pair.inbound_video.packets_lost <= 2, "{pair:?}");
    assert!(pair.outbound_video.frames_sent >= 30 && pair.outbound_video.key_frames_encoded >= 1);
    assert!(pair.inbound_audio.packets_received > 10 && pair.inbound_audio.total_samples_received > 4_800);
    assert_eq!(pair.inbound_video.nack_count, pair.inbound_video.nack_count.min(5), "{pair:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_to_be_there_is_offered_a_connection_before_the_server_says_so() {
    let newcomer = Begin::new(2, 700.0);
    let device = newcomer.device;
    // The newcomer's join comes to the server only with the first signal to the other.
    let mut join = None;
    let spoil: Spoiler = Box::new(move |from, signal| match signal {
        ClientSignal::Join { .. } if from == device => {
            join = Some(signal);
            Vec::new()
        }
        other => join.take().into_iter().chain([other]).collect(),
    });
    let relay = Relay::start(Some(spoil));
    let a = Person::enter(&relay, Begin::new(1, 440.0)).await;
    let gone = Participant { device: DeviceId::random(), ..a.participant.clone() };
    let present = vec![gone.clone(), a.participant.clone()];
    let b = Person::enter(&relay, Begin { present, ..newcomer }).await;
    a.sees_peer(b.device, PeerState::Connected).await;
    b.sees_peer(a.device, PeerState::Connected).await;
    b.sees_peer(gone.device, PeerState::Left).await;
    let mut at_b = b.watch(VideoSource::Remote(a.device)).await;
    at_b.shows(1, 5).await;
    b.sees_last_peer_state(a.device, PeerState::Connected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_and_camera_are_seen_and_heard() {
    let (_relay, a, b) = two(None).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
    b.hears(Some(440.0)).await;

    a.call.set_muted(true).await.unwrap();
    let muted = |event: &CallEvent| matches!(event, CallEvent::PeerMedia { device, media } if *device == a.device && !media.microphone && media.camera);
    b.sees("mute", muted).await;
    b.hears(None).await;
    a.call.set_muted(false).await.unwrap();
    b.hears(Some(440.0)).await;

    a.call.set_video(false).await.unwrap();
    let off = |event: &CallEvent| matches!(event, CallEvent::PeerMedia { device, media } if *device == a.device && media.microphone && !media.camera);
    b.sees("camera off", off).await;
    // What was on its way comes; then nothing does.
    while tokio::time::timeout(Duration::from_millis(700), screen.stream.next()).await.is_ok() {}
    a.call.set_video(true).await.unwrap();
    screen.shows(1, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_devices_are_taken_in_the_call() {
    let (_relay, a, b) = two(None).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
    a.call.set_camera(Some(CameraChoice::Pattern { sender: 9 })).await.unwrap();
    let changed = async { while screen.code().await.sender != 9 {} };
    tokio::time::timeout(PATIENCE, changed).await.expect("the other camera is seen");
    screen.shows(9, 10).await;
    a.call.set_microphone(MicrophoneChoice::Tone { hz: 1_000.0 }).await.unwrap();
    b.hears(Some(1_000.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_asks_gets_a_keyframe_through_the_other_side() {
    let (_relay, a, b) = two(None).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 20).await;
    let before = a.call.stats().await.unwrap().pairs[0].outbound_video;
    screen.stream.skip_to_keyframe();
    b.call.request_keyframe(VideoSource::Remote(a.device)).await.unwrap();
    let keyframes = screen.keyframes;
    screen.code().await;
    assert_eq!(screen.keyframes, keyframes + 1, "the first picture after skipping is a keyframe");
    let after = a.call.stats().await.unwrap().pairs[0].outbound_video;
    assert!(after.pli_count > before.pli_count, "it was asked for by RTCP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_tile_costs_no_video() {
    let (_relay, a, b) = two(None).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
    b.call.set_tile(a.device, 0, 0).await.unwrap();
    while tokio::time::timeout(Duration::from_millis(700), screen.stream.next()).await.is_ok() {}
    b.call.set_tile(a.device, 640, 360).await.unwrap();
    screen.shows(1, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_is_seen_within_a_second_and_ends_the_other_side_too() {
    let (_relay, a, b) = two(None).await;
    let mut screen = b.watch(VideoSource::Remote(a.device)).await;
    screen.shows(1, 5).await;
    let began = Instant::now();
    a.call.hang_up().await;
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    let hung_up = |event: &CallEvent| matches!(event, CallEvent::Ended { reason: EndReason::HungUp });
    a.sees("end", hung_up).await;
    b.sees_peer(a.device, PeerState::Left).await;
    let left = |event: &CallEvent| matches!(event, CallEvent::Ended { reason: EndReason::PeersLeft });
    b.sees("end", left).await;
    while screen.stream.next().await.is_some() {}
    assert!(a.call.set_muted(true).await.is_err(), "a call that is over says so");
}
