//! Cuts an encoded frame into pieces that fit a packet.
//!
//! The pieces are of equal size (within a byte), not full ones and a rest: a short last packet costs the
//! same headers and overtakes the others in some queues. They are slices of the frame and not yet
//! payloads, because the descriptor in front differs per peer; [`super::StreamRewriter`] writes it.

use bytes::Bytes;

/// What [`super::StreamRewriter`] puts before each piece: extension, 15-bit PictureID, TL0PICIDX, TID.
pub const DESCRIPTOR_BYTES: usize = 6;

/// One piece of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Whether it is the first of its frame.
    pub start: bool,
    /// Whether it is the last of its frame: the marker bit.
    pub marker: bool,
    /// The frame's bytes in it.
    pub data: Bytes,
}

/// Cuts a frame so that each piece with its descriptor has at most `max_payload` bytes. An empty frame
/// has no pieces.
///
/// # Panics
/// When `max_payload` leaves no room behind the descriptor: that is a constant of the caller.
pub fn packetize(frame: &Bytes, max_payload: usize) -> Vec<Fragment> {
    assert!(max_payload > DESCRIPTOR_BYTES, "a payload of {max_payload} bytes has no room for a frame");
    let count = frame.len().div_ceil(max_payload - DESCRIPTOR_BYTES);
    let cut = |piece: usize| piece * frame.len() / count;
    (0..count)
        .map(|piece| Fragment {
            start: piece == 0,
            marker: piece + 1 == count,
            data: frame.slice(cut(piece)..cut(piece + 1)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_equal_fit_and_make_the_frame_again() {
        for length in [1, 100, 1194, 1195, 5000, 100_000] {
            let frame: Bytes = (0..length).map(|i| i as u8).collect::<Vec<_>>().into();
            let pieces = packetize(&frame, 1200);
            let sizes = || pieces.iter().map(|piece| piece.data.len());
            assert!(sizes().max() <= Some(1194));
            assert!(sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0) <= 1);
            assert_eq!(pieces.iter().flat_map(|piece| piece.data.to_vec()).collect::<Vec<_>>(), frame);
            assert_eq!(pieces.iter().filter(|piece| piece.start).count(), 1);
            assert!(pieces.first().is_some_and(|piece| piece.start));
            assert!(pieces.last().is_some_and(|piece| piece.marker));
            assert_eq!(pieces.iter().filter(|piece| piece.marker).count(), 1);
        }
        assert!(packetize(&Bytes::new(), 1200).is_empty());
    }
}
