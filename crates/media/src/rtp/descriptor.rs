//! The VP8 payload descriptor (RFC 7741 §4.2): the few bytes before each piece of a frame.
//!
//! ```text
//!      0 1 2 3 4 5 6 7
//!     +-+-+-+-+-+-+-+-+
//!     |X|R|N|S|R| PID |  required
//!  X: |I|L|T|K| RSV   |
//!  I: |M| PictureID   |  7 bits, or 15 in two bytes when M
//!  L: |   TL0PICIDX   |
//! T/K:|TID|Y| KEYIDX  |
//!     +-+-+-+-+-+-+-+-+
//! ```
//!
//! Everything that a browser may send is read; what we write always has the 15-bit PictureID.

/// Why bytes are not a descriptor with something behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// The payload ends inside the descriptor, or right after it.
    #[error("a VP8 payload ends within its descriptor")]
    Truncated,
}

/// A PictureID and its width on the wire, which decides where it wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

impl PictureId {
    /// The number alone.
    pub const fn value(self) -> u16 {
        match self {
            PictureId::Short(id) => id as u16,
            PictureId::Long(id) => id,
        }
    }

    /// The number that the following picture has.
    pub const fn next(self) -> PictureId {
        match self {
            PictureId::Short(id) => PictureId::Short(id.wrapping_add(1) & 0x7f),
            PictureId::Long(id) => PictureId::Long(id.wrapping_add(1) & 0x7fff),
        }
    }
}

/// A frame's place among the temporal layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemporalLayer {
    /// TID, 0…3; 0 is the base.
    pub id: u8,
    /// Y: depends on the base layer only.
    pub sync: bool,
}

/// The descriptor of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Vp8Descriptor {
    /// N: no other frame refers to this one.
    pub non_reference: bool,
    /// S: the packet begins a partition; with partition 0 it begins a frame.
    pub start_of_partition: bool,
    /// PID: which partition, 0…7.
    pub partition: u8,
    /// I: the running number of the picture.
    pub picture_id: Option<PictureId>,
    /// L: the running number of the base layer's picture that this one belongs to.
    pub tl0_pic_idx: Option<u8>,
    /// T: the temporal layer.
    pub temporal: Option<TemporalLayer>,
    /// K: the running number of the keyframe, 0…31.
    pub key_idx: Option<u8>,
}

impl Vp8Descriptor {
    /// Whether the packet begins a frame.
    pub const fn starts_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Reads a descriptor and says how many bytes it took. At least one byte follows it.
    pub fn read(payload: &[u8]) -> Result<(Vp8Descriptor, usize), DescriptorError> {
        let mut bytes = payload.iter().copied();
        let mut take = || bytes.next().ok_or(DescriptorError::Truncated);
        let first = take()?;
        let extension = if first & 0x80 != 0 { take()? } else { 0 };
        let mut descriptor = Vp8Descriptor {
            non_reference: first & 0x20 != 0,
            start_of_partition: first & 0x10 != 0,
            partition: first & 0x07,
            ..Vp8Descriptor::default()
        };
        if extension & 0x80 != 0 {
            let id = take()?;
            descriptor.picture_id = Some(if id & 0x80 == 0 {
                PictureId::Short(id)
            } else {
                PictureId::Long(u16::from_be_bytes([id & 0x7f, take()?]))
            });
        }
        if extension & 0x40 != 0 {
            descriptor.tl0_pic_idx = Some(take()?);
        }
        if extension & 0x30 != 0 {
            let layers = take()?;
            if extension & 0x20 != 0 {
                descriptor.temporal = Some(TemporalLayer { id: layers >> 6, sync: layers & 0x20 != 0 });
            }
            if extension & 0x10 != 0 {
                descriptor.key_idx = Some(layers & 0x1f);
            }
        }
        let left = bytes.len();
        if left == 0 { Err(DescriptorError::Truncated) } else { Ok((descriptor, payload.len() - left)) }
    }

    /// Appends the descriptor. Fields wider than their bits are cut to them.
    pub fn write(&self, out: &mut Vec<u8>) {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let extension = bit(self.picture_id.is_some(), 0x80)
            | bit(self.tl0_pic_idx.is_some(), 0x40)
            | bit(self.temporal.is_some(), 0x20)
            | bit(self.key_idx.is_some(), 0x10);
        out.push(
            bit(extension != 0, 0x80)
                | bit(self.non_reference, 0x20)
                | bit(self.start_of_partition, 0x10)
                | self.partition & 0x07,
        );
        if extension != 0 {
            out.push(extension);
        }
        match self.picture_id {
            Some(PictureId::Short(id)) => out.push(id & 0x7f),
            Some(PictureId::Long(id)) => out.extend((id | 0x8000).to_be_bytes()),
            None => {}
        }
        out.extend(self.tl0_pic_idx);
        if self.temporal.is_some() || self.key_idx.is_some() {
            let layer = self.temporal.map_or(0, |layer| layer.id << 6 | bit(layer.sync, 0x20));
            out.push(layer | self.key_idx.unwrap_or(0) & 0x1f);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_chromium_sends_reads_as_it_means() {
        // X S, I L T, 15-bit id 0x1234, TL0 9, TID 1 Y.
        let (descriptor, length) = Vp8Descriptor::read(&[0x90, 0xe0, 0x92, 0x34, 9, 0x60, 0xff]).unwrap();
        assert_eq!(length, 6);
        assert!(descriptor.starts_frame());
        assert_eq!(descriptor.picture_id, Some(PictureId::Long(0x1234)));
        assert_eq!(descriptor.tl0_pic_idx, Some(9));
        assert_eq!(descriptor.temporal, Some(TemporalLayer { id: 1, sync: true }));
        assert_eq!(descriptor.key_idx, None);
    }

    #[test]
    fn the_shortest_descriptor_is_one_byte() {
        let (descriptor, length) = Vp8Descriptor::read(&[0x10, 0xff]).unwrap();
        assert_eq!((length, descriptor.starts_frame(), descriptor.picture_id), (1, true, None));
    }

    #[test]
    fn truncation_anywhere_is_an_error() {
        let whole = [0x90, 0xf0, 0x92, 0x34, 9, 0x60, 0xff];
        for length in 0..whole.len() {
            assert_eq!(Vp8Descriptor::read(&whole[..length]), Err(DescriptorError::Truncated));
        }
    }

    #[test]
    fn picture_ids_wrap_at_their_own_width() {
        assert_eq!(PictureId::Short(127).next(), PictureId::Short(0));
        assert_eq!(PictureId::Long(0x7fff).next(), PictureId::Long(0));
        assert_eq!(PictureId::Long(127).next().value(), 128);
    }
}
