//! Opus as a call uses it: mono, 48 kHz, 20 ms, with redundancy for lost packets and silence for free.

use super::CodecError;
use bytes::Bytes;
use opus::{Application, Channels};
use snug_media::Bitrate;
use snug_media::audio::{Decoder, DecoderInput};

/// Samples in a packet: 20 ms.
pub const FRAME: usize = 960;
/// Libopus's advice for the largest packet that is worth making.
const MAX_PACKET: usize = 1275;
/// Of 0…10: what libwebrtc uses on a desktop, 1 % of a core.
const COMPLEXITY: i32 = 9;

/// An Opus encoder for speech.
pub struct OpusEncoder {
    encoder: opus::Encoder,
    packet: Vec<u8>,
}

impl OpusEncoder {
    /// An encoder with in-band FEC and DTX on.
    pub fn new(bitrate: Bitrate) -> Result<OpusEncoder, CodecError> {
        let rate = crate::device::SAMPLE_RATE;
        let mut encoder = opus::Encoder::new(rate, Channels::Mono, Application::Voip).map_err(failed)?;
        encoder.set_complexity(COMPLEXITY).map_err(failed)?;
        encoder.set_inband_fec(true).map_err(failed)?;
        encoder.set_dtx(true).map_err(failed)?;
        let mut encoder = OpusEncoder { encoder, packet: vec![0; MAX_PACKET] };
        encoder.set_bitrate(bitrate)?;
        Ok(encoder)
    }

    /// Aims at another rate, 6…128 kbit/s, from the next packet on.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let bits = bitrate.clamp(Bitrate::kbps(6), Bitrate::kbps(128)).as_bps();
        self.encoder.set_bitrate(opus::Bitrate::Bits(bits as i32)).map_err(failed)
    }

    /// How many packets get lost, 0…1: the more, the more of the rate goes into redundancy.
    pub fn set_packet_loss(&mut self, ratio: f32) -> Result<(), CodecError> {
        // Only Opus's speech modes have redundancy; without loss it may take a song for one.
        let signal = if ratio > 0.0 { opus::Signal::Voice } else { opus::Signal::Auto };
        self.encoder.set_signal(signal).map_err(failed)?;
        self.encoder.set_packet_loss_perc((ratio * 100.0).clamp(0.0, 100.0).ceil() as i32).map_err(failed)
    }

    /// Encodes 20 ms. A packet of two bytes or less says that nothing is said (DTX).
    pub fn encode(&mut self, samples: &[f32; FRAME]) -> Result<Bytes, CodecError> {
        let length = self.encoder.encode_float(samples, &mut self.packet).map_err(failed)?;
        Ok(Bytes::copy_from_slice(&self.packet[..length]))
    }
}

/// An Opus decoder with concealment, as the playout of `snug-media` drives it.
pub struct OpusDecoder {
    decoder: opus::Decoder,
}

impl OpusDecoder {
    /// A decoder for mono at 48 kHz; stereo packets come out mixed.
    pub fn new() -> Result<OpusDecoder, CodecError> {
        let decoder = opus::Decoder::new(crate::device::SAMPLE_RATE, Channels::Mono).map_err(failed)?;
        Ok(OpusDecoder { decoder })
    }
}

impl Decoder for OpusDecoder {
    type Error = CodecError;

    fn decode(&mut self, input: DecoderInput<'_>, out: &mut [f32]) -> Result<usize, CodecError> {
        match input {
            // Without data libopus would conceal: an empty packet from the network must not.
            DecoderInput::Packet([]) => Err(CodecError::Corrupt("an empty packet".to_owned())),
            DecoderInput::Packet(packet) => self.decoder.decode_float(packet, out, false).map_err(corrupt),
            DecoderInput::Fec { packet, samples } => {
                let out = part(out, samples)?;
                self.decoder.decode_float(packet, out, true).map_err(corrupt)
            }
            DecoderInput::Conceal { samples } => {
                let out = part(out, samples)?;
                self.decoder.decode_float(&[], out, false).map_err(corrupt)
            }
        }
    }
}

/// Libopus makes as much as fits, so the length of the output is how much is asked for.
fn part(out: &mut [f32], samples: usize) -> Result<&mut [f32], CodecError> {
    out.get_mut(..samples).ok_or_else(|| CodecError::Corrupt(format!("{samples} samples at once")))
}

fn failed(error: opus::Error) -> CodecError {
    CodecError::Library { call: error.function(), reason: error.description().to_owned() }
}

fn corrupt(error: opus::Error) -> CodecError {
    CodecError::Corrupt(error.description().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::audio::packet_samples;
    use snug_media::tone::dominant_frequency;

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
        encoder.set_packet_loss(0.2).unwrap();
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
}
