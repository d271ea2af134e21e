//! One person without a window: the real client and the real call, told what to do by whoever measures.
//!
//! It signs up by an invitation, rings and answers as the app does, through `snug-client`; what the app would draw and play is
//! decoded, read and noted instead. A process of its own, so that nothing is measured that two people on one computer would share.

mod ears;
mod eyes;
pub mod messages;
mod person;
mod remote;
mod space;
mod stock;

pub use person::{PersonOptions, live};
pub(crate) use remote::tail;
pub use remote::{Asked, Remote};
pub use space::{SpaceOptions, serve};

use messages::Line;
use std::io::Write;

/// Writes a line for whoever started this process. One that does not listen any more has ended, and this process follows it soon.
fn tell(line: &Line) {
    let mut text = serde_json::to_string(line).expect("lines have string keys and no failing serialisers");
    text.push('\n');
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
