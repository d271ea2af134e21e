//! A stream to a relay over TCP or TLS, for one allocation (RFC 8656 §3.1).
//!
//! One task, which ends when the handle drops; with the stream the relay ends the allocation. It waits for its turn first: UDP is better
//! than TCP, and TCP than TLS within TLS, so each gets a head start, and when a better way serves by then, this one is not tried. It is
//! not made anew when it breaks, because the allocation is gone with it: an ICE restart makes another.
//!
//! Nothing waits for it: what does not fit is thrown away, the oldest media first, as a router would.

use super::framing::{Unframer, frame};
use super::outcome::RelayProblem;
use super::plan::{Relay, Transport};
use super::runtime::Ways;
use super::sighting::Sighting;
use super::socket::Inbox;
use bytes::{Bytes, BytesMut};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What a better way gets: two round trips to a far relay.
const HEAD_START: Duration = Duration::from_millis(600);
/// All our addresses begin in one moment; the first must not have failed before the last began.
const TOGETHER: Duration = Duration::from_millis(20);
/// TCP and TLS: a lost SYN and its first two repeats.
pub(super) const CONNECT: Duration = Duration::from_secs(4);
/// Bytes that wait: a third of a second at 3 Mbit/s. More would be delay and nothing else.
const MOST_WAITING: usize = 128 * 1024;
/// For the same reason the system shall not keep much more.
const SEND_BUFFER: u32 = 64 * 1024;
/// Written at once.
const BATCH: usize = 16 * 1024;
/// Requests of which a repeat is known; TCP repeats by itself (RFC 8489 §6.2.2).
const MOST_REQUESTS: usize = 32;
/// ICE's own checks are for the other device; towards a relay they would find the relay.
const BINDING_REQUEST: u16 = 0x0001;
/// Request class: both class bits are clear (RFC 8489 §5).
const CLASS_BITS: u16 = 0x0110;

/// Whom a relay over TLS may be certified by.
#[derive(Clone, Debug, Default)]
pub struct RelayTrust {
    /// Besides those that browsers trust: certificates in DER, of an authority or of the relay itself.
    pub extra: Vec<Vec<u8>>,
}

impl RelayTrust {
    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in &self.extra {
            roots.add(CertificateDer::from(certificate.as_slice()).into_owned())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// A stream that is being made, is there, or is over.
#[derive(Debug)]
pub(super) struct Tunnel {
    queue: Arc<Queue>,
    task: JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a tunnel begins and ends.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) relay: Relay,
    /// The socket of ours for which it is.
    pub(super) local: SocketAddr,
    /// The address by which webrtc knows the relay.
    pub(super) stand_in: SocketAddr,
}

impl Tunnel {
    /// Begins to wait for its turn.
    pub(super) fn start(ends: Ends, ways: Arc<Ways>, inbox: Arc<Inbox>) -> Tunnel {
        let queue = Arc::new(Queue::default());
        ways.tries(ends.relay.id);
        let task = tokio::spawn(run(ends, ways, inbox, Arc::clone(&queue)));
        Tunnel { queue, task }
    }

    /// Sends a datagram of webrtc's, if it can be.
    pub(super) fn send(&self, datagram: &[u8]) {
        self.queue.push(datagram);
    }
}

async fn run(ends: Ends, ways: Arc<Ways>, inbox: Arc<Inbox>, queue: Arc<Queue>) {
    let Ends { relay, local, stand_in } = ends;
    let (better, mut works) = ways.before(relay.transport);
    tokio::select! {
        () = tokio::time::sleep(HEAD_START * better + TOGETHER) => {}
        Ok(_) = works.wait_for(|best| best.is_some_and(|best| best < relay.transport)) => {
            tracing::debug!(?relay.transport, "a better way serves");
            // What is still said to it is thrown away.
            return queue.close();
        }
    }
    let end = match connect(&relay, local, &ways).await {
        Ok(Stream::Tcp(stream)) => pump(stream, &relay, stand_in, &ways, &inbox, &queue).await,
        Ok(Stream::Tls(stream)) => pump(*stream, &relay, stand_in, &ways, &inbox, &queue).await,
        Err(error) => error,
    };
    tracing::info!(transport = ?relay.transport, error = %end, "a stream to a relay is over");
    queue.close();
    ways.ended(
        relay.id,
        if is_untrusted(&end) { RelayProblem::Untrusted } else { RelayProblem::Unreachable },
    );
}

fn is_untrusted(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

async fn connect(relay: &Relay, local: SocketAddr, ways: &Ways) -> io::Result<Stream> {
    let addresses = ways.addresses_of(relay.id);
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address of this family");
    for address in addresses.into_iter().filter(|address| address.is_ipv4() == local.is_ipv4()) {
        match timeout(CONNECT, open(relay, local, address, ways)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn open(relay: &Relay, local: SocketAddr, address: SocketAddr, ways: &Ways) -> io::Result<Stream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(SocketAddr::new(local.ip(), 0))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    if relay.transport != Transport::Tls {
        return Ok(Stream::Tcp(stream));
    }
    let config = ways.trust().config().map_err(io::Error::other)?;
    let name = ServerName::try_from(relay.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// Carries messages both ways until the stream ends, and says why it did.
async fn pump(
    stream: impl AsyncRead + AsyncWrite,
    relay: &Relay,
    stand_in: SocketAddr,
    ways: &Ways,
    inbox: &Inbox,
    queue: &Queue,
) -> io::Error {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = async {
        let mut unframer = Unframer::default();
        loop {
            match reader.read_buf(unframer.buffer()).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
            loop {
                match unframer.next() {
                    Ok(Some(message)) => {
                        if let Some(sighting) = Sighting::of(&message) {
                            ways.sighted(relay.id, sighting);
                        }
                        inbox.push(stand_in, message);
                    }
                    Ok(None) => break,
                    Err(error) => return io::Error::new(io::ErrorKind::InvalidData, error),
                }
            }
        }
    };
    let writing = async {
        let mut bytes = BytesMut::with_capacity(BATCH);
        loop {
            queue.take(&mut bytes).await;
            if let Err(error) = writer.write_all(&bytes).await {
                return error;
            }
            // Nothing waits in a layer of encryption.
            if let Err(error) = writer.flush().await {
                return error;
            }
            bytes.clear();
        }
    };
    tokio::select! {
        end = reading => end,
        end = writing => end,
    }
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    /// Between webrtc's driver, which pushes, and the tunnel's task, which takes. Bounded in bytes; see [`Queue::push`].
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    datagrams: VecDeque<Bytes>,
    bytes: usize,
    requests: VecDeque<[u8; 12]>,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, datagram: &[u8]) {
        if self.waiting().push(datagram) {
            self.more.notify_one();
        }
    }

    /// Waits for something, and frames as much as is written at once.
    async fn take(&self, into: &mut BytesMut) {
        loop {
            self.waiting().take(into);
            if !into.is_empty() {
                return;
            }
            self.more.notified().await;
        }
    }

    fn close(&self) {
        *self.waiting() = Waiting { closed: true, ..Waiting::default() };
    }
}

impl Waiting {
    fn push(&mut self, datagram: &[u8]) -> bool {
        if self.closed || datagram.len() > MOST_WAITING {
            return false;
        }
        if let Some((kind, id)) = request(datagram) {
            if kind == BINDING_REQUEST || self.requests.contains(&id) {
                return false;
            }
            if self.requests.len() >= MOST_REQUESTS {
                self.requests.pop_front();
            }
            self.requests.push_back(id);
        }
        while self.bytes + datagram.len() > MOST_WAITING {
            let media = self.datagrams.iter().position(|waiting| request(waiting).is_none());
            let Some(dropped) = self.datagrams.remove(media.unwrap_or(0)) else { break };
            self.bytes -= dropped.len();
        }
        self.bytes += datagram.len();
        self.datagrams.push_back(Bytes::copy_from_slice(datagram));
        true
    }

    fn take(&mut self, into: &mut BytesMut) {
        while into.len() < BATCH
            && let Some(datagram) = self.datagrams.pop_front()
        {
            self.bytes -= datagram.len();
            if !frame(&datagram, into) {
                tracing::debug!(bytes = datagram.len(), "not for a relay");
            }
        }
    }
}

/// The type and transaction of a STUN request.
fn request(datagram: &[u8]) -> Option<(u16, [u8; 12])> {
    let header = datagram.get(..20)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let is_request = kind & 0xc000 == 0 && kind & CLASS_BITS == 0;
    is_request.then_some(kind).zip(header[8..].try_into().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn channel(body: usize, mark: u8) -> Vec<u8> {
        let mut message = vec![0x40, 1];
        message.extend(u16::try_from(body).unwrap().to_be_bytes());
        message.extend(vec![mark; body]);
        message
    }

    fn request_of(kind: u16, id: u8) -> Vec<u8> {
        let mut message = kind.to_be_bytes().to_vec();
        message.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
        message.extend([id; 12]);
        message
    }

    #[test]
    fn a_full_queue_loses_its_oldest_media_and_no_request() {
        let mut waiting = Waiting::default();
        assert!(waiting.push(&request_of(0x0004, 1)));
        for number in 0..=255 {
            assert!(waiting.push(&channel(1000, number)));
        }
        assert!(waiting.bytes <= MOST_WAITING);
        assert_eq!(waiting.datagrams.front().unwrap()[..], request_of(0x0004, 1));
        let newest = waiting.datagrams.back().unwrap();
        assert_eq!(newest[4], 255);
        let mut seen = 0;
        let mut out = BytesMut::new();
        loop {
            out.clear();
            waiting.take(&mut out);
            if out.is_empty() {
                break;
            }
            assert!(out.len() < BATCH + 1100);
            seen += out.len();
        }
        assert!(seen > MOST_WAITING / 2);
        assert_eq!(waiting.bytes, 0);
    }

    #[test]
    fn a_request_goes_once_and_ices_own_checks_never() {
        let mut waiting = Waiting::default();
        assert!(waiting.push(&request_of(0x0003, 1)));
        assert!(!waiting.push(&request_of(0x0003, 1)), "TCP repeats by itself");
        assert!(waiting.push(&request_of(0x0003, 2)));
        assert!(!waiting.push(&request_of(BINDING_REQUEST, 3)));
        waiting.closed = true;
        assert!(!waiting.push(&channel(1, 1)));
    }

    #[test]
    fn an_extra_certificate_must_be_one() {
        assert!(RelayTrust::default().config().is_ok());
        assert!(RelayTrust { extra: vec![b"rubbish".to_vec()] }.config().is_err());
    }
}
