//! Stories of the encoder and the decoder together.
#![allow(clippy::unwrap_used)]

use super::*;
use snug_media::pattern::{self, Code};
use snug_media::{Bitrate, I420, Time};
use std::time::Duration;

const FRAME: Duration = Duration::from_micros(33_333);

fn picture(width: u32, height: u32, number: u32) -> I420 {
    let mut picture = I420::black(width, height).unwrap();
    pattern::draw(&mut picture, 3, number, u64::from(number) * 33);
    picture
}

fn read(picture: &I420) -> Option<Code> {
    pattern::read(picture.y(), picture.width(), picture.height(), picture.width() as usize)
}

/// Encodes pictures `from..to` and gives what came out, by number.
fn encode(encoder: &mut VpxEncoder, from: u32, to: u32) -> Vec<(u32, EncodedPicture)> {
    let (width, height) = encoder.size();
    (from..to)
        .filter_map(|number| {
            let at = Time::ZERO + FRAME * number;
            let frame = encoder.encode(&picture(width, height, number), at, FRAME, false).unwrap();
            frame.map(|frame| (number, frame))
        })
        .collect()
}

#[test]
fn the_code_is_readable_after_the_codec_at_high_and_low_rates() {
    for (width, height, rate) in [(1280, 720, 1500), (640, 360, 300), (1280, 720, 300)] {
        let mut encoder = VpxEncoder::new(width, height, 30, Bitrate::kbps(rate), 10).unwrap();
        let mut decoder = VpxDecoder::new().unwrap();
        let frames = encode(&mut encoder, 0, 45);
        assert!(frames.len() > 20, "{width} at {rate}: {} of 45", frames.len());
        assert!(frames[0].1.keyframe && frames[1..].iter().all(|(_, frame)| !frame.keyframe));
        for (number, frame) in &frames {
            let shown = decoder.decode(&frame.data).unwrap().unwrap();
            assert_eq!((shown.width(), shown.height()), (width, height));
            let code = read(&shown).unwrap_or_else(|| panic!("frame {number} at {rate} kbit/s"));
            assert_eq!((code.frame_no, code.sender), (*number, 3));
        }
    }
}

#[test]
fn a_new_bitrate_is_obeyed_in_the_middle() {
    let mut encoder = VpxEncoder::new(640, 360, 30, Bitrate::kbps(1200), 10).unwrap();
    let rate_of = |frames: &[(u32, EncodedPicture)], count: u32| {
        let bytes = frames.iter().map(|(_, frame)| frame.data.len() as u64).sum();
        Bitrate::of(bytes, FRAME * count).as_kbps()
    };
    // Noise, which takes whatever rate there is; the test picture alone is content with little.
    let mut noise = 7_u32;
    let mut run = |encoder: &mut VpxEncoder, from: u32, to: u32| -> Vec<(u32, EncodedPicture)> {
        (from..to)
            .filter_map(|number| {
                let mut picture = picture(640, 360, number);
                for pixel in picture.planes_mut().0 {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *pixel = pixel.saturating_add((noise >> 27) as u8);
                }
                let at = Time::ZERO + FRAME * number;
                Some((number, encoder.encode(&picture, at, FRAME, false).unwrap()?))
            })
            .collect()
    };
    run(&mut encoder, 0, 60);
    let high = rate_of(&run(&mut encoder, 60, 120), 60);
    encoder.set_bitrate(Bitrate::kbps(250)).unwrap();
    run(&mut encoder, 120, 180);
    let low = rate_of(&run(&mut encoder, 180, 240), 60);
    assert!((900.0..1500.0).contains(&high), "{high} kbit/s");
    assert!((120.0..375.0).contains(&low), "{low} kbit/s");
}

#[test]
fn a_keyframe_comes_exactly_when_it_is_asked_for() {
    let mut encoder = VpxEncoder::new(320, 180, 30, Bitrate::kbps(500), 8).unwrap();
    encode(&mut encoder, 0, 10);
    let at = |number: u32| Time::ZERO + FRAME * number;
    let forced = encoder.encode(&picture(320, 180, 10), at(10), FRAME, true).unwrap().unwrap();
    assert!(forced.keyframe);
    let next = encoder.encode(&picture(320, 180, 11), at(11), FRAME, false).unwrap().unwrap();
    assert!(!next.keyframe);
    let mut fresh = VpxDecoder::new().unwrap();
    assert_eq!(read(&fresh.decode(&forced.data).unwrap().unwrap()).unwrap().frame_no, 10);
    assert_eq!(read(&fresh.decode(&next.data).unwrap().unwrap()).unwrap().frame_no, 11);
}

#[test]
fn a_decoder_recovers_from_rubbish_at_the_next_keyframe_and_not_before() {
    let mut encoder = VpxEncoder::new(320, 180, 30, Bitrate::kbps(500), 8).unwrap();
    let frames = encode(&mut encoder, 0, 4);
    let (key, delta) = (&frames[0].1, &frames[1].1);
    let mut decoder = VpxDecoder::new().unwrap();
    assert_eq!(decoder.decode(&delta.data), Err(CodecError::NeedsKeyframe));
    let noise: Vec<u8> = (0..999_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut headed = key.data[..10].to_vec();
    headed.extend(&noise);
    let huge = [0x10, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0];
    for rubbish in [&[][..], &[0], &[0xff; 40], &key.data[..6], &key.data[..12], &huge] {
        assert!(decoder.decode(&key.data).unwrap().is_some());
        assert!(matches!(decoder.decode(rubbish), Err(CodecError::Corrupt(_))), "{rubbish:?}");
        assert_eq!(decoder.decode(&delta.data), Err(CodecError::NeedsKeyframe));
    }
    // Entropy-coded noise may decode to a picture; what must not happen is a crash, and a keyframe must
    // bring the real picture back.
    for rubbish in [&noise, &headed] {
        let _shown_or_not = decoder.decode(rubbish);
        let shown = decoder.decode(&key.data).unwrap().unwrap();
        assert_eq!(read(&shown).unwrap().frame_no, 0);
    }
}

#[test]
fn a_picture_of_another_size_and_impossible_sizes_are_refused() {
    let mut encoder = VpxEncoder::new(320, 180, 30, Bitrate::kbps(500), 8).unwrap();
    assert!(encoder.encode(&picture(640, 360, 0), Time::ZERO, FRAME, false).is_err());
    for (width, height) in [(0, 0), (321, 180), (320, 181), (40_000, 2)] {
        assert!(VpxEncoder::new(width, height, 30, Bitrate::kbps(500), 8).is_err());
    }
}

#[test]
fn time_that_stands_still_does_not_stop_the_encoder() {
    let mut encoder = VpxEncoder::new(320, 180, 30, Bitrate::kbps(500), 8).unwrap();
    for number in 0..3 {
        assert!(encoder.encode(&picture(320, 180, number), Time::ZERO, FRAME, false).is_ok());
    }
}
