//! Which program a peer or a server runs in.
//!
//! Always the one that is running already, so that both ends of a call are the same build: the lab's binary starts itself, and a
//! test starts its own executable with the one ignored test whose body is the lab's command line.

use super::Run;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tokio::process::Command;

/// The variable with the arguments (a JSON list) of a lab that runs inside a test executable.
pub const ARGUMENTS: &str = "SNUG_LAB_ARGUMENTS";

/// A program that understands the lab's command line.
#[derive(Clone, Debug)]
pub enum Program {
    /// The `snug-lab` binary.
    Lab(PathBuf),
    /// A test executable, with the name of the test that runs [`cli::run_from_environment`](crate::cli::run_from_environment).
    Test {
        /// The executable.
        path: PathBuf,
        /// The ignored test.
        name: String,
    },
}

impl Program {
    /// This very process's program, which is the `snug-lab` binary.
    pub fn this_lab() -> Result<Program> {
        Ok(Program::Lab(std::env::current_exe().context("this program's own path")?))
    }

    /// This very process's program, which is a test executable.
    pub fn this_test(name: &str) -> Result<Program> {
        Ok(Program::Test {
            path: std::env::current_exe().context("this test's own path")?,
            name: name.to_owned(),
        })
    }

    /// The command that runs it with these arguments as a part of the run.
    pub fn command(&self, run: &Run, arguments: &[String]) -> Command {
        match self {
            Program::Lab(path) => {
                let mut command = run.command(path);
                command.args(arguments);
                command
            }
            Program::Test { path, name } => {
                let mut command = run.command(path);
                command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
                command.env(ARGUMENTS, serde_json::json!(arguments).to_string());
                command
            }
        }
    }
}
