//! Which packets to ask for again (generic NACK, RFC 4585 §6.2.1), and when to stop asking.
//!
//! It must see every packet of the stream, also those that RTX brought back (RFC 4588): a generator that
//! does not know about them asks again for what it has. When to ask first is learnt from packets that
//! were only late ([`reorder`]), when to ask again from the time that answers take ([`answer`]).
//!
//! An ask may be lost, too, and costs next to nothing, so each is repeated a few times before an answer could have
//! come; whoever answers does so once per round trip, as libwebrtc does. [`crate::rtp::PacketHistory`] takes a repeat
//! for more where an answer was lost before.
//!
//! When one packet is given up, everything that is missing is: the pictures behind it cannot be decoded
//! before a keyframe. That is so when an answer is long overdue, and at once when more is missing than a
//! keyframe has.

mod answer;
mod reorder;
#[cfg(test)]
mod tests;

use crate::time::Time;
use crate::units::{Seq, Unwrapper};
use answer::AnswerTime;
use reorder::Reordering;
use std::collections::BTreeMap;
use std::time::Duration;

/// An ask is repeated after each such part of the time in which an answer comes, …
const REPEAT_PART: u32 = 8;
/// … but not within this, because what loses one packet often loses the next, …
const MIN_REPEAT: Duration = Duration::from_millis(5);
/// … and only in this part of that time: what is asked for later could be taken for another try.
const REPEATS_WITHIN: u32 = 2;
/// At 30 % loss both ways, ten tries fail once in a thousand.
const MAX_TRIES: u8 = 10;
/// A keyframe takes a round trip and a few frames' time to be sent: before so many tries failed it would not
/// be there sooner.
const PATIENCE_TRIES: u32 = 6;
/// On a short path a network that fails for a moment should not cost a keyframe.
const MIN_PATIENCE: Duration = Duration::from_millis(300);
/// Nobody keeps packets for longer.
const MAX_PATIENCE: Duration = Duration::from_secs(1);
/// More than this is missing only after an outage of a third of a second at 3 Mbit/s, and a keyframe is smaller.
const MAX_MISSING: usize = 100;
/// A jump this wide is another stream.
const MAX_JUMP: u64 = 2048;
/// How far back duplicates are recognised; a power of two.
const WINDOW: u64 = 4096;

/// What a received sequence number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Not seen before.
    New,
    /// Not seen before, and asked for.
    Recovered,
    /// Already here: drop the packet.
    Duplicate,
    /// From so long ago that nobody knows; drop it.
    TooOld,
}

impl Arrival {
    /// Whether the packet should go on to the assembler.
    pub const fn is_new(self) -> bool {
        matches!(self, Arrival::New | Arrival::Recovered)
    }
}

/// What is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Nacks {
    /// Ask for these.
    pub ask: Vec<Seq>,
    /// These will not come any more; tell [`crate::FrameAssembler::lost`].
    pub gave_up: Vec<Seq>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    noticed: Time,
    asked: Option<Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    last: Time,
    /// Repeats left out.
    tries: u8,
    /// Of the last try, those whose time is over.
    repeats: u32,
}

/// How long after an ask it is repeated, where an answer takes so long.
fn repeat_after(answer: Duration) -> Duration {
    (answer / REPEAT_PART).max(MIN_REPEAT)
}

/// The holes of one received stream.
#[derive(Debug)]
pub struct NackGenerator {
    unwrapper: Unwrapper,
    newest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    gave_up: Vec<Seq>,
    /// One bit for each of the last `WINDOW` numbers: received.
    seen: Vec<u64>,
    reordering: Reordering,
    answers: AnswerTime,
    /// Whether RTX ever brought anything.
    has_rtx: bool,
    /// The latest time heard of.
    now: Time,
}

impl Default for NackGenerator {
    fn default() -> NackGenerator {
        NackGenerator::new()
    }
}

impl NackGenerator {
    /// One that has seen nothing.
    pub fn new() -> NackGenerator {
        NackGenerator {
            unwrapper: Unwrapper::new(),
            newest: None,
            missing: BTreeMap::new(),
            gave_up: Vec::new(),
            seen: vec![0; WINDOW as usize / 64],
            reordering: Reordering::default(),
            answers: AnswerTime::default(),
            has_rtx: false,
            now: Time::ZERO,
        }
    }

    /// Notes a packet. `by_rtx`: RTX brought it (RFC 4588); `seq` is then its original number.
    pub fn received(&mut self, now: Time, seq: Seq, by_rtx: bool) -> Arrival {
        self.now = self.now.max(now);
        self.has_rtx |= by_rtx;
        let seq = self.unwrapper.seq(seq);
        let Some(newest) = self.newest else {
            self.newest = Some(seq);
            self.mark(seq, true);
            return Arrival::New;
        };
        if seq > newest {
            self.move_on(newest, seq);
            return Arrival::New;
        }
        if newest - seq >= WINDOW {
            return Arrival::TooOld;
        }
        if self.is_marked(seq) {
            return Arrival::Duplicate;
        }
        self.mark(seq, true);
        self.missing.remove(&seq).map_or(Arrival::New, |hole| self.filled(hole, by_rtx))
    }

    /// Learns from a packet that was missing how late it came by itself, or how long its answer took.
    fn filled(&mut self, hole: Missing, by_rtx: bool) -> Arrival {
        // Where there is no RTX, what was asked for is taken for the answer.
        let lost = by_rtx || (hole.asked.is_some() && !self.has_rtx);
        if !lost {
            self.reordering.late(self.now, self.now.since(hole.noticed));
            return Arrival::New;
        }
        self.reordering.lost(self.now);
        let Some(asked) = hole.asked else { return Arrival::New };
        if asked.tries == 1 {
            self.answers.took(self.now, self.now.since(asked.last));
        }
        Arrival::Recovered
    }

    fn move_on(&mut self, newest: u64, seq: u64) {
        self.newest = Some(seq);
        if seq - newest > MAX_JUMP {
            self.missing.clear();
            self.seen.fill(0);
        } else {
            for hole in newest + 1..seq {
                self.mark(hole, false);
                self.missing.insert(hole, Missing { noticed: self.now, asked: None });
            }
        }
        self.mark(seq, true);
        if self.missing.len() > MAX_MISSING {
            self.give_up();
        }
    }

    /// Gives up whatever is missing now.
    fn give_up(&mut self) {
        self.gave_up.clear();
        self.gave_up.extend(std::mem::take(&mut self.missing).into_keys().map(|seq| Seq(seq as u16)));
    }

    /// What to ask for at this time, and what was given up since the last call. Call it after packets
    /// and at [`NackGenerator::poll_at`].
    pub fn poll(&mut self, now: Time, rtt: Duration) -> Nacks {
        self.now = self.now.max(now);
        let answer = self.answers.timeout(self.now, rtt);
        let patience = (answer * PATIENCE_TRIES).clamp(MIN_PATIENCE, MAX_PATIENCE);
        let overdue = |hole: &Missing| {
            let tries = hole.asked.map_or(0, |asked| asked.tries);
            self.now.since(hole.noticed) >= patience
                || (tries >= MAX_TRIES && self.now >= self.due(hole, rtt))
        };
        if self.missing.values().any(overdue) {
            self.give_up();
        }
        let repeat = repeat_after(answer);
        let due: Vec<u64> = self
            .missing
            .iter()
            .filter(|(_, hole)| self.now >= self.due(hole, rtt))
            .map(|(&seq, _)| seq)
            .collect();
        for seq in &due {
            let Some(hole) = self.missing.get_mut(seq) else { continue };
            hole.asked = Some(match hole.asked {
                None => Asked { last: self.now, tries: 1, repeats: 0 },
                Some(asked) if self.now < asked.last + answer => {
                    let over = self.now.since(asked.last).as_micros() / repeat.as_micros();
                    Asked { repeats: over as u32, ..asked }
                }
                Some(asked) => Asked { last: self.now, tries: asked.tries + 1, repeats: 0 },
            });
        }
        Nacks {
            ask: due.into_iter().map(|seq| Seq(seq as u16)).collect(),
            gave_up: std::mem::take(&mut self.gave_up),
        }
    }

    /// When a missing packet is to be asked for next.
    fn due(&self, hole: &Missing, rtt: Duration) -> Time {
        let Some(asked) = hole.asked else { return hole.noticed + self.reordering.wait() };
        let answer = self.answers.timeout(self.now, rtt);
        let repeat = repeat_after(answer) * (asked.repeats + 1);
        asked.last + if repeat <= answer / REPEATS_WITHIN { repeat } else { answer }
    }

    /// When [`NackGenerator::poll`] has something to say next, if no packet comes before.
    pub fn poll_at(&self, rtt: Duration) -> Option<Time> {
        if !self.gave_up.is_empty() {
            return Some(self.now);
        }
        self.missing.values().map(|hole| self.due(hole, rtt)).min()
    }

    /// Stops asking for anything before `seq`: a keyframe went over it.
    pub fn forget_before(&mut self, seq: Seq) {
        let from = self.unwrapper.seq(seq);
        self.missing = self.missing.split_off(&from);
    }

    /// Whether anything is missing.
    pub fn is_waiting(&self) -> bool {
        !self.missing.is_empty() || !self.gave_up.is_empty()
    }

    fn mark(&mut self, seq: u64, received: bool) {
        let (word, bit) = Self::place(seq);
        self.seen[word] = self.seen[word] & !bit | if received { bit } else { 0 };
    }

    fn is_marked(&self, seq: u64) -> bool {
        let (word, bit) = Self::place(seq);
        self.seen[word] & bit != 0
    }

    fn place(seq: u64) -> (usize, u64) {
        let at = seq % WINDOW;
        ((at / 64) as usize, 1 << (at % 64))
    }
}
