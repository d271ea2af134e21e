#![allow(clippy::unwrap_used)]
use super::*;
use crate::rtp::{StreamRewriter, packetize};

/// Packets of `count` frames of 3000 bytes (three packets each); those in `keys` are keyframes.
fn stream(count: u32, keys: &[u32]) -> (Vec<EncodedFrame>, Vec<Packet>) {
    let mut rewriter = StreamRewriter::new(Seq(65_530), 0x7ffe);
    let mut frames = Vec::new();
    let mut packets = Vec::new();
    for number in 0..count {
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
            temporal_id: 0,
            layer_sync: false,
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
