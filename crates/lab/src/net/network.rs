//! Namespaces, devices and the forwarder as one network, which goes away with its owner.

use super::bulk::Bulk;
use super::forwarder::{Forwarded, Forwarder};
use super::meter::Meter;
pub use super::namespace::Namespace;
use super::plan::{Plan, Side};
use super::router::{Place, Router};
use anyhow::{Result, ensure};
use rustix::process::geteuid;
use snug_call::Clock;
use snug_media::stats::Samples;
use std::net::Ipv4Addr;
use std::sync::Arc;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The numbers of a download's ends in the meter; people's are below.
const SOURCE: usize = 100;
const SINK: usize = 101;
/// Where somebody who roamed is, in the address's third byte.
const ELSEWHERE: u8 = 100;

/// The address of the person at this place.
fn address(place: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, place as u8 + 1, 2)
}

fn address_elsewhere(place: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, place as u8 + 1 + ELSEWHERE, 2)
}

/// People and a server in namespaces of their own, and what lies between them.
pub struct Network {
    /// Shared with what lives there and is spoken to from outside.
    people: Vec<Arc<Namespace>>,
    server: Namespace,
    download: Option<Download>,
    forwarder: Forwarder,
}

struct Download {
    source: Namespace,
    sink: Namespace,
    running: Option<Bulk>,
}

/// What a network measured.
#[derive(Debug)]
pub struct Measured {
    /// Of each flow, since [`Network::begin`].
    pub meter: Meter,
    /// Milliseconds by which packets left later than they had to.
    pub late_ms: Samples,
}

impl Network {
    /// Makes the network for so many people, even places on the left; with a place for a download if one is wanted. Needs root.
    pub fn open(plan: &Plan, seed: u64, people: usize, download: bool) -> Result<Network> {
        ensure!(
            geteuid().is_root(),
            "an emulated network needs root, for namespaces and TUN devices: run this with sudo, or without --link and --schedule"
        );
        let clock = Clock::shared();
        let forwarder = Forwarder::start(Router::new(clock.now(), plan.clone(), seed))?;
        let port = |address: Ipv4Addr, place: Place| -> Result<Namespace> {
            let namespace = Namespace::new()?;
            forwarder.plug(address, place, namespace.plug("snug0", address)?);
            Ok(namespace)
        };
        let server = port(SERVER, Place::Server)?;
        let person = |place| port(address(place), Place::Side(Side::of(place), place)).map(Arc::new);
        let people = (0..people).map(person).collect::<Result<_>>()?;
        let download = if download {
            let source = port(address(SOURCE), Place::Side(Side::Left, SOURCE))?;
            let sink = port(address(SINK), Place::Side(Side::Right, SINK))?;
            Some(Download { source, sink, running: None })
        } else {
            None
        };
        Ok(Network { people, server, download, forwarder })
    }

    /// Where the person at this place lives.
    pub fn person(&self, place: usize) -> &Arc<Namespace> {
        &self.people[place]
    }

    /// Where the server lives, and its address.
    pub fn server(&self) -> (&Namespace, Ipv4Addr) {
        (&self.server, SERVER)
    }

    /// The plan's zero is now; it is measured from now on, and the download begins.
    pub fn begin(&mut self) -> Result<()> {
        self.forwarder.begin(Clock::shared().now());
        if let Some(Download { source, sink, running }) = &mut self.download {
            *running = Some(Bulk::start((source, address(SOURCE)), sink)?);
        }
        Ok(())
    }

    /// The person at this place loses their address.
    pub fn go_away(&self, place: usize) {
        self.forwarder.unplug(address(place));
    }

    /// The person at this place gets another address, by another device.
    pub fn come_back(&self, place: usize) -> Result<()> {
        let address = address_elsewhere(place);
        let device = self.people[place].plug("snug1", address)?;
        self.forwarder.plug(address, Place::Side(Side::of(place), place), device);
        Ok(())
    }

    /// The places of a download's two ends in the meter.
    pub fn download_places() -> (usize, usize) {
        (SOURCE, SINK)
    }

    /// Ends the download and the forwarding; what lives in the namespaces should have ended before.
    pub fn close(mut self) -> Result<Measured> {
        self.download = None;
        let Forwarded { meter, late_ms } = self.forwarder.stop()?;
        Ok(Measured { meter, late_ms })
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
