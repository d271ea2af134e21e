//! The thread that turns a microphone into packets.

use super::effort::EffortMeter;
use super::far_end::FarEnd;
use super::packetizer::Packetizer;
use super::packets::{AudioPacket, AudioPackets, BACKLOG};
use super::processing::Chain;
use super::{AudioProcessing, SoundLevel};
use crate::clock::Clock;
use crate::codec::{CodecError, OpusEncoder};
use crate::device::{
    DeviceError, DeviceEvents, DeviceKind, DeviceReporter, Microphone, MicrophoneChoice, SoundBlock,
    open_microphone,
};
use crate::peer::HEADERS;
use snug_media::allocate::Voice;
use snug_media::audio::Protection;
use snug_media::level::LevelMeter;
use snug_media::{Bitrate, Time};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// How long a wait for sound may keep the thread from seeing that it shall end.
const PATIENCE: Duration = Duration::from_millis(50);
/// A microphone that failed is tried again after this, then after twice as long, and so on up to…
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// …this: soon enough for somebody who has just plugged it in again.
const RETRY_LAST: Duration = Duration::from_secs(4);
/// What is right on a good network: wide-band speech without audible loss.
const DEFAULT_VOICE: Voice =
    Voice { bitrate: Bitrate::kbps(32), packet_time: Duration::from_millis(20), loss: 0.0 };
/// A meter that moves 15 times a second looks alive.
const METER_PERIOD: Duration = Duration::from_millis(66);

/// How an [`AudioSender`] begins. A level meter for settings is one whose packets nobody reads.
#[derive(Clone, Debug)]
pub struct AudioSettings {
    /// Where sound comes from.
    pub microphone: MicrophoneChoice,
    /// What is done to it.
    pub processing: AudioProcessing,
    /// Whether silence is sent instead.
    pub muted: bool,
    /// How it is encoded at first.
    pub voice: Voice,
}

impl Default for AudioSettings {
    fn default() -> AudioSettings {
        AudioSettings {
            microphone: MicrophoneChoice::Default,
            processing: AudioProcessing::default(),
            muted: false,
            voice: DEFAULT_VOICE,
        }
    }
}

/// What is wanted of the thread.
struct Orders {
    microphone: MicrophoneChoice,
    microphone_changed: bool,
    muted: bool,
    voice: Voice,
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
            voice: settings.voice,
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
            effort: EffortMeter::new(),
            meter: LevelMeter::new(),
            metered: Time::ZERO,
            level_out,
            packetizer: Packetizer::new(),
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

    /// Encodes otherwise: another rate and other copies from the next packet on, and longer packets step by step.
    pub fn set_voice(&self, voice: Voice) {
        self.shared.order(|orders| orders.voice = voice);
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
    effort: EffortMeter,
    meter: LevelMeter,
    metered: Time,
    level_out: watch::Sender<SoundLevel>,
    packetizer: Packetizer,
    packets: broadcast::Sender<AudioPacket>,
}

impl Worker {
    fn run(mut self) -> Result<(), CodecError> {
        let mut encoder = OpusEncoder::new(self.shared.lock().voice.bitrate)?;
        let mut told: Option<(Voice, Duration)> = None;
        let mut microphone: Option<Box<dyn Microphone>> = None;
        let mut retry = RETRY_FIRST;
        loop {
            let (choice, muted, voice) = {
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
                (orders.microphone.clone(), orders.muted, orders.voice)
            };
            let packet_time = self.packetizer.packet_time();
            if told.replace((voice, packet_time)) != Some((voice, packet_time)) {
                self.packetizer.set_packet_time(voice.packet_time);
                let bitrate = voice.bitrate_in(packet_time, HEADERS);
                encoder.set_bitrate(bitrate)?;
                encoder.set_protection(Protection::against(voice.loss as f32, bitrate))?;
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
        let started = self.clock.now();
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
            Err(error) => tracing::warn!(%error, "a packet of sound was not encoded"),
        }
        let done = self.clock.now();
        if let Some(effort) = self.effort.worked(done, done.since(started))
            && let Err(error) = encoder.set_effort(effort)
        {
            tracing::error!(%error, "the voice is encoded with the effort that it had");
        }
    }
}
