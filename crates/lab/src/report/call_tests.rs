#![allow(clippy::unwrap_used)]
use super::*;

fn figures() -> Figures {
    Figures {
        setup_ms: Some(200.0),
        first_frame_ms: Some(300.0),
        width: Some(1280),
        height: Some(720),
        fps: Some(30.0),
        frames_decoded: Some(600),
        freezes: Some(0),
        freeze_ratio: Some(0.0),
        capture_to_decoded_ms: Some(Quantiles { p50: 20.0, p95: 40.0 }),
        audio_concealed_ratio: Some(0.0),
        video_kbps: Some(1500.0),
        cpu_seconds: Some(5.0),
        rss_mib: Some(80.0),
        ..Figures::default()
    }
}

fn report(pairs: [(&str, &str, Figures); 2]) -> CallReport {
    let pair = |(from, to, figures): (&str, &str, Figures)| Pair {
        from: from.into(),
        to: to.into(),
        figures,
        minutes: Vec::new(),
    };
    let machine = Some(MachineLoad { idle: 0.5, steal: 0.0 });
    CallReport::of(2, 20.0, machine, pairs.map(pair).to_vec())
}

#[test]
fn the_summary_is_the_worst_of_each_field() {
    let slow = Figures { first_frame_ms: Some(900.0), fps: Some(31.0), vmaf: Some(88.0), ..figures() };
    let poor = Figures {
        fps: Some(12.0),
        width: Some(640),
        freezes: Some(3),
        mouth_to_ear_ms: Some(Quantiles { p50: 90.0, p95: 120.0 }),
        vmaf: Some(60.0),
        ..figures()
    };
    let report = report([("a", "b", slow), ("b", "a", poor)]);
    let worst = report.summary.clone().unwrap();
    assert_eq!(
        (worst.first_frame_ms, worst.fps, worst.width, worst.freezes),
        (Some(900.0), Some(12.0), Some(640), Some(3))
    );
    assert_eq!(worst.mouth_to_ear_ms, Some(Quantiles { p50: 90.0, p95: 120.0 }));
    assert_eq!(worst.vmaf, Some(60.0));
    let table = report.to_string();
    assert!(table.contains("a → b") && table.contains("worst") && table.contains("90 / 120 ms"), "{table}");
    assert!(!table.contains("PESQ"), "what nobody has is no row: {table}");
}

#[test]
fn a_direction_without_pictures_does_not_spoil_the_other_ones() {
    let voice = Figures { audio_concealed_ratio: Some(0.2), ..Figures::default() };
    let worst = report([("a", "b", figures()), ("b", "a", voice)]).summary.unwrap();
    assert_eq!((worst.width, worst.frames_decoded, worst.video_kbps), (Some(1280), Some(600), Some(1500.0)));
    assert_eq!(worst.audio_concealed_ratio, Some(0.2));
}

#[test]
fn of_two_recoveries_the_later_one_is_worse_and_none_is_the_latest() {
    let at = |settled_ms| Recovery { at_s: 20.0, rate_kbps: 600.0, settled_ms };
    let series = |times: [Option<f64>; 3]| Some(times.map(at).to_vec());
    let one = Figures { recovery: series([Some(500.0), Some(800.0), Some(10.0)]), ..figures() };
    let other = Figures { recovery: series([Some(700.0), None, Some(5.0)]), ..figures() };
    let worst = report([("a", "b", one), ("b", "a", other)]).summary.unwrap();
    assert_eq!(worst.recovery, series([Some(700.0), None, Some(10.0)]));
}

#[test]
fn a_late_network_makes_the_figures_doubtful_and_a_punctual_one_does_not() {
    let network = |p99| NetworkReport {
        schedule: "0:delay=25".to_owned(),
        seed: 1,
        forwarder_late_ms: Some(Lateness { p50: 0.1, p99 }),
        download_kbps: None,
        download_share: None,
    };
    let good = report([("a", "b", figures()), ("b", "a", figures())]);
    assert!(good.clone().on(Some(network(4.9))).validity.valid);
    let late = good.on(Some(network(5.1)));
    assert!(!late.validity.valid);
    assert_eq!(late.validity.why, ["the network was 5.1 ms late at p99, which is more than 5 ms"]);
    assert!(late.to_string().contains("Do not believe"), "{late}");
}

#[test]
fn a_machine_that_does_not_tell_how_busy_it_was_proves_nothing() {
    assert!(!CallReport::of(2, 20.0, None, Vec::new()).validity.valid);
}

#[test]
fn names_stay_because_trends_are_built_on_them() {
    let json = serde_json::to_value(report([("a", "b", figures()), ("b", "a", figures())])).unwrap();
    assert_eq!(
        (&json["valid"], &json["peers"], &json["why"]),
        (&true.into(), &2.into(), &serde_json::json!([]))
    );
    let mut names: Vec<&str> = json["summary"].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "audio_concealed_ratio",
            "capture_to_decoded_ms",
            "cpu_seconds",
            "first_frame_ms",
            "fps",
            "frames_decoded",
            "freeze_ratio",
            "freezes",
            "full_resolution_ms",
            "height",
            "keyframes",
            "link_share",
            "link_utilisation",
            "media_back_ms",
            "mouth_to_ear_ms",
            "nacks",
            "packets_lost",
            "pesq",
            "psnr",
            "queue_delay_ms",
            "recovery",
            "retransmissions",
            "rss_mib",
            "setup_ms",
            "target_kbps",
            "video_kbps",
            "visqol",
            "vmaf",
            "width",
        ]
    );
    assert_eq!(json["pairs"][0]["mouth_to_ear_ms"], serde_json::Value::Null);
    assert_eq!((&json["pairs"][0]["from"], &json["pairs"][0]["fps"]), (&"a".into(), &30.0.into()));
}
