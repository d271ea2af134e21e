//! Where the playout of a stream stands: what is due, what was received before it, and what was played
//! in place of something that did not come. The decisions are [`super::JitterBuffer`]'s.

use super::stats::AudioStats;
use crate::time::Time;

/// Where playout stands.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The extended sequence number and RTP time that are due.
    pub(super) seq: u64,
    pub(super) at: u64,
    /// The length of the last packet.
    pub(super) frame: u32,
    /// Which of the 128 numbers before `seq` were received, the nearest lowest.
    received: u128,
    /// Samples played since `at` without a packet, and how many of them are not accounted for yet.
    pub(super) filled: u64,
    pub(super) undecided: u64,
    /// Whether the last packet said that nothing follows.
    pub(super) dtx: bool,
    /// Whether a run of concealment was counted already.
    concealing: bool,
    pub(super) stretched: Option<Time>,
}

impl Cursor {
    /// A cursor before this packet.
    pub(super) fn at(seq: u64, at: u64, samples: u32) -> Cursor {
        Cursor {
            seq,
            at,
            frame: samples,
            received: 0,
            filled: 0,
            undecided: 0,
            dtx: false,
            concealing: false,
            stretched: None,
        }
    }

    /// Moves past a packet that is played.
    pub(super) fn played(&mut self, seq: u64, at: u64, samples: u32, dtx: bool) {
        self.move_to(seq + 1);
        self.was_received(seq);
        self.at = at + u64::from(samples);
        self.frame = samples;
        self.filled = 0;
        self.dtx = dtx;
        self.concealing = false;
    }

    /// Moves past lost packets of so many samples in whose place something else was played.
    pub(super) fn give_up(&mut self, each: u64) {
        let packets = self.filled / each;
        let samples = packets * each;
        self.move_to(self.seq + packets);
        self.at += samples;
        self.filled -= samples;
    }

    /// Moves forward to a sequence number.
    pub(super) fn move_to(&mut self, seq: u64) {
        let by = seq.saturating_sub(self.seq);
        self.received = if by < 128 { self.received << by } else { 0 };
        self.seq = self.seq.max(seq);
    }

    /// Notes a number behind the cursor; says whether it was there before.
    pub(super) fn was_received(&mut self, seq: u64) -> bool {
        let Some(bit) = (self.seq - 1).checked_sub(seq).filter(|&back| back < 128).map(|back| 1 << back)
        else {
            return false;
        };
        let before = self.received & bit != 0;
        self.received |= bit;
        before
    }

    /// Books what was played without a packet, now that one tells why: up to `silence` samples were not sent.
    pub(super) fn account(&mut self, stats: &mut AudioStats, silence: u64) {
        let played = std::mem::take(&mut self.undecided);
        let silent = if self.dtx { played } else { played.min(silence) };
        stats.total_samples_received += played;
        stats.silent_concealed_samples += silent;
        stats.concealed_samples += played - silent;
        if played > silent && !self.concealing {
            self.concealing = true;
            stats.concealment_events += 1;
        }
    }
}
