//! Calls and downloads over one bottleneck, in virtual time: what is fast enough to say of a minute of
//! bad network, in a quarter of a second, whether the estimator keeps its promises.
#![allow(dead_code, unreachable_pub)]

pub mod caller;
pub mod dice;
pub mod link;
pub mod reports;
pub mod tcp;

use caller::{Caller, Source};
use link::{Conditions, Link, Parcel};
use snug_media::bwe::Limits;
use snug_media::{Bitrate, Seq, Time};
use std::fmt::Write;
use std::time::Duration;
use tcp::Download;

pub const LIMITS: Limits =
    Limits { min: Bitrate::kbps(30), start: Bitrate::kbps(300), max: Bitrate::kbps(2500) };

pub enum Flow {
    Call(Box<Caller>),
    Download(Box<Download>),
}

#[derive(Clone, Copy)]
enum Content {
    Media(Seq),
    Segment(u64),
}

/// What one moment of 100 ms looked like.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    pub at: Time,
    pub link: Option<Bitrate>,
    /// Of each flow that is a call.
    pub target: Vec<Bitrate>,
    /// Of each flow.
    pub delivered: Vec<usize>,
    /// Of each packet of the calls.
    pub waits: Vec<Duration>,
}

/// Everything that happened.
pub struct Run {
    pub moments: Vec<Moment>,
}

const STEP: Duration = Duration::from_micros(500);
const MOMENT: Duration = Duration::from_millis(100);

pub fn call(source: Source, seed: u64) -> Flow {
    Flow::Call(Box::new(Caller::new(source, LIMITS, seed)))
}

pub fn download(begins: Time) -> Flow {
    Flow::Download(Box::new(Download::new(begins)))
}

pub fn run(schedule: Vec<(Time, Conditions)>, mut flows: Vec<Flow>, length: Duration, seed: u64) -> Run {
    let mut link: Link<Content> = Link::new(schedule, seed);
    let mut moments = Vec::new();
    let mut moment = Moment { delivered: vec![0; flows.len()], ..Moment::default() };
    let mut now = Time::ZERO;
    while now < Time::ZERO + length {
        for delivery in link.receive(now) {
            let parcel = delivery.parcel;
            moment.delivered[parcel.flow] += parcel.bytes;
            match (&mut flows[parcel.flow], parcel.content) {
                (Flow::Call(caller), Content::Media(seq)) => {
                    moment.waits.push(delivery.waited);
                    caller.arrived(delivery.at, seq);
                }
                (Flow::Download(download), Content::Segment(number)) => {
                    download.arrived(delivery.at, number);
                }
                _ => unreachable!("a flow gets what it sent"),
            }
        }
        for (index, flow) in flows.iter_mut().enumerate() {
            match flow {
                Flow::Call(caller) => {
                    for (seq, bytes) in caller.step(now) {
                        link.send(now, Parcel { flow: index, bytes, content: Content::Media(seq) });
                    }
                }
                Flow::Download(download) => {
                    for number in download.step(now) {
                        let content = Content::Segment(number);
                        link.send(now, Parcel { flow: index, bytes: tcp::SEGMENT, content });
                    }
                }
            }
        }
        now += STEP;
        if now.as_micros().is_multiple_of(MOMENT.as_micros() as u64) {
            moment.at = now;
            moment.link = link.conditions(now).rate;
            moment.target = flows
                .iter()
                .filter_map(|flow| match flow {
                    Flow::Call(caller) => Some(caller.estimator.estimate().target),
                    Flow::Download(_) => None,
                })
                .collect();
            let next = Moment { delivered: vec![0; flows.len()], ..Moment::default() };
            moments.push(std::mem::replace(&mut moment, next));
        }
    }
    Run { moments }
}

impl Run {
    fn between(&self, from: f64, to: f64) -> impl Iterator<Item = &Moment> {
        self.moments.iter().filter(move |m| (from..to).contains(&(m.at.as_micros() as f64 / 1e6)))
    }

    /// What a flow got through, on average.
    pub fn rate(&self, flow: usize, from: f64, to: f64) -> Bitrate {
        let bytes: usize = self.between(from, to).map(|m| m.delivered[flow]).sum();
        Bitrate::of(bytes as u64, Duration::from_secs_f64(to - from))
    }

    /// A call's target, on average.
    pub fn target(&self, call: usize, from: f64, to: f64) -> Bitrate {
        let targets: Vec<u64> = self.between(from, to).map(|m| m.target[call].as_bps()).collect();
        Bitrate::bps(targets.iter().sum::<u64>() / targets.len().max(1) as u64)
    }

    /// The lowest target of a call, of halves of a second.
    pub fn least_target(&self, call: usize, from: f64, to: f64) -> Bitrate {
        let halves = ((to - from) * 2.0) as u32;
        let half = |n: u32| from + f64::from(n) / 2.0;
        (0..halves).map(|n| self.target(call, half(n), half(n + 1))).min().unwrap_or_default()
    }

    /// This share of the packets waited no longer in the queue.
    pub fn wait(&self, share: f64, from: f64, to: f64) -> Duration {
        let mut waits: Vec<Duration> = self.between(from, to).flat_map(|m| m.waits.clone()).collect();
        waits.sort();
        waits.get(((waits.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default()
    }

    /// The first second from which on the condition holds of a call's target; none if never.
    pub fn when(&self, call: usize, from: f64, holds: impl Fn(Bitrate) -> bool) -> Option<f64> {
        let found = self.between(from, f64::MAX).find(|m| holds(m.target[call]))?;
        Some(found.at.as_micros() as f64 / 1e6)
    }

    /// The course of it, a line for each few seconds, rounded so that it does not change with the weather.
    pub fn trajectory(&self, seconds: usize) -> String {
        let mut text = String::new();
        for (index, part) in self.moments.chunks(seconds * 10).enumerate() {
            let mut waits: Vec<Duration> = part.iter().flat_map(|m| m.waits.clone()).collect();
            waits.sort();
            let p95 = waits.get(waits.len() * 95 / 100).copied().unwrap_or_default();
            let link = part[0].link.map_or("free".to_owned(), |rate| format!("{}", rate.as_kbps()));
            let _ = write!(text, "{:>3} s  link {link:>5}  target", index * seconds);
            for call in 0..part[0].target.len() {
                let sum: u64 = part.iter().map(|m| m.target[call].as_bps()).sum();
                let _ = write!(text, " {:>5}", rounded(sum as f64 / part.len() as f64 / 1000.0, 50.0));
            }
            let _ = writeln!(text, "  queue {:>4} ms", rounded(p95.as_secs_f64() * 1000.0, 25.0));
        }
        text
    }
}

fn rounded(value: f64, to: f64) -> u64 {
    ((value / to).round() * to) as u64
}
