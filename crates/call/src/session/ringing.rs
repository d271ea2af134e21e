//! Ringing: who calls whom, and what comes of it, by the log's durable events.
//!
//! It begins and ends calls but knows nothing inside them. There is no event for accepting: whoever accepts joins the call, which the caller
//! sees at once, and the log keeps what matters later (a ring that was missed, a call and how long it was). An old ring
//! that is replayed from the log after sleep is a missed call and makes no sound.

use super::ring::{RingEvent, RingInput, RingOutput, RingSays, RingState, Rung};
use snug_media::Time;
use snug_protocol::content::{Ring, RingEnd, RingEndReason};
use snug_protocol::{CallId, DeviceId, UserId};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long a ring is heard: about what telephones do, and below the server's limit.
pub const RING_FOR: Duration = Duration::from_secs(45);
/// Calls that are over, remembered so that their late events make no noise.
const MAX_OVER: usize = 64;

/// This device's ringing.
#[derive(Clone, Debug)]
pub struct Ringing {
    me: UserId,
    device: DeviceId,
    state: RingState,
    /// When an unanswered ring ends.
    expires_at: Option<Time>,
    answered_at: Option<Time>,
    rung_people: usize,
    declined: BTreeSet<UserId>,
    over: VecDeque<CallId>,
}

impl Ringing {
    /// Idle.
    pub fn new(me: UserId, device: DeviceId) -> Self {
        Self {
            me,
            device,
            state: RingState::Idle,
            expires_at: None,
            answered_at: None,
            rung_people: 0,
            declined: BTreeSet::new(),
            over: VecDeque::new(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> RingState {
        self.state
    }

    /// When [`Ringing::poll`] has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        self.expires_at
    }

    /// What is due by now: a ring that nobody answered.
    pub fn poll(&mut self, now: Time) -> Vec<RingOutput> {
        let mut out = Vec::new();
        if self.expires_at.is_some_and(|at| now >= at) {
            match self.state {
                RingState::Outgoing(_) => self.give_up(RingEndReason::TimedOut, &mut out),
                RingState::Incoming(rung) => self.miss(rung, &mut out),
                RingState::Idle | RingState::InCall(_) => self.expires_at = None,
            }
        }
        out
    }

    /// Something happened.
    pub fn handle(&mut self, now: Time, input: RingInput) -> Vec<RingOutput> {
        let mut out = Vec::new();
        match (input, self.state) {
            (RingInput::Ring { room, call, video, people }, RingState::Idle) => {
                let rung = Rung { room, call, user: self.me, video };
                self.rung_people = people;
                self.declined.clear();
                self.expires_at = Some(now + RING_FOR);
                out.push(RingOutput::SendRing { room, ring: Ring { call, video }, expires_in: RING_FOR });
                self.go(RingState::Outgoing(rung), &mut out);
                out.push(RingOutput::JoinCall(rung));
            }
            (RingInput::Enter { room, call, video }, RingState::Idle) => {
                let rung = Rung { room, call, user: self.me, video };
                self.answered(now, rung, &mut out);
                out.push(RingOutput::JoinCall(rung));
            }
            (RingInput::Accept, RingState::Incoming(rung)) => {
                self.answered(now, rung, &mut out);
                out.push(RingOutput::JoinCall(rung));
            }
            (RingInput::Decline | RingInput::HangUp, RingState::Incoming(rung)) => {
                self.send_decline(rung, RingEndReason::Declined, &mut out);
                self.finish(rung.call, &mut out);
            }
            (RingInput::HangUp, RingState::Outgoing(_)) => self.give_up(RingEndReason::Cancelled, &mut out),
            (RingInput::HangUp, RingState::InCall(rung)) => self.end(now, rung, true, &mut out),
            (RingInput::Event(event), _) => self.event(now, event, &mut out),
            (RingInput::People { call, people }, RingState::Incoming(rung)) if rung.call == call => {
                // Another device of this person answered, or the caller is gone again.
                if people.contains(&self.me) {
                    self.finish(call, &mut out);
                } else if people.is_empty() {
                    self.miss(rung, &mut out);
                }
            }
            (RingInput::PeerJoined { call }, RingState::Outgoing(rung)) if rung.call == call => {
                self.answered(now, rung, &mut out);
            }
            (RingInput::CallEnded { call, lost }, RingState::InCall(rung)) if rung.call == call => {
                self.end(now, rung, lost, &mut out);
            }
            _ => {}
        }
        out
    }

    fn event(&mut self, now: Time, event: RingEvent, out: &mut Vec<RingOutput>) {
        // Everything that this device sends comes back to it.
        if event.device == self.device {
            return;
        }
        let RingEvent { room, user, age, what, .. } = event;
        match what {
            RingSays::Rings { ring, expires_in } if user != self.me => {
                let rung = Rung { room, call: ring.call, user, video: ring.video };
                self.rings(now, rung, expires_in.saturating_sub(age), out);
            }
            RingSays::Rings { .. } => {}
            RingSays::Declines(end) => self.declines(user, end, out),
            RingSays::Cancels(end) => match self.state {
                RingState::Incoming(rung) if rung.call == end.call && rung.user == user => {
                    self.miss(rung, out);
                }
                _ => self.remember(end.call),
            },
            RingSays::Ends(end) => match self.state {
                RingState::InCall(rung) if rung.call == end.call => self.end(now, rung, false, out),
                RingState::Incoming(rung) if rung.call == end.call => self.finish(end.call, out),
                _ => self.remember(end.call),
            },
        }
    }

    fn rings(&mut self, now: Time, rung: Rung, valid: Duration, out: &mut Vec<RingOutput>) {
        if self.over.contains(&rung.call) || self.current().is_some_and(|current| current.call == rung.call) {
            return;
        }
        match self.state {
            _ if valid.is_zero() => {
                self.remember(rung.call);
                out.push(RingOutput::Missed(rung));
            }
            RingState::Idle => {
                self.expires_at = Some(now + valid);
                self.go(RingState::Incoming(rung), out);
            }
            // Two ring each other at once, which both mean as yes: the call with the smaller id is it.
            RingState::Outgoing(mine) if mine.room == rung.room && self.rung_people == 1 => {
                if rung.call < mine.call {
                    let end =
                        RingEnd { call: mine.call, reason: RingEndReason::Cancelled, duration_ms: None };
                    let kind = snug_protocol::event::kind::CALL_CANCEL;
                    out.push(RingOutput::SendEnd { room: mine.room, kind, end });
                    out.push(RingOutput::LeaveCall(mine.call));
                    self.remember(mine.call);
                    self.answered(now, rung, out);
                    out.push(RingOutput::JoinCall(rung));
                } else {
                    self.remember(rung.call);
                }
            }
            RingState::Outgoing(_) | RingState::Incoming(_) | RingState::InCall(_) => {
                self.send_decline(rung, RingEndReason::Busy, out);
                self.remember(rung.call);
                out.push(RingOutput::Missed(rung));
            }
        }
    }

    fn declines(&mut self, user: UserId, end: RingEnd, out: &mut Vec<RingOutput>) {
        match self.state {
            RingState::Outgoing(rung) if rung.call == end.call && user != self.me => {
                self.declined.insert(user);
                if self.declined.len() >= self.rung_people {
                    out.push(RingOutput::LeaveCall(rung.call));
                    self.finish(rung.call, out);
                    out.push(RingOutput::Over { rung, reason: end.reason, duration: None });
                }
            }
            // Declined on another device of this person. Its "busy" speaks for that device only.
            RingState::Incoming(rung)
                if rung.call == end.call && user == self.me && end.reason == RingEndReason::Declined =>
            {
                self.finish(rung.call, out);
            }
            _ => {}
        }
    }

    fn current(&self) -> Option<Rung> {
        match self.state {
            RingState::Idle => None,
            RingState::Outgoing(rung) | RingState::Incoming(rung) | RingState::InCall(rung) => Some(rung),
        }
    }

    fn go(&mut self, state: RingState, out: &mut Vec<RingOutput>) {
        self.state = state;
        out.push(RingOutput::State(state));
    }

    fn answered(&mut self, now: Time, rung: Rung, out: &mut Vec<RingOutput>) {
        self.expires_at = None;
        self.answered_at = Some(now);
        self.go(RingState::InCall(rung), out);
    }

    fn finish(&mut self, call: CallId, out: &mut Vec<RingOutput>) {
        self.expires_at = None;
        self.answered_at = None;
        self.remember(call);
        self.go(RingState::Idle, out);
    }

    fn remember(&mut self, call: CallId) {
        if !self.over.contains(&call) {
            if self.over.len() >= MAX_OVER {
                self.over.pop_front();
            }
            self.over.push_back(call);
        }
    }

    fn miss(&mut self, rung: Rung, out: &mut Vec<RingOutput>) {
        self.finish(rung.call, out);
        out.push(RingOutput::Missed(rung));
    }

    /// Our own ring ends without an answer.
    fn give_up(&mut self, reason: RingEndReason, out: &mut Vec<RingOutput>) {
        if let RingState::Outgoing(rung) = self.state {
            let end = RingEnd { call: rung.call, reason, duration_ms: None };
            let kind = snug_protocol::event::kind::CALL_CANCEL;
            out.push(RingOutput::SendEnd { room: rung.room, kind, end });
            out.push(RingOutput::LeaveCall(rung.call));
            self.finish(rung.call, out);
            out.push(RingOutput::Over { rung, reason, duration: None });
        }
    }

    /// An answered call ends; `say` when this side is the one to put it into the log.
    fn end(&mut self, now: Time, rung: Rung, say: bool, out: &mut Vec<RingOutput>) {
        let duration = self.answered_at.map(|at| now.since(at));
        let reason = RingEndReason::HungUp;
        if say {
            let duration_ms = duration.map(|duration| duration.as_millis() as u64);
            let end = RingEnd { call: rung.call, reason, duration_ms };
            let kind = snug_protocol::event::kind::CALL_END;
            out.push(RingOutput::SendEnd { room: rung.room, kind, end });
        }
        out.push(RingOutput::LeaveCall(rung.call));
        self.finish(rung.call, out);
        out.push(RingOutput::Over { rung, reason, duration });
    }

    fn send_decline(&self, rung: Rung, reason: RingEndReason, out: &mut Vec<RingOutput>) {
        let end = RingEnd { call: rung.call, reason, duration_ms: None };
        let kind = snug_protocol::event::kind::CALL_DECLINE;
        out.push(RingOutput::SendEnd { room: rung.room, kind, end });
    }
}
