//! A UDP socket as webrtc sees it: the system's, with the streams to relays behind the same face.

use super::again::Handshakes;
use super::plan::{is_stand_in, stand_in};
use super::runtime::Ways;
use super::sighting::Sighting;
use super::tunnel::{Ends, Tunnel};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// Messages out of tunnels that webrtc has not taken yet: some hundred milliseconds of video. The oldest is dropped, as in the system's
/// own buffers.
const MOST_WAITING: usize = 512;

/// One socket.
#[derive(Debug)]
pub(super) struct CallSocket {
    system: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    ways: Arc<Ways>,
    inbox: Arc<Inbox>,
    handshakes: Handshakes,
    /// One for each relay over a stream, from the first thing that is said to it. Held for an instant, by the driver's task alone.
    tunnels: Mutex<HashMap<SocketAddr, Option<Tunnel>>>,
}

impl CallSocket {
    pub(super) fn new(system: Arc<dyn AsyncUdpSocket>, ways: Arc<Ways>) -> io::Result<CallSocket> {
        let local = system.local_addr()?;
        let (inbox, handshakes, tunnels) = (Arc::default(), Handshakes::default(), Mutex::default());
        Ok(CallSocket { system, local, ways, inbox, handshakes, tunnels })
    }

    fn send_by_stream(&self, to: SocketAddr, datagram: &[u8]) {
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        let tunnel = tunnels.entry(to).or_insert_with(|| {
            let relay =
                self.ways.streams().into_iter().find(|relay| stand_in(relay.id, to.is_ipv4()) == to)?;
            let ends = Ends { relay, local: self.local, stand_in: to };
            Some(Tunnel::start(ends, Arc::clone(&self.ways), Arc::clone(&self.inbox)))
        });
        if let Some(tunnel) = tunnel {
            tunnel.send(datagram);
        }
    }
}

impl AsyncUdpSocket for CallSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, context: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let to = transmit.destination;
        let step = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        self.ways.nudge.look(transmit.contents);
        let sightings = || transmit.contents.chunks(step).filter_map(Sighting::of);
        if is_stand_in(to) {
            for sighting in sightings() {
                self.ways.sighted_at(to, sighting);
            }
            transmit.contents.chunks(step).for_each(|datagram| self.send_by_stream(to, datagram));
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        let sent = self.system.poll_send(context, transmit);
        if sent.is_ready() {
            for datagram in transmit.contents.chunks(step) {
                self.handshakes.went(&self.system, to, datagram);
            }
            for sighting in sightings() {
                self.ways.sighted_at(to, sighting);
            }
        }
        sent
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let (Some(buffer), Some(first)) = (buffers.first_mut(), meta.first_mut())
            && let Some((from, message)) = self.inbox.pop(context)
        {
            // As the system does with a datagram that is too long for the buffer.
            let length = message.len().min(buffer.len());
            self.ways.nudge.look(&message);
            buffer[..length].copy_from_slice(&message[..length]);
            *first = RecvMeta::default();
            (first.addr, first.len, first.stride) = (from, length, length.max(1));
            return Poll::Ready(Ok(1));
        }
        let received = self.system.poll_recv(context, buffers, meta);
        match &received {
            Poll::Ready(Ok(count)) => {
                for (buffer, meta) in buffers.iter().zip(meta.iter()).take(*count) {
                    let received = &buffer[..meta.len.min(buffer.len())];
                    self.ways.nudge.look(received);
                    for datagram in received.chunks(meta.stride.max(1)) {
                        self.handshakes.came(datagram);
                        if let Some(sighting) = Sighting::of(datagram) {
                            self.ways.sighted_at(meta.addr, sighting);
                        }
                    }
                }
            }
            Poll::Pending if self.ways.nudge.take(context) => {
                return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
            }
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.system.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.system.max_gro_segments()
    }
}

/// What came out of tunnels, on its way to webrtc.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// From the tunnels' tasks to webrtc's driver; held for an instant.
    messages: Mutex<VecDeque<(SocketAddr, Bytes)>>,
    waker: AtomicWaker,
}

impl Inbox {
    pub(super) fn push(&self, from: SocketAddr, message: Bytes) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= MOST_WAITING {
            messages.pop_front();
        }
        messages.push_back((from, message));
        drop(messages);
        self.waker.wake();
    }

    fn pop(&self, context: &Context<'_>) -> Option<(SocketAddr, Bytes)> {
        // A probe must not take the place of the one who waits.
        if !context.waker().will_wake(Waker::noop()) {
            self.waker.register(context.waker());
        }
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
