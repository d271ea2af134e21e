//! Computers on networks of their own: network namespaces, joined by a router, each with a thread whose sockets are in it.

use std::fs::File;
use std::future::Future;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// A router with computers around it. They go with it.
pub(crate) struct Network {
    computers: Vec<Computer>,
    router: Option<Computer>,
}

/// One computer: `10.71.N.0/24` is its network, `.1` is the router.
pub(crate) struct Computer {
    pub(crate) namespace: String,
    number: u8,
    runtime: tokio::runtime::Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whether namespaces can be made; says so if not.
pub(crate) fn can_be_made() -> bool {
    let probe = format!("snug-probe-{}", std::process::id());
    let made =
        Command::new("ip").args(["netns", "add", &probe]).output().is_ok_and(|out| out.status.success());
    if made {
        ip(&["netns", "del", &probe]);
    } else {
        eprintln!("skipped: this system makes no network namespaces for us (that takes root, and iproute2)");
    }
    made
}

fn ip(args: &[&str]) {
    let done = Command::new("ip").args(args).output().unwrap();
    assert!(done.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Network {
    /// A router, and so many computers.
    pub(crate) fn new(computers: u8) -> Network {
        let name = format!("snug-{}-{}", std::process::id(), NETWORKS.fetch_add(1, Ordering::Relaxed));
        let router = format!("{name}-r");
        ip(&["netns", "add", &router]);
        ip(&["-n", &router, "link", "set", "lo", "up"]);
        ip(&["netns", "exec", &router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
        let mut network = Network { computers: Vec::new(), router: Some(Computer::start(router.clone(), 0)) };
        for number in 1..=computers {
            let namespace = format!("{name}-{number}");
            let port = format!("to{number}");
            ip(&["netns", "add", &namespace]);
            ip(&["-n", &namespace, "link", "set", "lo", "up"]);
            ip(&[
                "-n", &router, "link", "add", &port, "type", "veth", "peer", "name", "net", "netns",
                &namespace,
            ]);
            ip(&["-n", &router, "addr", "add", &format!("10.71.{number}.1/24"), "dev", &port]);
            ip(&["-n", &router, "link", "set", &port, "up"]);
            ip(&["-n", &namespace, "link", "set", "net", "up"]);
            let computer = Computer::start(namespace, number);
            computer.get_address(2);
            network.computers.push(computer);
        }
        network
    }

    /// The router, which is 10.71.1.1 for everybody.
    pub(crate) fn router(&self) -> &Computer {
        self.router.as_ref().unwrap()
    }

    /// The computers, in order.
    pub(crate) fn computers(&self) -> &[Computer] {
        &self.computers
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for computer in self.computers.drain(..).chain(self.router.take()) {
            let namespace = computer.namespace.clone();
            drop(computer);
            let _ = Command::new("ip").args(["netns", "del", &namespace]).output();
        }
    }
}

impl Computer {
    fn start(namespace: String, number: u8) -> Computer {
        let (end, ended) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let place = File::open(format!("/var/run/netns/{namespace}")).unwrap();
        let thread = std::thread::spawn(move || {
            let network = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(place.as_fd(), Some(network)).unwrap();
            // One thread: what it makes is here, and so is what it makes threads for.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tell.send(runtime.handle().clone()).unwrap();
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        });
        Computer { namespace, number, runtime: told.recv().unwrap(), end: Some(end), thread: Some(thread) }
    }

    /// Runs something on that computer.
    pub(crate) async fn run<T: Send + 'static>(&self, what: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.spawn(what).await.unwrap()
    }

    /// `10.71.N.last`.
    pub(crate) fn address(&self, last: u8) -> String {
        format!("10.71.{}.{last}", self.number)
    }

    /// Takes an address, and the way to the router.
    pub(crate) fn get_address(&self, last: u8) {
        ip(&["-n", &self.namespace, "addr", "add", &format!("{}/24", self.address(last)), "dev", "net"]);
        ip(&["-n", &self.namespace, "route", "replace", "default", "via", &self.address(1), "dev", "net"]);
    }

    /// Gives an address up, and with the last one the way out.
    pub(crate) fn lose_address(&self, last: u8) {
        ip(&["-n", &self.namespace, "addr", "del", &format!("{}/24", self.address(last)), "dev", "net"]);
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
