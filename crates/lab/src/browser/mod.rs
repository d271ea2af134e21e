//! Real browsers as guests of a call, used as a person uses them.
//!
//! Each has a WebDriver of its own (chromedriver, geckodriver), folders of its own and, if asked, a network namespace of its own. Camera
//! and microphone are the browser's fake ones, which play a clip with the test picture's code and a wav: in Chromium; Firefox's play no
//! files, so it is good for interoperation and not for figures. What happens goes through the page; what is measured is read from its
//! `<video>` elements and its connections' `getStats`. The page has nothing in it for this: connections are noted by a wrapper that is put
//! around `RTCPeerConnection` before the guest knocks.

mod clip;
mod driver;
mod guest;
mod stats;
mod watch;

pub use clip::{Clip, write_clip, write_voice};
pub use driver::Browser;
pub use guest::{Guest, GuestSeat};
pub use stats::{Connection, Inbound};
pub use watch::{Heard, Picture, Watch};
