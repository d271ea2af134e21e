//! Guests at the hub: who waits, who is let in, who is sent away, and what a guest may say.

use super::{ConnectionId, GuestPass, Hub, Identity, hub::Output};
use crate::guests::Decision;
use snug_protocol::{
    CallId, Content, DeviceId, ErrorCode, GuestLinkId, JoinId, RoomId, UserId,
    guest::{Admission, GuestEnd},
    signal::{ClientSignal, Envelope, ServerSignal, close},
};
use std::time::{Duration, Instant};

/// The connection of the member.
const HOST: u64 = 1;
/// The connection of the guest.
const ANA: u64 = 2;

/// A member in a call, and a guest.
struct Story {
    hub: Hub,
    now: Instant,
    room: RoomId,
    call: CallId,
    link: GuestLinkId,
    host: (UserId, DeviceId, JoinId),
    guest: (UserId, DeviceId, JoinId),
    admission: Admission,
}

fn identity((user, device, _): (UserId, DeviceId, JoinId), key: u8, name: &str) -> Identity {
    Identity { user, device, key: Content(vec![key]), name: name.to_owned() }
}

impl Story {
    fn new(admission: Admission) -> Self {
        let someone = || (UserId::random(), DeviceId::random(), JoinId::random());
        let (room, host, guest) = (RoomId::random(), someone(), someone());
        let hub = Hub::new(Duration::from_secs(15), Duration::from_secs(5), [(room, host.0)]);
        let (call, link) = (CallId::random(), GuestLinkId::random());
        let mut story = Self { hub, now: Instant::now(), room, call, link, host, guest, admission };
        story.hub.connected(story.now, ConnectionId(HOST), identity(host, 1, "Hana"));
        story.host_joins();
        story
    }

    fn host_joins(&mut self) -> Vec<Output> {
        let (call, room, join) = (self.call, self.room, self.host.2);
        self.host_says(ClientSignal::Join { call, room, join })
    }

    fn host_says(&mut self, signal: ClientSignal) -> Vec<Output> {
        self.hub.signal(ConnectionId(HOST), self.host.1, signal);
        self.hub.take_outputs()
    }

    fn guest_says(&mut self, signal: ClientSignal) -> Vec<Output> {
        self.hub.signal(ConnectionId(ANA), self.guest.1, signal);
        self.hub.take_outputs()
    }

    fn guest_connects(&mut self) -> Vec<Output> {
        let pass = GuestPass {
            link: self.link,
            call: self.call,
            room: self.room,
            admission: self.admission,
            name: "Ana".into(),
            admitted: self.admission == Admission::Open,
        };
        self.hub.guest_connected(self.now, ConnectionId(ANA), identity(self.guest, 2, "Ana"), pass);
        self.hub.take_outputs()
    }

    fn guest_joins(&mut self) -> Vec<Output> {
        let (call, room, join) = (self.call, self.room, self.guest.2);
        self.guest_says(ClientSignal::Join { call, room, join })
    }

    fn admit(&mut self) -> Vec<Output> {
        let (call, device) = (self.call, self.guest.1);
        self.host_says(ClientSignal::GuestAdmit { call, device })
    }

    fn ended(&self, reason: GuestEnd) -> ServerSignal {
        ServerSignal::GuestEnded { call: self.call, reason }
    }

    /// The guest is told so, closed for good, and it is written down.
    #[track_caller]
    fn is_over(&self, outputs: &[Output], why: &ServerSignal) {
        assert!(heard(outputs, ANA).contains(&why), "{outputs:?}");
        assert!(outputs.contains(&Output::Close(ConnectionId(ANA), close::GUEST_ENDED)), "{outputs:?}");
        assert!(outputs.contains(&Output::Decide(Decision::Over(self.guest.1))), "{outputs:?}");
    }
}

/// What a connection hears.
fn heard(outputs: &[Output], connection: u64) -> Vec<&ServerSignal> {
    let to_it =
        |output: &'_ Output| matches!(output, Output::Send(to, _) if to.contains(&ConnectionId(connection)));
    let signals = outputs.iter().filter(|output| to_it(output)).filter_map(|output| match output {
        Output::Send(_, signal) => Some(signal),
        _ => None,
    });
    signals.collect()
}

#[track_caller]
fn refused(outputs: &[Output], connection: u64, code: ErrorCode) {
    let [ServerSignal::Error { error, .. }] = heard(outputs, connection)[..] else { panic!("{outputs:?}") };
    assert_eq!(error.code, code);
}

#[test]
fn one_who_knocks_waits_until_a_member_lets_them_in_and_then_joins() {
    let mut story = Story::new(Admission::Knock);
    let (call, room, device) = (story.call, story.room, story.guest.1);
    let out = story.guest_connects();
    assert_eq!(heard(&out, ANA), [&ServerSignal::GuestWaiting { call }]);
    assert_eq!(heard(&out, HOST), [&ServerSignal::GuestKnocking { call, device, name: "Ana".into() }]);
    refused(&story.guest_joins(), ANA, ErrorCode::Forbidden);

    let out = story.admit();
    assert_eq!(heard(&out, ANA), [&ServerSignal::GuestAdmitted { call, room }]);
    assert_eq!(heard(&out, HOST), [&ServerSignal::GuestSettled { call, device }]);
    assert!(out.contains(&Output::Decide(Decision::Admitted(device))));

    let out = story.guest_joins();
    let [ServerSignal::Roster { members, .. }] = heard(&out, ANA)[..] else { panic!("{out:?}") };
    assert_eq!(
        members.iter().map(|m| (m.guest, m.name.as_deref())).collect::<Vec<_>>(),
        [(false, Some("Hana")), (true, Some("Ana"))]
    );
    let state =
        ServerSignal::CallState { room, call, people: vec![story.host.0], guests: vec!["Ana".into()] };
    assert!(heard(&out, HOST).contains(&&state), "{out:?}");
    assert!(matches!(heard(&out, HOST)[0], ServerSignal::Joined { participant, .. } if participant.guest));
}

#[test]
fn a_guest_may_take_part_in_their_call_and_nothing_else() {
    let mut story = Story::new(Admission::Open);
    let (call, room) = (story.call, story.room);
    assert_eq!(heard(&story.guest_connects(), ANA), [&ServerSignal::GuestAdmitted { call, room }]);
    story.guest_joins();
    let (mine, theirs, device) = (story.guest.2, story.host.2, story.host.1);
    let envelope = Envelope {
        from_join: mine,
        to_join: theirs,
        counter: 1,
        payload: Content(vec![1]),
        signature: Content(vec![2]),
    };
    let relay = ClientSignal::Relay { call, to: device, envelope: envelope.clone() };
    assert_eq!(heard(&story.guest_says(relay), HOST).len(), 1);
    let (other, join, guest) = (CallId::random(), JoinId::random(), story.guest.1);
    for forbidden in [
        ClientSignal::Join { call: other, room, join },
        ClientSignal::Join { call, room: RoomId::random(), join },
        ClientSignal::Leave { call: other },
        ClientSignal::Relay { call: other, to: device, envelope },
        ClientSignal::Typing { room, active: true },
        ClientSignal::GuestAdmit { call, device: guest },
        ClientSignal::GuestRefuse { call, device: guest },
        ClientSignal::GuestRemove { call, device: guest },
    ] {
        refused(&story.guest_says(forbidden), ANA, ErrorCode::Forbidden);
    }
    assert_eq!(
        heard(&story.guest_says(ClientSignal::Leave { call }), HOST).len(),
        2,
        "left, and the room's state"
    );
}

#[test]
fn one_who_was_refused_or_removed_is_gone_and_stays_gone() {
    let mut story = Story::new(Admission::Knock);
    let (call, device) = (story.call, story.guest.1);
    story.guest_connects();
    let refusal = ServerSignal::GuestRefused { call };
    let out = story.host_says(ClientSignal::GuestRefuse { call, device });
    story.is_over(&out, &refusal);
    assert_eq!(heard(&out, HOST), [&ServerSignal::GuestSettled { call, device }]);
    // Back before it was written down: the hub remembers.
    let out = story.guest_connects();
    assert_eq!(heard(&out, ANA), [&refusal]);
    assert!(out.contains(&Output::Close(ConnectionId(ANA), close::GUEST_ENDED)));
    refused(&story.admit(), HOST, ErrorCode::NotFound);

    let mut story = Story::new(Admission::Knock);
    let (call, device) = (story.call, story.guest.1);
    story.guest_connects();
    refused(&story.host_says(ClientSignal::GuestRemove { call, device }), HOST, ErrorCode::NotFound);
    story.admit();
    refused(&story.host_says(ClientSignal::GuestRefuse { call, device }), HOST, ErrorCode::NotFound);
    story.guest_joins();
    let out = story.host_says(ClientSignal::GuestRemove { call, device });
    story.is_over(&out, &story.ended(GuestEnd::Removed));
    assert!(
        heard(&out, HOST).iter().any(|s| matches!(s, ServerSignal::Left { device: of, .. } if *of == device))
    );
}

#[test]
fn only_members_who_are_in_the_call_decide() {
    let mut story = Story::new(Admission::Knock);
    let (call, device) = (story.call, story.guest.1);
    story.guest_connects();
    story.host_says(ClientSignal::Leave { call });
    for decision in [ClientSignal::GuestAdmit { call, device }, ClientSignal::GuestRefuse { call, device }] {
        refused(&story.host_says(decision), HOST, ErrorCode::NotInCall);
    }
    // Whoever comes into the call learns who waits; for another call nobody does.
    let knocking = ServerSignal::GuestKnocking { call, device, name: "Ana".into() };
    assert!(heard(&story.host_joins(), HOST).contains(&&knocking));
    let (other, room, join) = (CallId::random(), story.room, JoinId::random());
    story.host_says(ClientSignal::Join { call: other, room, join });
    refused(&story.host_says(ClientSignal::GuestAdmit { call: other, device }), HOST, ErrorCode::NotFound);
}

#[test]
fn one_who_gives_up_waiting_is_taken_off_the_door() {
    let mut story = Story::new(Admission::Knock);
    let (call, device) = (story.call, story.guest.1);
    story.guest_connects();
    story.hub.disconnected(story.now, ConnectionId(ANA), device);
    assert_eq!(heard(&story.hub.take_outputs(), HOST), [&ServerSignal::GuestSettled { call, device }]);
    refused(&story.admit(), HOST, ErrorCode::NotFound);
    assert_eq!(heard(&story.guest_connects(), HOST).len(), 1, "and back");
}

#[test]
fn one_who_was_let_in_may_lose_the_connection_and_need_not_knock_again() {
    let mut story = Story::new(Admission::Knock);
    story.guest_connects();
    story.admit();
    story.guest_joins();
    story.hub.disconnected(story.now, ConnectionId(ANA), story.guest.1);
    story.hub.take_outputs();
    // The database may not know yet, and the pass says so.
    let out = story.guest_connects();
    assert!(matches!(heard(&out, ANA)[..], [ServerSignal::GuestAdmitted { .. }]), "{out:?}");
    assert!(
        matches!(heard(&story.guest_joins(), ANA)[..], [ServerSignal::Roster { .. }]),
        "with the same stay"
    );
}

#[test]
fn guests_who_were_let_in_go_with_the_last_member_and_those_of_an_open_link_stay() {
    let mut story = Story::new(Admission::Knock);
    let call = story.call;
    story.guest_connects();
    story.admit();
    story.guest_joins();
    let out = story.host_says(ClientSignal::Leave { call });
    story.is_over(&out, &story.ended(GuestEnd::CallOver));
    assert_eq!(story.hub.look(call).room, None, "nobody is left");

    let mut story = Story::new(Admission::Open);
    let call = story.call;
    story.guest_connects();
    story.guest_joins();
    let out = story.host_says(ClientSignal::Leave { call });
    assert!(heard(&out, ANA).iter().all(|s| matches!(s, ServerSignal::Left { .. })), "{out:?}");
    assert_eq!(story.hub.look(call).guests, ["Ana"]);
}

#[test]
fn after_a_restart_guests_wait_for_a_host_for_a_round_of_tidying() {
    let mut story = Story::new(Admission::Knock);
    story.guest_connects();
    story.admit();
    // The same guest at a hub that knows nobody.
    let Story { room, host, guest, call, link, .. } = story;
    let hub = || Hub::new(Duration::from_secs(15), Duration::from_secs(5), [(room, host.0)]);
    let mut story = Story { hub: hub(), ..story };
    let pass =
        GuestPass { link, call, room, admission: Admission::Knock, name: "Ana".into(), admitted: true };
    let comes = |story: &mut Story| {
        let pass = pass.clone();
        story.hub.guest_connected(story.now, ConnectionId(ANA), identity(guest, 2, "Ana"), pass);
        story.guest_joins();
        story.hub.tidy_guests();
        assert!(story.hub.take_outputs().iter().all(|o| !matches!(o, Output::Close(..))), "not at once");
    };
    comes(&mut story);
    story.hub.connected(story.now, ConnectionId(HOST), identity(host, 1, "Hana"));
    story.host_joins();
    assert_eq!(story.hub.tidy_guests(), [call].into());
    assert!(story.hub.take_outputs().iter().all(|o| !matches!(o, Output::Close(..))), "the host is back");

    story.hub = hub();
    comes(&mut story);
    story.hub.tidy_guests();
    let out = story.hub.take_outputs();
    story.is_over(&out, &story.ended(GuestEnd::CallOver));
}

#[test]
fn a_link_that_is_over_sends_away_who_waits_and_leaves_who_is_in() {
    let mut story = Story::new(Admission::Knock);
    let link = story.link;
    story.guest_connects();
    story.hub.guest_link_over(GuestLinkId::random());
    assert_eq!(story.hub.take_outputs(), [], "another link");
    story.hub.guest_link_over(link);
    let out = story.hub.take_outputs();
    story.is_over(&out, &story.ended(GuestEnd::LinkOver));

    let mut story = Story::new(Admission::Knock);
    story.guest_connects();
    story.admit();
    story.hub.guest_link_over(story.link);
    assert_eq!(story.hub.take_outputs(), []);
    story.hub.guest_call_over(story.call);
    let out = story.hub.take_outputs();
    story.is_over(&out, &story.ended(GuestEnd::CallOver));
}
