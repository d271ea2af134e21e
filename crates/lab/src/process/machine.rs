//! How busy the whole machine was, because figures from a starved one say nothing about the program.

use serde::{Deserialize, Serialize};

/// Below this part of idle time queueing for the processor shows in every delay.
const MIN_IDLE: f64 = 0.20;
/// Above this the host of a virtual machine takes time away that nobody here can see.
const MAX_STEAL: f64 = 0.15;

/// The machine's processor time since it was started, in ticks of all cores together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    total: u64,
    idle: u64,
    steal: u64,
}

/// How the machine's processor time was spent between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineLoad {
    /// Part of the time (0 to 1) in which cores had nothing to do.
    pub idle: f64,
    /// Part of the time (0 to 1) that a hypervisor gave to others.
    pub steal: f64,
}

impl CpuTimes {
    /// Reads `/proc/stat`; `None` where there is none.
    pub fn read() -> Option<CpuTimes> {
        CpuTimes::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// proc(5): user nice system idle iowait irq softirq steal; guest time is in user time already.
    fn parse(stat: &str) -> Option<CpuTimes> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
        let &[_, _, _, idle, waiting, _, _, steal] = ticks.as_slice() else { return None };
        Some(CpuTimes { total: ticks.iter().sum(), idle: idle + waiting, steal })
    }

    /// The same reading with so many seconds of one core counted as idle: spinners used them that give way to everything.
    pub fn with_spinners(self, cpu_seconds: f64) -> CpuTimes {
        let ticks = (cpu_seconds * super::usage::ticks_per_second() as f64) as u64;
        CpuTimes { idle: self.idle + ticks, ..self }
    }

    /// How the time since an earlier reading was spent; `None` when there was none.
    pub fn since(&self, earlier: &CpuTimes) -> Option<MachineLoad> {
        let total = self.total.checked_sub(earlier.total).filter(|&total| total > 0)? as f64;
        let part = |now: u64, before: u64| now.saturating_sub(before) as f64 / total;
        Some(MachineLoad { idle: part(self.idle, earlier.idle), steal: part(self.steal, earlier.steal) })
    }
}

impl MachineLoad {
    /// Why figures that were taken meanwhile should not be believed; empty when they can be.
    pub fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        if self.idle < MIN_IDLE {
            let (idle, min) = (self.idle * 100.0, MIN_IDLE * 100.0);
            objections.push(format!("the machine was {idle:.0} % idle, which is less than {min:.0} %"));
        }
        if self.steal > MAX_STEAL {
            let (steal, max) = (self.steal * 100.0, MAX_STEAL * 100.0);
            objections.push(format!("its host took {steal:.0} % of the time, which is more than {max:.0} %"));
        }
        objections
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn times(line: &str) -> CpuTimes {
        CpuTimes::parse(&format!("{line}\ncpu0 1 1 1 1 1 1 1 1 0 0\n")).unwrap()
    }

    #[test]
    fn a_busy_machine_and_a_robbed_one_are_objected_to() {
        let before = times("cpu  1000 0 0 1000 0 0 0 0 500 0");
        let idle = times("cpu  1050 0 0 1040 10 0 0 0 600 0").since(&before).unwrap();
        assert_eq!((idle, idle.objections()), (MachineLoad { idle: 0.5, steal: 0.0 }, vec![]));
        let busy = times("cpu  1081 0 0 1019 0 0 0 0 0 0").since(&before).unwrap();
        assert_eq!(busy.objections(), ["the machine was 19 % idle, which is less than 20 %"]);
        let robbed = times("cpu  1000 0 0 1080 0 0 0 20 0 0").since(&before).unwrap();
        assert_eq!(robbed.objections(), ["its host took 20 % of the time, which is more than 15 %"]);
    }

    #[test]
    fn what_spinners_used_counts_as_idle() {
        let before = times("cpu  1000 0 0 1000 0 0 0 0 0 0").with_spinners(0.0);
        let seconds = 60.0 / super::super::usage::ticks_per_second() as f64;
        let after = times("cpu  1090 0 0 1010 0 0 0 0 0 0").with_spinners(seconds);
        assert_eq!(after.since(&before).unwrap(), MachineLoad { idle: 0.7, steal: 0.0 });
    }

    #[test]
    fn no_time_and_no_figures_are_no_reading() {
        let now = times("cpu  1 1 1 1 1 1 1 1 1 1");
        assert_eq!(now.since(&now), None);
        assert_eq!(CpuTimes::parse("cpu  1 2 3\n"), None);
        assert_eq!(CpuTimes::parse("intr 5\n"), None);
    }
}
