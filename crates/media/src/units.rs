//! Numbers with their units: bit rates, RTP sequence numbers, RTP and NTP time stamps.
//!
//! Sequence numbers and RTP time stamps wrap, so they have no `Ord`: `a < b` would be a bug that shows
//! once in 22 minutes. They compare by the nearer way round (RFC 1982), or are extended to 64 bits by an
//! [`Unwrapper`] ("extended" sequence numbers in RFC 3550 appendix A.1) and then order as numbers do.

use std::time::Duration;

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing at all.
    pub const ZERO: Bitrate = Bitrate(0);

    /// From bits per second.
    pub const fn bps(bits: u64) -> Bitrate {
        Bitrate(bits)
    }

    /// From kilobits (1000 bits) per second.
    pub const fn kbps(kilobits: u64) -> Bitrate {
        Bitrate(kilobits.saturating_mul(1000))
    }

    /// Bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// Kilobits per second, with the fraction.
    pub fn as_kbps(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The rate of `bytes` in `time`; zero when no time passed.
    pub fn of(bytes: u64, time: Duration) -> Bitrate {
        let rate = (u128::from(bytes) * 8_000_000).checked_div(time.as_micros());
        Bitrate(rate.unwrap_or(0) as u64)
    }

    /// How many bytes fit into `time` at this rate.
    pub fn bytes_in(self, time: Duration) -> u64 {
        (u128::from(self.0) * time.as_micros() / 8_000_000) as u64
    }
}

/// An RTP sequence number (RFC 3550 §5.1): 16 bits that wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Seq(pub u16);

impl Seq {
    /// The number after this one.
    pub const fn next(self) -> Seq {
        Seq(self.0.wrapping_add(1))
    }

    /// This one moved by `n`, wrapping.
    pub const fn add(self, n: u16) -> Seq {
        Seq(self.0.wrapping_add(n))
    }

    /// Whether this comes after `other`, by the nearer way round.
    pub const fn is_after(self, other: Seq) -> bool {
        self.since(other) > 0
    }

    /// Signed distance from `other` to this, by the nearer way round.
    pub const fn since(self, other: Seq) -> i16 {
        self.0.wrapping_sub(other.0) as i16
    }
}

/// Ticks per second of an RTP time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockRate(pub u32);

impl ClockRate {
    /// 90 kHz, of every video payload (RFC 7741 §4.1).
    pub const VIDEO: ClockRate = ClockRate(90_000);
    /// 48 kHz, of Opus whatever it encodes (RFC 7587 §4.1).
    pub const AUDIO: ClockRate = ClockRate(48_000);

    /// How many whole ticks a duration is.
    pub const fn ticks(self, time: Duration) -> u64 {
        (time.as_micros() * self.0 as u128 / 1_000_000) as u64
    }

    /// How many microseconds a signed number of ticks is.
    pub const fn micros(self, ticks: i64) -> i64 {
        (ticks as i128 * 1_000_000 / self.0 as i128) as i64
    }

    /// How long a number of ticks is.
    pub const fn duration(self, ticks: u64) -> Duration {
        Duration::from_micros((ticks as u128 * 1_000_000 / self.0 as u128) as u64)
    }
}

/// An RTP time stamp (RFC 3550 §5.1): 32 bits that wrap, counting ticks of a [`ClockRate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct RtpTime(pub u32);

impl RtpTime {
    /// The stamp of a moment that lies `elapsed` after the one stamped zero.
    pub const fn at(elapsed: Duration, rate: ClockRate) -> RtpTime {
        RtpTime(rate.ticks(elapsed) as u32)
    }

    /// This stamp moved by `ticks`, wrapping.
    pub const fn add(self, ticks: u32) -> RtpTime {
        RtpTime(self.0.wrapping_add(ticks))
    }

    /// Signed ticks from `other` to this, by the nearer way round.
    pub const fn since(self, other: RtpTime) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

/// An NTP time stamp in 32.32 fixed point, as RTCP sender reports carry it (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from the NTP epoch (1900) to the UNIX epoch (1970).
    const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

    /// The stamp of a moment of UNIX time.
    pub const fn from_unix(since_1970: Duration) -> NtpTime {
        let seconds = (since_1970.as_secs() + Self::UNIX_EPOCH_SECONDS) << 32;
        NtpTime(seconds | (((since_1970.subsec_nanos() as u64) << 32) / 1_000_000_000))
    }

    /// Microseconds since the NTP epoch.
    pub const fn as_micros(self) -> u64 {
        let fraction = ((self.0 & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32;
        (self.0 >> 32) * 1_000_000 + fraction
    }

    /// The middle 32 bits, which reports echo as "last SR" (RFC 3550 §6.4.1).
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// Extends wrapping counters to 64 bits: each value becomes the one nearest to the newest seen.
///
/// The first value lands one whole turn above zero, so that what was sent just before it and arrives
/// just after it still has a number.
#[derive(Clone, Debug, Default)]
pub struct Unwrapper {
    newest: Option<u64>,
}

impl Unwrapper {
    /// One that has seen nothing.
    pub const fn new() -> Unwrapper {
        Unwrapper { newest: None }
    }

    /// The extended form of a sequence number.
    pub fn seq(&mut self, seq: Seq) -> u64 {
        self.extend(u64::from(seq.0), 16)
    }

    /// The extended form of an RTP time stamp.
    pub fn rtp_time(&mut self, time: RtpTime) -> u64 {
        self.extend(u64::from(time.0), 32)
    }

    fn extend(&mut self, value: u64, bits: u32) -> u64 {
        let turn = 1_u64 << bits;
        let Some(newest) = self.newest else {
            self.newest = Some(turn + value);
            return turn + value;
        };
        let ahead = value.wrapping_sub(newest) & (turn - 1);
        let extended = if ahead < turn / 2 {
            newest + ahead
        } else {
            // Behind by less than half a turn; it can pass zero only for rubbish, which then stays put.
            (newest + ahead).checked_sub(turn).unwrap_or(newest + ahead)
        };
        self.newest = Some(newest.max(extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_compare_by_the_nearer_way_round() {
        assert!(Seq(2).is_after(Seq(65_534)));
        assert!(!Seq(65_534).is_after(Seq(2)));
        assert_eq!(Seq(2).since(Seq(65_534)), 4);
        assert_eq!(Seq(u16::MAX).next(), Seq(0));
    }

    #[test]
    fn unwrapping_crosses_the_turn_forward_and_takes_late_ones_back() {
        let mut unwrapper = Unwrapper::new();
        let first = unwrapper.seq(Seq(65_534));
        assert_eq!(unwrapper.seq(Seq(1)), first + 3);
        assert_eq!(unwrapper.seq(Seq(65_535)), first + 1, "a late one lies before the turn");
        assert_eq!(unwrapper.seq(Seq(65_000)), first - 534, "so does one from before the first");
        assert_eq!(unwrapper.seq(Seq(2)), first + 4);
    }

    #[test]
    fn rates_and_clocks_convert_both_ways() {
        assert_eq!(Bitrate::of(125_000, Duration::from_secs(1)), Bitrate::kbps(1000));
        assert_eq!(Bitrate::kbps(1000).bytes_in(Duration::from_millis(10)), 1250);
        assert_eq!(ClockRate::VIDEO.ticks(Duration::from_millis(100)), 9000);
        assert_eq!(ClockRate::AUDIO.duration(960), Duration::from_millis(20));
        assert_eq!(ClockRate::VIDEO.micros(-9000), -100_000);
        assert_eq!(RtpTime(5).since(RtpTime(u32::MAX)), 6);
    }

    #[test]
    fn ntp_time_keeps_microseconds() {
        let unix = Duration::new(1_700_000_000, 123_456_000);
        let micros = NtpTime::from_unix(unix).as_micros();
        assert_eq!(u128::from(micros - NtpTime::UNIX_EPOCH_SECONDS * 1_000_000), unix.as_micros());
    }
}
