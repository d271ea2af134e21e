//! The thread that owns a cpal stream: opens it, looks after it each second, builds it anew.
//!
//! A device that vanishes gives no error, so the list is polled; a default device that changes gives
//! none either. Opening and closing can block for seconds when a sound server hangs, which must not stop
//! the threads that carry sound: they only ever see rings.

use super::stream::{self, Health, Ring, Running, Stamp};
use super::{DeviceError, Direction, Found, find, host};
use crate::clock::Clock;
use crate::device::DeviceId;
use rtrb::Consumer;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the device is looked for.
const POLL: Duration = Duration::from_secs(1);
/// Opening is given so long before its user is told.
const OPEN_TIMEOUT: Duration = Duration::from_secs(6);
/// Rebuilding is tried so often in a row before the user is told; each with a poll between.
const MAX_REBUILDS: u32 = 3;
/// Polls without any callback after which a stream is dead.
const MAX_STANDSTILL: u32 = 3;

/// Our end of a stream's rings. A stream that was rebuilt has new ones.
pub(crate) struct Rings {
    pub(crate) rate: u32,
    pub(crate) ring: Ring,
    pub(crate) stamps: Consumer<Stamp>,
    health: Arc<Health>,
}

impl Rings {
    /// The largest block that the card asks for at once, in samples at its rate.
    pub(crate) fn largest(&self) -> usize {
        self.health.largest.load(Ordering::Relaxed) as usize
    }

    /// Samples that were missing so far when the card asked for them.
    pub(crate) fn missing(&self) -> u32 {
        self.health.missing.load(Ordering::Relaxed)
    }
}

/// What the keeper leaves for the thread that carries sound, which looks at it about every 10 ms; both
/// hold the lock only as long as a move takes, and no callback ever does.
#[derive(Default)]
struct Mailbox {
    rings: Option<Rings>,
    failure: Option<DeviceError>,
    name: String,
}

/// A stream that is looked after. Dropping it closes the device.
pub(crate) struct Keeper {
    mailbox: Arc<Mutex<Mailbox>>,
    /// Never sent to: that it is dropped tells the thread to end, wherever it waits.
    _alive: Sender<()>,
}

/// What opening gives: the keeper, the first rings, the device's name.
pub(crate) struct Opened {
    pub(crate) keeper: Keeper,
    pub(crate) rings: Rings,
    pub(crate) name: String,
}

impl Keeper {
    /// Opens a device, or the default one, which is then followed. Blocks until it runs or has failed.
    pub(crate) fn open(
        direction: Direction,
        id: Option<&DeviceId>,
        clock: Clock,
    ) -> Result<Opened, DeviceError> {
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let (alive, ended) = channel();
        // One answer, and room for it, so that the thread never waits for us.
        let (answer, opened) = sync_channel(1);
        let watch = Watch { direction, wanted: id.cloned(), clock, mailbox: Arc::clone(&mailbox), ended };
        std::thread::Builder::new()
            .name("sound keeper".to_owned())
            .spawn(move || watch.run(&answer))
            .map_err(|error| DeviceError::Other(error.to_string()))?;
        opened
            .recv_timeout(OPEN_TIMEOUT)
            .unwrap_or_else(|_| Err(DeviceError::Other("the sound system does not answer".to_owned())))?;
        let keeper = Keeper { mailbox, _alive: alive };
        let (rings, name) = {
            let mut mailbox = keeper.lock();
            (mailbox.rings.take(), mailbox.name.clone())
        };
        let rings = rings.ok_or(DeviceError::Gone)?;
        Ok(Opened { keeper, rings, name })
    }

    /// New rings, when the stream was rebuilt; an error when it could not be, which is the end.
    pub(crate) fn news(&self) -> Result<Option<(Rings, String)>, DeviceError> {
        let mut mailbox = self.lock();
        match mailbox.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(mailbox.rings.take().map(|rings| (rings, mailbox.name.clone()))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the keeper's thread owns.
struct Watch {
    direction: Direction,
    wanted: Option<DeviceId>,
    clock: Clock,
    mailbox: Arc<Mutex<Mailbox>>,
    ended: Receiver<()>,
}

impl Watch {
    fn run(self, answer: &SyncSender<Result<(), DeviceError>>) {
        let opened = host().and_then(|host| Ok((self.open(&host)?, host)));
        let ((mut id, mut stream), mut host) = match opened {
            Ok(opened) => {
                answer.send(Ok(())).ok();
                opened
            }
            Err(error) => {
                answer.send(Err(error)).ok();
                return;
            }
        };
        let mut rebuilds = 0;
        while let Some(reason) = self.look_after(&host, &id, &stream, &mut rebuilds) {
            tracing::debug!(?reason, device = %id, "sound stream ended");
            drop(stream);
            let again = match reason {
                Reason::Gone => Err(DeviceError::Gone),
                Reason::Broken if rebuilds >= MAX_REBUILDS => {
                    Err(DeviceError::Other("it keeps failing".to_owned()))
                }
                Reason::Broken | Reason::Moved => {
                    rebuilds += 1;
                    // Nothing waits for this backoff but the device itself.
                    if self.ended_within(POLL / 4 * (rebuilds - 1)) {
                        return;
                    }
                    // A sound server that was started anew needs a new connection.
                    crate::device::sound::host().and_then(|host| Ok((self.open(&host)?, host)))
                }
            };
            match again {
                Ok(((new_id, new_stream), new_host)) => (id, stream, host) = (new_id, new_stream, new_host),
                Err(error) => {
                    // It worked a moment ago.
                    let gone = error == DeviceError::NotFound;
                    self.lock().failure = Some(if gone { DeviceError::Gone } else { error });
                    return;
                }
            }
        }
    }

    /// Opens the stream and leaves its rings in the mailbox.
    fn open(&self, host: &cpal::Host) -> Result<(DeviceId, Kept), DeviceError> {
        let Found { device, id, name } = find(host, self.direction, self.wanted.as_ref())?;
        let Running { stream, rate, ring, stamps, health } =
            stream::start(&device, self.direction, self.clock)?;
        tracing::debug!(%id, rate, "sound stream runs");
        let mut mailbox = self.lock();
        mailbox.rings = Some(Rings { rate, ring, stamps, health: Arc::clone(&health) });
        mailbox.name = name;
        Ok((id, Kept { _stream: stream, health }))
    }

    /// Waits until the stream must not go on, and says why; nothing when nobody wants it any more.
    fn look_after(
        &self,
        host: &cpal::Host,
        id: &DeviceId,
        kept: &Kept,
        rebuilds: &mut u32,
    ) -> Option<Reason> {
        let mut standstill = 0;
        let mut last = kept.health.callbacks.load(Ordering::Relaxed);
        loop {
            if self.ended_within(POLL) {
                return None;
            }
            let errors = kept.health.errors.swap(0, Ordering::Relaxed);
            if errors > 0 {
                tracing::warn!(errors, device = %id, "the sound stream reports errors");
            }
            // A default is looked up as one: ALSA's is in no list.
            match find(host, self.direction, self.wanted.as_ref()) {
                Ok(found) if found.id == *id => {}
                Ok(_) => return Some(Reason::Moved),
                Err(DeviceError::NotFound) if self.wanted.is_some() => return Some(Reason::Gone),
                Err(DeviceError::NotFound) => return Some(Reason::Moved),
                // The sound server itself is in trouble.
                Err(_) => return Some(Reason::Broken),
            }
            if kept.health.broken.load(Ordering::Relaxed) {
                return Some(Reason::Broken);
            }
            let callbacks = kept.health.callbacks.load(Ordering::Relaxed);
            standstill = if callbacks == last { standstill + 1 } else { 0 };
            last = callbacks;
            if standstill >= MAX_STANDSTILL {
                return Some(Reason::Broken);
            }
            if standstill == 0 {
                *rebuilds = 0;
            }
        }
    }

    fn ended_within(&self, time: Duration) -> bool {
        !matches!(self.ended.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream in the keeper's hands.
struct Kept {
    _stream: cpal::Stream,
    health: Arc<Health>,
}

#[derive(Debug)]
enum Reason {
    /// The device that was chosen is not there any more.
    Gone,
    /// The stream fails or stands still.
    Broken,
    /// Another device is the default now.
    Moved,
}
