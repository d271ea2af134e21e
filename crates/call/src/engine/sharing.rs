//! What is sent, by what the ways to the others take: gathers what [`allocate`] decides on, and remembers what it must.

use crate::peer::{HEADERS, PairKey};
use snug_media::Time;
use snug_media::allocate::{Allocation, Memory, Peer, Source, allocate};
use snug_media::bwe::Estimate;

/// The way to one other device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) key: PairKey,
    /// What the network takes.
    pub(super) estimate: Estimate,
    /// How large the other side shows the pictures, in physical pixels; nothing while it has not said so.
    pub(super) shown: Option<(u32, u32)>,
}

/// Shares out, again and again.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    memory: Memory<PairKey>,
}

impl Sharing {
    /// What each gets now; the shares are in the order of the ways.
    pub(super) fn share(&mut self, now: Time, ways: &[Way], source: Option<&Source>) -> Allocation {
        let peers: Vec<Peer<PairKey>> = ways
            .iter()
            .map(|way| Peer {
                id: way.key,
                target: way.estimate.target,
                stable: way.estimate.stable,
                loss: way.estimate.loss,
                tile: way.shown,
            })
            .collect();
        let (allocation, memory) = allocate(now, &peers, source, HEADERS, &self.memory);
        self.memory = memory;
        allocation
    }
}
