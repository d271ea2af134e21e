//! How much of a voice's rate goes into copies for lost packets.
//!
//! Opus knows two kinds. In-band FEC (LBRR, RFC 6716 §2.1.7) puts a coarser copy of the packet before into each
//! packet: close to the original, but of one packet only. DRED (draft-ietf-mlcodec-opus-dred) puts features of
//! the last while into each packet: speech made again by a network, for whole bursts at little cost. So FEC
//! answers single losses and DRED the runs of them, and both cost nothing while nothing is lost.

use crate::units::Bitrate;
use std::time::Duration;

/// Below this loss nothing is spent: concealment is not heard at one packet in a hundred.
const WORTH_IT: f32 = 0.01;
/// From this loss on runs are as long as DRED is made for.
const WORST: f32 = 0.2;
/// Under this total nothing is left for DRED beside a voice with FEC (libopus reckons 20 kbit/s for these).
const DRED_FROM: Bitrate = Bitrate::kbps(28);
/// Runs of lost packets at a loss of p are shorter than this many packets all but once in a thousand at 30 %.
const DRED_LEAST: Duration = Duration::from_millis(120);
/// Beyond half a second a listener has lost the word anyway, and the jitter buffer would not wait for it.
const DRED_MOST: Duration = Duration::from_millis(500);

/// What an encoder does against loss.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Protection {
    /// The share of packets that get lost, 0…1: the encoder makes copies as good as that asks for.
    pub loss: f32,
    /// Whether each packet holds a copy of the one before.
    pub fec: bool,
    /// How much of the past each packet holds as features; zero for none.
    pub dred: Duration,
}

impl Protection {
    /// What is right when this share of packets gets lost (0…1) and the voice may take `bitrate` in all.
    pub fn against(loss: f32, bitrate: Bitrate) -> Protection {
        let loss = if loss.is_finite() { loss.clamp(0.0, 1.0) } else { 0.0 };
        if loss < WORTH_IT {
            return Protection::default();
        }
        let share = (loss / WORST).min(1.0);
        let more = (DRED_MOST - DRED_LEAST).as_millis() as f32 * share;
        let dred = DRED_LEAST + Duration::from_millis(more.round() as u64);
        let dred = if bitrate >= DRED_FROM { dred } else { Duration::ZERO };
        Protection { loss, fec: true, dred }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_spent_where_nothing_is_lost_and_more_the_more_is_lost() {
        let rate = Bitrate::kbps(48);
        for loss in [0.0, 0.005, -1.0, f32::NAN] {
            assert_eq!(Protection::against(loss, rate), Protection::default(), "{loss}");
        }
        let (some, much, most) =
            (Protection::against(0.03, rate), Protection::against(0.2, rate), Protection::against(7.0, rate));
        assert!(some.fec && Duration::ZERO < some.dred && some.dred < much.dred);
        assert_eq!((most.loss, most.dred), (1.0, DRED_MOST));
    }

    #[test]
    fn a_narrow_way_gets_copies_and_no_features() {
        let protection = Protection::against(0.2, Bitrate::kbps(20));
        assert!(protection.fec && protection.dred.is_zero());
    }
}
