//! What of a received stream came, and how evenly (RFC 3550 §6.4.1 and appendix A.8).
//!
//! For statistics only: the reports that go to the other side are made by webrtc's own interceptor, which counts the same.

use snug_media::units::Unwrapper;
use snug_media::{ClockRate, Packet, Time};

/// Counts one stream.
#[derive(Debug)]
pub(super) struct Reception {
    rate: ClockRate,
    unwrapper: Unwrapper,
    first: Option<u64>,
    highest: u64,
    received: u64,
    /// Relative transit time of the last packet, in microseconds.
    transit: Option<i64>,
    jitter_micros: f64,
}

impl Reception {
    pub(super) fn new(rate: ClockRate) -> Reception {
        Reception {
            rate,
            unwrapper: Unwrapper::new(),
            first: None,
            highest: 0,
            received: 0,
            transit: None,
            jitter_micros: 0.0,
        }
    }

    /// A packet that was not here before. One that was retransmitted says nothing of the jitter.
    pub(super) fn received(&mut self, at: Time, packet: &Packet, retransmitted: bool) {
        let seq = self.unwrapper.seq(packet.seq);
        self.first = Some(self.first.map_or(seq, |first| first.min(seq)));
        self.highest = self.highest.max(seq);
        self.received += 1;
        if retransmitted {
            return;
        }
        let stamp = self.rate.micros(i64::from(packet.rtp_time.0));
        let transit = at.as_micros() as i64 - stamp;
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit - before).unsigned_abs() as f64;
            // A stamp that wrapped, or a stream that began anew.
            if difference < 10_000_000.0 {
                self.jitter_micros += (difference - self.jitter_micros) / 16.0;
            }
        }
    }

    /// Expected and not here.
    pub(super) fn lost(&self) -> i64 {
        let expected = self.first.map_or(0, |first| self.highest - first + 1);
        expected as i64 - self.received as i64
    }

    /// Interarrival jitter in seconds.
    pub(super) fn jitter(&self) -> f64 {
        self.jitter_micros / 1_000_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use snug_media::{RtpTime, Seq};

    #[test]
    fn what_is_missing_is_lost_until_it_comes_and_even_arrival_has_no_jitter() {
        let mut reception = Reception::new(ClockRate::VIDEO);
        let packet = |seq: u16| Packet {
            seq: Seq(seq),
            rtp_time: RtpTime(u32::from(seq.wrapping_sub(65_534)) * 900),
            marker: false,
            payload: Bytes::new(),
        };
        let at = |seq: u16| Time::from_millis(1000 + u64::from(seq.wrapping_sub(65_534)) * 10);
        for seq in [65_534, 65_535, 1, 2, 3] {
            reception.received(at(seq), &packet(seq), false);
        }
        assert_eq!(reception.lost(), 1);
        assert!(reception.jitter() < 1e-9);
        reception.received(at(30), &packet(0), true);
        assert_eq!(reception.lost(), 0);
        assert!(reception.jitter() < 1e-9);
        reception.received(at(4) + std::time::Duration::from_millis(16), &packet(4), false);
        assert!((reception.jitter() - 0.001).abs() < 1e-6);
    }
}
