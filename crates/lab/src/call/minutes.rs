//! A long call minute by minute, so that what grows or drifts shows, which one figure of the whole would hide.

use super::CallOptions;
use super::party::Beginning;
use crate::peer::messages::Received;
use crate::report::{Minute, Quantiles};
use snug_media::stats::Samples;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// When each whole minute of a call of this length ends, from the accepting on. A call of one minute or less has no minutes to compare.
pub(super) fn ends(length: Duration) -> impl Iterator<Item = Duration> {
    let whole = (length.as_secs() / MINUTE.as_secs()) as u32;
    (1..=whole).filter(move |_| whole > 1).map(|minute| MINUTE * minute)
}

/// The minutes of the person at place `to`, whose resident memory at the end of each is `rss_mib`.
pub(super) fn of(
    beginning: &Beginning,
    to: usize,
    received: &Received,
    rss_mib: &[Option<f64>],
) -> Vec<Minute> {
    let sender = CallOptions::sender(CallOptions::other(to));
    let minute_of = |at_us: u64| {
        ((at_us as f64 / 1000.0 - beginning.accepted_ms) / 1000.0 / MINUTE.as_secs_f64()) as usize
    };
    let mut minutes = vec![(0_u64, Samples::new(), Samples::new()); rss_mib.len()];
    for picture in &received.pictures {
        let Some((pictures, ages, _)) = minutes.get_mut(minute_of(picture.decoded_us)) else { continue };
        *pictures += 1;
        if let Some(code) = picture.code().filter(|code| code.sender == sender) {
            ages.add(code.age_ms(picture.decoded_us / 1000) as f64);
        }
    }
    for &(at_us, delay) in &received.mouth_to_ear_ms {
        if let Some((_, _, delays)) = minutes.get_mut(minute_of(at_us)) {
            delays.add(delay);
        }
    }
    minutes
        .iter()
        .zip(rss_mib)
        .map(|((pictures, ages, delays), rss_mib)| Minute {
            rss_mib: *rss_mib,
            fps: *pictures as f64 / MINUTE.as_secs_f64(),
            capture_to_decoded_ms: Quantiles::of(ages),
            mouth_to_ear_ms: Quantiles::of(delays),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::messages::Picture;

    #[test]
    fn what_grows_shows_minute_by_minute() {
        let beginning = Beginning { accepted_ms: 1000.0, connected_ms: [1000.0; 2] };
        let ends: Vec<Duration> = ends(Duration::from_secs(130)).collect();
        assert_eq!(ends, [MINUTE, MINUTE * 2]);
        let picture = |n: u64| {
            let decoded_us = (1000 + n * 100) * 1000;
            // Each is a hundredth of a millisecond older than the one before, in whole milliseconds.
            let code = Some((CallOptions::sender(1), n as u32, (1000 + n * 100 - 20 - n / 100) as u32));
            Picture { decoded_us, shown_us: decoded_us, code }
        };
        let received = Received {
            pictures: (0..1300).map(picture).collect(),
            mouth_to_ear_ms: vec![(2_000_000, 60.0), (100_000_000, 75.0), (125_000_000, 99.0)],
            ..Received::default()
        };
        let minutes = of(&beginning, 0, &received, &[Some(50.0), Some(51.0)]);
        assert_eq!(minutes.iter().map(|it| it.fps).collect::<Vec<_>>(), [10.0, 10.0]);
        assert_eq!(minutes.iter().map(|it| it.rss_mib).collect::<Vec<_>>(), [Some(50.0), Some(51.0)]);
        let middle = |value: Option<Quantiles>| value.map(|it| it.p50);
        assert_eq!(middle(minutes[1].mouth_to_ear_ms), Some(75.0));
        assert!(middle(minutes[0].capture_to_decoded_ms) < middle(minutes[1].capture_to_decoded_ms));
    }

    #[test]
    fn a_short_call_has_none() {
        assert_eq!(ends(Duration::from_secs(60)).count(), 0);
    }
}
