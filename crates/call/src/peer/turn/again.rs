//! Handshakes once more, unasked.
//!
//! A flight of DTLS of which something was lost is sent again only after a second (RFC 6347 §4.2.4.1), and whatever comes meanwhile
//! without completing the next one makes rtc-dtls forget even that; it has no setting for either. A handshake takes about fifteen
//! datagrams, so on a path that loses 8 % most lose one, and one in ten takes longer than a caller waits. So each leaves again soon
//! after, until the other side goes on: who answers a flight has all of it. Copies are what a receiver drops by their record numbers
//! (§4.1.2.6), and they come to some kilobytes in a call.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use webrtc::runtime::{AsyncUdpSocket, Transmit};

/// From the first to its copy at least. Where little is sent, a run of losses that lasts a few packets lasts long.
const APART: Duration = Duration::from_millis(20);
/// Large ones wait longer, so that the copies of one take at most this of a narrow path. In bits per second.
const RATE: f64 = 100_000.0;
/// Each copy waits longer than the one before.
const GROWTH: f64 = 1.3;
/// All of it is before the first timer of DTLS, which begins anew.
const IN_ALL: Duration = Duration::from_millis(900);

/// Whether a datagram begins with a record of a DTLS 1.x handshake: its content types 20 and 22 (RFC 5246 §6.2.1), told from other
/// protocols by RFC 7983.
fn is_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [20 | 22, 0xfe, ..])
}

/// Epoch and sequence number of a handshake's first record (RFC 6347 §4.1), which only grow; and one more, so that none is zero.
fn record(datagram: &[u8]) -> Option<u64> {
    let number: [u8; 8] = datagram.get(3..11)?.try_into().ok()?;
    is_handshake(datagram).then(|| u64::from_be_bytes(number).saturating_add(1))
}

/// What passes before each copy of a datagram of so many bytes.
fn waits(bytes: usize) -> impl Iterator<Item = Duration> {
    let first = APART.max(Duration::from_secs_f64(bytes as f64 * 8.0 / RATE));
    let waits = std::iter::successors(Some(first), |wait| Some(wait.mul_f64(GROWTH)));
    waits.scan(Duration::ZERO, |passed, wait| {
        *passed += wait;
        (*passed <= IN_ALL).then_some(wait)
    })
}

/// The handshakes that pass one socket.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// The newest record that came. Anybody can forge one: then copies end early, and DTLS's own timer is there.
    newest: Arc<AtomicU64>,
}

impl Handshakes {
    /// Looks at what came: after something new, what was sent before it needs no more copies.
    pub(super) fn came(&self, datagram: &[u8]) {
        if let Some(record) = record(datagram) {
            self.newest.fetch_max(record, Ordering::Relaxed);
        }
    }

    /// Looks at what was sent: a handshake is sent again, as long as the socket lives and the other side has not gone on.
    pub(super) fn went(&self, system: &Arc<dyn AsyncUdpSocket>, to: SocketAddr, datagram: &[u8]) {
        if !is_handshake(datagram) {
            return;
        }
        let (socket, datagram): (Weak<dyn AsyncUdpSocket>, Vec<u8>) =
            (Arc::downgrade(system), datagram.to_vec());
        let (newest, known) = (Arc::clone(&self.newest), self.newest.load(Ordering::Relaxed));
        tokio::spawn(async move {
            for wait in waits(datagram.len()) {
                tokio::time::sleep(wait).await;
                let Some(system) = socket.upgrade() else { return };
                if newest.load(Ordering::Relaxed) != known {
                    return;
                }
                let transmit = Transmit {
                    destination: to,
                    ecn: None,
                    contents: &datagram,
                    segment_size: None,
                    src_ip: None,
                };
                if let Err(error) = poll_fn(|context| system.poll_send(context, &transmit)).await {
                    tracing::debug!(%error, "a handshake was not sent again");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::UdpSocket;
    use webrtc::runtime::{Runtime, TokioRuntime};

    /// The record of a handshake with this sequence number.
    fn numbered(number: u8) -> [u8; 12] {
        [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, number, 7]
    }

    fn socket() -> Arc<dyn AsyncUdpSocket> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        TokioRuntime.wrap_udp_socket(socket).unwrap()
    }

    async fn next(receiver: &UdpSocket) -> Option<Vec<u8>> {
        let mut buffer = [0; 16];
        let come = tokio::time::timeout(Duration::from_millis(500), receiver.recv(&mut buffer)).await;
        come.ok().map(|length| buffer[..length.unwrap()].to_vec())
    }

    #[test]
    fn handshakes_are_told_from_all_else() {
        assert!(is_handshake(&[22, 0xfe, 0xff, 0]) && is_handshake(&[20, 0xfe, 0xfd]));
        let others: [&[u8]; 7] =
            [&[], &[22], &[23, 0xfe, 0xfd], &[21, 0xfe, 0xfd], &[0, 1, 0, 0], &[0x80, 96], &[0x40, 0]];
        assert!(!others.into_iter().any(is_handshake));
    }

    #[test]
    fn copies_end_before_the_timer_and_never_fill_a_narrow_path() {
        for bytes in [13, 60, 250, 600, 1_200, 65_535] {
            let waits: Vec<Duration> = waits(bytes).collect();
            assert!(waits.iter().sum::<Duration>() <= IN_ALL);
            assert!(
                waits.iter().all(|wait| bytes as f64 * 8.0 / wait.as_secs_f64() <= RATE + 1.0),
                "{waits:?}"
            );
        }
        assert!(waits(60).count() >= 8 && waits(1_200).count() >= 4);
    }

    #[tokio::test]
    async fn each_comes_again_and_again_until_the_other_side_goes_on() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (system, handshakes) = (socket(), Handshakes::default());
        handshakes.came(&numbered(4));
        handshakes.went(&system, receiver.local_addr().unwrap(), &numbered(9));
        handshakes.went(&system, receiver.local_addr().unwrap(), &[23, 0xfe, 0xfd]);
        for _ in 0..4 {
            assert_eq!(next(&receiver).await.unwrap(), numbered(9));
            // A copy of what had come before, and what is no handshake.
            handshakes.came(&numbered(4));
            handshakes.came(&[23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5]);
            handshakes.came(&[22]);
        }
        handshakes.came(&numbered(5));
        // One may be on its way.
        next(&receiver).await;
        assert_eq!(next(&receiver).await, None);
    }

    #[tokio::test]
    async fn a_socket_that_is_closed_sends_nothing() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Handshakes::default().went(&socket(), receiver.local_addr().unwrap(), &numbered(1));
        assert_eq!(next(&receiver).await, None);
    }
}
