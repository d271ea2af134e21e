//! A virtual display, and pictures of it.

use crate::process::Run;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

/// Generous: a machine that builds at the same time takes its time.
const START_LIMIT: Duration = Duration::from_secs(30);
const PICTURE_LIMIT: Duration = Duration::from_secs(30);

/// An X server without a screen; it ends when this is dropped.
#[derive(Debug)]
pub struct Display {
    name: String,
    _server: Child,
}

impl Display {
    /// Starts one on a free number, as large as the window that will fill it.
    pub async fn start(run: &Run, width: u32, height: u32) -> Result<Display> {
        let mut command = run.command("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
        command.arg(format!("{width}x{height}x24"));
        let mut server =
            command.stdout(Stdio::piped()).spawn().context("cannot start Xvfb; is xvfb installed?")?;
        let output = server.stdout.take().context("Xvfb's output is a pipe")?;
        let mut number = String::new();
        let mut output = BufReader::new(output);
        timeout(START_LIMIT, output.read_line(&mut number)).await.context("Xvfb did not come up")??;
        ensure!(!number.trim().is_empty(), "Xvfb ended before it had a display");
        Ok(Display { name: format!(":{}", number.trim()), _server: server })
    }

    /// For the variable `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes what is on it as a PNG.
    pub async fn picture(&self, run: &Run, path: &Path) -> Result<()> {
        let mut command = run.command("import");
        command.args(["-display", &self.name, "-window", "root"]).arg(path);
        let done = timeout(PICTURE_LIMIT, command.stderr(Stdio::piped()).output())
            .await
            .context("import did not end")?;
        let done = done.context("cannot start import; is imagemagick installed?")?;
        if !done.status.success() {
            bail!("no picture of {}: {}", self.name, String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(())
    }

    /// Waits until a window as wide as `width` is mapped, and says when that was seen (milliseconds since 1970).
    pub async fn mapped(&self, run: &Run, width: u32, limit: Duration) -> Result<u64> {
        let look = async {
            loop {
                let mut command = run.command("xwininfo");
                command.args(["-display", &self.name, "-root", "-tree"]);
                let tree = command.stdout(Stdio::piped()).output().await;
                let tree = tree.context("cannot start xwininfo; is x11-utils installed?")?;
                if names_window(&String::from_utf8_lossy(&tree.stdout), width) {
                    return anyhow::Ok(super::unix_ms());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(limit, look).await.with_context(|| format!("no window on {} after {limit:?}", self.name))?
    }
}

/// Whether `xwininfo -tree` tells of a window with a name and at least this width. GTK also makes nameless and tiny ones.
fn names_window(tree: &str, width: u32) -> bool {
    let lines =
        tree.lines().filter(|line| line.trim_start().starts_with("0x") && !line.contains("(has no name)"));
    let sizes = lines.filter_map(|line| {
        line.rsplit(')').next()?.split_whitespace().next()?.split('x').next()?.parse().ok()
    });
    sizes.into_iter().any(|found: u32| found >= width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_window_of_some_size_counts() {
        let root = "xwininfo: Window id: 0x50f (the root window) (has no name)\n\n  Root window id: 0x50f\n";
        let tiny = format!("{root}     0x400001 \"Snug\": (\"snug\" \"Snug\")  10x10+10+10  +10+10\n");
        let nameless = format!("{root}     0x400003 (has no name): ()  1280x800+0+0  +0+0\n");
        let shown = format!("{tiny}     0x400009 \"Snug\": (\"snug\" \"Snug\")  1280x800+0+0  +0+0\n");
        assert_eq!(
            [root, &tiny, &nameless, &shown].map(|tree| names_window(tree, 600)),
            [false, false, false, true]
        );
    }
}
