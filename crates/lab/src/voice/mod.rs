//! A voice over a network that is not there, without sockets, devices or waiting.
//!
//! Real speech goes through the product's packetizer and encoder, a seeded [`Link`], and the product's
//! receiver, all under a virtual clock: a minute takes a second, and the same seed gives the same samples. What
//! was heard is written to a file; `script/voice` compares it with what was spoken.
//!
//! It leaves out what a call has besides: echo cancellation, the peer connection, sound cards. For these there
//! is `snug-lab call`.

mod arguments;
mod report;
mod run;

pub use arguments::VoiceArguments;
pub use report::{VoiceReport, VoiceRun};
pub use run::{VoiceOptions, measure};
