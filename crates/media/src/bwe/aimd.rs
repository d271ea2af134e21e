//! From what the queues do to a rate: up while they rest, down to below what arrives when they fill.
//!
//! Additive increase, multiplicative decrease (draft-ietf-rmcat-gcc-02 §5.5, libwebrtc's
//! `AimdRateControl`): far from the known capacity the rate grows by 8 % a second, near to it by about
//! half a packet for each response time, and on overuse it becomes 0.85 of what arrives.

use super::trendline::Usage;
use super::{clamped, times};
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct Aimd {
    rate: Bitrate,
    min: Bitrate,
    max: Bitrate,
    mode: Mode,
    capacity: Capacity,
    /// What arrived when last asked.
    throughput: Bitrate,
    rtt: Duration,
    changed: Option<Time>,
    decreased: Option<Time>,
}

/// How the rate may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Not at all: the application sends less than it may, so that nothing that arrives could tell that it
    /// was too much.
    No,
    /// As the capacity is known.
    Usual,
    /// As TCP does, which it competes with.
    Contested,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// After a decrease, and while queues empty: they shall.
    Hold,
    Increase,
}

/// Of what arrives, so much is sent after overuse: the rest of the capacity empties the queue.
const DECREASE: f64 = 0.85;
/// Growth per second while the capacity is unknown.
const GROWTH: f64 = 1.08;
/// The rate runs ahead of what arrives by no more than this factor,
const AHEAD: f64 = 1.5;
/// and this, so that the slowest rates can grow at all.
const AHEAD_LEAST: Bitrate = Bitrate::kbps(10);
/// Slowest growth near the capacity, per second.
const ADDITIVE_LEAST: Bitrate = Bitrate::kbps(4);
/// So long after a decrease the rate grows by equal steps even when the capacity is unknown: growth in
/// proportion would leave two flows that share a link as unequal as they are.
const CALM: Duration = Duration::from_secs(5);
/// Before a round trip was measured.
const RTT_GUESS: Duration = Duration::from_millis(200);
/// Reports and encoders add this to the round trip until a change of ours can show.
const RESPONSE: Duration = Duration::from_millis(100);

/// After a decrease, reports show it a round trip and this much later: their interval, and a frame. Sooner
/// (libwebrtc waits for the round trip) the same queue would be yielded to twice, by the smaller flow most.
const SHOWS: Duration = Duration::from_millis(120);
/// Even with the longest queue.
const PATIENCE: Duration = Duration::from_millis(500);

impl Aimd {
    pub(super) fn new(start: Bitrate, min: Bitrate, max: Bitrate) -> Aimd {
        Aimd {
            rate: clamped(start, min, max),
            min,
            max,
            mode: Mode::Hold,
            capacity: Capacity::default(),
            throughput: start,
            rtt: RTT_GUESS,
            changed: None,
            decreased: None,
        }
    }

    pub(super) fn rate(&self) -> Bitrate {
        self.rate
    }

    pub(super) fn set_limits(&mut self, min: Bitrate, max: Bitrate) {
        (self.min, self.max) = (min, max);
        self.rate = clamped(self.rate, min, max);
    }

    pub(super) fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// The rate was found out by other means: a probe, or silence.
    pub(super) fn set_rate(&mut self, now: Time, rate: Bitrate) {
        self.rate = clamped(rate, self.min, self.max);
        self.changed = Some(now);
        if self.capacity.upper().is_some_and(|upper| rate > upper) {
            self.capacity = Capacity::default();
        }
    }

    /// Whether a further decrease may follow the last change: when that can have shown, or at once when not
    /// even half of the rate arrives.
    pub(super) fn may_decrease(&self, now: Time, throughput: Bitrate) -> bool {
        let wait = (self.rtt + SHOWS).min(PATIENCE);
        self.changed.is_none_or(|changed| now.since(changed) >= wait) || throughput < times(self.rate, 0.5)
    }

    /// What the queues did and what arrived.
    pub(super) fn update(&mut self, now: Time, usage: Usage, throughput: Option<Bitrate>, growth: Growth) {
        self.throughput = throughput.unwrap_or(self.throughput);
        match usage {
            Usage::Over => self.decrease(now),
            Usage::Under => self.mode = Mode::Hold,
            Usage::Normal => {
                if self.mode == Mode::Hold {
                    self.mode = Mode::Increase;
                    self.changed = Some(now);
                }
                self.increase(now, growth);
            }
        }
    }

    /// Neither up nor down.
    pub(super) fn hold(&mut self, now: Time) {
        self.changed = Some(now);
    }

    fn increase(&mut self, now: Time, growth: Growth) {
        if self.capacity.upper().is_some_and(|upper| self.throughput > upper) {
            self.capacity = Capacity::default();
        }
        let limit = Bitrate::bps(times(self.throughput, AHEAD).as_bps().saturating_add(AHEAD_LEAST.as_bps()));
        let passed = now.since(self.changed.unwrap_or(now)).min(Duration::from_secs(1)).as_secs_f64();
        self.changed = Some(now);
        if growth == Growth::No || self.rate >= limit {
            return;
        }
        let calm = self.decreased.is_none_or(|at| now.since(at) >= CALM);
        let more = match self.capacity.estimate {
            _ if growth == Growth::Contested => self.contested_per_second() * passed,
            Some(_) => self.additive_per_second() * passed,
            None if !calm => self.additive_per_second() * passed,
            None => self.rate.as_bps() as f64 * (GROWTH.powf(passed) - 1.0),
        };
        let rate = Bitrate::bps(self.rate.as_bps().saturating_add(more as u64));
        self.rate = clamped(rate.min(limit), self.min, self.max);
    }

    /// Half a packet of the present frames for each response time, in bits per second.
    fn additive_per_second(&self) -> f64 {
        const PACKET_BITS: f64 = 800.0 * 8.0;
        let response = 2.0 * (self.rtt + RESPONSE).as_secs_f64();
        (PACKET_BITS / response).max(ADDITIVE_LEAST.as_bps() as f64)
    }

    /// A packet more for each response time, as Reno grows, or the other flow takes it all.
    fn contested_per_second(&self) -> f64 {
        let response = (self.rtt + RESPONSE).as_secs_f64();
        1200.0 * 8.0 / (response * response)
    }

    fn decrease(&mut self, now: Time) {
        let mut rate = times(self.throughput, DECREASE);
        if rate > self.rate {
            // More arrives than we meant to send (a burst): the remembered capacity is the better guide.
            rate = self.capacity.estimate.map_or(rate, |kbps| times(Bitrate::kbps(1), kbps * DECREASE));
        }
        self.rate = clamped(rate.min(self.rate), self.min, self.max);
        if self.capacity.lower().is_some_and(|lower| self.throughput < lower) {
            self.capacity = Capacity::default();
        }
        self.capacity.observe(self.throughput);
        self.mode = Mode::Hold;
        self.changed = Some(now);
        self.decreased = Some(now);
    }
}

/// The capacity as it showed when queues filled: an average of what arrived then, and how sure that is.
#[derive(Clone, Debug, Default)]
struct Capacity {
    /// kbit/s
    estimate: Option<f64>,
    /// Variance over the estimate, kbit/s.
    deviation: f64,
}

impl Capacity {
    /// Weight of a new observation.
    const WEIGHT: f64 = 0.05;
    /// The deviation stays between these: three standard deviations are then 14 % to 34 % at 160 kbit/s.
    const DEVIATION: (f64, f64) = (0.4, 2.5);

    fn observe(&mut self, throughput: Bitrate) {
        let sample = throughput.as_kbps();
        let estimate = match self.estimate {
            None => sample,
            Some(estimate) => (1.0 - Self::WEIGHT) * estimate + Self::WEIGHT * sample,
        };
        let error = estimate - sample;
        let deviation =
            (1.0 - Self::WEIGHT) * self.deviation + Self::WEIGHT * error * error / estimate.max(1.0);
        self.deviation = deviation.clamp(Self::DEVIATION.0, Self::DEVIATION.1);
        self.estimate = Some(estimate);
    }

    fn spread(&self, estimate: f64) -> f64 {
        3.0 * (self.deviation.max(Self::DEVIATION.0) * estimate).sqrt()
    }

    fn upper(&self) -> Option<Bitrate> {
        self.estimate.map(|kbps| Bitrate::bps(((kbps + self.spread(kbps)) * 1000.0) as u64))
    }

    fn lower(&self) -> Option<Bitrate> {
        self.estimate.map(|kbps| Bitrate::bps(((kbps - self.spread(kbps)).max(0.0) * 1000.0) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aimd() -> Aimd {
        Aimd::new(Bitrate::kbps(1000), Bitrate::kbps(50), Bitrate::kbps(5000))
    }

    fn seconds(aimd: &mut Aimd, from: u64, seconds: u64, throughput: u64, growth: Growth) -> u64 {
        for tick in 0..seconds * 10 {
            let now = Time::from_millis(from + tick * 100);
            aimd.update(now, Usage::Normal, Some(Bitrate::kbps(throughput)), growth);
        }
        from + seconds * 1000
    }

    #[test]
    fn unknown_capacity_is_approached_by_eight_percent_a_second() {
        let mut aimd = aimd();
        seconds(&mut aimd, 0, 5, 1500, Growth::Usual);
        let rate = aimd.rate().as_kbps();
        assert!((1440.0..=1480.0).contains(&rate), "{rate}");
    }

    #[test]
    fn overuse_gives_most_of_what_arrives_and_then_small_steps() {
        let mut aimd = aimd();
        let now = seconds(&mut aimd, 0, 1, 900, Growth::Usual);
        aimd.update(Time::from_millis(now), Usage::Over, Some(Bitrate::kbps(900)), Growth::Usual);
        assert_eq!(aimd.rate(), Bitrate::kbps(765));
        seconds(&mut aimd, now, 5, 760, Growth::Usual);
        let rate = aimd.rate().as_kbps();
        assert!((800.0..=870.0).contains(&rate), "additive near the capacity: {rate}");
    }

    #[test]
    fn the_rate_does_not_run_away_from_what_arrives() {
        let mut aimd = aimd();
        seconds(&mut aimd, 0, 60, 800, Growth::Usual);
        assert_eq!(aimd.rate(), Bitrate::kbps(1210));
        let mut limited = self::aimd();
        seconds(&mut limited, 0, 60, 800, Growth::No);
        assert_eq!(limited.rate(), Bitrate::kbps(1000), "application-limited");
    }

    #[test]
    fn a_second_decrease_waits_for_a_round_trip_unless_hardly_anything_arrives() {
        let mut aimd = aimd();
        aimd.set_rtt(Duration::from_millis(50));
        let now = Time::from_millis(1000);
        aimd.update(now, Usage::Over, Some(Bitrate::kbps(900)), Growth::Usual);
        assert!(!aimd.may_decrease(now + Duration::from_millis(100), Bitrate::kbps(700)));
        assert!(aimd.may_decrease(now + Duration::from_millis(250), Bitrate::kbps(700)));
        assert!(aimd.may_decrease(now + Duration::from_millis(100), Bitrate::kbps(300)));
    }
}
