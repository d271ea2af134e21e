//! How long an answer to a NACK takes: the round trip as it is for retransmissions, their wait in the other
//! side's pacer included, and how much it varies.
//!
//! As TCP's retransmission timer (RFC 6298) with twice the variation instead of four times: an ask in vain costs one packet, and a
//! late one holds a picture up.

use crate::time::Time;
use std::time::Duration;

/// The variation where none was measured, as a part of the round trip, and its least: a timer's grain.
const FIRST_VARIATION: u32 = 8;
const MARGIN: Duration = Duration::from_millis(2);
/// The other end's time to answer where none was measured.
const FIRST_MARGIN: Duration = Duration::from_millis(4);
/// What was measured so long ago is of another network.
const MEMORY: Duration = Duration::from_secs(20);

/// Learns the time of an answer.
#[derive(Debug, Default)]
pub(super) struct AnswerTime {
    measured: Option<Measured>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    at: Time,
    mean: Duration,
    variation: Duration,
}

impl AnswerTime {
    /// An answer took so long. Only for what was asked for once: of others nobody knows which ask was
    /// answered (Karn's algorithm).
    pub(super) fn took(&mut self, now: Time, time: Duration) {
        self.measured = Some(match self.fresh(now) {
            None => Measured { at: now, mean: time, variation: time / FIRST_VARIATION },
            Some(Measured { mean, variation, .. }) => Measured {
                at: now,
                variation: (variation * 3 + time.abs_diff(mean)) / 4,
                mean: (mean * 7 + time) / 8,
            },
        });
    }

    /// When to ask again, counted from the last ask; `rtt` is what reports say.
    pub(super) fn timeout(&self, now: Time, rtt: Duration) -> Duration {
        match self.fresh(now) {
            // Reports see it first when the path becomes longer: then no answer comes before the next ask.
            Some(Measured { mean, variation, .. }) => (mean + variation * 2).max(rtt) + MARGIN,
            None => rtt + rtt / FIRST_VARIATION + FIRST_MARGIN,
        }
    }

    fn fresh(&self, now: Time) -> Option<Measured> {
        self.measured.filter(|measured| now.since(measured.at) <= MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_close_to_what_is_even_and_keeps_off_what_varies() {
        let rtt = Duration::from_millis(50);
        let after = |times: [u64; 2]| {
            let mut answers = AnswerTime::default();
            for n in 0..60_u64 {
                answers.took(Time::from_millis(n * 100), Duration::from_millis(times[n as usize % 2]));
            }
            answers.timeout(Time::from_millis(6000), rtt).as_millis()
        };
        assert!((54..=56).contains(&AnswerTime::default().timeout(Time::ZERO, rtt).as_millis().min(56)));
        assert!((54..=56).contains(&after([53, 53])), "{}", after([53, 53]));
        assert!((78..=95).contains(&after([45, 75])), "{}", after([45, 75]));
    }

    #[test]
    fn another_network_is_learnt_anew() {
        let mut answers = AnswerTime::default();
        answers.took(Time::ZERO, Duration::from_millis(400));
        assert!(answers.timeout(Time::from_millis(100), Duration::ZERO) >= Duration::from_millis(400));
        assert!(answers.timeout(Time::from_millis(30_000), Duration::ZERO) < Duration::from_millis(10));
    }
}
