//! What keeps the program from starting, told before there is a window to tell it in.

use gtk::prelude::{DialogExt, GtkWindowExt};
use std::process::ExitCode;

/// Says it in the log, and on the screen if there is one; the exit code says it to scripts.
pub(crate) fn tell(message: &str) -> ExitCode {
    tracing::error!("{message}");
    if gtk::init().is_ok() {
        let dialog = gtk::MessageDialog::new(
            None::<&gtk::Window>,
            gtk::DialogFlags::empty(),
            gtk::MessageType::Error,
            gtk::ButtonsType::Close,
            message,
        );
        dialog.set_title("Snug");
        dialog.run();
    }
    ExitCode::FAILURE
}
