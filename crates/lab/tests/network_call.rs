//! A call between two namespaces, over the emulated network: as root on Linux, and left out elsewhere.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use snug_lab::browser::Browser;
use snug_lab::call::{CallOptions, NetworkOptions, Video, measure};
use snug_lab::process::Program;
use std::time::Duration;

#[test]
#[ignore = "the body of the processes that the other test starts"]
fn lab_process() {
    snug_lab::cli::run_from_environment().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_through_a_network_that_delays_and_loses() {
    if !rustix::process::geteuid().is_root() {
        tracing::warn!("left out: namespaces need root");
        return;
    }
    let plan = "0:delay=40+loss=5+rate=3000+queue=300".parse().unwrap();
    let options = CallOptions {
        length: Duration::from_secs(8),
        video: Video::Caller,
        network: Some(NetworkOptions { plan, seed: 1, roam: None, download: false }),
        ..CallOptions::default()
    };
    let report = measure(&Program::this_test("lab_process").unwrap(), &options).await.unwrap();
    let pair = |from: &str| &report.pairs.iter().find(|pair| pair.from == from).unwrap().figures;
    let (seen, heard) = (pair("a"), pair("b"));

    assert!(seen.frames_decoded.unwrap() > 20, "{seen:?}");
    // No picture is younger than the link lets it be: the packets had no way around it.
    assert!(seen.capture_to_decoded_ms.unwrap().p50 >= 40.0, "{seen:?}");
    assert!(seen.mouth_to_ear_ms.unwrap().p50 >= 40.0, "{seen:?}");
    assert!(seen.packets_lost.unwrap() > 0 && seen.nacks.unwrap() > 0, "{seen:?}");
    assert!(seen.queue_delay_ms.is_some() && seen.link_utilisation.unwrap() > 0.05, "{seen:?}");
    assert!(heard.mouth_to_ear_ms.unwrap().p50 >= 40.0, "{heard:?}");
    assert_eq!(heard.frames_decoded, None, "one camera is off");
    assert!(report.network.unwrap().forwarder_late_ms.is_some());
    assert!(report.ended_early.is_empty());
}

#[ignore = "needs root, chromium and chromium-driver, and takes most of two cores for a minute"]
#[tokio::test(flavor = "multi_thread")]
async fn chromium_takes_part_and_is_compared_with_on_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let plan = "0:delay=40+rate=3000+queue=300".parse().unwrap();
    let options = CallOptions {
        length: Duration::from_secs(10),
        video: Video::Caller,
        network: Some(NetworkOptions { plan, seed: 1, roam: None, download: false }),
        record: Some(folder.path().to_owned()),
        with: Some(Browser::Chromium),
        baseline: Some(Browser::Chromium),
        ..CallOptions::default()
    };
    let report = measure(&Program::this_test("lab_process").unwrap(), &options).await.unwrap();
    let baseline = report.baseline.as_ref().unwrap();
    for pairs in [&report.pairs, &baseline.pairs] {
        let pair = |from: &str| &pairs.iter().find(|pair| pair.from == from).unwrap().figures;
        let (seen, heard) = (pair("a"), pair("b"));
        assert!(seen.frames_decoded.unwrap() > 20 && seen.video_kbps.unwrap() > 50.0, "{seen:?}");
        // Of pictures the code is read at both ends, and no picture is younger than the link lets it be.
        let delay = seen.capture_to_decoded_ms.unwrap();
        assert!(delay.p50 >= 40.0 && delay.p95 < 5000.0, "{seen:?}");
        assert!(seen.first_frame_ms.unwrap() >= seen.setup_ms.unwrap(), "{seen:?}");
        assert!(seen.link_utilisation.is_some() && seen.queue_delay_ms.is_some(), "{seen:?}");
        assert!(seen.target_kbps.as_ref().unwrap().len() > 3, "{seen:?}");
        assert!(
            seen.cpu_seconds.unwrap() > 0.5 && seen.rss_mib.unwrap() > 100.0,
            "all of its processes: {seen:?}"
        );
        assert!(heard.audio_concealed_ratio.unwrap() < 0.5 && heard.frames_decoded.is_none(), "{heard:?}");
    }
    assert_eq!(baseline.pairs[0].figures.mouth_to_ear_ms, None, "a browser's tone carries no time");
    assert!(report.ratio.unwrap()["capture_to_decoded_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(report.ended_early.is_empty() && baseline.ended_early.is_empty());
    for (file, least) in
        [("b-saw.1.ivf", 10_000), ("baseline-b-saw.1.ivf", 10_000), ("baseline-a-heard.wav", 100_000)]
    {
        let size = std::fs::metadata(folder.path().join(file)).unwrap().len();
        assert!(size > least, "{file} has {size} bytes");
    }
}
