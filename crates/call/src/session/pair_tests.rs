//! Two sides against each other through a relay that loses, repeats and reorders, with slow peer connections and glare.

#![allow(clippy::unwrap_used)]

use super::*;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use snug_media::Time;
use snug_protocol::pair::{PairSignal, SdpKind};
use snug_protocol::signal::Envelope;
use snug_protocol::{CallId, DeviceId, JoinId};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// A peer connection that has only its descriptions. It panics where a real one would be in the wrong state.
#[derive(Default)]
struct Connection {
    name: &'static str,
    made: u32,
    generation: u32,
    /// Which of this side's connections it is; each has a certificate of its own.
    number: u32,
    /// Its handshake never ends.
    stuck: bool,
    pending_local: Option<String>,
    local: Option<String>,
    remote: Option<String>,
    heard: BTreeSet<String>,
    link: Option<Link>,
}

impl Connection {
    fn describe(&mut self, kind: &str, to: &str) -> String {
        self.made += 1;
        let Connection { name, made, generation, number, .. } = self;
        format!("{kind} {name}{made} to {to}\na=ice-ufrag:{name}{generation}\na=fingerprint:{name}{number}\n")
    }

    /// The one that replaces it.
    fn renewed(&self) -> Connection {
        let Connection { name, made, generation, number, .. } = *self;
        Connection { name, made, generation, number: number + 1, ..Connection::default() }
    }

    /// DTLS is tied to one other side.
    fn apply(&mut self, sdp: String) {
        if let Some(before) = &self.remote {
            let [before, now] = [before, &sdp].map(|sdp| super::candidates::fingerprint(sdp));
            assert_eq!(before, now, "{}: another connection than the one before", self.name);
        }
        self.remote = Some(sdp);
    }

    fn candidate(&self) -> Candidate {
        let ufrag = Some(format!("{}{}", self.name, self.generation));
        Candidate { candidate: "candidate:1".into(), mid: Some("0".into()), line: Some(0), ufrag }
    }

    fn perform(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::MakeOffer { exchange, restart } => {
                assert!(self.pending_local.is_none(), "an offer is set already");
                if restart || self.local.is_none() && self.remote.is_none() {
                    self.generation += 1;
                    // It checks, and is connected anew.
                    self.link = None;
                }
                let sdp = self.describe("offer", "all");
                self.pending_local = Some(sdp.clone());
                vec![Input::LocalCandidate(self.candidate()), Input::OfferMade { exchange, sdp }]
            }
            Output::Rollback => {
                assert!(self.pending_local.take().is_some(), "nothing to take back");
                Vec::new()
            }
            Output::ApplyOffer { exchange, sdp } => {
                assert!(self.pending_local.is_none(), "an offer of ours is set");
                if !sdp.starts_with("offer") {
                    return vec![Input::Refused { exchange }];
                }
                let fresh =
                    |old: &String| !super::candidates::ufrags(old).eq(super::candidates::ufrags(&sdp));
                if self.remote.as_ref().is_none_or(fresh) {
                    self.generation += 1;
                    self.link = None;
                }
                let answer = self.describe("answer", sdp.lines().next().unwrap());
                self.apply(sdp);
                self.local = Some(answer.clone());
                vec![Input::AnswerMade { exchange, sdp: answer }, Input::LocalCandidate(self.candidate())]
            }
            Output::ApplyAnswer { exchange, sdp } => {
                let offer = self.pending_local.clone().expect("an answer needs an offer");
                if !sdp.contains(offer.lines().next().unwrap()) {
                    panic!("{}: {sdp:?} is no answer to {offer:?}", self.name);
                }
                self.local = self.pending_local.take();
                self.apply(sdp);
                vec![Input::AnswerApplied { exchange }]
            }
            Output::AddCandidate(candidate) => {
                self.heard.extend(candidate.ufrag);
                Vec::new()
            }
            Output::Renew | Output::Send(_) | Output::BadSignal | Output::State(_) => {
                unreachable!("not the connection's")
            }
        }
    }

    fn hears(&self) -> bool {
        let remote = self.remote.as_deref().unwrap_or_default();
        super::candidates::ufrags(remote).any(|ufrag| self.heard.contains(ufrag))
    }
}

struct Side {
    negotiation: Negotiation,
    connection: Connection,
    signer: Signer,
    verifier: Verifier,
    /// What the connection still has to do, one after another, each when its time has come.
    work: VecDeque<(Time, Output)>,
    states: Vec<PairState>,
    bad: usize,
    refused: usize,
}

#[derive(Clone, Copy, Debug)]
struct Weather {
    loss: f64,
    repeat: f64,
    /// Each signal takes up to this.
    delay_ms: u64,
    /// From here on nothing is lost, repeated or overtaken.
    until_ms: u64,
}

struct Pair {
    now: Time,
    random: StdRng,
    weather: Weather,
    sides: [Side; 2],
    relay: Vec<(Time, usize, Envelope)>,
    /// When the last one to each side arrives: in good weather none overtakes it.
    last_arrival: [Time; 2],
    /// ICE credentials whose path is broken.
    broken: BTreeSet<String>,
    interceptor: Vec<(usize, Envelope)>,
}

fn side(now: Time, name: &'static str, role: Role, ids: PairIds, keys: [u8; 2]) -> Side {
    let key = SigningKey::from_bytes(&[keys[0]; 32]);
    let theirs = SigningKey::from_bytes(&[keys[1]; 32]).verifying_key().to_bytes();
    Side {
        negotiation: Negotiation::new(now, role),
        connection: Connection { name, ..Connection::default() },
        signer: Signer::new(ids, key),
        verifier: Verifier::new(ids, &theirs).unwrap(),
        work: VecDeque::new(),
        states: Vec::new(),
        bad: 0,
        refused: 0,
    }
}

impl Pair {
    fn new(seed: u64, weather: Weather, offers: [bool; 2]) -> Pair {
        let now = Time::from_millis(1_000);
        let call = CallId::random();
        let (a, b) = ((DeviceId::random(), JoinId::random()), (DeviceId::random(), JoinId::random()));
        let ids = |me: (DeviceId, JoinId), them: (DeviceId, JoinId)| PairIds {
            call,
            me: me.0,
            my_join: me.1,
            them: them.0,
            their_join: them.1,
        };
        let [offers_a, offers_b] = offers;
        let sides = [
            side(now, "a", Role { offers: offers_a, polite: true }, ids(a, b), [1, 2]),
            side(now, "b", Role { offers: offers_b, polite: false }, ids(b, a), [2, 1]),
        ];
        let random = StdRng::seed_from_u64(seed);
        Pair {
            now,
            random,
            weather,
            sides,
            relay: Vec::new(),
            last_arrival: [now; 2],
            broken: BTreeSet::new(),
            interceptor: Vec::new(),
        }
    }

    fn feed(&mut self, side: usize, input: Input) {
        let outputs = self.sides[side].negotiation.handle(self.now, input);
        self.take(side, outputs);
    }

    fn take(&mut self, side: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(signal) => self.send(side, &signal),
                Output::State(state) => self.sides[side].states.push(state),
                Output::BadSignal => self.sides[side].bad += 1,
                Output::Renew => {
                    let side = &mut self.sides[side];
                    side.work.clear();
                    side.connection = side.connection.renewed();
                }
                other => {
                    let done = self.now + Duration::from_millis(self.random.gen_range(0..120));
                    self.sides[side].work.push_back((done, other));
                }
            }
        }
    }

    fn send(&mut self, side: usize, signal: &PairSignal) {
        let envelope = self.sides[side].signer.sign(signal);
        self.interceptor.push((side, envelope.clone()));
        let stormy = self.now < Time::from_millis(self.weather.until_ms);
        let copies = match stormy {
            true if self.random.gen_bool(self.weather.loss) => 0,
            true if self.random.gen_bool(self.weather.repeat) => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = self.random.gen_range(0..=self.weather.delay_ms);
            let mut arrival = self.now + Duration::from_millis(delay);
            let last = &mut self.last_arrival[1 - side];
            if !stormy {
                arrival = arrival.max(*last);
            }
            *last = arrival.max(*last);
            self.relay.push((arrival, 1 - side, envelope.clone()));
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(20);
        let (due, rest) = std::mem::take(&mut self.relay).into_iter().partition(|(at, ..)| *at <= self.now);
        self.relay = rest;
        let mut due: Vec<_> = due;
        due.sort_by_key(|(at, ..)| *at);
        for (_, to, envelope) in due {
            match self.sides[to].verifier.open(&envelope) {
                Ok(signal) => self.feed(to, Input::Remote(signal)),
                Err(_) => self.sides[to].refused += 1,
            }
        }
        for side in 0..2 {
            while self.sides[side].work.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, output) = self.sides[side].work.pop_front().unwrap();
                for input in self.sides[side].connection.perform(output) {
                    self.feed(side, input);
                }
            }
            let due = self.sides[side].negotiation.next_deadline().is_some_and(|at| at <= self.now);
            let outputs = self.sides[side].negotiation.poll(self.now);
            assert!(due || outputs.is_empty(), "poll did what next_deadline did not announce");
            self.take(side, outputs);
        }
        self.connect();
    }

    fn agreed(&self) -> bool {
        let [a, b] = &self.sides;
        a.connection.local.is_some()
            && a.connection.local == b.connection.remote
            && a.connection.remote == b.connection.local
    }

    fn connect(&mut self) {
        let [a, b] = &self.sides;
        let local = a.connection.local.clone().unwrap_or_default();
        let intact = super::candidates::ufrags(&local).all(|ufrag| !self.broken.contains(ufrag));
        let stuck = a.connection.stuck || b.connection.stuck;
        let link = if self.agreed() && intact && !stuck && (a.connection.hears() || b.connection.hears()) {
            Link::Connected
        } else if self.sides[0].connection.link.is_some() && !intact {
            Link::Disconnected
        } else {
            return;
        };
        for side in 0..2 {
            if self.sides[side].connection.link != Some(link) {
                self.sides[side].connection.link = Some(link);
                self.feed(side, Input::Link(link));
            }
        }
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.step();
        }
    }

    fn run_until(&mut self, millis: u64, state: PairState) {
        let end = self.now + Duration::from_millis(millis);
        while self.states() != [state; 2] {
            assert!(self.now < end, "{:?} and not {state:?}", self.states());
            self.step();
        }
    }

    fn states(&self) -> [PairState; 2] {
        [self.sides[0].negotiation.state(), self.sides[1].negotiation.state()]
    }

    /// The path dies: only fresh ICE credentials find another.
    fn break_path(&mut self) {
        let Connection { local, .. } = &self.sides[0].connection;
        let ufrags: Vec<String> =
            super::candidates::ufrags(local.as_deref().unwrap()).map(str::to_owned).collect();
        self.broken.extend(ufrags);
    }
}

const CLEAR: Weather = Weather { loss: 0.0, repeat: 0.0, delay_ms: 40, until_ms: 0 };

#[test]
fn the_newcomer_offers_and_both_are_connected_within_a_second() {
    let mut pair = Pair::new(1, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    assert!(pair.agreed());
    assert_eq!(pair.sides[0].connection.made, 1, "one answer");
    pair.run(60_000);
    assert_eq!(
        pair.interceptor.len(),
        pair.sides.iter().map(|s| s.connection.made as usize * 2).sum::<usize>()
    );
}

#[test]
fn a_newcomer_that_does_not_know_of_us_gets_our_offer() {
    let mut pair = Pair::new(1, CLEAR, [false, false]);
    pair.run_until(6_000, PairState::Connected);
}

#[test]
fn glare_is_won_by_the_impolite() {
    for seed in 0..50 {
        let mut pair = Pair::new(seed, CLEAR, [true, true]);
        pair.run_until(3_000, PairState::Connected);
        assert!(pair.agreed());
        assert!(pair.sides[1].connection.local.as_ref().unwrap().starts_with("offer b"));
    }
}

#[test]
fn a_repeated_offer_gets_its_answer_again_unless_a_newer_offer_stands() {
    let description = |kind, sdp: &str| PairSignal::Description { kind, sdp: sdp.into(), of: None };
    let answer = Output::Send(description(SdpKind::Answer, "answer"));
    let now = Time::from_millis(1_000);
    for polite in [true, false] {
        let mut side = Negotiation::new(now, Role { offers: false, polite });
        let offer = || Input::Remote(description(SdpKind::Offer, "offer"));
        side.handle(now, offer());
        let said = side.handle(now, Input::AnswerMade { exchange: 1, sdp: "answer".into() });
        assert!(said.contains(&answer));
        assert!(side.handle(now, offer()).contains(&answer), "it was lost");

        side.handle(now, Input::Link(Link::Connected));
        side.handle(now, Input::Moved { path_gone: true });
        side.handle(now, Input::OfferMade { exchange: 2, sdp: "ours".into() });
        assert_eq!(side.handle(now, offer()).contains(&answer), polite, "the impolite one's offer stands");
    }
}

#[test]
fn a_broken_path_is_restarted_and_a_dead_one_is_lost() {
    let mut pair = Pair::new(3, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    pair.break_path();
    pair.run_until(1_000, PairState::Reconnecting);
    pair.run_until(5_000, PairState::Connected);

    pair.weather = Weather { loss: 1.0, repeat: 0.0, delay_ms: 0, until_ms: u64::MAX / 2000 };
    pair.break_path();
    pair.run(29_000);
    assert_eq!(pair.states(), [PairState::Reconnecting; 2]);
    pair.run_until(2_000, PairState::Lost);
    assert_eq!(pair.sides[0].negotiation.next_deadline(), None);
}

#[test]
fn whoever_moves_restarts_at_once_and_so_do_two_at_once() {
    for seed in 0..50 {
        for moved in [&[0][..], &[1], &[0, 1]] {
            let mut pair = Pair::new(seed, CLEAR, [false, true]);
            pair.run_until(1_000, PairState::Connected);
            pair.break_path();
            for side in moved {
                pair.feed(*side, Input::Moved { path_gone: true });
                assert_eq!(pair.states()[*side], PairState::Reconnecting);
            }
            pair.run_until(1_000, PairState::Connected);
            assert!(pair.agreed());
        }
    }
}

#[test]
fn another_move_during_a_restart_makes_another_restart() {
    for wait in [20, 60, 140, 220, 300] {
        let mut pair = Pair::new(wait, CLEAR, [false, true]);
        pair.run_until(1_000, PairState::Connected);
        pair.break_path();
        pair.feed(0, Input::Moved { path_gone: true });
        pair.run(wait);
        // Whatever was agreed on by now leads to the first of the two places.
        pair.break_path();
        pair.feed(0, Input::Moved { path_gone: true });
        pair.run_until(2_000, PairState::Connected);
    }
}

#[test]
fn an_address_that_nobody_uses_may_change() {
    let mut pair = Pair::new(8, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    pair.run(5_000);
    let said = pair.interceptor.len();
    pair.feed(0, Input::Moved { path_gone: false });
    pair.feed(1, Input::Reachable);
    pair.run(5_000);
    assert_eq!(pair.interceptor.len(), said);
}

#[test]
fn what_was_lost_with_the_socket_is_said_again_as_soon_as_there_is_another() {
    let mut pair = Pair::new(9, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    pair.weather = Weather { loss: 1.0, repeat: 0.0, delay_ms: 0, until_ms: u64::MAX / 2000 };
    pair.break_path();
    pair.feed(1, Input::Moved { path_gone: true });
    // Its first repeat is lost, too, and the second one would come after 1.6 s more.
    pair.run(900);
    pair.weather = CLEAR;
    pair.feed(1, Input::Reachable);
    pair.run_until(500, PairState::Connected);

    // The same when it is the other one's socket, as the server tells.
    pair.weather = Weather { loss: 1.0, repeat: 0.0, delay_ms: 0, until_ms: u64::MAX / 2000 };
    pair.break_path();
    pair.feed(1, Input::Moved { path_gone: true });
    pair.feed(1, Input::Present(false));
    pair.run(900);
    pair.weather = CLEAR;
    pair.feed(1, Input::Present(true));
    pair.run_until(500, PairState::Connected);
}

#[test]
fn one_whom_the_server_and_the_link_lost_left() {
    let mut pair = Pair::new(3, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    pair.feed(0, Input::Present(false));
    pair.run(60_000);
    assert_eq!(pair.states(), [PairState::Connected; 2], "media flows, whatever the server says");
    pair.weather = Weather { loss: 1.0, repeat: 0.0, delay_ms: 0, until_ms: u64::MAX / 2000 };
    pair.break_path();
    pair.run(6_000);
    assert_eq!(pair.states(), [PairState::Left, PairState::Reconnecting]);
}

#[test]
fn hanging_up_ends_both() {
    let mut pair = Pair::new(4, CLEAR, [false, true]);
    pair.run_until(1_000, PairState::Connected);
    pair.feed(0, Input::HangUp);
    pair.run_until(200, PairState::Left);
}

#[test]
fn a_connection_that_dies_is_replaced_on_both_sides() {
    for seed in 0..50 {
        for dead in [&[0][..], &[1], &[0, 1], &[1, 1], &[0, 1, 0]] {
            for at in [0, 60, 200, 1_000, 5_000] {
                let mut pair = Pair::new(seed, CLEAR, [false, true]);
                pair.run(at);
                for side in dead {
                    pair.feed(*side, Input::Broken);
                }
                pair.run_until(3_000, PairState::Connected);
                assert!(pair.agreed());
                pair.run(30_000);
                assert_eq!(pair.states(), [PairState::Connected; 2]);
            }
        }
    }
}

#[test]
fn connections_that_only_die_are_given_up() {
    let mut pair = Pair::new(1, CLEAR, [false, true]);
    for _ in 0..3 {
        pair.run(20);
        pair.feed(1, Input::Broken);
        assert_eq!(pair.sides[1].negotiation.state(), PairState::Connecting);
    }
    pair.feed(1, Input::Broken);
    pair.run(200);
    assert_eq!(pair.states(), [PairState::Left, PairState::Lost]);
}

#[test]
fn a_handshake_that_is_stuck_is_begun_anew() {
    for side in 0..2 {
        let mut pair = Pair::new(side, CLEAR, [false, true]);
        pair.sides[side as usize].connection.stuck = true;
        pair.run(7_000);
        assert_eq!(pair.states(), [PairState::Connecting; 2]);
        pair.run_until(3_000, PairState::Connected);
        assert_eq!(pair.sides.each_ref().map(|side| side.connection.number), [1, 1]);
    }
}

#[test]
fn rubbish_is_said_and_the_pair_goes_on() {
    let mut pair = Pair::new(5, CLEAR, [false, true]);
    let rubbish = PairSignal::Description { kind: SdpKind::Offer, sdp: "v=rubbish".into(), of: None };
    pair.send(1, &rubbish);
    pair.run_until(3_000, PairState::Connected);
    assert_eq!(pair.sides[0].bad, 1);
}

#[test]
fn whatever_is_replayed_later_changes_nothing() {
    let mut pair = Pair::new(6, CLEAR, [true, true]);
    pair.run_until(3_000, PairState::Connected);
    let made = [pair.sides[0].connection.made, pair.sides[1].connection.made];
    for (from, envelope) in pair.interceptor.clone() {
        for to in [1 - from, from] {
            assert!(pair.sides[to].verifier.open(&envelope).is_err());
        }
    }
    assert_eq!(made, [pair.sides[0].connection.made, pair.sides[1].connection.made]);
}

fn weather(until_ms: u64) -> impl Strategy<Value = Weather> {
    (0.0..0.7, 0.0..0.5, 0_u64..400).prop_map(move |(loss, repeat, delay_ms)| Weather {
        loss,
        repeat,
        delay_ms,
        until_ms,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_storm_that_passes_ends_in_a_connection(
        seed in any::<u64>(), weather in weather(12_000), offers in any::<[bool; 2]>(),
    ) {
        let mut pair = Pair::new(seed, weather, offers);
        pair.run(28_000);
        prop_assert_eq!(pair.states(), [PairState::Connected; 2]);
        prop_assert!(pair.agreed());
    }

    #[test]
    fn a_storm_that_stays_ends_in_a_connection_or_a_clean_end(
        seed in any::<u64>(), weather in weather(1_000_000), offers in any::<[bool; 2]>(), breaks in any::<bool>(),
    ) {
        let mut pair = Pair::new(seed, weather, offers);
        pair.run(20_000);
        if breaks && pair.agreed() {
            pair.break_path();
        }
        pair.run(60_000);
        // What is under way at this moment may come to its end.
        pair.weather.until_ms = 0;
        pair.run(40_000);
        let ends = pair.states().map(PairState::ended);
        prop_assert_eq!(ends[0], ends[1]);
        if !ends[0] {
            prop_assert_eq!(pair.states(), [PairState::Connected; 2]);
            prop_assert!(pair.agreed());
        }
    }

    #[test]
    fn moves_at_any_time_end_in_a_connection(
        seed in any::<u64>(), moves in prop::collection::vec((any::<bool>(), 0_u64..900), 1..5),
        offers in any::<[bool; 2]>(), weather in weather(6_000),
    ) {
        let mut pair = Pair::new(seed, weather, offers);
        for (side, wait) in moves {
            pair.run(wait);
            if pair.agreed() {
                pair.break_path();
            }
            pair.feed(usize::from(side), Input::Moved { path_gone: true });
        }
        pair.run(28_000);
        prop_assert_eq!(pair.states(), [PairState::Connected; 2]);
        prop_assert!(pair.agreed());
    }

    #[test]
    fn connections_that_die_at_any_time_end_in_a_connection(
        seed in any::<u64>(), deaths in prop::collection::vec((any::<bool>(), 0_u64..900), 1..4),
        offers in any::<[bool; 2]>(), weather in weather(6_000),
    ) {
        let mut pair = Pair::new(seed, weather, offers);
        for (side, wait) in deaths {
            pair.run(wait);
            pair.feed(usize::from(side), Input::Broken);
        }
        pair.run(28_000);
        prop_assert_eq!(pair.states(), [PairState::Connected; 2]);
        prop_assert!(pair.agreed());
    }

    #[test]
    fn a_path_that_breaks_at_any_time_is_found_again(
        seed in any::<u64>(), at in 0_u64..6_000, offers in any::<[bool; 2]>(), weather in weather(10_000),
    ) {
        let mut pair = Pair::new(seed, weather, offers);
        pair.run(at);
        if pair.agreed() {
            pair.break_path();
        }
        pair.run(50_000);
        let states = pair.states();
        let both_ended = states.iter().all(|state| state.ended());
        prop_assert!(both_ended || states == [PairState::Connected; 2], "{states:?}");
    }
}
