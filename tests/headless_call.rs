//! A call between two processes, over the real server and real UDP: each reads the other's numbered pictures and hears the
//! other's tone. And the same check with its subject broken on purpose, because a check that cannot fail shows nothing.

#![allow(clippy::unwrap_used)]

use snug_lab::call::gate::{Gate, Moves, Stands};
use snug_lab::call::{CallOptions, Party};
use snug_lab::peer::messages::Received;
use snug_lab::process::Program;
use std::time::Duration;

/// A busy machine stutters for less than this; a stopped sender exceeds it.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(3);

#[test]
#[ignore = "the body of the processes that the other tests start"]
fn lab_process() {
    snug_lab::cli::run_from_environment().unwrap();
}

async fn in_a_call() -> (Party, snug_lab::call::Beginning) {
    let program = Program::this_test("lab_process").unwrap();
    let mut party = Party::gather(&program, &CallOptions::default()).await.unwrap();
    party.ring().await.unwrap();
    let beginning = party.accept().await.unwrap();
    (party, beginning)
}

/// Judges what the person at `place` saw of the other, from their first picture on.
fn judge(place: usize, received: &Received, until_ms: u64) -> Result<Moves, Stands> {
    let seen = received.sightings();
    let from_ms = seen.first().expect("a picture with a code was seen").at_ms;
    let sender = CallOptions::sender(1 - place);
    Gate { sender, from_ms, to_ms: until_ms, longest_gap: LONGEST_STANDSTILL }.judge(&seen)
}

fn ms_after(beginning: &snug_lab::call::Beginning, seconds: u64) -> u64 {
    beginning.accepted_ms as u64 + seconds * 1000
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_the_others_numbered_pictures_and_hears_their_tone() {
    let (mut party, beginning) = in_a_call().await;
    beginning.go_on_for(Duration::from_secs(10)).await.unwrap();
    let received = party.hang_up().await.unwrap();
    party.leave().await.unwrap();
    for (place, received) in received.iter().enumerate() {
        let moves = judge(place, received, ms_after(&beginning, 10)).unwrap();
        assert!(moves.consecutive > 30, "numbers follow one another: {moves:?}");
        assert!(moves.consecutive * 2 > moves.pictures, "most numbers follow one another: {moves:?}");

        let pitch = CallOptions::pitch(1 - place);
        let right = received.pitches.iter().filter(|heard| (**heard - pitch).abs() < 2.0).count();
        assert!(right >= 5, "{pitch} Hz was heard: {:?}", received.pitches);
        assert!(right * 4 > received.pitches.len() * 3, "and hardly anything else: {:?}", received.pitches);
        assert!(!received.mouth_to_ear_ms.is_empty(), "the tone's time was read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_stops_is_noticed() {
    let (mut party, beginning) = in_a_call().await;
    beginning.go_on_for(Duration::from_secs(4)).await.unwrap();
    party.switch_camera(false).await.unwrap();
    beginning.go_on_for(Duration::from_secs(10)).await.unwrap();
    let [first, second] = party.hang_up().await.unwrap();
    party.leave().await.unwrap();
    judge(1, &second, ms_after(&beginning, 4))
        .expect("the first person's picture moved while their camera was on");
    let broken = judge(1, &second, ms_after(&beginning, 10));
    assert!(
        matches!(broken, Err(Stands::Still { .. })),
        "with the camera off the check must fail: {broken:?}"
    );
    judge(0, &first, ms_after(&beginning, 10)).expect("the second person's camera was on all the time");
}
