//! Makes webrtc's driver go round again while a relay is in use, and sooner while a connection begins.
//!
//! When a path is found, the first message of the handshake is made, and given out when the next timer goes off: whichever that is, it is
//! some 20 ms later. So [while a connection begins](Nudge::limit) the driver waits for no timer any longer than a few milliseconds.
//!
//! With a relay, in each round the driver first writes what its TURN client has, then asks the connection for packets, and hands those for a relay to
//! the TURN client: there they lie until something else makes it go round. A voice packet waits for the next one so, and a data
//! channel, whose acknowledgements lie there, crawled at 0.09 MB/s. What came through a relay needs one round to be read and one more for
//! the answer. The driver begins to wait by a call of [`Runtime::sleep`](webrtc::runtime::Runtime::sleep), which is ours, and goes round
//! without doing anything else when a socket's receive is interrupted, which are ours, too. So after everything that woke it, it is woken
//! [`ROUNDS`] times more.

use futures_util::task::AtomicWaker;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

/// What wakes the driver so many times in a row without anything passing through a relay: then the call goes another way, and needs none
/// of this.
const WITHOUT_RELAY: u32 = 64;
/// Packets for the TURN client are made in the first round (or, if they answer what came through it, in the second) and written in
/// the next.
const ROUNDS: u8 = 2;
/// The driver waits so many times, …
const EARLY_WAITS: u32 = 200;
/// … no longer than this: together longer than the search for a path takes where 20 ms are felt.
const EARLY_WAIT: Duration = Duration::from_millis(3);

#[derive(Debug)]
pub(super) struct Nudge {
    /// How many waits will still be short.
    early: AtomicU32,
    /// How often the driver may be woken until it is left alone; nothing before a relay serves us.
    on: AtomicU32,
    /// Held for an instant by the driver's task alone.
    rounds: Mutex<Rounds>,
    /// The socket that is polled last; any does.
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Rounds {
    left: u8,
    armed: bool,
    taken: bool,
}

impl Default for Nudge {
    fn default() -> Nudge {
        Nudge {
            early: AtomicU32::new(EARLY_WAITS),
            on: AtomicU32::default(),
            rounds: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }
}

impl Nudge {
    /// How long the driver may wait that wants to wait for so long.
    pub(super) fn limit(&self, wait: Duration) -> Duration {
        let early = self.early.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if early.is_ok() { wait.min(EARLY_WAIT) } else { wait }
    }

    /// A relay serves us, or something passes through it.
    pub(super) fn turn_on(&self) {
        self.on.store(WITHOUT_RELAY, Ordering::Relaxed);
    }

    /// Looks at a datagram: channel data, and what is sent before there is a channel, is for or from a relay and nobody else.
    pub(super) fn look(&self, datagram: &[u8]) {
        if matches!(datagram, [0x40..=0x4f, ..] | [0x00, 0x16 | 0x17, ..]) {
            self.turn_on();
        }
    }

    /// The driver is about to wait.
    pub(super) fn waits(&self) {
        let on = self.on.load(Ordering::Relaxed);
        if on == 0 {
            return;
        }
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.left = if rounds.taken {
            rounds.left.saturating_sub(1)
        } else {
            self.on.store(on - 1, Ordering::Relaxed);
            ROUNDS
        };
        rounds.taken = false;
        rounds.armed = rounds.left > 0;
        let armed = rounds.armed;
        drop(rounds);
        if armed {
            self.waker.wake();
        }
    }

    /// A socket has nothing to read. Whether it shall say that it was interrupted.
    pub(super) fn take(&self, context: &Context<'_>) -> bool {
        // A probe, in the middle of a round.
        if context.waker().will_wake(Waker::noop()) {
            return false;
        }
        self.waker.register(context.waker());
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = std::mem::take(&mut rounds.armed);
        rounds.taken |= armed;
        armed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn after_everything_that_happens_there_are_two_more_rounds_and_then_rest() {
        let (nudge, woken) = (Nudge::default(), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        let context = Context::from_waker(&waker);
        nudge.waits();
        assert!(!nudge.take(&context), "no relay, no rounds");
        nudge.turn_on();
        for events in 1..3 {
            for _ in 0..ROUNDS {
                nudge.waits();
                assert!(nudge.take(&context));
                assert!(!nudge.take(&context), "once in a round");
            }
            nudge.waits();
            assert!(!nudge.take(&context));
            assert_eq!(woken.0.load(Ordering::Relaxed), events * usize::from(ROUNDS));
        }
    }

    #[test]
    fn the_driver_is_left_alone_when_nothing_passes_through_a_relay() {
        let (nudge, waker) = (Nudge::default(), Waker::from(Arc::new(Woken::default())));
        let context = Context::from_waker(&waker);
        let mut rounds = 0;
        nudge.look(&[0x40, 0, 0, 0]);
        for _ in 0..1_000 {
            nudge.look(&[0x80, 96]);
            nudge.waits();
            rounds += u32::from(nudge.take(&context));
        }
        assert!((WITHOUT_RELAY..=WITHOUT_RELAY * u32::from(ROUNDS)).contains(&rounds), "{rounds}");
        nudge.look(&[0x00, 0x17, 0, 0]);
        nudge.waits();
        assert!(nudge.take(&context));
    }

    #[test]
    fn it_waits_for_no_timer_at_first_and_then_as_long_as_it_likes() {
        let nudge = Nudge::default();
        let long = Duration::from_secs(1);
        assert_eq!(nudge.limit(Duration::from_millis(1)), Duration::from_millis(1));
        let early = (1..1_000).take_while(|_| nudge.limit(long) < long).count();
        assert!(EARLY_WAIT * early as u32 > Duration::from_millis(300));
        assert!((0..1_000).all(|_| nudge.limit(long) == long));
    }

    #[test]
    fn a_probe_takes_no_round() {
        let (nudge, woken) = (Nudge::default(), Waker::from(Arc::new(Woken::default())));
        nudge.turn_on();
        nudge.waits();
        assert!(!nudge.take(&Context::from_waker(Waker::noop())));
        assert!(nudge.take(&Context::from_waker(&woken)));
    }
}
