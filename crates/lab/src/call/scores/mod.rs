//! Scores of what was seen and heard against what was shown and spoken, computed when the call is over.
//!
//! A picture's partner is found by the number in its code, so that a freeze or a dropped picture moves nothing out of step: these
//! scores are of the pictures that were seen, and freezes are counted elsewhere.

mod ivf;
mod original;
mod sight;

use super::CallOptions;
use crate::browser::Rounds;
use crate::report::Figures;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use snug_call::device::MicrophoneChoice;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What scores are computed with.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// An ffmpeg, for VMAF where it has libvmaf.
    pub ffmpeg: Option<PathBuf>,
    /// A program that takes two wav files, the spoken and the heard, and prints `{"pesq": …, "visqol": …}`.
    pub sound: Option<PathBuf>,
}

/// Where somebody's recordings are.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// What the files' names begin with.
    pub name: &'a str,
    /// How many pictures the clip has that was seen, where it counts its pictures anew each time that it begins.
    pub clip: Option<u32>,
}

impl Tools {
    /// Whether there is anything to compute.
    pub fn any(&self) -> bool {
        self.ffmpeg.is_some() || self.sound.is_some()
    }

    /// Adds the scores of what the person at place `to` saw and heard. Takes a while.
    pub fn add_to(
        &self,
        figures: &mut Figures,
        options: &CallOptions,
        to: usize,
        recorded: &Recorded<'_>,
    ) -> Result<()> {
        let Recorded { folder, name, clip } = recorded;
        let from = CallOptions::other(to);
        if let Some(ffmpeg) = self.ffmpeg.as_deref().filter(|_| options.sends_video(from)) {
            let seen = recordings(folder, name)?;
            let score = sight::compare(
                ffmpeg,
                &options.camera(from),
                CallOptions::sender(from),
                &seen,
                clip.map(Rounds::in_order),
            )?;
            (figures.vmaf, figures.psnr) = (score.vmaf, score.psnr);
        }
        if let (Some(sound), MicrophoneChoice::File(spoken)) = (&self.sound, options.microphone(from)) {
            let score = hear(sound, &spoken, &folder.join(format!("{name}-heard.wav")))?;
            (figures.pesq, figures.visqol) = (score.pesq, score.visqol);
        }
        Ok(())
    }
}

/// What somebody saw, in order: a camera that was switched off and on again begins a new file.
fn recordings(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let numbered = (1..).map(|number| folder.join(format!("{name}-saw.{number}.ivf")));
    let files: Vec<PathBuf> = numbered.take_while(|file| file.is_file()).collect();
    ensure!(!files.is_empty(), "{name} recorded nothing in {}", folder.display());
    Ok(files)
}

#[derive(Deserialize)]
struct SoundScore {
    pesq: Option<f64>,
    visqol: Option<f64>,
}

fn hear(program: &Path, spoken: &Path, heard: &Path) -> Result<SoundScore> {
    let done = Command::new(program).arg(spoken).arg(heard).output();
    let done = done.with_context(|| format!("cannot run {}", program.display()))?;
    let said = || String::from_utf8_lossy(&done.stderr).trim().to_owned();
    ensure!(done.status.success(), "{}: {}", program.display(), said());
    serde_json::from_slice(&done.stdout).with_context(|| format!("{} printed no scores", program.display()))
}
