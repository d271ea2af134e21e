//! Each row of bad network that a call must hold on, as a story of a minute in virtual time: a sender
//! with an encoder, voice, the pacer and the estimator, a link that is slow, late or lossy by a seed, and
//! the receiver's reports. What is asserted is what a person would notice; the snapshots show the course.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod simulator;

use simulator::caller::Source;
use simulator::link::Conditions;
use simulator::{Run, call, download, run};
use snug_media::{Bitrate, Time};
use std::time::Duration;

const SEEDS: std::ops::Range<u64> = 0..3;

fn alone(conditions: Conditions, seed: u64, seconds: u64) -> Run {
    let schedule = vec![(Time::ZERO, conditions)];
    run(schedule, vec![call(Source::default(), seed)], Duration::from_secs(seconds), seed)
}

/// The course of the run with the first seed, beside the assertions about all.
fn keep(name: &str, trajectory: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(true);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.replace(' ', "_"), trajectory));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn on_a_clean_path_the_whole_rate_is_there_within_a_second() {
    for seed in SEEDS {
        let run = alone(Conditions::clean(), seed, 20);
        let full = run.when(0, 0.0, |target| target >= Bitrate::kbps(2450)).unwrap();
        assert!(full <= 1.0, "seed {seed}: {full} s");
        assert!(run.least_target(0, 2.0, 20.0) >= Bitrate::kbps(2400), "seed {seed}");
        if seed == 0 {
            keep("clean", &run.trajectory(2));
        }
    }
}

#[test]
fn random_loss_leaves_the_rate_alone() {
    for (percent, burst, keeps) in [(2.0, 1.0, 0.9), (5.0, 1.0, 0.85), (10.0, 1.0, 0.75), (5.0, 4.0, 0.85)] {
        for seed in 0..5 {
            let run = alone(Conditions::loss(percent, burst), seed, 40);
            let rate = run.rate(0, 5.0, 40.0).as_kbps();
            assert!(rate >= 2500.0 * keeps, "{percent} % in {burst}, seed {seed}: {rate}");
            // The start takes the longer the more probes lose.
            let settled = if percent < 10.0 { 5.0 } else { 8.0 };
            let least = run.least_target(0, settled, 40.0).as_kbps();
            assert!(least >= 2500.0 * 0.6, "{percent} % in {burst}, seed {seed}: at worst {least}");
            if seed == 0 {
                keep(&format!("loss of {percent} percent in bursts of {burst}"), &run.trajectory(4));
            }
        }
    }
}

#[test]
fn loss_that_comes_of_saturation_is_yielded_to() {
    // A policer: no queue to speak of, everything above 800 kbit/s is dropped.
    for seed in SEEDS {
        let policer = Conditions { queue: Duration::ZERO, ..Conditions::rate(800) };
        let run = alone(policer, seed, 40);
        let target = run.target(0, 10.0, 40.0).as_kbps();
        assert!((500.0..=1000.0).contains(&target), "seed {seed}: {target}");
        if seed == 0 {
            keep("policer of 800", &run.trajectory(4));
        }
    }
}

#[test]
fn a_link_that_becomes_slow_is_followed_within_two_seconds_and_found_again_when_it_recovers() {
    let mut back = Vec::new();
    for seed in 0..5 {
        let schedule = vec![
            (Time::ZERO, Conditions::rate(2500)),
            (Time::from_millis(20_000), Conditions::rate(600)),
            (Time::from_millis(40_000), Conditions::rate(2500)),
        ];
        let run = run(schedule, vec![call(Source::default(), seed)], Duration::from_secs(60), seed);
        let down = run.when(0, 20.0, |target| target <= Bitrate::kbps(660)).unwrap() - 20.0;
        assert!(down <= 2.0, "seed {seed}: {down} s");
        assert!(run.target(0, 22.0, 40.0) <= Bitrate::kbps(660), "seed {seed}");
        let used = run.rate(0, 22.0, 40.0).as_kbps() / 600.0;
        assert!(used >= 0.8, "seed {seed}: {used}");
        let wait = run.wait(0.95, 22.0, 40.0);
        assert!(wait <= Duration::from_millis(150), "seed {seed}: {wait:?}");
        back.push(run.when(0, 40.0, |target| target >= Bitrate::kbps(2000)).unwrap() - 40.0);
        if seed == 0 {
            keep("2500 to 600 and back", &run.trajectory(2));
        }
    }
    assert!(back.iter().all(|seconds| *seconds <= 11.0), "{back:?}");
    assert!(median(back.clone()) <= 6.0, "{back:?}");
}

#[test]
fn a_slow_link_is_used_and_its_queue_stays_short() {
    for rate in [300, 500, 1000] {
        for every in [50, 100] {
            for seed in SEEDS {
                let source = Source { report_every: Duration::from_millis(every), ..Source::default() };
                let schedule = vec![(Time::ZERO, Conditions::rate(rate))];
                let run = run(schedule, vec![call(source, seed)], Duration::from_secs(60), seed);
                let used = run.rate(0, 5.0, 60.0).as_kbps() / rate as f64;
                let wait = run.wait(0.95, 5.0, 60.0);
                assert!(used >= 0.85, "{rate} kbit/s, seed {seed}: {used}");
                assert!(wait <= Duration::from_millis(100), "{rate} kbit/s, seed {seed}: {wait:?}");
                if (every, seed) == (100, 0) {
                    keep(&format!("steady {rate}"), &run.trajectory(4));
                }
            }
        }
    }
}

#[test]
fn jitter_is_not_taken_for_congestion() {
    for reorders in [false, true] {
        for seed in SEEDS {
            let conditions =
                Conditions { jitter: Duration::from_millis(30), reorders, ..Conditions::clean() };
            let run = alone(conditions, seed, 40);
            let rate = run.target(0, 20.0, 40.0).as_kbps();
            assert!(rate >= 2200.0, "reorders {reorders}, seed {seed}: {rate}");
            if seed == 0 {
                let order = if reorders { "out of order" } else { "in order" };
                keep(&format!("jitter 30 {order}"), &run.trajectory(4));
            }
        }
    }
}

#[test]
fn stalls_as_on_wifi_do_not_ruin_the_rate() {
    for seed in SEEDS {
        let stalls = Some((Duration::from_secs(3), Duration::from_millis(200)));
        let run = alone(Conditions { stalls, ..Conditions::rate(20_000) }, seed, 40);
        let rate = run.rate(0, 5.0, 40.0).as_kbps();
        assert!(rate >= 2250.0, "seed {seed}: {rate}");
        if seed == 0 {
            keep("stalls of 200", &run.trajectory(4));
        }
    }
}

#[test]
fn two_calls_share_a_link() {
    for rate in [1000, 2000] {
        for begins in [0, 10] {
            for seed in SEEDS {
                let late = Source { begins: Time::from_millis(begins * 1000), ..Source::default() };
                let flows = vec![call(Source::default(), seed), call(late, seed + 100)];
                let schedule = vec![(Time::ZERO, Conditions::rate(rate))];
                let run = run(schedule, flows, Duration::from_secs(90), seed);
                for flow in [0, 1] {
                    let share = run.rate(flow, 30.0, 90.0).as_kbps() / (rate as f64 / 2.0);
                    assert!(
                        share >= 0.4,
                        "{rate} kbit/s, second at {begins}, seed {seed}: {flow} has {share}"
                    );
                }
                if (begins, seed) == (10, 0) {
                    keep(&format!("two calls on {rate}"), &run.trajectory(4));
                }
            }
        }
    }
}

#[test]
fn beside_a_download_neither_starves() {
    for rate in [1000, 2000, 4000] {
        for (call_at, download_at) in [(0, 5000), (5000, 0)] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for seed in SEEDS {
                let source = Source { begins: Time::from_millis(call_at), ..Source::default() };
                let flows = vec![call(source, seed), download(Time::from_millis(download_at))];
                let schedule = vec![(Time::ZERO, Conditions::rate(rate))];
                let run = run(schedule, flows, Duration::from_secs(90), seed);
                let fair = rate as f64 / 2.0;
                ours.push(run.rate(0, 20.0, 90.0).as_kbps() / fair);
                theirs.push(run.rate(1, 20.0, 90.0).as_kbps() / fair);
                if (call_at, seed) == (0, 0) {
                    keep(&format!("beside a download on {rate}"), &run.trajectory(4));
                }
            }
            let story = format!("{rate} kbit/s, call at {call_at}: call {ours:?} download {theirs:?}");
            assert!(median(ours.clone()) >= 0.4 && median(theirs.clone()) >= 0.4, "{story}");
            assert!(ours.iter().chain(&theirs).all(|share| *share >= 0.2), "starved: {story}");
        }
    }
}
