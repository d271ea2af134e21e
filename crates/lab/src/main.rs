//! The `snug-lab` binary.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match snug_lab::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who closed standard error does not want to know.
            let _ = writeln!(std::io::stderr(), "snug-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
