//! Lip sync: when a video frame is due, so that it is seen as its sound is heard.
//!
//! Each stream's sender reports (RFC 3550 §6.4.1) tie its RTP time to the sender's wall clock; what audio
//! is playing ties that clock to ours. Video then follows audio, never the other way: a picture that
//! waits 50 ms is not noticed, stretched speech is. The clocks of two machines are never compared, so
//! they need not agree. Without reports, and for what is late already, a frame is due at once.

use crate::time::Time;
use crate::units::{ClockRate, NtpTime, RtpTime};
use std::time::Duration;

/// A frame waits no longer than this for its sound: what a jitter buffer holds where a Wi-Fi stalls for 200 ms again
/// and again, loss is repaired and a slow sound card plays. Beyond it delay is worse than lips that are off.
pub const MAX_WAIT: Duration = Duration::from_millis(400);
/// Each 10 ms block moves the smoothed offset by this part of the way, so that jitter of the audio thread does not
/// move the picture; not less, because stretching moves the sound by a quarter of the time, and the picture shall
/// be no further behind than 20 ms.
const SMOOTHING: i64 = 8;
/// Beyond this the offset jumps at once: the stream restarted.
const JUMP_MICROS: i64 = 300_000;

/// Maps one stream's RTP time to its sender's wall clock, from the newest sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderClock {
    rate: ClockRate,
    report: Option<(NtpTime, RtpTime)>,
}

impl SenderClock {
    /// A clock that has no report yet.
    pub fn new(rate: ClockRate) -> SenderClock {
        SenderClock { rate, report: None }
    }

    /// Takes the NTP and RTP time of a sender report.
    pub fn report(&mut self, ntp: NtpTime, rtp_time: RtpTime) {
        self.report = Some((ntp, rtp_time));
    }

    /// The sender's wall clock, in microseconds of NTP time, when it stamped `rtp_time`.
    pub fn ntp_micros(&self, rtp_time: RtpTime) -> Option<i64> {
        let (ntp, at) = self.report?;
        Some(ntp.as_micros() as i64 + self.rate.micros(i64::from(rtp_time.since(at))))
    }
}

/// The two clocks of one remote person, and what of the sound is being heard.
#[derive(Clone, Debug)]
pub struct LipSync {
    audio: SenderClock,
    video: SenderClock,
    /// Our clock minus the sender's at which its sound is heard, smoothed.
    heard_offset: Option<i64>,
}

impl Default for LipSync {
    fn default() -> LipSync {
        LipSync::new()
    }
}

impl LipSync {
    /// Knows nothing: every frame is due at once.
    pub fn new() -> LipSync {
        LipSync {
            audio: SenderClock::new(ClockRate::AUDIO),
            video: SenderClock::new(ClockRate::VIDEO),
            heard_offset: None,
        }
    }

    /// Takes a sender report of the audio stream.
    pub fn audio_report(&mut self, ntp: NtpTime, rtp_time: RtpTime) {
        self.audio.report(ntp, rtp_time);
    }

    /// Takes a sender report of the video stream.
    pub fn video_report(&mut self, ntp: NtpTime, rtp_time: RtpTime) {
        self.video.report(ntp, rtp_time);
    }

    /// Says that the sample stamped `rtp_time` leaves the loudspeaker at `at`: for the one about to be
    /// put out, now plus what the device still has in its buffers.
    pub fn audio_heard(&mut self, at: Time, rtp_time: RtpTime) {
        let Some(sent) = self.audio.ntp_micros(rtp_time) else { return };
        let offset = at.as_micros() as i64 - sent;
        self.heard_offset = Some(match self.heard_offset {
            Some(smooth) if (offset - smooth).abs() < JUMP_MICROS => smooth + (offset - smooth) / SMOOTHING,
            _ => offset,
        });
    }

    /// The sound stopped (muted, lost): frames are due at once until it is heard again.
    pub fn audio_stopped(&mut self) {
        self.heard_offset = None;
    }

    /// When the frame stamped `rtp_time`, complete at `now`, is due: not before `now` and not more than
    /// [`MAX_WAIT`] after it. `None` while there is nothing to align to; then it is due now.
    pub fn due(&self, now: Time, rtp_time: RtpTime) -> Option<Time> {
        let due = self.video.ntp_micros(rtp_time)? + self.heard_offset?;
        let due = Time::from_micros(u64::try_from(due).unwrap_or(0));
        Some(due.clamp(now, now + MAX_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender whose clock says 1,000,000 s when ours says 10 s; both streams began then, at stamps
    /// that wrap soon, with 40 ms of network between.
    fn reported() -> LipSync {
        let mut sync = LipSync::new();
        let ntp = NtpTime::from_unix(Duration::from_secs(1_000_000));
        sync.audio_report(ntp, RtpTime(u32::MAX - 100));
        sync.video_report(ntp, RtpTime(u32::MAX - 200));
        sync
    }

    fn audio(ms: u32) -> RtpTime {
        RtpTime(u32::MAX - 100).add(ms * 48)
    }

    fn video(ms: u32) -> RtpTime {
        RtpTime(u32::MAX - 200).add(ms * 90)
    }

    #[test]
    fn a_frame_is_due_when_its_sound_is_heard() {
        let mut sync = reported();
        // The sound of second 1 is heard 120 ms after it was made.
        sync.audio_heard(Time::from_millis(11_120), audio(1000));
        let due = sync.due(Time::from_millis(11_540), video(1500));
        assert_eq!(due, Some(Time::from_millis(11_620)));
    }

    #[test]
    fn a_frame_never_waits_long_and_a_late_one_not_at_all() {
        let mut sync = reported();
        sync.audio_heard(Time::from_millis(11_900), audio(1000));
        let arrived = Time::from_millis(11_540);
        assert_eq!(sync.due(arrived, video(1500)), Some(arrived + MAX_WAIT));
        let late = Time::from_millis(13_000);
        assert_eq!(sync.due(late, video(1500)), Some(late));
    }

    /// By how much (µs) the picture of each 10 ms is due after its sound is heard, when the sound's delay is this.
    fn apart(seconds: u32, delay_ms: impl Fn(u32) -> u32) -> Vec<i64> {
        let mut sync = reported();
        let moment = |ms: u32| Time::from_millis(10_000 + u64::from(ms));
        let (mut heard, mut apart) = (0, Vec::new());
        for ms in (0..seconds * 1000).step_by(10) {
            // A picture is there 60 ms after it was taken, when other sound is being heard.
            let arrived = ms + 60;
            while heard + delay_ms(heard) <= arrived {
                sync.audio_heard(moment(heard + delay_ms(heard)), audio(heard));
                heard += 10;
            }
            let due = sync.due(moment(arrived), video(ms)).unwrap_or(moment(arrived));
            apart.push(due.micros_from(moment(ms + delay_ms(ms))));
        }
        apart
    }

    #[test]
    fn pictures_stay_within_40_ms_of_their_sound_while_its_delay_is_stretched_and_drifts() {
        // A clean way, one that stalls for 200 ms, loss, and back: the sound gets there by 100 ms a second.
        let wanted = |part: u32| [110, 310, 180, 110, 310][part as usize];
        let stretched = |ms: u32| {
            let (now, before) = (wanted(ms / 30_000 + 1), wanted(ms / 30_000));
            let moved = ms % 30_000 / 10;
            if now > before { (before + moved).min(now) } else { before.saturating_sub(moved).max(now) }
        };
        let apart = apart(120, stretched);
        let worst = apart[50..].iter().map(|apart| apart.abs()).max();
        assert!(worst < Some(40_000), "{worst:?} µs");
    }

    #[test]
    fn a_sound_that_comes_late_at_once_is_followed_within_a_fifth_of_a_second() {
        let apart = apart(20, |ms| if ms < 10_000 { 110 } else { 290 });
        // Until the late sound is heard, nobody knows.
        let known = 1000 + 29 - 6;
        assert!(apart[50..1000].iter().chain(&apart[known + 20..]).all(|apart| apart.abs() < 40_000));
    }

    #[test]
    fn without_reports_or_sound_there_is_nothing_to_wait_for() {
        let mut sync = LipSync::new();
        sync.audio_heard(Time::from_millis(100), audio(0));
        assert_eq!(sync.due(Time::from_millis(100), video(0)), None);
        let mut sync = reported();
        assert_eq!(sync.due(Time::from_millis(100), video(0)), None);
        sync.audio_heard(Time::from_millis(11_120), audio(1000));
        sync.audio_stopped();
        assert_eq!(sync.due(Time::from_millis(100), video(0)), None);
    }

    #[test]
    fn jitter_of_the_audio_thread_hardly_moves_the_picture() {
        let mut sync = reported();
        for block in 0..200_u32 {
            let jitter = u64::from(block % 5) * 4;
            sync.audio_heard(Time::from_millis(10_120 + u64::from(block) * 10 + jitter), audio(block * 10));
        }
        let due = sync.due(Time::from_millis(12_000), video(2000)).unwrap_or_default();
        let off = due.micros_from(Time::from_millis(12_128)).abs();
        assert!(off < 2000, "{off} µs off");
    }
}
