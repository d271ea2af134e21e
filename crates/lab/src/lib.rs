//! temporary
#![allow(missing_docs, dead_code, unused_imports)]
pub mod call { pub mod gate; }
pub mod demo;
pub mod peer { pub mod messages; mod remote; pub use remote::*; pub(crate) use remote::tail; }
pub mod process;
pub mod report;
pub mod startup;
pub mod windows;
