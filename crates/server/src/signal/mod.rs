//! The signal socket: what is momentary and two-way. Nothing here is stored; losing all of it costs a reconnect.
//!
//! [`hub`] decides, and is told the time; [`calls`] holds who is in which call; [`exchange`] is the one task that owns the hub and
//! carries its decisions to the connections; [`guests`] is the hub's part about people without an account; [`socket`] is one connection; [`ticket`] is how browsers get in.

mod calls;
mod exchange;
mod guests;
#[cfg(test)]
mod guests_tests;
mod hub;
#[cfg(test)]
mod hub_tests;
mod socket;
pub(crate) mod ticket;

pub(crate) use exchange::{Exchange, Input};
pub(crate) use guests::GuestPass;
pub(crate) use hub::{CallLook, Hub, Identity};
pub(crate) use socket::routes;

/// One connection's number; a device that reconnects has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);
