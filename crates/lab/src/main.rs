//! The `snug-lab` binary.

fn main() -> anyhow::Result<()> {
    snug_lab::cli::run()
}
