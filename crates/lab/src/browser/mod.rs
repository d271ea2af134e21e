//! Real browsers as guests of a call, used as a person uses them.
//!
//! Each has a WebDriver of its own (chromedriver, geckodriver), folders of its own and, if asked, a network namespace of its own. Camera
//! and microphone are the browser's fake ones, which play a clip with the test picture's code and a wav: in Chromium; Firefox's play no
//! files, so it is good for interoperation and not for figures. What happens goes through the page; what is measured is read from its
//! `<video>` elements and its connections' `getStats`. The page has nothing in it for this: connections are noted by a wrapper that is put
//! around `RTCPeerConnection` before the guest knocks. A call that is measured is looked at more closely ([`Notes`]): every decoded frame of
//! a track, as WebRTC hands it out, in a worker beside the page.

mod clip;
mod driver;
mod guest;
mod notes;
mod stats;
mod watch;

pub(crate) use clip::Rounds;
pub use clip::{Clip, stamp_clip, write_clip, write_voice};
pub use driver::Browser;
pub use guest::{Guest, GuestSeat};
pub use notes::{Keep, Notes, retime};
pub use stats::{Connection, Inbound};
pub use watch::{Heard, Picture, Watch};
