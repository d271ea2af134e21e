//! Emulated networks on systems other than Linux: there are none.

use super::meter::Meter;
use super::plan::Plan;
use anyhow::{Result, bail};
use snug_media::stats::Samples;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// There is none.
#[derive(Debug)]
pub struct Namespace(Infallible);

impl Namespace {
    /// Never called.
    pub fn enter<T: Send>(&self, _work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        match self.0 {}
    }
}

/// There is none.
#[derive(Debug)]
pub struct Network(Infallible);

/// There is none.
#[derive(Debug)]
pub struct Measured {
    /// Nothing.
    pub meter: Meter,
    /// Nothing.
    pub late_ms: Samples,
}

impl Network {
    /// Says that it cannot.
    pub fn open(_plan: &Plan, _seed: u64, _people: usize, _download: bool) -> Result<Network> {
        bail!(
            "emulated networks are made of Linux's namespaces and TUN devices; leave --link and --schedule out"
        )
    }

    /// Never called.
    pub fn person(&self, _place: usize) -> &Arc<Namespace> {
        match self.0 {}
    }

    /// Never called.
    pub fn server(&self) -> (&Namespace, Ipv4Addr) {
        match self.0 {}
    }

    /// Never called.
    pub fn begin(&mut self) -> Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn go_away(&self, _place: usize) {
        match self.0 {}
    }

    /// Never called.
    pub fn come_back(&self, _place: usize) -> Result<()> {
        match self.0 {}
    }

    /// Never asked for.
    pub fn download_places() -> (usize, usize) {
        (0, 0)
    }

    /// Never called.
    pub fn close(self) -> Result<Measured> {
        match self.0 {}
    }
}
