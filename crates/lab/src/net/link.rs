//! One direction of an emulated network: told the time, and given the same packets at the same times it does the same.
//!
//! In this order: a queue in front of a rate, where what would wait too long is dropped as it comes; loss on the way, so that a lost
//! packet has used the rate as it does on radio; delay with jitter; spikes. Packets never overtake one another: real paths seldom
//! let them, and reordering would be charged to whoever measures jitter.

use super::loss::Loss;
use super::profile::{Profile, Spike};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use snug_media::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// A link that carries `T`s.
#[derive(Debug)]
pub struct Link<T> {
    profile: Profile,
    random: StdRng,
    loss: Loss,
    queue: VecDeque<Queued<T>>,
    /// Bytes in the queue.
    backlog: usize,
    /// When the rate has room for the next packet.
    free_at: Time,
    way: VecDeque<Out<T>>,
    /// When the last packet comes out: none comes out before it.
    last_due: Time,
    /// The spike that is on or comes next.
    spike: Option<(Time, Spike)>,
}

#[derive(Debug)]
struct Queued<T> {
    arrived: Time,
    bytes: usize,
    packet: T,
}

/// A packet at the end of the link.
#[derive(Debug, PartialEq, Eq)]
pub struct Out<T> {
    /// The packet.
    pub packet: T,
    /// When it comes out; for a lost one, when that happened.
    pub due: Time,
    /// How long it waited for the rate.
    pub queued: Duration,
    /// Whether it was lost on the way.
    pub lost: bool,
}

impl<T> Link<T> {
    /// A link that draws its chances from `seed`.
    pub fn new(now: Time, profile: Profile, seed: u64) -> Link<T> {
        let mut link = Link {
            profile: Profile::default(),
            random: StdRng::seed_from_u64(seed),
            loss: Loss::default(),
            queue: VecDeque::new(),
            backlog: 0,
            free_at: Time::ZERO,
            way: VecDeque::new(),
            last_due: Time::ZERO,
            spike: None,
        };
        link.set_profile(now, profile);
        link
    }

    /// From now on another profile. What waits for the rate gets the new one; what is on its way comes as it would have.
    pub fn set_profile(&mut self, now: Time, profile: Profile) {
        self.advance(now);
        self.loss = Loss::new(&profile);
        self.spike = profile.spike.map(|spike| (now + pause(&mut self.random, &spike), spike));
        self.profile = profile;
    }

    /// Takes a packet of this many bytes, or gives it back when the queue is full. `now` never goes back.
    pub fn push(&mut self, now: Time, bytes: usize, packet: T) -> Result<(), T> {
        self.advance(now);
        if let Some(bottleneck) = self.profile.bottleneck {
            let wait = self.free_at.since(now) + transmission(self.backlog, bottleneck.rate.as_bps());
            if wait > bottleneck.queue {
                return Err(packet);
            }
        }
        self.backlog += bytes;
        self.queue.push_back(Queued { arrived: now, bytes, packet });
        self.advance(now);
        Ok(())
    }

    /// The next packet that is out, or was lost, by now.
    pub fn poll(&mut self, now: Time) -> Option<Out<T>> {
        self.advance(now);
        self.way.pop_front_if(|out| out.due <= now)
    }

    /// When [`Link::poll`] has something next.
    pub fn next_at(&self) -> Option<Time> {
        let served = self.queue.front().map(|next| next.arrived.max(self.free_at));
        let out = self.way.front().map(|out| out.due);
        [served, out].into_iter().flatten().min()
    }

    /// Serves the queue up to now. What it decides depends on the packets' times alone, not on when it is called.
    fn advance(&mut self, now: Time) {
        while let Some(next) = self.queue.pop_front_if(|next| next.arrived.max(self.free_at) <= now) {
            let begin = next.arrived.max(self.free_at);
            let rate = self.profile.bottleneck.map(|bottleneck| bottleneck.rate.as_bps());
            let end = begin + rate.map_or(Duration::ZERO, |rate| transmission(next.bytes, rate));
            self.free_at = end;
            self.backlog -= next.bytes;
            let lost = self.loss.next(&mut self.random);
            let due = if lost { end } else { self.due(end) };
            self.last_due = self.last_due.max(due);
            let out =
                Out { packet: next.packet, due: self.last_due, queued: begin.since(next.arrived), lost };
            self.way.push_back(out);
        }
    }

    fn due(&mut self, sent: Time) -> Time {
        let jitter = self.profile.jitter.as_micros() as i64;
        let shift = if jitter == 0 { 0 } else { self.random.gen_range(-jitter..=jitter) };
        let due = (sent + self.profile.delay).shifted(shift).max(sent);
        // Nothing comes out before what was held by an earlier spike, so that one that is over is over for good.
        while let Some((begin, spike)) = self.spike {
            if due < begin {
                break;
            }
            if due < begin + spike.hold {
                return begin + spike.hold;
            }
            self.spike = Some((begin + pause(&mut self.random, &spike), spike));
        }
        due
    }
}

/// From one spike's beginning to the next's.
fn pause(random: &mut StdRng, spike: &Spike) -> Duration {
    spike.every.mul_f64(random.gen_range(0.8..=1.2))
}

/// How long so many bytes take; a rate is never zero in a profile.
fn transmission(bytes: usize, rate: u64) -> Duration {
    Duration::from_micros((bytes as u64 * 8_000_000).div_ceil(rate.max(1)))
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
