#![allow(clippy::unwrap_used)]
use super::*;
use crate::rtp::{StreamRewriter, packetize};

/// Packets of `count` frames of 3000 bytes (three packets each); those in `keys` are keyframes.
fn stream(count: u32, keys: &[u32]) -> (Vec<EncodedFrame>, Vec<Packet>) {
    layered(&vec![(0, false); count as usize], keys)
}

/// The same in temporal layers: for each frame its layer, and whether it needs only the base layer.
fn layered(layers: &[(u8, bool)], keys: &[u32]) -> (Vec<EncodedFrame>, Vec<Packet>) {
    let mut rewriter = StreamRewriter::new(Seq(65_530), 0x7ffe);
    let mut frames = Vec::new();
    let mut packets = Vec::new();
    for (number, &(temporal_id, layer_sync)) in (0_u32..).zip(layers) {
        let keyframe = keys.contains(&number);
        let mut data = vec![number as u8; 3000];
        data[..10].copy_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        data[0] |= u8::from(!keyframe);
        let frame = EncodedFrame {
            data: data.into(),
            keyframe,
            rtp_time: RtpTime(number * 3000),
            width: 640,
            height: 360,
            picture_id: Some((0x7ffe + number as u16) & 0x7fff),
            temporal_id,
            layer_sync,
            captured_at: None,
        };
        packets.extend(rewriter.forward(Time::ZERO, &frame, &packetize(&frame.data, 1200)));
        frames.push(frame);
    }
    (frames, packets)
}

fn push_all(assembler: &mut FrameAssembler, packets: &[Packet]) -> Vec<EncodedFrame> {
    packets.iter().flat_map(|packet| assembler.push(Time::ZERO, packet.clone())).collect()
}

#[test]
fn a_clean_stream_comes_out_as_it_went_in_each_frame_at_its_last_packet() {
    let (frames, packets) = stream(4, &[0]);
    let mut assembler = FrameAssembler::new();
    for (index, packet) in packets.into_iter().enumerate() {
        let out = assembler.push(Time::ZERO, packet);
        assert_eq!(out, if index % 3 == 2 { vec![frames[index / 3].clone()] } else { vec![] });
    }
    assert_eq!(assembler.waits(), Waits::Nothing);
    assert_eq!(assembler.poll(Time::from_millis(9999)), None);
}

#[test]
fn a_gap_holds_the_frames_behind_it_until_it_is_filled() {
    let (frames, packets) = stream(4, &[0]);
    let mut assembler = FrameAssembler::new();
    let [before, after] = [&packets[..4], &packets[5..]];
    assert_eq!(push_all(&mut assembler, before), frames[..1]);
    assert_eq!(push_all(&mut assembler, after), []);
    assert_eq!(assembler.waits(), Waits::Packets(Time::ZERO));
    assert_eq!(assembler.needed_from(), Some(packets[3].seq));
    assert_eq!(assembler.poll(Time::from_millis(100)), None, "retransmission has its chance first");
    assert_eq!(push_all(&mut assembler, &packets[4..5]), frames[1..], "all at once, in order");
    assert_eq!(push_all(&mut assembler, &packets), [], "nothing comes twice");
}

/// A sender took back a keyframe of which the second half had left already, and gave its numbers to the next: the receiver keeps what came
/// first, misses no number, and must not wait for ever.
#[test]
fn a_frame_that_contradicts_itself_is_given_up_for_a_keyframe() {
    for broken in [0, 1] {
        let (frames, mut packets) = stream(6, &[0, 4]);
        packets[broken * 3 + 2].rtp_time = RtpTime(77);
        let mut assembler = FrameAssembler::new();
        assert_eq!(push_all(&mut assembler, &packets[..12]), frames[..broken]);
        assert_eq!(assembler.poll(Time::ZERO), Some(Action::RequestKeyframe), "no number is missing");
        assert_eq!(push_all(&mut assembler, &packets[12..]), frames[4..]);
        assert_eq!(assembler.poll(Time::from_millis(9999)), None);
        assert!(assembler.malformed() > 0);
    }
}

#[test]
fn packets_of_two_moments_are_never_one_picture() {
    let (frames, mut packets) = stream(2, &[0, 1]);
    packets[5].rtp_time = packets[5].rtp_time.add(1);
    let mut assembler = FrameAssembler::new();
    assert_eq!(push_all(&mut assembler, &packets), frames[..1]);
}

#[test]
fn when_retransmission_gave_up_a_keyframe_is_asked_for_at_a_bounded_rate_and_goes_on() {
    let (frames, packets) = stream(6, &[0, 4]);
    let mut assembler = FrameAssembler::new();
    push_all(&mut assembler, &packets[..4]);
    push_all(&mut assembler, &packets[5..9]);
    assembler.lost(packets[4].seq);
    let asked: Vec<u64> =
        (0..120).map(|i| i * 10).filter(|&ms| assembler.poll(Time::from_millis(ms)).is_some()).collect();
    assert_eq!(asked, [0, 500, 1000]);
    assert_eq!(
        push_all(&mut assembler, &packets[9..]),
        frames[4..],
        "the keyframe passes over the broken frames"
    );
    assert_eq!(assembler.poll(Time::from_millis(9999)), None);
    assert_eq!(push_all(&mut assembler, &packets[4..5]), [], "too late is too late");
}

#[test]
fn a_gap_that_nobody_gave_up_on_is_given_up_after_a_time() {
    let (_, packets) = stream(3, &[0]);
    let mut assembler = FrameAssembler::new();
    push_all(&mut assembler, &packets[..4]);
    push_all(&mut assembler, &packets[5..]);
    assert_eq!(assembler.poll(Time::ZERO + GIVE_UP - Duration::from_millis(1)), None);
    assert_eq!(assembler.poll(Time::ZERO + GIVE_UP), Some(Action::RequestKeyframe));
}

#[test]
fn who_joins_in_the_middle_asks_soon_but_not_when_the_keyframe_is_already_coming() {
    let (frames, packets) = stream(3, &[1]);
    let mut assembler = FrameAssembler::new();
    assert_eq!(assembler.poll(Time::ZERO), None, "nothing was sent yet");
    // Frame 0 never left the rewriter: the first packets belong to the keyframe.
    push_all(&mut assembler, &packets[..1]);
    assert_eq!(assembler.poll(Time::ZERO), None);
    assert_eq!(push_all(&mut assembler, &packets[1..]).len(), frames[1..].len());

    let mut assembler = FrameAssembler::new();
    push_all(&mut assembler, &packets[3..]);
    assert_eq!(assembler.waits(), Waits::Keyframe);
    assert_eq!(assembler.poll(Time::from_millis(10)), None, "its first packet may have been overtaken");
    assert_eq!(assembler.poll(Time::from_millis(20)), Some(Action::RequestKeyframe));
}

#[test]
fn a_decoder_that_failed_gets_nothing_before_a_keyframe() {
    let (frames, packets) = stream(4, &[0, 3]);
    let mut assembler = FrameAssembler::new();
    assert_eq!(push_all(&mut assembler, &packets[..6]), frames[..2]);
    assembler.decoder_failed();
    assert_eq!(assembler.poll(Time::ZERO), Some(Action::RequestKeyframe));
    assert_eq!(push_all(&mut assembler, &packets[6..]), frames[3..]);
}

#[test]
fn lost_padding_between_two_pictures_stops_nothing() {
    let (frames, mut packets) = stream(2, &[0]);
    for packet in &mut packets[3..] {
        packet.seq = packet.seq.add(2);
    }
    let padding = Packet { payload: Bytes::new(), seq: packets[2].seq.next(), ..packets[2].clone() };
    let mut assembler = FrameAssembler::new();
    push_all(&mut assembler, &packets[..3]);
    assert_eq!(push_all(&mut assembler, &[padding]), [], "one padding came, one did not");
    assert_eq!(push_all(&mut assembler, &packets[3..]), frames[1..]);
}

#[test]
fn a_sender_that_begins_anew_elsewhere_is_followed() {
    for offset in [20_000_u16, 40_000] {
        let (frames, packets) = stream(2, &[0]);
        let (_, mut again) = stream(40, &[0, 20, 30]);
        for packet in &mut again {
            packet.seq = packet.seq.add(offset);
        }
        let mut assembler = FrameAssembler::new();
        assert_eq!(push_all(&mut assembler, &packets), frames);
        let out = push_all(&mut assembler, &again);
        assert!(out.len() >= 10, "{offset}: {}", out.len());
        assert!(out[0].keyframe);
    }
}

#[test]
fn memory_is_bounded_however_long_no_keyframe_comes() {
    let mut assembler = FrameAssembler::new();
    let (_, packets) = stream(1, &[0]);
    for n in 0..10_000_u16 {
        let mut packet = packets[1].clone();
        packet.seq = Seq(n.wrapping_mul(2));
        assert!(assembler.push(Time::ZERO, packet).is_empty());
        assert!(assembler.pieces.len() <= MAX_PACKETS && assembler.bytes <= MAX_BYTES);
    }
}

/// Pushes frame after frame, 33 ms apart, without the packets of these numbers; says which frames came out.
fn without(layers: &[(u8, bool)], missing: &[usize]) -> Vec<u32> {
    let (_, packets) = layered(layers, &[0]);
    let mut assembler = FrameAssembler::new();
    let mut out = Vec::new();
    for (index, packet) in packets.into_iter().enumerate().filter(|(index, _)| !missing.contains(index)) {
        let now = Time::from_millis(index as u64 / 3 * 33 + index as u64 % 3);
        out.extend(assembler.push(now, packet).iter().map(|frame| frame.rtp_time.0 / 3000));
        assert_eq!(assembler.poll(now), None);
    }
    out
}

#[test]
fn a_lost_upper_layer_stalls_nothing_and_its_layer_comes_back_where_it_needs_only_the_base() {
    let (base, low, top, sync) = ((0, false), (1, false), (2, false), (1, true));
    let frames = [base, top, low, top, base, top, low, top, base, (2, true), sync, top, base, top, low];
    assert_eq!(without(&frames, &[]).len(), 15);
    // A packet of frame 1: the base goes on with frame 4, upper layers with 9 and 10, and after both all.
    assert_eq!(without(&frames, &[4]), [0, 4, 8, 9, 10, 12, 14]);
    // All of frame 6, the lower of the upper ones.
    assert_eq!(without(&frames, &[18, 19, 20]), [0, 1, 2, 3, 4, 5, 8, 9, 10, 12, 14]);
    assert_eq!(without(&frames, &[13])[..4], [0, 1, 2, 3], "the base itself is waited for");
}

#[test]
fn an_upper_layer_that_was_only_overtaken_is_not_left_out() {
    let (frames, mut packets) = layered(&[(0, false), (1, false), (0, false), (1, false)], &[0]);
    packets.swap(5, 6);
    let mut assembler = FrameAssembler::new();
    assert_eq!(push_all(&mut assembler, &packets), frames);
}

#[test]
fn while_only_a_keyframe_helps_nothing_before_it_is_needed() {
    let (_, packets) = stream(4, &[0, 3]);
    let mut assembler = FrameAssembler::new();
    push_all(&mut assembler, &packets[..4]);
    push_all(&mut assembler, &packets[5..7]);
    assembler.lost(packets[4].seq);
    assert_eq!(assembler.needed_from(), None);
    push_all(&mut assembler, &packets[9..10]);
    assert_eq!(assembler.needed_from(), Some(packets[9].seq));
}
