//! What an Opus packet says of itself in its first bytes: how long it lasts, and whether it holds copies.
//!
//! Asking the decoder would need one; guessing from the time stamps of neighbours fails where a packet
//! was lost or the sender fell silent.

/// No packet is longer than 120 ms (RFC 6716 §3.2.5, R5).
pub(super) const MAX_SAMPLES: u32 = 5760;

/// The length of a packet in samples at 48 kHz (RFC 6716 §3.1), or `None` when it is not an Opus packet.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let &toc = packet.first()?;
    Some(frame_samples(toc) * frames(packet)?).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}

fn frame_samples(toc: u8) -> u32 {
    let config = usize::from(toc >> 3);
    match config {
        0..12 => [480, 960, 1920, 2880][config % 4],
        12..16 => [480, 960][config % 2],
        _ => [120, 240, 480, 960][config % 4],
    }
}

fn frames(packet: &[u8]) -> Option<u32> {
    Some(match packet.first()? & 0b11 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    })
}

/// Whether a packet only says that nothing is said: header and at most one byte (as libopus makes in DTX).
pub fn is_dtx(packet: &[u8]) -> bool {
    packet.len() <= 2
}

/// Whether a packet holds a copy of what was before it (LBRR, RFC 6716 §4.2.3–4.2.4): only its speech modes
/// do. Of several frames the first one tells, and of two channels the middle.
pub fn has_fec(packet: &[u8]) -> bool {
    fec_samples(packet) > 0
}

/// How many samples right before a packet the copy in it tells; 0 when it has none. That is as much as its first
/// frame holds: libopus packs 60 ms of its hybrid mode as three frames, whose copy is one third of a packet.
pub fn fec_samples(packet: &[u8]) -> u32 {
    let Some(&toc) = packet.first() else { return 0 };
    if toc >= 0x80 {
        return 0;
    }
    // An Opus frame holds as many SILK frames of 20 ms; each has a flag of activity, and one for copies follows.
    let silk_frames = (frame_samples(toc) / 960).max(1);
    let has_copy = first_frame(packet).is_some_and(|first| first & (0x80 >> silk_frames) != 0);
    if has_copy { frame_samples(toc) } else { 0 }
}

/// The first byte of the first frame (RFC 6716 §3.2).
fn first_frame(packet: &[u8]) -> Option<u8> {
    let length = |at: usize| packet.get(at).map(|&first| if first < 252 { 1 } else { 2 });
    let at = match packet.first()? & 0b11 {
        0 | 1 => 1,
        2 => 1 + length(1)?,
        _ => {
            let mut at = 2;
            if has_padding(packet) {
                // Each byte of 255 says 254 bytes of padding and that another byte follows.
                at += packet.get(2..)?.iter().take_while(|&&more| more == 255).count() + 1;
            }
            if packet.get(1)? & 0x80 != 0 {
                for _ in 1..frames(packet)? {
                    at += length(at)?;
                }
            }
            at
        }
    };
    packet.get(at).copied()
}

/// Whether something follows the frames: there is where extensions such as DRED stand
/// (draft-ietf-mlcodec-opus-extension).
pub(super) fn has_padding(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 0b11 == 0b11) && packet.get(1).is_some_and(|byte| byte & 0x40 != 0)
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

    #[test]
    fn copies_are_announced_after_the_flags_of_activity() {
        assert!(has_fec(&[0x08, 0b1100_0000]), "SILK, 20 ms");
        assert!(!has_fec(&[0x08, 0b1000_0000]) && !has_fec(&[0x08]));
        assert!(has_fec(&[0x18, 0b0001_0000]) && !has_fec(&[0x18, 0b1110_0000]), "SILK, 60 ms");
        assert!(has_fec(&[0x78, 0b0100_0000]), "hybrid");
        assert!(!has_fec(&[0xf8, 0xff]), "CELT has none");
        assert!(has_fec(&[0x7a, 10, 0b0100_0000]), "two frames, the first of ten bytes");
        assert!(has_fec(&[0x7b, 0x41, 255, 3, 0b0100_0000]), "257 bytes of padding");
        assert!(has_fec(&[0x7b, 0x82, 253, 1, 0b0100_0000]), "two frames of unlike length");
        assert!(!has_fec(&[]) && !has_fec(&[0x7b]) && !has_fec(&[0x7b, 0x41, 255]));
    }

    #[test]
    fn a_copy_is_as_long_as_the_frame_that_holds_it() {
        assert_eq!(fec_samples(&[0x18, 0b0001_0000]), 2880, "SILK, one frame of 60 ms");
        assert_eq!(fec_samples(&[0x10, 0b0010_0000]), 1920, "SILK, one frame of 40 ms");
        assert_eq!(fec_samples(&[0x7b, 0x03, 0b0100_0000]), 960, "hybrid, three frames of 20 ms");
        assert_eq!(fec_samples(&[0x1b, 0x02, 0b0001_0000]), 2880, "SILK, 120 ms as two frames of 60 ms");
        assert_eq!(fec_samples(&[0xfb, 0x03, 0xff]), 0, "CELT");
    }
}
