//! What a [`super::JitterBuffer`] says: what became of a packet, and what to play next.

use bytes::Bytes;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// Waits for its turn.
    Buffered,
    /// Was here before.
    Duplicate,
    /// Its turn is over.
    Late,
    /// No Opus packet.
    Malformed,
}

/// What to play next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playout {
    /// Decode this.
    Packet {
        /// The Opus packet.
        payload: Bytes,
        /// How long it is.
        samples: usize,
        /// Whether packets before it were left out: what was played does not lead to it.
        skipped: bool,
    },
    /// Decode the copy (LBRR) in this packet, in place of the lost one before it or of that one's end. The packet
    /// itself comes next.
    Fec {
        /// The packet after the lost one.
        packet: Bytes,
        /// How much is missing, to the beginning of the packet: less than the copy when the rest was concealed.
        samples: usize,
    },
    /// Decode the deep redundancy (DRED) in this packet.
    Dred {
        /// A packet after the lost one.
        packet: Bytes,
        /// How many samples before the beginning of the packet the missing piece begins.
        back: usize,
        /// How much is missing.
        samples: usize,
    },
    /// Let the decoder make something up.
    Conceal {
        /// How much.
        samples: usize,
    },
    /// The sender is in DTX: let the decoder go on with its noise.
    ComfortNoise {
        /// How much.
        samples: usize,
    },
    /// Nothing to hear.
    Silence {
        /// How much.
        samples: usize,
    },
}

/// How to change the samples' number afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// Not at all.
    Keep,
    /// Take out pitch periods; tell [`JitterBuffer::removed`].
    Accelerate {
        /// Whether a rougher splice is right.
        urgent: bool,
    },
    /// Put in pitch periods; tell [`JitterBuffer::inserted`].
    Expand,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// What to decode.
    pub playout: Playout,
    /// What to do with it then.
    pub stretch: Stretch,
}

impl Pull {
    pub(super) fn of(playout: Playout) -> Pull {
        Pull { playout, stretch: Stretch::Keep }
    }
}
