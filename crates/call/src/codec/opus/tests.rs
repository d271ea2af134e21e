#![allow(clippy::unwrap_used)]
use super::{FRAME, OpusDecoder, OpusEncoder};
use bytes::Bytes;
use snug_media::Bitrate;
use snug_media::audio::{Decoder, DecoderInput, Protection, fec_samples, has_fec, packet_samples};
use snug_media::tone::dominant_frequency;
use std::time::Duration;

fn tone(packet: usize) -> [f32; FRAME] {
    std::array::from_fn(|i| {
        let at = (packet * FRAME + i) as f32 / 48_000.0;
        0.3 * (at * 440.0 * std::f32::consts::TAU).sin()
    })
}

fn packets(encoder: &mut OpusEncoder, count: usize) -> Vec<Bytes> {
    (0..count).map(|packet| encoder.encode(&tone(packet)).unwrap()).collect()
}

#[test]
fn a_tone_comes_back_with_its_pitch_at_about_the_rate() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(32)).unwrap();
    let packets = packets(&mut encoder, 100);
    let mut decoder = OpusDecoder::new().unwrap();
    let mut heard = Vec::new();
    let mut out = vec![0.0; 5760];
    for packet in &packets {
        assert_eq!(packet_samples(packet), Some(FRAME as u32));
        let samples = decoder.decode(DecoderInput::Packet(packet), &mut out).unwrap();
        heard.extend_from_slice(&out[..samples]);
    }
    let pitch = dominant_frequency(&heard[48_000..], 48_000).unwrap();
    assert!((435.0..445.0).contains(&pitch), "{pitch}");
    let bytes: usize = packets.iter().map(Bytes::len).sum();
    assert!((1000..10_000).contains(&bytes), "{bytes} bytes in 2 s at 32 kbit/s");
}

/// A voice of 150 Hz in syllables: Opus sends redundancy for speech only.
fn spoken(packet: usize) -> [f32; FRAME] {
    std::array::from_fn(|i| {
        let turn = (packet * FRAME + i) as f32 / 48_000.0 * std::f32::consts::TAU;
        let buzz: f32 = (1..20).map(|k| (turn * 150.0 * k as f32).sin() / k as f32).sum();
        0.2 * buzz * (0.5 - 0.5 * (turn * 3.0).cos())
    })
}

/// How alike two pieces of sound are, −1…1.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-9)
}

#[test]
fn a_lost_packet_is_told_by_the_next_or_concealed() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(32)).unwrap();
    encoder.set_protection(Protection { loss: 0.2, fec: true, dred: Duration::ZERO }).unwrap();
    let packets: Vec<Bytes> = (0..120).map(|packet| encoder.encode(&spoken(packet)).unwrap()).collect();
    let mut out = vec![0.0; 5760];
    let (mut told, mut concealed) = (0.0, 0.0);
    let lost = [60, 61, 75, 76, 77, 90, 91, 92];
    for lost in lost {
        let mut after = |input| {
            let mut decoder = OpusDecoder::new().unwrap();
            for packet in &packets[..lost] {
                decoder.decode(DecoderInput::Packet(packet), &mut out).unwrap();
            }
            assert_eq!(decoder.decode(input, &mut out), Ok(FRAME));
            out[..FRAME].to_vec()
        };
        let original = after(DecoderInput::Packet(&packets[lost]));
        let fec = after(DecoderInput::Fec { packet: &packets[lost + 1], samples: FRAME });
        let concealment = after(DecoderInput::Conceal { samples: FRAME });
        told += likeness(&original, &fec) / 8.0;
        concealed += likeness(&original, &concealment) / 8.0;
    }
    assert!(told > 0.9 && told > concealed, "told {told}, concealed {concealed}");
    assert!(concealed > 0.5, "{concealed}");
}

#[test]
fn silence_costs_next_to_nothing() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(32)).unwrap();
    packets(&mut encoder, 20);
    let lengths: Vec<usize> = (0..100).map(|_| encoder.encode(&[0.0; FRAME]).unwrap().len()).collect();
    let told = lengths[30..].iter().filter(|&&length| length > 2).count();
    assert!(told <= 6, "{lengths:?}");
}

#[test]
fn rubbish_is_an_error_and_the_next_packet_plays() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(32)).unwrap();
    let packets = packets(&mut encoder, 3);
    let mut decoder = OpusDecoder::new().unwrap();
    let mut out = vec![0.0; 5760];
    for rubbish in [&[][..], &[0xff], &[0xfb, 0xff, 0xff], &[0x03]] {
        assert!(decoder.decode(DecoderInput::Packet(rubbish), &mut out).is_err(), "{rubbish:?}");
    }
    assert!(decoder.decode(DecoderInput::Conceal { samples: 6000 }, &mut out).is_err());
    assert_eq!(decoder.decode(DecoderInput::Packet(&packets[0]), &mut out), Ok(FRAME));
}

/// How loud 10 ms are, in decibels.
fn loudness(sound: &[f32]) -> Vec<f32> {
    let level = |block: &[f32]| 10.0 * (block.iter().map(|s| s * s).sum::<f32>() / 480.0 + 1e-6).log10();
    sound.chunks(480).map(level).collect()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (loudness(a), loudness(b));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
}

#[test]
fn a_long_burst_is_told_by_the_packet_after_it_and_not_without_deep_redundancy() {
    const LOST: usize = 10;
    let mut encoder = OpusEncoder::new(Bitrate::kbps(56)).unwrap();
    encoder.set_protection(Protection::against(0.2, Bitrate::kbps(56))).unwrap();
    let packets: Vec<Bytes> = (0..160).map(|packet| encoder.encode(&spoken(packet)).unwrap()).collect();
    let mut out = vec![0.0; 5760];
    let (mut told, mut concealed) = (0.0, 0.0);
    for first in [80, 95, 110, 125] {
        let next = &packets[first + LOST];
        let mut after = |piece: &dyn Fn(usize) -> Option<usize>| {
            let mut decoder = OpusDecoder::new().unwrap();
            for packet in &packets[first - 40..first] {
                decoder.decode(DecoderInput::Packet(packet), &mut out).unwrap();
            }
            assert!(decoder.dred_reach(next) >= LOST * FRAME, "it goes back far enough");
            let mut heard = Vec::new();
            for lost in 0..LOST {
                let input = match piece(lost) {
                    Some(back) => DecoderInput::Dred { packet: next, back, samples: FRAME },
                    None => DecoderInput::Conceal { samples: FRAME },
                };
                assert_eq!(decoder.decode(input, &mut out), Ok(FRAME));
                heard.extend_from_slice(&out[..FRAME]);
            }
            heard
        };
        // The decoder is 6.5 ms behind the speaker.
        let said: Vec<f32> = (first - 1..first + LOST).flat_map(spoken).skip(FRAME - 312).collect();
        let said = &said[..LOST * FRAME];
        told += apart(said, &after(&|lost| Some((LOST - lost) * FRAME))) / 4.0;
        concealed += apart(said, &after(&|_| None)) / 4.0;
    }
    assert!(told < 6.0 && told < concealed / 2.0, "{told} dB apart when told, {concealed} dB when concealed");
}

#[test]
fn protection_costs_nothing_until_it_is_asked_for_and_is_seen_in_the_packets() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(48)).unwrap();
    let mut decoder = OpusDecoder::new().unwrap();
    let mut next = 0;
    let mut held = |encoder: &mut OpusEncoder| {
        let packets: Vec<Bytes> = (next..next + 50).map(|n| encoder.encode(&spoken(n)).unwrap()).collect();
        next += 50;
        let fec = packets[25..].iter().filter(|packet| has_fec(packet)).count();
        let dred = packets[25..].iter().filter(|packet| decoder.dred_reach(packet) > 0).count();
        (fec, dred)
    };
    assert_eq!(held(&mut encoder), (0, 0));
    encoder.set_protection(Protection::against(0.2, Bitrate::kbps(48))).unwrap();
    let (fec, dred) = held(&mut encoder);
    assert!(fec > 15 && dred > 15, "{fec} with copies, {dred} with features");
    encoder.set_protection(Protection::default()).unwrap();
    assert_eq!(held(&mut encoder), (0, 0));
}

#[test]
fn deep_redundancy_that_is_rubbish_or_asked_for_too_far_is_an_error_or_sound_and_never_more() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(48)).unwrap();
    encoder.set_protection(Protection::against(0.2, Bitrate::kbps(48))).unwrap();
    let packets: Vec<Bytes> = (0..60).map(|packet| encoder.encode(&spoken(packet)).unwrap()).collect();
    let mut decoder = OpusDecoder::new().unwrap();
    let mut out = vec![0.0; 5760];
    let mut state = 1_u32;
    for packet in &packets[40..] {
        for _ in 0..20 {
            let mut broken = packet.to_vec();
            for _ in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % broken.len();
                broken[at] = state as u8;
            }
            decoder.dred_reach(&broken);
            for back in [0, 960, 48_000, 1 << 24] {
                let input = DecoderInput::Dred { packet: &broken, back, samples: FRAME };
                if let Ok(samples) = decoder.decode(input, &mut out) {
                    assert!(samples == FRAME && out[..FRAME].iter().all(|sample| sample.is_finite()));
                }
            }
        }
    }
    let odd = DecoderInput::Dred { packet: &packets[50], back: 960, samples: 100 };
    assert!(decoder.decode(odd, &mut out).is_err());
    assert_eq!(decoder.decode(DecoderInput::Packet(&packets[50]), &mut out), Ok(FRAME));
}

/// `frames` × 20 ms from the `first` on.
fn spoken_at_once(first: usize, frames: usize) -> Vec<f32> {
    (first..first + frames).flat_map(spoken).collect()
}

#[test]
fn packets_of_any_length_follow_each_other_and_are_as_long_as_they_say() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(20)).unwrap();
    let mut decoder = OpusDecoder::new().unwrap();
    let mut out = vec![0.0; 5760];
    let (mut first, mut heard) = (0, Vec::new());
    for frames in [1, 1, 3, 3, 2, 1, 3, 2, 2, 3, 1, 1, 3, 3, 3] {
        let packet = encoder.encode(&spoken_at_once(first, frames)).unwrap();
        assert_eq!(packet_samples(&packet), Some((frames * FRAME) as u32));
        let samples = decoder.decode(DecoderInput::Packet(&packet), &mut out).unwrap();
        assert_eq!(samples, frames * FRAME);
        heard.extend_from_slice(&out[..samples]);
        first += frames;
    }
    let said = spoken_at_once(0, first);
    // Behind the speaker by what the encoder looks ahead.
    assert!(apart(&said[FRAME..said.len() - 312], &heard[FRAME + 312..]) < 6.0);
    assert!(encoder.encode(&said[..1000]).is_err(), "21 ms is no length of Opus");
}

#[test]
fn a_lost_packet_of_60_ms_is_told_whole_by_the_next_one() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(20)).unwrap();
    encoder.set_protection(Protection { loss: 0.2, fec: true, dred: Duration::ZERO }).unwrap();
    let packets: Vec<Bytes> =
        (0..40).map(|packet| encoder.encode(&spoken_at_once(packet * 3, 3)).unwrap()).collect();
    let mut out = vec![0.0; 5760];
    let (mut told, mut concealed) = (0.0, 0.0);
    for lost in [20, 24, 28, 32] {
        let mut after = |input| {
            let mut decoder = OpusDecoder::new().unwrap();
            for packet in &packets[..lost] {
                decoder.decode(DecoderInput::Packet(packet), &mut out).unwrap();
            }
            assert_eq!(decoder.decode(input, &mut out), Ok(3 * FRAME));
            out[..3 * FRAME].to_vec()
        };
        let next = &packets[lost + 1];
        assert_eq!(fec_samples(next), 3 * FRAME as u32, "the copy is as long as the packet");
        let original = after(DecoderInput::Packet(&packets[lost]));
        let fec = after(DecoderInput::Fec { packet: next, samples: 3 * FRAME });
        told += likeness(&original, &fec) / 4.0;
        concealed += likeness(&original, &after(DecoderInput::Conceal { samples: 3 * FRAME })) / 4.0;
    }
    assert!(told > 0.85 && told > concealed, "told {told}, concealed {concealed}");
}

#[test]
fn silence_in_long_packets_costs_next_to_nothing() {
    let mut encoder = OpusEncoder::new(Bitrate::kbps(17)).unwrap();
    for packet in 0..10 {
        encoder.encode(&spoken_at_once(packet * 3, 3)).unwrap();
    }
    let lengths: Vec<usize> =
        (0..60).map(|_| encoder.encode(&[0.0; 3 * FRAME]).unwrap().len()).skip(20).collect();
    let told = lengths.iter().filter(|&&length| length > 2).count();
    assert!(told <= 10, "{lengths:?}");
}
