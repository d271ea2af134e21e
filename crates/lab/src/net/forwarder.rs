//! The thread that moves packets between TUN devices and the [`Router`], and notes how late it was.
//!
//! It sleeps in poll(2) until a packet comes or one is due. As the network it should not queue behind the peers for a core, so it
//! asks for a real-time class (sched(7)); where that is refused it goes on without, and its lateness tells.

use super::meter::Meter;
use super::router::{Place, Router};
use anyhow::{Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::gettid;
use snug_call::Clock;
use snug_media::Time;
use snug_media::stats::Samples;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Command as Program, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tun_rs::SyncDevice;

/// How long a command may wait; the thread wakes this often when nothing else does.
const COMMANDS_EVERY: Duration = Duration::from_millis(10);
/// Packets that are read from one device before the others get their turn.
const BATCH: usize = 64;
/// More than a device's MTU.
const MAX_PACKET: usize = 2048;

enum Command {
    Plug(Ipv4Addr, Place, SyncDevice),
    Unplug(Ipv4Addr),
    Begin(Time),
}

/// Owns the thread; dropping it ends the thread and its devices.
pub(super) struct Forwarder {
    /// A handful in a run. Closing it ends the thread.
    commands: Sender<Command>,
    thread: JoinHandle<Forwarded>,
}

/// What the thread noted.
pub(super) struct Forwarded {
    pub(super) meter: Meter,
    /// Milliseconds from the time that a packet had to leave to the time that it did.
    pub(super) late_ms: Samples,
}

impl Forwarder {
    pub(super) fn start(router: Router) -> Result<Forwarder> {
        let (commands, orders) = channel();
        let thread = std::thread::Builder::new().name("lab network".to_owned());
        let thread = thread.spawn(move || forward(router, &orders))?;
        Ok(Forwarder { commands, thread })
    }

    pub(super) fn plug(&self, address: Ipv4Addr, place: Place, device: SyncDevice) {
        self.tell(Command::Plug(address, place, device));
    }

    pub(super) fn unplug(&self, address: Ipv4Addr) {
        self.tell(Command::Unplug(address));
    }

    pub(super) fn begin(&self, at: Time) {
        self.tell(Command::Begin(at));
    }

    pub(super) fn stop(self) -> Result<Forwarded> {
        drop(self.commands);
        self.thread.join().map_err(|_| anyhow!("the network's thread panicked"))
    }

    fn tell(&self, command: Command) {
        // A thread that is gone has panicked, which `stop` tells.
        let _ = self.commands.send(command);
    }
}

fn forward(mut router: Router, commands: &Receiver<Command>) -> Forwarded {
    ask_for_priority();
    let clock = Clock::shared();
    let mut devices: BTreeMap<Ipv4Addr, SyncDevice> = BTreeMap::new();
    let mut late_ms = Samples::new();
    let mut buffer = [0; MAX_PACKET];
    loop {
        match commands.try_recv() {
            Ok(Command::Plug(address, place, device)) => {
                router.plug(address, place);
                devices.insert(address, device);
            }
            Ok(Command::Unplug(address)) => {
                router.unplug(address);
                devices.remove(&address);
            }
            Ok(Command::Begin(at)) => {
                router.begin(at);
                late_ms = Samples::new();
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
            Err(std::sync::mpsc::TryRecvError::Disconnected) => break,
        }
        devices.retain(|address, device| take_in(&mut router, *address, device, clock, &mut buffer));
        while let Some(leaving) = router.poll(clock.now()) {
            let Some(device) = devices.get(&leaving.to) else { continue };
            // A full or vanished device loses the packet, as any network may.
            let _ = device.send(&leaving.packet);
            late_ms.add(clock.now().since(leaving.due).as_secs_f64() * 1000.0);
        }
        let next = router.next_at().map_or(COMMANDS_EVERY, |at| at.since(clock.now()).min(COMMANDS_EVERY));
        wait(&devices, next);
    }
    Forwarded { meter: router.meter(), late_ms }
}

/// Reads what came out of a device; whether the device is still of use.
fn take_in(
    router: &mut Router,
    address: Ipv4Addr,
    device: &SyncDevice,
    clock: Clock,
    buffer: &mut [u8],
) -> bool {
    for _ in 0..BATCH {
        match device.recv(buffer) {
            Ok(length) => router.arrive(clock.now(), address, &buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // Left in, it would be ready for ever, and this thread never sleep again.
            Err(error) => {
                tracing::warn!(%address, %error, "a device of the network is gone");
                return false;
            }
        }
    }
    true
}

fn wait(devices: &BTreeMap<Ipv4Addr, SyncDevice>, time: Duration) {
    let mut ready: Vec<PollFd<'_>> =
        devices.values().map(|device| PollFd::new(device, PollFlags::IN)).collect();
    let timeout = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    // Interrupted or not, the loop looks at everything again.
    let _ = poll(&mut ready, Some(&timeout));
}

fn ask_for_priority() {
    let thread = gettid().as_raw_nonzero().to_string();
    let chrt = Program::new("chrt")
        .args(["--fifo", "--pid", "1", &thread])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !chrt.is_ok_and(|status| status.success()) {
        tracing::info!("the network runs without a real-time class");
    }
}
