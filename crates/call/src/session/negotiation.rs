//! One pair of stays: who offers, what is answered, what is repeated, when it is given up.
//!
//! Perfect negotiation (W3C webrtc §10.7) with what a lossy relay and a library without a browser's events need in addition:
//! unanswered offers are repeated (the same SDP) with backoff, a repeated offer gets the same answer again, candidates are repeated until
//! the link stands, and a link that broke is restarted by one side first and by the other only later, so that the two seldom collide.
//! A connection that died, or never had a link, is replaced: an ICE restart keeps the DTLS handshake in which it may be stuck. The other
//! side sees that by the fingerprint of the new one, and replaces its own, because DTLS begins on both sides or on none.
//! Repeats can be told from news because signals arrive in order or not at all ([`Verifier`](super::Verifier)).
//!
//! Not a state machine of the peer connection: that is `peer/`, which does the outputs one after another and answers with inputs.
//! `exchange` numbers tie its answers to what was asked, as by then it may be out of date.

use super::candidates::{Candidate, RemoteCandidates, fingerprint, ufrags};
use super::pair::{Input, Link, Output, PairState, Role};
use snug_media::Time;
use snug_protocol::pair::{PairSignal, SdpKind};
use std::time::Duration;

/// A peer of which nothing was heard for so long does not come back: longer than a train's tunnel would keep the other one staring.
pub const LOST_AFTER: Duration = Duration::from_secs(30);
/// The server said that it left (or its socket is gone), and the link broke, too.
const GONE_AFTER: Duration = Duration::from_secs(5);
/// The one who joined should have offered by now; its roster may have been without us.
const OFFER_OVERDUE: Duration = Duration::from_secs(4);
/// First repeat: a signal takes well below half a second each way.
const FIRST_REPEAT: Duration = Duration::from_millis(800);
/// Repeats become no rarer than this: a socket that reconnects should be used soon.
const SLOWEST_REPEAT: Duration = Duration::from_secs(3);
/// ICE itself says "disconnected" after seconds; most of these heal within two more.
const RESTART_AFTER: Duration = Duration::from_secs(2);
/// The side that did not offer first restarts only when the other one evidently does not.
const RESTART_SECOND: Duration = Duration::from_secs(5);
/// A restart that did not connect within this is tried anew.
const RESTART_AGAIN: Duration = Duration::from_secs(8);
/// Connections that die one after another without a link between: then it is not by chance.
const MOST_RENEWALS: u32 = 3;
/// Our own candidates, kept for repeating.
const MAX_LOCAL_CANDIDATES: usize = 32;

/// Where the offer/answer exchange stands.
#[derive(Clone, Debug)]
enum Exchange {
    Stable,
    /// `MakeOffer` is being done.
    Making,
    /// Our offer is set and sent.
    Offered {
        offer: String,
    },
    /// `ApplyOffer` is being done.
    Answering {
        offer: String,
    },
    /// `ApplyAnswer` is being done.
    Accepting {
        offer: String,
        answer: String,
    },
}

/// One pair's negotiation.
#[derive(Clone, Debug)]
pub struct Negotiation {
    role: Role,
    state: PairState,
    exchange: Exchange,
    number: u32,
    /// The last offer of theirs that was applied, and our answer to it.
    answered: Option<(String, String)>,
    /// The last answer of theirs that was applied.
    accepted: Option<String>,
    /// The DTLS fingerprint of the other side's connection, once a description of it was applied.
    theirs: Option<String>,
    remote: RemoteCandidates,
    local: Vec<Candidate>,
    present: bool,
    was_connected: bool,
    /// Whether the connection that there is now ever had a link.
    linked: bool,
    /// Connections that died since one had a link.
    died: u32,
    /// Since when there is no link.
    down_since: Option<Time>,
    offer_at: Option<Time>,
    restart_at: Option<Time>,
    repeat_at: Option<Time>,
    repeat_after: Duration,
}

impl Negotiation {
    /// A pair that begins now. Its first outputs come from [`Negotiation::poll`].
    pub fn new(now: Time, role: Role) -> Self {
        Self {
            role,
            state: PairState::Connecting,
            exchange: Exchange::Stable,
            number: 0,
            answered: None,
            accepted: None,
            theirs: None,
            remote: RemoteCandidates::default(),
            local: Vec::new(),
            present: true,
            was_connected: false,
            linked: false,
            died: 0,
            down_since: Some(now),
            offer_at: Some(if role.offers { now } else { now + OFFER_OVERDUE }),
            restart_at: None,
            repeat_at: None,
            repeat_after: FIRST_REPEAT,
        }
    }

    /// Where the pair stands.
    pub fn state(&self) -> PairState {
        self.state
    }

    /// When [`Negotiation::poll`] has something to do at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        if self.state.ended() {
            return None;
        }
        let stable = matches!(self.exchange, Exchange::Stable);
        let when_stable = [self.offer_at, self.restart_at].into_iter().flatten().filter(|_| stable);
        when_stable.chain(self.repeat_at).chain(self.given_up_at()).min()
    }

    /// What is due by now.
    pub fn poll(&mut self, now: Time) -> Vec<Output> {
        let mut out = Vec::new();
        if self.state.ended() {
            return out;
        }
        if self.given_up_at().is_some_and(|at| now >= at) {
            self.say_goodbye(if self.present { PairState::Lost } else { PairState::Left }, &mut out);
            return out;
        }
        if matches!(self.exchange, Exchange::Stable) {
            if self.restart_at.is_some_and(|at| now >= at) {
                let restart = self.linked;
                if !restart {
                    self.renew(now, &mut out);
                }
                self.restart_at = Some(now + RESTART_AGAIN);
                self.make_offer(restart, &mut out);
            } else if self.offer_at.is_some_and(|at| now >= at) {
                self.make_offer(false, &mut out);
            }
        }
        if self.repeat_at.is_some_and(|at| now >= at) {
            self.repeat_after = (self.repeat_after * 2).min(SLOWEST_REPEAT);
            self.repeat_at = Some(now + self.repeat_after);
            self.repeat(&mut out);
        }
        out
    }

    /// Something happened.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        if self.state.ended() {
            return out;
        }
        match input {
            Input::OfferMade { exchange, sdp } => self.offer_made(now, exchange, sdp, &mut out),
            Input::AnswerMade { exchange, sdp } => self.answer_made(now, exchange, sdp, &mut out),
            Input::AnswerApplied { exchange } => self.answer_applied(now, exchange),
            Input::Refused { exchange } => self.refused(now, exchange, &mut out),
            Input::LocalCandidate(candidate) => self.local_candidate(candidate, &mut out),
            Input::Remote(PairSignal::Description { kind: SdpKind::Offer, sdp, .. }) => {
                self.remote_offer(now, sdp, &mut out);
            }
            Input::Remote(PairSignal::Description { kind: SdpKind::Answer, sdp, of }) => {
                self.remote_answer(now, sdp, of, &mut out);
            }
            Input::Remote(PairSignal::Candidate { candidate, mid, line, ufrag }) => {
                let added = self.remote.came(Candidate { candidate, mid, line, ufrag });
                out.extend(added.map(Output::AddCandidate));
            }
            Input::Remote(PairSignal::Bye) => self.go(PairState::Left, &mut out),
            Input::Link(link) => self.link(now, link, &mut out),
            Input::Present(present) => {
                let before = std::mem::replace(&mut self.present, present);
                if present && !before {
                    self.repeat_now(now, &mut out);
                }
            }
            Input::Moved { path_gone } => self.moved(now, path_gone, &mut out),
            Input::Reachable => self.repeat_now(now, &mut out),
            Input::HangUp => self.say_goodbye(PairState::Left, &mut out),
            Input::Broken => self.broken(now, &mut out),
        }
        out
    }

    fn go(&mut self, state: PairState, out: &mut Vec<Output>) {
        if self.state != state {
            self.state = state;
            out.push(Output::State(state));
        }
    }

    fn say_goodbye(&mut self, state: PairState, out: &mut Vec<Output>) {
        out.push(Output::Send(PairSignal::Bye));
        self.go(state, out);
    }

    fn given_up_at(&self) -> Option<Time> {
        self.down_since.map(|since| since + if self.present { LOST_AFTER } else { GONE_AFTER })
    }

    fn make_offer(&mut self, restart: bool, out: &mut Vec<Output>) {
        self.offer_at = None;
        self.number += 1;
        self.exchange = Exchange::Making;
        out.push(Output::MakeOffer { exchange: self.number, restart });
    }

    fn apply_offer(&mut self, sdp: String, out: &mut Vec<Output>) {
        self.offer_at = None;
        self.number += 1;
        out.push(Output::ApplyOffer { exchange: self.number, sdp: sdp.clone() });
        out.extend(self.remote.described(&sdp).into_iter().map(Output::AddCandidate));
        self.exchange = Exchange::Answering { offer: sdp };
    }

    /// Begins anew with another connection: what was agreed on with this one is void, and what it still answers is out of date.
    fn renew(&mut self, now: Time, out: &mut Vec<Output>) {
        self.number += 1;
        self.exchange = Exchange::Stable;
        (self.answered, self.accepted, self.theirs) = (None, None, None);
        self.remote = RemoteCandidates::default();
        self.local.clear();
        self.linked = false;
        (self.offer_at, self.restart_at, self.repeat_at) = (None, None, None);
        out.push(Output::Renew);
        self.is_down(now, out);
    }

    fn is_down(&mut self, now: Time, out: &mut Vec<Output>) {
        self.down_since.get_or_insert(now);
        if self.was_connected {
            self.go(PairState::Reconnecting, out);
        }
    }

    fn broken(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.died < MOST_RENEWALS {
            self.died += 1;
            self.renew(now, out);
            self.make_offer(false, out);
        } else {
            self.say_goodbye(PairState::Lost, out);
        }
    }

    /// Whether a description is of another connection than the one that ours is tied to, or is just being tied to.
    fn is_another(&self, sdp: &str) -> bool {
        let before = match &self.exchange {
            Exchange::Answering { offer } => fingerprint(offer),
            Exchange::Accepting { answer, .. } => fingerprint(answer),
            Exchange::Stable | Exchange::Making | Exchange::Offered { .. } => self.theirs.as_deref(),
        };
        before.zip(fingerprint(sdp)).is_some_and(|(before, now)| before != now)
    }

    fn offer_made(&mut self, now: Time, exchange: u32, sdp: String, out: &mut Vec<Output>) {
        if exchange == self.number && matches!(self.exchange, Exchange::Making) {
            self.keep_candidates_of(&sdp);
            self.exchange = Exchange::Offered { offer: sdp };
            self.repeat(out);
            self.repeat_soon(now);
        }
    }

    fn answer_made(&mut self, now: Time, exchange: u32, sdp: String, out: &mut Vec<Output>) {
        if exchange != self.number {
            return;
        }
        if let Exchange::Answering { offer } = std::mem::replace(&mut self.exchange, Exchange::Stable) {
            self.keep_candidates_of(&sdp);
            self.theirs = fingerprint(&offer).map(str::to_owned);
            self.answered = Some((offer, sdp));
            if !self.linked {
                // Later than the one who offered, if they can: that one knows whether the answer came.
                let wait = RESTART_AGAIN + if self.role.offers { Duration::ZERO } else { RESTART_SECOND };
                self.restart_at.get_or_insert(now + wait);
            }
            self.send_answer(out);
            self.repeat_soon(now);
        }
    }

    fn answer_applied(&mut self, now: Time, exchange: u32) {
        if exchange != self.number {
            return;
        }
        if let Exchange::Accepting { answer, .. } = std::mem::replace(&mut self.exchange, Exchange::Stable) {
            self.theirs = fingerprint(&answer).map(str::to_owned);
            self.accepted = Some(answer);
            // Whatever they offered before is settled by this exchange, so a repeat of it would be from before, too.
            if !self.linked && self.restart_at.is_none() {
                self.restart_at = Some(now + RESTART_AGAIN);
            }
            self.repeat_soon(now);
        }
    }

    fn refused(&mut self, now: Time, exchange: u32, out: &mut Vec<Output>) {
        if exchange != self.number {
            return;
        }
        match std::mem::replace(&mut self.exchange, Exchange::Stable) {
            Exchange::Answering { .. } => out.push(Output::BadSignal),
            Exchange::Accepting { offer, .. } => {
                self.exchange = Exchange::Offered { offer };
                out.push(Output::BadSignal);
            }
            // Our own connection cannot make an offer: nothing that is repeated would help.
            Exchange::Making => self.broken(now, out),
            other => self.exchange = other,
        }
    }

    fn remote_offer(&mut self, now: Time, sdp: String, out: &mut Vec<Output>) {
        if self.answered.as_ref().is_some_and(|(offer, _)| *offer == sdp) {
            // They repeat it, so our answer was lost. But not after a newer offer of ours that stands: for that one they take theirs
            // back, and the old answer would meet whatever they offer next.
            if self.role.polite || !matches!(self.exchange, Exchange::Offered { .. }) {
                self.send_answer(out);
            }
            return;
        }
        if self.is_another(&sdp) {
            self.renew(now, out);
            return self.apply_offer(sdp, out);
        }
        match self.exchange {
            Exchange::Stable => self.apply_offer(sdp, out),
            Exchange::Making | Exchange::Offered { .. } if self.role.polite => {
                out.push(Output::Rollback);
                self.apply_offer(sdp, out);
            }
            // Impolite: ours stands. In the other two: not now. They repeat it if it still matters then.
            _ => {}
        }
    }

    fn remote_answer(&mut self, now: Time, sdp: String, of: Option<String>, out: &mut Vec<Output>) {
        if self.accepted.as_ref() == Some(&sdp) {
            return;
        }
        if let Exchange::Offered { offer } = &self.exchange
            && of.is_some_and(|of| ufrags(offer).next().is_some_and(|ours| ours != of))
        {
            // It answers what our connection before this one offered.
            return;
        }
        if self.is_another(&sdp) {
            self.renew(now, out);
            return self.make_offer(false, out);
        }
        match std::mem::replace(&mut self.exchange, Exchange::Stable) {
            Exchange::Offered { offer } => {
                self.number += 1;
                out.push(Output::ApplyAnswer { exchange: self.number, sdp: sdp.clone() });
                out.extend(self.remote.described(&sdp).into_iter().map(Output::AddCandidate));
                self.exchange = Exchange::Accepting { offer, answer: sdp };
            }
            other => self.exchange = other,
        }
    }

    fn local_candidate(&mut self, candidate: Candidate, out: &mut Vec<Output>) {
        if candidate.candidate.is_empty()
            || self.local.contains(&candidate)
            || self.local.len() >= MAX_LOCAL_CANDIDATES
        {
            return;
        }
        self.local.push(candidate.clone());
        // While a description is being made they are held, and go after it.
        if !matches!(self.exchange, Exchange::Making | Exchange::Answering { .. }) {
            out.push(Output::Send(candidate.into()));
        }
    }

    fn link(&mut self, now: Time, link: Link, out: &mut Vec<Output>) {
        match link {
            Link::Connected => {
                (self.was_connected, self.linked) = (true, true);
                self.died = 0;
                self.down_since = None;
                self.restart_at = None;
                self.go(PairState::Connected, out);
            }
            Link::Disconnected | Link::Failed => {
                self.is_down(now, out);
                let wait = match (link, self.role.offers) {
                    (Link::Failed, true) => Duration::ZERO,
                    (_, true) => RESTART_AFTER,
                    (_, false) => RESTART_SECOND,
                };
                // Before there ever was a link only the first offerer restarts: the other cannot know that its answer arrived.
                if self.was_connected || self.role.offers {
                    let at = now + wait;
                    self.restart_at = Some(self.restart_at.map_or(at, |planned| planned.min(at)));
                }
            }
        }
    }

    /// At once, and whoever offered first: the other side cannot know.
    fn moved(&mut self, now: Time, path_gone: bool, out: &mut Vec<Output>) {
        if !path_gone && (self.down_since.is_none() || !self.was_connected) {
            return;
        }
        self.is_down(now, out);
        self.restart_at = Some(now);
        out.append(&mut self.poll(now));
    }

    /// Whoever was away may have missed all of it.
    fn repeat_now(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.repeat_at.is_some() {
            self.repeat(out);
            self.repeat_soon(now);
        }
    }

    fn keep_candidates_of(&mut self, sdp: &str) {
        self.local.retain(|candidate| {
            candidate.ufrag.as_deref().is_none_or(|ufrag| ufrags(sdp).any(|current| current == ufrag))
        });
    }

    fn repeat_soon(&mut self, now: Time) {
        self.repeat_after = FIRST_REPEAT;
        self.repeat_at = Some(now + FIRST_REPEAT);
    }

    /// Says again what the other side may have missed.
    fn repeat(&mut self, out: &mut Vec<Output>) {
        match &self.exchange {
            Exchange::Offered { offer } => {
                let sdp = offer.clone();
                out.push(Output::Send(PairSignal::Description { kind: SdpKind::Offer, sdp, of: None }));
                self.send_candidates(out);
            }
            _ if self.down_since.is_none() => self.repeat_at = None,
            Exchange::Stable => self.send_candidates(out),
            Exchange::Making | Exchange::Answering { .. } | Exchange::Accepting { .. } => {}
        }
    }

    fn send_answer(&self, out: &mut Vec<Output>) {
        if let Some((offer, answer)) = &self.answered {
            let (sdp, of) = (answer.clone(), ufrags(offer).next().map(str::to_owned));
            out.push(Output::Send(PairSignal::Description { kind: SdpKind::Answer, sdp, of }));
            self.send_candidates(out);
        }
    }

    fn send_candidates(&self, out: &mut Vec<Output>) {
        out.extend(self.local.iter().cloned().map(|candidate| Output::Send(candidate.into())));
    }
}
