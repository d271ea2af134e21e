//! How long an Opus packet lasts, from its first bytes (RFC 6716 §3.1).
//!
//! Asking the decoder would need one; guessing from the time stamps of neighbours fails where a packet
//! was lost or the sender fell silent.

/// No packet is longer than 120 ms (RFC 6716 §3.2.5, R5).
pub(super) const MAX_SAMPLES: u32 = 5760;

/// The length of a packet in samples at 48 kHz, or `None` when it is not an Opus packet.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let &toc = packet.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config % 4],
        12..16 => [480, 960][config % 2],
        _ => [120, 240, 480, 960][config % 4],
    };
    let count = match toc & 0b11 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * count).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}

/// Whether a packet only says that nothing is said: header and at most one byte (as libopus makes in DTX).
pub(super) fn is_dtx(packet: &[u8]) -> bool {
    packet.len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_says_the_length() {
        assert_eq!(packet_samples(&[0xf8]), Some(960), "CELT, 20 ms, one frame");
        assert_eq!(packet_samples(&[0x78, 0]), Some(960), "hybrid, 20 ms");
        assert_eq!(packet_samples(&[0x18]), Some(2880), "SILK, 60 ms");
        assert_eq!(packet_samples(&[0xe1, 0]), Some(240), "CELT, two frames of 2.5 ms");
        assert_eq!(packet_samples(&[0xfb, 0x03]), Some(2880), "three frames of 20 ms");
    }

    #[test]
    fn what_lasts_nothing_or_over_120_ms_is_no_packet() {
        for packet in [&[][..], &[0xfb], &[0xfb, 0], &[0xfb, 7], &[0x1b, 3]] {
            assert_eq!(packet_samples(packet), None, "{packet:?}");
        }
    }
}
