//! The estimator where no simulated network is needed: silence, limits, wishes, new paths and rubbish.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { min: Bitrate::kbps(30), start: Bitrate::kbps(300), max: Bitrate::kbps(2500) };

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// Sends media at the target for so many milliseconds over a path of 25 ms that takes everything, and
/// reports every 100 ms if `reports`.
fn minutes_of_peace(estimator: &mut BandwidthEstimator, from: u64, millis: u64, reports: bool) -> u64 {
    let mut flying = Vec::new();
    let mut owed = 0.0;
    for now in from..from + millis {
        owed += estimator.estimate().target.as_bps() as f64 / 8000.0;
        while owed >= 1000.0 {
            owed -= 1000.0;
            flying.push(send(estimator, at(now), 1000, None));
        }
        if now % 25 == 0 {
            for cluster in estimator.poll(at(now)) {
                let packets = cluster.min_packets.max(cluster.min_bytes.div_ceil(1000)) as u64;
                for n in 0..packets {
                    let spacing = 8_000_000_000 / cluster.target.as_bps();
                    let at = at(now) + Duration::from_micros(n * spacing);
                    flying.push(send(estimator, at, 1000, Some(cluster.id)));
                }
            }
        }
        if reports && now % 100 == 99 {
            let results: Vec<PacketResult> = std::mem::take(&mut flying)
                .into_iter()
                .map(|sent| PacketResult {
                    sent,
                    received: Some(sent.at + Duration::from_millis(25)),
                    recovered: false,
                })
                .collect();
            estimator.feedback(at(now), &results);
        }
    }
    from + millis
}

fn send(estimator: &mut BandwidthEstimator, at: Time, bytes: usize, probe: Option<ProbeId>) -> SentPacket {
    let packet = SentPacket { at, bytes, media: Kind::Video, probe };
    estimator.sent(&packet);
    packet
}

#[test]
fn before_anything_is_known_it_is_the_start_rate() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    let estimate = estimator.estimate();
    assert_eq!((estimate.target, estimate.limited_by), (LIMITS.start, LimitedBy::Configuration));
    estimator.sent(&SentPacket { at: at(0), bytes: 80, media: Kind::Audio, probe: None });
    assert!(estimator.poll(at(0)).is_empty(), "there is nothing to probe with yet");
    send(&mut estimator, at(0), 1000, None);
    assert_eq!(estimator.poll_at(), Time::ZERO, "the first probes are due");
}

#[test]
fn a_path_that_went_silent_is_given_less_and_less_and_comes_back_with_its_reports() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    let now = minutes_of_peace(&mut estimator, 0, 5000, true);
    assert!(estimator.estimate().target >= Bitrate::kbps(2400));
    let now = minutes_of_peace(&mut estimator, now, 1500, false);
    let soon = estimator.estimate().target;
    assert!(soon <= Bitrate::kbps(1000), "{soon:?}");
    let now = minutes_of_peace(&mut estimator, now, 15_000, false);
    let later = estimator.estimate();
    assert_eq!(later.limited_by, LimitedBy::Silence);
    assert!(later.target <= Bitrate::kbps(100), "{later:?}");
    assert!(later.stable <= Bitrate::kbps(100), "the estimate itself, not the window only: {later:?}");
    minutes_of_peace(&mut estimator, now, 1000, true);
    assert!(estimator.estimate().target >= Bitrate::kbps(1800), "{:?}", estimator.estimate());
}

#[test]
fn who_sends_nothing_is_not_silenced() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    let now = minutes_of_peace(&mut estimator, 0, 5000, true);
    let before = estimator.estimate().target;
    for millis in (now..now + 30_000).step_by(25) {
        estimator.poll(at(millis));
    }
    assert_eq!(estimator.estimate().target, before);
}

#[test]
fn a_new_path_is_begun_carefully_and_probed() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    let now = minutes_of_peace(&mut estimator, 0, 5000, true);
    estimator.route_changed(at(now));
    assert_eq!(estimator.estimate().target, LIMITS.start);
    assert_eq!(estimator.in_flight(), 0);
    assert!(!estimator.poll(at(now)).is_empty());
    let now = minutes_of_peace(&mut estimator, now, 2000, true);
    assert!(estimator.estimate().target >= Bitrate::kbps(2400));
    let ids: Vec<ProbeId> = estimator.poll(at(now)).iter().map(|cluster| cluster.id).collect();
    assert!(ids.iter().all(|id| id.0 > 2), "numbers of probes are not given again: {ids:?}");
}

#[test]
fn limits_hold_at_once_and_are_put_in_order() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    let now = minutes_of_peace(&mut estimator, 0, 5000, true);
    estimator.set_limits(at(now), Limits { max: Bitrate::kbps(800), ..LIMITS });
    assert_eq!(estimator.estimate().target, Bitrate::kbps(800));
    estimator.set_limits(at(now), LIMITS);
    let now = minutes_of_peace(&mut estimator, now, 3000, true);
    assert!(estimator.estimate().target >= Bitrate::kbps(2400), "a higher limit is probed for");
    let wrong = Limits { min: Bitrate::kbps(500), start: Bitrate::kbps(100), max: Bitrate::kbps(200) };
    estimator.set_limits(at(now), wrong);
    assert_eq!(estimator.estimate().target, Bitrate::kbps(500));
}

#[test]
fn probes_go_no_higher_than_twice_what_is_wanted() {
    let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
    estimator.set_wanted(at(0), Bitrate::kbps(500));
    send(&mut estimator, at(0), 1000, None);
    let targets: Vec<Bitrate> = estimator.poll(at(0)).iter().map(|cluster| cluster.target).collect();
    assert_eq!(targets, [Bitrate::kbps(900), Bitrate::kbps(1000)]);
}

/// Sent at, bytes, received at, probe, recovered.
type Told = (u64, usize, Option<u64>, Option<u32>, bool);

#[derive(Clone, Debug)]
enum Event {
    Sent(u64, usize, Option<u32>),
    Report(u64, Vec<Told>),
    RoundTrip(u64, u64),
    Limits(u64, u64, u64, u64),
    Wanted(u64, u64),
    Route(u64),
    Poll(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let time = || prop_oneof![0_u64..10_000_000, any::<u64>()];
    let result = (time(), 0_usize..3000, prop::option::of(time()), prop::option::of(0_u32..4), any::<bool>());
    prop_oneof![
        4 => (time(), 0_usize..3000, prop::option::of(0_u32..4)).prop_map(|(a, b, c)| Event::Sent(a, b, c)),
        4 => (time(), prop::collection::vec(result, 0..30)).prop_map(|(a, b)| Event::Report(a, b)),
        1 => (time(), any::<u64>()).prop_map(|(a, b)| Event::RoundTrip(a, b)),
        1 => (time(), 0..10_000_u64, 0..10_000_u64, any::<u64>()).prop_map(|(a, b, c, d)| Event::Limits(a, b, c, d)),
        1 => (time(), any::<u64>()).prop_map(|(a, b)| Event::Wanted(a, b)),
        1 => time().prop_map(Event::Route),
        4 => time().prop_map(Event::Poll),
    ]
}

proptest! {
    #[test]
    fn rubbish_never_panics_and_the_limits_hold(events in prop::collection::vec(event(), 0..120)) {
        let mut estimator = BandwidthEstimator::new(at(0), LIMITS);
        let mut limits = LIMITS;
        let packet = |micros, bytes, probe: Option<u32>| SentPacket {
            at: Time::from_micros(micros),
            bytes,
            media: Kind::Video,
            probe: probe.map(ProbeId),
        };
        for event in events {
            match event {
                Event::Sent(at, bytes, probe) => estimator.sent(&packet(at, bytes, probe)),
                Event::Report(now, results) => {
                    let results: Vec<PacketResult> = results
                        .into_iter()
                        .map(|(at, bytes, received, probe, recovered)| PacketResult {
                            sent: packet(at, bytes, probe),
                            received: received.map(Time::from_micros),
                            recovered,
                        })
                        .collect();
                    estimator.feedback(Time::from_micros(now), &results);
                }
                Event::RoundTrip(now, rtt) => {
                    estimator.round_trip(Time::from_micros(now), Duration::from_micros(rtt));
                }
                Event::Limits(now, min, start, max) => {
                    limits = Limits {
                        min: Bitrate::bps(min),
                        start: Bitrate::bps(start),
                        max: Bitrate::bps(max),
                    };
                    estimator.set_limits(Time::from_micros(now), limits);
                }
                Event::Wanted(now, rate) => {
                    estimator.set_wanted(Time::from_micros(now), Bitrate::bps(rate));
                }
                Event::Route(now) => estimator.route_changed(Time::from_micros(now)),
                Event::Poll(now) => {
                    estimator.poll(Time::from_micros(now));
                }
            }
            let estimate = estimator.estimate();
            prop_assert!(estimate.target >= limits.min && estimate.target <= limits.max.max(limits.min));
            prop_assert!((0.0..=1.0).contains(&estimate.loss), "{estimate:?}");
            prop_assert!(estimate.padding <= estimate.target);
        }
    }
}
