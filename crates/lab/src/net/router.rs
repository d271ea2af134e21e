//! The router in the middle: ports, the links between them, and a meter at each; told the time, and without any I/O.
//!
//! # Where a profile is applied
//!
//! A port is one namespace's way to all others. Its people's ports are on the left (a, c) or on the right (b, d), and there is one
//! shaped [`Link`] in each direction between the sides. A packet from a to b passes the left link and nothing else, so `delay=25`
//! is 25 ms from a to b and 25 ms from b to a: each profile shapes what its side *sends*, and nothing is shaped twice. Whoever is on
//! the same side shares that link: a second call, a download. To and from the server it is [`SERVER_DELAY`] and nothing else, so that
//! what is measured is the media's path, and a lost packet of the signalling does not make a call begin seconds later in one run and
//! not in the next.

use super::link::Link;
use super::meter::Meter;
use super::packet::Header;
use super::plan::{Plan, Side};
use super::profile::Profile;
use snug_media::Time;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// One way between a person and the server: a server in the same country.
pub const SERVER_DELAY: Duration = Duration::from_millis(10);
/// The seed of one side's link is another than the other's.
const OTHER_SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a port leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The server.
    Server,
    /// Somebody on a side: a person, or an end of a download. The number is the flow's in the [`Meter`].
    Side(Side, usize),
}

/// A packet and the address of the port that it goes out of.
#[derive(Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The port's address.
    pub to: Ipv4Addr,
    /// The IP packet.
    pub packet: Vec<u8>,
    /// When it had to leave.
    pub due: Time,
}

#[derive(Debug)]
struct Carried {
    packet: Vec<u8>,
    /// The places in the meter, for what passes a shaped link.
    flow: Option<(usize, usize)>,
    rtp: Option<u8>,
    to: Ipv4Addr,
}

/// Routes packets by their address.
#[derive(Debug)]
pub struct Router {
    places: BTreeMap<Ipv4Addr, Place>,
    /// From the left, from the right, and to and from the server.
    links: [Link<Carried>; 3],
    plan: Plan,
    begun: Option<Time>,
    /// The plan's next step.
    step: usize,
    meter: Meter,
}

impl Router {
    /// A router without ports, in the plan's first shape until [`Router::begin`].
    pub fn new(now: Time, plan: Plan, seed: u64) -> Router {
        let near = Profile { delay: SERVER_DELAY, ..Profile::default() };
        let first = *plan.first();
        let links = [
            Link::new(now, first.left, seed),
            Link::new(now, first.right, seed ^ OTHER_SEED),
            Link::new(now, near, seed),
        ];
        Router { places: BTreeMap::new(), links, plan, begun: None, step: 1, meter: Meter::default() }
    }

    /// There is a port now.
    pub fn plug(&mut self, address: Ipv4Addr, place: Place) {
        self.places.insert(address, place);
    }

    /// There is no such port any more: what is still on its way to it is lost.
    pub fn unplug(&mut self, address: Ipv4Addr) {
        self.places.remove(&address);
    }

    /// The plan's zero is now, and from now on it is measured.
    pub fn begin(&mut self, now: Time) {
        self.begun = Some(now);
        self.step = 1;
        self.meter.begin(now);
    }

    /// A packet came in. What has no port to go to, or no business on the port it came from, is dropped.
    pub fn arrive(&mut self, now: Time, from: Ipv4Addr, packet: &[u8]) {
        self.follow_plan(now);
        let Some(header) = Header::read(packet).filter(|header| header.source == from) else { return };
        let to = header.destination;
        let (Some(&source), Some(&target)) = (self.places.get(&from), self.places.get(&to)) else { return };
        let (link, flow) = match (source, target) {
            (Place::Side(side, from), Place::Side(_, to)) => (side as usize, Some((from, to))),
            _ => (2, None),
        };
        let (bytes, rtp) = (packet.len(), header.rtp);
        if let Some((since, flow)) = flow.and_then(|flow| self.meter.flow(now, flow)) {
            flow.offer(since, bytes, rtp);
        }
        let carried = Carried { packet: packet.to_vec(), flow, rtp, to };
        if let Err(dropped) = self.links[link].push(now, bytes, carried)
            && let Some((_, flow)) = dropped.flow.and_then(|flow| self.meter.flow(now, flow))
        {
            flow.drop_one(dropped.rtp);
        }
    }

    /// The next packet that has to leave by now.
    pub fn poll(&mut self, now: Time) -> Option<Leaving> {
        self.follow_plan(now);
        loop {
            let out = self.links.iter_mut().find_map(|link| link.poll(now))?;
            let Carried { packet, flow, rtp, to } = out.packet;
            if let Some((since, flow)) = flow.and_then(|flow| self.meter.flow(now, flow)) {
                flow.carry(since, packet.len(), out.queued);
                if out.lost {
                    flow.lose_one(rtp);
                }
            }
            if !out.lost && self.places.contains_key(&to) {
                return Some(Leaving { to, packet, due: out.due });
            }
        }
    }

    /// When [`Router::poll`] has something next, or the plan its next step.
    pub fn next_at(&self) -> Option<Time> {
        let links = self.links.iter().filter_map(Link::next_at);
        links.chain(self.next_step().map(|(at, _)| at)).min()
    }

    /// What was measured since the begin.
    pub fn meter(self) -> Meter {
        self.meter
    }

    fn next_step(&self) -> Option<(Time, super::plan::Shape)> {
        let (at, shape) = self.plan.steps().get(self.step)?;
        Some((self.begun? + *at, *shape))
    }

    fn follow_plan(&mut self, now: Time) {
        while let Some((at, shape)) = self.next_step().filter(|(at, _)| *at <= now) {
            for side in Side::BOTH {
                self.links[side as usize].set_profile(at, *shape.of(side));
            }
            self.step += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::packet::tests::rtp_packet;
    use super::*;
    use proptest::prelude::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
    const B: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);
    const BEGIN: Time = Time::from_millis(5000);

    fn ms(millis: u64) -> Time {
        BEGIN + Duration::from_millis(millis)
    }

    fn router(plan: &str) -> Router {
        let mut router = Router::new(BEGIN, plan.parse().unwrap(), 1);
        router.plug(SERVER, Place::Server);
        router.plug(A, Place::Side(Side::Left, 0));
        router.plug(B, Place::Side(Side::Right, 1));
        router.begin(BEGIN);
        router
    }

    /// When each packet leaves, in milliseconds, and where.
    fn left(router: &mut Router) -> Vec<(u64, Ipv4Addr)> {
        let mut left = Vec::new();
        while let Some(at) = router.next_at() {
            while let Some(out) = router.poll(at) {
                left.push((out.due.since(BEGIN).as_millis() as u64, out.to));
            }
        }
        left
    }

    #[test]
    fn a_delay_is_once_in_each_direction_and_the_server_is_near() {
        let mut router = router("0:delay=25+loss=0");
        for (from, to) in [(A, B), (B, A), (A, SERVER), (SERVER, B)] {
            router.arrive(ms(0), from, &rtp_packet(from, to, 96, 200));
        }
        assert_eq!(left(&mut router), [(10, SERVER), (10, B), (25, B), (25, A)]);
    }

    #[test]
    fn each_side_has_the_profile_of_what_it_sends() {
        let mut router = router("0:a/delay=40;b/delay=5");
        router.arrive(ms(0), A, &rtp_packet(A, B, 96, 200));
        router.arrive(ms(0), B, &rtp_packet(B, A, 96, 200));
        assert_eq!(left(&mut router), [(5, A), (40, B)]);
    }

    #[test]
    fn the_schedule_is_followed_from_the_begin_on() {
        let mut router = router("0:delay=10,2:delay=100");
        for at in [1900, 2000, 2100] {
            router.arrive(ms(at), A, &rtp_packet(A, B, 96, 200));
        }
        assert_eq!(left(&mut router), [(1910, B), (2100, B), (2200, B)]);
    }

    #[test]
    fn one_side_shares_its_link_and_each_flow_is_measured() {
        let c = Ipv4Addr::new(10, 77, 3, 2);
        let mut router = router("0:rate=800+queue=25");
        router.plug(c, Place::Side(Side::Left, 2));
        // Four packets of 1000 bytes at 10 ms each: the last has no room.
        for from in [A, c, A, c] {
            router.arrive(ms(0), from, &rtp_packet(from, B, 96, 1000));
        }
        assert_eq!(left(&mut router), [(10, B), (20, B), (30, B)]);
        let meter = router.meter();
        let (first, second) = (meter.between(0, 1).unwrap(), meter.between(2, 1).unwrap());
        let second_long = Duration::from_secs(1);
        assert_eq!(first.carried.between(Duration::ZERO, second_long), 2000);
        assert_eq!(second.carried.between(Duration::ZERO, second_long), 1000);
        assert_eq!(second.offered.between(Duration::ZERO, second_long), 2000);
        assert_eq!((second.dropped, second.main_rtp().unwrap().lost), (1, 1));
        assert_eq!((first.queue_ms.quantile(1.0), second.queue_ms.quantile(1.0)), (Some(20.0), Some(10.0)));
    }

    #[test]
    fn nothing_comes_to_an_address_that_went_away() {
        let mut router = router("0:delay=25");
        router.arrive(ms(0), A, &rtp_packet(A, B, 96, 200));
        router.unplug(B);
        router.arrive(ms(1), A, &rtp_packet(A, B, 96, 200));
        router.arrive(ms(1), B, &rtp_packet(B, A, 96, 200));
        assert_eq!(left(&mut router), []);
    }

    proptest! {
        #[test]
        fn rubbish_goes_nowhere(packets in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..60), 0..20)) {
            let mut router = router("0:delay=25+rate=100");
            for packet in &packets {
                router.arrive(ms(0), A, packet);
            }
            prop_assert_eq!(left(&mut router), []);
        }
    }
}
