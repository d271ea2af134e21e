//! Figures from what a peer received.

use super::CallOptions;
use super::party::Beginning;
use crate::peer::messages::Received;
use crate::process::Usage;
use crate::report::{Figures, Quantiles};
use snug_call::device::{CameraChoice, MicrophoneChoice};
use snug_media::Time;
use snug_media::stats::{FreezeDetector, Samples};

/// What the person at place `to` received from the other one.
pub fn figures(
    beginning: &Beginning,
    to: usize,
    received: &Received,
    options: &CallOptions,
    usage: Option<&Usage>,
) -> Figures {
    let pictures = &received.pictures;
    let first = pictures.first();
    let end = Time::from_micros((beginning.accepted_ms * 1000.0) as u64) + options.length;

    let mut freezes = FreezeDetector::new();
    let mut ages = Samples::new();
    for picture in pictures {
        freezes.frame(Time::from_micros(picture.shown_us));
        // With a real camera there is no code; another's would be a mix-up, and no delay of this pair.
        if let Some(code) = picture.code().filter(|code| code.sender == CallOptions::sender(1 - to)) {
            ages.add(code.age_ms(picture.decoded_us / 1000) as f64);
        }
    }
    let mut delays = Samples::new();
    received.mouth_to_ear_ms.iter().for_each(|&delay| delays.add(delay));

    let span =
        first.zip(pictures.last()).map(|(first, last)| last.decoded_us.saturating_sub(first.decoded_us));
    let span = span.filter(|&micros| micros > 0).map(|micros| micros as f64);
    let carries_code = !matches!(options.camera(1 - to), CameraChoice::Device(_) | CameraChoice::Default);
    let carries_time = matches!(options.microphone(1 - to), MicrophoneChoice::Tone { .. });
    // Up to the end that was agreed on, unless pictures came for longer.
    let end = pictures.last().map_or(end, |last| end.max(Time::from_micros(last.shown_us)));
    let totals = freezes.freezes(end);
    Figures {
        setup_ms: Some(beginning.connected_ms[to] - beginning.accepted_ms),
        first_frame_ms: first.map(|first| first.decoded_us as f64 / 1000.0 - beginning.accepted_ms),
        width: received.width,
        height: received.height,
        fps: span.map(|micros| (pictures.len() - 1) as f64 * 1e6 / micros),
        frames_decoded: pictures.len() as u64,
        freezes: totals.count,
        freeze_ratio: freezes.ratio(end),
        capture_to_decoded_ms: if carries_code { Quantiles::of(&ages) } else { None },
        mouth_to_ear_ms: if carries_time { Quantiles::of(&delays) } else { None },
        audio_concealed_ratio: (received.audio_samples > 0)
            .then(|| received.concealed_samples as f64 / received.audio_samples as f64),
        video_kbps: span.map_or(0.0, |micros| received.video_bytes as f64 * 8_000.0 / micros),
        cpu_seconds: usage.map(|usage| usage.cpu_seconds),
        rss_mib: usage.map(|usage| usage.rss_mib),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::peer::messages::Picture;
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
            mouth_to_ear_ms: vec![80.0, 90.0, 85.0],
            audio_samples: 480_000,
            concealed_samples: 4_800,
            ..Received::default()
        }
    }

    #[test]
    fn a_good_call_reads_as_one() {
        let figures = figures(&beginning(), 0, &received(), &options(), None);
        assert_eq!((figures.setup_ms, figures.first_frame_ms), (Some(150.0), Some(200.0)));
        assert_eq!((figures.fps, figures.frames_decoded, figures.freezes), (Some(25.0), 246, 0));
        assert_eq!(figures.capture_to_decoded_ms, Some(Quantiles { p50: 30.0, p95: 30.0 }));
        assert_eq!(figures.mouth_to_ear_ms, Some(Quantiles { p50: 85.0, p95: 90.0 }));
        assert_eq!((figures.audio_concealed_ratio, figures.video_kbps), (Some(0.01), 1000.0));
    }

    #[test]
    fn a_picture_that_stops_is_frozen_up_to_the_end() {
        let mut received = received();
        received.pictures.truncate(121);
        let figures = figures(&beginning(), 0, &received, &options(), None);
        assert_eq!(figures.freezes, 1);
        assert!((0.49..0.52).contains(&figures.freeze_ratio), "{}", figures.freeze_ratio);
    }

    #[test]
    fn what_a_source_does_not_carry_is_absent() {
        let real =
            CallOptions { camera: CameraChoice::Default, microphone: MicrophoneChoice::Default, ..options() };
        let none = figures(&beginning(), 0, &Received::default(), &real, None);
        assert_eq!((none.capture_to_decoded_ms, none.mouth_to_ear_ms, none.fps), (None, None, None));
        assert_eq!((none.first_frame_ms, none.audio_concealed_ratio), (None, None));
        let own = figures(&beginning(), 1, &received(), &options(), None);
        assert_eq!(
            own.capture_to_decoded_ms, None,
            "one's own picture says nothing of the way from the other"
        );
    }
}
