//! Which packets to ask for again (generic NACK, RFC 4585 §6.2.1), and when to stop asking.
//!
//! It must see every packet of the stream, also those that RTX brought back (RFC 4588): a generator that
//! does not know about them asks again for what it has. Retries are paced by the round trip, because an
//! answer cannot come sooner. What is given up is said so that a keyframe can be asked for at once.

use crate::time::Time;
use crate::units::{Seq, Unwrapper};
use std::collections::BTreeMap;
use std::time::Duration;

/// Packets that overtake each other on Wi-Fi or in a bonded link do so by a few milliseconds. Counting
/// newer packets instead, as TCP does, mistakes a shaken burst for loss: a frame's packets leave together.
const REORDER_WAIT: Duration = Duration::from_millis(6);
/// The other end's time to answer, on top of the round trip.
const RETRY_MARGIN: Duration = Duration::from_millis(10);
/// A retry faster than this cannot have an answer even on a local network with a busy machine.
const MIN_RETRY: Duration = Duration::from_millis(20);
/// At 30 % loss both ways, ten tries fail once in a thousand.
const MAX_TRIES: u8 = 10;
/// Longer than this without a picture is worse than a keyframe.
const MIN_PATIENCE: Duration = Duration::from_millis(500);
/// Nobody keeps packets for longer.
const MAX_PATIENCE: Duration = Duration::from_secs(1);
/// More holes at once than this is an outage, which a keyframe ends cheaper.
const MAX_MISSING: usize = 512;
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
    asked: Option<Time>,
    tries: u8,
}

impl Missing {
    /// When it is to be asked for next.
    fn due(&self, rtt: Duration) -> Time {
        match self.asked {
            None => self.noticed + REORDER_WAIT,
            Some(asked) => asked + (rtt + RETRY_MARGIN).max(MIN_RETRY),
        }
    }
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
        }
    }

    /// Notes a packet, whether it came by itself or was recovered by RTX (then with its original number).
    pub fn received(&mut self, now: Time, seq: Seq) -> Arrival {
        let seq = self.unwrapper.seq(seq);
        let Some(newest) = self.newest else {
            self.newest = Some(seq);
            self.mark(seq, true);
            return Arrival::New;
        };
        if seq > newest {
            self.move_on(now, newest, seq);
            return Arrival::New;
        }
        if newest - seq >= WINDOW {
            return Arrival::TooOld;
        }
        if self.is_marked(seq) {
            return Arrival::Duplicate;
        }
        self.mark(seq, true);
        match self.missing.remove(&seq) {
            Some(Missing { asked: Some(_), .. }) => Arrival::Recovered,
            _ => Arrival::New,
        }
    }

    fn move_on(&mut self, now: Time, newest: u64, seq: u64) {
        self.newest = Some(seq);
        if seq - newest > MAX_JUMP {
            self.missing.clear();
            self.seen.fill(0);
        } else {
            for hole in newest + 1..seq {
                self.mark(hole, false);
                self.missing.insert(hole, Missing { noticed: now, asked: None, tries: 0 });
            }
        }
        self.mark(seq, true);
        while self.missing.len() > MAX_MISSING {
            if let Some((hole, _)) = self.missing.pop_first()
                && self.gave_up.len() < MAX_MISSING
            {
                self.gave_up.push(Seq(hole as u16));
            }
        }
    }

    /// What to ask for at this time, and what was given up since the last call. Call it after packets
    /// and at [`NackGenerator::poll_at`], or every few milliseconds.
    pub fn poll(&mut self, now: Time, rtt: Duration) -> Nacks {
        let mut nacks = Nacks { ask: Vec::new(), gave_up: std::mem::take(&mut self.gave_up) };
        let patience = (rtt * 4).clamp(MIN_PATIENCE, MAX_PATIENCE);
        self.missing.retain(|&seq, hole| {
            let due = now >= hole.due(rtt);
            if now.since(hole.noticed) >= patience || (due && hole.tries >= MAX_TRIES) {
                nacks.gave_up.push(Seq(seq as u16));
                return false;
            }
            if due {
                hole.asked = Some(now);
                hole.tries += 1;
                nacks.ask.push(Seq(seq as u16));
            }
            true
        });
        nacks
    }

    /// When [`NackGenerator::poll`] has something to say next, if no packet comes before.
    pub fn poll_at(&self, rtt: Duration) -> Option<Time> {
        self.missing.values().map(|hole| hole.due(rtt)).min()
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

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_packet_that_was_only_overtaken_is_not_asked_for() {
        let mut nack = NackGenerator::new();
        nack.received(at(0), Seq(65_535));
        nack.received(at(1), Seq(1));
        assert_eq!(nack.poll(at(5), RTT), Nacks::default());
        assert_eq!(nack.received(at(6), Seq(0)), Arrival::New);
        assert!(!nack.is_waiting());
        assert_eq!(nack.poll(at(1000), RTT), Nacks::default());
    }

    #[test]
    fn a_hole_is_asked_for_once_per_round_trip_until_it_comes() {
        let mut nack = NackGenerator::new();
        nack.received(at(0), Seq(10));
        for seq in 12..=14 {
            nack.received(at(1), Seq(seq));
        }
        assert_eq!(nack.poll_at(RTT), Some(at(7)));
        let asked: Vec<u64> = (1..150).filter(|&ms| !nack.poll(at(ms), RTT).ask.is_empty()).collect();
        assert_eq!(asked, [7, 67, 127], "after the time of reordering, then each RTT + 10 ms");
        assert_eq!(nack.poll_at(RTT), Some(at(187)));
        assert_eq!(nack.received(at(150), Seq(11)), Arrival::Recovered);
        assert_eq!(nack.received(at(151), Seq(11)), Arrival::Duplicate);
        assert_eq!(nack.poll(at(400), RTT), Nacks::default());
    }

    #[test]
    fn what_does_not_come_is_given_up_once() {
        let mut nack = NackGenerator::new();
        nack.received(at(0), Seq(10));
        nack.received(at(0), Seq(12));
        let mut gave_up = Vec::new();
        let mut asked = 0;
        for ms in 0..3000 {
            let nacks = nack.poll(at(ms), RTT);
            asked += nacks.ask.len();
            gave_up.extend(nacks.gave_up.into_iter().map(|seq| (ms, seq)));
        }
        assert_eq!(gave_up, [(500, Seq(11))]);
        assert_eq!(asked, 9);
        assert_eq!(nack.received(at(3000), Seq(11)), Arrival::New, "late, and still not a duplicate");
    }

    #[test]
    fn what_a_keyframe_went_over_is_not_asked_for_any_more() {
        let mut nack = NackGenerator::new();
        for seq in [10, 12, 14, 20] {
            nack.received(at(0), Seq(seq));
        }
        nack.forget_before(Seq(14));
        assert_eq!(nack.poll(at(10), RTT).ask, [15, 16, 17, 18, 19].map(Seq));
    }

    #[test]
    fn an_outage_gives_up_its_oldest_and_a_jump_forgets_all() {
        let mut nack = NackGenerator::new();
        nack.received(at(0), Seq(0));
        nack.received(at(0), Seq(1000));
        let nacks = nack.poll(at(10), RTT);
        assert_eq!((nacks.ask.len(), nacks.gave_up.len()), (512, 999 - 512));
        nack.received(at(1), Seq(20_000));
        assert!(!nack.is_waiting());
        assert_eq!(nack.received(at(2), Seq(1000)), Arrival::TooOld);
        assert_eq!(nack.received(at(2), Seq(20_000)), Arrival::Duplicate);
    }
}
