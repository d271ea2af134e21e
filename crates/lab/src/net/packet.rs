//! What a router reads of a packet: addresses (RFC 791), and of RTP in UDP its payload type (RFC 3550), which SRTP leaves readable.

use std::net::Ipv4Addr;

const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const RTP_HEADER: usize = 12;
/// RTCP packet types share RTP's second byte; RFC 5761 §4 keeps them apart by this range of it, the marker bit taken off.
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 64..=95;

/// A packet's header, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// From whom.
    pub(super) source: Ipv4Addr,
    /// To whom.
    pub(super) destination: Ipv4Addr,
    /// The payload type, if the packet looks like RTP.
    pub(super) rtp: Option<u8>,
}

impl Header {
    /// Reads it; `None` for everything that is not IPv4.
    pub(super) fn read(packet: &[u8]) -> Option<Header> {
        let fixed: &[u8; 20] = packet.first_chunk()?;
        let length = usize::from(fixed[0] & 0x0f) * 4;
        if fixed[0] >> 4 != 4 || length < fixed.len() {
            return None;
        }
        let address = |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
        // A fragment that is not the first has no UDP header.
        let whole = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff == 0;
        let rtp = if fixed[9] == UDP && whole { rtp(packet.get(length..)?) } else { None };
        Some(Header { source: address(12), destination: address(16), rtp })
    }
}

/// STUN begins with 00, DTLS with 20 to 63, RTP with 128 to 191 (RFC 7983).
fn rtp(udp: &[u8]) -> Option<u8> {
    let payload = udp.get(UDP_HEADER..)?;
    if payload.len() < RTP_HEADER || payload[0] >> 6 != 2 {
        return None;
    }
    let payload_type = payload[1] & 0x7f;
    (!RTCP_TYPES.contains(&payload_type)).then_some(payload_type)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// A UDP packet of `length` bytes with this RTP payload type.
    pub(in super::super) fn rtp_packet(
        from: Ipv4Addr,
        to: Ipv4Addr,
        payload_type: u8,
        length: usize,
    ) -> Vec<u8> {
        let mut packet = vec![0; length.max(20 + UDP_HEADER + RTP_HEADER)];
        packet[0] = 0x45;
        packet[9] = UDP;
        packet[12..16].copy_from_slice(&from.octets());
        packet[16..20].copy_from_slice(&to.octets());
        packet[28] = 0x80;
        packet[29] = payload_type;
        packet
    }

    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
    const B: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);

    #[test]
    fn rtp_is_known_by_its_type_and_rtcp_stun_and_tcp_are_not_rtp() {
        let header = Header::read(&rtp_packet(A, B, 96 | 0x80, 100)).unwrap();
        assert_eq!(header, Header { source: A, destination: B, rtp: Some(96) });
        let with = |at: usize, byte: u8| {
            let mut packet = rtp_packet(A, B, 96, 100);
            packet[at] = byte;
            Header::read(&packet).unwrap().rtp
        };
        // A sender report's type is 200: 72 with the marker bit off.
        assert_eq!((with(29, 200), with(28, 0), with(9, 6)), (None, None, None));
        assert_eq!(with(7, 1), None, "the second fragment has no header of its own");
        let mut six = rtp_packet(A, B, 96, 100);
        six[0] = 0x60;
        assert_eq!(Header::read(&six), None);
    }

    proptest! {
        #[test]
        fn rubbish_is_no_packet_and_no_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _any = Header::read(&bytes);
            let mut four = bytes;
            if let Some(first) = four.first_mut() {
                *first = 0x40 | (*first & 0x0f);
            }
            let _any = Header::read(&four);
        }
    }
}
