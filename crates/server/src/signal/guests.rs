//! The hub's part about guests: who waits, who was let in, and what the others hear of it.
//!
//! A guest is a device like any other to the calls; what differs is here. What is decided here is also written down
//! ([`Decision`]), but the hub goes by its own memory first, because the database learns of it a moment later.

use super::{ConnectionId, Hub, Identity};
use crate::guests::Decision;
use snug_protocol::{
    ApiError, CallId, DeviceId, ErrorCode, GuestLinkId, RoomId,
    guest::{Admission, GuestEnd},
    signal::{ClientSignal, ServerSignal, close},
};
use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

/// What a guest's link opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestPass {
    /// By which link they came.
    pub(crate) link: GuestLinkId,
    /// The one call that it is for.
    pub(crate) call: CallId,
    /// The room of that call.
    pub(crate) room: RoomId,
    /// Whether somebody has to let them in, and be there.
    pub(crate) admission: Admission,
    /// What they call themselves.
    pub(crate) name: String,
    /// Whether they were let in.
    pub(crate) admitted: bool,
}

enum Standing {
    /// Connected, and at the door.
    Waiting,
    /// Let in, connected or not.
    Admitted,
    /// Sent away with this signal, in this round of tidying or the one before: until it is sure to be written down.
    Over(ServerSignal, bool),
}

struct Guest {
    pass: GuestPass,
    standing: Standing,
}

/// The guests whom the hub remembers.
#[derive(Default)]
pub(super) struct Guests {
    known: BTreeMap<DeviceId, Guest>,
    /// Calls with guests who need a host and had none when it was last looked: after a restart, guests may be back before members.
    hostless: HashSet<CallId>,
}

impl Guests {
    pub(super) fn is_guest(&self, device: DeviceId) -> bool {
        self.known.contains_key(&device)
    }

    /// What a guest calls themselves; none for everybody else.
    pub(super) fn name(&self, device: DeviceId) -> Option<String> {
        self.known.get(&device).map(|guest| guest.pass.name.clone())
    }

    /// Refuses what a guest may not say. Members may say everything, as far as this goes.
    pub(super) fn may(&self, device: DeviceId, signal: &ClientSignal) -> Result<(), ApiError> {
        let Some(Guest { pass, standing }) = self.known.get(&device) else { return Ok(()) };
        let within = match signal {
            ClientSignal::Join { call, room, .. } => *call == pass.call && *room == pass.room,
            ClientSignal::Leave { call } | ClientSignal::Relay { call, .. } => *call == pass.call,
            ClientSignal::Look { .. }
            | ClientSignal::Typing { .. }
            | ClientSignal::GuestAdmit { .. }
            | ClientSignal::GuestRefuse { .. }
            | ClientSignal::GuestRemove { .. } => false,
        };
        match standing {
            Standing::Admitted if within => Ok(()),
            Standing::Admitted => Err(ApiError::new(ErrorCode::Forbidden, "guests may not do this")),
            _ => Err(ApiError::new(ErrorCode::Forbidden, "nobody let you in yet")),
        }
    }

    fn of(&self, wanted: impl Fn(&Guest) -> bool) -> Vec<DeviceId> {
        self.known.iter().filter(|(_, guest)| wanted(guest)).map(|(device, _)| *device).collect()
    }
}

impl Guest {
    fn waits(&self) -> bool {
        matches!(self.standing, Standing::Waiting)
    }

    fn is_in(&self) -> bool {
        matches!(self.standing, Standing::Admitted)
    }
}

impl Hub {
    /// A guest connected, for the first time or again.
    pub(crate) fn guest_connected(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        who: Identity,
        pass: GuestPass,
    ) {
        let device = who.device;
        self.take_place(now, connection, who);
        let (call, room, name) = (pass.call, pass.room, pass.name.clone());
        let standing = if pass.admitted { Standing::Admitted } else { Standing::Waiting };
        let guest = self.guests.known.entry(device).or_insert(Guest { pass, standing });
        match &guest.standing {
            Standing::Over(why, _) => {
                let why = why.clone();
                self.send_away(device, why);
            }
            Standing::Admitted => self.tell([connection], ServerSignal::GuestAdmitted { call, room }),
            Standing::Waiting => {
                self.tell([connection], ServerSignal::GuestWaiting { call });
                let hosts = self.hosts(call);
                self.tell(hosts, ServerSignal::GuestKnocking { call, device, name });
            }
        }
    }

    /// The connection of a device is gone. One who waited has given up; one who was let in may come back.
    pub(super) fn guest_disconnected(&mut self, device: DeviceId) {
        if let Some(guest) = self.guests.known.get(&device).filter(|guest| guest.waits()) {
            let call = guest.pass.call;
            self.guests.known.remove(&device);
            self.settled(call, device);
        }
    }

    /// Tells a member who came into a call who waits at its door.
    pub(super) fn tell_knocks(&mut self, call: CallId, to: ConnectionId) {
        for device in self.guests.of(|guest| guest.waits() && guest.pass.call == call) {
            let name = self.guests.name(device).unwrap_or_default();
            self.tell([to], ServerSignal::GuestKnocking { call, device, name });
        }
    }

    pub(super) fn admit_guest(
        &mut self,
        call: CallId,
        host: DeviceId,
        guest: DeviceId,
    ) -> Result<(), ApiError> {
        self.must_be_in(call, host)?;
        let known =
            self.guests.known.get_mut(&guest).filter(|known| known.pass.call == call && known.waits());
        let known = known.ok_or_else(nobody_waits)?;
        known.standing = Standing::Admitted;
        let room = known.pass.room;
        self.decide(Decision::Admitted(guest));
        let to: Vec<ConnectionId> =
            self.online.get(&guest).map(|online| online.connection).into_iter().collect();
        self.tell(to, ServerSignal::GuestAdmitted { call, room });
        self.settled(call, guest);
        Ok(())
    }

    pub(super) fn refuse_guest(
        &mut self,
        call: CallId,
        host: DeviceId,
        guest: DeviceId,
    ) -> Result<(), ApiError> {
        self.must_be_in(call, host)?;
        let known = self.guests.known.get(&guest).filter(|known| known.pass.call == call && known.waits());
        known.ok_or_else(nobody_waits)?;
        self.end_guest(guest, ServerSignal::GuestRefused { call });
        Ok(())
    }

    pub(super) fn remove_guest(
        &mut self,
        call: CallId,
        host: DeviceId,
        guest: DeviceId,
    ) -> Result<(), ApiError> {
        self.must_be_in(call, host)?;
        let known = self.guests.known.get(&guest).filter(|known| known.pass.call == call && known.is_in());
        known.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such guest was let in"))?;
        self.end_guest(guest, ServerSignal::GuestEnded { call, reason: GuestEnd::Removed });
        Ok(())
    }

    /// A member's stay in a call ended. Guests who need a host go with the last one.
    pub(super) fn member_left(&mut self, call: CallId) {
        if self.calls.member_devices(call).next().is_none() {
            self.end_hosted(call);
        }
    }

    /// Whether a guest was let in.
    pub(crate) fn is_admitted(&self, device: DeviceId) -> bool {
        self.guests.known.get(&device).is_some_and(Guest::is_in)
    }

    /// A link is over: who still waits by it is sent away.
    pub(crate) fn guest_link_over(&mut self, link: GuestLinkId) {
        for device in self.guests.of(|guest| guest.waits() && guest.pass.link == link) {
            self.end_with(device, GuestEnd::LinkOver);
        }
    }

    /// A call has been empty for long: its guests are forgotten.
    pub(crate) fn guest_call_over(&mut self, call: CallId) {
        for device in self.guests.of(|guest| guest.pass.call == call) {
            self.end_with(device, GuestEnd::CallOver);
        }
    }

    /// Ends guests who are without a host since the last time, and forgets those who were sent away before it.
    pub(crate) fn tidy_guests(&mut self) -> HashSet<CallId> {
        self.guests.known.retain(|_, guest| match &mut guest.standing {
            Standing::Over(_, old) => !std::mem::replace(old, true),
            _ => true,
        });
        let live = self.calls.all();
        let hostless: HashSet<CallId> =
            live.iter().copied().filter(|call| self.calls.member_devices(*call).next().is_none()).collect();
        let still: Vec<CallId> = hostless.intersection(&self.guests.hostless).copied().collect();
        self.guests.hostless = hostless;
        for call in still {
            self.end_hosted(call);
        }
        self.calls.all()
    }

    fn end_hosted(&mut self, call: CallId) {
        let need = |guest: &Guest| {
            guest.is_in() && guest.pass.call == call && guest.pass.admission == Admission::Knock
        };
        for device in self.guests.of(need) {
            self.end_with(device, GuestEnd::CallOver);
        }
    }

    fn end_with(&mut self, device: DeviceId, reason: GuestEnd) {
        if let Some(guest) = self.guests.known.get(&device) {
            let call = guest.pass.call;
            self.end_guest(device, ServerSignal::GuestEnded { call, reason });
        }
    }

    /// Ends a guest's part, whatever it was.
    fn end_guest(&mut self, device: DeviceId, why: ServerSignal) {
        let Some(guest) = self.guests.known.get_mut(&device) else { return };
        let (call, waited) = (guest.pass.call, guest.waits());
        let before = std::mem::replace(&mut guest.standing, Standing::Over(why.clone(), false));
        if matches!(before, Standing::Over(..)) {
            return;
        }
        self.decide(Decision::Over(device));
        for ended in self.calls.leave_all(device) {
            self.tell_ended(&ended);
        }
        if waited {
            self.settled(call, device);
        }
        self.send_away(device, why);
    }

    fn send_away(&mut self, device: DeviceId, why: ServerSignal) {
        if let Some(online) = self.online.remove(&device) {
            self.tell([online.connection], why);
            self.close(online.connection, close::GUEST_ENDED);
        }
    }

    fn settled(&mut self, call: CallId, device: DeviceId) {
        let hosts = self.hosts(call);
        self.tell(hosts, ServerSignal::GuestSettled { call, device });
    }

    /// The connections of members who are in a call.
    fn hosts(&self, call: CallId) -> Vec<ConnectionId> {
        let devices = self.calls.member_devices(call);
        devices.filter_map(|device| self.online.get(&device)).map(|online| online.connection).collect()
    }

    fn must_be_in(&self, call: CallId, device: DeviceId) -> Result<(), ApiError> {
        let is_in = self.calls.stay_of(call, device).is_some();
        let refused =
            || ApiError::new(ErrorCode::NotInCall, "only those who are in the call decide about guests");
        is_in.then_some(()).ok_or_else(refused)
    }
}

fn nobody_waits() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no such guest waits")
}
