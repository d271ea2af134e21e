//! Opens one cpal stream whose callbacks move samples between the card and a ring.

use super::{DeviceError, Direction, classify};
use crate::clock::Clock;
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{
    BufferSize, FromSample, I24, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer, RingBuffer};
use snug_media::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::device::SAMPLE_RATE;

/// 10 ms: small enough for a conversation, large enough for any sound server. The default would be 2 s.
const PERIOD: u32 = 480;
/// Where that is refused. A device shared by ALSA itself (dmix) takes one size only, usually the second of these, and says so no sooner than
/// when it is opened.
const OTHER_PERIODS: [u32; 4] = [512, 1024, 2048, 4096];
/// Half a second of samples: what a thread that was not run for a moment needs, and never a delay,
/// because both ends keep the ring nearly empty.
const RING: usize = 24_000;
/// Stamps for as much.
const STAMPS: usize = 256;
/// A card that reports more than this before or after the callback is not to be believed.
const MAX_LATENCY: Duration = Duration::from_millis(200);
/// A sound server that hangs must not hang us.
const BUILD_TIMEOUT: Duration = Duration::from_secs(3);

/// The sample at this position in the stream was captured, or will be played, at this time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) position: u64,
    pub(crate) at: Time,
}

/// What the callbacks tell the keeper. Written by callbacks, read once a second; nobody waits.
#[derive(Default)]
pub(super) struct Health {
    /// Counts callbacks: a stream whose count stands still is dead.
    pub(super) callbacks: AtomicU32,
    /// Error callbacks since they were last looked at; some hosts make thousands in a second.
    pub(super) errors: AtomicU32,
    /// One of them says that the stream must be built anew.
    pub(super) broken: AtomicBool,
    /// The largest block that the card has asked for at once.
    pub(super) largest: AtomicU32,
    /// Samples that were missing when the card asked.
    pub(super) missing: AtomicU32,
}

/// The card's end of a ring is in the callback, this is the other.
pub(crate) enum Ring {
    /// Captured samples.
    In(Consumer<f32>),
    /// Samples to be played.
    Out(Producer<f32>),
}

/// A running stream and our end of its ring.
pub(super) struct Running {
    /// Dropping it closes the device.
    pub(super) stream: cpal::Stream,
    pub(super) rate: u32,
    pub(super) ring: Ring,
    pub(super) stamps: Consumer<Stamp>,
    pub(super) health: Arc<Health>,
}

/// Opens and starts a stream.
pub(super) fn start(
    device: &cpal::Device,
    direction: Direction,
    clock: Clock,
) -> Result<Running, DeviceError> {
    let (format, config) = choose(device, direction)?;
    let sizes = OTHER_PERIODS.into_iter().map(BufferSize::Fixed);
    let others = sizes
        .filter(|size| *size != config.buffer_size)
        .map(|buffer_size| StreamConfig { buffer_size, ..config });
    let mut opened = open(device, direction, clock, format, config);
    for other in others {
        if !matches!(opened, Err(DeviceError::Unsupported(_))) {
            break;
        }
        opened = open(device, direction, clock, format, other);
    }
    opened
}

fn open(
    device: &cpal::Device,
    direction: Direction,
    clock: Clock,
    format: SampleFormat,
    config: StreamConfig,
) -> Result<Running, DeviceError> {
    let health = Arc::new(Health::default());
    let (stamp, stamps) = RingBuffer::new(STAMPS);
    let (producer, consumer) = RingBuffer::new(RING);
    let channels = usize::from(config.channels);
    let card = Card { clock, stamp, position: 0, channels, health: Arc::clone(&health) };
    let (stream, ring) = match direction {
        Direction::In => (input(device, format, config, card, producer)?, Ring::In(consumer)),
        Direction::Out => (output(device, format, config, card, consumer)?, Ring::Out(producer)),
    };
    stream.play().map_err(|error| classify(&error))?;
    Ok(Running { stream, rate: config.sample_rate, ring, stamps, health })
}

/// 48 kHz, few channels, floats: as far as the device has them.
fn choose(device: &cpal::Device, direction: Direction) -> Result<(SampleFormat, StreamConfig), DeviceError> {
    let ranges: Vec<SupportedStreamConfigRange> = match direction {
        Direction::In => device.supported_input_configs().map_err(|error| classify(&error))?.collect(),
        Direction::Out => device.supported_output_configs().map_err(|error| classify(&error))?.collect(),
    };
    let usable = ranges.into_iter().filter(|range| rank(range.sample_format()).is_some());
    let best = usable.min_by_key(|range| {
        let rate = !range.contains_rate(SAMPLE_RATE);
        // A microphone is one channel. A speaker has two ears: some cards play one channel on the left.
        let ears = if direction == Direction::In { 1 } else { 2 };
        (rate, range.channels().abs_diff(ears), rank(range.sample_format()))
    });
    let range = best.ok_or_else(|| DeviceError::Unsupported("no format that we know".to_owned()))?;
    let rate = SAMPLE_RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
    let period = PERIOD * rate / SAMPLE_RATE;
    let period = match range.buffer_size() {
        SupportedBufferSize::Range { min, max } => period.clamp(*min, (*max).max(*min)),
        SupportedBufferSize::Unknown => period,
    };
    let config = StreamConfig {
        channels: range.channels(),
        sample_rate: rate,
        buffer_size: BufferSize::Fixed(period),
    };
    Ok((range.sample_format(), config))
}

/// The formats that we convert, best first.
fn rank(format: SampleFormat) -> Option<u8> {
    match format {
        SampleFormat::F32 => Some(0),
        SampleFormat::I16 => Some(1),
        SampleFormat::I32 => Some(2),
        SampleFormat::I24 => Some(3),
        SampleFormat::U8 => Some(4),
        _ => None,
    }
}

/// What both callbacks carry.
struct Card {
    clock: Clock,
    stamp: Producer<Stamp>,
    position: u64,
    channels: usize,
    health: Arc<Health>,
}

impl Card {
    /// A block begins at this position and time. When nobody reads stamps, the newest are lost.
    fn stamp(&mut self, at: Time, frames: usize) {
        self.stamp.push(Stamp { position: self.position, at }).ok();
        self.health.callbacks.fetch_add(1, Ordering::Relaxed);
        self.health.largest.fetch_max(frames as u32, Ordering::Relaxed);
    }

    fn on_error(&self) -> impl FnMut(cpal::Error) + Send + 'static {
        let health = Arc::clone(&self.health);
        move |error| {
            health.errors.fetch_add(1, Ordering::Relaxed);
            // The route changed or time was lost: the stream goes on.
            let harmless = matches!(
                error.kind(),
                cpal::ErrorKind::Xrun | cpal::ErrorKind::DeviceChanged | cpal::ErrorKind::RealtimeDenied
            );
            if !harmless {
                health.broken.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn input(
    device: &cpal::Device,
    format: SampleFormat,
    config: StreamConfig,
    card: Card,
    ring: Producer<f32>,
) -> Result<cpal::Stream, DeviceError> {
    match format {
        SampleFormat::F32 => input_of::<f32>(device, config, card, ring),
        SampleFormat::I16 => input_of::<i16>(device, config, card, ring),
        SampleFormat::I32 => input_of::<i32>(device, config, card, ring),
        SampleFormat::I24 => input_of::<I24>(device, config, card, ring),
        SampleFormat::U8 => input_of::<u8>(device, config, card, ring),
        other => Err(DeviceError::Unsupported(other.to_string())),
    }
}

fn input_of<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut card: Card,
    mut ring: Producer<f32>,
) -> Result<cpal::Stream, DeviceError>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let on_error = card.on_error();
    let callback = move |data: &[T], info: &cpal::InputCallbackInfo| {
        let stamp = info.timestamp();
        let age = stamp.callback.saturating_duration_since(stamp.capture).min(MAX_LATENCY);
        card.stamp(card.clock.now() - age, data.len() / card.channels);
        for frame in data.chunks_exact(card.channels) {
            let sum: f32 = frame.iter().map(|&sample| sample.to_sample::<f32>()).sum();
            card.position += 1;
            if ring.push(sum / card.channels as f32).is_err() {
                // Nobody reads: the newest are lost, and the position says how many.
                card.health.missing.fetch_add(1, Ordering::Relaxed);
                card.position -= 1;
            }
        }
    };
    device
        .build_input_stream::<T, _, _>(config, callback, on_error, Some(BUILD_TIMEOUT))
        .map_err(|error| classify(&error))
}

fn output(
    device: &cpal::Device,
    format: SampleFormat,
    config: StreamConfig,
    card: Card,
    ring: Consumer<f32>,
) -> Result<cpal::Stream, DeviceError> {
    match format {
        SampleFormat::F32 => output_of::<f32>(device, config, card, ring),
        SampleFormat::I16 => output_of::<i16>(device, config, card, ring),
        SampleFormat::I32 => output_of::<i32>(device, config, card, ring),
        SampleFormat::I24 => output_of::<I24>(device, config, card, ring),
        SampleFormat::U8 => output_of::<u8>(device, config, card, ring),
        other => Err(DeviceError::Unsupported(other.to_string())),
    }
}

fn output_of<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut card: Card,
    mut ring: Consumer<f32>,
) -> Result<cpal::Stream, DeviceError>
where
    T: SizedSample + FromSample<f32>,
{
    let on_error = card.on_error();
    let callback = move |data: &mut [T], info: &cpal::OutputCallbackInfo| {
        let stamp = info.timestamp();
        let ahead = stamp.playback.saturating_duration_since(stamp.callback).min(MAX_LATENCY);
        card.stamp(card.clock.now() + ahead, data.len() / card.channels);
        for frame in data.chunks_exact_mut(card.channels) {
            let sample = match ring.pop() {
                Ok(sample) => {
                    card.position += 1;
                    sample
                }
                Err(_) => {
                    card.health.missing.fetch_add(1, Ordering::Relaxed);
                    0.0
                }
            };
            frame.fill(T::from_sample(sample));
        }
    };
    device
        .build_output_stream::<T, _, _>(config, callback, on_error, Some(BUILD_TIMEOUT))
        .map_err(|error| classify(&error))
}
