//! “The video moves”: what must be seen for that to be said.
//!
//! Not “a picture is there”, which a frozen one is too, and not a frame counter of the receiver, which counts repeats. What counts is
//! the *other* person's own numbering, read out of what was shown: theirs, advancing, without a long stop, up to the end.

use serde::{Deserialize, Serialize};
use snug_media::pattern::Code;
use std::time::Duration;

/// A code at the moment at which it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// What the picture said.
    pub code: Code,
}

/// What is asked of the sightings between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Whose pictures.
    pub sender: u8,
    /// From when, in milliseconds since 1970.
    pub from_ms: u64,
    /// Until when, in milliseconds since 1970.
    pub to_ms: u64,
    /// The longest time in which nothing new need be seen. Generous, since a busy machine stutters; a stopped sender exceeds any.
    pub longest_gap: Duration,
}

/// How the video moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// Pictures seen.
    pub pictures: usize,
    /// Of these, such that follow the one before without a number left out.
    pub consecutive: usize,
    /// The longest time in which nothing new was seen, in milliseconds.
    pub longest_gap_ms: u64,
}

/// Why one cannot say that the video moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stands {
    /// Somebody else's picture: a self-view, or a mix-up.
    #[error("a picture of sender {found} was seen where {expected}'s was expected")]
    WrongSender {
        /// Whose it was.
        found: u8,
        /// Whose it should have been.
        expected: u8,
    },
    /// An older picture after a newer one.
    #[error("picture {later} was followed by picture {earlier}")]
    Backwards {
        /// Seen first.
        later: u32,
        /// Seen after it.
        earlier: u32,
    },
    /// Nothing new for too long.
    #[error("nothing new was seen for {gap_ms} ms, {after_ms} ms after the beginning")]
    Still {
        /// For how long.
        gap_ms: u64,
        /// When that began.
        after_ms: u64,
    },
}

impl Gate {
    /// Judges sightings, which must be in the order in which they were seen. Those outside of the time are not looked at.
    pub fn judge(&self, sightings: &[Sighting]) -> Result<Moves, Stands> {
        let during = sightings.iter().filter(|seen| (self.from_ms..=self.to_ms).contains(&seen.at_ms));
        let mut moves = Moves { pictures: 0, consecutive: 0, longest_gap_ms: 0 };
        let mut last_at = self.from_ms;
        let mut last_no: Option<u32> = None;
        for seen in during {
            let Code { sender, frame_no, .. } = seen.code;
            if sender != self.sender {
                return Err(Stands::WrongSender { found: sender, expected: self.sender });
            }
            match last_no {
                Some(last) if frame_no < last => {
                    return Err(Stands::Backwards { later: last, earlier: frame_no });
                }
                Some(last) if frame_no == last => continue,
                Some(last) => moves.consecutive += usize::from(frame_no == last + 1),
                None => {}
            }
            self.pause(&mut moves, last_at, seen.at_ms)?;
            moves.pictures += 1;
            last_no = Some(frame_no);
            last_at = seen.at_ms;
        }
        self.pause(&mut moves, last_at, self.to_ms)?;
        Ok(moves)
    }

    fn pause(&self, moves: &mut Moves, from_ms: u64, to_ms: u64) -> Result<(), Stands> {
        let gap_ms = to_ms.saturating_sub(from_ms);
        moves.longest_gap_ms = moves.longest_gap_ms.max(gap_ms);
        if u128::from(gap_ms) > self.longest_gap.as_millis() {
            return Err(Stands::Still { gap_ms, after_ms: from_ms - self.from_ms });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: Gate =
        Gate { sender: 2, from_ms: 100_000, to_ms: 102_000, longest_gap: Duration::from_millis(500) };

    fn seen(at_ms: u64, frame_no: u32) -> Sighting {
        Sighting { at_ms, code: Code { sender: 2, frame_no, time_ms: 0 } }
    }

    fn steady() -> Vec<Sighting> {
        (0..61).map(|n| seen(100_000 + n * 33, 500 + n as u32)).collect()
    }

    #[test]
    fn steady_video_moves() {
        assert_eq!(GATE.judge(&steady()), Ok(Moves { pictures: 61, consecutive: 60, longest_gap_ms: 33 }));
    }

    #[test]
    fn a_lost_picture_is_no_standstill_but_is_not_consecutive() {
        let mut lossy = steady();
        lossy.remove(20);
        assert_eq!(GATE.judge(&lossy), Ok(Moves { pictures: 60, consecutive: 58, longest_gap_ms: 66 }));
    }

    #[test]
    fn a_sender_that_stops_is_found_out_and_so_is_one_that_never_began() {
        let stopped = &steady()[..30];
        assert_eq!(GATE.judge(stopped), Err(Stands::Still { gap_ms: 1043, after_ms: 957 }));
        assert_eq!(GATE.judge(&[]), Err(Stands::Still { gap_ms: 2000, after_ms: 0 }));
    }

    #[test]
    fn a_repeated_picture_is_not_movement() {
        let frozen: Vec<_> = (0..61).map(|n| seen(100_000 + n * 33, 500)).collect();
        assert_eq!(GATE.judge(&frozen), Err(Stands::Still { gap_ms: 2000, after_ms: 0 }));
    }

    #[test]
    fn ones_own_picture_and_an_older_one_are_refused() {
        let mut mixed = steady();
        mixed[30].code.sender = 1;
        assert_eq!(GATE.judge(&mixed), Err(Stands::WrongSender { found: 1, expected: 2 }));
        let mut back = steady();
        back[30].code.frame_no = 400;
        assert_eq!(GATE.judge(&back), Err(Stands::Backwards { later: 529, earlier: 400 }));
    }
}
