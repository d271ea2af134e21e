//! Puts VP8 frames together again out of packets that come late, twice, in any order or never.
//!
//! A frame is handed out the instant at which it is complete and everything that it refers to was handed
//! out: there is no delay here and no clock; when a frame is *shown* is for [`crate::sync`] to say. It
//! is not a jitter buffer that holds a time's worth of packets, as most are: waiting when nothing is
//! missing adds delay, and when something is missing the gap itself says so.
//!
//! A frame may go out when it
//! - is a keyframe (what is incomplete before it is dropped),
//! - follows the last frame without a gap in sequence numbers, or
//! - has the PictureID after the last frame's (what is missing between was padding), or
//! - is the base layer's next picture, and what is missing before it belongs to upper temporal layers, which
//!   it does not need (RFC 7741 §4.2, TL0PICIDX). Then those are left out until one says that it needs no other.
//!
//! Otherwise it waits for retransmission ([`crate::nack`]), and [`FrameAssembler::poll`] says when only a
//! keyframe helps.

use crate::frame::{EncodedFrame, Vp8Header};
use crate::rtp::{Packet, PictureId, Vp8Descriptor};
use crate::time::Time;
use crate::units::{RtpTime, Seq, Unwrapper};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A gap that was not filled by now has outlived several retransmissions, unless the round trip is extreme.
const GIVE_UP: Duration = Duration::from_millis(700);
/// A keyframe takes a round trip and its own transmission; asking faster would make two of them.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// The first packet of a keyframe may come after its second; longer than this it does not. Nor does an upper
/// layer's: then the base layer goes on without it.
const REORDER_WAIT: Duration = Duration::from_millis(20);
/// Three seconds of 5 Mbit/s. More waits only where nothing will come any more.
const MAX_PACKETS: usize = 2048;
/// The same in bytes, for packets larger than any sender of ours makes.
const MAX_BYTES: usize = 4 << 20;
/// A number this far from the last frame is not a gap but another stream.
const MAX_JUMP: u64 = 4 * MAX_PACKETS as u64;
/// This many packets in a row from far behind and the sender has begun anew.
const STALE_RUN: u32 = 64;

/// What the assembler asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a PLI (RFC 4585 §6.3.1).
    RequestKeyframe,
}

/// What stands between the assembler and its next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nothing is missing: the next packet brings it.
    Nothing,
    /// Packets are missing since this moment.
    Packets(Time),
    /// A keyframe: the first one, or because the chain of references broke.
    Keyframe,
}

#[derive(Debug)]
struct Piece {
    rtp_time: RtpTime,
    start: bool,
    marker: bool,
    padding: bool,
    descriptor: Vp8Descriptor,
    data: Bytes,
}

/// What is there of the frame that begins at a packet.
enum Extent {
    /// All of it, up to and with this packet.
    Whole(u64),
    /// Some of it has not come.
    Incomplete,
    /// All before this packet, which cannot belong to it though nothing ended it.
    Contradicted(u64),
}

/// Assembles the frames of one received video stream.
#[derive(Debug, Default)]
pub struct FrameAssembler {
    unwrapper: Unwrapper,
    /// Pieces that wait, by extended sequence number. None lies below `floor`.
    pieces: BTreeMap<u64, Piece>,
    /// Those of `pieces` that begin a keyframe.
    key_starts: BTreeSet<u64>,
    bytes: usize,
    highest: u64,
    /// Everything below was handed out or given up.
    floor: u64,
    /// Whether a delta frame right at `floor` could be decoded.
    in_chain: bool,
    last_picture_id: Option<PictureId>,
    /// Of the base layer's last picture.
    last_tl0: Option<u8>,
    /// The uppermost temporal layer of which nothing was left out.
    whole_layers: u8,
    size: (u16, u16),
    gap_since: Option<Time>,
    /// Since when there is something to decode and no keyframe, not even the beginning of one.
    keyless_since: Option<Time>,
    hopeless: bool,
    last_request: Option<Time>,
    stale_run: u32,
    malformed: u64,
}

impl FrameAssembler {
    /// One that waits for its first keyframe.
    pub fn new() -> FrameAssembler {
        FrameAssembler::default()
    }

    /// Takes a packet and returns the frames that it completes, in decoding order: usually none or one,
    /// several when it fills the gap that others waited for.
    pub fn push(&mut self, now: Time, packet: Packet) -> Vec<EncodedFrame> {
        let seq = self.unwrapper.seq(packet.seq);
        if !self.accept(seq) {
            return Vec::new();
        }
        let Some(piece) = self.piece(packet) else {
            self.malformed += 1;
            return Vec::new();
        };
        self.highest = self.highest.max(seq);
        self.bytes += piece.data.len();
        if piece.start && piece.data.first().is_some_and(|&first| Vp8Header::is_key(first)) {
            self.key_starts.insert(seq);
        }
        self.pieces.insert(seq, piece);
        let frames = self.advance(now);
        while self.pieces.len() > MAX_PACKETS || self.bytes > MAX_BYTES {
            self.in_chain = false;
            self.drop_below(self.pieces.first_key_value().map_or(self.floor, |(&first, _)| first + 1));
        }
        self.note_gap(now, !frames.is_empty());
        frames
    }

    /// Says that retransmission of a packet was given up. When a frame waits for it, only a keyframe helps.
    pub fn lost(&mut self, seq: Seq) {
        let seq = self.unwrapper.seq(seq);
        self.hopeless |= seq >= self.floor && seq < self.highest && !self.pieces.contains_key(&seq);
    }

    /// Says that the decoder refused a frame: nothing goes out before the next keyframe.
    pub fn decoder_failed(&mut self) {
        self.in_chain = false;
        self.hopeless = true;
    }

    /// What is to be done at this time. Ask after each packet and every few tens of milliseconds.
    pub fn poll(&mut self, now: Time) -> Option<Action> {
        let waited_too_long = self.gap_since.is_some_and(|since| now.since(since) >= GIVE_UP);
        let needed = match self.waits() {
            Waits::Nothing => self.hopeless,
            Waits::Packets(_) => self.hopeless || waited_too_long,
            Waits::Keyframe => {
                let keyless = self.keyless_since.is_some_and(|since| now.since(since) >= REORDER_WAIT);
                self.hopeless || waited_too_long || keyless
            }
        };
        let too_soon = self.last_request.is_some_and(|last| now.since(last) < REQUEST_INTERVAL);
        if !needed || too_soon {
            return None;
        }
        tracing::debug!(waiting = self.pieces.len(), hopeless = self.hopeless, "asking for a keyframe");
        self.last_request = Some(now);
        Some(Action::RequestKeyframe)
    }

    /// What the next frame waits for.
    pub fn waits(&self) -> Waits {
        match (self.in_chain, self.gap_since) {
            (false, _) => Waits::Keyframe,
            (true, Some(since)) => Waits::Packets(since),
            (true, None) => Waits::Nothing,
        }
    }

    /// The first sequence number still of use; asking again for one before it is in vain. While only a keyframe
    /// helps it is the first one's that has begun to come.
    pub fn needed_from(&self) -> Option<Seq> {
        let from = if self.hopeless { self.key_starts.first().copied() } else { self.next_start() };
        from.map(|seq| Seq(seq as u16))
    }

    /// How many packets had no readable descriptor.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn accept(&mut self, seq: u64) -> bool {
        let anything = self.floor > 0 || !self.pieces.is_empty();
        if anything && seq < self.floor {
            let far = self.floor - seq > MAX_PACKETS as u64;
            self.stale_run = if far { self.stale_run + 1 } else { 0 };
            if self.stale_run < STALE_RUN {
                return false;
            }
            self.restart(seq);
        } else if anything && seq > self.highest.max(self.floor) + MAX_JUMP {
            self.restart(seq);
        }
        self.stale_run = 0;
        !self.pieces.contains_key(&seq)
    }

    /// The numbers jumped: another stream begins at `seq`.
    fn restart(&mut self, seq: u64) {
        tracing::debug!(seq, "sequence numbers jumped, waiting for a keyframe");
        self.pieces.clear();
        self.key_starts.clear();
        self.bytes = 0;
        self.floor = seq;
        self.highest = seq;
        self.in_chain = false;
        self.gap_since = None;
    }

    fn piece(&self, packet: Packet) -> Option<Piece> {
        let Packet { rtp_time, marker, payload, .. } = packet;
        if payload.is_empty() {
            let descriptor = Vp8Descriptor::default();
            return Some(Piece {
                rtp_time,
                start: false,
                marker: false,
                padding: true,
                descriptor,
                data: payload,
            });
        }
        let (descriptor, length) = Vp8Descriptor::read(&payload).ok()?;
        let data = payload.slice(length..);
        Some(Piece { rtp_time, start: descriptor.starts_frame(), marker, padding: false, descriptor, data })
    }

    fn advance(&mut self, now: Time) -> Vec<EncodedFrame> {
        let mut frames = Vec::new();
        loop {
            let next =
                self.next_in_chain().or_else(|| self.next_keyframe()).or_else(|| self.next_of_base(now));
            let Some((start, end)) = next else {
                if self.drop_contradiction() {
                    continue;
                }
                return frames;
            };
            if self.is_broken_layer(start) {
                self.last_picture_id = self.pieces.get(&start).and_then(|piece| piece.descriptor.picture_id);
                self.drop_below(end + 1);
                continue;
            }
            match self.take(start, end) {
                Some(frame) => frames.push(frame),
                None => {
                    // Complete and still no VP8: what refers to it cannot be decoded.
                    self.malformed += 1;
                    self.decoder_failed();
                }
            }
        }
    }

    /// Drops what comes next if it can never be completed though no number is missing, as when a sender gave numbers twice. Nothing would
    /// ever be asked for again otherwise.
    fn drop_contradiction(&mut self) -> bool {
        let extent = self.next_start().map(|start| self.extent(start));
        let Some(Extent::Contradicted(end)) = extent else { return false };
        tracing::debug!(end, "a frame contradicts itself");
        self.malformed += 1;
        self.drop_below(end);
        self.decoder_failed();
        true
    }

    fn next_in_chain(&mut self) -> Option<(u64, u64)> {
        if !self.in_chain {
            return None;
        }
        while self.pieces.get(&self.floor).is_some_and(|piece| piece.padding) {
            self.drop_below(self.floor + 1);
        }
        let start = match self.pieces.get(&self.floor) {
            Some(piece) if piece.start => self.floor,
            Some(_) => return None,
            None => {
                let expected = self.last_picture_id?.next();
                let (&start, piece) = self.pieces.iter().find(|(_, piece)| piece.start)?;
                (piece.descriptor.picture_id == Some(expected)).then_some(start)?
            }
        };
        Some((start, self.end_of(start)?))
    }

    /// The base layer's next picture, when upper layers before it have been missing for too long.
    fn next_of_base(&mut self, now: Time) -> Option<(u64, u64)> {
        let overdue = self.gap_since.is_some_and(|since| now.since(since) >= REORDER_WAIT);
        let expected = self.last_tl0?.wrapping_add(1);
        if !self.in_chain || !overdue {
            return None;
        }
        let is_base = |piece: &Piece| piece.descriptor.temporal.is_some_and(|layer| layer.id == 0);
        // The first that came, or the numbers could have gone round.
        let (&start, piece) = self.pieces.iter().find(|(_, piece)| piece.start && is_base(piece))?;
        if piece.descriptor.tl0_pic_idx != Some(expected) {
            return None;
        }
        let end = self.end_of(start)?;
        self.whole_layers = 0;
        Some((start, end))
    }

    /// Whether the frame is of an upper layer and may need one that was left out. One that says that it needs
    /// only the base layer makes its layer whole again.
    fn is_broken_layer(&mut self, start: u64) -> bool {
        let Some(layer) = self.pieces.get(&start).and_then(|piece| piece.descriptor.temporal) else {
            return false;
        };
        if layer.sync && layer.id == self.whole_layers.saturating_add(1) {
            self.whole_layers = layer.id;
        }
        layer.id > self.whole_layers && !layer.sync
    }

    fn next_keyframe(&self) -> Option<(u64, u64)> {
        self.key_starts.iter().find_map(|&start| Some((start, self.end_of(start)?)))
    }

    /// Where the next frame has to begin; `None` when only a keyframe helps and none has begun to come.
    fn next_start(&self) -> Option<u64> {
        if self.in_chain { Some(self.floor) } else { self.key_starts.first().copied() }
    }

    fn end_of(&self, start: u64) -> Option<u64> {
        match self.extent(start) {
            Extent::Whole(end) => Some(end),
            Extent::Incomplete | Extent::Contradicted(_) => None,
        }
    }

    fn extent(&self, start: u64) -> Extent {
        let Some(begin) = self.pieces.get(&start) else { return Extent::Incomplete };
        if !begin.start {
            return Extent::Contradicted(start + 1);
        }
        for (expected, (&seq, piece)) in (start..).zip(self.pieces.range(start..)) {
            if seq != expected {
                break;
            }
            if seq != start && (piece.start || piece.rtp_time != begin.rtp_time) {
                return Extent::Contradicted(seq);
            }
            if piece.marker {
                return Extent::Whole(seq);
            }
        }
        Extent::Incomplete
    }

    fn take(&mut self, start: u64, end: u64) -> Option<EncodedFrame> {
        let length = self.pieces.range(start..=end).map(|(_, piece)| piece.data.len()).sum();
        let mut data = Vec::with_capacity(length);
        for (_, piece) in self.pieces.range(start..=end) {
            data.extend_from_slice(&piece.data);
        }
        let first = self.pieces.get(&start)?;
        let (descriptor, rtp_time) = (first.descriptor, first.rtp_time);
        self.drop_below(end + 1);
        let keyframe = match Vp8Header::parse(&data).ok()? {
            Vp8Header::Key { width, height } => {
                self.size = (width, height);
                self.whole_layers = u8::MAX;
                true
            }
            Vp8Header::Delta => false,
        };
        self.in_chain = true;
        self.hopeless = false;
        self.last_picture_id = descriptor.picture_id;
        if descriptor.temporal.is_none_or(|layer| layer.id == 0) {
            self.last_tl0 = descriptor.tl0_pic_idx;
        }
        Some(EncodedFrame {
            data: Bytes::from(data),
            keyframe,
            rtp_time,
            width: self.size.0,
            height: self.size.1,
            picture_id: descriptor.picture_id.map(PictureId::value),
            temporal_id: descriptor.temporal.map_or(0, |layer| layer.id),
            layer_sync: descriptor.temporal.is_some_and(|layer| layer.sync),
            captured_at: None,
        })
    }

    fn drop_below(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        while let Some(oldest) = self.pieces.first_entry().filter(|oldest| *oldest.key() < self.floor) {
            self.key_starts.remove(oldest.key());
            self.bytes -= oldest.remove().data.len();
        }
    }

    fn note_gap(&mut self, now: Time, progress: bool) {
        let keyless = !self.in_chain && self.key_starts.is_empty();
        self.keyless_since = keyless.then(|| self.keyless_since.unwrap_or(now));
        let holes = self.next_start().is_some_and(|from| {
            self.highest >= from && self.pieces.range(from..).count() as u64 <= self.highest - from
        });
        if !holes {
            self.gap_since = None;
        } else if progress || self.gap_since.is_none() {
            self.gap_since = Some(now);
        }
    }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
