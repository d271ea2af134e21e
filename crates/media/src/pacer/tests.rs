//! Stories of the pacer.
