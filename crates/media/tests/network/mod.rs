//! A network between the two halves of the crate, for tests: it loses, doubles, delays and reorders by a
//! seed, in virtual time.

use snug_media::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Reproducible random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64 <= probability && probability > 0.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }
}

/// What a direction of the network does to packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    pub loss: f64,
    /// Losses come in runs of so many packets on average; up to 1 they are independent.
    pub burst: f64,
    pub duplicates: f64,
    pub delay: Duration,
    pub jitter: Duration,
    /// Whether packets stay in their order however much the delay changes.
    pub ordered: bool,
}

/// One direction.
#[derive(Debug)]
pub struct Network<T> {
    pub conditions: Conditions,
    dice: Dice,
    flying: BTreeMap<(Time, u64), T>,
    sent: u64,
    losing: bool,
    last_arrival: Time,
}

impl<T: Clone> Network<T> {
    pub fn new(conditions: Conditions, seed: u64) -> Network<T> {
        Network {
            conditions,
            dice: Dice(seed),
            flying: BTreeMap::new(),
            sent: 0,
            losing: false,
            last_arrival: Time::ZERO,
        }
    }

    /// Takes a packet; says whether it is not lost.
    pub fn send(&mut self, now: Time, packet: T) -> bool {
        if self.is_lost() {
            return false;
        }
        let copies = 1 + u64::from(self.dice.happens(self.conditions.duplicates));
        for _ in 0..copies {
            let jitter = self.dice.below(self.conditions.jitter.as_micros() as u64 + 1);
            let mut arrives = now + self.conditions.delay + Duration::from_micros(jitter);
            if self.conditions.ordered {
                arrives = arrives.max(self.last_arrival);
            }
            self.last_arrival = self.last_arrival.max(arrives);
            self.flying.insert((arrives, self.sent), packet.clone());
            self.sent += 1;
        }
        true
    }

    /// Gilbert's model: in the bad state everything is lost.
    fn is_lost(&mut self) -> bool {
        let Conditions { loss, burst, .. } = self.conditions;
        if burst <= 1.0 || loss >= 1.0 {
            return self.dice.happens(loss);
        }
        let change = if self.losing { 1.0 / burst } else { loss / (burst * (1.0 - loss)) };
        self.losing ^= self.dice.happens(change);
        self.losing
    }

    /// The next packet that has arrived by now, with the moment at which it did.
    pub fn receive(&mut self, now: Time) -> Option<(Time, T)> {
        let first = self.flying.first_entry().filter(|first| first.key().0 <= now)?;
        let ((arrived, _), packet) = first.remove_entry();
        Some((arrived, packet))
    }
}
