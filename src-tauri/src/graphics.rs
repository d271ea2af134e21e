//! Which way WebKit draws, decided before GTK starts.
//!
//! Without a graphics card WebKit's compositing runs in software, and video then costs twice as much as plain drawing does. WebKit
//! reads the switch from its environment only. Setting a variable of a running process is unsafe (other threads may read it), so
//! the program starts itself once more with the variable set: same process id, same arguments, a few milliseconds.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const SWITCH: &str = "WEBKIT_DISABLE_COMPOSITING_MODE";

/// Replaces this process by one that draws without compositing, where there is no graphics card and nobody chose otherwise.
/// Returns when there is nothing to do, or if it did not work: video is slower then, and nothing else.
pub(crate) fn choose() {
    if std::env::var_os(SWITCH).is_some() || has_render_node(Path::new("/dev/dri")) {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = &name {
        command.arg0(name);
    }
    // Comes back only with an error.
    let error = command.args(arguments).env(SWITCH, "1").exec();
    tracing::warn!(%error, "cannot switch compositing off");
}

/// Whether the folder has a render node: what drawing on a graphics card goes through.
fn has_render_node(folder: &Path) -> bool {
    let is_node = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with("renderD"));
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_node(&entry.file_name())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_graphics_card_is_known_by_its_render_node() {
        let dri = tempfile::tempdir().unwrap();
        assert!(!has_render_node(&dri.path().join("absent")));
        std::fs::write(dri.path().join("card0"), "").unwrap();
        assert!(!has_render_node(dri.path()));
        std::fs::write(dri.path().join("renderD128"), "").unwrap();
        assert!(has_render_node(dri.path()));
    }
}
