//! Keeps the cores awake while something is measured.
//!
//! A virtual machine's idle core takes many milliseconds to wake, which would be charged to whatever it wakes for. One spinner of the
//! idle class (sched(7)) on each core gives way to everything else at once; what it used counts as idle.

use super::{Run, Usage};
use tokio::process::Child;

/// Ends by itself when whoever started it is gone, even without having been able to say so.
const SPIN: &str = "while kill -0 $PPID; do n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); done; done";

/// Owns the spinners; they end with it.
#[derive(Debug)]
pub struct Awake {
    spinners: Vec<Child>,
}

impl Awake {
    /// Starts a spinner for each core. There are none where the system has no `chrt`; the machine's lateness then tells.
    pub fn start(run: &Run) -> Awake {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spinner = || run.command("chrt").args(["--idle", "0", "sh", "-c", SPIN]).spawn();
        Awake { spinners: (0..cores).filter_map(|_| spinner().ok()).collect() }
    }

    /// What they used up to now, in seconds of one core.
    pub fn cpu_seconds(&self) -> f64 {
        let usages = self.spinners.iter().filter_map(|spinner| Usage::of(spinner.id()?));
        usages.map(|usage| usage.cpu_seconds).sum()
    }
}
