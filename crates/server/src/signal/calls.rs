//! Who is in which call. In memory alone: after a restart the clients announce themselves again with the same stays, and
//! media, which flows between them, never noticed.

use snug_protocol::{CallId, DeviceId, JoinId, RoomId, UserId, signal::Participant};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

/// People in one call. Every pair has a connection of its own, so calls are small by nature.
pub(super) const PARTICIPANTS: usize = 32;

/// Calls that one device may be in. One is usual; a second while it changes over.
pub(super) const CALLS_OF_DEVICE: usize = 4;

/// One device's stay.
struct Stay {
    participant: Participant,
    /// When its connection was lost, unless it has announced itself since.
    lost_at: Option<Instant>,
}

struct Call {
    room: RoomId,
    /// Oldest first.
    stays: Vec<Stay>,
}

/// All calls.
#[derive(Default)]
pub(super) struct Calls(HashMap<CallId, Call>);

/// What joining did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// The device was in with this stay already: it came back.
    Back,
    /// A new stay; the one that it replaces, if the device was in with another.
    New(Option<JoinId>),
    /// The call is in another room.
    OtherRoom,
    /// The call is full, or the device is in too many.
    Full,
}

/// A stay that ended, with who is left.
pub(super) struct Ended {
    pub(super) call: CallId,
    pub(super) room: RoomId,
    pub(super) device: DeviceId,
    pub(super) join: JoinId,
}

impl Calls {
    pub(super) fn join(&mut self, call: CallId, room: RoomId, participant: Participant) -> Joined {
        let device = participant.device;
        let elsewhere =
            self.0.iter().filter(|(id, c)| **id != call && c.stays.iter().any(|s| s.is_of(device)));
        let too_many = elsewhere.count() >= CALLS_OF_DEVICE;
        let there = self.0.entry(call).or_insert_with(|| Call { room, stays: Vec::new() });
        let answer = if there.room != room {
            Joined::OtherRoom
        } else if let Some(stay) = there.stays.iter_mut().find(|s| s.participant == participant) {
            stay.lost_at = None;
            Joined::Back
        } else {
            let old = there.stays.iter().position(|s| s.is_of(device));
            if too_many || (old.is_none() && there.stays.len() >= PARTICIPANTS) {
                Joined::Full
            } else {
                let old = old.map(|at| there.stays.remove(at).participant.join);
                there.stays.push(Stay { participant, lost_at: None });
                Joined::New(old)
            }
        };
        self.forget_if_empty(call);
        answer
    }

    /// Ends the stay of `device`, if it is in.
    pub(super) fn leave(&mut self, call: CallId, device: DeviceId) -> Option<Ended> {
        self.end_where(|id, stay| id == call && stay.is_of(device)).pop()
    }

    /// Ends every stay of a device.
    pub(super) fn leave_all(&mut self, device: DeviceId) -> Vec<Ended> {
        self.end_where(|_, stay| stay.is_of(device))
    }

    /// Ends every stay of a person in a room's calls.
    pub(super) fn leave_room(&mut self, room: RoomId, user: UserId) -> Vec<Ended> {
        let calls: BTreeSet<CallId> =
            self.0.iter().filter(|(_, c)| c.room == room).map(|(id, _)| *id).collect();
        self.end_where(|id, stay| calls.contains(&id) && stay.participant.user == user)
    }

    /// The connection of a device is gone: its stays wait for it.
    pub(super) fn lost(&mut self, device: DeviceId, now: Instant) {
        for stay in self.0.values_mut().flat_map(|call| &mut call.stays) {
            if stay.is_of(device) && stay.lost_at.is_none() {
                stay.lost_at = Some(now);
            }
        }
    }

    /// Ends the stays whose device did not come back within `grace`.
    pub(super) fn expire(&mut self, now: Instant, grace: Duration) -> Vec<Ended> {
        self.end_where(|_, stay| stay.lost_at.is_some_and(|lost| now >= lost + grace))
    }

    /// When the next stay is to be ended for its lost connection.
    pub(super) fn first_lost(&self) -> Option<Instant> {
        self.0.values().flat_map(|call| &call.stays).filter_map(|stay| stay.lost_at).min()
    }

    /// The stay of a device in a call.
    pub(super) fn stay_of(&self, call: CallId, device: DeviceId) -> Option<JoinId> {
        self.participants(call).find(|p| p.device == device).map(|p| p.join)
    }

    /// Who is in a call, oldest stay first.
    pub(super) fn participants(&self, call: CallId) -> impl Iterator<Item = &Participant> {
        self.0.get(&call).into_iter().flat_map(|call| &call.stays).map(|stay| &stay.participant)
    }

    /// The people of the space in a call, each once.
    pub(super) fn people(&self, call: CallId) -> Vec<UserId> {
        let members = self.participants(call).filter(|p| !p.guest);
        members.map(|p| p.user).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The names of the guests in a call.
    pub(super) fn guests(&self, call: CallId) -> Vec<String> {
        self.participants(call).filter(|p| p.guest).filter_map(|p| p.name.clone()).collect()
    }

    /// The devices of the space's people in a call.
    pub(super) fn member_devices(&self, call: CallId) -> impl Iterator<Item = DeviceId> {
        self.participants(call).filter(|p| !p.guest).map(|p| p.device)
    }

    /// The room of a call that somebody is in.
    pub(super) fn room(&self, call: CallId) -> Option<RoomId> {
        self.0.get(&call).map(|call| call.room)
    }

    /// All calls that somebody is in.
    pub(super) fn all(&self) -> HashSet<CallId> {
        self.0.keys().copied().collect()
    }

    /// The calls of a room.
    pub(super) fn in_room(&self, room: RoomId) -> Vec<CallId> {
        self.0.iter().filter(|(_, call)| call.room == room).map(|(id, _)| *id).collect()
    }

    fn end_where(&mut self, ends: impl Fn(CallId, &Stay) -> bool) -> Vec<Ended> {
        let mut ended = Vec::new();
        self.0.retain(|id, call| {
            call.stays.retain(|stay| {
                let goes = ends(*id, stay);
                if goes {
                    let Participant { device, join, .. } = stay.participant;
                    ended.push(Ended { call: *id, room: call.room, device, join });
                }
                !goes
            });
            !call.stays.is_empty()
        });
        ended
    }

    fn forget_if_empty(&mut self, call: CallId) {
        if self.0.get(&call).is_some_and(|call| call.stays.is_empty()) {
            self.0.remove(&call);
        }
    }
}

impl Stay {
    fn is_of(&self, device: DeviceId) -> bool {
        self.participant.device == device
    }
}
