//! Real windows of the real app, used as a person uses them.
//!
//! Each window has a display of its own (Xvfb), a D-Bus session of its own, folders of its own and a WebDriver of its own, so that two
//! of them share nothing but the network. What happens goes through the interface: clicks, keys, and what is to be seen. There is no
//! way here to call the app's commands, because a test that did would prove nothing about the interface.

mod desk;
mod display;
mod driver;
mod probe;
mod window;

pub use desk::{Desk, Seat};
pub(crate) use desk::{SIZE, is_app};
pub use display::Display;
pub use driver::Driver;
pub(crate) use driver::{find_tool, free_ports};
pub use probe::{Probe, TileStory};
pub(crate) use probe::{SAMPLER, decode, geometry, strip_geometry};
pub(crate) use window::unix_ms;
pub use window::{PATIENCE, Window};
