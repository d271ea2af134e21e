//! Trickled ICE candidates that come before their description, twice, or for a generation that is gone.
//!
//! Not a parser: a candidate's text is handed on as it is, to `peer/`, which checks it. Only its ICE user fragment is looked at,
//! because it says to which description it belongs (RFC 8838 §14).

use snug_protocol::pair::PairSignal;
use std::collections::VecDeque;

/// Candidates that are kept or remembered. A machine of many interfaces with STUN and TURN has about 20.
const MAX_KEPT: usize = 64;

/// One candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `candidate:…`
    pub candidate: String,
    /// `a=mid` of its section.
    pub mid: Option<String>,
    /// Index of its section.
    pub line: Option<u16>,
    /// The ICE user fragment that it belongs to.
    pub ufrag: Option<String>,
}

impl From<Candidate> for PairSignal {
    fn from(Candidate { candidate, mid, line, ufrag }: Candidate) -> PairSignal {
        PairSignal::Candidate { candidate, mid, line, ufrag }
    }
}

/// The candidates of the other side.
#[derive(Clone, Debug, Default)]
pub(super) struct RemoteCandidates {
    /// ICE user fragments of the description that is applied; `None` before there is one.
    ufrags: Option<Vec<String>>,
    early: VecDeque<Candidate>,
    added: VecDeque<Candidate>,
}

impl RemoteCandidates {
    /// A candidate came: returned if it can be added now; kept if it is early; nothing if it came before.
    pub(super) fn came(&mut self, candidate: Candidate) -> Option<Candidate> {
        // An empty one ends the generation, which nothing here waits for.
        if candidate.candidate.is_empty() || self.added.contains(&candidate) {
            return None;
        }
        if self.fits(&candidate) {
            push_bounded(&mut self.added, candidate.clone());
            return Some(candidate);
        }
        if !self.early.contains(&candidate) {
            push_bounded(&mut self.early, candidate);
        }
        None
    }

    /// A description is applied: returns what waited for it.
    pub(super) fn described(&mut self, sdp: &str) -> Vec<Candidate> {
        let ufrags: Vec<String> = ufrags(sdp).map(str::to_owned).collect();
        if self.ufrags.as_ref() != Some(&ufrags) {
            self.added.clear();
            self.ufrags = Some(ufrags);
        }
        let waited = std::mem::take(&mut self.early);
        waited.into_iter().filter_map(|candidate| self.came(candidate)).collect()
    }

    fn fits(&self, candidate: &Candidate) -> bool {
        match (&self.ufrags, &candidate.ufrag) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(current), Some(ufrag)) => current.contains(ufrag),
        }
    }
}

/// Keeps the newest.
fn push_bounded(kept: &mut VecDeque<Candidate>, candidate: Candidate) {
    if kept.len() >= MAX_KEPT {
        kept.pop_front();
    }
    kept.push_back(candidate);
}

/// The ICE user fragments in a description, repeats included.
pub(super) fn ufrags(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:"))
}

/// The first DTLS fingerprint in a description: it names the connection, because each has a certificate of its own.
pub(super) fn fingerprint(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=fingerprint:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str, ufrag: Option<&str>) -> Candidate {
        Candidate { candidate: text.into(), mid: None, line: Some(0), ufrag: ufrag.map(str::to_owned) }
    }

    #[test]
    fn early_ones_wait_for_their_description_and_repeats_are_nothing() {
        let mut remote = RemoteCandidates::default();
        assert_eq!(remote.came(candidate("a", Some("one"))), None);
        assert_eq!(remote.came(candidate("a", Some("one"))), None);
        assert_eq!(remote.came(candidate("b", Some("two"))), None);
        assert_eq!(remote.described("v=0\r\na=ice-ufrag:one\r\n"), [candidate("a", Some("one"))]);
        assert_eq!(remote.came(candidate("a", Some("one"))), None);
        assert_eq!(remote.came(candidate("", Some("one"))), None);
        assert_eq!(remote.came(candidate("c", None)), Some(candidate("c", None)));
        assert_eq!(remote.described("a=ice-ufrag:two\n"), [candidate("b", Some("two"))]);
        assert_eq!(remote.came(candidate("a", Some("one"))), None, "of a generation that is gone");
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut remote = RemoteCandidates::default();
        for number in 0..1000 {
            remote.came(candidate(&number.to_string(), None));
        }
        assert_eq!(remote.described("v=0").len(), MAX_KEPT);
    }
}
