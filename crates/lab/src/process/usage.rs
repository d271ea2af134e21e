//! What a process has used: CPU time and memory, from `/proc`.
//!
//! Not `getrusage`: that tells of the caller and its ended children only, and a web process is neither.

use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// What one process has used up to now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Its id.
    pub pid: u32,
    /// The file name of its program.
    pub name: String,
    /// User and system time in seconds, without its children's.
    pub cpu_seconds: f64,
    /// Resident memory in MiB; shared pages count whole.
    pub rss_mib: f64,
    /// Its part of resident memory in MiB: shared pages divided among their users. Absent where the system does not tell.
    pub pss_mib: Option<f64>,
}

impl Usage {
    /// Reads it; `None` when there is no such process or no `/proc`.
    pub fn of(pid: u32) -> Option<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (short_name, fields) = parse_stat(&stat)?;
        let ticks = fields.user + fields.system;
        // Pages that were swapped out or shared with the kernel do not matter here.
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        Some(Usage {
            pid,
            name: program_name(pid).unwrap_or_else(|| short_name.to_owned()),
            cpu_seconds: ticks as f64 / ticks_per_second() as f64,
            rss_mib: kib_after(&status, "VmRSS:").unwrap_or(0) as f64 / 1024.0,
            pss_mib: kib_after(&rollup, "Pss:").map(|kib| kib as f64 / 1024.0),
        })
    }

    /// What this process has used.
    pub fn own() -> Option<Usage> {
        Usage::of(std::process::id())
    }

    /// The same process's use since an earlier reading: CPU is the difference, memory is now's.
    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage { cpu_seconds: (self.cpu_seconds - earlier.cpu_seconds).max(0.0), ..self.clone() }
    }
}

/// When a process began, in milliseconds since 1970, to a clock tick (10 ms).
pub fn started_at_unix_ms(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = parse_stat(&stat)?;
    let since_boot = fields.started as f64 / ticks_per_second() as f64;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(((now - uptime + since_boot) * 1000.0) as u64)
}

/// When a process began, in clock ticks since the machine did: with its id a name that no other process ever has. `None` when there is
/// no such process.
pub(super) fn started_ticks(pid: u32) -> Option<u64> {
    Some(parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?.1.started)
}

/// A process's children, their children and so on, without itself; none where there is no `/proc`.
///
/// For what a mark in the environment does not find: Chromium's processes write their titles over their environments.
pub fn descendants(pid: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent =
        |pid| Some(parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?.1.parent);
    let parents: Vec<(u32, u32)> = ids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&of) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Not the name in `stat`: that is cut to 15 bytes, and is `exe` after a program has begun itself anew.
fn program_name(pid: u32) -> Option<String> {
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = program.file_name()?.to_string_lossy().into_owned();
    // A program that was built anew meanwhile.
    Some(name.strip_suffix(" (deleted)").map(str::to_owned).unwrap_or(name))
}

struct Stat {
    parent: u32,
    user: u64,
    system: u64,
    started: u64,
}

/// The name stands in brackets and may itself hold brackets and spaces, so fields are counted from the last one (proc(5)).
fn parse_stat(stat: &str) -> Option<(&str, Stat)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    // `state` is proc(5)'s field 3 and the first here.
    let field = |number: usize| fields.get(number - 3)?.parse().ok();
    let parent = u32::try_from(field(4)?).ok()?;
    Some((name, Stat { parent, user: field(14)?, system: field(15)?, started: field(22)? }))
}

fn kib_after(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
pub(super) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// There is no `/proc` to count in.
#[cfg(not(unix))]
pub(super) fn ticks_per_second() -> u64 {
    100
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 9 0 123456 1000 200";
        let (name, fields) = parse_stat(stat).unwrap();
        assert_eq!((name, fields.parent), ("a) b (c", 1));
        assert_eq!((fields.user, fields.system, fields.started), (250, 50, 123_456));
        assert!(parse_stat("42 (short) S 1").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn children_of_children_are_found() {
        let mut shell =
            std::process::Command::new("sh").args(["-c", "sh -c 'sleep 600; :' ; :"]).spawn().unwrap();
        let start = std::time::Instant::now();
        while descendants(shell.id()).len() < 2 {
            assert!(start.elapsed().as_secs() < 30);
            std::thread::yield_now();
        }
        assert!(descendants(std::process::id()).contains(&shell.id()));
        for pid in descendants(shell.id()) {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        shell.wait().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_shows_in_the_reading() {
        let before = Usage::own().unwrap();
        let mut sum = 0_u64;
        while Usage::own().unwrap().since(&before).cpu_seconds < 0.05 {
            sum = (0..100_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
        }
        let after = Usage::own().unwrap();
        assert!(after.rss_mib > 0.5 && after.pss_mib.unwrap() <= after.rss_mib + 1.0, "{after:?}");
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
            - started_at_unix_ms(std::process::id()).unwrap();
        assert!(age < 600_000, "this process began {age} ms ago");
    }
}
