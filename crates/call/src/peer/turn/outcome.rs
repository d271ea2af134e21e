//! What came of the relays: whether any serves us, and if none does, why.
//!
//! webrtc keeps that to itself, so it is concluded from what passes ([`Sighting`]) and from what the tunnels meet. Pure; the
//! time is told by whoever gives up waiting.

use super::sighting::Sighting;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Transactions whose answers may still come.
const MOST_ASKED: usize = 64;
/// RFC 8656 §19 and RFC 8489 §14.8: the user or the password is not one that the relay knows, or not any more.
const UNAUTHORIZED: u16 = 401;
/// The same relay, with something used up: ask again. webrtc does by itself.
const STALE_NONCE: u16 = 438;

/// Why no relay serves us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayProblem {
    /// Only a relay may be used, and there is none.
    Missing,
    /// None answered.
    Unreachable,
    /// One answered, over TLS, that cannot prove who it is.
    Untrusted,
    /// One answered that it will not: it is full, say.
    Refused,
    /// One does not take the user and the password: they are wrong, or too old.
    Credential,
}

/// What a connection tells of its relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::peer) enum RelayNews {
    /// No relay serves us.
    Problem(RelayProblem),
    /// A stream to a relay that served us ended, and with it what the relay did for us.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// So many of our addresses try by a stream of their own.
    Trying(u32),
    Works,
    Failed(RelayProblem),
}

/// The relays of one gathering.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    relays: BTreeMap<u32, State>,
    asked: VecDeque<[u8; 12]>,
    told: bool,
}

impl Outcome {
    /// Waits for these.
    pub(super) fn of(ids: impl IntoIterator<Item = u32>) -> Outcome {
        Outcome { relays: ids.into_iter().map(|id| (id, State::Waiting)).collect(), ..Outcome::default() }
    }

    /// Something passed to or from a relay. True when it began to serve us.
    pub(super) fn sighted(&mut self, id: u32, sighting: Sighting) -> bool {
        match sighting {
            Sighting::Asked { id } => {
                if self.asked.len() >= MOST_ASKED {
                    self.asked.pop_front();
                }
                self.asked.push_back(id);
            }
            Sighting::Allocated => {
                let state = self.relays.get_mut(&id);
                return state.is_some_and(|state| std::mem::replace(state, State::Works) != State::Works);
            }
            Sighting::Refused { code: STALE_NONCE, .. } => {}
            // The first request has no password on purpose: the answer says what to hash it with.
            Sighting::Refused { id: of, code } if self.asked.contains(&of) => {
                let credential = code == UNAUTHORIZED;
                self.failed(id, if credential { RelayProblem::Credential } else { RelayProblem::Refused });
            }
            Sighting::Refused { .. } => {}
        }
        false
    }

    /// Whether it serves us.
    pub(super) fn serves(&self, id: u32) -> bool {
        self.relays.get(&id) == Some(&State::Works)
    }

    /// One of our addresses begins to try a stream.
    pub(super) fn tries(&mut self, id: u32) {
        if let Some(state) = self.relays.get_mut(&id) {
            match state {
                State::Waiting | State::Failed(_) => *state = State::Trying(1),
                State::Trying(count) => *count += 1,
                State::Works => {}
            }
        }
    }

    /// One of our addresses does not reach it.
    pub(super) fn missed(&mut self, id: u32, problem: RelayProblem) {
        match self.relays.get_mut(&id) {
            Some(State::Trying(count)) if *count > 1 => *count -= 1,
            _ => self.failed(id, problem),
        }
    }

    fn failed(&mut self, id: u32, problem: RelayProblem) {
        if let Some(state) = self.relays.get_mut(&id)
            && *state != State::Works
        {
            *state = State::Failed(problem);
        }
    }

    /// Whoever has not answered by now does not.
    pub(super) fn give_up(&mut self) {
        for state in self.relays.values_mut() {
            if matches!(state, State::Waiting | State::Trying(_)) {
                *state = State::Failed(RelayProblem::Unreachable);
            }
        }
    }

    /// What is to be told, once, when none is left that might serve us: the problem that says most.
    pub(super) fn problem(&mut self) -> Option<RelayProblem> {
        let mut worst = None;
        for state in self.relays.values() {
            match state {
                State::Failed(problem) => worst = worst.max(Some(*problem)),
                State::Waiting | State::Trying(_) | State::Works => return None,
            }
        }
        worst.filter(|_| !std::mem::replace(&mut self.told, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 12] = [1; 12];

    #[test]
    fn a_refused_password_is_told_once_and_the_first_answer_without_one_is_no_refusal() {
        let mut outcome = Outcome::of([4]);
        outcome.sighted(4, Sighting::Refused { id: [2; 12], code: 401 });
        assert_eq!(outcome.problem(), None, "it asks for the password");
        outcome.sighted(4, Sighting::Asked { id: ID });
        outcome.sighted(4, Sighting::Refused { id: ID, code: 438 });
        assert_eq!(outcome.problem(), None);
        outcome.sighted(4, Sighting::Refused { id: ID, code: 401 });
        assert_eq!(outcome.problem(), Some(RelayProblem::Credential));
        assert_eq!(outcome.problem(), None, "told before");
    }

    #[test]
    fn one_relay_that_serves_is_enough() {
        let mut outcome = Outcome::of([1, 2]);
        outcome.sighted(1, Sighting::Asked { id: ID });
        outcome.sighted(1, Sighting::Refused { id: ID, code: 486 });
        assert_eq!(outcome.problem(), None, "the other one may");
        assert!(outcome.sighted(2, Sighting::Allocated));
        assert!(!outcome.sighted(2, Sighting::Allocated), "from another address of ours");
        outcome.give_up();
        assert_eq!(outcome.problem(), None);
    }

    #[test]
    fn what_says_most_is_told() {
        let mut outcome = Outcome::of([1, 2, 3]);
        outcome.sighted(1, Sighting::Asked { id: ID });
        outcome.sighted(1, Sighting::Refused { id: ID, code: 486 });
        outcome.missed(2, RelayProblem::Untrusted);
        outcome.give_up();
        assert_eq!(outcome.problem(), Some(RelayProblem::Refused));
    }

    #[test]
    fn a_relay_is_missed_only_when_every_address_of_ours_missed_it() {
        let mut outcome = Outcome::of([1]);
        outcome.tries(1);
        outcome.tries(1);
        outcome.missed(1, RelayProblem::Unreachable);
        assert_eq!(outcome.problem(), None);
        outcome.missed(1, RelayProblem::Unreachable);
        assert_eq!(outcome.problem(), Some(RelayProblem::Unreachable));
    }

    #[test]
    fn without_relays_there_is_nothing_to_tell() {
        let mut outcome = Outcome::default();
        outcome.give_up();
        assert_eq!(outcome.problem(), None);
        assert!(!outcome.sighted(9, Sighting::Allocated));
    }
}
