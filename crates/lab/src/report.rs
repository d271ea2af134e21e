//! What the lab prints: the shapes of its JSON.
//!
//! Trends are built on these names, so a field that was printed once keeps its name and its meaning.

mod baseline;
mod call;

pub use baseline::Baseline;
pub use call::{CallReport, Figures, Lateness, Minute, NetworkReport, Pair, Recovery};

use crate::process::{MachineLoad, Usage};
use serde::{Deserialize, Serialize};
use snug_media::stats::Samples;

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

    /// There is another reason not to believe them.
    pub(crate) fn doubt(&mut self, why: String) {
        self.valid = false;
        self.why.push(why);
    }
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
