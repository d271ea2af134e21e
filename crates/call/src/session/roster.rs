//! Who is in the call, as the server says it.
//!
//! Only the server's view: it forgets people when it restarts and when their socket was gone for long, while their media goes on.
//! So a change here begins pairs, and merely informs those that exist.

use snug_protocol::signal::Participant;
use snug_protocol::{DeviceId, JoinId};
use std::collections::BTreeMap;

/// More devices than a call without a server in between could carry; a roster that is longer is cut.
const MAX_MEMBERS: usize = 32;

/// What a roster message changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterChange {
    /// Somebody is in the call.
    Came {
        /// Who.
        participant: Participant,
        /// Whether this side offers: the one who joins does.
        we_offer: bool,
    },
    /// Somebody is not any more.
    Went {
        /// Which device.
        device: DeviceId,
        /// Which stay of it.
        join: JoinId,
    },
}

/// The others in a call.
#[derive(Clone, Debug)]
pub struct Roster {
    me: DeviceId,
    members: BTreeMap<DeviceId, Participant>,
}

impl Roster {
    /// An empty one; `me` is never listed.
    pub fn new(me: DeviceId) -> Self {
        Self { me, members: BTreeMap::new() }
    }

    /// The whole list came: the answer to our join. Those that are new were there before us, so we offer.
    pub fn replace(&mut self, members: Vec<Participant>) -> Vec<RosterChange> {
        let mut changes = Vec::new();
        let gone: Vec<DeviceId> = self
            .members
            .keys()
            .filter(|device| !members.iter().any(|member| member.device == **device))
            .copied()
            .collect();
        for device in gone {
            if let Some(member) = self.members.remove(&device) {
                changes.push(RosterChange::Went { device, join: member.join });
            }
        }
        for member in members {
            changes.extend(self.put(member, true));
        }
        changes
    }

    /// Somebody joined after us, and will offer.
    pub fn joined(&mut self, participant: Participant) -> Vec<RosterChange> {
        self.put(participant, false)
    }

    /// Somebody left. An old stay's leaving says nothing of a newer one.
    pub fn left(&mut self, device: DeviceId, join: JoinId) -> Vec<RosterChange> {
        if self.members.get(&device).is_some_and(|member| member.join == join) {
            self.members.remove(&device);
            return vec![RosterChange::Went { device, join }];
        }
        Vec::new()
    }

    /// A member, by device.
    pub fn get(&self, device: DeviceId) -> Option<&Participant> {
        self.members.get(&device)
    }

    fn put(&mut self, participant: Participant, we_offer: bool) -> Vec<RosterChange> {
        let device = participant.device;
        let mut changes = Vec::new();
        match self.members.get(&device) {
            _ if device == self.me => return changes,
            Some(known) if known.join == participant.join => return changes,
            Some(known) => changes.push(RosterChange::Went { device, join: known.join }),
            None if self.members.len() >= MAX_MEMBERS => return changes,
            None => {}
        }
        self.members.insert(device, participant.clone());
        changes.push(RosterChange::Came { participant, we_offer });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snug_protocol::{Content, UserId};

    fn participant() -> Participant {
        Participant {
            user: UserId::random(),
            device: DeviceId::random(),
            join: JoinId::random(),
            key: Content(vec![0; 32]),
            guest: false,
            name: None,
        }
    }

    #[test]
    fn the_newcomer_offers_to_all_and_the_others_wait() {
        let (me, other, later) = (participant(), participant(), participant());
        let mut roster = Roster::new(me.device);
        let changes = roster.replace(vec![other.clone(), me.clone()]);
        assert_eq!(changes, [RosterChange::Came { participant: other.clone(), we_offer: true }]);
        let came = RosterChange::Came { participant: later.clone(), we_offer: false };
        assert_eq!(roster.joined(later.clone()), [came]);
        assert_eq!(roster.joined(later.clone()), [], "said again");
        assert_eq!(roster.replace(vec![other, me, later]), [], "we reconnected and all is as it was");
    }

    #[test]
    fn a_new_stay_replaces_the_old_and_an_old_leave_is_stale() {
        let first = participant();
        let second = Participant { join: JoinId::random(), ..first.clone() };
        let mut roster = Roster::new(DeviceId::random());
        roster.joined(first.clone());
        let changes = roster.joined(second.clone());
        assert_eq!(changes.first(), Some(&RosterChange::Went { device: first.device, join: first.join }));
        assert_eq!(changes.len(), 2);
        assert_eq!(roster.left(first.device, first.join), []);
        assert_eq!(roster.left(second.device, second.join).len(), 1);
        assert!(roster.get(first.device).is_none());
    }

    #[test]
    fn a_server_that_restarted_forgets_people() {
        let (a, b) = (participant(), participant());
        let mut roster = Roster::new(DeviceId::random());
        roster.replace(vec![a.clone(), b.clone()]);
        assert_eq!(roster.replace(vec![b]), [RosterChange::Went { device: a.device, join: a.join }]);
    }
}
