//! What becomes of a signal: who hears it, who is refused. One owner of one state, without sockets, without a clock and without a
//! database, so that a lost connection's fifteen seconds are a test of microseconds. It is not an actor itself:
//! [`exchange`](super::exchange) is.

use super::{
    ConnectionId,
    calls::{Calls, Ended, Joined},
    guests::Guests,
};
use crate::{guests::Decision, log::Membership};
use snug_protocol::{
    ApiError, CallId, Content, DeviceId, ErrorCode, RoomId, UserId,
    signal::{ClientSignal, Participant, ServerSignal, close},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

/// What is to be done with connections.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send a signal to some of them.
    Send(Vec<ConnectionId>, ServerSignal),
    /// Close one with a code.
    Close(ConnectionId, u16),
    /// Write down what became of a guest.
    Decide(Decision),
}

/// A device with an open connection.
pub(super) struct Online {
    pub(super) connection: ConnectionId,
    pub(super) user: UserId,
    pub(super) key: Content,
    pub(super) name: String,
}

/// A device as its account or its pass has it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) key: Content,
    /// What its person is called.
    pub(crate) name: String,
}

/// Who is in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallLook {
    /// Its room; none when nobody is in it.
    pub(crate) room: Option<RoomId>,
    /// People of the space.
    pub(crate) people: Vec<UserId>,
    /// Names of guests.
    pub(crate) guests: Vec<String>,
}

/// The state of all connections and calls.
pub(crate) struct Hub {
    call_grace: Duration,
    presence_grace: Duration,
    /// Who is in which room; the log's writer keeps it current.
    rooms: HashMap<RoomId, BTreeSet<UserId>>,
    pub(super) online: BTreeMap<DeviceId, Online>,
    pub(super) calls: Calls,
    pub(super) guests: Guests,
    /// Who counts as available, and since when they are not any more, if so.
    available: HashMap<UserId, Option<Instant>>,
    out: Vec<Output>,
}

impl Hub {
    pub(crate) fn new(
        call_grace: Duration,
        presence_grace: Duration,
        members: impl IntoIterator<Item = (RoomId, UserId)>,
    ) -> Self {
        let mut rooms: HashMap<RoomId, BTreeSet<UserId>> = HashMap::new();
        for (room, user) in members {
            rooms.entry(room).or_default().insert(user);
        }
        Self {
            call_grace,
            presence_grace,
            rooms,
            online: BTreeMap::new(),
            calls: Calls::default(),
            guests: Guests::default(),
            available: HashMap::new(),
            out: Vec::new(),
        }
    }

    /// What the inputs so far lead to, in order.
    pub(crate) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let call = self.calls.first_lost().map(|lost| lost + self.call_grace);
        let presence = self.available.values().flatten().min().map(|gone| *gone + self.presence_grace);
        call.into_iter().chain(presence).min()
    }

    /// A device connected. An older connection of it is closed: two would chase each other.
    pub(crate) fn connected(&mut self, now: Instant, connection: ConnectionId, who: Identity) {
        let user = who.user;
        self.take_place(now, connection, who);
        let known: BTreeSet<UserId> = self.companions(user);
        for other in self.available.keys().copied().filter(|u| known.contains(u)).collect::<BTreeSet<_>>() {
            self.tell([connection], ServerSignal::Presence { user: other, available: true });
        }
        for room in self.rooms_of(user) {
            self.tell_calls_of(room, vec![connection]);
        }
    }

    pub(super) fn take_place(&mut self, now: Instant, connection: ConnectionId, who: Identity) {
        let Identity { user, device, key, name } = who;
        if let Some(old) = self.online.insert(device, Online { connection, user, key, name }) {
            self.out.push(Output::Close(old.connection, close::REPLACED));
            self.calls.lost(device, now);
        }
    }

    /// A connection is gone. Calls keep its place for a while.
    pub(crate) fn disconnected(&mut self, now: Instant, connection: ConnectionId, device: DeviceId) {
        if self.online.get(&device).is_some_and(|online| online.connection == connection) {
            self.online.remove(&device);
            self.calls.lost(device, now);
            self.guest_disconnected(device);
        }
    }

    /// A device was signed out.
    pub(crate) fn signed_out(&mut self, device: DeviceId) {
        if let Some(online) = self.online.remove(&device) {
            self.out.push(Output::Close(online.connection, close::SIGNED_OUT));
        }
        for ended in self.calls.leave_all(device) {
            self.tell_ended(&ended);
        }
    }

    /// Somebody came into a room or went from it.
    pub(crate) fn membership(&mut self, change: Membership) {
        let Membership { room, user, joined } = change;
        let members = self.rooms.entry(room).or_default();
        if joined {
            members.insert(user);
            let others: BTreeSet<UserId> = members.iter().copied().filter(|u| *u != user).collect();
            let theirs = self.connections_of(|u| u == user);
            for other in &others {
                if self.available.contains_key(other) {
                    self.tell(theirs.clone(), ServerSignal::Presence { user: *other, available: true });
                }
            }
            if self.available.contains_key(&user) {
                let to = self.connections_of(|u| others.contains(&u));
                self.tell(to, ServerSignal::Presence { user, available: true });
            }
            self.tell_calls_of(room, theirs);
        } else {
            members.remove(&user);
            if members.is_empty() {
                self.rooms.remove(&room);
            }
            for ended in self.calls.leave_room(room, user) {
                // They are no longer among those who are told.
                let to: Vec<ConnectionId> =
                    self.online.get(&ended.device).map(|o| o.connection).into_iter().collect();
                self.tell(to, ended.signal());
                self.tell_ended(&ended);
            }
        }
    }

    /// These people have an open event stream now.
    pub(crate) fn streams(&mut self, now: Instant, open: &HashSet<UserId>) {
        for user in open {
            if self.available.insert(*user, None).is_none() {
                self.tell_presence(*user, true);
            }
        }
        for (user, gone) in &mut self.available {
            if !open.contains(user) && gone.is_none() {
                *gone = Some(now);
            }
        }
    }

    /// Ends what was waited for long enough.
    pub(crate) fn tick(&mut self, now: Instant) {
        for ended in self.calls.expire(now, self.call_grace) {
            self.tell_ended(&ended);
        }
        let gone = |since: &Option<Instant>| since.is_some_and(|since| now >= since + self.presence_grace);
        let gone: Vec<UserId> =
            self.available.iter().filter(|(_, s)| gone(s)).map(|(user, _)| *user).collect();
        for user in gone {
            self.available.remove(&user);
            self.tell_presence(user, false);
        }
    }

    /// A signal of a connection.
    pub(crate) fn signal(&mut self, connection: ConnectionId, device: DeviceId, signal: ClientSignal) {
        let Some(online) = self.online.get(&device).filter(|online| online.connection == connection) else {
            // Replaced in the meantime; its successor speaks for the device.
            return;
        };
        let user = online.user;
        if let Err(error) = self.guests.may(device, &signal) {
            return self.tell([connection], ServerSignal::Error { error, call: None });
        }
        let refused = match signal {
            ClientSignal::Join { call, room, join } => {
                let (key, name) = (online.key.clone(), Some(online.name.clone()));
                let guest = self.guests.name(device).is_some();
                let participant = Participant { user, device, join, key, guest, name };
                self.join(connection, call, room, participant).map_err(|error| (error, Some(call)))
            }
            ClientSignal::Look { call, room } => {
                self.look_into(connection, call, room, user).map_err(|error| (error, Some(call)))
            }
            ClientSignal::Leave { call } => self.leave(call, device).map_err(|error| (error, Some(call))),
            ClientSignal::Relay { call, to, envelope } => {
                let both = (self.calls.stay_of(call, device), self.calls.stay_of(call, to));
                if both != (Some(envelope.from_join), Some(envelope.to_join)) {
                    let error = ApiError::new(
                        ErrorCode::NotInCall,
                        "this stay and that one are not both in the call",
                    );
                    Err((error, Some(call)))
                } else if let Some(there) = self.online.get(&to) {
                    let there = there.connection;
                    self.tell([there], ServerSignal::Relay { call, from: device, envelope });
                    Ok(())
                } else {
                    let error =
                        ApiError::new(ErrorCode::Unavailable, "that device's connection is lost just now");
                    Err((error, Some(call)))
                }
            }
            ClientSignal::Typing { room, active } => {
                self.typing(room, user, active).map_err(|error| (error, None))
            }
            ClientSignal::GuestAdmit { call, device: guest } => {
                self.admit_guest(call, device, guest).map_err(|error| (error, Some(call)))
            }
            ClientSignal::GuestRefuse { call, device: guest } => {
                self.refuse_guest(call, device, guest).map_err(|error| (error, Some(call)))
            }
            ClientSignal::GuestRemove { call, device: guest } => {
                self.remove_guest(call, device, guest).map_err(|error| (error, Some(call)))
            }
        };
        if let Err((error, call)) = refused {
            self.tell([connection], ServerSignal::Error { error, call });
        }
    }

    fn join(
        &mut self,
        connection: ConnectionId,
        call: CallId,
        room: RoomId,
        participant: Participant,
    ) -> Result<(), ApiError> {
        // Where a guest may go was looked at already.
        if !participant.guest {
            self.member(room, participant.user)?;
        }
        let device = participant.device;
        let joined = self.calls.join(call, room, participant.clone());
        let members = self.calls.participants(call).cloned().collect();
        match joined {
            Joined::OtherRoom => {
                return Err(in_another_room());
            }
            Joined::Full => return Err(ApiError::new(ErrorCode::Unavailable, "the call is full")),
            Joined::Back => {
                self.tell([connection], ServerSignal::Roster { call, members });
                if !participant.guest {
                    self.tell_knocks(call, connection);
                }
            }
            Joined::New(replaced) => {
                let others = self.others_in(call, device);
                if let Some(join) = replaced {
                    self.tell(others.clone(), ServerSignal::Left { call, device, join });
                }
                self.tell([connection], ServerSignal::Roster { call, members });
                let is_guest = participant.guest;
                self.tell(others, ServerSignal::Joined { call, participant });
                self.tell_call(room, call);
                if !is_guest {
                    self.tell_knocks(call, connection);
                }
            }
        }
        Ok(())
    }

    /// Tells who is in a call.
    fn look_into(
        &mut self,
        connection: ConnectionId,
        call: CallId,
        room: RoomId,
        user: UserId,
    ) -> Result<(), ApiError> {
        self.member(room, user)?;
        if self.calls.room(call).is_some_and(|of| of != room) {
            return Err(in_another_room());
        }
        let members = self.calls.participants(call).cloned().collect();
        self.tell([connection], ServerSignal::Roster { call, members });
        Ok(())
    }

    /// Refuses whoever is not a member.
    fn member(&self, room: RoomId, user: UserId) -> Result<&BTreeSet<UserId>, ApiError> {
        let members = self.rooms.get(&room).filter(|members| members.contains(&user));
        members.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such room"))
    }

    fn leave(&mut self, call: CallId, device: DeviceId) -> Result<(), ApiError> {
        let Some(ended) = self.calls.leave(call, device) else {
            return Err(ApiError::new(ErrorCode::NotInCall, "this device is not in the call"));
        };
        self.tell_ended(&ended);
        Ok(())
    }

    fn typing(&mut self, room: RoomId, user: UserId, active: bool) -> Result<(), ApiError> {
        let members = self.member(room, user)?;
        let to = self.connections_of(|u| u != user && members.contains(&u));
        self.tell(to, ServerSignal::Typing { room, user, active });
        Ok(())
    }

    /// Tells those who are still in the call, and the room.
    pub(super) fn tell_ended(&mut self, ended: &Ended) {
        let others = self.others_in(ended.call, ended.device);
        self.tell(others, ended.signal());
        self.tell_call(ended.room, ended.call);
        if !self.guests.is_guest(ended.device) {
            self.member_left(ended.call);
        }
    }

    fn tell_call(&mut self, room: RoomId, call: CallId) {
        let Some(members) = self.rooms.get(&room) else { return };
        let to = self.connections_of(|user| members.contains(&user));
        let state = self.call_state(room, call);
        self.tell(to, state);
    }

    fn tell_calls_of(&mut self, room: RoomId, to: Vec<ConnectionId>) {
        for call in self.calls.in_room(room) {
            let state = self.call_state(room, call);
            self.tell(to.clone(), state);
        }
    }

    fn call_state(&self, room: RoomId, call: CallId) -> ServerSignal {
        let (people, guests) = (self.calls.people(call), self.calls.guests(call));
        ServerSignal::CallState { room, call, people, guests }
    }

    /// Who is in a call now.
    pub(crate) fn look(&self, call: CallId) -> CallLook {
        CallLook {
            room: self.calls.room(call),
            people: self.calls.people(call),
            guests: self.calls.guests(call),
        }
    }

    fn tell_presence(&mut self, user: UserId, available: bool) {
        let known = self.companions(user);
        let to = self.connections_of(|other| known.contains(&other));
        self.tell(to, ServerSignal::Presence { user, available });
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.out.push(Output::Decide(decision));
    }

    pub(super) fn close(&mut self, connection: ConnectionId, code: u16) {
        self.out.push(Output::Close(connection, code));
    }

    pub(super) fn tell(&mut self, to: impl Into<Vec<ConnectionId>>, signal: ServerSignal) {
        let to = to.into();
        if !to.is_empty() {
            self.out.push(Output::Send(to, signal));
        }
    }

    fn connections_of(&self, wanted: impl Fn(UserId) -> bool) -> Vec<ConnectionId> {
        self.online.values().filter(|online| wanted(online.user)).map(|online| online.connection).collect()
    }

    fn others_in(&self, call: CallId, but: DeviceId) -> Vec<ConnectionId> {
        let devices = self.calls.participants(call).map(|p| p.device).filter(|device| *device != but);
        devices.filter_map(|device| self.online.get(&device)).map(|online| online.connection).collect()
    }

    fn rooms_of(&self, user: UserId) -> BTreeSet<RoomId> {
        self.rooms.iter().filter(|(_, members)| members.contains(&user)).map(|(room, _)| *room).collect()
    }

    /// Who shares a room with `user`, without them.
    fn companions(&self, user: UserId) -> BTreeSet<UserId> {
        let shared = self.rooms.values().filter(|members| members.contains(&user));
        shared.flatten().copied().filter(|other| *other != user).collect()
    }
}

fn in_another_room() -> ApiError {
    ApiError::new(ErrorCode::Forbidden, "this call is in another room")
}

impl Ended {
    fn signal(&self) -> ServerSignal {
        ServerSignal::Left { call: self.call, device: self.device, join: self.join }
    }
}
