//! What reports may say, in order and out of it, and rubbish.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn packet(millis: u64) -> SentPacket {
    SentPacket { at: Time::from_millis(millis), bytes: 1000, media: Kind::Video, probe: None }
}

/// Packets numbered from `first`, 10 ms apart.
fn sent(first: u16, count: u16) -> SendHistory {
    let mut history = SendHistory::new();
    for n in 0..count {
        history.sent(Seq(first).add(n), packet(u64::from(n) * 10));
    }
    history
}

fn report(base: u16, reference_time: u32, packets: &[Option<i64>]) -> TransportFeedback {
    TransportFeedback { base_seq: Seq(base), reference_time, packets: packets.to_vec() }
}

#[test]
fn numbers_that_wrap_are_matched_with_what_was_sent() {
    let mut history = sent(65_530, 20);
    let results = history.feedback(&report(65_533, 5, &[Some(0), None, Some(500), Some(750), Some(1000)]));
    let got: Vec<(u128, bool)> =
        results.iter().map(|r| (r.sent.at.since(Time::ZERO).as_millis(), r.received.is_some())).collect();
    assert_eq!(got, [(30, true), (40, false), (50, true), (60, true), (70, true)]);
    let spread = results[4].received.unwrap() - results[0].received.unwrap();
    assert_eq!(spread, Duration::from_micros(1000));
}

#[test]
fn the_receivers_clock_goes_on_when_its_24_bits_wrap() {
    let mut history = sent(0, 3);
    let before = history.feedback(&report(0, (1 << 24) - 1, &[Some(0)]));
    let after = history.feedback(&report(1, 0, &[Some(0)]));
    let late = history.feedback(&report(2, (1 << 24) - 2, &[Some(0)]));
    let at = |results: &[PacketResult]| results[0].received.unwrap();
    assert_eq!(at(&after) - at(&before), Duration::from_millis(64));
    assert_eq!(at(&before) - at(&late), Duration::from_millis(64), "and an earlier report lies before");
}

#[test]
fn a_packet_is_reported_once_and_as_recovered_when_it_was_only_late() {
    let mut history = sent(100, 3);
    let first = history.feedback(&report(100, 1, &[Some(0), None, Some(0)]));
    assert_eq!(first.len(), 3);
    assert!(history.feedback(&report(100, 1, &[Some(0), None, Some(0)])).is_empty(), "a repetition");
    let second = history.feedback(&report(101, 2, &[Some(0)]));
    assert!(second[0].recovered && second[0].received.is_some());
    assert!(history.feedback(&report(101, 2, &[Some(0)])).is_empty());
}

#[test]
fn what_was_never_sent_or_long_ago_gives_nothing() {
    let mut history = SendHistory::new();
    assert!(history.feedback(&report(0, 0, &[Some(0); 10])).is_empty());
    history.sent(Seq(7), packet(0));
    assert!(history.feedback(&report(8, 0, &[Some(0); 100])).is_empty());
    history.sent(Seq(8), packet(61_000));
    assert!(history.feedback(&report(7, 0, &[Some(0)])).is_empty(), "a minute old");
}

proptest! {
    #[test]
    fn rubbish_never_panics_and_no_packet_comes_out_more_than_twice(
        steps in prop::collection::vec(
            (any::<u16>(), any::<u32>(), prop::collection::vec(any::<Option<i64>>(), 0..40), 0_u16..50),
            0..40,
        ),
    ) {
        let mut history = SendHistory::new();
        let (mut next, mut count, mut out) = (Seq(65_000), 0_u64, 0);
        for (base, reference_time, packets, sending) in steps {
            for _ in 0..sending {
                count += 1;
                history.sent(next, packet(count));
                next = next.next();
            }
            out += history.feedback(&TransportFeedback { base_seq: Seq(base), reference_time, packets: packets.clone() }).len();
            // And near to what was sent, where it can do harm.
            let base_seq = Seq(next.0.wrapping_sub(base % 100));
            out += history.feedback(&TransportFeedback { base_seq, reference_time, packets }).len();
        }
        prop_assert!(out as u64 <= 2 * count);
    }
}
