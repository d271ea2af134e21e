//! How much delay playout needs, from how packets arrive.
//!
//! Each packet's delay is measured against the fastest of the last two seconds, so clocks need not agree
//! and drift does not add up; and at the packet's end, because that is when it leaves: so a change from packets of
//! 20 ms to those of 60 ms is no jitter. While both come, the shorter ones wait for as much longer as they are shorter. A histogram of these delays with a forgetting factor gives a quantile: the
//! target. That is NetEQ's way; its other half, a filtered buffer level to compare the target with, is
//! not taken over: here the present delay of what is played is measured on the same scale as the
//! packets', which needs no filter and is right under DTX, too.

use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Width of a bucket, which is also the step of the target: the audio thread asks each 10 ms.
const BUCKET: Duration = Duration::from_millis(10);
/// Buckets up to a second.
const BUCKETS: usize = 100;
/// One packet in a hundred may come too late and be concealed; asking for all makes everybody wait for the worst.
const QUANTILE: f32 = 0.99;
/// Memory of 400 packets, 8 s: a target that moves stretches speech, and that is heard more than some delay. What a
/// bad second asked for is gone in 20 s (NetEQ, which remembers the worst of each half second, takes a minute).
const FORGETTING: f32 = 0.9975;
/// The packets that [`FORGETTING`] is made for; longer ones are fewer in the same time and so forgotten sooner…
const USUAL: Duration = Duration::from_millis(20);
/// …but not so soon that one of them weighs more than [`QUANTILE`] leaves out.
const MOST_FORGETTING: f32 = 0.991;
/// Before the network is known: two packets.
const START_TARGET: Duration = Duration::from_millis(40);
/// So many packets make a histogram worth believing.
const START_PACKETS: u32 = 10;
/// The audio thread asks each 10 ms, not always punctually: less than a packet is no buffer.
const MIN_TARGET: Duration = Duration::from_millis(20);
/// A repair of a lost packet is waited for no longer: longer runs of loss are rare, and delay is for ever.
const MAX_REPAIR: Duration = Duration::from_millis(160);
/// Conversation is hopeless beyond.
const MAX_TARGET: Duration = Duration::from_millis(800);
/// The fastest packet is looked for in this time (as libwebrtc's relative arrival delay tracker does).
const FASTEST_WINDOW: Duration = Duration::from_secs(2);
/// So long a length that came is expected again.
const LONGEST_WINDOW: Duration = Duration::from_secs(2);
/// A delay that differs by more comes from another timeline.
const MAX_DELAY_MICROS: i64 = 5_000_000;
/// What nine in ten packets do is ordinary, as far as peaks are concerned.
const ORDINARY: f32 = 0.9;
/// A packet later than the ordinary by this is a peak: a Wi-Fi scan, not jitter.
const PEAK_HEIGHT: Duration = Duration::from_millis(60);
/// Late packets within this time are one peak.
const PEAK_LENGTH: Duration = Duration::from_millis(400);
/// Two peaks in this time are expected to come again.
const PEAK_MEMORY: Duration = Duration::from_secs(12);

/// Learns the delay that arrivals ask for.
#[derive(Clone, Debug)]
pub struct DelayEstimator {
    /// Candidates for the fastest packet: arrival and offset, both rising.
    fastest: VecDeque<(Time, i64)>,
    /// Candidates for the longest packet: arrival and length, the one rising, the other falling.
    longest: VecDeque<(Time, Duration)>,
    histogram: [f32; BUCKETS],
    packets: u32,
    /// What a packet of the present length leaves of the histogram.
    kept: f32,
    /// Beginning and height of recent peaks.
    peaks: VecDeque<(Time, Duration)>,
    target: Duration,
}

impl Default for DelayEstimator {
    fn default() -> DelayEstimator {
        DelayEstimator::new()
    }
}

impl DelayEstimator {
    /// One that has seen nothing and asks for two packets' worth.
    pub fn new() -> DelayEstimator {
        DelayEstimator {
            fastest: VecDeque::new(),
            longest: VecDeque::new(),
            histogram: [0.0; BUCKETS],
            packets: 0,
            kept: FORGETTING,
            peaks: VecDeque::new(),
            target: START_TARGET,
        }
    }

    /// Notes that a packet of this length whose end lies at `media_micros` on the sender's timeline arrived.
    pub fn arrived(&mut self, now: Time, media_micros: i64, length: Duration) {
        self.kept = FORGETTING.powf(length.as_secs_f32() / USUAL.as_secs_f32()).max(MOST_FORGETTING);
        self.note_length(now, length);
        let offset = now.as_micros() as i64 - media_micros;
        if self.base().is_some_and(|base| (offset - base).abs() > MAX_DELAY_MICROS) {
            self.fastest.clear();
        }
        while self.fastest.back().is_some_and(|&(_, slower)| slower >= offset) {
            self.fastest.pop_back();
        }
        self.fastest.push_back((now, offset));
        while self.fastest.len() > 1
            && self.fastest.front().is_some_and(|&(at, _)| now.since(at) > FASTEST_WINDOW)
        {
            self.fastest.pop_front();
        }
        let late = offset - self.base().unwrap_or(offset);
        let late = Duration::from_micros(late.unsigned_abs());
        self.note_peak(now, late);
        self.count(late);
        self.set_target(now);
    }

    fn note_length(&mut self, now: Time, length: Duration) {
        while self.longest.back().is_some_and(|&(_, shorter)| shorter <= length) {
            self.longest.pop_back();
        }
        self.longest.push_back((now, length));
        while self.longest.front().is_some_and(|&(at, _)| now.since(at) > LONGEST_WINDOW) {
            self.longest.pop_front();
        }
    }

    fn set_target(&mut self, now: Time) {
        let least = if self.packets < START_PACKETS { START_TARGET } else { MIN_TARGET };
        self.target = self.quantile(QUANTILE).max(self.expected_peak(now)).clamp(least, MAX_TARGET);
    }

    /// Notes that the lost packet whose end lies at `media_micros` can be repaired since now: it
    /// counts as one that came now. Where that took too long it does not count, because nobody would wait.
    pub fn repaired(&mut self, now: Time, media_micros: i64) {
        let late = Duration::from_micros(self.delay_micros(now, media_micros).max(0) as u64);
        if late <= MAX_REPAIR {
            self.count(late);
            self.set_target(now);
        }
    }

    /// The delay to aim at: that of what is played, against the fastest packet.
    pub fn target(&self) -> Duration {
        self.target
    }

    /// The delay to aim at for a packet of this length: where longer ones come, too, it waits as long as they do.
    pub fn target_for(&self, length: Duration) -> Duration {
        let longest = self.longest.front().map_or(length, |&(_, longest)| longest);
        self.target + longest.saturating_sub(length)
    }

    /// How long after the earliest moment at which it could be here a packet whose end lies at `media_micros` begins
    /// to be played when that is `at`; negative when it could not be here yet.
    pub fn delay_micros(&self, at: Time, media_micros: i64) -> i64 {
        let offset = at.as_micros() as i64 - media_micros;
        offset - self.base().unwrap_or(offset)
    }

    fn base(&self) -> Option<i64> {
        self.fastest.front().map(|&(_, offset)| offset)
    }

    fn count(&mut self, late: Duration) {
        let bucket = ((late.as_micros() / BUCKET.as_micros()) as usize).min(BUCKETS - 1);
        // A plain average first, and the exponential one once that remembers longer.
        let kept = self.kept.min(1.0 - 1.0 / (self.packets + 1) as f32);
        for share in &mut self.histogram {
            *share *= kept;
        }
        self.histogram[bucket] += 1.0 - kept;
        self.packets = self.packets.saturating_add(1);
    }

    /// The upper edge of the bucket in which a quantile lies.
    fn quantile(&self, quantile: f32) -> Duration {
        let mut above = self.histogram.iter().sum::<f32>() * (1.0 - quantile);
        let mut bucket = BUCKETS;
        for share in self.histogram.iter().rev() {
            above -= share;
            if above < 0.0 {
                break;
            }
            bucket -= 1;
        }
        BUCKET * bucket.max(1) as u32
    }

    fn note_peak(&mut self, now: Time, late: Duration) {
        while self.peaks.front().is_some_and(|&(at, _)| now.since(at) > PEAK_MEMORY) {
            self.peaks.pop_front();
        }
        let high = late > self.quantile(ORDINARY) + PEAK_HEIGHT;
        match self.peaks.back_mut() {
            Some((at, height)) if now.since(*at) < PEAK_LENGTH => *height = late.max(*height),
            _ if high => self.peaks.push_back((now, late)),
            _ => {}
        }
    }

    fn expected_peak(&self, now: Time) -> Duration {
        let recent = || self.peaks.iter().filter(|&&(at, _)| now.since(at) <= PEAK_MEMORY);
        if recent().count() < 2 {
            return Duration::ZERO;
        }
        let highest = recent().map(|&(_, height)| height).max().unwrap_or_default();
        BUCKET * (highest.as_micros() / BUCKET.as_micros() + 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms, each late by what `late_ms` says; returns the target after the last.
    fn after(estimator: &mut DelayEstimator, from: u64, count: u64, late_ms: impl Fn(u64) -> u64) -> u128 {
        for packet in from..from + count {
            let now = Time::from_millis(1000 + packet * 20 + late_ms(packet));
            estimator.arrived(now, packet as i64 * 20_000, USUAL);
        }
        estimator.target().as_millis()
    }

    #[test]
    fn a_clean_link_needs_one_packet_and_a_jittery_one_what_it_jitters() {
        let mut estimator = DelayEstimator::new();
        assert_eq!(after(&mut estimator, 0, 1, |_| 0), 40, "careful at first");
        assert_eq!(after(&mut estimator, 1, 30, |_| 0), 20);
        assert_eq!(after(&mut estimator, 31, 100, |n| [0, 25, 55, 10][n as usize % 4]), 60);
        assert_eq!(after(&mut estimator, 131, 500, |_| 0), 60, "it may come again");
        assert_eq!(after(&mut estimator, 631, 1000, |_| 0), 20, "forgotten");
    }

    #[test]
    fn one_late_packet_changes_nothing_and_peaks_that_return_do() {
        let mut estimator = DelayEstimator::new();
        after(&mut estimator, 0, 400, |_| 0);
        assert_eq!(after(&mut estimator, 400, 1, |_| 150), 20);
        assert_eq!(after(&mut estimator, 401, 149, |_| 0), 20);
        assert_eq!(after(&mut estimator, 550, 1, |_| 150), 160, "the second within twelve seconds");
        assert_eq!(after(&mut estimator, 551, 200, |_| 0), 160, "kept for the third");
        assert_eq!(after(&mut estimator, 751, 700, |_| 0), 20, "which did not come");
    }

    #[test]
    fn a_route_that_became_longer_is_no_jitter_for_ever() {
        let mut estimator = DelayEstimator::new();
        after(&mut estimator, 0, 100, |_| 0);
        assert!(after(&mut estimator, 100, 50, |_| 100) >= 100);
        assert_eq!(after(&mut estimator, 150, 2000, |_| 100), 20);
    }

    #[test]
    fn a_lost_packet_asks_for_the_delay_at_which_its_repair_comes_if_that_is_bearable() {
        let mut estimator = DelayEstimator::new();
        for packet in 0..600_i64 {
            let now = Time::from_millis(1000 + packet as u64 * 20);
            if packet % 5 == 3 {
                continue;
            }
            estimator.arrived(now, packet * 20_000, USUAL);
            if packet % 5 == 4 {
                estimator.repaired(now, (packet - 1) * 20_000);
                estimator.repaired(now, (packet - 10) * 20_000);
            }
        }
        assert_eq!(estimator.target().as_millis(), 30, "20 ms later, and the bucket's width");
    }

    #[test]
    fn packets_of_any_length_that_come_when_they_are_full_need_no_delay_and_are_forgotten_in_the_same_time() {
        let mut estimator = DelayEstimator::new();
        let mut end = 1000;
        let mut speak = |estimator: &mut DelayEstimator, ms: u64, count: u64, late: u64| {
            for _ in 0..count {
                end += ms;
                let now = Time::from_millis(end + late);
                estimator.arrived(now, end as i64 * 1000, Duration::from_millis(ms));
            }
            estimator.target().as_millis()
        };
        speak(&mut estimator, 20, 100, 0);
        for ms in [60, 120, 40, 20, 60] {
            assert_eq!(speak(&mut estimator, ms, 200, 0), 20, "{ms} ms");
        }
        assert_eq!(speak(&mut estimator, 60, 1, 45), 20, "one late packet changes nothing");
        speak(&mut estimator, 60, 10, 0);
        assert_eq!(speak(&mut estimator, 60, 40, 45), 50);
        assert_eq!(speak(&mut estimator, 60, 500, 0), 20, "30 s are enough to forget that");
        speak(&mut estimator, 60, 500, 0);
        assert_eq!(speak(&mut estimator, 120, 1, 45), 20);
    }

    #[test]
    fn where_lengths_are_mixed_the_short_ones_wait_for_the_long_ones() {
        let mut estimator = DelayEstimator::new();
        let (short, long) = (USUAL, USUAL * 3);
        let mut end = Duration::ZERO;
        for packet in 0..200 {
            let length = if packet % 5 == 0 { long } else { short };
            end += length;
            estimator.arrived(Time::ZERO + end, end.as_micros() as i64, length);
        }
        assert_eq!(estimator.target_for(long).as_millis(), 20);
        assert_eq!(estimator.target_for(short).as_millis(), 60);
        for _ in 0..101 {
            end += short;
            estimator.arrived(Time::ZERO + end, end.as_micros() as i64, short);
        }
        assert_eq!(estimator.target_for(short).as_millis(), 20, "two seconds later");
    }

    #[test]
    fn a_jump_of_the_timeline_begins_anew_and_absurd_delays_are_bounded() {
        let mut estimator = DelayEstimator::new();
        after(&mut estimator, 0, 100, |_| 0);
        assert!(after(&mut estimator, 100, 100, |_| 3_600_000) <= 40);
        assert!(after(&mut estimator, 200, 100, |n| 3_600_000 + n % 2 * 4000) <= 800);
    }
}
