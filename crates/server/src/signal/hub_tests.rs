//! The hub's decisions, on a clock of the test's own.

use super::{ConnectionId, Hub, Identity, hub::Output};
use crate::log::Membership;
use snug_protocol::{
    CallId, Content, DeviceId, ErrorCode, JoinId, RoomId, UserId,
    signal::{ClientSignal, Envelope, Participant, ServerSignal, close},
};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

const CALL_GRACE: Duration = Duration::from_secs(15);
const PRESENCE_GRACE: Duration = Duration::from_secs(5);

/// A hub with a room of `people`, each on one device whose connection has the number of its place.
struct Story {
    hub: Hub,
    now: Instant,
    room: RoomId,
    call: CallId,
    people: Vec<(UserId, DeviceId, JoinId)>,
}

fn somebody(user: UserId) -> Identity {
    Identity { user, device: DeviceId::random(), key: Content::default(), name: String::new() }
}

impl Story {
    fn of(people: usize) -> Self {
        let room = RoomId::random();
        let people: Vec<_> =
            (0..people).map(|_| (UserId::random(), DeviceId::random(), JoinId::random())).collect();
        let members: Vec<_> = people.iter().map(|(user, ..)| (room, *user)).collect();
        let hub = Hub::new(CALL_GRACE, PRESENCE_GRACE, members);
        let mut story = Self { hub, now: Instant::now(), room, call: CallId::random(), people };
        for who in 0..story.people.len() {
            story.connect(who, who as u64);
        }
        story.hub.take_outputs();
        story
    }

    fn connect(&mut self, who: usize, connection: u64) {
        let (user, device, _) = self.people[who];
        let (key, name) = (Content(vec![who as u8]), format!("Person {who}"));
        self.hub.connected(self.now, ConnectionId(connection), Identity { user, device, key, name });
    }

    fn signal(&mut self, who: usize, signal: ClientSignal) -> Vec<Output> {
        self.hub.signal(ConnectionId(who as u64), self.people[who].1, signal);
        self.hub.take_outputs()
    }

    fn joins(&mut self, who: usize) -> Vec<Output> {
        let (call, room, join) = (self.call, self.room, self.people[who].2);
        self.signal(who, ClientSignal::Join { call, room, join })
    }

    fn participant(&self, who: usize) -> Participant {
        let (user, device, join) = self.people[who];
        let name = Some(format!("Person {who}"));
        Participant { user, device, join, key: Content(vec![who as u8]), guest: false, name }
    }

    fn state(&self, of: &[usize]) -> ServerSignal {
        let mut people: Vec<UserId> = of.iter().map(|who| self.people[*who].0).collect();
        people.sort();
        ServerSignal::CallState { room: self.room, call: self.call, people, guests: vec![] }
    }

    fn left(&self, who: usize) -> ServerSignal {
        let (_, device, join) = self.people[who];
        ServerSignal::Left { call: self.call, device, join }
    }

    fn relay(&self, from: usize, to: usize) -> ClientSignal {
        let envelope = Envelope {
            from_join: self.people[from].2,
            to_join: self.people[to].2,
            counter: 1,
            payload: Content(b"sdp".to_vec()),
            signature: Content(vec![0; 64]),
        };
        ClientSignal::Relay { call: self.call, to: self.people[to].1, envelope }
    }
}

fn sent(to: &[u64], signal: ServerSignal) -> Output {
    Output::Send(to.iter().map(|c| ConnectionId(*c)).collect(), signal)
}

/// The refusal among outputs that are one refusal.
fn refused(outputs: &[Output]) -> ErrorCode {
    match outputs {
        [Output::Send(_, ServerSignal::Error { error, .. })] => error.code,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// Everything sent to connection `to`, whoever else it also went to.
fn heard(outputs: &[Output], to: u64) -> Vec<&ServerSignal> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(all, signal) if all.contains(&ConnectionId(to)) => Some(signal),
            _ => None,
        })
        .collect()
}

#[test]
fn one_who_joins_gets_the_roster_and_the_others_hear_of_it() {
    let mut story = Story::of(3);
    let first = story.joins(0);
    assert_eq!(
        first[0],
        sent(&[0], ServerSignal::Roster { call: story.call, members: vec![story.participant(0)] })
    );
    assert_eq!(heard(&first, 2), [&story.state(&[0])], "the room hears that a call began");
    let second = story.joins(1);
    let both = vec![story.participant(0), story.participant(1)];
    assert_eq!(second[0], sent(&[1], ServerSignal::Roster { call: story.call, members: both }));
    let joined = ServerSignal::Joined { call: story.call, participant: story.participant(1) };
    assert_eq!(second[1], sent(&[0], joined));
    assert_eq!(heard(&second, 2), [&story.state(&[0, 1])]);
}

#[test]
fn a_lost_connection_keeps_its_place_for_the_grace_and_not_longer() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.disconnected(story.now, ConnectionId(1), story.people[1].1);
    assert_eq!(story.hub.deadline(), Some(story.now + CALL_GRACE));
    story.hub.tick(story.now + CALL_GRACE - Duration::from_millis(1));
    assert_eq!(story.hub.take_outputs(), []);
    story.hub.tick(story.now + CALL_GRACE);
    assert_eq!(story.hub.take_outputs(), [sent(&[0], story.left(1)), sent(&[0], story.state(&[0]))]);
    assert_eq!(story.hub.deadline(), None);
}

#[test]
fn one_who_comes_back_in_time_with_the_same_stay_disturbs_nobody() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.disconnected(story.now, ConnectionId(1), story.people[1].1);
    story.now += CALL_GRACE / 2;
    story.connect(1, 1);
    story.hub.take_outputs();
    let back = story.joins(1);
    assert_eq!(heard(&back, 0), Vec::<&ServerSignal>::new());
    assert_eq!(heard(&back, 1).len(), 1, "the roster");
    story.hub.tick(story.now + CALL_GRACE * 2);
    assert_eq!(story.hub.take_outputs(), []);
}

#[test]
fn one_who_reconnects_and_does_not_announce_themselves_is_out_after_the_grace() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.disconnected(story.now, ConnectionId(1), story.people[1].1);
    story.connect(1, 1);
    story.hub.take_outputs();
    story.hub.tick(story.now + CALL_GRACE);
    assert_eq!(heard(&story.hub.take_outputs(), 0), [&story.left(1), &story.state(&[0])]);
}

#[test]
fn another_stay_of_the_same_device_replaces_the_first() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    let gone = story.left(1);
    story.people[1].2 = JoinId::random();
    let joined = ServerSignal::Joined { call: story.call, participant: story.participant(1) };
    let outputs = story.joins(1);
    assert_eq!(heard(&outputs, 0)[..2], [&gone, &joined]);
}

#[test]
fn signals_go_only_between_the_stays_of_one_call() {
    let mut story = Story::of(3);
    story.joins(0);
    story.joins(1);
    let relay = story.relay(0, 1);
    let ClientSignal::Relay { envelope, .. } = relay.clone() else { unreachable!("made above") };
    let arrived = ServerSignal::Relay { call: story.call, from: story.people[0].1, envelope };
    assert_eq!(story.signal(0, relay), [sent(&[1], arrived)]);

    let outside = story.relay(0, 2);
    assert_eq!(refused(&story.signal(0, outside)), ErrorCode::NotInCall);
    let from_outside = story.relay(2, 0);
    assert_eq!(refused(&story.signal(2, from_outside)), ErrorCode::NotInCall);
    let mut old_stay = story.relay(0, 1);
    if let ClientSignal::Relay { envelope, .. } = &mut old_stay {
        envelope.to_join = JoinId::random();
    }
    assert_eq!(refused(&story.signal(0, old_stay)), ErrorCode::NotInCall);
    let mut forged = story.relay(0, 1);
    if let ClientSignal::Relay { envelope, .. } = &mut forged {
        envelope.from_join = story.people[1].2;
    }
    assert_eq!(refused(&story.signal(0, forged)), ErrorCode::NotInCall);
}

#[test]
fn one_who_looks_sees_who_is_in_a_call_and_is_not_in_it() {
    let mut story = Story::of(2);
    let (call, room) = (story.call, story.room);
    let look = ClientSignal::Look { call, room };
    let roster = |members| [sent(&[1], ServerSignal::Roster { call, members })];
    assert_eq!(story.signal(1, look.clone()), roster(vec![]));
    story.joins(0);
    assert_eq!(story.signal(1, look.clone()), roster(vec![story.participant(0)]));
    let relay = story.relay(1, 0);
    assert_eq!(refused(&story.signal(1, relay)), ErrorCode::NotInCall);
}

#[test]
fn a_signal_to_one_whose_connection_is_lost_is_refused_as_such() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.disconnected(story.now, ConnectionId(1), story.people[1].1);
    let relay = story.relay(0, 1);
    assert_eq!(refused(&story.signal(0, relay)), ErrorCode::Unavailable);
}

#[test]
fn a_call_needs_membership_and_stays_in_its_room() {
    let mut story = Story::of(2);
    story.joins(0);
    let (call, join, mine) = (story.call, story.people[1].2, RoomId::random());
    let elsewhere = ClientSignal::Join { call, room: mine, join };
    assert_eq!(refused(&story.signal(1, elsewhere.clone())), ErrorCode::NotFound, "not a member there");
    story.hub.membership(Membership { room: mine, user: story.people[1].0, joined: true });
    story.hub.take_outputs();
    assert_eq!(refused(&story.signal(1, elsewhere)), ErrorCode::Forbidden, "the call is in another room");
    let look = ClientSignal::Look { call, room: mine };
    assert_eq!(refused(&story.signal(1, look.clone())), ErrorCode::Forbidden, "and cannot be looked into");
    assert_eq!(refused(&story.signal(0, look)), ErrorCode::NotFound, "not a member there");
    let leave = ClientSignal::Leave { call };
    assert_eq!(refused(&story.signal(1, leave)), ErrorCode::NotInCall);
}

#[test]
fn one_who_is_removed_from_the_room_is_out_of_its_call() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.membership(Membership { room: story.room, user: story.people[1].0, joined: false });
    let outputs = story.hub.take_outputs();
    assert_eq!(heard(&outputs, 0), [&story.left(1), &story.state(&[0])]);
    assert_eq!(heard(&outputs, 1), [&story.left(1)], "they hear that they are out, and nothing of the room");
}

#[test]
fn a_newer_connection_of_a_device_replaces_the_older_and_only_it_speaks() {
    let mut story = Story::of(2);
    story.connect(1, 9);
    assert_eq!(story.hub.take_outputs(), [Output::Close(ConnectionId(1), close::REPLACED)]);
    let typing = ClientSignal::Typing { room: story.room, active: true };
    assert_eq!(story.signal(1, typing), [], "the older one");
    // Its going changes nothing any more.
    story.hub.disconnected(story.now, ConnectionId(1), story.people[1].1);
    let typing = ClientSignal::Typing { room: story.room, active: true };
    let heard_by_new = story.signal(0, typing);
    let user = story.people[0].0;
    assert_eq!(heard_by_new, [sent(&[9], ServerSignal::Typing { room: story.room, user, active: true })]);
}

#[test]
fn a_signed_out_device_is_closed_and_out_of_its_calls_at_once() {
    let mut story = Story::of(2);
    story.joins(0);
    story.joins(1);
    story.hub.signed_out(story.people[1].1);
    let outputs = story.hub.take_outputs();
    assert_eq!(outputs[0], Output::Close(ConnectionId(1), close::SIGNED_OUT));
    assert_eq!(heard(&outputs, 0), [&story.left(1), &story.state(&[0])]);
}

#[test]
fn presence_goes_to_those_who_share_a_room_and_survives_a_short_gap() {
    let mut story = Story::of(2);
    let stranger = UserId::random();
    story.hub.connected(story.now, ConnectionId(7), somebody(stranger));
    let user = story.people[0].0;
    let open = HashSet::from([user]);
    story.hub.streams(story.now, &open);
    let here = ServerSignal::Presence { user, available: true };
    assert_eq!(story.hub.take_outputs(), [sent(&[1], here.clone())]);

    story.hub.streams(story.now, &HashSet::new());
    story.hub.streams(story.now + PRESENCE_GRACE / 2, &open);
    story.hub.tick(story.now + PRESENCE_GRACE * 2);
    assert_eq!(story.hub.take_outputs(), [], "a stream that reconnects is no news");

    story.connect(1, 5);
    assert_eq!(heard(&story.hub.take_outputs(), 5), [&here], "one who connects later is told");

    story.hub.streams(story.now, &HashSet::new());
    story.hub.tick(story.now + PRESENCE_GRACE);
    let gone = ServerSignal::Presence { user, available: false };
    assert_eq!(story.hub.take_outputs(), [sent(&[5], gone)]);
}

#[test]
fn one_who_comes_into_a_room_hears_of_its_call() {
    let mut story = Story::of(1);
    story.joins(0);
    let newcomer = UserId::random();
    story.hub.connected(story.now, ConnectionId(4), somebody(newcomer));
    assert_eq!(story.hub.take_outputs(), []);
    story.hub.membership(Membership { room: story.room, user: newcomer, joined: true });
    assert_eq!(heard(&story.hub.take_outputs(), 4), [&story.state(&[0])]);
}
