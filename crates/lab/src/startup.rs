//! How long the app takes to start, what memory it needs, how large it is.
//!
//! “Usable” is the page's own first paint of content, once the first screen's button is seen to be there. Not the moment at which
//! WebDriver could find the button: that is also the time that WebDriver takes.

use crate::process::{CpuTimes, Run, Usage, started_at_unix_ms};
use crate::report::{Start, StartupReport, Validity};
use crate::windows::{Display, Driver, PATIENCE, SIZE, Window, is_app};
use anyhow::{Context, Result, ensure};
use snug_media::stats::Samples;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// After this the app has nothing left to do but to wait.
const IDLE: Duration = Duration::from_secs(5);
/// A window that is narrower is not the app's.
const MIN_WIDTH: u32 = 400;

/// Starts the app some times, each time for the first time, one after another.
pub async fn measure(app: &Path, times: usize) -> Result<StartupReport> {
    ensure!(times > 0, "nothing is measured in no times");
    let app = std::path::absolute(app)?;
    let binary_bytes = std::fs::metadata(&app).with_context(|| format!("no app at {}", app.display()))?.len();
    let machine = CpuTimes::read();
    let mut starts = Vec::new();
    for _ in 0..times {
        starts.push(start(&app).await?);
    }
    let load = machine.and_then(|before| CpuTimes::read()?.since(&before));
    let middle = |field: fn(&Start) -> f64| {
        let mut samples = Samples::new();
        starts.iter().for_each(|start| samples.add(field(start)));
        samples.p50()
    };
    Ok(StartupReport {
        app: app.display().to_string(),
        binary_bytes,
        window_ms: middle(|start| start.window_ms),
        usable_ms: middle(|start| start.usable_ms),
        idle_pss_mib: middle(|start| start.idle_pss_mib),
        validity: Validity::judge(load),
        starts,
    })
}

async fn start(app: &Path) -> Result<Start> {
    let home = tempfile::tempdir()?;
    let run = Run::new();
    let display = Display::start(&run, SIZE.0, SIZE.1).await?;
    let driver = Driver::start(&run, &display, home.path(), &[]).await?;
    let (window, mapped) =
        tokio::join!(Window::open("the user", app, &driver), display.mapped(&run, MIN_WIDTH, PATIENCE));
    let (window, mapped) = (window?, mapped?);
    window.see("start-host").await?;
    let painted = window.first_paint().await?.context("this webview does not tell when it painted")?;
    let processes = || run.members().into_iter().filter_map(Usage::of).filter(|usage| is_app(app, usage));
    // The app's own process is the oldest of them.
    let began = processes()
        .filter_map(|usage| started_at_unix_ms(usage.pid))
        .min()
        .context("the app has no process")?;
    sleep(IDLE).await;
    let processes: Vec<Usage> = processes().collect();
    let pss: Option<f64> = processes.iter().map(|usage| usage.pss_mib).sum();
    Ok(Start {
        window_ms: mapped.saturating_sub(began) as f64,
        usable_ms: painted - began as f64,
        idle_pss_mib: pss.context("this system does not tell of proportional memory")?,
        processes,
    })
}

impl fmt::Display for StartupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
        writeln!(f, "{}: {:.1} MB", self.app, self.binary_bytes as f64 / 1e6)?;
        writeln!(
            f,
            "window after {} ms, usable after {} ms",
            number(self.window_ms),
            number(self.usable_ms)
        )?;
        writeln!(f, "{} MiB after five idle seconds, webview included", number(self.idle_pss_mib))?;
        match self.validity.why.as_slice() {
            [] => Ok(()),
            why => writeln!(f, "Do not believe these figures: {}.", why.join("; ")),
        }
    }
}
