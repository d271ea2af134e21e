//! One run of the lab: everything that it starts, found by a mark in the environment and ended with it.
//!
//! The mark names its owner, so that the next run ends what one that was killed left behind.

use super::usage::started_ticks;
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
    /// A run with nothing in it. Ends what runs left behind whose owner did not live to do it.
    pub fn new() -> Run {
        for (pid, mark) in marked() {
            if !owner_lives(&mark) {
                tracing::info!(pid, "ending what another run left behind");
                send(pid, Signal::Now);
            }
        }
        Run::with_owner(std::process::id())
    }

    fn with_owner(pid: u32) -> Run {
        let started = started_ticks(pid).unwrap_or_default();
        Run { mark: format!("{pid} {started} {}", uuid::Uuid::new_v4()) }
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
        marked().filter(|(_, mark)| *mark == self.mark).map(|(pid, _)| pid).collect()
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

/// Every process that carries a mark, but this one.
fn marked() -> impl Iterator<Item = (u32, String)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&pid: &u32| pid != std::process::id()).filter_map(|pid| Some((pid, mark_of(pid)?)))
}

fn mark_of(pid: u32) -> Option<String> {
    // One that ended in between has no environment any more.
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mark = environment.split(|&byte| byte == 0).find_map(|variable| {
        variable.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    })?;
    Some(String::from_utf8_lossy(mark).into_owned())
}

/// Whether the process that a mark names is still there. A mark that names none is of another version of this program: left alone.
fn owner_lives(mark: &str) -> bool {
    let mut words = mark.split(' ').map(str::parse);
    let (Some(Ok(pid)), Some(Ok(started))) = (words.next(), words.next()) else { return true };
    u32::try_from(pid).is_ok_and(|pid| started_ticks(pid) == Some(started))
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
    async fn what_a_killed_run_left_is_ended_by_the_next_and_a_living_ones_is_not() {
        let mut owner = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (orphaned, living) = (Run::with_owner(owner.id()), Run::new());
        let mut left = orphaned.command("sleep").arg("600").spawn().unwrap();
        let mut kept = living.command("sleep").arg("600").spawn().unwrap();
        let next = Run::new();
        assert!(left.try_wait().unwrap().is_none(), "its owner still lives");
        owner.kill().unwrap();
        owner.wait().unwrap();
        drop(next);
        let _next = Run::new();
        tokio::time::timeout(Duration::from_secs(30), left.wait()).await.unwrap().unwrap();
        assert!(kept.try_wait().unwrap().is_none());
    }

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
