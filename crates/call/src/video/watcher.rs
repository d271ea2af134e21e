//! What one watcher says of itself, at any time; the encoder looks before each picture.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// One that sends pictures over a network.
#[derive(Debug, Default)]
pub struct Watcher {
    full: AtomicBool,
    holds: AtomicBool,
}

impl Watcher {
    /// Whether what it was given has not left yet: the next picture is left out, which costs no keyframe later.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Whether it sends nothing yet, and will begin with the newest picture that it was given.
    pub fn set_holds(&self, holds: bool) {
        self.holds.store(holds, Ordering::Relaxed);
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<Weak<Watcher>>);

impl Watchers {
    pub(super) fn add(&mut self, watcher: &Arc<Watcher>) {
        self.0.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&Arc::downgrade(watcher)));
        self.0.push(Arc::downgrade(watcher));
    }

    fn living(&self) -> impl Iterator<Item = Arc<Watcher>> {
        self.0.iter().filter_map(Weak::upgrade)
    }

    /// Whether another picture would only wait.
    pub(super) fn any_full(&self) -> bool {
        self.living().any(|watcher| watcher.full.load(Ordering::Relaxed))
    }

    /// Whether nobody sends yet, so that each picture shall be one to begin with.
    pub(super) fn all_hold(&self) -> bool {
        self.living().next().is_some() && self.living().all(|watcher| watcher.holds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_sends_ends_the_keyframes_and_one_who_is_full_stops_all() {
        let (mut watchers, one, other) = (Watchers::default(), Arc::default(), Arc::<Watcher>::default());
        assert!(!watchers.all_hold() && !watchers.any_full());
        watchers.add(&one);
        watchers.add(&one);
        one.set_holds(true);
        assert!(watchers.all_hold());
        watchers.add(&other);
        assert!(!watchers.all_hold());
        other.set_full(true);
        assert!(watchers.any_full());
        drop(other);
        assert!(watchers.all_hold() && !watchers.any_full(), "who is gone wants nothing");
    }
}
