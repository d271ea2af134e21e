//! Guests: people without an account, in one call, by a link.
//!
//! [`links`] makes and ends links, [`knock`] is the door, [`session`] knows a guest again, [`page`] is what their browser is served, and
//! [`tidy`] ends what is over. Who is let in is decided on the signal socket, in [`crate::signal`]; it is written down here, so that a
//! guest survives a restart of the server as a member does. A guest is not a kind of account: none of the other routes takes their session.

mod knock;
mod links;
mod page;
pub(crate) mod session;
mod tidy;

use crate::app::App;
use axum::Router;
pub(crate) use links::Browsers;
pub(crate) use page::pages;
pub(crate) use tidy::{Decision, keep_tidy, write_down};

pub(crate) fn routes() -> Router<App> {
    links::routes().merge(knock::routes())
}
