//! Headless peers and real windows, measured.
//!
//! What Snug claims is shown here: a call between processes over real UDP and the real server, two real windows used through their
//! interface, start time and memory. Nothing in it enters the product below its devices or above its screens, and nothing here is
//! part of the product: the app and the server do not know this crate.

pub mod browser;
pub mod call;
pub mod cli;
pub mod demo;
pub mod net;
pub mod peer;
pub mod process;
pub mod report;
pub mod startup;
pub mod voice;
pub mod windows;
