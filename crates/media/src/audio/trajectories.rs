//! What playout does on each kind of network, over time.

use super::simulation::{CLEAN, Copies, Network, SPEAKER, Sine, Speaker, call, packet, spoken};
use super::{AudioReceiver, BLOCK};
use crate::time::Time;
use crate::units::{RtpTime, Seq};
use bytes::Bytes;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn target_delay_and_concealment_follow_the_network() {
    let networks = [
        ("clean", CLEAN),
        ("jitter 30", Network { jitter: 60.0, ..CLEAN }),
        ("spikes of 200", Network { spike: 200, ..CLEAN }),
        ("loss 10", Network { loss: 0.1, ..CLEAN }),
        ("loss 20", Network { loss: 0.2, ..CLEAN }),
        ("loss 30", Network { loss: 0.3, ..CLEAN }),
        ("loss 20, jitter 30", Network { loss: 0.2, jitter: 60.0, ..CLEAN }),
    ];
    let mut all = String::new();
    for (name, network) in networks {
        for copies in [Copies::None, Copies::Fec, Copies::FecAndDred] {
            if network.loss == 0.0 && copies != Copies::None {
                continue;
            }
            let speaker = Speaker { copies, ..SPEAKER };
            all += &format!("{name}, copies {copies:?}\n{}", call(speaker, network, 30).lines);
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn jitter_and_spikes_are_heard_less_than_one_hundredth_of_the_time() {
    let networks = [CLEAN, Network { jitter: 60.0, ..CLEAN }, Network { spike: 200, ..CLEAN }];
    for network in networks {
        let course = call(SPEAKER, network, 60);
        let concealed = course.receiver.stats().concealed_ratio();
        assert!(concealed <= 0.01, "{network:?}: {concealed}\n{}", course.lines);
    }
}

#[test]
fn copies_bring_back_what_is_lost_at_a_bearable_delay() {
    for (loss, without, with) in [(0.1, 0.05, 0.01), (0.2, 0.1, 0.015), (0.3, 0.15, 0.02)] {
        let network = Network { loss, ..CLEAN };
        let none = call(SPEAKER, network, 60);
        let speaker = Speaker { copies: Copies::FecAndDred, ..SPEAKER };
        let both = call(speaker, network, 60);
        let (none, ratio) =
            (none.receiver.stats().concealed_ratio(), both.receiver.stats().concealed_ratio());
        assert!(none > without, "{loss}: {none} without copies");
        assert!(ratio < with, "{loss}: {ratio} with copies\n{}", both.lines);
        assert!(both.largest_delay <= Duration::from_millis(220), "{loss}: {:?}", both.largest_delay);
    }
}

#[test]
fn half_an_hour_of_two_cards_that_disagree_grows_no_delay_and_makes_nothing_up() {
    for drift_ppm in [-200.0, 200.0] {
        for network in [CLEAN, Network { jitter: 30.0, ..CLEAN }] {
            let course = call(Speaker { drift_ppm, ..SPEAKER }, network, 1800);
            let stats = course.receiver.stats();
            // What the cards disagree by in that time, 360 ms, went into stretching.
            let removed = stats.removed_samples_for_acceleration as i64;
            let net = removed - stats.inserted_samples_for_deceleration as i64;
            let disagreed = (drift_ppm * 1800.0 * 0.048) as i64;
            assert!(
                (net - disagreed).abs() < 48 * 60,
                "{drift_ppm} ppm: {net} of {disagreed}\n{}",
                course.lines
            );
            assert!(stats.concealed_ratio() < 0.0005, "{drift_ppm} ppm: {}", stats.concealed_ratio());
            assert_eq!(stats.packets_discarded, 0);
            let most = Duration::from_millis(if network.jitter > 0.0 { 80 } else { 50 });
            assert!(course.largest_delay <= most, "{drift_ppm} ppm: {:?}", course.largest_delay);
        }
    }
}

#[test]
fn a_sender_that_falls_silent_is_not_concealed_on_any_network() {
    for network in [CLEAN, Network { jitter: 60.0, ..CLEAN }] {
        let course = call(Speaker { dtx: true, ..SPEAKER }, network, 60);
        let stats = course.receiver.stats();
        assert!(stats.concealed_ratio() <= 0.01, "{network:?}: {}", stats.concealed_ratio());
        let silent = stats.silent_concealed_samples as f64 / stats.total_samples_received as f64;
        assert!((0.4..0.55).contains(&silent), "{network:?}: silent {silent}");
    }
}

#[test]
fn packets_that_come_twice_and_too_late_by_a_little_are_waited_for() {
    let course = call(SPEAKER, Network { reorder: 7, ..CLEAN }, 60);
    let stats = course.receiver.stats();
    assert!(stats.concealed_ratio() < 0.01, "{}\n{}", stats.concealed_ratio(), course.lines);
    assert_eq!(course.receiver.target_delay(), Duration::from_millis(60));
}

#[test]
fn a_copy_of_which_half_is_needed_is_joined_without_a_click() {
    let mut receiver = AudioReceiver::new(Sine::default());
    let mut heard = Vec::new();
    let mut block = [0.0; BLOCK];
    for tick in 0..200_u64 {
        let now = Time::from_millis(tick * 10);
        let frame = tick / 2;
        // Packet 50 is lost, and packet 51 comes when half of 50 is concealed.
        let due = frame == 51 && tick % 2 == 1 || frame != 51 && tick % 2 == 0;
        if due && frame != 50 {
            receiver.insert(
                now,
                Seq(frame as u16),
                RtpTime(frame as u32 * 960),
                packet(frame * 960, 1, true),
            );
        }
        receiver.fill(now, &mut block);
        heard.extend(block);
    }
    assert_eq!(receiver.stats().fec_packets_decoded, 1);
    let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    let spoken = (0..240).map(|n| (spoken(n + 1) - spoken(n)).abs()).fold(0.0, f32::max);
    assert!(steepest < 1.3 * spoken, "{steepest}");
}

/// 20 ms, then 40, 60, 120 and back to 20, for ten seconds each.
fn stepwise(frame: u64) -> u64 {
    [1, 2, 3, 6][frame as usize / 500 % 4]
}

/// Any of these at any time.
fn mixed(frame: u64) -> u64 {
    [1, 3, 2, 1, 6, 3, 3, 1][(frame.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as usize]
}

#[test]
fn a_change_of_the_packets_length_is_no_jitter_and_asks_for_no_more_delay() {
    let course =
        call(Speaker { frames: |frame| [1, 2, 3, 1][frame as usize / 500 % 4], ..SPEAKER }, CLEAN, 80);
    let stats = course.receiver.stats();
    // Each step of 20 ms more is in the buffer's one packet of delay, which it makes again by slowing down.
    assert_eq!(stats.concealed_samples, 0, "{}", course.lines);
    assert_eq!(
        (stats.packets_discarded, course.receiver.target_delay().as_millis()),
        (0, 20),
        "{}",
        course.lines
    );
    assert!(stats.inserted_samples_for_deceleration >= 48 * 50, "{stats:?}");
    assert!(
        course.largest_delay <= Duration::from_millis(80),
        "{:?}\n{}",
        course.largest_delay,
        course.lines
    );
}

#[test]
fn where_the_length_changes_under_loss_only_what_was_lost_is_made_up() {
    for frames in [stepwise, mixed] {
        for loss in [0.05, 0.1, 0.2] {
            let network = Network { loss, ..CLEAN };
            let speaker = Speaker { frames, copies: Copies::FecAndDred, ..SPEAKER };
            let course = call(speaker, network, 80);
            let stats = course.receiver.stats();
            assert_eq!(stats.packets_discarded, 0, "nothing that came is thrown away\n{}", course.lines);
            assert!(
                stats.concealed_ratio() < loss / 2.0,
                "{loss}: {}\n{}",
                stats.concealed_ratio(),
                course.lines
            );
            let clean = call(speaker, CLEAN, 80).receiver.stats();
            // A step of the length by more than the buffer holds, once each.
            assert!(clean.concealed_ratio() < 0.005, "{}", clean.concealed_ratio());
        }
    }
}

#[test]
fn a_sender_of_long_packets_that_falls_silent_is_not_concealed() {
    let course = call(Speaker { dtx: true, frames: |_| 3, ..SPEAKER }, CLEAN, 60);
    let stats = course.receiver.stats();
    assert_eq!(stats.concealed_samples, 0, "{}", course.lines);
    let silent = stats.silent_concealed_samples as f64 / stats.total_samples_received as f64;
    assert!((0.4..0.55).contains(&silent), "silent {silent}");
}

fn anything() -> impl Strategy<Value = (u64, u16, u32, Vec<u8>)> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (any::<u64>(), 0..8_u8, any::<bool>())
            .prop_map(|(first, frames, fec)| packet(first, frames, fec).to_vec()),
    ];
    let seq = prop_oneof![3 => 0..60_u16, 1 => any::<u16>()];
    let rtp_time = prop_oneof![3 => (0..60_u32).prop_map(|n| n * 960), 1 => any::<u32>()];
    (0..40_u64, seq, rtp_time, payload)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_there_is_sound_and_an_end(
        packets in proptest::collection::vec(anything(), 0..150),
        dred in prop_oneof![Just(0_usize), 0..60_000_usize],
    ) {
        let mut receiver = AudioReceiver::new(Sine::with_dred(dred));
        let mut now = Time::from_millis(1000);
        for (later, seq, rtp_time, payload) in packets {
            now += Duration::from_millis(later);
            receiver.insert(now, Seq(seq), RtpTime(rtp_time), Bytes::from(payload));
            let mut block = [f32::NAN; BLOCK];
            receiver.fill(now, &mut block);
            prop_assert!(block.iter().all(|sample| sample.is_finite()));
            prop_assert!(receiver.target_delay() <= Duration::from_millis(800));
            let stats = receiver.stats();
            prop_assert!(stats.concealed_samples <= stats.total_samples_received);
        }
    }
}
