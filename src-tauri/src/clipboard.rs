//! Putting text on the clipboard.
//!
//! Through GTK, which is there anyway: the webview's own clipboard needs a permission prompt, and Tauri's plugin another library.

use snug_client::view::Problem;
use tauri::{AppHandle, Runtime};
use tokio::sync::oneshot;

/// Puts the text on the clipboard, where it stays after the program has ended if the session keeps such things.
pub(crate) async fn put<R: Runtime>(app: &AppHandle<R>, text: String) -> Result<(), Problem> {
    let (done, copied) = oneshot::channel();
    let on_main_thread = app.run_on_main_thread(move || {
        let ready = gtk::is_initialized_main_thread();
        if ready {
            let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
            clipboard.set_text(&text);
            clipboard.store();
        }
        // Nobody waits any more when the window is gone.
        let _ = done.send(ready);
    });
    if on_main_thread.is_ok() && copied.await == Ok(true) {
        return Ok(());
    }
    Err(Problem { code: "internal".to_owned(), detail: "there is no clipboard".to_owned() })
}
