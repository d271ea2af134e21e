//! Speech over a bad network, heard through the jitter buffer by a listener who asks each 10 ms.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod network;

use bytes::Bytes;
use network::{Conditions, Network};
use proptest::prelude::*;
use snug_media::audio::{JitterBuffer, Playout, Stretch};
use snug_media::{RtpTime, Seq, Time};
use std::fmt::Write;
use std::time::Duration;

const BLOCK: usize = 480;

fn packet(n: u64) -> Bytes {
    // One hybrid frame that holds a copy of the one before.
    let mut bytes = vec![0x78, 0x40];
    bytes.extend(n.to_be_bytes());
    Bytes::from(bytes)
}

fn samples(playout: &Playout) -> usize {
    match playout {
        Playout::Packet { samples, .. }
        | Playout::Fec { samples, .. }
        | Playout::Dred { samples, .. }
        | Playout::Conceal { samples }
        | Playout::ComfortNoise { samples }
        | Playout::Silence { samples } => *samples,
    }
}

struct Listener {
    buffer: JitterBuffer,
    unplayed: usize,
    packets: Vec<u64>,
}

impl Listener {
    fn new() -> Listener {
        Listener { buffer: JitterBuffer::new(), unplayed: 0, packets: Vec::new() }
    }

    fn receive(&mut self, now: Time, n: u64) {
        let rtp_time = RtpTime((n * 960) as u32).add(u32::MAX - 100_000);
        self.buffer.insert(now, Seq(n as u16), rtp_time, packet(n), 0);
    }

    /// Plays 10 ms; stretching takes out and puts in 5 ms, as for a voice of 200 Hz.
    fn listen(&mut self, now: Time) {
        while self.unplayed < BLOCK {
            let pull = self.buffer.pull(now, self.unplayed);
            let made = samples(&pull.playout);
            assert!((120..=5760).contains(&made));
            self.unplayed += made;
            if let Playout::Packet { payload, .. } = &pull.playout {
                self.packets.push(u64::from_be_bytes(payload[2..].try_into().unwrap()));
            }
            match pull.stretch {
                Stretch::Keep => {}
                Stretch::Accelerate { .. } => {
                    self.unplayed -= 240;
                    self.buffer.removed(240);
                }
                Stretch::Expand => {
                    self.unplayed += 240;
                    self.buffer.inserted(240);
                }
            }
        }
        self.unplayed -= BLOCK;
    }
}

#[test]
fn the_delay_follows_the_network_up_and_down() {
    let quiet = Conditions { delay: Duration::from_millis(30), ..Conditions::default() };
    let rough = Conditions { jitter: Duration::from_millis(90), loss: 0.02, ..quiet };
    let mut network: Network<u64> = Network::new(quiet, 42);
    let mut listener = Listener::new();
    let mut trajectory = String::from("second  jitter  target  current  concealed  stretched\n");
    for step in 0..3000_u64 {
        let now = Time::from_millis(step * 10);
        network.conditions = if (500..1500).contains(&step) { rough } else { quiet };
        if step % 2 == 0 {
            network.send(now, step / 2);
        }
        while let Some((arrived, n)) = network.receive(now) {
            listener.receive(arrived, n);
        }
        listener.listen(now);
        if (step + 1) % 100 == 0 {
            let stats = listener.buffer.stats();
            let stretched = stats.inserted_samples_for_deceleration as i64
                - stats.removed_samples_for_acceleration as i64;
            writeln!(
                trajectory,
                "{:>6}  {:>6}  {:>6}  {:>7}  {:>9}  {:>9}",
                (step + 1) / 100,
                network.conditions.jitter.as_millis(),
                listener.buffer.target_delay().as_millis(),
                listener.buffer.current_delay().as_millis(),
                stats.concealed_samples,
                stretched,
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(trajectory);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn on_any_network_packets_are_played_in_order_once_and_whole(
        seed: u64,
        loss in 0.0..0.5_f64,
        duplicates in 0.0..0.5_f64,
        jitter in 0..400_u64,
        silence in prop::collection::vec((0..500_u64, 1..60_u64), 0..3),
    ) {
        let conditions = Conditions {
            loss,
            duplicates,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(jitter),
            ..Conditions::default()
        };
        let mut network: Network<(u64, u64)> = Network::new(conditions, seed);
        let mut listener = Listener::new();
        let mut seq = 65_000_u64;
        for step in 0..1000_u64 {
            let now = Time::from_millis(step * 10);
            let n = step / 2;
            let silent = silence.iter().any(|&(from, length)| (from..from + length).contains(&n));
            if step % 2 == 0 && !silent {
                network.send(now, (seq, n));
                seq += 1;
            }
            while let Some((arrived, (seq, n))) = network.receive(now) {
                let rtp_time = RtpTime((n * 960) as u32).add(u32::MAX - 100_000);
                listener.buffer.insert(arrived, Seq(seq as u16), rtp_time, packet(n), 0);
            }
            listener.listen(now);
        }
        prop_assert!(listener.packets.is_sorted_by(|a, b| a < b), "{:?}", listener.packets);
        let stats = listener.buffer.stats();
        prop_assert!(listener.buffer.target_delay() <= Duration::from_millis(800));
        prop_assert!(stats.packets_received <= seq - 65_000);
        if loss == 0.0 && jitter < 20 {
            prop_assert!(stats.concealed_ratio() < 0.1);
        }
    }

    #[test]
    fn rubbish_makes_no_panic_and_no_hang(
        packets in prop::collection::vec(
            (any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..6), any::<bool>()), 0..300),
    ) {
        let mut buffer = JitterBuffer::new();
        let mut unplayed = 0;
        for (index, (seq, rtp_time, payload, near)) in (0_u64..).zip(packets) {
            let now = Time::from_millis(index * 10);
            let (seq, rtp_time) = if near { (seq % 50, rtp_time % 50_000) } else { (seq, rtp_time) };
            buffer.insert(now, Seq(seq), RtpTime(rtp_time), Bytes::from(payload), 0);
            while unplayed < BLOCK {
                let made = samples(&buffer.pull(now, unplayed).playout);
                prop_assert!(made > 0);
                unplayed += made;
            }
            unplayed -= BLOCK;
            buffer.playing(unplayed);
        }
        prop_assert!(buffer.waiting() <= 200);
    }
}
