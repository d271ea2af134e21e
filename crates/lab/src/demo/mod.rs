//! Two people with the app, from the first start to the end of a call, with pictures and figures.
//!
//! The story is told once, in [`Party`], and used by `script/demo` and by the window tests, so that what is shown is what is tested.

mod figures;
mod party;

pub use party::{Party, Watched};

use crate::process::CpuTimes;
use crate::report::{DemoReport, Step, Validity};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// No step takes longer, however busy the machine is.
const STEP_LIMIT: Duration = Duration::from_secs(180);

/// In this time a tooltip goes and a motion ends, so that pictures show the thing itself.
const CALM: Duration = Duration::from_millis(400);

/// Keeps what happened.
struct Notebook {
    out: PathBuf,
    steps: Vec<Step>,
}

impl Notebook {
    /// Does a step and notes it.
    async fn step<T>(&mut self, name: &str, doing: impl Future<Output = Result<T>>) -> Result<T> {
        let start = Instant::now();
        let done = tokio::time::timeout(STEP_LIMIT, doing).await;
        let done = done.context("it took too long").and_then(|done| done).with_context(|| name.to_owned())?;
        tracing::info!(name, "done");
        self.steps.push(Step { name: name.to_owned(), ms: start.elapsed().as_millis() as u64 });
        Ok(done)
    }

    /// Pictures of both sides, numbered in the order of the story.
    async fn pictures(&self, party: &Party, name: &str) -> Result<()> {
        let number = self.steps.len();
        for (seat, who) in [(&party.ada, "a"), (&party.ben, "b")] {
            seat.window.rest_pointer().await?;
            sleep(CALM).await;
            seat.picture(&self.out.join(format!("{number:02}-{name}-{who}.png"))).await?;
        }
        Ok(())
    }
}

/// Plays the whole story. What fails is in the report, and pictures of that moment in the folder; an error is a folder that cannot be
/// written.
pub async fn run(app: &Path, out: &Path, length: Duration) -> Result<DemoReport> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    forget_pictures(out)?;
    let mut notebook = Notebook { out: out.to_owned(), steps: Vec::new() };
    let mut report = DemoReport { seconds: length.as_secs_f64(), ..DemoReport::nothing() };
    let homes = tempfile::tempdir()?;
    let told = match notebook.step("both apps start", Party::gather(app, homes.path())).await {
        Ok(party) => {
            let told = tell(&mut notebook, &party, &mut report, length).await;
            if told.is_err() {
                // The failure itself matters more than a picture that could not be taken.
                let _ = notebook.pictures(&party, "failure").await;
                tracing::error!(ada = party.ada.last_words(), ben = party.ben.last_words(), "the apps' logs");
            }
            told
        }
        Err(error) => Err(error),
    };
    report.passed = told.is_ok();
    report.failure = told.err().map(|error| format!("{error:#}"));
    report.steps = notebook.steps;
    std::fs::write(out.join("report.json"), serde_json::to_vec_pretty(&report)?)
        .context("cannot write report.json")?;
    Ok(report)
}

/// Pictures of an earlier run would be taken for this one's.
fn forget_pictures(out: &Path) -> Result<()> {
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "png") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

async fn tell(
    notebook: &mut Notebook,
    party: &Party,
    report: &mut DemoReport,
    length: Duration,
) -> Result<()> {
    notebook.step("the first screen", party.first_screen()).await?;
    notebook.pictures(party, "first-start").await?;

    let link = notebook.step("Ada hosts a space", party.host()).await?;
    notebook.pictures(party, "hosted").await?;
    notebook.step("Ben fills in Ada's link", party.fill_in_link(&link)).await?;
    notebook.pictures(party, "joining").await?;
    notebook.step("Ben joins, and both are in the room", party.join()).await?;

    notebook.step("they write to each other", party.talk()).await?;
    notebook.pictures(party, "messages").await?;

    notebook.step("Ada rings", party.ring()).await?;
    notebook.pictures(party, "ringing").await?;
    notebook.step("Ben accepts, and each sees the other", party.accept()).await?;

    let (before, machine) = (figures::usage(party), CpuTimes::read());
    let watched = notebook.step("each sees the other move", party.watch(length)).await?;
    let load = machine.and_then(|before| CpuTimes::read()?.since(&before));
    report.validity = Some(Validity::judge(load));
    figures::fill_in(report, party, &before, &watched);
    notebook.pictures(party, "call").await?;

    notebook.step("Ada mutes herself, and Ben sees it", party.mute()).await?;
    notebook.pictures(party, "muted").await?;
    notebook.step("Ada speaks again, and Ben sees it", party.unmute()).await?;
    notebook.step("Ada goes dark, Ben goes Chinese, in the call", party.change_looks()).await?;
    notebook.pictures(party, "call-dark-and-chinese").await?;
    notebook.step("Ben hangs up, and the call is over for both", party.hang_up()).await?;
    notebook.pictures(party, "dark-and-chinese").await?;
    notebook.step("the settings", party.show_settings()).await?;
    notebook.pictures(party, "settings").await
}
