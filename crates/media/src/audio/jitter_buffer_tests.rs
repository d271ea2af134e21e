#![allow(clippy::unwrap_used)]
use super::*;

/// Packet `n` of 20 ms: a table-of-contents byte (hybrid), one that says that it holds a copy of the packet
/// before, its number, which makes it no DTX.
fn packet(n: u16) -> Bytes {
    let [high, low] = n.to_be_bytes();
    Bytes::from(vec![0x78, 0x40, high, low])
}

/// A buffer under a virtual clock that is asked like a sound card asks: for 10 ms each 10 ms.
struct Listener {
    buffer: JitterBuffer,
    now: Time,
    unplayed: usize,
    heard: Vec<Playout>,
    stretches: Vec<Stretch>,
    /// How far back the packets that come tell.
    dred: usize,
}

impl Listener {
    fn new() -> Listener {
        let now = Time::from_millis(1000);
        Listener {
            buffer: JitterBuffer::new(),
            now,
            unplayed: 0,
            heard: Vec::new(),
            stretches: Vec::new(),
            dred: 0,
        }
    }

    /// Packet `n`, sent when the sender's time stamp says, after `extra` silent samples.
    fn receive(&mut self, n: u16, silent_ms: u32) -> Insert {
        let rtp_time = RtpTime(u32::MAX - 5000).add(u32::from(n) * 960 + silent_ms * 48);
        self.buffer.insert(self.now, Seq(65_500).add(n), rtp_time, packet(n), self.dred)
    }

    fn listen_10_ms(&mut self) {
        while self.unplayed < BLOCK {
            let Pull { playout, stretch } = self.buffer.pull(self.now, self.unplayed);
            self.unplayed += samples(&playout);
            self.heard.push(playout);
            if stretch != Stretch::Keep {
                self.stretches.push(stretch);
            }
        }
        self.unplayed -= BLOCK;
        self.now += Duration::from_millis(10);
    }

    /// Packets `from..to` come punctually, but for those in `lost`.
    fn call(&mut self, from: u16, to: u16, lost: &[u16]) {
        for n in from..to {
            if !lost.contains(&n) {
                self.receive(n, 0);
            }
            self.listen_10_ms();
            self.listen_10_ms();
        }
    }

    fn numbers(&self) -> Vec<u16> {
        let number = |playout: &Playout| match playout {
            Playout::Packet { payload, .. } if payload.len() == 4 => {
                Some(u16::from_be_bytes([payload[2], payload[3]]))
            }
            _ => None,
        };
        self.heard.iter().filter_map(number).collect()
    }
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

#[test]
fn a_punctual_call_is_played_packet_by_packet_with_nothing_made_up() {
    let mut listener = Listener::new();
    listener.call(0, 200, &[]);
    let numbers = listener.numbers();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u16) && numbers.len() >= 197);
    let stats = listener.buffer.stats();
    assert_eq!((stats.concealed_samples, stats.packets_discarded), (0, 0));
    assert_eq!(stats.total_samples_received, numbers.len() as u64 * 960);
    assert_eq!(listener.buffer.target_delay(), Duration::from_millis(20));
    assert!(listener.buffer.current_delay() <= Duration::from_millis(40));
}

#[test]
fn a_lost_packet_is_taken_from_the_next_one() {
    let mut listener = Listener::new();
    listener.call(0, 100, &[50]);
    let fec: Vec<&Playout> = listener.heard.iter().filter(|p| matches!(p, Playout::Fec { .. })).collect();
    assert_eq!(fec, [&Playout::Fec { packet: packet(51), samples: 960 }]);
    let after_50 = listener.heard.iter().position(|p| matches!(p, Playout::Fec { .. })).unwrap() + 1;
    assert_eq!(
        listener.heard[after_50],
        Playout::Packet { payload: packet(51), samples: 960, skipped: false }
    );
    assert_eq!(listener.buffer.stats().concealed_samples, 0);
    assert_eq!(listener.buffer.stats().fec_packets_decoded, 1);
}

#[test]
fn a_burst_is_concealed_counted_and_its_last_taken_from_the_next() {
    let mut listener = Listener::new();
    listener.call(0, 100, &[50, 51, 52, 53]);
    let stats = listener.buffer.stats();
    assert_eq!(stats.concealment_events, 1);
    assert!((2880..=3840).contains(&stats.concealed_samples), "{}", stats.concealed_samples);
    let played = stats.concealed_samples + stats.fec_packets_decoded * 960;
    assert!((3840..=4320).contains(&played), "four packets were missing, {played} samples were made");
    assert!(stats.concealed_ratio() < 0.05);
}

#[test]
fn silence_of_the_sender_is_not_loss_whether_it_was_announced_or_not() {
    for announced in [true, false] {
        let mut listener = Listener::new();
        listener.call(0, 50, &[]);
        if announced {
            let rtp_time = RtpTime(u32::MAX - 5000).add(50 * 960);
            listener.buffer.insert(
                listener.now,
                Seq(65_500).add(50),
                rtp_time,
                Bytes::from_static(&[0xf8]),
                0,
            );
        } else {
            listener.receive(50, 0);
        }
        // 400 ms of nothing, then the number that was due, 400 ms later on the sender's clock.
        for _ in 0..42 {
            listener.listen_10_ms();
        }
        for n in 51..100 {
            listener.receive(n, 400);
            listener.listen_10_ms();
            listener.listen_10_ms();
        }
        let stats = listener.buffer.stats();
        assert_eq!(stats.concealed_samples, 0, "announced: {announced}");
        let silent = stats.silent_concealed_samples / 48;
        assert!((380..=430).contains(&silent), "{silent} ms of silence");
        let comfort = listener.heard.iter().any(|p| matches!(p, Playout::Conceal { .. }));
        assert_eq!(comfort, !announced, "who announced it gets comfort noise at once");
        assert!(listener.numbers().len() >= if announced { 96 } else { 97 });
    }
}

#[test]
fn packets_that_are_late_together_are_all_played_and_the_delay_goes_down_again() {
    let mut listener = Listener::new();
    listener.call(0, 50, &[]);
    for _ in 0..20 {
        listener.listen_10_ms();
    }
    for n in 50..60 {
        listener.receive(n, 0);
    }
    listener.call(60, 70, &[]);
    let delay = listener.buffer.current_delay();
    assert!(delay >= Duration::from_millis(150), "{delay:?}");
    let stats = listener.buffer.stats();
    assert!(stats.concealed_samples > 0 && stats.packets_discarded == 0);
    assert_eq!(listener.numbers(), (0..listener.numbers().len() as u16).collect::<Vec<_>>());
    listener.call(70, 300, &[]);
    assert!(listener.stretches.iter().any(|stretch| matches!(stretch, Stretch::Accelerate { .. })));
}

#[test]
fn duplicates_are_known_before_and_after_their_turn_and_late_ones_are_told_apart() {
    let mut listener = Listener::new();
    listener.call(0, 50, &[40]);
    assert_eq!(listener.receive(50, 0), Insert::Buffered);
    assert_eq!(listener.receive(50, 0), Insert::Duplicate);
    assert_eq!(listener.receive(39, 0), Insert::Duplicate);
    assert_eq!(listener.receive(40, 0), Insert::Late);
    assert_eq!(listener.receive(40, 0), Insert::Duplicate);
    assert_eq!(listener.buffer.insert(listener.now, Seq(1), RtpTime(0), Bytes::new(), 0), Insert::Malformed);
}

#[test]
fn what_is_hopelessly_late_is_left_out() {
    let mut listener = Listener::new();
    listener.call(0, 50, &[]);
    for _ in 0..200 {
        listener.listen_10_ms();
    }
    for n in 50..150 {
        listener.receive(n, 0);
    }
    listener.call(150, 160, &[]);
    assert!(listener.buffer.current_delay() < Duration::from_millis(1200));
    assert!(listener.buffer.stats().packets_discarded > 30);
}

#[test]
fn a_sender_that_begins_anew_is_heard() {
    for offset in [10_000, 40_000] {
        let mut listener = Listener::new();
        listener.call(0, 50, &[]);
        for n in 0..120_u16 {
            let rtp_time = RtpTime(77).add(u32::from(n) * 960);
            listener.buffer.insert(listener.now, Seq(n.wrapping_add(offset)), rtp_time, packet(1000 + n), 0);
            listener.listen_10_ms();
            listener.listen_10_ms();
        }
        assert!(listener.numbers().last() >= Some(&(1000 + 117)), "offset {offset}");
    }
}

#[test]
fn the_playing_time_stamp_follows_what_is_heard() {
    let mut listener = Listener::new();
    assert_eq!(listener.buffer.playing(0), None);
    listener.call(0, 50, &[]);
    let before = listener.buffer.playing(listener.unplayed).unwrap();
    listener.call(50, 60, &[]);
    let after = listener.buffer.playing(listener.unplayed).unwrap();
    assert_eq!(after.since(before), 9600);
}

/// A packet of 60 ms: one SILK frame, whose copy tells all of the packet before, or three hybrid ones, whose
/// copy tells the last 20 ms.
fn long_packet(n: u16, silk: bool) -> Bytes {
    let [high, low] = n.to_be_bytes();
    Bytes::from(if silk { vec![0x18, 0x10, high, low] } else { vec![0x7b, 3, 0x40, high, low] })
}

/// 50 packets of 20 ms and then long ones, each when it is full, but for those that are lost; returns what was
/// played after the last short one, by one who began to listen 120 ms late.
fn lengthened(silk: bool, lost: &[u16]) -> (Vec<Playout>, AudioStats) {
    let mut listener = Listener::new();
    for n in 0..6 {
        listener.receive(n, 0);
        listener.now += Duration::from_millis(20);
    }
    listener.call(6, 50, lost);
    for n in 50..90 {
        for _ in 0..4 {
            listener.listen_10_ms();
        }
        if !lost.contains(&n) {
            let rtp_time = RtpTime(u32::MAX - 5000).add(50 * 960 + u32::from(n - 50) * 2880);
            let payload = long_packet(n, silk);
            assert_eq!(
                listener.buffer.insert(listener.now, Seq(65_500).add(n), rtp_time, payload, 0),
                Insert::Buffered
            );
        }
        listener.listen_10_ms();
        listener.listen_10_ms();
    }
    let from = listener.heard.iter().rposition(|p| matches!(p, Playout::Packet { samples: 960, .. }));
    (listener.heard.split_off(from.unwrap() + 1), listener.buffer.stats())
}

fn numbers_of(heard: &[Playout]) -> Vec<u16> {
    let number = |playout: &Playout| match playout {
        Playout::Packet { payload, .. } => payload.last_chunk().map(|&bytes| u16::from_be_bytes(bytes)),
        _ => None,
    };
    heard.iter().filter_map(number).collect()
}

#[test]
fn the_first_packet_of_another_length_may_be_lost_and_the_next_ones_are_played() {
    for lost in [&[50][..], &[50, 51], &[49, 50], &[60]] {
        let (heard, stats) = lengthened(true, lost);
        let numbers = numbers_of(&heard);
        let expected: Vec<u16> = (50..).filter(|n| !lost.contains(n)).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "lost {lost:?}");
        assert!(numbers.len() >= 36 && stats.packets_discarded == 0, "lost {lost:?}: {stats:?}");
    }
}

#[test]
fn a_copy_shorter_than_the_lost_packet_tells_its_end() {
    for (silk, copy) in [(true, 2880), (false, 960)] {
        let (heard, stats) = lengthened(silk, &[70]);
        let fec = heard.iter().find_map(|playout| match playout {
            Playout::Fec { packet, samples } => Some((packet.clone(), *samples)),
            _ => None,
        });
        let (packet, samples) = fec.unwrap();
        assert_eq!(packet, long_packet(71, silk));
        assert_eq!(samples, copy);
        assert_eq!(stats.fec_packets_decoded, 1);
    }
}

#[test]
fn comfort_noise_until_a_voice_comes_back_late_is_not_concealment() {
    let mut listener = Listener::new();
    listener.call(0, 50, &[]);
    let rtp_time = RtpTime(u32::MAX - 5000).add(50 * 960);
    listener.buffer.insert(listener.now, Seq(65_500).add(50), rtp_time, Bytes::from_static(&[0x78]), 0);
    for _ in 0..20 {
        listener.listen_10_ms();
    }
    // The sender was silent for one packet only; what it said then comes 180 ms late.
    listener.call(51, 60, &[]);
    let stats = listener.buffer.stats();
    assert_eq!(stats.concealed_samples, 0);
    assert!(stats.silent_concealed_samples > 48 * 100, "{stats:?}");
}

#[test]
fn a_packet_whose_stamp_says_that_it_was_the_lost_one_is_not_asked_for_what_it_has_not() {
    let mut listener = Listener::new();
    listener.call(0, 50, &[]);
    // Number 50 is lost; 51 has no copy and no redundancy, and 52 has the stamp that 50 had.
    let stamp = |n: u32| RtpTime(u32::MAX - 5000).add(n * 960);
    for (n, at) in [(51, 51), (52, 50)] {
        listener.buffer.insert(
            listener.now,
            Seq(65_500).add(n),
            stamp(at),
            Bytes::from_static(&[0x78, 0, 7]),
            0,
        );
    }
    for _ in 0..10 {
        listener.listen_10_ms();
    }
    assert!(!listener.heard.iter().any(|playout| matches!(playout, Playout::Dred { .. })));
}
