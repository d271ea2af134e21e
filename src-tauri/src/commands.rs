//! What the interface can ask for: a thin layer over the client, one command for each method of ui/src/backend/backend.ts.
//!
//! No decision is made here. Arguments are read into types (what cannot be read is refused before the command runs), the part that
//! owns the matter is called, and its [`Problem`] is what the interface gets. Each command takes the states that it uses, and no
//! context that holds everything.

pub(crate) mod account;
pub(crate) mod call;
pub(crate) mod devices;
pub(crate) mod guests;
pub(crate) mod rooms;
pub(crate) mod settings;
pub(crate) mod timeline;

#[cfg(test)]
mod tests;

use snug_client::view::Problem;
use tauri::Runtime;
use tauri::ipc::Invoke;

/// What a command comes to.
type Answer<T> = Result<T, Problem>;

/// All commands.
pub(crate) fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        account::account,
        account::connection,
        account::host,
        account::inspect_link,
        account::join,
        account::sign_in,
        account::sign_out,
        account::set_display_name,
        account::invitation_link,
        account::trust_new_key,
        rooms::rooms,
        rooms::people,
        rooms::create_room,
        rooms::open_direct,
        rooms::invite_to_room,
        rooms::join_room,
        rooms::leave_room,
        rooms::kick,
        rooms::rename_room,
        timeline::timeline,
        timeline::send,
        timeline::retry,
        timeline::discard,
        timeline::mark_read,
        timeline::typing,
        call::call,
        call::ring,
        call::accept,
        call::decline,
        call::hang_up,
        call::set_microphone,
        call::set_camera,
        call::set_tile,
        call::pull_video,
        call::request_keyframe,
        guests::guest_links,
        guests::make_guest_link,
        guests::revoke_guest_link,
        guests::admit_guest,
        guests::refuse_guest,
        guests::remove_guest,
        guests::say_in_call,
        guests::call_chat,
        devices::devices,
        devices::choose_device,
        devices::start_preview,
        devices::stop_preview,
        devices::test_speaker,
        settings::preferences,
        settings::set_preferences,
        settings::about,
        settings::copy_text,
        settings::set_attention,
    ]
}
