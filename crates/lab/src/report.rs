//! What the lab prints: the shapes of its JSON, and the call's as a table.
//!
//! Trends are built on these names, so a field that was printed once keeps its name and its meaning.

use crate::process::{MachineLoad, Usage};
use serde::{Deserialize, Serialize};
use snug_media::stats::Samples;
use std::fmt;

/// Two quantiles of a delay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// What half do not exceed.
    pub p50: f64,
    /// What one in twenty exceeds.
    pub p95: f64,
}

impl Quantiles {
    /// Of samples; `None` when there are none.
    pub fn of(samples: &Samples) -> Option<Quantiles> {
        Some(Quantiles { p50: samples.p50()?, p95: samples.p95()? })
    }

    /// The larger of each.
    pub(crate) fn worse(self, other: Quantiles) -> Quantiles {
        Quantiles { p50: self.p50.max(other.p50), p95: self.p95.max(other.p95) }
    }
}

/// What one peer got from another in a call. What cannot be read with a given source is absent (`null`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// From accepting to the receiver's connected media, in milliseconds.
    pub setup_ms: Option<f64>,
    /// From accepting to the receiver's first decoded picture, in milliseconds.
    pub first_frame_ms: Option<f64>,
    /// The last picture's width in pixels.
    pub width: u32,
    /// The last picture's height in pixels.
    pub height: u32,
    /// Decoded pictures per second, from the first to the last.
    pub fps: Option<f64>,
    /// Decoded pictures.
    pub frames_decoded: u64,
    /// `freezeCount` of W3C webrtc-stats.
    pub freezes: u64,
    /// `totalFreezesDuration` as a part of the time since the first picture.
    pub freeze_ratio: f64,
    /// From the camera to the decoded picture.
    pub capture_to_decoded_ms: Option<Quantiles>,
    /// From the microphone to the loudspeaker.
    pub mouth_to_ear_ms: Option<Quantiles>,
    /// `concealedSamples / totalSamplesReceived` of W3C webrtc-stats.
    pub audio_concealed_ratio: Option<f64>,
    /// Received video payload in kilobits per second.
    pub video_kbps: f64,
    /// What the receiver's process used from the accepting to the end, in seconds of one core.
    pub cpu_seconds: Option<f64>,
    /// The receiver's process's resident memory at the end, in MiB.
    pub rss_mib: Option<f64>,
}

impl Figures {
    /// The worse of each field.
    fn worse(&self, other: &Figures) -> Figures {
        fn either<T: Copy>(one: Option<T>, other: Option<T>, worse: impl Fn(T, T) -> T) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(worse(one, other)),
                (one, other) => one.or(other),
            }
        }
        Figures {
            setup_ms: either(self.setup_ms, other.setup_ms, f64::max),
            first_frame_ms: either(self.first_frame_ms, other.first_frame_ms, f64::max),
            width: self.width.min(other.width),
            height: self.height.min(other.height),
            fps: either(self.fps, other.fps, f64::min),
            frames_decoded: self.frames_decoded.min(other.frames_decoded),
            freezes: self.freezes.max(other.freezes),
            freeze_ratio: self.freeze_ratio.max(other.freeze_ratio),
            capture_to_decoded_ms: either(
                self.capture_to_decoded_ms,
                other.capture_to_decoded_ms,
                Quantiles::worse,
            ),
            mouth_to_ear_ms: either(self.mouth_to_ear_ms, other.mouth_to_ear_ms, Quantiles::worse),
            audio_concealed_ratio: either(self.audio_concealed_ratio, other.audio_concealed_ratio, f64::max),
            video_kbps: self.video_kbps.min(other.video_kbps),
            cpu_seconds: either(self.cpu_seconds, other.cpu_seconds, f64::max),
            rss_mib: either(self.rss_mib, other.rss_mib, f64::max),
        }
    }
}

/// One direction of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Who sent.
    pub from: String,
    /// Who received and measured.
    pub to: String,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Whether figures can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// Whether they can.
    pub valid: bool,
    /// Why not; empty when they can.
    pub why: Vec<String>,
    /// How busy the machine was meanwhile, where the system tells.
    pub machine: Option<MachineLoad>,
}

impl Validity {
    /// Judges by how busy the machine was.
    pub fn judge(machine: Option<MachineLoad>) -> Validity {
        let why = match &machine {
            Some(load) => load.objections(),
            None => vec!["this system does not tell how busy it was".to_owned()],
        };
        Validity { valid: why.is_empty(), why, machine }
    }
}

/// A headless call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallReport {
    /// How many were in it.
    pub peers: usize,
    /// How long it was to last, from the accepting on.
    pub seconds: f64,
    /// Whether the figures can be believed.
    #[serde(flatten)]
    pub validity: Validity,
    /// Each direction.
    pub pairs: Vec<Pair>,
    /// The worst of each field.
    pub summary: Option<Figures>,
}

impl CallReport {
    /// Puts pairs together.
    pub fn of(peers: usize, seconds: f64, machine: Option<MachineLoad>, pairs: Vec<Pair>) -> CallReport {
        let worst = pairs.iter().map(|pair| pair.figures.clone()).reduce(|one, other| one.worse(&other));
        CallReport { peers, seconds, validity: Validity::judge(machine), pairs, summary: worst }
    }
}

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.pairs.iter().map(|pair| (format!("{} → {}", pair.from, pair.to), &pair.figures));
        let columns: Vec<_> =
            named.chain(self.summary.iter().map(|worst| ("worst".to_owned(), worst))).collect();
        type Cell = fn(&Figures) -> String;
        let rows: [(&str, Cell); 13] = [
            ("setup", |it| number(it.setup_ms, " ms")),
            ("first frame", |it| number(it.first_frame_ms, " ms")),
            ("picture", |it| format!("{}×{}", it.width, it.height)),
            ("fps", |it| number(it.fps, "")),
            ("frames decoded", |it| it.frames_decoded.to_string()),
            ("freezes", |it| it.freezes.to_string()),
            ("freeze ratio", |it| format!("{:.4}", it.freeze_ratio)),
            ("capture to decoded", |it| quantiles(it.capture_to_decoded_ms)),
            ("mouth to ear", |it| quantiles(it.mouth_to_ear_ms)),
            ("audio concealed", |it| number(it.audio_concealed_ratio.map(|ratio| ratio * 100.0), " %")),
            ("video", |it| number(Some(it.video_kbps), " kbit/s")),
            ("CPU", |it| number(it.cpu_seconds, " s")),
            ("memory", |it| number(it.rss_mib, " MiB")),
        ];
        write!(f, "{:20}", "")?;
        columns.iter().try_for_each(|(name, _)| write!(f, "{name:>18}"))?;
        writeln!(f)?;
        for (name, cell) in rows {
            write!(f, "{name:20}")?;
            columns.iter().try_for_each(|(_, figures)| write!(f, "{:>18}", cell(figures)))?;
            writeln!(f)?;
        }
        match self.validity.why.as_slice() {
            [] => Ok(()),
            why => writeln!(f, "Do not believe these figures: {}.", why.join("; ")),
        }
    }
}

fn number(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}{unit}"))
}

fn quantiles(value: Option<Quantiles>) -> String {
    value.map_or_else(|| "–".to_owned(), |it| format!("{:.0} / {:.0} ms", it.p50, it.p95))
}

/// What one window showed of the other's camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileFigures {
    /// Whose camera.
    pub from: String,
    /// In whose window.
    pub to: String,
    /// From the camera to the remote tile's canvas.
    pub glass_to_glass_ms: Option<Quantiles>,
    /// New pictures per second.
    pub fps: Option<f64>,
    /// Pictures seen.
    pub frames: u64,
    /// The longest time in which no new picture appeared, in milliseconds.
    pub longest_gap_ms: u64,
    /// Animation frames per second that the page had.
    pub animation_fps: f64,
}

/// What one process used during the measured part of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessFigures {
    /// Whose it is; absent for what belongs to both.
    pub window: Option<String>,
    /// Its id, name, CPU seconds and memory.
    #[serde(flatten)]
    pub usage: Usage,
    /// CPU as a part of one core, in percent.
    pub cpu_percent: f64,
}

/// A step of the demo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What was done and seen.
    pub name: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// Two windows in a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemoReport {
    /// Whether all of it happened.
    pub passed: bool,
    /// What did not, when it did not.
    pub failure: Option<String>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How long the call was watched.
    pub seconds: f64,
    /// Whether the figures can be believed.
    #[serde(flatten)]
    pub validity: Option<Validity>,
    /// The worse of the two tiles.
    pub glass_to_glass_ms: Option<Quantiles>,
    /// The worse of the two tiles.
    pub fps: Option<f64>,
    /// Both tiles.
    pub tiles: Vec<TileFigures>,
    /// CPU of the app's processes of both windows, webview included, as a part of one core, in percent.
    pub app_cpu_percent: Option<f64>,
    /// Memory of the app's processes of both windows, webview included: proportional set size in MiB.
    pub app_pss_mib: Option<f64>,
    /// Every process of the run: apps, webviews, drivers and displays.
    pub processes: Vec<ProcessFigures>,
}

impl DemoReport {
    /// Nothing happened yet.
    pub(crate) fn nothing() -> DemoReport {
        DemoReport {
            passed: false,
            failure: None,
            steps: Vec::new(),
            seconds: 0.0,
            validity: None,
            glass_to_glass_ms: None,
            fps: None,
            tiles: Vec::new(),
            app_cpu_percent: None,
            app_pss_mib: None,
            processes: Vec::new(),
        }
    }
}

/// Starting the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartupReport {
    /// The measured binary.
    pub app: String,
    /// Its size in bytes.
    pub binary_bytes: u64,
    /// Each start.
    pub starts: Vec<Start>,
    /// From the process's start to the mapped window, the middle of all starts, in milliseconds.
    pub window_ms: Option<f64>,
    /// From the process's start to the first screen drawn, the middle of all starts, in milliseconds.
    pub usable_ms: Option<f64>,
    /// Proportional set size of all the app's processes, webview included, after five idle seconds: the middle of all starts, in MiB.
    pub idle_pss_mib: Option<f64>,
    /// Whether the figures can be believed.
    #[serde(flatten)]
    pub validity: Validity,
}

/// One start of the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// From the process's start to the mapped window, in milliseconds.
    pub window_ms: f64,
    /// From the process's start to the first screen drawn, in milliseconds.
    pub usable_ms: f64,
    /// Memory after five idle seconds, in MiB.
    pub idle_pss_mib: f64,
    /// The app's processes after five idle seconds.
    pub processes: Vec<Usage>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn figures() -> Figures {
        Figures {
            setup_ms: Some(200.0),
            first_frame_ms: Some(300.0),
            width: 1280,
            height: 720,
            fps: Some(30.0),
            frames_decoded: 600,
            freezes: 0,
            freeze_ratio: 0.0,
            capture_to_decoded_ms: Some(Quantiles { p50: 20.0, p95: 40.0 }),
            mouth_to_ear_ms: None,
            audio_concealed_ratio: Some(0.0),
            video_kbps: 1500.0,
            cpu_seconds: Some(5.0),
            rss_mib: Some(80.0),
        }
    }

    #[test]
    fn the_summary_is_the_worst_of_each_field() {
        let slow =
            Figures { first_frame_ms: Some(900.0), fps: Some(31.0), mouth_to_ear_ms: None, ..figures() };
        let poor = Figures {
            fps: Some(12.0),
            width: 640,
            freezes: 3,
            mouth_to_ear_ms: Some(Quantiles { p50: 90.0, p95: 120.0 }),
            ..figures()
        };
        let pair = |from: &str, to: &str, figures| Pair { from: from.into(), to: to.into(), figures };
        let report = CallReport::of(2, 20.0, None, vec![pair("a", "b", slow), pair("b", "a", poor)]);
        let worst = report.summary.clone().unwrap();
        assert_eq!(
            (worst.first_frame_ms, worst.fps, worst.width, worst.freezes),
            (Some(900.0), Some(12.0), 640, 3)
        );
        assert_eq!(worst.mouth_to_ear_ms, Some(Quantiles { p50: 90.0, p95: 120.0 }));
        assert!(!report.validity.valid, "a machine that does not tell how busy it was proves nothing");
        let table = report.to_string();
        assert!(
            table.contains("a → b") && table.contains("worst") && table.contains("90 / 120 ms"),
            "{table}"
        );
    }

    #[test]
    fn names_stay_because_trends_are_built_on_them() {
        let pair = Pair { from: "a".into(), to: "b".into(), figures: figures() };
        let machine = Some(MachineLoad { idle: 0.5, steal: 0.0 });
        let json = serde_json::to_value(CallReport::of(2, 20.0, machine, vec![pair])).unwrap();
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
                "height",
                "mouth_to_ear_ms",
                "rss_mib",
                "setup_ms",
                "video_kbps",
                "width",
            ]
        );
        assert_eq!(json["pairs"][0]["mouth_to_ear_ms"], serde_json::Value::Null);
        assert_eq!((&json["pairs"][0]["from"], &json["pairs"][0]["fps"]), (&"a".into(), &30.0.into()));
    }
}
