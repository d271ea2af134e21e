//! What is missing between two packets: how much of it was lost, in packets of what length, and how much the
//! sender never sent.
//!
//! Nobody tells how long a lost packet was. A sender may change the length at any time (RFC 7587 §3.1 allows
//! 2.5 to 120 ms), and then the packets before and after the gap differ; the gap itself says the rest.

/// Opus makes nothing shorter, and concealment is asked for in multiples of it (2.5 ms).
const STEP: u64 = 120;

/// The lost packets of a gap. Samples are at 48 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// How much they held. What else is in the gap is the sender's silence.
    pub(super) samples: u64,
    /// How much each held; where they were of unlike length, the average, rounded up.
    pub(super) each: u64,
}

impl Lost {
    /// `packets` numbers and `gap` samples are missing between a packet of `before` samples and one of `after`.
    pub(super) fn between(packets: u64, gap: u64, before: u32, after: u32) -> Lost {
        let most = packets * u64::from(before.max(after));
        // What lost packets cannot have filled is silence, and then they were probably like the one before it.
        let samples = if gap <= most { gap } else { packets * u64::from(before) };
        let each = samples.div_ceil(packets.max(1)).next_multiple_of(STEP).max(STEP);
        Lost { samples, each }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(packets: u64, gap: u64, before: u32, after: u32) -> (u64, u64) {
        let lost = Lost::between(packets, gap, before, after);
        (lost.samples, lost.each)
    }

    #[test]
    fn packets_of_one_length_fill_their_gap_and_the_rest_is_silence() {
        assert_eq!(lost(3, 2880, 960, 960), (2880, 960));
        assert_eq!(lost(1, 960 + 19_200, 960, 960), (960, 960));
        assert_eq!(lost(0, 19_200, 960, 960).0, 0);
        assert_eq!(lost(2, 5760, 2880, 2880), (5760, 2880));
    }

    #[test]
    fn where_the_length_changed_in_the_gap_the_gap_tells_which_it_was() {
        assert_eq!(lost(1, 2880, 960, 2880), (2880, 2880), "the lost one was the first long one");
        assert_eq!(lost(1, 960, 960, 2880), (960, 960), "the lost one was the last short one");
        assert_eq!(lost(1, 2880, 2880, 960), (2880, 2880));
        assert_eq!(lost(2, 3840, 960, 2880), (3840, 1920), "one of each");
        assert_eq!(lost(3, 6720, 960, 2880), (6720, 2280), "rounded up to what Opus can make");
    }

    #[test]
    fn rubbish_makes_pieces_that_are_pieces() {
        assert_eq!(lost(25, 1, 960, 960), (1, 120));
        assert_eq!(lost(0, 0, 120, 120), (0, 120));
    }
}
