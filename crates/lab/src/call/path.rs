//! Figures of the way: what the emulated network knows of each direction better than its ends.

use super::CallOptions;
use crate::net::{Flow, Meter, Network, Plan, Side, meter};
use crate::report::{Figures, Quantiles, Recovery};
use std::time::Duration;

/// A sender that knows nothing of the link begins low; utilisation is of the time after it.
const WARM_UP: Duration = Duration::from_secs(5);
/// Rates of a recovery are averaged over this much of what follows.
const SETTLED_FOR: Duration = Duration::from_secs(1);
/// What was sent before a fall is averaged over this much.
const BEFORE: Duration = Duration::from_secs(5);
/// After a fall, what is sent may exceed the new rate by this.
const WITHIN: f64 = 1.10;
/// After a rise, this part of what was sent before the fall is enough.
const BACK_AT: f64 = 0.80;

/// The plan, the meter and the length of a call on an emulated network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// What the network did when.
    pub(super) plan: &'a Plan,
    /// What it carried.
    pub(super) meter: &'a Meter,
    /// From the accepting to the end.
    pub(super) length: Duration,
}

impl Way<'_> {
    /// Adds what the network knows of the way to the person at place `to`. Voice alone is no load for a link: how far it was used and
    /// how it was followed is told of directions with pictures only.
    pub(super) fn add_to(&self, figures: &mut Figures, to: usize, with_pictures: bool) {
        let from = CallOptions::other(to);
        let side = Side::of(from);
        let Some(flow) = self.meter.between(from, to) else { return };
        figures.packets_lost = Some(flow.main_rtp().map_or(0, |rtp| rtp.lost));
        if self.rates(side).all(|(_, _, kbps)| kbps.is_none()) {
            return;
        }
        figures.queue_delay_ms = Quantiles::of(&flow.queue_ms);
        if !with_pictures {
            return;
        }
        figures.link_utilisation = self.share(side, |(sender, _)| Side::of(sender) == side);
        if self.meter.flows().filter(|((sender, _), _)| Side::of(*sender) == side).count() > 1 {
            figures.link_share = self.share(side, |ports| ports == (from, to));
        }
        if self.plan.steps().len() > 1 {
            figures.recovery = Some(self.recoveries(side, flow));
        }
    }

    /// What the download got, in kilobits per second, and as a part of the capacity; `None` when there was none.
    pub(super) fn download(&self) -> Option<(f64, Option<f64>)> {
        let places = Network::download_places();
        let flow = self.meter.between(places.0, places.1)?;
        let kbps = flow.carried.kbps(WARM_UP, self.length);
        Some((kbps, self.share(Side::Left, |ports| ports == places)))
    }

    /// When each rate of a side began and ended.
    fn rates(&self, side: Side) -> impl Iterator<Item = (Duration, Duration, Option<f64>)> {
        let steps = self.plan.steps();
        let ends = steps.iter().skip(1).map(|(at, _)| *at).chain([self.length]);
        let rate = move |shape: &crate::net::Shape| {
            shape.of(side).bottleneck.map(|bottleneck| bottleneck.rate.as_kbps())
        };
        let length = self.length;
        steps
            .iter()
            .zip(ends)
            .map(move |((begin, shape), end)| (*begin, end.min(length), rate(shape)))
            .filter(|(begin, end, _)| begin < end)
    }

    /// The part of a side's capacity that some flows used.
    fn share(&self, side: Side, mut whose: impl FnMut((usize, usize)) -> bool) -> Option<f64> {
        let (mut capacity, mut used) = (0.0, 0.0);
        for (begin, end, kbps) in self.rates(side) {
            let (Some(kbps), begin) = (kbps, begin.max(WARM_UP)) else { continue };
            capacity += kbps * 125.0 * end.saturating_sub(begin).as_secs_f64();
            let flows = self.meter.flows().filter(|(ports, _)| whose(*ports));
            used += flows.map(|(_, flow)| flow.carried.between(begin, end)).sum::<u64>() as f64;
        }
        (capacity > 0.0).then(|| used / capacity)
    }

    fn recoveries(&self, side: Side, flow: &Flow) -> Vec<Recovery> {
        let rates: Vec<_> = self.rates(side).collect();
        let mut before_fall = None;
        let mut recoveries = Vec::new();
        for pair in rates.windows(2) {
            let ((_, at, old), (_, end, new)) = (pair[0], pair[1]);
            // No rate is no change that could be followed to a number.
            let (Some(old), Some(new)) = (old, new) else { continue };
            let settled = if new < old {
                before_fall = Some(flow.offered.kbps(at.saturating_sub(BEFORE), at));
                first(at, end, |from, to| flow.offered.kbps(from, to) <= new * WITHIN)
            } else if new > old {
                // What the link lets through is the most that can be back.
                let wanted = before_fall.unwrap_or(new).min(new) * BACK_AT;
                first(at, end, |from, to| flow.carried.kbps(from, to) >= wanted)
            } else {
                continue;
            };
            let settled_ms = settled.map(|settled| settled.as_secs_f64() * 1000.0);
            recoveries.push(Recovery { at_s: at.as_secs_f64(), rate_kbps: new, settled_ms });
        }
        recoveries
    }
}

/// How long after `at` the first time begins in which something holds.
fn first(at: Duration, end: Duration, mut holds: impl FnMut(Duration, Duration) -> bool) -> Option<Duration> {
    let begins = (0..).map(|slot| at + meter::SLOT * slot);
    let mut begins = begins.take_while(|begin| *begin + SETTLED_FOR <= end);
    begins.find(|begin| holds(*begin, *begin + SETTLED_FOR)).map(|begin| begin - at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::Router;
    use crate::net::router::Place;
    use snug_media::Time;
    use std::net::Ipv4Addr;

    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
    const B: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);
    const C: Ipv4Addr = Ipv4Addr::new(10, 77, 3, 2);
    const BEGIN: Time = Time::from_millis(1000);

    /// An IPv4 packet of no protocol.
    fn packet(from: Ipv4Addr, length: usize) -> Vec<u8> {
        let mut packet = vec![0; length];
        packet[0] = 0x45;
        packet[12..16].copy_from_slice(&from.octets());
        packet[16..20].copy_from_slice(&B.octets());
        packet
    }

    /// Who sends how many kbit/s in which second.
    type Sender = (Ipv4Addr, fn(u64) -> u64);

    /// A minute in which each sender sends, in packets of 500 bytes.
    fn minute(plan: &Plan, senders: &[Sender]) -> Meter {
        let mut router = Router::new(BEGIN, plan.clone(), 1);
        router.plug(A, Place::Side(Side::Left, 0));
        router.plug(B, Place::Side(Side::Right, 1));
        router.plug(C, Place::Side(Side::Left, 2));
        router.begin(BEGIN);
        let mut sent = vec![0; senders.len()];
        for millis in 0..60_000 {
            let now = BEGIN + Duration::from_millis(millis);
            for ((from, kbps), sent) in senders.iter().zip(&mut sent) {
                *sent += kbps(millis / 1000);
                while *sent >= 4000 {
                    router.arrive(now, *from, &packet(*from, 500));
                    *sent -= 4000;
                }
            }
            while router.poll(now).is_some() {}
        }
        router.meter()
    }

    fn figures(plan: &Plan, meter: &Meter) -> Figures {
        let mut figures = Figures::default();
        Way { plan, meter, length: Duration::from_secs(60) }.add_to(&mut figures, 1, true);
        figures
    }

    #[test]
    fn half_a_link_is_half_used_and_the_first_seconds_do_not_count() {
        let plan: Plan = "0:rate=1000+queue=100".parse().unwrap();
        let meter = minute(&plan, &[(A, |second| if second < 5 { 900 } else { 500 })]);
        let figures = figures(&plan, &meter);
        assert!((figures.link_utilisation.unwrap() - 0.5).abs() < 0.01, "{:?}", figures.link_utilisation);
        assert_eq!((figures.link_share, figures.recovery), (None, None));
        assert!(figures.queue_delay_ms.unwrap().p95 < 10.0);
    }

    #[test]
    fn a_voice_does_not_count_as_a_badly_used_link() {
        let plan: Plan = "0:rate=1000,30:rate=500".parse().unwrap();
        let meter = minute(&plan, &[(A, |_| 40)]);
        let mut figures = Figures::default();
        Way { plan: &plan, meter: &meter, length: Duration::from_secs(60) }.add_to(&mut figures, 1, false);
        assert_eq!((figures.link_utilisation, figures.recovery), (None, None));
        assert!(figures.queue_delay_ms.is_some());
    }

    #[test]
    fn two_on_one_link_have_their_shares() {
        let plan: Plan = "0:rate=1000+queue=100".parse().unwrap();
        let meter = minute(&plan, &[(A, |_| 600), (C, |_| 300)]);
        let figures = figures(&plan, &meter);
        assert!((figures.link_utilisation.unwrap() - 0.9).abs() < 0.01);
        assert!((figures.link_share.unwrap() - 0.6).abs() < 0.01);
    }

    #[test]
    fn a_fall_and_a_rise_are_followed_after_so_many_seconds() {
        let plan: Plan =
            "0:rate=2500+queue=300,20:rate=600+queue=300,40:rate=2500+queue=300".parse().unwrap();
        // Two seconds late at the fall, six at the rise.
        let meter = minute(&plan, &[(A, |second| if (22..46).contains(&second) { 550 } else { 2000 })]);
        let recovery = figures(&plan, &meter).recovery.unwrap();
        let settled: Vec<f64> = recovery.iter().map(|it| it.settled_ms.unwrap()).collect();
        assert_eq!(recovery.iter().map(|it| it.at_s).collect::<Vec<_>>(), [20.0, 40.0]);
        assert!((1900.0..=2100.0).contains(&settled[0]), "{settled:?}");
        assert!((5500.0..=6100.0).contains(&settled[1]), "{settled:?}");
    }

    #[test]
    fn what_never_settles_says_so() {
        let plan: Plan = "0:rate=2500,20:rate=600,40:rate=2500".parse().unwrap();
        let meter = minute(&plan, &[(A, |second| if second < 40 { 2000 } else { 300 })]);
        let recovery = figures(&plan, &meter).recovery.unwrap();
        assert!(recovery.iter().all(|it| it.settled_ms.is_none()), "{recovery:?}");
    }

    #[test]
    fn a_link_without_a_rate_has_no_queue_and_cannot_be_used_up() {
        let plan: Plan = "0:delay=25".parse().unwrap();
        let figures = figures(&plan, &minute(&plan, &[(A, |_| 1000)]));
        assert_eq!((figures.link_utilisation, figures.queue_delay_ms), (None, None));
        assert_eq!(figures.packets_lost, Some(0));
    }
}
