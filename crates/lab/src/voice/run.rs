//! The run: who speaks, what the network does, who listens.

use super::report::{VoiceReport, VoiceRun};
use crate::net::{Link, Profile};
use anyhow::{Context, Result, ensure};
use snug_call::audio::Packetizer;
use snug_call::codec::{OpusDecoder, OpusEncoder};
use snug_media::audio::{AudioReceiver, BLOCK, Protection, SAMPLE_RATE};
use snug_media::{Bitrate, RtpTime, Seq, Time};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The virtual clock begins here, so that nothing is near zero.
const BEGIN: Time = Time::from_millis(10_000);
/// 10 ms, in which sound is taken from the microphone and given to the speaker.
const TICK: Duration = Duration::from_millis(10);
/// The listener tells the speaker once a second what got lost, as receiver reports do.
const REPORT_TICKS: u64 = 100;
/// Weight of a new report in what the speaker believes: a few seconds' worth.
const REPORT_WEIGHT: f32 = 0.5;
/// After the last word, so that it is heard whatever the delay.
const AFTER: u64 = 100;
/// IP, UDP, RTP and SRTP headers: the link counts them, the voice's rate does not.
const HEADERS: usize = 60;

/// What is run.
#[derive(Clone, Debug)]
pub struct VoiceOptions {
    /// Speech: a wav file of one channel at 48 kHz.
    pub speech: PathBuf,
    /// The networks and their names.
    pub links: Vec<(String, Profile)>,
    /// Runs on each.
    pub seeds: u64,
    /// The voice's rate, copies included; what the loss asks for when absent.
    pub bitrate: Option<Bitrate>,
    /// Whether in-band FEC, and whether deep redundancy is sent when packets get lost.
    pub fec: bool,
    /// See `fec`.
    pub dred: bool,
    /// By how much the speaker's card runs fast, in parts per million of the listener's.
    pub drift_ppm: f64,
    /// Folder for what was heard.
    pub record: Option<PathBuf>,
}

/// Runs each network with each seed.
pub fn measure(options: &VoiceOptions) -> Result<VoiceReport> {
    let speech = read(&options.speech)?;
    let mut runs = Vec::new();
    for (name, profile) in &options.links {
        for seed in 1..=options.seeds {
            let (mut run, heard) = Conversation::new(options, *profile, seed)?.hold(&speech)?;
            run.link.clone_from(name);
            run.seed = seed;
            if let Some(folder) = &options.record {
                let path = folder.join(format!("{name}-{seed}.wav"));
                write(&path, &heard)?;
                run.heard = Some(path.display().to_string());
            }
            runs.push(run);
        }
    }
    Ok(VoiceReport { runs })
}

/// A packet as the listener's socket gets it.
struct Sent {
    seq: Seq,
    rtp_time: RtpTime,
    payload: bytes::Bytes,
}

struct Conversation<'a> {
    options: &'a VoiceOptions,
    encoder: OpusEncoder,
    packetizer: Packetizer,
    link: Link<Sent>,
    receiver: AudioReceiver<OpusDecoder>,
    seq: Seq,
    believed_loss: f32,
    /// Since the last report: sent and lost.
    reported: (u32, u32),
    sent: u64,
    lost: u64,
    bytes: usize,
    encoding: Duration,
    decoding: Duration,
}

impl<'a> Conversation<'a> {
    fn new(options: &'a VoiceOptions, profile: Profile, seed: u64) -> Result<Conversation<'a>> {
        let bitrate = options.bitrate.unwrap_or_else(|| share(0.0));
        Ok(Conversation {
            options,
            encoder: OpusEncoder::new(bitrate)?,
            packetizer: Packetizer::new(),
            link: Link::new(BEGIN, profile, seed),
            receiver: AudioReceiver::new(OpusDecoder::new()?),
            seq: Seq(65_000),
            believed_loss: 0.0,
            reported: (0, 0),
            sent: 0,
            lost: 0,
            bytes: 0,
            encoding: Duration::ZERO,
            decoding: Duration::ZERO,
        })
    }

    fn hold(mut self, speech: &[f32]) -> Result<(VoiceRun, Vec<f32>)> {
        let ticks = (speech.len() / BLOCK) as u64;
        let mut heard = Vec::with_capacity(speech.len());
        // The speaker's card makes a block each 10 ms of its own time, the listener's of ours.
        let card = TICK.div_f64(1.0 + self.options.drift_ppm / 1e6);
        let mut blocks = speech.chunks_exact(BLOCK);
        let mut spoken = 0_u32;
        for tick in 0..ticks + AFTER {
            let now = BEGIN + TICK * tick as u32;
            while BEGIN + card * spoken <= now {
                let captured_at = BEGIN + card * spoken;
                spoken += 1;
                let Some(block) = blocks.next() else { break };
                self.speak(block, captured_at)?;
            }
            if tick % REPORT_TICKS == REPORT_TICKS - 1 {
                self.report()?;
            }
            let started = Instant::now();
            self.carry(now);
            let mut block = [0.0; BLOCK];
            self.receiver.fill(now, &mut block);
            self.decoding += started.elapsed();
            heard.extend_from_slice(&block);
        }
        Ok((self.figures(heard.len()), heard))
    }

    fn speak(&mut self, block: &[f32], captured_at: Time) -> Result<()> {
        let block = block.try_into().context("a block has 10 ms")?;
        let started = Instant::now();
        let encoder = &mut self.encoder;
        let made = self.packetizer.push(block, captured_at, |frame| encoder.encode(frame))?;
        self.encoding += started.elapsed();
        let Some(made) = made else { return Ok(()) };
        self.bytes += made.payload.len();
        self.sent += 1;
        let size = made.payload.len() + HEADERS;
        let packet = Sent { seq: self.seq, rtp_time: made.rtp_time, payload: made.payload };
        self.seq = self.seq.add(1);
        self.reported.0 += 1;
        if self.link.push(captured_at + TICK, size, packet).is_err() {
            self.lose();
        }
        Ok(())
    }

    fn lose(&mut self) {
        self.lost += 1;
        self.reported.1 += 1;
    }

    fn carry(&mut self, now: Time) {
        while let Some(out) = self.link.poll(now) {
            if out.lost {
                self.lose();
            } else {
                let Sent { seq, rtp_time, payload } = out.packet;
                self.receiver.insert(out.due, seq, rtp_time, payload);
            }
        }
    }

    fn report(&mut self) -> Result<()> {
        let (sent, lost) = std::mem::take(&mut self.reported);
        let loss = lost as f32 / sent.max(1) as f32;
        self.believed_loss += REPORT_WEIGHT * (loss - self.believed_loss);
        let bitrate = self.options.bitrate.unwrap_or_else(|| share(self.believed_loss));
        let mut protection = Protection::against(self.believed_loss, bitrate);
        protection.fec &= self.options.fec;
        if !self.options.dred {
            protection.dred = Duration::ZERO;
        }
        self.encoder.set_bitrate(bitrate)?;
        self.encoder.set_protection(protection)?;
        Ok(())
    }

    fn figures(&self, heard: usize) -> VoiceRun {
        let stats = self.receiver.stats();
        let all = stats.total_samples_received.max(1) as f64;
        let stretched = stats.removed_samples_for_acceleration + stats.inserted_samples_for_deceleration;
        let packets = (heard / BLOCK / 2) as f64;
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        VoiceRun {
            link: String::new(),
            seed: 0,
            packets_sent: self.sent,
            packets_lost: self.lost,
            bitrate_kbps: self.bytes as f64 * 8.0 / (self.sent.max(1) as f64 * 20.0),
            concealed: stats.concealed_ratio(),
            fec: stats.fec_packets_decoded as f64 * 2.0 * BLOCK as f64 / all,
            dred: stats.dred_samples as f64 / all,
            packets_discarded: stats.packets_discarded,
            jitter_buffer_ms: millis(stats.average_delay()),
            target_ms: millis(stats.average_target_delay()),
            stretched: stretched as f64 / all,
            encode_ms: millis(self.encoding) / packets,
            decode_ms: millis(self.decoding) / packets,
            heard: None,
        }
    }
}

/// What a voice gets on a way that is wide enough, as `snug_media::allocate` has it: at a quarter lost, as much
/// again.
fn share(loss: f32) -> Bitrate {
    Bitrate::bps((32_000.0 * (1.0 + (loss * 4.0).min(1.0))) as u64)
}

fn read(path: &Path) -> Result<Vec<f32>> {
    let mut file = hound::WavReader::open(path).with_context(|| path.display().to_string())?;
    let spec = file.spec();
    let fits = spec.channels == 1 && spec.sample_rate == SAMPLE_RATE && spec.bits_per_sample == 16;
    ensure!(fits, "{}: speech has one channel of 16 bits at 48 kHz", path.display());
    file.samples::<i16>().map(|sample| Ok(f32::from(sample?) / 32768.0)).collect()
}

fn write(path: &Path, samples: &[f32]) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).with_context(|| path.display().to_string())?;
    for sample in samples {
        file.write_sample((sample * 32768.0).clamp(-32768.0, 32767.0) as i16)?;
    }
    Ok(file.finalize()?)
}
