//! Whether losses are the network's own, or ours.
//!
//! A path loses some share of packets whatever we send (a radio link) and, beyond its capacity, everything
//! that is too much. Over some seconds of observations the pair (inherent loss, capacity) is sought that
//! makes the observed losses most likely, after libwebrtc's `LossBasedBweV2`:
//! `p = inherent + (1 - inherent) · max(0, rate - capacity) / rate`. Random loss then leaves the rate
//! alone and losses that grow with the rate cut it.
//!
//! One thing is added. Losses of a full queue come with delay, so while no queue was seen, a larger share
//! may count as inherent; libwebrtc, which does not look, is limited by the mere amount of loss.

use super::feedback::PacketResult;
use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

/// What the losses allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LossState {
    /// As much as the delay-based half.
    Unlimited,
    /// Less than that, and growing.
    Increasing,
    /// Less than that.
    Decreasing,
}

#[derive(Clone, Copy, Debug)]
struct Observation {
    /// kbit/s
    rate: f64,
    /// kilobytes
    size: f64,
    lost: f64,
    queued: bool,
}

/// The channel as the model has it.
#[derive(Clone, Copy, Debug)]
struct Channel {
    inherent: f64,
    /// kbit/s
    capacity: f64,
}

/// The estimator.
#[derive(Clone, Debug)]
pub(super) struct LossBased {
    max: Bitrate,
    min: Bitrate,
    /// The newest first.
    observations: VecDeque<Observation>,
    partial: Partial,
    channel: Option<Channel>,
    seen: u32,
    average: f64,
    state: LossState,
    result: Bitrate,
    growth: Option<(Time, f64)>,
    hold: Hold,
    padding: Option<(Time, Bitrate)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Partial {
    bytes: usize,
    lost: usize,
    queued: bool,
    since: Option<Time>,
    until: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    until: Option<Time>,
    duration: Duration,
    rate: Option<Bitrate>,
}

/// An observation spans at least this long a time of sending.
const OBSERVATION: Duration = Duration::from_millis(250);
/// So many are remembered: about four seconds.
const WINDOW: usize = 15;
/// Each weighs this much of the one after it.
const AGEING: f64 = 0.9;
/// With fewer observations nothing is said.
const LEAST_OBSERVATIONS: u32 = 3;
/// Before anything is known.
const INHERENT_START: f64 = 0.01;
/// No path is without any loss.
const INHERENT_LEAST: f64 = 1e-3;
/// Loss that may be inherent while queues are seen, on a fast path,
const INHERENT_MOST_QUEUED: f64 = 0.05;
/// and while none are: a bad radio link. More than that is a policer.
const INHERENT_MOST: f64 = 0.2;
/// On a slow path it may be more by this rate over the path's.
const BALANCE_KBPS: f64 = 100.0;
/// A least delay above rest by this is a queue; jitter moves it less.
const QUEUE: Duration = Duration::from_millis(15);
/// Preference for higher rates, per kbit/s,
const HIGHER: f64 = 0.0002;
/// and per its logarithm,
const HIGHER_LOG: f64 = 0.02;
/// which reverses beyond this loss,
const HIGHER_UNTIL: f64 = 0.2;
/// within about this margin.
const HIGHER_EDGE: f64 = 0.002;
/// Capacities to be tried, as multiples of the present one.
const CANDIDATES: [f64; 3] = [1.02, 1.0, 0.95];
/// Damping of Newton's step.
const NEWTON_STEP: f64 = 0.75;
/// While limited by loss the estimate grows by this at most
const GROWTH: f64 = 1.3;
/// in this time,
const GROWTH_TIME: Duration = Duration::from_millis(300);
/// and beyond what arrives by this,
const AHEAD: f64 = 1.5;
/// or by this close to where losses began lately.
const AHEAD_HELD: f64 = 1.2;
/// "Close" is what arrives less than this times the held rate.
const HELD_NEAR: f64 = 1.3;
/// After a decrease the rate is held this long at first, each time twice as long,
const HOLD_FIRST: Duration = Duration::from_millis(300);
/// up to this.
const HOLD_MOST: Duration = Duration::from_secs(20);
/// While growing, padding fills up to the estimate for so long.
const PADDING: Duration = Duration::from_secs(2);

impl LossBased {
    pub(super) fn new(min: Bitrate, max: Bitrate) -> LossBased {
        LossBased {
            max,
            min,
            observations: VecDeque::with_capacity(WINDOW + 1),
            partial: Partial::default(),
            channel: None,
            seen: 0,
            average: 0.0,
            state: LossState::Unlimited,
            result: max,
            growth: None,
            hold: Hold::none(),
            padding: None,
        }
    }

    pub(super) fn set_limits(&mut self, min: Bitrate, max: Bitrate) {
        (self.min, self.max) = (min, max);
    }

    /// The lost share of the last seconds, the newest weighing most, of what was sent while no queue was seen: a full queue's losses
    /// go away by sending less. When there was a queue all the time nobody can tell, and it is the share of all.
    pub(super) fn without_queue(&self) -> f64 {
        let (mut size, mut lost) = (0.0, 0.0);
        for (weight, seen) in self.weighted().filter(|(_, seen)| !seen.queued) {
            size += weight * seen.size;
            lost += weight * seen.lost;
        }
        if size > 0.0 { (lost / size).clamp(0.0, 1.0) } else { self.average }
    }

    pub(super) fn state(&self) -> LossState {
        self.state
    }

    /// What the losses allow, once there were enough observations.
    pub(super) fn estimate(&self) -> Option<Bitrate> {
        (self.seen >= LEAST_OBSERVATIONS).then_some(self.result)
    }

    /// Padding up to this rate tells whether more would pass.
    pub(super) fn padding(&self) -> Option<Bitrate> {
        let (since, rate) = self.padding?;
        let until = self.partial.until?;
        (self.state == LossState::Increasing && until.since(since) < PADDING).then_some(rate)
    }

    /// A report: with the delay-based estimate, what arrives, and what packets wait in queues.
    pub(super) fn report(
        &mut self,
        results: &[PacketResult],
        delay_based: Bitrate,
        acknowledged: Option<Bitrate>,
        application_limited: bool,
        queue: Duration,
    ) {
        let Some(now) = self.observe(results, queue) else { return };
        let channel = *self
            .channel
            .get_or_insert(Channel { inherent: INHERENT_START, capacity: delay_based.as_kbps() });
        let mut best = self.most_likely(now, channel, delay_based, acknowledged, application_limited);
        // More loss than the model explains: no moment to grow.
        if self.average > best.inherent && best.capacity > channel.capacity {
            best.capacity = channel.capacity;
        }
        let limited = self.state != LossState::Unlimited;
        if limited {
            if let Some((since, most)) = self.growth
                && now.since(since) < GROWTH_TIME
            {
                best.capacity = best.capacity.min(most.max(channel.capacity));
            }
            if let Some(arriving) = acknowledged
                && best.capacity > channel.capacity
            {
                let near = self.hold.rate.is_some_and(|held| arriving < times(held, HELD_NEAR));
                let ahead = if near { AHEAD_HELD } else { AHEAD };
                best.capacity = channel.capacity.max(best.capacity.min(ahead * arriving.as_kbps()));
            }
        }
        let least = acknowledged.unwrap_or_default().max(self.min);
        let bounded = kbps(best.capacity).min(self.instant_most()).min(delay_based).max(least);
        if bounded < kbps(best.capacity) {
            best = Channel { inherent: best.inherent, capacity: bounded.as_kbps() };
        }
        best.capacity = best.capacity.max(least.as_kbps());
        self.channel = Some(best);
        self.settle(now, bounded, delay_based);
    }

    /// State and result after a new estimate.
    fn settle(&mut self, now: Time, bounded: Bitrate, delay_based: Bitrate) {
        let limits = bounded < delay_based && bounded < self.max;
        let held = self.hold.until.is_some_and(|until| now < until);
        if self.state == LossState::Decreasing && held && limits {
            self.result = self.hold.rate.map_or(bounded, |rate| rate.min(bounded));
            return;
        }
        let was_limited = self.state != LossState::Unlimited;
        let grows = bounded > self.result || (bounded == self.result && self.state == LossState::Increasing);
        if limits && was_limited && grows {
            if self.padding.is_none_or(|(_, rate)| bounded > rate) {
                self.padding = Some((now, bounded));
            }
            self.state = LossState::Increasing;
        } else if limits {
            if self.state != LossState::Decreasing {
                let duration = self.hold.duration;
                let longer = (duration * 2).min(HOLD_MOST);
                self.hold = Hold { until: Some(now + duration), duration: longer, rate: Some(bounded) };
            }
            self.padding = None;
            self.state = LossState::Decreasing;
        } else {
            self.hold = Hold::none();
            self.padding = None;
            self.state = LossState::Unlimited;
        }
        self.result = bounded;
        let due = self.growth.is_none_or(|(since, _)| now.since(since) >= GROWTH_TIME);
        if self.state != LossState::Unlimited
            && due
            && let Some(channel) = self.channel
        {
            self.growth = Some((now, channel.capacity * GROWTH));
        }
    }

    /// Adds a report; the time when an observation is complete.
    fn observe(&mut self, results: &[PacketResult], queue: Duration) -> Option<Time> {
        let partial = &mut self.partial;
        for result in results {
            let bytes = result.sent.bytes;
            if result.recovered {
                partial.lost = partial.lost.saturating_sub(bytes);
                continue;
            }
            partial.bytes += bytes;
            partial.lost += if result.received.is_none() { bytes } else { 0 };
            partial.until = partial.until.max(Some(result.sent.at));
            partial.since = partial.since.or(Some(result.sent.at));
        }
        partial.queued |= queue > QUEUE;
        let (since, until) = (partial.since?, partial.until?);
        let span = until.since(since);
        if span < OBSERVATION || partial.bytes == 0 {
            return None;
        }
        self.observations.push_front(Observation {
            rate: Bitrate::of(partial.bytes as u64, span).as_kbps(),
            size: partial.bytes as f64 / 1000.0,
            lost: partial.lost as f64 / 1000.0,
            queued: partial.queued,
        });
        self.observations.truncate(WINDOW);
        self.partial = Partial { since: Some(until), until: Some(until), ..Partial::default() };
        self.seen = self.seen.saturating_add(1);
        self.average = self.average_loss();
        Some(until)
    }

    fn weighted(&self) -> impl Iterator<Item = (f64, &Observation)> {
        let weights = std::iter::successors(Some(1.0), |weight| Some(weight * AGEING));
        weights.zip(&self.observations)
    }

    /// Without the best and the worst observation, unless the worst was one of sending much more.
    fn average_loss(&self) -> f64 {
        let (mut size, mut lost) = (0.0, 0.0);
        let mut extremes: [Option<(f64, f64, f64, f64)>; 2] = [None; 2];
        for (weight, seen) in self.weighted() {
            size += weight * seen.size;
            lost += weight * seen.lost;
            let this = (seen.lost / seen.size, weight * seen.size, weight * seen.lost, seen.rate);
            if extremes[0].is_none_or(|least| this.0 < least.0) {
                extremes[0] = Some(this);
            }
            if extremes[1].is_none_or(|most| this.0 > most.0) {
                extremes[1] = Some(this);
            }
        }
        let share = |lost: f64, size: f64| if size > 0.0 { (lost / size).clamp(0.0, 1.0) } else { 0.0 };
        let [Some(least), Some(most)] = extremes else { return share(lost, size) };
        if self.observations.len() <= 3 || most.3 >= 2.0 * self.median_rate() || most.0 <= least.0 {
            return share(lost, size);
        }
        share(lost - least.2 - most.2, size - least.1 - most.1)
    }

    fn median_rate(&self) -> f64 {
        let mut rates: Vec<f64> = self.observations.iter().map(|seen| seen.rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    }

    /// Whether a queue was seen in the last second.
    fn queued(&self) -> bool {
        self.observations.iter().take(4).any(|seen| seen.queued)
    }

    fn inherent_offset(&self) -> f64 {
        if self.queued() { INHERENT_MOST_QUEUED } else { INHERENT_MOST }
    }

    /// So much loss, so much rate at most: what counts when the model needs time.
    fn instant_most(&self) -> Bitrate {
        let excess = self.average - self.inherent_offset();
        if excess > 0.0 { kbps(BALANCE_KBPS / excess).min(self.max) } else { self.max }
    }

    fn most_likely(
        &self,
        now: Time,
        channel: Channel,
        delay_based: Bitrate,
        acknowledged: Option<Bitrate>,
        application_limited: bool,
    ) -> Channel {
        let mut capacities: Vec<f64> = CANDIDATES.iter().map(|factor| factor * channel.capacity).collect();
        let padded = self.padding.is_some_and(|(since, _)| now.since(since) <= PADDING);
        capacities.extend(
            acknowledged.filter(|_| !application_limited || padded).map(|arriving| arriving.as_kbps()),
        );
        if delay_based.as_kbps() > channel.capacity {
            capacities.push(delay_based.as_kbps());
        }
        let most = match self.growth {
            Some((_, most)) if self.state != LossState::Unlimited => most,
            _ => self.max.as_kbps(),
        };
        let likeliest = capacities
            .into_iter()
            .map(|capacity| {
                let capacity = capacity.min(channel.capacity.max(most)).max(1.0);
                let candidate = self.fitted(Channel { inherent: channel.inherent, capacity });
                (self.likelihood(candidate), candidate)
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        likeliest.map_or(channel, |(_, candidate)| candidate)
    }

    /// The inherent loss moved one of Newton's steps towards the most likely one for this capacity.
    fn fitted(&self, mut channel: Channel) -> Channel {
        let most = (self.inherent_offset() + BALANCE_KBPS / channel.capacity).min(1.0);
        channel.inherent = channel.inherent.clamp(INHERENT_LEAST, most);
        let (mut first, mut second) = (0.0, 0.0);
        for (weight, seen) in self.weighted() {
            let p = channel.loss_at(seen.rate);
            let kept = seen.size - seen.lost;
            first += weight * (seen.lost / p - kept / (1.0 - p));
            second -= weight * (seen.lost / (p * p) + kept / ((1.0 - p) * (1.0 - p)));
        }
        if second < 0.0 {
            channel.inherent -= NEWTON_STEP * first / second;
        }
        channel.inherent = channel.inherent.clamp(INHERENT_LEAST, most);
        channel
    }

    fn likelihood(&self, channel: Channel) -> f64 {
        let distance = HIGHER_UNTIL.max(self.inherent_offset()) - self.average;
        let preference = distance / (HIGHER_EDGE + distance.abs());
        let bias = preference * (HIGHER * channel.capacity + HIGHER_LOG * (1.0 + channel.capacity).ln());
        self.weighted()
            .map(|(weight, seen)| {
                let p = channel.loss_at(seen.rate);
                let kept = seen.size - seen.lost;
                weight * (seen.lost * p.ln() + kept * (1.0 - p).ln() + bias * seen.size)
            })
            .sum()
    }
}

impl Channel {
    fn loss_at(&self, rate: f64) -> f64 {
        let excess = if rate > self.capacity { (rate - self.capacity) / rate } else { 0.0 };
        (self.inherent + (1.0 - self.inherent) * excess).clamp(1e-6, 1.0 - 1e-6)
    }
}

impl Hold {
    fn none() -> Hold {
        Hold { until: None, duration: HOLD_FIRST, rate: None }
    }
}

fn kbps(value: f64) -> Bitrate {
    Bitrate::bps((value * 1000.0) as u64)
}
