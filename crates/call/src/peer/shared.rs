//! What the parts of one connection share.

use super::tap::retransmission;
use crate::clock::Clock;
use crate::stats::{InboundAudio, InboundVideo, OutboundRtp};
use crate::video::Watcher;
use rand::Rng;
use rtc::rtp;
use snug_media::bwe::{Estimate, Kind, Limits};
use snug_media::{Bitrate, NtpTime, Seq, StreamRewriter, Time};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Assumed until a report says better: an ordinary path between two homes.
const ASSUMED_RTT: Duration = Duration::from_millis(100);

/// SSRCs that this side sends with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ssrcs {
    pub(super) audio: u32,
    pub(super) video: u32,
    pub(super) video_rtx: u32,
}

impl Ssrcs {
    /// Random ones, all different (RFC 3550 §8).
    pub(super) fn random() -> Ssrcs {
        let mut random = rand::thread_rng();
        let audio = random.gen_range(1..u32::MAX / 4) * 4;
        Ssrcs { audio, video: audio + 1, video_rtx: audio + 2 }
    }
}

/// How a stream that this side sends was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalStream {
    pub(super) payload_type: u8,
    /// SSRC and payload type of its retransmissions (RFC 4588).
    pub(super) rtx: Option<(u32, u8)>,
    /// Id of the audio level header extension (RFC 6464).
    pub(super) level_extension: Option<u8>,
    /// Id of the transport-wide number's header extension.
    pub(super) transport_extension: Option<u8>,
}

/// Streams that were negotiated so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LocalStreams {
    pub(super) audio: Option<LocalStream>,
    pub(super) video: Option<LocalStream>,
}

/// The video that this side sends, in the form in which this peer gets it.
#[derive(Debug)]
pub(super) struct VideoOut {
    pub(super) rewriter: StreamRewriter,
    rtx_seq: Seq,
}

impl VideoOut {
    pub(super) fn next_rtx_seq(&mut self) -> Seq {
        let seq = self.rtx_seq;
        self.rtx_seq = seq.next();
        seq
    }
}

/// Counted by whoever does it, read for statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) inbound_video: InboundVideo,
    pub(crate) inbound_audio: InboundAudio,
    pub(crate) outbound_video: OutboundRtp,
    pub(crate) outbound_audio: OutboundRtp,
}

/// Shared by the tap (which runs inside webrtc's driver), the outbound and the inbound task. Each lock is held for one packet or
/// one frame and never across an await.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) ssrcs: Ssrcs,
    video: Mutex<VideoOut>,
    local: Mutex<LocalStreams>,
    counters: Mutex<Counters>,
    /// Between what the estimate stays.
    pub(super) limits: Limits,
    /// The most that the sources could use, in bits per second.
    wanted: AtomicU64,
    /// What the estimator says; nothing before it knows anything.
    pub(super) estimate: watch::Sender<Option<Estimate>>,
    /// What the encoder is told of this peer's sending.
    pub(super) watcher: Arc<Watcher>,
    /// Microseconds; zero while unknown.
    rtt: AtomicU64,
    /// How often a way to the other side was found.
    routes: AtomicU32,
}

impl Shared {
    pub(super) fn new(clock: Clock, limits: Limits) -> Shared {
        let mut random = rand::thread_rng();
        let rewriter = StreamRewriter::new(Seq(random.r#gen()), random.r#gen());
        Shared {
            clock,
            ssrcs: Ssrcs::random(),
            video: Mutex::new(VideoOut { rewriter, rtx_seq: Seq(random.r#gen()) }),
            local: Mutex::new(LocalStreams::default()),
            counters: Mutex::new(Counters::default()),
            limits,
            wanted: AtomicU64::new(limits.max.as_bps()),
            estimate: watch::Sender::new(None),
            watcher: Arc::default(),
            rtt: AtomicU64::new(0),
            routes: AtomicU32::new(0),
        }
    }

    #[cfg(test)]
    pub(super) fn for_test() -> Shared {
        let kbps = Bitrate::kbps;
        Shared::new(Clock::shared(), Limits { min: kbps(30), start: kbps(300), max: kbps(2_500) })
    }

    pub(super) fn video(&self) -> MutexGuard<'_, VideoOut> {
        self.video.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn local(&self) -> MutexGuard<'_, LocalStreams> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most that the sources could use.
    pub(super) fn wanted(&self) -> Bitrate {
        Bitrate::bps(self.wanted.load(Ordering::Relaxed))
    }

    pub(super) fn set_wanted(&self, wanted: Bitrate) {
        self.wanted.store(wanted.as_bps(), Ordering::Relaxed);
    }

    /// A way to the other side was found, which may be another than before.
    pub(super) fn found_route(&self) {
        self.routes.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub(super) fn routes(&self) -> u32 {
        self.routes.load(Ordering::Relaxed)
    }

    /// The id under which a packet of this kind carries its transport-wide number, if that was negotiated.
    pub(super) fn transport_extension(&self, kind: Kind) -> Option<u8> {
        let local = self.local();
        let stream = if kind == Kind::Audio { local.audio } else { local.video };
        stream.and_then(|stream| stream.transport_extension)
    }

    /// A packet that was sent lately, once more; nothing when retransmissions were not negotiated.
    pub(super) fn redundant(&self) -> Option<rtp::Packet> {
        let stream = self.local().video.filter(|stream| stream.rtx.is_some())?;
        let mut video = self.video();
        let packet = video.rewriter.redundant()?;
        let rtx_seq = video.next_rtx_seq();
        Some(retransmission(self.ssrcs.video, stream, rtx_seq, packet))
    }

    /// Counts a packet that has left.
    pub(super) fn sent(&self, kind: Kind, bytes: usize) {
        let mut counters = self.counters();
        let outbound =
            if kind == Kind::Audio { &mut counters.outbound_audio } else { &mut counters.outbound_video };
        outbound.packets_sent += 1;
        outbound.bytes_sent += bytes as u64;
        match kind {
            Kind::Retransmission => outbound.retransmitted_packets_sent += 1,
            Kind::Padding => outbound.padding_packets_sent += 1,
            Kind::Audio | Kind::Video => {}
        }
    }

    /// The round trip as last measured, or a guess.
    pub(super) fn rtt(&self) -> Duration {
        self.measured_rtt().unwrap_or(ASSUMED_RTT)
    }

    /// The round trip as last measured.
    pub(super) fn measured_rtt(&self) -> Option<Duration> {
        match self.rtt.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// Takes the two fields of a reception report from which the round trip follows (RFC 3550 §6.4.1).
    pub(super) fn measure_rtt(&self, at: Time, last_report: u32, delay: u32) {
        if last_report == 0 {
            return;
        }
        let trip = compact(self.ntp(at)).wrapping_sub(last_report).wrapping_sub(delay);
        let micros = (u64::from(trip) * 1_000_000) >> 16;
        // Beyond this it is a report that we never sent, or a clock that was set.
        if micros < 10_000_000 {
            self.rtt.store(micros.max(1), Ordering::Relaxed);
        }
    }

    /// A moment as NTP time.
    pub(super) fn ntp(&self, at: Time) -> NtpTime {
        NtpTime::from_unix(Duration::from_micros(self.clock.unix_micros(at)))
    }
}

/// The middle 32 bits of an NTP time stamp, as reports carry it.
fn compact(ntp: NtpTime) -> u32 {
    (ntp.0 >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_what_is_left_after_the_other_sides_delay() {
        let shared = Shared::for_test();
        let sent = shared.clock.now();
        let last_report = compact(shared.ntp(sent));
        let delay = 65_536 / 2;
        assert_eq!(shared.rtt(), ASSUMED_RTT);
        shared.measure_rtt(sent + Duration::from_millis(580), last_report, delay);
        let off = shared.rtt().as_micros().abs_diff(80_000);
        assert!(off < 100, "{off} µs off");
        shared.measure_rtt(sent, last_report.wrapping_add(1_000_000), 0);
        assert!(shared.rtt() < Duration::from_millis(81), "a report from the future says nothing");
        shared.measure_rtt(sent, 0, 0);
        assert!(shared.measured_rtt().is_some());
    }
}
