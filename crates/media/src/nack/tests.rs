use super::*;
use proptest::prelude::*;

const RTT: Duration = Duration::from_millis(50);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

#[test]
fn a_packet_that_was_only_overtaken_is_not_asked_for() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(65_535), false);
    nack.received(at(1), Seq(1), false);
    assert_eq!(nack.poll(Time::from_micros(1_900), RTT), Nacks::default());
    assert_eq!(nack.received(Time::from_micros(1_900), Seq(0), false), Arrival::New);
    assert!(!nack.is_waiting());
    assert_eq!(nack.poll(at(1000), RTT), Nacks::default());
}

/// When something is asked for, millisecond by millisecond.
fn asks(nack: &mut NackGenerator, from: u64, until: u64) -> Vec<u64> {
    (from..until).filter(|&ms| !nack.poll(at(ms), RTT).ask.is_empty()).collect()
}

#[test]
fn a_hole_is_asked_for_anew_each_round_trip_until_it_comes() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(10), false);
    for seq in 12..=14 {
        nack.received(at(1), Seq(seq), false);
    }
    assert_eq!(nack.poll_at(RTT), Some(at(2)));
    let tries = [2, 10, 18, 25, 33, 63, 71, 79, 86, 94, 124];
    assert_eq!(asks(&mut nack, 1, 130), tries, "each try, and its repeats while no answer can be there");
    assert_eq!(nack.received(at(150), Seq(11), true), Arrival::Recovered);
    assert_eq!(nack.received(at(151), Seq(11), true), Arrival::Duplicate);
    assert_eq!((nack.poll(at(400), RTT), nack.poll_at(RTT)), (Nacks::default(), None));
}

#[test]
fn a_retransmission_that_is_lost_is_asked_for_again_as_soon_as_it_should_have_been_there() {
    let mut nack = NackGenerator::new();
    let mut seq = 0;
    // Answers take 80 ms, whatever reports say.
    for n in 0..20_u64 {
        nack.received(at(n * 200), Seq(seq), false);
        nack.received(at(n * 200), Seq(seq + 2), false);
        asks(&mut nack, n * 200, n * 200 + 20);
        nack.received(at(n * 200 + 81), Seq(seq + 1), true);
        seq += 3;
    }
    nack.received(at(4000), Seq(seq), false);
    nack.received(at(4000), Seq(seq + 2), false);
    let tries = asks(&mut nack, 4000, 4200);
    assert_eq!(tries[0], 4001);
    let second = tries.iter().find(|&&ms| ms > 4060);
    assert!(second.is_some_and(|ms| (4081..4090).contains(ms)), "{tries:?}");
}

#[test]
fn on_a_short_path_ten_tries_are_enough_and_the_rest_of_the_patience_is_not_waited_for() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(10), false);
    nack.received(at(0), Seq(12), false);
    let short = Duration::from_millis(5);
    let (mut asked, mut gave_up) = (0, None);
    for ms in 0..400 {
        let nacks = nack.poll(at(ms), short);
        asked += nacks.ask.len();
        gave_up = gave_up.or((!nacks.gave_up.is_empty()).then_some(ms));
    }
    assert_eq!(asked, usize::from(MAX_TRIES));
    assert!(gave_up.is_some_and(|ms| ms < 200), "given up at {gave_up:?} ms");
}

#[test]
fn how_late_packets_come_by_themselves_is_learnt() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(65_535), true);
    for n in 0..20_u16 {
        let now = u64::from(n) * 33;
        nack.received(at(now), Seq(n * 3), false);
        nack.received(at(now), Seq(n * 3 + 2), false);
        let asked = asks(&mut nack, now, now + 12);
        assert_eq!(asked.is_empty(), n > 0, "only the first is asked for in vain: {n}");
        nack.received(at(now + 12), Seq(n * 3 + 1), false);
    }
}

#[test]
fn what_does_not_come_is_given_up_once_and_all_that_waits_behind_it() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(10), false);
    nack.received(at(0), Seq(12), false);
    nack.received(at(300), Seq(14), false);
    let mut gave_up = Vec::new();
    for ms in 0..3000 {
        gave_up.extend(nack.poll(at(ms), RTT).gave_up.into_iter().map(|seq| (ms, seq)));
    }
    let patience = gave_up[0].0;
    assert!((300..450).contains(&patience), "{gave_up:?}");
    assert_eq!(gave_up, [(patience, Seq(11)), (patience, Seq(13))]);
    assert_eq!(nack.received(at(3000), Seq(11), false), Arrival::New, "late, and still not a duplicate");
}

#[test]
fn what_a_keyframe_went_over_is_not_asked_for_any_more() {
    let mut nack = NackGenerator::new();
    for seq in [10, 12, 14, 20] {
        nack.received(at(0), Seq(seq), false);
    }
    nack.forget_before(Seq(14));
    assert_eq!(nack.poll(at(10), RTT).ask, [15, 16, 17, 18, 19].map(Seq));
}

#[test]
fn an_outage_is_given_up_whole_and_a_jump_forgets_all() {
    let mut nack = NackGenerator::new();
    nack.received(at(0), Seq(0), false);
    nack.received(at(0), Seq(1000), false);
    assert_eq!(nack.poll_at(RTT), Some(at(0)));
    let nacks = nack.poll(at(10), RTT);
    assert_eq!((nacks.ask.len(), nacks.gave_up.len()), (0, 999));
    nack.received(at(11), Seq(1002), false);
    assert_eq!(nack.poll(at(20), RTT).ask, [Seq(1001)], "what comes after it may be the keyframe");
    nack.received(at(21), Seq(20_000), false);
    assert!(!nack.is_waiting());
    assert_eq!(nack.received(at(22), Seq(1000), false), Arrival::TooOld);
    assert_eq!(nack.received(at(22), Seq(20_000), false), Arrival::Duplicate);
}

proptest! {
    #[test]
    fn poll_and_poll_at_agree_and_nothing_is_asked_for_that_is_here(
        packets in prop::collection::vec((0..40_u64, 0..4_u16, 0..20_u8), 1..200), rtt in 1..400_u64,
    ) {
        let rtt = Duration::from_millis(rtt);
        let mut nack = NackGenerator::new();
        let (mut now, mut seq) = (Time::ZERO, Seq(65_500));
        let mut here = std::collections::HashSet::new();
        for (wait, step, kind) in packets {
            let until = now + Duration::from_millis(wait);
            while let Some(next) = nack.poll_at(rtt).filter(|&next| next <= until) {
                let nacks = nack.poll(next, rtt);
                prop_assert!(nacks != Nacks::default(), "nothing at {next:?}");
                prop_assert!(nacks.ask.iter().all(|seq| !here.contains(&seq.0)));
                prop_assert!(nacks.ask.len() <= MAX_MISSING);
            }
            now = until;
            prop_assert_eq!(nack.poll(now, rtt).ask, []);
            let arrived = match kind {
                0..3 => Seq(seq.0.wrapping_sub(step)),
                _ => { seq = seq.add(step); seq }
            };
            let arrival = nack.received(now, arrived, kind == 0);
            prop_assert_eq!(arrival.is_new(), here.insert(arrived.0));
        }
    }
}
