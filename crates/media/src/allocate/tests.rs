#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use std::fmt::Write;

const HEADERS: usize = 68;
const CAMERA: Source = Source {
    content: Content::Camera,
    size: (1280, 720),
    fps: 30.0,
    max: Bitrate::kbps(2500),
    left_out: 0.0,
};
const SCREEN: Source = Source { content: Content::Screen, ..CAMERA };

fn peer(kbps: u64, loss: f64) -> Peer<u32> {
    let target = Bitrate::kbps(kbps);
    Peer { id: 1, target, stable: target, loss, tile: None }
}

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// On the wire, pictures and voice with their headers, for one who gets the rung.
fn total(allocation: &Allocation) -> u64 {
    let pictures =
        allocation.rungs.first().map_or(0, |rung| with_headers(rung.bitrate, rung.fps, HEADERS).as_bps());
    pictures + allocation.voice.total(HEADERS).as_bps()
}

fn line(at_ms: u64, kbps: u64, allocation: &Allocation) -> String {
    let voice = allocation.voice;
    let pictures = allocation.rungs.first().map_or("no pictures".to_owned(), |rung| {
        format!("{}p{} {:.0}k", rung.within.1, rung.fps, rung.bitrate.as_kbps())
    });
    let (kbit, packet) = (voice.bitrate.as_kbps(), voice.packet_time.as_millis());
    let loss = voice.loss * 100.0;
    format!(
        "{:>6.1} s {kbps:>5}k: {pictures}, voice {kbit:.0}k in {packet} ms against {loss:.0} %",
        at_ms as f64 / 1000.0
    )
}

/// One decision each 100 ms; a line whenever more than the bitrate changes.
fn trajectory(source: &Source, phases: &[(u64, u64, f64)]) -> String {
    let (mut memory, mut now, mut text) = (Memory::default(), 0, String::new());
    let mut before = None;
    for &(seconds, kbps, loss) in phases {
        for _ in 0..seconds * 10 {
            let (allocation, next) = allocate(at(now), &[peer(kbps, loss)], Some(source), HEADERS, &memory);
            memory = next;
            let shape = (
                allocation.rungs.first().map(|rung| (rung.within, rung.fps as u64)),
                kbps,
                (allocation.voice.loss * 20.0) as u64,
            );
            if before.replace(shape) != Some(shape) {
                writeln!(text, "{}", line(now, kbps, &allocation)).unwrap();
            }
            now += 100;
        }
    }
    text
}

#[test]
fn a_size_whose_pictures_do_not_fit_is_given_up_and_tried_again() {
    let (mut memory, mut counters, mut left_out) = (Memory::default(), (0, 0), LeftOut::default());
    let (mut sizes, mut size) = (Vec::new(), (0, 0));
    for tick in 0..2_600_u64 {
        let now = at(tick * 250);
        // Of these pictures, only the smaller ones fit; until the network takes more.
        let kbps = if tick < 2_200 { 1_200 } else { 2_400 };
        let (encoded, left) = if size == (1280, 720) && kbps == 1_200 { (3, 4) } else { (7, 0) };
        counters = (counters.0 + encoded, counters.1 + left);
        left_out.count(now, size, counters.0, counters.1);
        let source = Source { left_out: left_out.part(), ..CAMERA };
        let (allocation, next) = allocate(now, &[peer(kbps, 0.0)], Some(&source), HEADERS, &memory);
        memory = next;
        let rung = allocation.rungs[0];
        assert_eq!(rung.fps, 30.0, "a camera keeps its motion");
        if std::mem::replace(&mut size, rung.within) != rung.within {
            sizes.push((tick / 4, rung.within.1));
        }
    }
    let lines: Vec<u32> = sizes.iter().map(|(_, lines)| *lines).collect();
    assert_eq!(lines, [720, 540, 720, 540, 720, 540, 720, 540, 720], "{sizes:?}");
    let held: Vec<u64> = sizes.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(held[0] <= 4 && (57..66).contains(&held[1]) && (117..126).contains(&held[3]), "{sizes:?}");
    assert!((550..=554).contains(&sizes[8].0), "at once when there is more: {sizes:?}");
}

#[test]
fn a_screen_that_does_not_fit_keeps_its_sharpness() {
    let (first, memory) = allocate(at(0), &[peer(2_500, 0.0)], Some(&SCREEN), HEADERS, &Memory::default());
    let full = Source { left_out: 0.5, ..SCREEN };
    let (second, _) = allocate(at(4_000), &[peer(2_500, 0.0)], Some(&full), HEADERS, &memory);
    assert_eq!(first.rungs[0].within, second.rungs[0].within);
    assert!(second.rungs[0].fps < first.rungs[0].fps);
}

#[test]
fn a_call_begins_small_grows_at_once_and_follows_a_fall_and_its_end() {
    insta::assert_snapshot!(trajectory(
        &CAMERA,
        &[(1, 300, 0.0), (10, 2600, 0.0), (20, 600, 0.0), (10, 2600, 0.0)]
    ));
}

#[test]
fn a_narrow_way_gives_up_size_then_pictures_per_second_then_pictures_and_never_voice() {
    insta::assert_snapshot!(trajectory(
        &CAMERA,
        &[
            (20, 1000, 0.0),
            (20, 500, 0.0),
            (20, 300, 0.0),
            (20, 180, 0.0),
            (20, 130, 0.0),
            (20, 100, 0.0),
            (20, 60, 0.0),
            (20, 30, 0.0),
            (20, 60, 0.0),
            (20, 110, 0.0),
            (20, 300, 0.0)
        ]
    ));
}

#[test]
fn loss_takes_from_the_pictures_for_repairs_and_gives_to_the_voice() {
    insta::assert_snapshot!(trajectory(
        &CAMERA,
        &[(10, 2000, 0.0), (10, 2000, 0.05), (10, 2000, 0.2), (40, 2000, 0.0), (10, 300, 0.2)]
    ));
}

#[test]
fn a_screen_keeps_its_letters_and_gives_up_pictures() {
    insta::assert_snapshot!(trajectory(
        &SCREEN,
        &[(5, 2600, 0.0), (20, 900, 0.0), (20, 500, 0.0), (20, 300, 0.0), (20, 150, 0.0), (20, 2600, 0.0)]
    ));
}

#[test]
fn an_estimate_that_only_peeps_up_changes_no_size() {
    let mut memory = Memory::default();
    for step in 0..300_u64 {
        let kbps = if step % 5 == 0 { 2500 } else { 400 };
        let (allocation, next) =
            allocate(at(step * 100), &[peer(kbps, 0.0)], Some(&CAMERA), HEADERS, &memory);
        memory = next;
        assert_eq!(allocation.rungs[0].within, if step == 0 { (1280, 720) } else { (640, 360) });
    }
}

#[test]
fn a_short_cut_of_the_target_lowers_the_rate_and_keeps_the_size() {
    let decide = |target, memory: &Memory<u32>| {
        let peer = Peer { target: Bitrate::kbps(target), ..peer(2000, 0.0) };
        allocate(at(0), &[peer], Some(&CAMERA), HEADERS, memory)
    };
    let (_, memory) = decide(2000, &Memory::default());
    let (cut, memory) = decide(500, &memory);
    assert_eq!(cut.rungs[0].within, (1280, 720));
    assert!(cut.rungs[0].bitrate < Bitrate::kbps(450));
    let (none, memory) = decide(60, &memory);
    assert!(none.rungs.is_empty());
    assert_eq!(decide(2000, &memory).0.rungs[0].within, (1280, 720), "and back at once");
}

#[test]
fn nobody_is_sent_more_lines_than_it_shows() {
    let lines = |tile: Option<(u32, u32)>| {
        let peer = Peer { tile, ..peer(2600, 0.0) };
        let (allocation, _) = allocate(at(0), &[peer], Some(&CAMERA), HEADERS, &Memory::default());
        let wanted = allocation.peers[0].wanted.as_bps() / 1000;
        (allocation.rungs.first().map(|rung| rung.within.1), wanted)
    };
    assert_eq!(lines(None), (Some(720), 2717));
    assert_eq!(lines(Some((1920, 1080))).0, Some(720));
    assert_eq!(lines(Some((980, 550))).0, Some(540), "nearly as large is large enough");
    assert_eq!(lines(Some((320, 200))).0, Some(360));
    assert_eq!(lines(Some((320, 190))), (Some(180), 438));
    assert_eq!(lines(Some((0, 0))), (None, 59), "hidden");
    let (_, memory) = allocate(at(0), &[peer(2600, 0.0)], Some(&CAMERA), HEADERS, &Memory::default());
    let shrunk = Peer { tile: Some((640, 360)), ..peer(2600, 0.0) };
    let (allocation, _) = allocate(at(1), &[shrunk], Some(&CAMERA), HEADERS, &memory);
    assert_eq!(allocation.rungs[0].within, (640, 360), "a tile that shrinks");
}

#[test]
fn a_small_camera_is_not_made_larger() {
    let camera = Source { size: (640, 480), fps: 15.0, ..CAMERA };
    let (allocation, _) = allocate(at(0), &[peer(2600, 0.0)], Some(&camera), HEADERS, &Memory::default());
    assert_eq!((allocation.rungs[0].within, allocation.rungs[0].fps), ((960, 540), 15.0));
}

#[test]
fn the_slowest_who_can_watch_sets_the_rate_and_who_cannot_is_paused_alone() {
    let peers = [
        Peer { id: 1, ..peer(2500, 0.0) },
        Peer { id: 2, ..peer(600, 0.0) },
        Peer { id: 3, ..peer(60, 0.0) },
        Peer { id: 4, tile: Some((0, 0)), ..peer(100, 0.0) },
    ];
    let (allocation, memory) = allocate(at(0), &peers, Some(&CAMERA), HEADERS, &Memory::default());
    let rungs: Vec<_> = allocation.peers.iter().map(|share| share.rung).collect();
    assert_eq!(rungs, [Some(0), Some(0), None, None]);
    assert_eq!(allocation.rungs.len(), 1);
    assert!((400..560).contains(&(allocation.rungs[0].bitrate.as_bps() / 1000)), "{:?}", allocation.rungs);
    assert!(allocation.voice.bitrate <= Bitrate::kbps(24), "the voice fits the narrowest");
    let (later, _) = allocate(at(9000), &peers[..1], Some(&CAMERA), HEADERS, &memory);
    assert!(later.rungs[0].bitrate > Bitrate::kbps(1500), "who left slows nobody down");
}

#[test]
fn with_the_camera_off_or_nobody_there_is_only_voice() {
    let (allocation, _) = allocate(at(0), &[peer(600, 0.0)], None, HEADERS, &Memory::default());
    assert!(allocation.rungs.is_empty());
    assert_eq!(allocation.peers[0].wanted, allocation.voice.total(HEADERS));
    let (allocation, _) = allocate::<u32>(at(0), &[], Some(&CAMERA), HEADERS, &Memory::default());
    assert!(allocation.rungs.is_empty() && allocation.peers.is_empty());
    assert_eq!(allocation.voice.bitrate, Bitrate::kbps(32));
}

fn content() -> impl Strategy<Value = Source> {
    prop_oneof![Just(CAMERA), Just(SCREEN)]
}

/// How many pixels a second.
fn motion(allocation: &Allocation) -> u64 {
    allocation
        .rungs
        .first()
        .map_or(0, |rung| u64::from(rung.within.0 * rung.within.1) * (rung.fps * 2.0) as u64)
}

proptest! {
    #[test]
    fn the_estimate_is_never_exceeded_whatever_came_before(
        source in content(),
        steps in prop::collection::vec((0..3000_u64, 0..5000_u64, 0.0..0.5_f64), 1..100),
    ) {
        let (mut memory, mut now) = (Memory::default(), 0);
        for (wait, kbps, loss) in steps {
            now += wait;
            let (allocation, next) = allocate(at(now), &[peer(kbps, loss)], Some(&source), HEADERS, &memory);
            memory = next;
            // Below what the smallest voice takes there is nothing left to take from.
            let least = 8_000 + Bitrate::of(HEADERS as u64, Duration::from_millis(60)).as_bps();
            prop_assert!(total(&allocation) <= (kbps * 1000).max(least), "{allocation:?} of {kbps}k");
            if allocation.rungs.is_empty() {
                prop_assert!(kbps < 5000 || allocation.peers[0].rung.is_none());
            }
        }
    }

    #[test]
    fn more_never_gives_less(source in content(), kbps in 20..4000_u64, more in 0..2000_u64, loss in 0.0..0.4_f64) {
        let decide = |kbps| allocate(at(0), &[peer(kbps, loss)], Some(&source), HEADERS, &Memory::default()).0;
        let (less, more) = (decide(kbps), decide(kbps + more));
        prop_assert!(motion(&less) <= motion(&more));
        prop_assert!(less.peers[0].wanted <= more.peers[0].wanted || less.voice.packet_time != more.voice.packet_time);
        // Where pictures per second double, their headers do, too.
        let slack = 2 * with_headers(Bitrate::ZERO, 30.0, HEADERS).as_bps();
        prop_assert!(total(&less) <= total(&more) + slack, "{less:?} {more:?}");
    }

    #[test]
    fn an_estimate_that_swings_by_a_tenth_changes_size_twice_at_most(
        source in content(), kbps in 60..3500_u64, swings in prop::collection::vec(0.9..1.1_f64, 600),
    ) {
        let mut memory = Memory::default();
        let (mut changes, mut before) = (Vec::new(), None);
        for (index, swing) in (0_u64..).zip(swings) {
            let kbps = (kbps as f64 * swing) as u64;
            let (allocation, next) = allocate(at(index * 100), &[peer(kbps, 0.0)], Some(&source), HEADERS, &memory);
            memory = next;
            let shape = allocation.rungs.first().map(|rung| (rung.within, rung.fps as u64));
            if before.is_some_and(|before| before != shape) {
                changes.push((index, shape));
            }
            before = Some(shape);
        }
        // Once to where the swings let it stay, and once up when they happened to be high.
        prop_assert!(changes.len() <= 2, "{changes:?}");
    }

    #[test]
    fn a_fall_is_answered_in_the_same_call(source in content(), from in 500..4000_u64, to in 0..400_u64) {
        let (_, memory) = allocate(at(0), &[peer(from, 0.0)], Some(&source), HEADERS, &Memory::default());
        let (fallen, _) = allocate(at(1), &[peer(to, 0.0)], Some(&source), HEADERS, &memory);
        prop_assert!(total(&fallen) <= (to * 1000).max(18_000));
        for rung in &fallen.rungs {
            let step = ladder::steps(source.content).iter().find(|s| (s.size, s.fps) == (rung.within, rung.fps)).unwrap();
            let room = with_headers(rung.bitrate, rung.fps, HEADERS).as_bps();
            prop_assert!(room + 1000 >= step.floor.as_bps().min(step.most.as_bps()), "{room} for {step:?}");
        }
    }

    #[test]
    fn nonsense_makes_no_panic(
        peers in prop::collection::vec((any::<u8>(), any::<u64>(), any::<u64>(), any::<f64>(), any::<Option<(u32, u32)>>()), 0..6),
        size: (u32, u32), fps in any::<f64>(), left_out in any::<f64>(), max: u64, headers in 0..2000_usize,
    ) {
        let peers: Vec<Peer<u8>> = peers.into_iter().map(|(id, target, stable, loss, tile)| {
            Peer { id, target: Bitrate::bps(target), stable: Bitrate::bps(stable), loss, tile }
        }).collect();
        let source = Source { content: Content::Screen, size, fps, max: Bitrate::bps(max), left_out };
        let (_, memory) = allocate(at(5), &peers, Some(&source), headers, &Memory::default());
        allocate(at(0), &peers, Some(&source), headers, &memory);
    }
}

#[test]
fn while_packets_are_still_short_the_encoder_gives_what_their_headers_take() {
    let (allocation, _) = allocate(at(0), &[peer(30, 0.1)], None, HEADERS, &Memory::default());
    let voice = allocation.voice;
    assert_eq!(voice.packet_time.as_millis(), 60);
    for ms in [40, 60] {
        let packet_time = std::time::Duration::from_millis(ms);
        let headers = Bitrate::of(HEADERS as u64, packet_time).as_bps();
        assert_eq!(
            voice.bitrate_in(packet_time, HEADERS).as_bps() + headers,
            voice.total(HEADERS).as_bps(),
            "{ms}"
        );
    }
    let least = voice.bitrate_in(std::time::Duration::from_millis(5), HEADERS);
    assert_eq!(least, Bitrate::kbps(8), "never nothing");
    let longer = voice.bitrate_in(std::time::Duration::from_millis(120), HEADERS);
    assert_eq!(longer, voice.bitrate, "and never more than was decided");
}
