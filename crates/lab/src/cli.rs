//! The lab's command line.

mod call_arguments;

use crate::call;
use crate::peer::{self, PersonOptions, SpaceOptions};
use crate::process::{ARGUMENTS, Program};
use crate::voice::{self, VoiceArguments};
use crate::{demo, startup};
use anyhow::{Context, Result, ensure};
use call_arguments::CallArguments;
use clap::{Parser, Subcommand};
use snug_call::device::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use snug_client::DeviceOverrides;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Headless peers and real windows, measured.
#[derive(Debug, Parser)]
#[command(name = "snug-lab", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Hold a call between headless peers, each a process of its own, over real UDP and the real server, and measure it.
    Call(Box<CallArguments>),
    /// Use two real windows on virtual displays like two people: sign up, chat, call. Leaves pictures and figures.
    Demo {
        /// Folder for the pictures and report.json.
        #[arg(long, default_value = "demo")]
        out: PathBuf,
        /// How long the call is watched.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// The app's binary; the one beside this program when absent.
        #[arg(long)]
        app: Option<PathBuf>,
    },
    /// Start the app and measure how long it takes and what memory it needs.
    Startup {
        /// The app's binary; the one beside this program when absent.
        #[arg(long)]
        app: Option<PathBuf>,
        /// How many times; the middle one counts.
        #[arg(long, default_value_t = 5)]
        times: usize,
        /// One JSON document instead of a line for people.
        #[arg(long)]
        json: bool,
    },
    /// Send recorded speech over networks that are not there, under a virtual clock, and measure what is heard.
    Voice(VoiceArguments),
    /// A peer of a call, which takes its orders from standard input.
    #[command(hide = true)]
    Peer {
        #[arg(long)]
        name: String,
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        camera: CameraChoice,
        #[arg(long)]
        mic: MicrophoneChoice,
        #[arg(long)]
        speaker: SpeakerChoice,
        #[arg(long)]
        record: Option<PathBuf>,
        #[arg(long, value_parser = size)]
        size: Option<(u32, u32)>,
        #[arg(long)]
        networked: bool,
        #[arg(long)]
        deaf: bool,
    },
    /// A space for a call's peers.
    #[command(hide = true)]
    Server {
        #[arg(long)]
        data: PathBuf,
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

/// Does what the program's arguments say; the exit code is not zero when it did not succeed.
pub fn run() -> Result<()> {
    run_task(Arguments::parse().task, Program::this_lab)
}

/// Does what [`Program::Test`] put into the environment; nothing when this process was not started by it.
pub fn run_from_environment() -> Result<()> {
    let Ok(given) = std::env::var(ARGUMENTS) else { return Ok(()) };
    let given: Vec<String> =
        serde_json::from_str(&given).context("the lab's arguments are a list of strings")?;
    run_task(
        Arguments::try_parse_from(["snug-lab".to_owned()].into_iter().chain(given))?.task,
        Program::this_lab,
    )
}

fn run_task(task: Task, program: impl Fn() -> Result<Program>) -> Result<()> {
    // Standard output belongs to results and to what peers tell.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let _already_set_in_a_test =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = do_task(task, program) => done,
            // Whatever runs is dropped here, and its processes end with it.
            interrupted = interrupted() => interrupted.map_err(Into::into).and(Err(anyhow::anyhow!("interrupted"))),
        }
    });
    // A read of standard input that is under way would hold an ordinary shutdown up.
    runtime.shutdown_background();
    done
}

/// Waits until somebody wants this process to end.
#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

/// Waits until somebody wants this process to end.
#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn do_task(task: Task, program: impl Fn() -> Result<Program>) -> Result<()> {
    match task {
        Task::Call(arguments) => {
            let json = arguments.json;
            let report = call::measure(&program()?, &arguments.options()?).await?;
            print(&if json { to_json(&report)? } else { report.to_string() })
        }
        Task::Demo { out, seconds, app } => {
            let app = app.map_or_else(beside, Ok)?;
            let report = demo::run(&app, &out, Duration::from_secs(seconds)).await?;
            print(&to_json(&report)?)?;
            ensure!(report.passed, "the demo failed: {}", report.failure.unwrap_or_default());
            Ok(())
        }
        Task::Startup { app, times, json } => {
            let report = startup::measure(&app.map_or_else(beside, Ok)?, times).await?;
            print(&if json { to_json(&report)? } else { report.to_string() })
        }
        Task::Peer { name, data, camera, mic, speaker, record, size, networked, deaf } => {
            let devices = DeviceOverrides {
                camera: Some(camera.to_string()),
                microphone: Some(mic.to_string()),
                speaker: Some(speaker.to_string()),
            };
            peer::live(PersonOptions { name, data, devices, record, size, networked, deaf }).await
        }
        Task::Voice(arguments) => {
            let json = arguments.json;
            let report = voice::measure(&arguments.options()?)?;
            print(&if json { to_json(&report)? } else { report.to_string() })
        }
        Task::Server { data, listen } => peer::serve(SpaceOptions { data, listen }).await,
    }
}

/// A picture's width and height, as `320x240`.
fn size(text: &str) -> Result<(u32, u32), String> {
    let sides =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(|| format!("no size such as 320x240: {text}"))
}

/// The app that was built together with this program.
fn beside() -> Result<PathBuf> {
    let name = format!("snug{}", std::env::consts::EXE_SUFFIX);
    let app = std::env::current_exe()?.with_file_name(name);
    ensure!(app.is_file(), "no app at {}; name it with --app", app.display());
    Ok(app)
}

fn to_json(report: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(report)?)
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", text.trim_end())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_size_is_two_numbers() {
        assert_eq!(size("320x240"), Ok((320, 240)));
        for wrong in ["", "320", "x", "320x", "0x240", "-1x2", "320x240x2"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
