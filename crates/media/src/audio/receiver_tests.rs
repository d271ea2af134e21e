use super::*;
use crate::tone::dominant_frequency;
use std::f32::consts::TAU;

/// Instead of Opus: a packet carries the number of its first sample, and decodes to a piece of one long
/// sine, so that every sample heard can be checked against the one that was spoken.
#[derive(Default)]
struct Sine {
    next: u64,
}

fn spoken(sample: u64) -> f32 {
    // 240 samples are one turn, which is also what makes a splice fit without a trace.
    0.3 * ((sample % 240) as f32 / 240.0 * TAU).sin()
}

fn packet(first_sample: u64) -> Bytes {
    // Hybrid, with a copy of the packet before.
    let mut bytes = vec![0x78, 0x40];
    bytes.extend(first_sample.to_be_bytes());
    Bytes::from(bytes)
}

impl Decoder for Sine {
    type Error = &'static str;

    fn decode(&mut self, input: DecoderInput<'_>, out: &mut [f32]) -> Result<usize, &'static str> {
        let first =
            |packet: &[u8]| packet[2..].try_into().map(u64::from_be_bytes).map_err(|_| "not a packet");
        let (from, samples) = match input {
            DecoderInput::Packet(packet) => (first(packet)?, 960),
            DecoderInput::Fec { packet, samples } => (first(packet)? - samples as u64, samples),
            DecoderInput::Dred { packet, back, samples } => (first(packet)? - back as u64, samples),
            DecoderInput::Conceal { samples } => (self.next, samples),
        };
        for (number, out) in (from..).zip(&mut out[..samples]) {
            *out = spoken(number);
        }
        self.next = from + samples as u64;
        Ok(samples)
    }

    fn dred_reach(&mut self, _: &[u8]) -> usize {
        0
    }
}

/// A call of `packets` packets; `late_ms` says how late each comes, or `None` for never. Returns what was heard.
fn call(receiver: &mut AudioReceiver<Sine>, packets: u64, late_ms: impl Fn(u64) -> Option<u64>) -> Vec<f32> {
    let mut arrivals: Vec<(u64, u64)> =
        (0..packets).filter_map(|n| late_ms(n).map(|late| (n * 20 + late, n))).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut heard = Vec::new();
    for ms in (0..packets * 20).step_by(10) {
        while let Some((at, n)) = arrivals.next_if(|&(at, _)| at <= ms) {
            let insert = receiver.insert(
                Time::from_millis(at),
                Seq(n as u16),
                RtpTime((n * 960) as u32),
                packet(n * 960),
            );
            assert_ne!(insert, Insert::Malformed);
        }
        let mut block = [0.0; BLOCK];
        receiver.fill(Time::from_millis(ms), &mut block);
        heard.extend(block);
    }
    heard
}

fn assert_as_spoken(heard: &[f32]) {
    for (number, &sample) in (0..).zip(heard) {
        assert!((sample - spoken(number)).abs() < 1e-4, "sample {number}: {sample}");
    }
}

fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn a_clean_call_is_heard_sample_by_sample_as_it_was_spoken() {
    let mut receiver = AudioReceiver::new(Sine::default());
    let heard = call(&mut receiver, 100, |_| Some(0));
    let first = heard.iter().position(|&sample| sample != 0.0).unwrap_or_default() as u64 - 1;
    assert!(first <= 1920, "the first sound within 40 ms, not {first} samples");
    assert_as_spoken(&heard[first as usize..]);
    let stats = receiver.stats();
    let played = heard.len() as u64 - first + stats.removed_samples_for_acceleration;
    assert_eq!(receiver.playing(), Some(RtpTime(played as u32)));
    assert_eq!(stats.concealed_samples, 0);
}

#[test]
fn one_lost_packet_in_ten_is_not_heard_with_redundancy() {
    let mut receiver = AudioReceiver::new(Sine::default());
    let heard = call(&mut receiver, 300, |n| (n % 10 != 7).then_some(0));
    let stats = receiver.stats();
    assert_eq!((stats.fec_packets_decoded, stats.concealed_samples), (30, 0));
    let first = heard.iter().position(|&sample| sample != 0.0).unwrap_or_default() - 1;
    assert_as_spoken(&heard[first..]);
}

#[test]
fn delay_that_a_bad_second_made_is_stretched_away_without_clicks_or_a_change_of_pitch() {
    let mut receiver = AudioReceiver::new(Sine::default());
    // A second of network that delivers everything 200 ms late, once.
    let heard = call(&mut receiver, 3000, |n| Some(if (400..450).contains(&n) { 200 } else { 0 }));
    let stats = receiver.stats();
    assert!(stats.concealed_samples > 0, "somewhere it had to wait");
    assert!(stats.removed_samples_for_acceleration >= 48 * 100, "{}", stats.removed_samples_for_acceleration);
    assert!(receiver.current_delay() <= Duration::from_millis(40), "{:?}", receiver.current_delay());
    // Concealment of this decoder goes on with the sine, so only splices could click.
    let started = &heard[48 * 100..];
    assert!(steepest(started) < 0.3 * TAU * 200.0 / 48_000.0 * 1.5);
    let hz = dominant_frequency(&heard[48 * 35_000..48 * 35_100], 48_000).unwrap_or_default();
    assert!((hz - 200.0).abs() < 2.0, "{hz}");
}

#[test]
fn jitter_that_stays_is_waited_for_by_slowing_down() {
    let mut receiver = AudioReceiver::new(Sine::default());
    call(&mut receiver, 1000, |n| Some([0, 45, 15, 62, 5][n as usize % 5]));
    let stats = receiver.stats();
    assert_eq!(receiver.target_delay(), Duration::from_millis(70));
    assert!(receiver.current_delay() >= Duration::from_millis(60), "{:?}", receiver.current_delay());
    assert!(stats.inserted_samples_for_deceleration > 0);
    assert!(stats.concealed_ratio() < 0.01, "{}", stats.concealed_ratio());
}

#[test]
fn a_decoder_that_refuses_everything_is_silence_and_never_a_hang() {
    struct Refuses;
    impl Decoder for Refuses {
        type Error = &'static str;
        fn decode(&mut self, input: DecoderInput<'_>, _: &mut [f32]) -> Result<usize, &'static str> {
            if matches!(input, DecoderInput::Packet(_)) { Err("no") } else { Ok(0) }
        }
        fn dred_reach(&mut self, _: &[u8]) -> usize {
            0
        }
    }
    let mut receiver = AudioReceiver::new(Refuses);
    for n in 0..50_u16 {
        let now = Time::from_millis(u64::from(n) * 20);
        receiver.insert(now, Seq(n), RtpTime(u32::from(n) * 960), packet(0));
        let mut block = [1.0; 2 * BLOCK];
        receiver.fill(now, &mut block);
        assert!(block.iter().all(|&sample| sample == 0.0));
    }
    assert!(receiver.decoder_errors() > 40);
}
