//! A headless call between processes, measured.
//!
//! The measuring process only starts the others, gives orders and computes: nothing of the call runs in it.

pub mod gate;
mod measure;
mod party;

pub use measure::figures;
pub use party::{Beginning, CallOptions, Party, serving, start_person, start_space};

use crate::process::{CpuTimes, Program, Usage};
use crate::report::{CallReport, Pair};
use anyhow::{Context, Result};

/// Holds the call and measures it. An error is a call that did not happen.
pub async fn measure(program: &Program, options: &CallOptions) -> Result<CallReport> {
    if let Some(folder) = &options.record {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut party = Party::gather(program, options).await?;
    let usage = |party: &Party| party.pids().map(|pid| pid.and_then(Usage::of));
    party.ring().await?;
    // What the call costs is counted from the accepting on.
    let (before, machine) = (usage(&party), CpuTimes::read());
    let start = party.accept().await?;
    party.go_on_until(&start, options.length).await?;
    let (after, load) = (usage(&party), machine.and_then(|before| CpuTimes::read()?.since(&before)));
    let received = party.hang_up().await?;

    let names = party.names();
    let mut pairs = Vec::new();
    for (to, (received, (before, after))) in received.iter().zip(before.iter().zip(&after)).enumerate() {
        let usage = after.as_ref().zip(before.as_ref()).map(|(after, before)| after.since(before));
        let figures = figures(&start, to, received, options, usage.as_ref());
        pairs.push(Pair { from: names[1 - to].to_owned(), to: names[to].to_owned(), figures });
    }
    party.leave().await?;
    let mut report = CallReport::of(names.len(), options.length.as_secs_f64(), load, pairs);
    for pair in &report.pairs {
        anyhow::ensure!(pair.figures.frames_decoded > 0, "{} saw nothing of {}", pair.to, pair.from);
        if pair.figures.fps.is_none() {
            report.validity.valid = false;
            report.validity.why.push(format!("{} saw one picture only", pair.to));
        }
    }
    Ok(report)
}
