//! A call between two namespaces, over the emulated network: as root on Linux, and left out elsewhere.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

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
