//! The thread that turns a microphone into packets.

use super::far_end::FarEnd;
use super::packets::{AudioPacket, AudioPackets, BACKLOG};
use super::processing::Chain;
use super::{AudioProcessing, SoundLevel};
use crate::clock::Clock;
use crate::codec::opus::FRAME;
use crate::codec::{CodecError, OpusEncoder};
use crate::device::{
    BLOCK, Block, DeviceError, DeviceEvents, DeviceKind, DeviceReporter, Microphone, MicrophoneChoice,
    SoundBlock, open_microphone,
};
use bytes::Bytes;
use snug_media::level::{LevelMeter, audio_level};
use snug_media::{Bitrate, ClockRate, RtpTime, Time};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// How long a wait for sound may keep the thread from seeing that it shall end.
const PATIENCE: Duration = Duration::from_millis(50);
/// A microphone that failed is tried again after this, then after twice as long, and so on up to…
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// …this: soon enough for somebody who has just plugged it in again.
const RETRY_LAST: Duration = Duration::from_secs(4);
/// Wide-band speech without audible loss, redundancy included.
const DEFAULT_BITRATE: Bitrate = Bitrate::kbps(32);
/// A meter that moves 15 times a second looks alive.
const METER_PERIOD: Duration = Duration::from_millis(66);
/// When sound comes so much later than its count says, it is not jitter: time without sound has passed.
const GAP: Duration = Duration::from_millis(60);
/// A packet of at most so many bytes says that nothing is said (libopus in DTX).
const DTX_BYTES: usize = 2;

/// How an [`AudioSender`] begins. A level meter for settings is one whose packets nobody reads.
#[derive(Clone, Debug)]
pub struct AudioSettings {
    /// Where sound comes from.
    pub microphone: MicrophoneChoice,
    /// What is done to it.
    pub processing: AudioProcessing,
    /// Whether silence is sent instead.
    pub muted: bool,
    /// What the encoder aims at.
    pub bitrate: Bitrate,
}

impl Default for AudioSettings {
    fn default() -> AudioSettings {
        AudioSettings {
            microphone: MicrophoneChoice::Default,
            processing: AudioProcessing::default(),
            muted: false,
            bitrate: DEFAULT_BITRATE,
        }
    }
}

/// What is wanted of the thread.
struct Orders {
    microphone: MicrophoneChoice,
    microphone_changed: bool,
    muted: bool,
    bitrate: Bitrate,
    packet_loss: f32,
    ended: bool,
}

/// Shared by the thread, which reads it before each block, and by those who order; nobody holds the lock
/// longer than it takes to copy a field.
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }
}

/// Encodes a microphone, once for all peers. Dropping it closes the microphone and ends the thread.
pub struct AudioSender {
    shared: Arc<Shared>,
    level: watch::Receiver<SoundLevel>,
}

impl AudioSender {
    /// Starts the thread. The microphone is opened by it, so this does not wait; how that went comes as
    /// an event.
    pub fn start(settings: AudioSettings, far_end: FarEnd) -> (AudioSender, AudioPackets, DeviceEvents) {
        let (reporter, events) = DeviceReporter::new(DeviceKind::Microphone);
        let orders = Orders {
            microphone: settings.microphone,
            microphone_changed: false,
            muted: settings.muted,
            bitrate: settings.bitrate,
            packet_loss: 0.0,
            ended: false,
        };
        let shared = Arc::new(Shared { orders: Mutex::new(orders), changed: Condvar::new() });
        let (packets, receiver) = broadcast::channel(BACKLOG);
        let (level_out, level) = watch::channel(SoundLevel::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            reporter,
            clock: Clock::shared(),
            chain: Chain::new(settings.processing),
            far_end,
            meter: LevelMeter::new(),
            metered: Time::ZERO,
            level_out,
            packetizer: Packetizer {
                frame: [0.0; FRAME],
                filled: 0,
                begins: None,
                counted: None,
                quiet: false,
            },
            packets,
        };
        let spawned = std::thread::Builder::new().name("microphone".to_owned()).spawn(move || {
            if let Err(error) = worker.run() {
                tracing::error!(%error, "no voice is sent");
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for the microphone");
        }
        (AudioSender { shared, level }, AudioPackets { packets: receiver }, events)
    }

    /// Sends silence, or the voice again.
    pub fn set_muted(&self, muted: bool) {
        self.shared.order(|orders| orders.muted = muted);
    }

    /// Takes another microphone.
    pub fn set_microphone(&self, microphone: MicrophoneChoice) {
        self.shared.order(|orders| {
            if orders.microphone != microphone {
                orders.microphone = microphone;
                orders.microphone_changed = true;
            }
        });
    }

    /// How many packets get lost on the worst way, 0…1: redundancy is sent for it.
    pub fn set_packet_loss(&self, ratio: f32) {
        self.shared.order(|orders| orders.packet_loss = ratio);
    }

    /// Aims at another rate from the next packet on.
    pub fn set_bitrate(&self, bitrate: Bitrate) {
        self.shared.order(|orders| orders.bitrate = bitrate);
    }

    /// How loud it is, about 15 times a second; silence while muted.
    pub fn level(&self) -> watch::Receiver<SoundLevel> {
        self.level.clone()
    }
}

impl Drop for AudioSender {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.ended = true);
    }
}

/// What the thread owns.
struct Worker {
    shared: Arc<Shared>,
    reporter: DeviceReporter,
    clock: Clock,
    chain: Chain,
    far_end: FarEnd,
    meter: LevelMeter,
    metered: Time,
    level_out: watch::Sender<SoundLevel>,
    packetizer: Packetizer,
    packets: broadcast::Sender<AudioPacket>,
}

impl Worker {
    fn run(mut self) -> Result<(), CodecError> {
        let mut encoder = OpusEncoder::new(self.shared.lock().bitrate)?;
        let mut told: (Bitrate, f32) = (self.shared.lock().bitrate, 0.0);
        let mut microphone: Option<Box<dyn Microphone>> = None;
        let mut retry = RETRY_FIRST;
        loop {
            let (choice, muted, wanted) = {
                let mut orders = self.shared.lock();
                if orders.ended {
                    return Ok(());
                }
                if std::mem::take(&mut orders.microphone_changed) {
                    // Closing a device can take a while: not under the lock.
                    drop(orders);
                    microphone = None;
                    self.reporter.forget();
                    continue;
                }
                (orders.microphone.clone(), orders.muted, (orders.bitrate, orders.packet_loss))
            };
            if wanted != told {
                encoder.set_bitrate(wanted.0)?;
                encoder.set_packet_loss(wanted.1)?;
                told = wanted;
            }
            let open = match &mut microphone {
                Some(open) => open,
                none => match open_microphone(&choice, self.clock) {
                    Ok(opened) => none.insert(opened),
                    Err(error) => {
                        self.failed(error, &mut retry);
                        continue;
                    }
                },
            };
            match open.next_block(PATIENCE) {
                Ok(Some(block)) => {
                    retry = RETRY_FIRST;
                    self.reporter.working(open.name());
                    self.take(block, muted, &mut encoder);
                }
                Ok(None) => {}
                Err(error) => {
                    microphone = None;
                    self.failed(error, &mut retry);
                }
            }
        }
    }

    fn failed(&mut self, error: DeviceError, retry: &mut Duration) {
        self.reporter.failed(error);
        self.level_out.send_replace(SoundLevel::default());
        let orders = self.shared.lock();
        let unchanged = |orders: &mut Orders| !orders.ended && !orders.microphone_changed;
        let waited = self.shared.changed.wait_timeout_while(orders, *retry, unchanged);
        let news = !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        *retry = if news { RETRY_FIRST } else { (*retry * 2).min(RETRY_LAST) };
    }

    fn take(&mut self, mut block: SoundBlock, muted: bool, encoder: &mut OpusEncoder) {
        let far_end = self.far_end.at(block.captured_at);
        self.chain.process(&mut block.samples, &far_end);
        if muted {
            // After the chain, which goes on learning the room.
            block.samples.fill(0.0);
        }
        let now = self.clock.now();
        self.meter.push(now, &block.samples);
        let level = SoundLevel { level: self.meter.level(), speaking: self.meter.is_speaking() };
        if now.since(self.metered) >= METER_PERIOD {
            self.metered = now;
            self.level_out.send_replace(level);
        }
        match self.packetizer.push(&block.samples, block.captured_at, |frame| encoder.encode(frame)) {
            Ok(Some(made)) => {
                let packet = AudioPacket {
                    rtp_time: made.rtp_time,
                    payload: made.payload,
                    level: level.level,
                    audio_level: made.audio_level,
                    voice: level.speaking,
                    captured_at: made.captured_at,
                };
                // It fails only when nobody listens, as in a preview.
                self.packets.send(packet).ok();
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "20 ms of sound were not encoded"),
        }
    }
}

/// Joins blocks to packets and gives them their RTP time.
struct Packetizer {
    frame: [f32; FRAME],
    filled: usize,
    /// When the frame's first sample was spoken.
    begins: Option<Time>,
    /// RTP time that the next packet has if nothing is missing, and the moment that this stands for.
    counted: Option<(RtpTime, Time)>,
    /// Whether the receivers know that nothing is said.
    quiet: bool,
}

struct Made {
    rtp_time: RtpTime,
    payload: Bytes,
    audio_level: u8,
    captured_at: Time,
}

impl Packetizer {
    fn push(
        &mut self,
        block: &Block,
        captured_at: Time,
        encode: impl FnOnce(&[f32; FRAME]) -> Result<Bytes, CodecError>,
    ) -> Result<Option<Made>, CodecError> {
        let begins = *self.begins.get_or_insert(captured_at);
        self.frame[self.filled..][..BLOCK].copy_from_slice(block);
        self.filled += BLOCK;
        if self.filled < FRAME {
            return Ok(None);
        }
        (self.filled, self.begins) = (0, None);
        let rtp_time = self.stamp(begins);
        let payload = encode(&self.frame)?;
        // The first packet of silence is sent, because it says that silence begins.
        let quiet = payload.len() <= DTX_BYTES;
        if std::mem::replace(&mut self.quiet, quiet) && quiet {
            return Ok(None);
        }
        Ok(Some(Made { rtp_time, payload, audio_level: audio_level(&self.frame), captured_at: begins }))
    }

    /// RTP time counts samples, so that it is even; where time passed without any, it jumps.
    fn stamp(&mut self, begins: Time) -> RtpTime {
        let by_clock = RtpTime::at(begins.since(Time::ZERO), ClockRate::AUDIO);
        let (rtp_time, expected) = self.counted.unwrap_or((by_clock, begins));
        let late = begins.since(expected);
        let (rtp_time, expected) = if late > GAP {
            (rtp_time.add(ClockRate::AUDIO.ticks(late) as u32), begins)
        } else {
            // Cards drift against the clock: the expectation follows slowly, the count stays.
            let off = begins.micros_from(expected);
            (rtp_time, expected.shifted(off / 32))
        };
        self.counted = Some((rtp_time.add(FRAME as u32), expected + Duration::from_millis(20)));
        rtp_time
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn packetizer() -> Packetizer {
        Packetizer { frame: [0.0; FRAME], filled: 0, begins: None, counted: None, quiet: false }
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(20_000 + millis)
    }

    fn voice(_: &[f32; FRAME]) -> Result<Bytes, CodecError> {
        Ok(Bytes::from_static(&[1; 60]))
    }

    #[test]
    fn time_stamps_count_samples_whatever_the_card_says_and_jump_over_gaps() {
        let mut packetizer = packetizer();
        let mut stamps = Vec::new();
        for number in 0..200_u64 {
            let gap = if number < 100 { 0 } else { 500 };
            let jitter = number * 7 % 12;
            let made = packetizer.push(&[0.1; BLOCK], at(number * 10 + jitter + gap), voice).unwrap();
            assert_eq!(made.is_some(), number % 2 == 1);
            stamps.extend(made.map(|made| made.rtp_time));
        }
        let steps: Vec<i32> = stamps.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(steps[..49].iter().chain(&steps[50..]).all(|&step| step == 960), "{steps:?}");
        let gap = steps[49] - 960;
        assert!((gap - 24_000).abs() < 960, "half a second without sound: {gap}");
    }

    #[test]
    fn drift_of_a_card_is_not_taken_for_a_gap() {
        let mut packetizer = packetizer();
        let mut last: Option<RtpTime> = None;
        for number in 0..60_000_u64 {
            // 500 ppm slow: 300 ms in ten minutes.
            let spoken = at(0) + Duration::from_micros(number * 10_005);
            if let Some(made) = packetizer.push(&[0.1; BLOCK], spoken, voice).unwrap() {
                assert!(last.is_none_or(|last| made.rtp_time.since(last) == 960));
                last = Some(made.rtp_time);
            }
        }
    }

    #[test]
    fn of_silence_the_first_packet_is_sent_and_then_none() {
        let mut packetizer = packetizer();
        let mut sent = Vec::new();
        for packet in 0..20_u64 {
            let silent = (5..15).contains(&packet);
            for half in 0..2 {
                let payload = if silent { Bytes::from_static(&[8]) } else { Bytes::from_static(&[1; 50]) };
                let spoken = at(packet * 20 + half * 10);
                if packetizer.push(&[0.0; BLOCK], spoken, |_| Ok(payload)).unwrap().is_some() {
                    sent.push(packet);
                }
            }
        }
        assert_eq!(sent, [0, 1, 2, 3, 4, 5, 15, 16, 17, 18, 19]);
    }
}
