//! What of the rate is voice's. It is taken first.

use crate::units::Bitrate;
use std::time::Duration;

/// Below this Opus is no pleasure and hardly understood.
const LEAST: Bitrate = Bitrate::kbps(8);
/// Fullband speech that nobody tells from more.
const ENOUGH: Bitrate = Bitrate::kbps(32);
/// The voice's rate begins at this and grows by a tenth of the whole.
const BASE: Bitrate = Bitrate::kbps(14);
/// The delay of a packet and its headers' share of a good network.
const SHORT: Duration = Duration::from_millis(20);
/// Where headers would take more than the voice.
const LONG: Duration = Duration::from_millis(60);
/// Below this, packets of 20 ms leave the voice less than their headers take…
const LONG_BELOW: Bitrate = Bitrate::kbps(50);
/// …and from this on they leave enough for pictures, which must not go when the packets shorten.
const SHORT_FROM: Bitrate = Bitrate::kbps(90);
/// Below this, what repairs the voice costs more than it saves…
const LOSS_OFF: f64 = 0.01;
/// …and from this on it saves more.
const LOSS_ON: f64 = 0.02;
/// What repairs the voice takes no more than this share of the whole rate.
const REPAIR_PART: u64 = 12;

/// How the voice is encoded: once, for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// The encoder's rate, what it spends on redundancy included.
    pub bitrate: Bitrate,
    /// How much sound goes into a packet: 20 ms, or 60 ms where the headers would not fit otherwise.
    pub packet_time: Duration,
    /// The loss to prepare for, 0 to 1, with in-band FEC (RFC 6716 §2.1.7) and deep redundancy; zero where it
    /// is not worth its bits.
    pub loss: f64,
}

impl Voice {
    /// The rate on the wire, with `headers` bytes on each packet.
    pub fn total(&self, headers: usize) -> Bitrate {
        Bitrate::bps(self.bitrate.as_bps() + header_rate(headers, self.packet_time))
    }

    /// What the encoder may take while packets last `packet_time`, less than they shall, so that the wire takes no
    /// more: a sender lengthens them step by step.
    pub fn bitrate_in(&self, packet_time: Duration, headers: usize) -> Bitrate {
        let room = self.total(headers).as_bps().saturating_sub(header_rate(headers, packet_time));
        Bitrate::bps(room).clamp(LEAST, self.bitrate.max(LEAST))
    }

    /// The voice of a way that takes `target` and loses `loss`.
    pub(super) fn of(target: Bitrate, loss: f64, headers: usize, previous: Option<Voice>) -> Voice {
        let long = match previous {
            Some(previous) if previous.packet_time == LONG => target < SHORT_FROM,
            _ => target < LONG_BELOW,
        };
        let packet_time = if long { LONG } else { SHORT };
        let repairs = previous.is_some_and(|previous| previous.loss > 0.0);
        let loss = if loss >= if repairs { LOSS_OFF } else { LOSS_ON } { loss.min(1.0) } else { 0.0 };
        let target = target.as_bps();
        let plain = (BASE.as_bps() + target / 10).min(ENOUGH.as_bps());
        // A quarter lost asks for as much again.
        let repair = ((plain as f64 * (loss * 4.0).min(1.0)) as u64).min(target / REPAIR_PART);
        let room = target.saturating_sub(header_rate(headers, packet_time));
        let bitrate = (plain + repair).min(room).max(LEAST.as_bps());
        Voice { bitrate: Bitrate::bps(bitrate), packet_time, loss }
    }
}

fn header_rate(headers: usize, packet_time: Duration) -> u64 {
    Bitrate::of(headers as u64, packet_time).as_bps()
}
