//! TURN messages in a stream (RFC 8656 §3.7, §12.5; RFC 8489 §6.2.2): where one ends and the next begins.
//!
//! A STUN message has its length in its header; channel data has it, too, and is padded to a multiple of four, which it is not over UDP.
//! Pure: bytes in, messages out. A stream that says anything else is broken for good, because nothing tells where the next one begins.

use bytes::{Bytes, BytesMut};

/// A STUN message's header.
const HEADER: usize = 20;
/// Channel data's header: number and length.
const CHANNEL_HEADER: usize = 4;
/// RFC 8489 §5.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The longest message of either kind, padded. webrtc itself reads datagrams of less.
const LONGEST: usize = HEADER + 0xffff + 3;

/// What a message is, by its first byte (RFC 8656 §12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stun,
    Channel,
}

impl Kind {
    fn of(first: u8) -> Option<Kind> {
        match first {
            0x00..=0x3f => Some(Kind::Stun),
            0x40..=0x4f => Some(Kind::Channel),
            _ => None,
        }
    }
}

/// The other side of a stream speaks something else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TURN stream")]
pub(super) struct NotTurn;

/// The messages in the bytes of a stream.
#[derive(Debug, Default)]
pub(super) struct Unframer {
    bytes: BytesMut,
    /// Whether there was a STUN message: before the answer to our first request there is no channel, and much that is no TURN begins as one.
    begun: bool,
}

impl Unframer {
    /// Where to read into; it is as long as anybody wants, because [`next`](Self::next) leaves less than one message.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        self.bytes.reserve(2048);
        &mut self.bytes
    }

    /// The next whole message, as it would be over UDP.
    ///
    /// # Errors
    /// When it is no TURN message; nothing good comes after.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, NotTurn> {
        let Some(first) = self.bytes.first() else { return Ok(None) };
        let kind = Kind::of(*first).filter(|kind| self.begun || *kind == Kind::Stun).ok_or(NotTurn)?;
        if self.bytes.len() < CHANNEL_HEADER {
            return Ok(None);
        }
        let said = usize::from(u16::from_be_bytes([self.bytes[2], self.bytes[3]]));
        let (length, padded) = match kind {
            Kind::Stun => (HEADER + said, HEADER + said),
            Kind::Channel => (CHANNEL_HEADER + said, (CHANNEL_HEADER + said).next_multiple_of(4)),
        };
        let cookie = self.bytes.get(4..8);
        if kind == Kind::Stun && (said % 4 != 0 || cookie.is_some_and(|bytes| bytes != COOKIE)) {
            return Err(NotTurn);
        }
        if self.bytes.len() < padded {
            return Ok(None);
        }
        self.begun = true;
        let mut message = self.bytes.split_to(padded).freeze();
        message.truncate(length);
        Ok(Some(message))
    }

    /// Whether more is kept than a message can need, which a stream that is read message by message never does.
    #[cfg(test)]
    fn is_overfull(&self) -> bool {
        self.bytes.len() > LONGEST
    }
}

/// Writes a message that webrtc made for UDP into a stream's buffer. What is not one is left out, and then false is returned.
pub(super) fn frame(datagram: &[u8], into: &mut BytesMut) -> bool {
    let Some(kind) = datagram.first().and_then(|first| Kind::of(*first)) else { return false };
    if datagram.len() < CHANNEL_HEADER || datagram.len() > LONGEST {
        return false;
    }
    let said = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    match kind {
        Kind::Stun => {
            if datagram.len() != HEADER + said || datagram[4..8] != COOKIE {
                return false;
            }
            into.extend_from_slice(datagram);
        }
        Kind::Channel => {
            // It may have been padded already.
            let Some(message) = datagram.get(..CHANNEL_HEADER + said) else { return false };
            into.extend_from_slice(message);
            into.extend_from_slice(&[0; 3][..message.len().next_multiple_of(4) - message.len()]);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn stun(body: usize) -> Vec<u8> {
        let mut message = vec![0, 3];
        message.extend(u16::try_from(body).unwrap().to_be_bytes());
        message.extend(COOKIE);
        message.extend([7; 12]);
        message.extend(vec![9; body]);
        message
    }

    fn channel(body: usize) -> Vec<u8> {
        let mut message = vec![0x40, 1];
        message.extend(u16::try_from(body).unwrap().to_be_bytes());
        message.extend(vec![5; body]);
        message
    }

    fn begun() -> Unframer {
        Unframer { begun: true, ..Unframer::default() }
    }

    fn all(unframer: &mut Unframer) -> Vec<Bytes> {
        std::iter::from_fn(|| unframer.next().unwrap()).collect()
    }

    #[test]
    fn channel_data_is_padded_to_four_on_a_stream_and_only_there() {
        let mut stream = BytesMut::new();
        assert!(frame(&channel(5), &mut stream));
        assert_eq!(stream.len(), 12);
        let mut padded_before = channel(5);
        padded_before.extend([0, 0, 0]);
        assert!(frame(&padded_before, &mut stream));
        assert_eq!(stream.len(), 24, "not padded twice");
        let mut unframer = begun();
        unframer.buffer().extend_from_slice(&stream);
        assert_eq!(all(&mut unframer), [channel(5), channel(5)]);
    }

    #[test]
    fn what_is_not_turn_is_neither_written_nor_read() {
        let mut stream = BytesMut::new();
        for rubbish in [&b""[..], b"\x16\x03\x01", b"\x80\x60\x00\x01", &stun(8)[..20], &channel(9)[..8]] {
            assert!(!frame(rubbish, &mut stream), "{rubbish:?}");
        }
        assert!(stream.is_empty());
        let tls = b"\x16\x03\x03\x00\x7a\x02\x00\x00";
        for rubbish in [&b"HTTP/1.1 400 Bad Request"[..], tls, b"\x00\x01\x00\x03", &[0; 20]] {
            let mut unframer = Unframer::default();
            unframer.buffer().extend_from_slice(rubbish);
            assert_eq!(unframer.next(), Err(NotTurn), "{rubbish:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_framed_comes_out_whole_however_it_is_cut(
            bodies in prop::collection::vec((any::<bool>(), 0usize..1500), 1..20),
            cuts in prop::collection::vec(1usize..700, 1..40),
        ) {
            let messages: Vec<Vec<u8>> = bodies
                .into_iter()
                .map(|(is_stun, body)| if is_stun { stun(body / 4 * 4) } else { channel(body) })
                .collect();
            let mut stream = BytesMut::new();
            for message in &messages {
                prop_assert!(frame(message, &mut stream));
            }
            let (mut unframer, mut got, mut cuts) = (begun(), Vec::new(), cuts.into_iter().cycle());
            while !stream.is_empty() {
                let part = stream.split_to(cuts.next().unwrap().min(stream.len()));
                unframer.buffer().extend_from_slice(&part);
                got.extend(all(&mut unframer));
            }
            prop_assert_eq!(got, messages);
        }

        #[test]
        fn rubbish_never_panics_and_is_not_collected(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..30)) {
            let mut unframer = begun();
            'stream: for part in parts {
                unframer.buffer().extend_from_slice(&part);
                loop {
                    match unframer.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(NotTurn) => break 'stream,
                    }
                }
                prop_assert!(!unframer.is_overfull());
            }
        }

        #[test]
        fn any_datagram_may_be_framed(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut stream = BytesMut::new();
            if frame(&datagram, &mut stream) {
                let mut unframer = begun();
                unframer.buffer().extend_from_slice(&stream);
                prop_assert!(matches!(unframer.next(), Ok(Some(_))));
            }
        }
    }
}
