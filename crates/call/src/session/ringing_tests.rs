//! Two people and their ringing, with the log between them as the test delivers it.

use super::ringing::RING_FOR;
use super::*;
use snug_media::Time;
use snug_protocol::content::RingEndReason;
use snug_protocol::event::kind;
use snug_protocol::{CallId, DeviceId, RoomId, UserId};
use std::time::Duration;

struct Person {
    user: UserId,
    device: DeviceId,
    ringing: Ringing,
    heard: Vec<RingOutput>,
}

struct House {
    now: Time,
    room: RoomId,
    people: Vec<Person>,
}

impl House {
    fn new(people: usize) -> House {
        let person = |_| {
            let (user, device) = (UserId::random(), DeviceId::random());
            Person { user, device, ringing: Ringing::new(user, device), heard: Vec::new() }
        };
        let people = (0..people).map(person).collect();
        House { now: Time::from_millis(5_000), room: RoomId::random(), people }
    }

    /// One does something; what it puts into the log reaches everybody, itself included.
    fn act(&mut self, who: usize, input: RingInput) -> Vec<RingOutput> {
        let outputs = self.people[who].ringing.handle(self.now, input);
        self.deliver(who, outputs)
    }

    fn deliver(&mut self, who: usize, outputs: Vec<RingOutput>) -> Vec<RingOutput> {
        self.people[who].heard.extend(outputs.iter().cloned());
        for event in self.logged(who, &outputs) {
            for reader in 0..self.people.len() {
                self.act(reader, RingInput::Event(event.clone()));
            }
        }
        outputs
    }

    fn logged(&self, who: usize, outputs: &[RingOutput]) -> Vec<RingEvent> {
        let Person { user, device, .. } = &self.people[who];
        let says = outputs.iter().filter_map(|output| match output {
            RingOutput::SendRing { ring, expires_in, .. } => {
                Some(RingSays::Rings { ring: ring.clone(), expires_in: *expires_in })
            }
            RingOutput::SendEnd { kind, end, .. } => Some(match *kind {
                kind::CALL_DECLINE => RingSays::Declines(end.clone()),
                kind::CALL_CANCEL => RingSays::Cancels(end.clone()),
                kind::CALL_END => RingSays::Ends(end.clone()),
                other => panic!("{other} does not end a ring"),
            }),
            _ => None,
        });
        let event =
            |what| RingEvent { room: self.room, user: *user, device: *device, age: Duration::ZERO, what };
        says.map(event).collect()
    }

    fn ring(&mut self, who: usize) -> CallId {
        let call = CallId::random();
        self.act(who, RingInput::Ring { room: self.room, call, video: true, people: 1 });
        call
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        for who in 0..self.people.len() {
            let outputs = self.people[who].ringing.poll(self.now);
            self.deliver(who, outputs);
        }
    }

    fn state(&self, who: usize) -> RingState {
        self.people[who].ringing.state()
    }

    fn over(&self, who: usize) -> Vec<(RingEndReason, Option<Duration>)> {
        let over = self.people[who].heard.iter().filter_map(|output| match output {
            RingOutput::Over { reason, duration, .. } => Some((*reason, *duration)),
            _ => None,
        });
        over.collect()
    }

    fn missed(&self, who: usize) -> usize {
        self.people[who].heard.iter().filter(|output| matches!(output, RingOutput::Missed(_))).count()
    }
}

#[test]
fn a_rings_b_accepts_they_talk_and_hang_up() {
    let mut house = House::new(2);
    let call = house.ring(0);
    assert!(matches!(house.state(1), RingState::Incoming(rung) if rung.call == call && rung.video));
    assert!(house.people[0].heard.iter().any(|output| matches!(output, RingOutput::JoinCall(_))));

    let outputs = house.act(1, RingInput::Accept);
    assert!(outputs.iter().any(|output| matches!(output, RingOutput::JoinCall(rung) if rung.call == call)));
    house.act(0, RingInput::PeerJoined { call });
    assert!(matches!(house.state(0), RingState::InCall(_)));

    house.wait(Duration::from_secs(90));
    house.act(0, RingInput::HangUp);
    assert_eq!([house.state(0), house.state(1)], [RingState::Idle; 2]);
    let long = Some(Duration::from_secs(90));
    assert_eq!(house.over(0), [(RingEndReason::HungUp, long)]);
    assert_eq!(house.over(1), [(RingEndReason::HungUp, long)]);
    assert_eq!(house.missed(1), 0);
}

#[test]
fn declining_ends_it_for_the_caller_with_the_reason() {
    let mut house = House::new(2);
    house.ring(0);
    house.act(1, RingInput::Decline);
    assert_eq!([house.state(0), house.state(1)], [RingState::Idle; 2]);
    assert_eq!(house.over(0), [(RingEndReason::Declined, None)]);
    assert_eq!(house.missed(1), 0);
}

#[test]
fn a_ring_that_nobody_answers_times_out_and_is_missed() {
    let mut house = House::new(2);
    house.ring(0);
    house.wait(RING_FOR - Duration::from_millis(1));
    assert!(matches!(house.state(1), RingState::Incoming(_)));
    house.wait(Duration::from_millis(1));
    assert_eq!([house.state(0), house.state(1)], [RingState::Idle; 2]);
    assert_eq!(house.over(0), [(RingEndReason::TimedOut, None)]);
    assert_eq!(house.missed(1), 1, "once, though its cancel comes, too");
}

#[test]
fn a_caller_who_gives_up_leaves_a_missed_call() {
    let mut house = House::new(2);
    house.ring(0);
    house.act(0, RingInput::HangUp);
    assert_eq!(house.state(1), RingState::Idle);
    assert_eq!(house.missed(1), 1);
    assert_eq!(house.over(0), [(RingEndReason::Cancelled, None)]);
}

#[test]
fn a_second_ring_in_a_call_is_busy() {
    let mut house = House::new(3);
    let call = house.ring(0);
    house.people[2].ringing = Ringing::new(house.people[2].user, house.people[2].device);
    house.act(1, RingInput::Accept);
    house.act(0, RingInput::PeerJoined { call });
    house.ring(2);
    assert!(matches!(house.state(1), RingState::InCall(rung) if rung.call == call));
    assert_eq!(house.state(2), RingState::Idle);
    assert_eq!(house.over(2), [(RingEndReason::Busy, None)]);
}

#[test]
fn two_who_ring_each_other_at_once_talk() {
    let mut house = House::new(2);
    let (first, second) = (CallId::random(), CallId::random());
    assert!(first < second);
    let ring = |call| RingInput::Ring { room: house.room, call, video: false, people: 1 };
    let inputs = [ring(first), ring(second)];
    let mut events = Vec::new();
    for (who, input) in inputs.into_iter().enumerate() {
        let outputs = house.people[who].ringing.handle(house.now, input);
        events.extend(house.logged(who, &outputs));
    }
    for event in events {
        for reader in 0..2 {
            house.act(reader, RingInput::Event(event.clone()));
        }
    }
    house.act(0, RingInput::PeerJoined { call: first });
    for who in 0..2 {
        assert!(matches!(house.state(who), RingState::InCall(rung) if rung.call == first), "{who}");
        assert_eq!(house.missed(who), 0);
    }
}

#[test]
fn an_old_ring_from_the_log_is_a_missed_call_without_a_sound() {
    let mut house = House::new(2);
    let Person { user, device, .. } = house.people[0];
    let ring = snug_protocol::content::Ring { call: CallId::random(), video: false };
    let what = RingSays::Rings { ring, expires_in: RING_FOR };
    let event = RingEvent { room: house.room, user, device, age: Duration::from_secs(3600), what };
    let outputs = house.act(1, RingInput::Event(event.clone()));
    assert!(matches!(outputs[..], [RingOutput::Missed(_)]));
    assert_eq!(house.act(1, RingInput::Event(event)), [], "replayed once more");
}

#[test]
fn answering_on_one_device_silences_the_other() {
    let mut house = House::new(3);
    house.people[2].user = house.people[1].user;
    house.people[2].ringing = Ringing::new(house.people[1].user, house.people[2].device);
    let call = house.ring(0);
    house.act(1, RingInput::Accept);
    let people = vec![house.people[0].user, house.people[1].user];
    house.act(2, RingInput::People { call, people });
    assert_eq!(house.state(2), RingState::Idle);
    assert_eq!(house.missed(2), 0);

    house.act(0, RingInput::PeerJoined { call });
    house.act(1, RingInput::HangUp);
    house.ring(0);
    house.act(2, RingInput::Decline);
    assert_eq!(house.state(1), RingState::Idle, "declined for all devices");
}

#[test]
fn a_call_whose_connection_is_lost_is_put_into_the_log_by_who_noticed() {
    let mut house = House::new(2);
    let call = house.ring(0);
    house.act(1, RingInput::Accept);
    house.act(0, RingInput::PeerJoined { call });
    house.wait(Duration::from_secs(10));
    let outputs = house.act(0, RingInput::CallEnded { call, lost: true });
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, RingOutput::SendEnd { kind, .. } if *kind == kind::CALL_END))
    );
    assert_eq!(house.state(1), RingState::Idle);
    assert_eq!(house.over(1), [(RingEndReason::HungUp, Some(Duration::from_secs(10)))]);
}

#[test]
fn entering_a_running_call_rings_nobody() {
    let mut house = House::new(1);
    let input = RingInput::Enter { room: house.room, call: CallId::random(), video: true };
    let outputs = house.act(0, input);
    assert!(matches!(outputs[..], [RingOutput::State(RingState::InCall(_)), RingOutput::JoinCall(_)]));
}
