//! A network namespace with nothing in it but a loopback and what is plugged in (network_namespaces(7)).
//!
//! It has no name, so it ends with the last process and file that hold it, and a lab that was killed leaves none behind.

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::Command;
use tun_rs::{DeviceBuilder, SyncDevice};

/// Ethernet's.
const MTU: u16 = 1500;
/// Every port has a network of this many addresses for itself.
const PREFIX: u8 = 24;

/// Owns a namespace.
#[derive(Debug)]
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// A new one. Needs root.
    pub(super) fn new() -> Result<Namespace> {
        in_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("a network namespace")?;
            let file = File::open("/proc/thread-self/ns/net")?;
            // Before there is any device: IPv6 would speak by itself, and nothing here answers it. Absent where the kernel has none.
            let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            ip(&["link", "set", "lo", "up"])?;
            Ok(Namespace { file })
        })
    }

    /// Does something inside: sockets that are opened and processes that are started belong to it ever after.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_own_thread(|| {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        })
    }

    /// Puts a device with this address in, and the way to everywhere through it. It goes away when the device is dropped.
    pub(super) fn plug(&self, name: &str, address: Ipv4Addr) -> Result<SyncDevice> {
        self.enter(|| {
            let device = DeviceBuilder::new().name(name).mtu(MTU).build_sync();
            let device = device.context("a TUN device (is /dev/net/tun there?)")?;
            device.set_nonblocking(true)?;
            ip(&["address", "add", &format!("{address}/{PREFIX}"), "dev", name])?;
            ip(&["link", "set", name, "up"])?;
            ip(&["route", "replace", "default", "dev", name, "src", &address.to_string()])?;
            Ok(device)
        })
    }
}

/// Runs iproute2 in this thread's namespace.
fn ip(arguments: &[&str]) -> Result<()> {
    let done = Command::new("ip").args(arguments).output().context("iproute2's `ip` is needed")?;
    if !done.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}

/// A thread that changed its namespace must not go on with anything else, so each piece of work gets one of its own.
fn in_own_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|_| bail!("the thread inside the namespace panicked"))
}
