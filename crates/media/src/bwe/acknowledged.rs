//! What arrives: the rate of the bytes that the receiver has confirmed.
//!
//! Measured over a window of arrivals like libwebrtc's robust throughput estimator: the lesser of the
//! rates at which the same packets were sent and received, with the longest pause between arrivals
//! shortened to the second longest, so that one stall is not taken for a slow link.

use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
struct Arrival {
    sent: Time,
    received: Time,
    bytes: usize,
}

/// The measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct Acknowledged {
    /// In the order of arrival.
    arrivals: VecDeque<Arrival>,
}

/// The usual window: 15 frames of video, 25 of voice.
const WINDOW: Duration = Duration::from_millis(500);
/// For the moment of congestion: five or six frames, so that a new rate shows at once.
const SHORT: Duration = Duration::from_millis(180);
/// A window holds so many packets at least, whatever it takes,
const PACKETS: usize = 20;
/// the short one fewer,
const SHORT_PACKETS: usize = 8;
/// but nothing older than this.
const OLDEST: Duration = Duration::from_millis(2500);
/// What comes slower than this share of the sending fills a queue.
const FILLS: f64 = 0.95;
/// Fewer packets give no rate.
const LEAST_PACKETS: usize = 6;

impl Acknowledged {
    /// A packet arrived. Packets come in the order of arrival, apart from late ones.
    pub(super) fn packet(&mut self, sent: Time, received: Time, bytes: usize) {
        let after = self.arrivals.iter().rev().take_while(|later| later.received > received).count();
        let place = self.arrivals.len() - after;
        self.arrivals.insert(place, Arrival { sent, received, bytes });
        let newest = self.arrivals.back().map_or(received, |last| last.received);
        while let Some(first) = self.arrivals.front() {
            let age = newest.since(first.received);
            if age <= WINDOW || (age <= OLDEST && self.arrivals.len() <= PACKETS) {
                break;
            }
            self.arrivals.pop_front();
        }
    }

    /// The rate over half a second, or longer where packets are few.
    pub(super) fn rate(&self) -> Option<Bitrate> {
        rate_of(self.arrivals.iter())
    }

    /// What the path passed in the last moment, if more was sent than it did: its capacity then, whatever was sent before.
    pub(super) fn capacity(&self) -> Option<Bitrate> {
        let newest = self.arrivals.back()?.received;
        let within = self.arrivals.iter().rev().take_while(|a| newest.since(a.received) <= SHORT).count();
        let count = within.max(SHORT_PACKETS).min(self.arrivals.len());
        let (sent, received) = rates_of(self.arrivals.iter().skip(self.arrivals.len() - count))?;
        (received < times(sent, FILLS)).then_some(received)
    }
}

fn rate_of<'a>(arrivals: impl Iterator<Item = &'a Arrival> + Clone) -> Option<Bitrate> {
    let (sent, received) = rates_of(arrivals)?;
    Some(received.min(sent))
}

/// At which these packets were sent, and received.
fn rates_of<'a>(arrivals: impl Iterator<Item = &'a Arrival> + Clone) -> Option<(Bitrate, Bitrate)> {
    let first = arrivals.clone().next()?;
    let count = arrivals.clone().count();
    if count < LEAST_PACKETS {
        return None;
    }
    let bytes: usize = arrivals.clone().map(|a| a.bytes).sum();
    let (mut first_sent, mut last_sent, mut last_received) = (first.sent, *first, first.received);
    let (mut longest, mut second) = (Duration::ZERO, Duration::ZERO);
    for arrival in arrivals {
        let pause = arrival.received.since(last_received);
        if pause > longest {
            second = longest;
            longest = pause;
        } else {
            second = second.max(pause);
        }
        last_received = arrival.received;
        first_sent = first_sent.min(arrival.sent);
        if arrival.sent >= last_sent.sent {
            last_sent = *arrival;
        }
    }
    // N packets span N-1 intervals: leave out the one that the span does not cover.
    let receiving = last_received.since(first.received).saturating_sub(longest) + second;
    let sending = last_sent.sent.since(first_sent);
    let shortest = Duration::from_millis(1);
    let received = Bitrate::of((bytes - first.bytes) as u64, receiving.max(shortest));
    let sent = Bitrate::of((bytes - last_sent.bytes) as u64, sending.max(shortest));
    Some((sent, received))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(acknowledged: &mut Acknowledged, clock: &mut u64, kbps: u64, packets: u64, delay: u64) {
        for _ in 0..packets {
            *clock += 1000 * 8 * 1000 / kbps;
            let sent = Time::from_micros(*clock);
            acknowledged.packet(sent, sent + Duration::from_millis(delay), 1000);
        }
    }

    #[test]
    fn a_steady_rate_is_measured_exactly_and_a_stall_does_not_lower_it() {
        let (mut acknowledged, mut clock) = (Acknowledged::default(), 0);
        assert_eq!(acknowledged.rate(), None);
        feed(&mut acknowledged, &mut clock, 800, 200, 20);
        assert_eq!(acknowledged.rate(), Some(Bitrate::kbps(800)));
        // Everything of 200 ms arrives at once, late.
        let release = Time::from_micros(clock + 230_000);
        for n in 1..=20 {
            acknowledged.packet(Time::from_micros(clock + n * 10_000), release, 1000);
        }
        let after = acknowledged.rate().unwrap_or_default().as_kbps();
        assert!((700.0..=900.0).contains(&after), "{after}");
    }

    #[test]
    fn a_path_that_became_slow_shows_at_once_and_a_sender_that_did_says_nothing_of_it() {
        let (mut acknowledged, mut clock) = (Acknowledged::default(), 0);
        feed(&mut acknowledged, &mut clock, 2000, 500, 20);
        assert_eq!(acknowledged.capacity(), None, "it came as fast as it went");
        let mut slower = acknowledged.clone();
        feed(&mut slower, &mut clock.clone(), 500, 12, 20);
        assert_eq!(slower.capacity(), None, "less was sent");
        for n in 1..=40 {
            // 2000 kbit/s into 500.
            let (sent, received) = (clock + n * 4000, clock + 20_000 + n * 16_000);
            acknowledged.packet(Time::from_micros(sent), Time::from_micros(received), 1000);
        }
        let capacity = acknowledged.capacity().unwrap_or_default().as_kbps();
        assert!((480.0..=520.0).contains(&capacity), "{capacity}");
    }
}
