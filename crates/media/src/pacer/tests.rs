#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn pacer(kbps: u64) -> Pacer<u32> {
    let mut pacer = Pacer::new(Time::ZERO);
    pacer.set_rates(Time::ZERO, Bitrate::kbps(kbps), Bitrate::ZERO);
    pacer
}

fn cluster(id: u32, kbps: u64, bytes: usize) -> ProbeCluster {
    ProbeCluster { id: ProbeId(id), target: Bitrate::kbps(kbps), min_bytes: bytes, min_packets: 5 }
}

/// Something that left.
#[derive(Clone, Copy, Debug)]
struct Left {
    at: Time,
    kind: Kind,
    bytes: usize,
    packet: Option<u32>,
    probe: Option<ProbeId>,
}

/// Everything that is due until `until`, asked for only when the pacer says.
fn drain(pacer: &mut Pacer<u32>, from: Time, until: Time) -> Vec<Left> {
    let mut left = Vec::new();
    let mut now = from;
    loop {
        while let Some(due) = pacer.poll(now) {
            left.push(match due {
                Due::Packet { packet, kind, bytes, probe } => {
                    Left { at: now, kind, bytes, packet: Some(packet), probe }
                }
                Due::Padding { bytes, probe } => {
                    Left { at: now, kind: Kind::Padding, bytes, packet: None, probe }
                }
            });
        }
        match pacer.poll_at() {
            Some(next) if next <= until => {
                assert!(next > now, "it said {next:?} and had nothing at {now:?}");
                now = next;
            }
            _ => return left,
        }
    }
}

fn sum<'a>(left: impl IntoIterator<Item = &'a Left>) -> usize {
    left.into_iter().map(|left| left.bytes).sum()
}

#[test]
fn a_keyframe_leaves_at_the_pacing_rate_and_voice_passes_it() {
    let mut pacer = pacer(1000);
    (0..50).for_each(|n| pacer.push(at(0), Kind::Video, 1250, n));
    assert_eq!(pacer.queue_delay(at(0)), ms(500));
    let mut left = drain(&mut pacer, at(0), at(99));
    pacer.push(at(100), Kind::Audio, 125, 1000);
    assert_eq!(pacer.poll_at(), Some(at(100)));
    left.extend(drain(&mut pacer, at(100), at(1000)));
    let voice = left.iter().find(|left| left.kind == Kind::Audio).unwrap();
    assert_eq!(voice.at, at(100));
    let pictures: Vec<u32> =
        left.iter().filter(|l| l.kind == Kind::Video).map(|l| l.packet.unwrap()).collect();
    assert_eq!(pictures, (0..50).collect::<Vec<_>>());
    let last = left.last().unwrap().at;
    assert!((at(475)..=at(505)).contains(&last), "50 packets of 10 ms, voice taken from them: {last:?}");
    assert_eq!((pacer.poll_at(), pacer.queue_delay(last)), (None, Duration::ZERO));
}

#[test]
fn a_first_window_leaves_at_once_and_the_rest_at_the_pacing_rate() {
    let mut pacer = pacer(1000);
    pacer.open_window(FIRST_WINDOW);
    (0..20).for_each(|n| pacer.push(at(0), Kind::Video, 1200, n));
    let left = drain(&mut pacer, at(0), at(1000));
    let at_once = left.iter().filter(|left| left.at == at(0)).count();
    assert!((10..=12).contains(&at_once), "the window, and a burst as ever: {at_once}");
    assert!((at(75)..=at(105)).contains(&left[19].at), "{:?}", left[19]);
}

#[test]
fn without_a_rate_only_voice_leaves() {
    let mut pacer = Pacer::new(at(0));
    pacer.push(at(0), Kind::Video, 1200, 1);
    pacer.push(at(0), Kind::Audio, 100, 2);
    assert_eq!(drain(&mut pacer, at(0), at(9999)).len(), 1);
    assert_eq!((pacer.poll_at(), pacer.queue_delay(at(9999))), (None, Duration::MAX));
    pacer.set_rates(at(9999), Bitrate::kbps(300), Bitrate::ZERO);
    assert_eq!(drain(&mut pacer, at(9999), at(9999)).len(), 1);
}

#[test]
fn a_storm_of_nacks_leaves_three_quarters_to_new_pictures() {
    let mut pacer = pacer(1000);
    let mut left = Vec::new();
    for step in 0..500_u64 {
        // Ten times what fits is asked for again, and pictures fill the whole rate.
        pacer.push(at(step * 10), Kind::Video, 1250, 0);
        (0..10).for_each(|_| pacer.push(at(step * 10), Kind::Retransmission, 1250, 1));
        left.extend(drain(&mut pacer, at(step * 10), at(step * 10 + 9)));
    }
    let video = sum(left.iter().filter(|left| left.kind == Kind::Video && left.at >= at(2000)));
    let again = sum(left.iter().filter(|left| left.kind == Kind::Retransmission && left.at >= at(2000)));
    let whole = 375_000.0;
    assert!((0.72..0.78).contains(&(video as f64 / whole)), "{video}");
    assert!((0.22..0.28).contains(&(again as f64 / whole)), "{again}");
    assert!(pacer.queue_delay(at(5000)) < ms(52_000), "the oldest of them are forgotten");
}

#[test]
fn a_few_retransmissions_pass_what_waits() {
    let mut pacer = pacer(1000);
    (0..20).for_each(|n| pacer.push(at(0), Kind::Video, 1250, n));
    drain(&mut pacer, at(0), at(50));
    (100..104).for_each(|n| pacer.push(at(50), Kind::Retransmission, 1250, n));
    let left = drain(&mut pacer, at(51), at(1000));
    let first: Vec<u32> = left[..4].iter().map(|left| left.packet.unwrap()).collect();
    assert_eq!(first, [100, 101, 102, 103]);
}

#[test]
fn a_probe_is_sent_at_its_rate_out_of_media_first_and_then_padding() {
    let mut pacer = pacer(300);
    (0..6).for_each(|n| pacer.push(at(0), Kind::Video, 1200, n));
    pacer.probe(at(0), cluster(7, 3000, 15_000));
    pacer.probe(at(0), cluster(8, 6000, 15_000));
    let left = drain(&mut pacer, at(0), at(2000));
    for (id, kbps) in [(7, 3000.0), (8, 6000.0)] {
        let of_it: Vec<&Left> = left.iter().filter(|left| left.probe == Some(ProbeId(id))).collect();
        let time = of_it.last().unwrap().at - of_it[0].at;
        let sent = sum(of_it[..of_it.len() - 1].iter().copied());
        let rate = Bitrate::of(sent as u64, time).as_kbps();
        assert!((0.8..1.3).contains(&(rate / kbps)), "{id}: {rate}");
        let bytes = sum(of_it.iter().copied());
        assert!((15_000..16_300).contains(&bytes), "{bytes}");
    }
    assert!(left[..6].iter().all(|left| left.kind == Kind::Video && left.probe == Some(ProbeId(7))));
    assert!(left[6..].iter().all(|left| left.kind == Kind::Padding && left.probe.is_some()));
}

#[test]
fn a_probe_has_enough_packets_and_one_that_is_old_is_not_begun() {
    let mut pacer = pacer(300);
    pacer.probe(at(0), cluster(1, 900, 1700));
    let left = drain(&mut pacer, at(0), at(500));
    assert_eq!((left.len(), sum(&left)), (5, 1700));
    pacer.probe(at(500), cluster(2, 900, 1700));
    assert!(pacer.poll(at(1600)).is_none());
    assert_eq!(pacer.poll_at(), None);
}

#[test]
fn a_probe_that_waits_for_a_slow_one_is_not_forgotten_for_that() {
    let mut pacer = pacer(300);
    pacer.probe(at(0), cluster(1, 8, 1250));
    pacer.probe(at(0), cluster(2, 900, 1700));
    let left = drain(&mut pacer, at(0), at(3000));
    let second: Vec<&Left> = left.iter().filter(|left| left.probe == Some(ProbeId(2))).collect();
    assert_eq!(second.len(), 5);
    assert!(second[0].at >= at(1250), "the first takes so long: {:?}", second[0].at);
}

#[test]
fn a_slow_timer_costs_a_probe_no_burst() {
    let mut pacer = pacer(300);
    pacer.probe(at(0), cluster(1, 8000, 40_000));
    let mut bursts = Vec::new();
    for now in [0, 1, 2, 3, 60, 61, 62, 63, 64, 65, 66] {
        let mut burst = 0;
        while let Some(Due::Padding { bytes, .. }) = pacer.poll(at(now)) {
            burst += bytes;
        }
        bursts.push(burst);
    }
    assert!(bursts.iter().all(|&burst| burst <= 3_600), "2 ms are 2000 bytes: {bursts:?}");
}

#[test]
fn padding_fills_what_media_leave_and_no_more() {
    let mut pacer = Pacer::new(at(0));
    pacer.set_rates(at(0), Bitrate::kbps(2000), Bitrate::kbps(400));
    let mut left = Vec::new();
    for step in 0..500_u64 {
        // Media of 200 kbit/s for two seconds, then of 800.
        let bytes = if step < 200 { 250 } else { 1000 };
        pacer.push(at(step * 10), Kind::Video, bytes, 0);
        left.extend(drain(&mut pacer, at(step * 10), at(step * 10 + 9)));
    }
    let padding =
        |from, to| sum(left.iter().filter(|l| l.kind == Kind::Padding && (at(from)..at(to)).contains(&l.at)));
    let half = padding(0, 2000);
    assert!((45_000..55_000).contains(&half), "200 kbit/s for two seconds: {half}");
    assert_eq!(padding(2100, 5000), 0);
}

#[test]
fn a_long_queue_asks_for_fewer_pictures_and_a_large_keyframe_is_not_thrown_away() {
    let mut pacer = pacer(1000);
    assert_eq!(pacer.backlog(at(0)), Backlog::Flows);
    (0..60).for_each(|n| pacer.push(at(0), Kind::Video, 1250, n));
    let mut now = at(0);
    while now < at(490) {
        drain(&mut pacer, now, now);
        assert_eq!(pacer.backlog(now), Backlog::Full, "600 ms, as was to be expected: {now:?}");
        now += ms(5);
    }
    drain(&mut pacer, now, at(520));
    assert_eq!(pacer.backlog(at(520)), Backlog::Flows);
}

#[test]
fn when_the_rate_falls_what_waits_is_given_up_and_its_numbers_come_back() {
    let mut pacer = pacer(2500);
    (0..60).for_each(|n| pacer.push(at(0), Kind::Video, 1250, n));
    let left = drain(&mut pacer, at(0), at(40));
    pacer.set_rates(at(40), Bitrate::kbps(600), Bitrate::ZERO);
    assert_eq!(pacer.backlog(at(40)), Backlog::Late);
    let dropped = pacer.drop_video();
    assert_eq!(dropped, (left.len() as u32..60).collect::<Vec<_>>());
    assert_eq!((pacer.queued_bytes(), pacer.backlog(at(40))), (0, Backlog::Flows));
    (0..20).for_each(|n| pacer.push(at(73), Kind::Video, 1250, n));
    assert_eq!(pacer.backlog(at(73)), Backlog::Full, "the new keyframe is as it must be");
}

#[test]
fn an_encoder_that_answers_late_to_a_lower_rate_is_paused_though_nothing_waits() {
    let mut pacer = pacer(1000);
    pacer.set_budget(at(0), Some(Bitrate::kbps(400)));
    // 33 ms of 600 kbit/s each; two thirds of it would do.
    let mut full = 0;
    for n in 0..30 {
        full += usize::from(pacer.backlog(at(33 * n)) == Backlog::Full);
        pacer.push(at(33 * n), Kind::Video, 2500, 0);
        drain(&mut pacer, at(33 * n), at(33 * n + 32));
    }
    assert!((20..28).contains(&full), "{full}");
    pacer.set_rates(at(990), Bitrate::kbps(1000), Bitrate::ZERO);
    pacer.set_budget(at(990), None);
    assert_eq!(pacer.backlog(at(990)), Backlog::Flows, "only a full path has one");
}

#[test]
fn a_caller_who_does_not_listen_is_late_at_last() {
    let mut pacer = pacer(100);
    (0..16).for_each(|n| pacer.push(at(0), Kind::Video, 1250, n));
    assert_eq!(pacer.backlog(at(0)), Backlog::Late);
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, usize),
    Rates(u64, u64),
    Probe(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        12 => (0..4_u8, 1..1300_usize).prop_map(|(kind, bytes)| Step::Push(kind, bytes)),
        1 => (0..4000_u64, 0..500_u64).prop_map(|(pacing, padding)| Step::Rates(pacing, padding)),
        1 => (1..9000_u64, 0..20_000_usize).prop_map(|(target, bytes)| Step::Probe(target, bytes)),
    ];
    prop::collection::vec((0..20_000_u64, step), 1..200)
}

proptest! {
    #[test]
    fn nothing_is_lost_or_overtaken_within_its_kind_and_voice_never_waits(steps in steps(), kbps in 50..4000_u64) {
        let mut pacer = pacer(kbps);
        let mut now = Time::ZERO;
        let mut pushed: [Vec<u32>; 4] = Default::default();
        let mut left: Vec<Left> = Vec::new();
        let kinds = [Kind::Audio, Kind::Video, Kind::Padding, Kind::Retransmission];
        for (number, (wait, step)) in (0_u32..).zip(steps) {
            let next = now + Duration::from_micros(wait);
            left.extend(drain(&mut pacer, now, next));
            now = next;
            match step {
                Step::Push(kind, bytes) => {
                    pacer.push(now, kinds[usize::from(kind)], bytes, number);
                    pushed[usize::from(kind)].push(number);
                    if kind == 0 {
                        prop_assert_eq!(pacer.poll_at(), Some(now));
                        let Some(Due::Packet { packet, .. }) = pacer.poll(now) else { panic!("voice waits") };
                        prop_assert_eq!(packet, number);
                        pushed[0].pop();
                    }
                }
                Step::Rates(pacing, padding) => {
                    pacer.set_rates(now, Bitrate::kbps(pacing), Bitrate::kbps(padding));
                }
                Step::Probe(target, bytes) => pacer.probe(now, cluster(number, target, bytes)),
            }
        }
        pacer.set_rates(now, Bitrate::kbps(kbps), Bitrate::ZERO);
        left.extend(drain(&mut pacer, now, now + Duration::from_secs(600)));
        for (kind, pushed) in kinds.iter().zip(pushed) {
            let of_kind: Vec<u32> = left.iter().filter(|l| l.kind == *kind).filter_map(|l| l.packet).collect();
            if *kind == Kind::Retransmission {
                prop_assert!(of_kind.is_sorted() && of_kind.iter().all(|n| pushed.contains(n)));
            } else {
                prop_assert_eq!(of_kind, pushed);
            }
        }
        prop_assert_eq!(pacer.queued_bytes(), 0);
    }

    #[test]
    fn no_hundred_milliseconds_carry_more_than_the_rate_and_a_burst(
        steps in steps(), kbps in 50..4000_u64, late in 0..8_u64,
    ) {
        let mut pacer = pacer(kbps);
        let mut now = Time::ZERO;
        let mut left: Vec<Left> = Vec::new();
        for (number, (wait, step)) in (0_u32..).zip(steps) {
            // A timer that is late.
            let next = now + Duration::from_micros(wait) + ms(late);
            left.extend(drain(&mut pacer, now, next));
            now = next;
            if let Step::Push(kind @ 1.., bytes) = step {
                pacer.push(now, [Kind::Audio, Kind::Video, Kind::Padding, Kind::Retransmission][usize::from(kind)], bytes, number);
            }
        }
        left.extend(drain(&mut pacer, now, now + Duration::from_secs(60)));
        let allowed = Bitrate::kbps(kbps).bytes_in(ms(100) + BURST) as usize + 1300;
        for (index, first) in left.iter().enumerate() {
            let window = left[index..].iter().take_while(|later| later.at < first.at + ms(100));
            prop_assert!(sum(window) <= allowed);
        }
    }

    #[test]
    fn whoever_asks_every_few_milliseconds_gets_the_whole_rate(kbps in 200..4000_u64, every in 1..6_u64) {
        let mut pacer = pacer(kbps);
        (0..4000).for_each(|n| pacer.push(Time::ZERO, Kind::Video, 1200, n));
        let mut bytes = 0;
        for step in 0..2000 / every {
            while pacer.poll(at(step * every)).is_some() {
                bytes += 1200;
            }
        }
        let whole = Bitrate::kbps(kbps).bytes_in(ms(2000)) as f64;
        prop_assert!((0.97..1.03).contains(&((bytes as f64 - 1200.0) / whole)), "{}", bytes as f64 / whole);
    }
}
