//! How the spacing of packets changed between leaving and arriving.
//!
//! Packets sent within 5 ms form a group, because a pacer and the network interface send in clumps whose
//! inner spacing says nothing; so do packets that arrive in a clump after having been held up together
//! (draft-ietf-rmcat-gcc-02 §5.2 and libwebrtc's inter-arrival filter). What comes out is the difference
//! between two groups that follow one another.

use crate::time::Time;
use std::time::Duration;

/// From one group's last packet to the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupDelta {
    /// Between the sendings, by the sender's clock.
    pub(super) sent: Duration,
    /// Between the arrivals, by the receiver's clock.
    pub(super) received: Duration,
    /// When the later group was complete, by the receiver's clock.
    pub(super) at: Time,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Time,
    last_sent: Time,
    first_received: Time,
    last_received: Time,
    /// When the report of its last packet came, by the sender's clock.
    reported: Time,
}

/// Puts packets into groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    current: Option<Group>,
    previous: Option<Group>,
    reordered_in_a_row: u32,
}

/// A pacer that wakes every 5 ms sends a group each time.
const GROUP: Duration = Duration::from_millis(5);
/// Arrivals this close together, though sent further apart, were released together.
const BURST_GAP: Duration = Duration::from_millis(5);
/// No burst is longer, or a steadily draining queue would be a single one.
const BURST_MOST: Duration = Duration::from_millis(100);
/// The receiver's clock ran away from ours by this: it was set, or the machine slept.
const CLOCK_JUMP_MICROS: i64 = 3_000_000;
/// So many groups in a row that arrive before their predecessor mean a new path or a new clock.
const REORDERED_RESET: u32 = 3;

impl Arrivals {
    /// The next packet in the order of arrival. Gives a difference when it begins a new group and two
    /// complete ones lie before it.
    pub(super) fn packet(&mut self, now: Time, sent: Time, received: Time) -> Option<GroupDelta> {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::of(now, sent, received));
            return None;
        };
        if sent < current.first_sent {
            return None; // overtaken within the network: its group is over
        }
        if !current.is_followed_by(sent, received) {
            current.last_sent = current.last_sent.max(sent);
            current.last_received = received;
            current.reported = now;
            return None;
        }
        let complete = *current;
        let previous = self.previous.replace(complete);
        self.current = Some(Group::of(now, sent, received));
        let previous = previous?;
        let arrived_after = complete.last_received.micros_from(previous.last_received);
        let reported_after = complete.reported.micros_from(previous.reported);
        if arrived_after.saturating_sub(reported_after) >= CLOCK_JUMP_MICROS {
            *self = Arrivals::default();
            return None;
        }
        if arrived_after < 0 {
            self.reordered_in_a_row += 1;
            if self.reordered_in_a_row >= REORDERED_RESET {
                *self = Arrivals::default();
            }
            return None;
        }
        self.reordered_in_a_row = 0;
        Some(GroupDelta {
            sent: complete.last_sent.since(previous.last_sent),
            received: complete.last_received.since(previous.last_received),
            at: complete.last_received,
        })
    }
}

impl Group {
    fn of(now: Time, sent: Time, received: Time) -> Group {
        Group {
            first_sent: sent,
            last_sent: sent,
            first_received: received,
            last_received: received,
            reported: now,
        }
    }

    /// Whether this packet begins a new group.
    fn is_followed_by(&self, sent: Time, received: Time) -> bool {
        let sent_after = sent.micros_from(self.last_sent);
        let received_after = received.micros_from(self.last_received);
        let caught_up = received_after < sent_after
            && received_after <= BURST_GAP.as_micros() as i64
            && received.since(self.first_received) < BURST_MOST;
        !(sent_after == 0 || caught_up) && sent.since(self.first_sent) > GROUP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn deltas(packets: &[(u64, u64)]) -> Vec<(u128, u128)> {
        let mut arrivals = Arrivals::default();
        packets
            .iter()
            .filter_map(|(sent, received)| arrivals.packet(at(*received), at(*sent), at(*received)))
            .map(|delta| (delta.sent.as_millis(), delta.received.as_millis()))
            .collect()
    }

    #[test]
    fn what_was_sent_within_five_milliseconds_is_one_group() {
        let packets = [(0, 50), (3, 53), (20, 72), (24, 76), (40, 95), (60, 110)];
        assert_eq!(deltas(&packets), [(21, 23), (16, 19)]);
    }

    #[test]
    fn what_was_held_up_and_released_together_is_one_group() {
        // Sent every 10 ms; the link stalls and lets three go at once.
        let packets = [(0, 50), (10, 60), (20, 100), (30, 101), (40, 102), (50, 110), (60, 120)];
        assert_eq!(deltas(&packets), [(10, 10), (30, 42), (10, 8)]);
    }

    #[test]
    fn a_receiver_whose_clock_goes_back_starts_anew() {
        let mut arrivals = Arrivals::default();
        let mut seen = 0;
        for n in 0..40_u64 {
            let received = if n < 20 { 5000 + n * 10 } else { n * 10 };
            seen += usize::from(arrivals.packet(at(n * 10), at(n * 10), at(received)).is_some());
        }
        assert!(seen > 30, "{seen}");
    }
}
