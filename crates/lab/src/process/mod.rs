//! Processes that the lab starts, and what they cost.
//!
//! A measured call has no memory in common with whoever measures it, so peers, server, displays and windows are processes. Each
//! carries a mark in its environment, which its own children inherit: that is how a window's web processes are found and how nothing
//! is left behind. Not a process group or a walk over parents: WebDriver and D-Bus detach what they start from both.

mod awake;
mod machine;
mod program;
mod run;
mod usage;

pub use awake::Awake;
pub use machine::{CpuTimes, MachineLoad};
pub use program::{ARGUMENTS, Program};
pub use run::Run;
pub use usage::{Usage, descendants, started_at_unix_ms};
