//! One run of the lab: everything that it starts, found by a mark in the environment and ended with it.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// The variable that carries the mark.
const MARK: &str = "SNUG_LAB_RUN";
/// What a process may take to end by itself; Xvfb removes its lock file in that time.
const GRACE: Duration = Duration::from_secs(2);
/// What the system may take to end a process that was killed.
const KILLED: Duration = Duration::from_secs(5);
/// How often it is looked whether they have ended.
const LOOK: Duration = Duration::from_millis(20);

/// Owns every process that was started with [`Run::command`], and what these started; dropping it ends them all.
#[derive(Debug)]
pub struct Run {
    mark: String,
}

impl Run {
    /// A run with nothing in it.
    pub fn new() -> Run {
        Run { mark: uuid::Uuid::new_v4().to_string() }
    }

    /// A command whose process belongs to the run. It has no terminal: what shall be read must be asked for.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env(MARK, &self.mark).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true);
        command
    }

    /// The ids of the run's living processes; none where there is no `/proc`.
    pub fn members(&self) -> Vec<u32> {
        let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
        let mark = format!("{MARK}={}", self.mark);
        let carries = |pid: &u32| {
            // One that ended in between has no environment any more.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let own = std::process::id();
        let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|&pid| pid != own).filter(carries).collect()
    }

    fn end(&self, signal: Signal, limit: Duration) -> bool {
        let start = Instant::now();
        loop {
            let members = self.members();
            if members.is_empty() {
                return true;
            }
            if start.elapsed() > limit {
                return false;
            }
            for pid in members {
                send(pid, signal);
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Run::new()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.end(Signal::Please, GRACE) && !self.end(Signal::Now, KILLED) {
            tracing::warn!(left = ?self.members(), "processes of the run did not end");
        }
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Please,
    Now,
}

#[cfg(unix)]
fn send(pid: u32, signal: Signal) {
    use rustix::process::{Pid, Signal as Unix, kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // The only failure is that it has ended already, which is what is wanted.
    let _ = kill_process(pid, if matches!(signal, Signal::Please) { Unix::TERM } else { Unix::KILL });
}

/// Without `/proc` there are no members to signal; `kill_on_drop` ends the run's own children.
#[cfg(not(unix))]
fn send(_pid: u32, _signal: Signal) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn grandchildren_that_left_their_group_end_with_the_run() {
        let run = Run::new();
        let shell = "setsid sleep 600 & setsid sh -c 'trap \"\" TERM; while :; do sleep 600; done' & wait";
        let _shell = run.command("sh").args(["-c", shell]).spawn().unwrap();
        let started = async {
            while run.members().len() < 4 {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), started).await.unwrap();
        let members = run.members();
        drop(run);
        for pid in members {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            assert!(status.is_empty() || status.contains(") Z "), "{pid} still lives: {status}");
        }
    }
}
