//! One bottleneck that several flows share: a rate with a queue that drops its tail, then delay, jitter
//! and losses, by a schedule and by a seed.

use super::dice::Dice;
use snug_media::{Bitrate, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What the link does to packets.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// `None`: as fast as one likes.
    pub rate: Option<Bitrate>,
    /// How long the queue may become.
    pub queue: Duration,
    /// One way.
    pub delay: Duration,
    /// Up to so much more delay for each packet.
    pub jitter: Duration,
    /// Whether jitter may change the order.
    pub reorders: bool,
    /// Share of packets lost by chance,
    pub loss: f64,
    /// in runs of so many on average.
    pub burst: f64,
    /// The link stands still for `.1` every `.0` (not exactly: by the seed), and then lets all go.
    pub stalls: Option<(Duration, Duration)>,
}

impl Conditions {
    pub fn clean() -> Conditions {
        Conditions {
            rate: None,
            queue: Duration::from_millis(300),
            delay: Duration::from_millis(25),
            jitter: Duration::ZERO,
            reorders: false,
            loss: 0.0,
            burst: 1.0,
            stalls: None,
        }
    }

    pub fn rate(kbps: u64) -> Conditions {
        Conditions { rate: Some(Bitrate::kbps(kbps)), ..Conditions::clean() }
    }

    pub fn loss(percent: f64, burst: f64) -> Conditions {
        Conditions { loss: percent / 100.0, burst, ..Conditions::clean() }
    }
}

/// A packet on its way, of the flow with this index.
#[derive(Clone, Debug)]
pub struct Parcel<T> {
    pub flow: usize,
    pub bytes: usize,
    pub content: T,
}

/// One that came out.
#[derive(Clone, Debug)]
pub struct Delivery<T> {
    pub at: Time,
    /// How long it stood in the queue, its own transmission left out.
    pub waited: Duration,
    pub parcel: Parcel<T>,
}

pub struct Link<T> {
    schedule: Vec<(Time, Conditions)>,
    dice: Dice,
    waiting: VecDeque<(Time, Parcel<T>)>,
    waiting_bytes: usize,
    free: Time,
    losing: bool,
    next_stall: Time,
    stalled_until: Time,
    last_out: Time,
    flying: BTreeMap<(Time, u64), (Duration, Parcel<T>)>,
    count: u64,
}

impl<T> Link<T> {
    /// The schedule says from when on what holds; it begins at zero.
    pub fn new(schedule: Vec<(Time, Conditions)>, seed: u64) -> Link<T> {
        Link {
            schedule,
            dice: Dice(seed),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            free: Time::ZERO,
            losing: false,
            next_stall: Time::ZERO,
            stalled_until: Time::ZERO,
            last_out: Time::ZERO,
            flying: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn conditions(&self, now: Time) -> Conditions {
        let at = self.schedule.iter().rev().find(|(from, _)| *from <= now);
        at.map_or(Conditions::clean(), |(_, conditions)| *conditions)
    }

    /// A packet enters; whether it found room.
    pub fn send(&mut self, now: Time, parcel: Parcel<T>) {
        let conditions = self.conditions(now);
        if self.is_lost(conditions) {
            return;
        }
        if let Some(rate) = conditions.rate {
            let room = rate.bytes_in(conditions.queue).max(3000) as usize;
            if self.waiting_bytes + parcel.bytes > room {
                return;
            }
        }
        self.waiting_bytes += parcel.bytes;
        self.waiting.push_back((now, parcel));
    }

    /// Packets that have come out by now.
    pub fn receive(&mut self, now: Time) -> Vec<Delivery<T>> {
        self.serve(now);
        let mut out = Vec::new();
        while let Some(first) = self.flying.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ((at, _), (waited, parcel)) = first.remove_entry();
            out.push(Delivery { at, waited, parcel });
        }
        out
    }

    /// How long what enters now would wait.
    pub fn queue_delay(&self, now: Time) -> Duration {
        match self.conditions(now).rate {
            Some(rate) => Duration::from_secs_f64(self.waiting_bytes as f64 * 8.0 / rate.as_bps() as f64),
            None => Duration::ZERO,
        }
    }

    fn serve(&mut self, now: Time) {
        let conditions = self.conditions(now);
        if let Some((every, length)) = conditions.stalls
            && now >= self.next_stall
        {
            if self.next_stall > Time::ZERO {
                self.stalled_until = now + length;
            }
            let pause = every.as_micros() as u64;
            self.next_stall = now + Duration::from_micros(pause / 2 + self.dice.below(pause));
        }
        while let Some((entered, parcel)) = self.waiting.front() {
            let start = self.free.max(*entered).max(self.stalled_until);
            let takes = conditions.rate.map_or(Duration::ZERO, |rate| {
                Duration::from_secs_f64(parcel.bytes as f64 * 8.0 / rate.as_bps() as f64)
            });
            if start + takes > now {
                return;
            }
            let waited = start.since(*entered);
            self.free = start + takes;
            let Some((_, parcel)) = self.waiting.pop_front() else { return };
            self.waiting_bytes -= parcel.bytes;
            let jitter = Duration::from_micros(self.dice.below(conditions.jitter.as_micros() as u64 + 1));
            let mut out = self.free + conditions.delay + jitter;
            if !conditions.reorders {
                out = out.max(self.last_out);
            }
            self.last_out = self.last_out.max(out);
            self.flying.insert((out, self.count), (waited, parcel));
            self.count += 1;
        }
    }

    /// Gilbert's model: in the bad state everything is lost.
    fn is_lost(&mut self, conditions: Conditions) -> bool {
        let (loss, burst) = (conditions.loss, conditions.burst.max(1.0));
        if burst <= 1.0 {
            return self.dice.happens(loss);
        }
        self.losing = if self.losing {
            !self.dice.happens(1.0 / burst)
        } else {
            self.dice.happens(loss / (burst * (1.0 - loss)))
        };
        self.losing
    }
}
