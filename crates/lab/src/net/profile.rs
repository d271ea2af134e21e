//! What one direction of a network does to packets, and how that is written down.
//!
//! `delay=25+jitter=5+loss=2+burst=4+rate=1500+queue=300+spike=200+every=3000`: any part may be left out, `clean` is none of them.

use snug_media::Bitrate;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The queue of a link whose profile names a rate and no queue: what home routers have is between this and far more.
const DEFAULT_QUEUE: Duration = Duration::from_millis(300);
/// The pause between spikes where none is named.
const DEFAULT_EVERY: Duration = Duration::from_millis(3000);
/// Longer delays, queues and spikes are slips of the pen.
const MAX_TIME_MS: f64 = 60_000.0;
/// Rates in kbit/s between a modem's and what a user-space link forwards on one core.
const RATE_KBPS: std::ops::RangeInclusive<f64> = 8.0..=1_000_000.0;
/// Packets of a mean burst; more is an outage, which a spike says better.
const MAX_BURST: f64 = 1000.0;

/// One direction of a network. Packets keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Profile {
    /// How long a packet is on its way.
    pub delay: Duration,
    /// By how much that varies at most to either side, evenly spread, from packet to packet.
    pub jitter: Duration,
    /// Part (0 to 1, exclusive) of packets that are lost on the way.
    pub loss: f64,
    /// How many packets are lost one after another on average (Gilbert-Elliott); each by itself when absent.
    pub burst: Option<f64>,
    /// What is carried at most, IP headers included, and how long a packet may wait for it.
    pub bottleneck: Option<Bottleneck>,
    /// Times in which nothing comes out, as on a Wi-Fi that is busy elsewhere.
    pub spike: Option<Spike>,
}

/// A rate and the queue in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// Bits of IP packets per second.
    pub rate: Bitrate,
    /// A packet that would wait longer is dropped as it comes.
    pub queue: Duration,
}

/// A pause after which all that was held comes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spike {
    /// How long packets are held.
    pub hold: Duration,
    /// From one beginning to the next, on average: each pause is drawn from 0.8 to 1.2 of it.
    pub every: Duration,
}

/// A text is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no network: {why}")]
pub struct ProfileError {
    given: String,
    why: String,
}

impl ProfileError {
    pub(super) fn new(given: &str, why: impl Into<String>) -> ProfileError {
        ProfileError { given: given.to_owned(), why: why.into() }
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Profile, ProfileError> {
        if text == "clean" {
            return Ok(Profile::default());
        }
        let mut parts = Parts::read(text)?;
        let loss = parts.take("loss", 0.0..=99.0)?.map(|percent| percent / 100.0);
        let burst = parts.take("burst", 1.0..=MAX_BURST)?;
        let rate = parts.take("rate", RATE_KBPS)?.map(|kbps| Bitrate::bps((kbps * 1000.0) as u64));
        let queue = parts.time("queue")?;
        let hold = parts.time("spike")?;
        let every = parts.time("every")?;
        let profile = Profile {
            delay: parts.time("delay")?.unwrap_or_default(),
            jitter: parts.time("jitter")?.unwrap_or_default(),
            loss: loss.unwrap_or_default(),
            burst,
            bottleneck: rate.map(|rate| Bottleneck { rate, queue: queue.unwrap_or(DEFAULT_QUEUE) }),
            spike: hold.map(|hold| Spike { hold, every: every.unwrap_or(DEFAULT_EVERY) }),
        };
        let refused = |why: &str| Err(ProfileError::new(text, why));
        if let Some(burst) = burst {
            if profile.loss == 0.0 {
                return refused("a burst needs a loss");
            }
            // Else the good state would have to be left more often than always.
            if burst < profile.loss / (1.0 - profile.loss) {
                return refused("so much loss comes in longer bursts");
            }
        }
        if queue.is_some() && rate.is_none() {
            return refused("a queue needs a rate");
        }
        if every.is_some() && hold.is_none() {
            return refused("`every` is the pause between spikes and needs a spike");
        }
        if profile.spike.is_some_and(|spike| spike.hold.is_zero() || spike.every < spike.hold * 2) {
            return refused("a spike lasts some time, and at most half of the time between spikes");
        }
        Ok(profile)
    }
}

/// The numbers of a profile by their names.
struct Parts<'a> {
    text: &'a str,
    left: Vec<(&'a str, f64)>,
}

impl<'a> Parts<'a> {
    const NAMES: [&'static str; 8] = ["delay", "jitter", "loss", "burst", "rate", "queue", "spike", "every"];

    fn read(text: &'a str) -> Result<Parts<'a>, ProfileError> {
        let mut left: Vec<(&str, f64)> = Vec::new();
        for part in text.split('+') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(ProfileError::new(text, format!("`{part}` is not NAME=NUMBER")));
            };
            if !Self::NAMES.contains(&name) {
                let names = Self::NAMES.join(", ");
                return Err(ProfileError::new(text, format!("`{name}` is none of {names}")));
            }
            if left.iter().any(|(other, _)| *other == name) {
                return Err(ProfileError::new(text, format!("{name} is named twice")));
            }
            let Some(value) = value.parse().ok().filter(|value: &f64| value.is_finite()) else {
                return Err(ProfileError::new(text, format!("the {name} `{value}` is not a number")));
            };
            left.push((name, value));
        }
        Ok(Parts { text, left })
    }

    fn take(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<f64>,
    ) -> Result<Option<f64>, ProfileError> {
        let Some(at) = self.left.iter().position(|(other, _)| *other == name) else { return Ok(None) };
        let (_, value) = self.left.swap_remove(at);
        if range.contains(&value) {
            return Ok(Some(value));
        }
        let (least, most) = range.into_inner();
        Err(ProfileError::new(self.text, format!("the {name} must be from {least} to {most}")))
    }

    fn time(&mut self, name: &str) -> Result<Option<Duration>, ProfileError> {
        let millis = self.take(name, 0.0..=MAX_TIME_MS)?;
        Ok(millis.map(|millis| Duration::from_micros((millis * 1000.0).round() as u64)))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| time.as_micros() as f64 / 1000.0;
        let time = |name: &str, time: Duration| {
            (!time.is_zero()).then(|| format!("{name}={}", millis(time))).into_iter()
        };
        let mut parts: Vec<String> = time("delay", self.delay).chain(time("jitter", self.jitter)).collect();
        if self.loss > 0.0 {
            // Percent with the digits that were meant: 0.07 × 100 is not 7 in binary.
            parts.push(format!("loss={}", (self.loss * 1e8).round() / 1e6));
        }
        parts.extend(self.burst.map(|burst| format!("burst={burst}")));
        if let Some(Bottleneck { rate, queue }) = self.bottleneck {
            parts.push(format!("rate={}+queue={}", rate.as_kbps(), millis(queue)));
        }
        if let Some(Spike { hold, every }) = self.spike {
            parts.push(format!("spike={}+every={}", millis(hold), millis(every)));
        }
        if parts.is_empty() { f.write_str("clean") } else { f.write_str(&parts.join("+")) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_profile_says_what_it_means() {
        let profile: Profile = "delay=25+jitter=5+loss=2+burst=4+rate=1500+queue=300".parse().unwrap();
        assert_eq!(
            profile,
            Profile {
                delay: Duration::from_millis(25),
                jitter: Duration::from_millis(5),
                loss: 0.02,
                burst: Some(4.0),
                bottleneck: Some(Bottleneck { rate: Bitrate::kbps(1500), queue: Duration::from_millis(300) }),
                spike: None,
            }
        );
        let wifi: Profile = "spike=200".parse().unwrap();
        let spike = Spike { hold: Duration::from_millis(200), every: Duration::from_secs(3) };
        assert_eq!(wifi.spike, Some(spike));
        assert_eq!("clean".parse(), Ok(Profile::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        let why = |text: &str| text.parse::<Profile>().unwrap_err().to_string();
        for (text, said) in [
            ("", "is not NAME=NUMBER"),
            ("delay", "is not NAME=NUMBER"),
            ("dely=25", "`dely` is none of delay, jitter"),
            ("delay=25ms", "the delay `25ms` is not a number"),
            ("delay=NaN", "not a number"),
            ("delay=-1", "must be from 0 to 60000"),
            ("delay=1+delay=2", "named twice"),
            ("loss=100", "must be from 0 to 99"),
            ("burst=4", "a burst needs a loss"),
            ("loss=90+burst=2", "longer bursts"),
            ("queue=300", "a queue needs a rate"),
            ("rate=0", "must be from 8"),
            ("every=3000", "needs a spike"),
            ("spike=200+every=300", "at most half"),
            ("spike=0", "lasts some time"),
        ] {
            assert!(why(text).contains(said), "{text}: {}", why(text));
        }
    }

    fn maybe(range: std::ops::Range<u32>) -> impl Strategy<Value = Option<u32>> {
        proptest::option::of(range)
    }

    proptest! {
        #[test]
        fn every_profile_reads_back_as_it_was_written(
            delay in maybe(1..1000), jitter in maybe(1..100), loss in maybe(1..50),
            burst in maybe(1..20), rate in maybe(8..100_000), queue in maybe(1..5000), spike in maybe(1..400),
        ) {
            let mut parts = Vec::new();
            let mut add = |name: &str, value: Option<u32>| {
                parts.extend(value.map(|value| format!("{name}={value}")));
            };
            add("delay", delay);
            add("jitter", jitter);
            add("loss", loss);
            add("burst", burst.filter(|_| loss.is_some()));
            add("rate", rate);
            add("queue", queue.filter(|_| rate.is_some()));
            add("spike", spike);
            prop_assume!(!parts.is_empty());
            let profile: Profile = parts.join("+").parse().unwrap();
            prop_assert_eq!(profile.to_string().parse::<Profile>(), Ok(profile));
        }

        #[test]
        fn any_text_is_a_profile_or_an_error(text in "\\PC*", numbers in "[a-z=+0-9.\\-]{0,40}") {
            for text in [text, numbers] {
                if let Ok(profile) = text.parse::<Profile>() {
                    prop_assert!((0.0..1.0).contains(&profile.loss));
                }
            }
        }
    }
}
