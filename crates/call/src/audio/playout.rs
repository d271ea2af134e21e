//! The thread that makes everybody audible.
//!
//! It lives by the speaker's beat: each time that 10 ms are wanted it takes as much from each person's
//! jitter buffer, mixes, and hands the mix to the speaker and (with the time at which it will be heard)
//! to the echo canceller. The speaker's clock thus paces the jitter buffers, which correct for the
//! senders' clocks by stretching. While there is no speaker it goes on into nothing by our clock, so
//! that a speaker that is plugged in later plays the present and not the past.

use super::SoundLevel;
use super::effort::EffortMeter;
use super::far_end::{FarEnd, FarEndFeed, far_end};
use super::limiter::Limiter;
use crate::clock::Clock;
use crate::codec::{CodecError, OpusDecoder};
use crate::device::{
    BLOCK, Block, DeviceError, DeviceEvents, DeviceKind, DeviceReporter, Speaker, SpeakerChoice, nowhere,
    open_speaker,
};
use bytes::Bytes;
use snug_media::audio::{AudioReceiver, AudioStats};
use snug_media::level::LevelMeter;
use snug_media::{RtpTime, Seq, Time};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sees all that is played: the moment at which its first sample is heard, and 10 ms of samples. Called
/// on the playout thread, so it must not wait.
pub type HeardObserver = Box<dyn FnMut(Time, &[f32]) + Send>;

/// How long a wait for the speaker may keep the thread from seeing that it shall end.
const PATIENCE: Duration = Duration::from_millis(20);
/// A speaker that failed is tried again after this, then after twice as long, and so on up to…
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// …this: soon enough for somebody who has just plugged it in again.
const RETRY_LAST: Duration = Duration::from_secs(4);

/// One person's sound. The network pushes packets in, the playout thread takes sound out; decoding a packet
/// (0.2 ms of work for each 20 ms of it) is the longest that either holds the lock.
struct Voice {
    receiver: AudioReceiver<OpusDecoder>,
    meter: LevelMeter,
    heard: Option<(RtpTime, Time)>,
}

type SharedVoice = Arc<Mutex<Voice>>;

fn lock(voice: &SharedVoice) -> MutexGuard<'_, Voice> {
    voice.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wanted of the thread, which looks at it before each block.
struct Orders {
    speaker: SpeakerChoice,
    speaker_changed: bool,
    voices: Vec<SharedVoice>,
    ended: bool,
}

type Shared = Arc<Mutex<Orders>>;

fn orders(shared: &Shared) -> MutexGuard<'_, Orders> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays the sound of all who are in the call. Dropping it closes the speaker and ends the thread.
pub struct Playout {
    shared: Shared,
}

impl Playout {
    /// Starts the thread. The speaker is opened in the background; how that went comes as an event. The
    /// far end is for the [`super::AudioSender`] of the same call.
    pub fn start(speaker: SpeakerChoice, observer: Option<HeardObserver>) -> (Playout, FarEnd, DeviceEvents) {
        let (reporter, events) = DeviceReporter::new(DeviceKind::Speaker);
        let (feed, far_end) = far_end();
        let first = Orders { speaker, speaker_changed: true, voices: Vec::new(), ended: false };
        let shared = Arc::new(Mutex::new(first));
        let clock = Clock::shared();
        let worker = Worker {
            shared: Arc::clone(&shared),
            clock,
            reporter,
            feed,
            observer,
            limiter: Limiter::new(),
            effort: EffortMeter::new(),
            speaker: Box::new(nowhere(clock)),
            substitute: true,
            opening: None,
            retry: RETRY_FIRST,
            retry_at: None,
        };
        let spawned = std::thread::Builder::new().name("playout".to_owned()).spawn(move || worker.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for playout");
        }
        (Playout { shared }, far_end, events)
    }

    /// A stream for one person's voice; it is played until it is dropped.
    pub fn add_stream(&self) -> Result<PlayoutStream, CodecError> {
        let receiver = AudioReceiver::new(OpusDecoder::new()?);
        let voice = Arc::new(Mutex::new(Voice { receiver, meter: LevelMeter::new(), heard: None }));
        orders(&self.shared).voices.push(Arc::clone(&voice));
        Ok(PlayoutStream { voice, shared: Arc::clone(&self.shared) })
    }

    /// Takes another speaker.
    pub fn set_speaker(&self, speaker: SpeakerChoice) {
        let mut orders = orders(&self.shared);
        if orders.speaker != speaker {
            orders.speaker = speaker;
            orders.speaker_changed = true;
        }
    }
}

impl Drop for Playout {
    fn drop(&mut self) {
        orders(&self.shared).ended = true;
    }
}

/// One person's voice. Dropping it removes it from the mix.
pub struct PlayoutStream {
    voice: SharedVoice,
    shared: Shared,
}

impl PlayoutStream {
    /// Takes a packet that arrived `now`, in any order; duplicates are no harm.
    pub fn push(&self, now: Time, seq: Seq, rtp_time: RtpTime, payload: Bytes) {
        lock(&self.voice).receiver.insert(now, seq, rtp_time, payload);
    }

    /// Totals for webrtc-stats.
    pub fn stats(&self) -> AudioStats {
        lock(&self.voice).receiver.stats()
    }

    /// How loud this person is now.
    pub fn level(&self) -> SoundLevel {
        let voice = lock(&self.voice);
        SoundLevel { level: voice.meter.level(), speaking: voice.meter.is_speaking() }
    }

    /// Which RTP time was mixed last and when it is heard, while there is something to hear: what
    /// [`snug_media::LipSync::audio_heard`] wants.
    pub fn heard(&self) -> Option<(RtpTime, Time)> {
        lock(&self.voice).heard
    }
}

impl Drop for PlayoutStream {
    fn drop(&mut self) {
        orders(&self.shared).voices.retain(|voice| !Arc::ptr_eq(voice, &self.voice));
    }
}

type Opening = Receiver<Result<Box<dyn Speaker>, DeviceError>>;

/// What the thread owns.
struct Worker {
    shared: Shared,
    clock: Clock,
    reporter: DeviceReporter,
    feed: FarEndFeed,
    observer: Option<HeardObserver>,
    limiter: Limiter,
    effort: EffortMeter,
    speaker: Box<dyn Speaker>,
    /// Whether `speaker` only stands in for one that cannot be had now.
    substitute: bool,
    /// A speaker that is being opened on a thread of its own, which ends when that is done.
    opening: Option<Opening>,
    retry: Duration,
    retry_at: Option<Time>,
}

impl Worker {
    fn run(mut self) {
        let mut voices: Vec<SharedVoice> = Vec::new();
        while self.follow_orders(&mut voices) {
            self.look_for_speaker();
            match self.speaker.next_slot(PATIENCE) {
                Ok(Some(heard_at)) => {
                    if !self.substitute {
                        self.reporter.working(self.speaker.name());
                    }
                    let block = self.mix(&voices, heard_at);
                    self.feed.push(&block, heard_at);
                    if let Some(observer) = &mut self.observer {
                        observer(heard_at, &block);
                    }
                    if let Err(error) = self.speaker.write(&block) {
                        self.failed(error);
                    }
                }
                Ok(None) => {}
                Err(error) => self.failed(error),
            }
        }
    }

    /// Reads what is wanted; false when the thread shall end.
    fn follow_orders(&mut self, voices: &mut Vec<SharedVoice>) -> bool {
        let mut orders = orders(&self.shared);
        if orders.ended {
            return false;
        }
        voices.clone_from(&orders.voices);
        if std::mem::take(&mut orders.speaker_changed) {
            let choice = orders.speaker.clone();
            drop(orders);
            self.reporter.forget();
            // The old one is closed first: it may be the same card.
            self.stand_in();
            self.retry = RETRY_FIRST;
            self.open(choice);
        }
        true
    }

    fn stand_in(&mut self) {
        self.speaker = Box::new(nowhere(self.clock));
        self.substitute = true;
    }

    fn open(&mut self, choice: SpeakerChoice) {
        self.retry_at = None;
        let clock = self.clock;
        // One answer, and room for it: a speaker that nobody waits for any more is closed right there.
        let (answer, opening) = sync_channel(1);
        let spawned = std::thread::Builder::new()
            .name("speaker opens".to_owned())
            .spawn(move || answer.send(open_speaker(&choice, clock)).ok());
        match spawned {
            Ok(_) => self.opening = Some(opening),
            Err(error) => self.failed(DeviceError::Other(error.to_string())),
        }
    }

    fn look_for_speaker(&mut self) {
        let answer = match self.opening.as_ref().map(Receiver::try_recv) {
            Some(Ok(answer)) => answer,
            Some(Err(TryRecvError::Disconnected)) => Err(DeviceError::Other("it does not open".to_owned())),
            Some(Err(TryRecvError::Empty)) => return,
            None => {
                if self.retry_at.is_some_and(|at| self.clock.now() >= at) {
                    let choice = orders(&self.shared).speaker.clone();
                    self.open(choice);
                }
                return;
            }
        };
        self.opening = None;
        match answer {
            Ok(speaker) => {
                self.speaker = speaker;
                self.substitute = false;
                self.retry = RETRY_FIRST;
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: DeviceError) {
        self.reporter.failed(error);
        self.stand_in();
        self.retry_at = Some(self.clock.now() + self.retry);
        self.retry = (self.retry * 2).min(RETRY_LAST);
    }

    fn mix(&mut self, voices: &[SharedVoice], heard_at: Time) -> Block {
        let mut mix = [0.0; BLOCK];
        let now = self.clock.now();
        for voice in voices {
            let mut block = [0.0; BLOCK];
            let mut voice = lock(voice);
            if let Err(error) = voice.receiver.decoder_mut().set_effort(self.effort.effort()) {
                tracing::error!(%error, "a voice is decoded with the effort that it had");
            }
            voice.heard = voice.receiver.playing().map(|rtp_time| (rtp_time, heard_at));
            voice.receiver.fill(now, &mut block);
            voice.meter.push(now, &block);
            mix.iter_mut().zip(&block).for_each(|(mix, sample)| *mix += sample);
        }
        self.limiter.apply(&mut mix);
        let done = self.clock.now();
        self.effort.worked(done, done.since(now));
        mix
    }
}
