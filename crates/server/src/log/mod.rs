//! The event log: one table, one writer, and everybody who reads it.
//!
//! [`writer`] is the only thing in the server that writes to the database; [`row`] is a row and its SQL; [`reader`] says who sees
//! which row, and is the same code for replay and for live delivery.

mod append;
pub(crate) mod reader;
pub(crate) mod row;
mod writer;
#[cfg(test)]
mod writer_tests;

pub(crate) use append::{Append, NewRow};
pub(crate) use reader::Reader;
pub(crate) use row::{Membership, Published};
pub(crate) use writer::{Log, Writer};
