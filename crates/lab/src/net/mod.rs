//! Networks that are not there: delay, jitter, loss, rate, queue and spikes between processes on one computer.
//!
//! Each peer lives in a network namespace whose only way out is a TUN device; a router in user space reads what comes out of one and
//! writes it to another when its time has come. Not the kernel's netem: many kernels have none, and it draws its chances where no
//! seed reaches. What decides is pure and told the time ([`Router`], [`Link`]); [`Network`] gives it namespaces, devices and a thread,
//! on Linux and as root.
//!
//! Nothing is left behind, even by a lab that was killed: namespaces have no name and devices are not persistent, so the kernel
//! takes both back with the last process that holds them.

pub mod link;
mod loss;
pub mod meter;
mod packet;
pub mod plan;
pub mod profile;
pub mod router;

#[cfg(target_os = "linux")]
mod bulk;
#[cfg(target_os = "linux")]
mod forwarder;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod network;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod network;

pub use link::Link;
pub use meter::{Flow, Meter};
pub use network::{Measured, Namespace, Network};
pub use plan::{Plan, Shape, Side};
pub use profile::Profile;
pub use router::Router;
