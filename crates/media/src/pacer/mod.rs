//! When each packet leaves: the pacer of one peer.
//!
//! An encoder makes a picture at once and a network takes it over time; what is sent faster than the
//! bottleneck passes stands in a queue there, where voice stands behind it. So packets wait here instead,
//! where voice passes them:
//! - **voice** never waits, though what it takes is taken from what video may;
//! - **retransmissions** go before new pictures, up to a quarter of the rate on average, so that a storm of
//!   NACKs starves nothing;
//! - **pictures** go in their order, at the pacing rate, but for a [first window](Pacer::open_window), which leaves at once;
//! - **padding** is made only for a probe or a padding rate, and only when nothing else waits;
//! - a **probe** is sent at its own rate, on top of everything: out of what waits, then of padding.
//!
//! It sends nothing and has no timer: [`Pacer::poll`] gives what is due, [`Pacer::poll_at`] says when to
//! ask again. Rates are met over 10 ms, so a timer may be late by 5 ms without a loss of rate.
//!
//! libwebrtc's pacer raises its rate when the queue grows long. This one does not: what the network would
//! not take a moment ago it will not take now, and the queue would only move to where voice stands in it.
//! Instead [`Pacer::backlog`] says when to leave out pictures before they are encoded, which costs no
//! keyframe, and when a fall of the rate made what waits worthless, for which there is
//! [`Pacer::drop_video`].

mod bucket;
mod probe;
#[cfg(test)]
mod tests;

use crate::bwe::{Kind, ProbeCluster, ProbeId};
use crate::time::Time;
use crate::units::Bitrate;
use bucket::Bucket;
use probe::Probes;
use std::collections::VecDeque;
use std::time::Duration;

/// What may leave at once after a silence. Two milliseconds of a 20 Mbit/s bottleneck for 4 Mbit/s.
const BURST: Duration = Duration::from_millis(10);
/// What every connection may send at once before it knows anything of its path (RFC 6928).
pub const FIRST_WINDOW: usize = 10 * 1200;
/// Once the rate is used up, so much of it is saved first: one wake-up for several packets.
const REST: Duration = Duration::from_millis(5);
/// Voice that is more than the whole rate holds pictures back no longer than this.
const MAX_VOICE_DEBT: Duration = Duration::from_millis(250);
/// One part of so many of the rate is for retransmissions: 25 % carries the repair of 20 % loss.
const RETRANSMISSION_PART: u64 = 4;
/// Retransmissions may use up a second of their part at once: a burst of losses is asked for at once.
const RETRANSMISSION_BURST: Duration = Duration::from_secs(1);
/// Who asked so long ago has asked again, or for a keyframe.
const RETRANSMISSION_STALE: Duration = Duration::from_millis(500);
/// Beyond this, a picture that is not encoded is worth more than one that waits: it is three frames.
const FULL: Duration = Duration::from_millis(100);
/// Encoders answer to a lower rate late, and spend what they saved before it: more than so much of it ahead, they pause.
const AHEAD: Duration = Duration::from_millis(100);
/// So much later than was to be expected when it came in: the rate fell, and a keyframe that fits it is
/// there sooner.
const LATE: Duration = Duration::from_millis(250);
/// Longer than any keyframe takes at a rate at which there is video at all.
const HOPELESS: Duration = Duration::from_millis(1500);
/// A padding rate is met over this time: what media took before it does not count.
const MAX_FILLING_DEBT: Duration = Duration::from_millis(100);
/// A packet of padding, headers included: below every MTU.
const MAX_PADDING: usize = 1200;
/// A packet of padding below this is mostly headers.
const MIN_PADDING: usize = 100;
/// How much of the padding rate goes into one packet.
const PADDING_STEP: Duration = Duration::from_millis(20);

/// What is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due<T> {
    /// A packet that was pushed.
    Packet {
        /// As it was pushed.
        packet: T,
        /// What it was pushed as.
        kind: Kind,
        /// Its size, as it was pushed.
        bytes: usize,
        /// The probe that it is a part of; goes into [`crate::bwe::SentPacket::probe`].
        probe: Option<ProbeId>,
    },
    /// One packet to be made, of old media again or of padding. When none can be made, nothing is sent.
    Padding {
        /// How large it should be, headers included; a packet of another size near it will do.
        bytes: usize,
        /// The probe that it is a part of.
        probe: Option<ProbeId>,
    },
}

/// What the queue means to the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// The next picture may come.
    Flows,
    /// What waits takes longer than a few pictures: leave out the next ones, unencoded, until it flows.
    Full,
    /// The rate fell: what waits will be late by more than a keyframe takes. [`Pacer::drop_video`], and
    /// begin anew with a keyframe.
    Late,
}

/// What lets a packet leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payer {
    /// The pacing rate.
    Rate,
    /// A probe, whose bytes come on top.
    Probe,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    packet: T,
    bytes: usize,
    pushed: Time,
}

/// A queue of packets that knows its bytes.
#[derive(Clone, Debug)]
struct Queue<T> {
    packets: VecDeque<Waiting<T>>,
    bytes: usize,
}

impl<T> Queue<T> {
    const fn new() -> Queue<T> {
        Queue { packets: VecDeque::new(), bytes: 0 }
    }

    fn push(&mut self, waiting: Waiting<T>) {
        self.bytes += waiting.bytes;
        self.packets.push_back(waiting);
    }

    fn pop(&mut self) -> Option<Waiting<T>> {
        let first = self.packets.pop_front()?;
        self.bytes -= first.bytes;
        Some(first)
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

/// Spreads one peer's packets over time. `T` is whatever the caller calls a packet.
#[derive(Clone, Debug)]
pub struct Pacer<T> {
    audio: Queue<T>,
    retransmissions: Queue<T>,
    video: Queue<T>,
    padding: Queue<T>,
    media: Bucket,
    /// Bytes of pictures that still leave at once.
    window: usize,
    /// Used up, and not saved again for a while: see [`REST`].
    resting: bool,
    retransmission: Bucket,
    /// Everything that is sent is taken from it; padding fills what nothing else took.
    filling: Bucket,
    probes: Probes,
    /// What may come in on average, where that matters: everything that is pushed is taken from it.
    budget: Option<Bucket>,
    /// When what waits would have left at the rates of when it came in.
    promised: Time,
    /// The latest time heard of.
    now: Time,
}

impl<T> Pacer<T> {
    /// One that has no rate yet, so that only voice leaves.
    pub fn new(now: Time) -> Pacer<T> {
        Pacer {
            audio: Queue::new(),
            retransmissions: Queue::new(),
            video: Queue::new(),
            padding: Queue::new(),
            media: Bucket::new(now, BURST),
            window: 0,
            resting: false,
            retransmission: Bucket::new(now, RETRANSMISSION_BURST),
            filling: Bucket::new(now, Duration::ZERO),
            probes: Probes::default(),
            budget: None,
            promised: now,
            now,
        }
    }

    /// Takes a packet of `bytes`, with its RTP header and whatever else the rates count. A retransmission that waits for half a
    /// second is forgotten.
    pub fn push(&mut self, now: Time, kind: Kind, bytes: usize, packet: T) {
        self.advance(now);
        if let Some(budget) = &mut self.budget {
            budget.take(bytes);
        }
        let waiting = Waiting { packet, bytes, pushed: self.now };
        match kind {
            Kind::Audio => self.audio.push(waiting),
            Kind::Video => {
                self.video.push(waiting);
                self.promised = self.now + self.video_delay(self.now);
            }
            Kind::Padding => self.padding.push(waiting),
            Kind::Retransmission => self.retransmissions.push(waiting),
        }
    }

    /// The rate of everything but probes, and the rate up to which gaps are filled with padding
    /// ([`crate::bwe::Estimate`]). At zero only voice leaves.
    pub fn set_rates(&mut self, now: Time, pacing: Bitrate, padding: Bitrate) {
        self.advance(now);
        let first = self.media.rate() == Bitrate::ZERO;
        self.media.set_rate(self.now, pacing);
        self.retransmission.set_rate(self.now, Bitrate::bps(pacing.as_bps() / RETRANSMISSION_PART));
        self.filling.set_rate(self.now, padding.min(pacing));
        if first {
            self.media.fill();
            self.retransmission.fill();
        }
    }

    /// Lets so many bytes of pictures leave at once.
    pub fn open_window(&mut self, bytes: usize) {
        self.window = bytes;
    }

    /// What may come in on average, or nothing where the pacing rate alone limits it. Beyond it the [`Backlog`] is full though nothing waits:
    /// the pacing rate is above what a full path takes, and the difference would stand in its queue.
    pub fn set_budget(&mut self, now: Time, budget: Option<Bitrate>) {
        self.advance(now);
        self.budget = budget.map(|rate| {
            let mut bucket = self.budget.unwrap_or_else(|| Bucket::new(self.now, Duration::ZERO));
            bucket.set_rate(self.now, rate);
            bucket
        });
    }

    /// Wants a probe, after those already wanted. One that is not begun within a second is forgotten.
    pub fn probe(&mut self, now: Time, cluster: ProbeCluster) {
        self.advance(now);
        self.probes.add(self.now, cluster);
    }

    /// What is due; call it until there is nothing.
    pub fn poll(&mut self, now: Time) -> Option<Due<T>> {
        self.advance(now);
        self.probes.forget_stale(self.now);
        if let Some(voice) = self.audio.pop() {
            return Some(self.leave(Kind::Audio, voice, Payer::Rate));
        }
        if self.probes.next().is_some_and(|next| next <= self.now) {
            return Some(self.probe_packet());
        }
        if self.media.holds(REST) {
            self.resting = false;
        }
        if self.resting {
            return None;
        }
        self.forget_stale_retransmissions();
        if !self.retransmission.is_empty()
            && let Some(again) = self.retransmissions.pop()
        {
            return Some(self.leave(Kind::Retransmission, again, Payer::Rate));
        }
        if let Some(picture) = self.video.pop() {
            return Some(self.leave(Kind::Video, picture, Payer::Rate));
        }
        if let Some(padding) = self.padding.pop() {
            return Some(self.leave(Kind::Padding, padding, Payer::Rate));
        }
        if !self.may_fill() || !self.filling.holds(Duration::ZERO) {
            return None;
        }
        let bytes = self.filling.rate().bytes_in(PADDING_STEP) as usize;
        Some(self.fill(bytes.clamp(MIN_PADDING, MAX_PADDING), Payer::Rate))
    }

    /// When [`Pacer::poll`] has something next, if nothing is pushed before; never, without a rate.
    pub fn poll_at(&self) -> Option<Time> {
        if !self.audio.is_empty() {
            return Some(self.now);
        }
        match (self.probes.next(), self.rate_allows_at()) {
            (Some(probe), Some(other)) => Some(probe.min(other)),
            (probe, other) => probe.or(other),
        }
    }

    /// How long everything that waits takes to leave at the present rate; without a rate,
    /// [`Duration::MAX`].
    pub fn queue_delay(&self, now: Time) -> Duration {
        match self.queued_bytes() {
            0 => Duration::ZERO,
            bytes => self.media.time_for(now, bytes),
        }
    }

    /// The bytes that wait, voice left out.
    pub fn queued_bytes(&self) -> usize {
        self.video.bytes + self.retransmissions.bytes + self.padding.bytes
    }

    /// What the queue means to the encoder: whether it should make another picture.
    pub fn backlog(&self, now: Time) -> Backlog {
        let delay = self.video_delay(now);
        let late = now + delay > self.promised + LATE;
        if !self.video.is_empty() && (late || delay > HOPELESS) {
            Backlog::Late
        } else if delay > FULL || self.budget.is_some_and(|budget| budget.time_for(now, 0) > AHEAD) {
            Backlog::Full
        } else {
            Backlog::Flows
        }
    }

    /// Throws away the pictures that wait, and retransmissions, which belong to pictures before them. It
    /// returns the pictures' packets: the newest of their stream, whose numbers may be given again.
    pub fn drop_video(&mut self) -> Vec<T> {
        self.retransmissions = Queue::new();
        self.promised = self.now;
        let dropped = std::mem::replace(&mut self.video, Queue::new());
        dropped.packets.into_iter().map(|waiting| waiting.packet).collect()
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.media.refill(self.now);
        self.retransmission.refill(self.now);
        self.filling.refill(self.now);
        if let Some(budget) = &mut self.budget {
            budget.refill(self.now);
        }
    }

    fn forget_stale_retransmissions(&mut self) {
        let stale = |oldest: &Waiting<T>| self.now.since(oldest.pushed) > RETRANSMISSION_STALE;
        while self.retransmissions.packets.front().is_some_and(stale) {
            self.retransmissions.pop();
        }
    }

    /// How long the pictures that wait take, with the retransmissions that go before them.
    fn video_delay(&self, now: Time) -> Duration {
        let again = self.retransmissions.bytes.min(self.video.bytes / (RETRANSMISSION_PART as usize - 1));
        match self.video.bytes {
            0 => Duration::ZERO,
            bytes => self.media.time_for(now, bytes + again),
        }
    }

    /// When something leaves without a probe.
    fn rate_allows_at(&self) -> Option<Time> {
        let rested = if self.resting { self.media.holds_at(REST)? } else { self.now };
        let next = if !self.video.is_empty() || !self.padding.is_empty() {
            self.now
        } else if !self.retransmissions.is_empty() {
            self.retransmission.filled_at()?
        } else if self.may_fill() {
            self.filling.holds_at(Duration::ZERO)?
        } else {
            return None;
        };
        Some(next.max(rested))
    }

    /// Whether there is a gap: nothing waits, and no probe fills it.
    fn may_fill(&self) -> bool {
        let queues = [&self.video, &self.retransmissions, &self.padding];
        queues.iter().all(|queue| queue.is_empty()) && self.probes.active().is_none()
    }

    /// The next packet of the probe: anything that waits is better than padding.
    fn probe_packet(&mut self) -> Due<T> {
        let waiting = (self.retransmissions.pop().map(|waiting| (Kind::Retransmission, waiting)))
            .or_else(|| self.video.pop().map(|waiting| (Kind::Video, waiting)))
            .or_else(|| self.padding.pop().map(|waiting| (Kind::Padding, waiting)));
        match waiting {
            Some((kind, waiting)) => self.leave(kind, waiting, Payer::Probe),
            None => self.fill(self.probes.packet_size().clamp(MIN_PADDING, MAX_PADDING), Payer::Probe),
        }
    }

    fn leave(&mut self, kind: Kind, waiting: Waiting<T>, payer: Payer) -> Due<T> {
        let Waiting { packet, bytes, .. } = waiting;
        let probe = self.account(kind, bytes, payer);
        Due::Packet { packet, kind, bytes, probe }
    }

    fn fill(&mut self, bytes: usize, payer: Payer) -> Due<T> {
        let probe = self.account(Kind::Padding, bytes, payer);
        Due::Padding { bytes, probe }
    }

    /// Takes the bytes from whatever pays for them. While there is a probe everything that leaves is a part
    /// of it, or it would measure what else stood in the queue.
    fn account(&mut self, kind: Kind, bytes: usize, payer: Payer) -> Option<ProbeId> {
        self.filling.take_up_to(bytes, MAX_FILLING_DEBT);
        if kind == Kind::Retransmission {
            self.retransmission.take(bytes);
        }
        match (payer, kind) {
            (Payer::Probe, _) => {}
            (Payer::Rate, Kind::Audio) => self.media.take_up_to(bytes, MAX_VOICE_DEBT),
            (Payer::Rate, Kind::Video) if self.window > 0 => self.window = self.window.saturating_sub(bytes),
            (Payer::Rate, _) => self.media.take(bytes),
        }
        self.resting |= self.media.is_empty();
        let probe = self.probes.active();
        self.probes.sent(self.now, bytes);
        probe
    }
}
