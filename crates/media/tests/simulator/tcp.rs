//! A download beside the call: CUBIC (RFC 9438) with its Reno-friendly region, slow start, fast recovery
//! once per round trip, and a time-out.

use snug_media::Time;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub struct Download {
    begins: Time,
    /// In packets.
    window: f64,
    threshold: f64,
    highest: f64,
    epoch: Option<Time>,
    friendly: f64,
    next: u64,
    flying: BTreeMap<u64, Time>,
    acknowledgements: VecDeque<(Time, u64)>,
    recovering_until: u64,
    rtt: f64,
    heard: Time,
}

pub const SEGMENT: usize = 1500;
const BACK: Duration = Duration::from_millis(25);
const BETA: f64 = 0.7;
const C: f64 = 0.4;

impl Download {
    pub fn new(begins: Time) -> Download {
        Download {
            begins,
            window: 10.0,
            threshold: f64::MAX,
            highest: 0.0,
            epoch: None,
            friendly: 0.0,
            next: 0,
            flying: BTreeMap::new(),
            acknowledgements: VecDeque::new(),
            recovering_until: 0,
            rtt: 0.1,
            heard: begins,
        }
    }

    /// Numbers of the segments that leave now.
    pub fn step(&mut self, now: Time) -> Vec<u64> {
        if now < self.begins {
            return Vec::new();
        }
        while self.acknowledgements.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, number)) = self.acknowledgements.pop_front() {
                self.acknowledged(now, number);
            }
        }
        if now.since(self.heard) > Duration::from_secs(1) {
            self.flying.clear();
            self.threshold = (self.window * 0.5).max(2.0);
            (self.window, self.heard, self.epoch) = (1.0, now, None);
        }
        let mut left = Vec::new();
        while (self.flying.len() as f64) < self.window.floor() {
            self.flying.insert(self.next, now);
            left.push(self.next);
            self.next += 1;
        }
        left
    }

    pub fn arrived(&mut self, at: Time, number: u64) {
        self.acknowledgements.push_back((at + BACK, number));
    }

    fn acknowledged(&mut self, now: Time, number: u64) {
        self.heard = now;
        let Some(sent) = self.flying.remove(&number) else { return };
        self.rtt = 0.875 * self.rtt + 0.125 * now.since(sent).as_secs_f64();
        // Three later ones have come: what is missing is lost.
        let lost: Vec<u64> = self.flying.range(..number.saturating_sub(2)).map(|(lost, _)| *lost).collect();
        for number in &lost {
            self.flying.remove(number);
        }
        if lost.iter().any(|lost| *lost >= self.recovering_until) {
            self.recovering_until = self.next;
            self.highest = self.window;
            self.window = (self.window * BETA).max(2.0);
            self.threshold = self.window;
            self.friendly = self.window;
            self.epoch = Some(now);
        } else if self.window < self.threshold {
            self.window += 1.0;
        } else {
            let epoch = *self.epoch.get_or_insert(now);
            let k = (self.highest * (1.0 - BETA) / C).cbrt();
            let t = now.since(epoch).as_secs_f64() + self.rtt;
            let cubic = C * (t - k).powi(3) + self.highest;
            self.friendly += 3.0 * (1.0 - BETA) / (1.0 + BETA) / self.window;
            let goal = cubic.max(self.friendly).min(1.5 * self.window);
            self.window += ((goal - self.window) / self.window).max(0.0);
        }
    }
}
