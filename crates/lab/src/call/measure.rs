//! Figures from what a peer received.

use super::CallOptions;
use super::party::Beginning;
use crate::peer::messages::{Picture, Received, Sent};
use crate::process::Usage;
use crate::report::{Figures, Quantiles};
use snug_call::device::{CameraChoice, MicrophoneChoice};
use snug_media::Time;
use snug_media::stats::{FreezeDetector, Samples};

/// The whole picture, which a sender begins with or works its way up to.
const FULL: (u32, u32) = (1280, 720);

/// What the person at place `to` of their call received, of what the other one sent.
pub fn figures(
    beginning: &Beginning,
    to: usize,
    received: &Received,
    sent: &Sent,
    options: &CallOptions,
    usage: Option<&Usage>,
) -> Figures {
    let from = CallOptions::other(to);
    let mut delays = Samples::new();
    received.mouth_to_ear_ms.iter().for_each(|&(_, delay)| delays.add(delay));
    let carries_time = matches!(options.microphone(from), MicrophoneChoice::Tone { .. });
    let heard = Figures {
        setup_ms: Some(beginning.connected_ms[to % 2] - beginning.accepted_ms),
        mouth_to_ear_ms: if carries_time { Quantiles::of(&delays) } else { None },
        audio_concealed_ratio: (received.audio_samples > 0)
            .then(|| received.concealed_samples as f64 / received.audio_samples as f64),
        cpu_seconds: usage.map(|usage| usage.cpu_seconds),
        rss_mib: usage.map(|usage| usage.rss_mib),
        ..Figures::default()
    };
    if !options.sends_video(from) {
        return heard;
    }

    let pictures = &received.pictures;
    let first = pictures.first();
    let end = Time::from_micros((beginning.accepted_ms * 1000.0) as u64) + options.length;
    let mut freezes = FreezeDetector::new();
    let mut ages = Samples::new();
    for picture in pictures {
        freezes.frame(Time::from_micros(picture.shown_us));
        // With a real camera there is no code; another's would be a mix-up, and no delay of this pair.
        if let Some(code) = picture.code().filter(|code| code.sender == CallOptions::sender(from)) {
            ages.add(code.age_ms(picture.decoded_us / 1000) as f64);
        }
    }
    let span =
        first.zip(pictures.last()).map(|(first, last)| last.decoded_us.saturating_sub(first.decoded_us));
    let span = span.filter(|&micros| micros > 0).map(|micros| micros as f64);
    let carries_code = !matches!(options.camera(from), CameraChoice::Device(_) | CameraChoice::Default);
    // Up to the end that was agreed on, unless pictures came for longer.
    let end = pictures.last().map_or(end, |last| end.max(Time::from_micros(last.shown_us)));
    let decoded = received.counted.map_or(pictures.len() as u64, |counted| counted.frames_decoded);
    let frozen = frozen(&freezes, received, end);
    let since_accepted = |micros: u64| micros as f64 / 1000.0 - beginning.accepted_ms;
    let full = received.sizes.iter().find(|(_, width, height)| (*width, *height) >= FULL);
    let targets = sent.targets.iter().map(|&(at_ms, kbps)| (seconds(at_ms, beginning), kbps.round()));
    Figures {
        first_frame_ms: first.map(|first| since_accepted(first.decoded_us)),
        full_resolution_ms: full.map(|(at_us, ..)| since_accepted(*at_us)),
        width: first.map(|_| received.width),
        height: first.map(|_| received.height),
        fps: span.map(|micros| decoded.saturating_sub(1) as f64 * 1e6 / micros),
        frames_decoded: Some(decoded),
        freezes: Some(frozen.0),
        freeze_ratio: Some(frozen.1),
        capture_to_decoded_ms: if carries_code { Quantiles::of(&ages) } else { None },
        video_kbps: Some(span.map_or(0.0, |micros| received.video_bytes as f64 * 8_000.0 / micros)),
        target_kbps: (!sent.targets.is_empty()).then(|| targets.collect()),
        nacks: Some(received.nacks),
        retransmissions: Some(sent.retransmissions),
        packets_lost: Some(received.packets_lost),
        keyframes: Some(received.keyframes),
        ..heard
    }
}

/// How often, and which part of the time since the first picture. A receiver that counts for itself is believed: it knows when it
/// rendered, where the times of its pictures are of somebody who looked on. What it leaves out is a freeze that lasts to the end.
fn frozen(freezes: &FreezeDetector, received: &Received, end: Time) -> (u64, f64) {
    let own = received.counted.zip(received.pictures.first()).zip(received.pictures.last());
    let Some(((own, first), last)) = own else { return (freezes.freezes(end).count, freezes.ratio(end)) };
    let (whole, ended) = (freezes.freezes(end), freezes.freezes(Time::from_micros(last.shown_us)));
    let lasting = whole.duration.saturating_sub(ended.duration).as_secs_f64();
    let played = end.since(Time::from_micros(first.shown_us)).as_secs_f64();
    let ratio = if played > 0.0 { (own.freezes_seconds + lasting) / played } else { 0.0 };
    (own.freezes + whole.count - ended.count, ratio)
}

/// From the moment (in microseconds since 1970) at which the sender's address went away to the first picture that was captured after
/// it, in milliseconds. `None` when none came, or pictures carry no code.
pub(super) fn media_back_ms(received: &Received, gone_us: u64) -> Option<f64> {
    let after = |picture: &&Picture| {
        picture.decoded_us > gone_us && picture.code().is_some_and(|code| code.age_ms(gone_us / 1000) < 0)
    };
    received.pictures.iter().find(after).map(|picture| (picture.decoded_us - gone_us) as f64 / 1000.0)
}

/// Since the accepting, to a hundredth: finer is noise.
fn seconds(at_ms: u64, beginning: &Beginning) -> f64 {
    ((at_ms as f64 - beginning.accepted_ms) / 10.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::call::Video;
    use crate::peer::messages::Counted;
    use std::time::Duration;

    const ACCEPTED_MS: u64 = 1_763_821_518_000;

    fn options() -> CallOptions {
        CallOptions { length: Duration::from_secs(10), ..CallOptions::default() }
    }

    fn beginning() -> Beginning {
        Beginning { accepted_ms: ACCEPTED_MS as f64, connected_ms: [ACCEPTED_MS as f64 + 150.0; 2] }
    }

    /// 25 pictures a second from 200 ms after the accepting to the end, each 30 ms old.
    fn received() -> Received {
        let picture = |n: u64| {
            let decoded_us = (ACCEPTED_MS + 200 + n * 40) * 1000;
            let code = Some((2, n as u32, (ACCEPTED_MS + 170 + n * 40) as u32));
            Picture { decoded_us, shown_us: decoded_us + 10_000, code }
        };
        Received {
            width: 1280,
            height: 720,
            video_bytes: 9800 * 125,
            pictures: (0..246).map(picture).collect(),
            mouth_to_ear_ms: [(1, 80.0), (2, 90.0), (3, 85.0)]
                .map(|(s, delay)| ((ACCEPTED_MS + s * 1000) * 1000, delay))
                .to_vec(),
            audio_samples: 480_000,
            concealed_samples: 4_800,
            sizes: vec![((ACCEPTED_MS + 200) * 1000, 640, 360), ((ACCEPTED_MS + 1200) * 1000, 1280, 720)],
            nacks: 7,
            ..Received::default()
        }
    }

    fn sent() -> Sent {
        Sent { targets: vec![(ACCEPTED_MS + 1230, 1499.7)], retransmissions: 9 }
    }

    #[test]
    fn a_good_call_reads_as_one() {
        let figures = figures(&beginning(), 0, &received(), &sent(), &options(), None);
        assert_eq!((figures.setup_ms, figures.first_frame_ms), (Some(150.0), Some(200.0)));
        assert_eq!((figures.fps, figures.frames_decoded, figures.freezes), (Some(25.0), Some(246), Some(0)));
        assert_eq!((figures.full_resolution_ms, figures.width), (Some(1200.0), Some(1280)));
        assert_eq!((figures.nacks, figures.retransmissions), (Some(7), Some(9)));
        assert_eq!(figures.target_kbps, Some(vec![(1.23, 1500.0)]));
        assert_eq!(figures.capture_to_decoded_ms, Some(Quantiles { p50: 30.0, p95: 30.0 }));
        assert_eq!(figures.mouth_to_ear_ms, Some(Quantiles { p50: 85.0, p95: 90.0 }));
        assert_eq!((figures.audio_concealed_ratio, figures.video_kbps), (Some(0.01), Some(1000.0)));
    }

    #[test]
    fn a_picture_that_stops_is_frozen_up_to_the_end() {
        let mut received = received();
        received.pictures.truncate(121);
        let figures = figures(&beginning(), 0, &received, &sent(), &options(), None);
        assert_eq!(figures.freezes, Some(1));
        assert!((0.49..0.52).contains(&figures.freeze_ratio.unwrap()), "{:?}", figures.freeze_ratio);
    }

    #[test]
    fn a_receiver_that_counts_its_freezes_is_believed_but_for_the_last() {
        let mut received = received();
        received.counted = Some(Counted { frames_decoded: 247, freezes: 2, freezes_seconds: 0.98 });
        let counted = figures(&beginning(), 0, &received, &sent(), &options(), None);
        assert_eq!((counted.freezes, counted.frames_decoded), (Some(2), Some(247)));
        assert!((counted.freeze_ratio.unwrap() - 0.1).abs() < 0.001, "{:?}", counted.freeze_ratio);
        received.pictures.truncate(121);
        let stopped = figures(&beginning(), 0, &received, &sent(), &options(), None);
        assert_eq!(stopped.freezes, Some(3));
        assert!((0.59..0.62).contains(&stopped.freeze_ratio.unwrap()), "{:?}", stopped.freeze_ratio);
    }

    #[test]
    fn what_a_source_does_not_carry_is_absent() {
        let real =
            CallOptions { camera: CameraChoice::Default, microphone: MicrophoneChoice::Default, ..options() };
        let none = figures(&beginning(), 0, &Received::default(), &Sent::default(), &real, None);
        assert_eq!((none.capture_to_decoded_ms, none.mouth_to_ear_ms, none.fps), (None, None, None));
        assert_eq!((none.first_frame_ms, none.audio_concealed_ratio), (None, None));
        let own = figures(&beginning(), 1, &received(), &sent(), &options(), None);
        assert_eq!(
            own.capture_to_decoded_ms, None,
            "one's own picture says nothing of the way from the other"
        );
    }

    #[test]
    fn a_direction_without_a_camera_has_no_pictures_to_be_missed() {
        let one_way = CallOptions { video: Video::Caller, ..options() };
        let voice = figures(&beginning(), 0, &received(), &sent(), &one_way, None);
        assert_eq!((voice.frames_decoded, voice.freeze_ratio, voice.nacks), (None, None, None));
        assert_eq!(voice.audio_concealed_ratio, Some(0.01));
        let seen = figures(&beginning(), 1, &Received::default(), &sent(), &one_way, None);
        assert_eq!((seen.frames_decoded, seen.width), (Some(0), None));
    }

    #[test]
    fn media_is_back_with_a_picture_from_after_the_loss_not_with_a_late_one() {
        let mut received = received();
        let gone_us = (ACCEPTED_MS + 5000) * 1000;
        // Nothing for a second; a picture from before the loss comes last.
        let old = Picture {
            decoded_us: gone_us + 100_000,
            shown_us: 0,
            code: Some((2, 0, (ACCEPTED_MS + 4990) as u32)),
        };
        received
            .pictures
            .retain(|picture| picture.decoded_us < gone_us || picture.decoded_us > gone_us + 1_000_000);
        let at = received.pictures.partition_point(|picture| picture.decoded_us < gone_us);
        received.pictures.insert(at, old);
        let back = media_back_ms(&received, gone_us).unwrap();
        assert!((1000.0..1045.0).contains(&back), "{back}");
        received.pictures.truncate(at + 1);
        assert_eq!(media_back_ms(&received, gone_us), None);
    }
}
