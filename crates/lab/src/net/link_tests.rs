#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const BEGIN: Time = Time::from_millis(1000);

fn ms(millis: u64) -> Time {
    BEGIN + Duration::from_millis(millis)
}

fn link(profile: &str) -> Link<u32> {
    Link::new(BEGIN, profile.parse().unwrap(), 1)
}

/// Sends packets at these milliseconds; gives number, when it is out, and for how many milliseconds it waited.
fn run(mut link: Link<u32>, packets: &[(u64, usize)]) -> Vec<(u32, u64, u64)> {
    for (number, &(at, bytes)) in (0..).zip(packets) {
        let _dropped = link.push(ms(at), bytes, number);
    }
    let mut outs = Vec::new();
    while let Some(out) = link.poll(ms(1_000_000)) {
        if !out.lost {
            let due = out.due.since(BEGIN).as_millis() as u64;
            outs.push((out.packet, due, out.queued.as_millis() as u64));
        }
    }
    outs
}

#[test]
fn a_delay_is_a_delay_and_a_clean_link_has_none() {
    assert_eq!(run(link("delay=25"), &[(0, 1200), (7, 60)]), [(0, 25, 0), (1, 32, 0)]);
    assert_eq!(run(link("clean"), &[(3, 1200)]), [(0, 3, 0)]);
}

#[test]
fn nothing_is_out_before_its_time() {
    let mut link = link("delay=25");
    link.push(ms(0), 100, 0).unwrap();
    assert_eq!(link.next_at(), Some(ms(25)));
    assert_eq!(link.poll(ms(24)), None);
    assert_eq!(link.poll(ms(25)).unwrap().packet, 0);
    assert_eq!(link.next_at(), None);
}

#[test]
fn a_rate_makes_packets_wait_for_one_another_and_a_full_queue_drops_the_newest() {
    // 1000 bytes take 10 ms at 800 kbit/s; with 25 ms of queue the fourth would wait 30 ms.
    let outs = run(link("rate=800+queue=25"), &[(0, 1000), (0, 1000), (0, 1000), (0, 1000), (15, 1000)]);
    assert_eq!(outs, [(0, 10, 0), (1, 20, 10), (2, 30, 20), (4, 40, 15)]);
}

#[test]
fn what_waits_when_the_rate_falls_waits_for_the_new_rate() {
    let mut link = link("rate=800+queue=1000");
    for number in 0..3 {
        link.push(ms(0), 1000, number).unwrap();
    }
    // The first is out, the second is being sent, the third waits.
    link.set_profile(ms(12), "rate=80+queue=1000".parse().unwrap());
    let dues: Vec<u128> =
        std::iter::from_fn(|| link.poll(ms(500))).map(|out| out.due.since(BEGIN).as_millis()).collect();
    assert_eq!(dues, [10, 20, 120]);
}

#[test]
fn jitter_stays_in_its_bounds_and_keeps_the_order() {
    let packets: Vec<(u64, usize)> = (0..500).map(|n| (n * 20, 100)).collect();
    let outs = run(link("delay=25+jitter=30"), &packets);
    assert_eq!(outs.len(), 500);
    let delays: Vec<u64> = outs.iter().map(|&(n, due, _)| due - u64::from(n) * 20).collect();
    assert!(delays.iter().all(|delay| *delay <= 55), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 5) && delays.iter().any(|delay| *delay > 50), "{delays:?}");
    assert!(outs.windows(2).all(|pair| pair[0].1 <= pair[1].1));
}

#[test]
fn a_spike_holds_everything_and_lets_it_go_at_once() {
    let packets: Vec<(u64, usize)> = (0..3000).map(|n| (n * 10, 100)).collect();
    let outs = run(link("spike=200+every=3000"), &packets);
    assert_eq!(outs.len(), 3000);
    let held: Vec<u64> = outs.iter().map(|&(n, due, _)| due - u64::from(n) * 10).collect();
    let spikes = held.windows(2).filter(|pair| pair[0] == 0 && pair[1] > 0).count();
    assert!((8..=12).contains(&spikes), "{spikes} in 30 s");
    let longest = *held.iter().max().unwrap();
    assert!((190..=200).contains(&longest), "{longest}");
    // The packets of a spike come together.
    let burst =
        outs.iter().map(|out| out.1).filter(|due| *due == outs[held.iter().position(|h| *h > 0).unwrap()].1);
    assert_eq!(burst.count(), 20);
}

#[test]
fn a_lost_packet_used_the_rate_and_is_told_of() {
    let mut lossy = link("loss=50+rate=800+queue=10000");
    for number in 0..100 {
        lossy.push(ms(0), 1000, number).unwrap();
    }
    let outs: Vec<Out<u32>> = std::iter::from_fn(|| lossy.poll(ms(10_000))).collect();
    assert_eq!(outs.len(), 100);
    let lost = outs.iter().filter(|out| out.lost).count();
    assert!((30..70).contains(&lost), "{lost}");
    assert_eq!(outs[99].due, ms(1000));
}

#[test]
fn another_seed_is_another_network() {
    let packets: Vec<(u64, usize)> = (0..200).map(|n| (n * 20, 100)).collect();
    let profile = "loss=10".parse().unwrap();
    let of = |seed| run(Link::new(BEGIN, profile, seed), &packets);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for_in_order_whenever_it_is_asked_for(
        gaps in proptest::collection::vec((0_u64..40_000, 20_usize..1500, proptest::bool::ANY), 1..120),
        profile in prop_oneof![
            Just("delay=25+jitter=30+loss=5"), Just("rate=300+queue=100+loss=10+burst=4"),
            Just("spike=200+every=1000+delay=5"), Just("rate=50+queue=20"), Just("clean"),
        ],
        seed in 0_u64..5,
    ) {
        let profile: Profile = profile.parse().unwrap();
        let begin = || Link::new(BEGIN, profile, seed);
        let (mut eager, mut lazy) = (begin(), begin());
        let (mut now, mut seen, mut dropped) = (BEGIN, Vec::new(), 0);
        for (number, (gap, bytes, ask)) in (0_usize..).zip(gaps.iter().copied()) {
            now += Duration::from_micros(gap);
            let kept = eager.push(now, bytes, number).is_ok();
            prop_assert_eq!(kept, lazy.push(now, bytes, number).is_ok());
            dropped += usize::from(!kept);
            while let Some(out) = ask.then(|| eager.poll(now)).flatten() {
                prop_assert!(out.due <= now);
                seen.push(out);
            }
        }
        let end = now + Duration::from_secs(100);
        while let Some(at) = eager.next_at() {
            seen.extend(std::iter::from_fn(|| eager.poll(at)));
        }
        let all: Vec<_> = std::iter::from_fn(|| lazy.poll(end)).collect();
        prop_assert_eq!(&seen, &all, "when it is polled changes nothing");
        prop_assert_eq!(all.len() + dropped, gaps.len());
        prop_assert!(all.windows(2).all(|pair| pair[0].packet < pair[1].packet && pair[0].due <= pair[1].due));
    }
}
