//! Which packets are lost: the two-state chain of Gilbert (1960).
//!
//! In the good state packets come through, in the bad state they do not. With no burst named the chance of the bad state is the same
//! in both, so that each packet is lost or not by itself.

use super::profile::Profile;
use rand::Rng;

/// A chain that is asked once for each packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Loss {
    /// From good to bad, at each packet.
    worsen: f64,
    /// From bad to good, at each packet.
    recover: f64,
    bad: bool,
}

impl Loss {
    /// One that begins in the good state.
    pub(super) fn new(profile: &Profile) -> Loss {
        let part = profile.loss;
        // A stay in the bad state lasts 1 / recover packets, and its part of the time is worsen / (worsen + recover).
        let recover = profile.burst.map_or(1.0 - part, |burst| 1.0 / burst);
        Loss { worsen: part * recover / (1.0 - part), recover, bad: false }
    }

    /// Whether the next packet is lost.
    pub(super) fn next(&mut self, random: &mut impl Rng) -> bool {
        let change = if self.bad { self.recover } else { self.worsen };
        if random.gen_bool(change.clamp(0.0, 1.0)) {
            self.bad = !self.bad;
        }
        self.bad
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// Part of lost packets, and packets lost one after another on average.
    fn run(profile: &str) -> (f64, f64) {
        let mut random = StdRng::seed_from_u64(7);
        let mut loss = Loss::new(&profile.parse().unwrap());
        let lost: Vec<bool> = (0..200_000).map(|_| loss.next(&mut random)).collect();
        let count = lost.iter().filter(|&&lost| lost).count() as f64;
        let bursts = lost.windows(2).filter(|pair| pair[1] && !pair[0]).count().max(1) as f64;
        (count / lost.len() as f64, count / bursts)
    }

    #[test]
    fn as_much_is_lost_as_was_asked_for_and_in_such_bursts() {
        for (profile, part, burst) in [
            ("loss=5", 0.05, 1.0 / 0.95),
            ("loss=30", 0.30, 1.0 / 0.70),
            ("loss=5+burst=4", 0.05, 4.0),
            ("loss=5+burst=1", 0.05, 1.0),
            ("clean", 0.0, 0.0),
        ] {
            let (seen_part, seen_burst) = run(profile);
            assert!((seen_part - part).abs() < 0.005, "{profile}: {seen_part}");
            assert!((seen_burst - burst).abs() < burst * 0.05 + 1e-9, "{profile}: {seen_burst}");
        }
    }
}
