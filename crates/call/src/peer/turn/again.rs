//! Handshakes once more, unasked.
//!
//! A flight of DTLS of which something was lost is sent again only after a second (RFC 6347 §4.2.4.1), then after two, four and eight; rtc-dtls
//! has no setting for it. A handshake takes about fifteen datagrams, so on a path that loses 8 % most lose one, and one in ten takes longer
//! than a caller waits. So each leaves again soon after: copies are what a receiver drops by their record numbers (§4.1.2.6), and they
//! come to a few kilobytes in a call.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use webrtc::runtime::{AsyncUdpSocket, Transmit};

/// Later than most bursts of losses last, and all of it before the first timer of DTLS.
const LATER: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(160)];

/// Whether a datagram begins with a record of a DTLS 1.x handshake: its content types 20 and 22 (RFC 5246 §6.2.1), told from other
/// protocols by RFC 7983.
pub(super) fn is_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [20 | 22, 0xfe, ..])
}

/// Sends it to the same place again, as long as the socket lives.
pub(super) fn send_again(system: &Arc<dyn AsyncUdpSocket>, to: SocketAddr, datagram: &[u8]) {
    let (socket, datagram): (Weak<dyn AsyncUdpSocket>, Vec<u8>) = (Arc::downgrade(system), datagram.to_vec());
    tokio::spawn(async move {
        for later in LATER {
            tokio::time::sleep(later).await;
            let Some(system) = socket.upgrade() else { return };
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Instant;
    use tokio::net::UdpSocket;
    use webrtc::runtime::{Runtime, TokioRuntime};

    #[test]
    fn handshakes_are_told_from_all_else() {
        assert!(is_handshake(&[22, 0xfe, 0xff, 0]) && is_handshake(&[20, 0xfe, 0xfd]));
        let others: [&[u8]; 7] =
            [&[], &[22], &[23, 0xfe, 0xfd], &[21, 0xfe, 0xfd], &[0, 1, 0, 0], &[0x80, 96], &[0x40, 0]];
        assert!(!others.into_iter().any(is_handshake));
    }

    #[tokio::test]
    async fn each_comes_twice_more_and_not_at_once() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let system = socket();
        let begun = Instant::now();
        send_again(&system, receiver.local_addr().unwrap(), &[22, 0xfe, 0xfd, 7]);
        for _ in LATER {
            let mut buffer = [0; 16];
            let length = receiver.recv(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], [22, 0xfe, 0xfd, 7]);
        }
        assert!(begun.elapsed() >= LATER.iter().sum::<Duration>());
        drop(system);
        send_again(&socket(), receiver.local_addr().unwrap(), &[22, 0xfe]);
        let nothing = tokio::time::timeout(Duration::from_millis(300), receiver.recv(&mut [0; 16])).await;
        assert!(nothing.is_err(), "a socket that is closed sends nothing");
    }

    fn socket() -> Arc<dyn AsyncUdpSocket> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        TokioRuntime.wrap_udp_socket(socket).unwrap()
    }
}
