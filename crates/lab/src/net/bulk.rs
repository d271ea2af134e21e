//! A bulk download beside a call: a TCP stream that takes what the link gives, under the kernel's own congestion control.

use super::namespace::Namespace;
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;

/// Written and read at once.
const BLOCK: usize = 1 << 16;

/// A stream of zeros from one namespace to another, until it is dropped.
pub(super) struct Bulk {
    ends: [TcpStream; 2],
    threads: Vec<JoinHandle<()>>,
}

impl Bulk {
    /// Begins to send. How much comes over is measured where everything else is: in the link.
    pub(super) fn start(from: (&Namespace, Ipv4Addr), to: &Namespace) -> Result<Bulk> {
        let (source, address) = from;
        let listener = source.enter(|| Ok(TcpListener::bind((address, 0))?))?;
        let address = listener.local_addr()?;
        let sink = to.enter(|| TcpStream::connect(address).context("the download does not begin"))?;
        let (sender, _) = listener.accept()?;
        let ends = [sender.try_clone()?, sink.try_clone()?];
        let threads = vec![
            std::thread::spawn(move || {
                let mut sender = sender;
                while sender.write_all(&[0; BLOCK]).is_ok() {}
            }),
            std::thread::spawn(move || {
                let (mut sink, mut block) = (sink, [0; BLOCK]);
                while sink.read(&mut block).is_ok_and(|length| length > 0) {}
            }),
        ];
        Ok(Bulk { ends, threads })
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        for end in &self.ends {
            // One that is closed already has nothing left to end.
            let _ = end.shutdown(Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
