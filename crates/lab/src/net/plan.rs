//! Which profile holds when, for each side of the network.
//!
//! `0:P,20:P` is a schedule: from that second on, that profile. Each `P` is one profile for both directions, or `a/P;b/P`: what a's
//! side sends passes the first, what b's side sends the second. A side that is not named is clean.

use super::profile::{Profile, ProfileError};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// More steps than a measurement can tell apart.
const MAX_STEPS: usize = 100;
/// A day.
const MAX_SECONDS: f64 = 86_400.0;

/// The two sides of the network: what one side sends to the other passes this side's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Person a, and c of a second call.
    Left,
    /// Person b, and d of a second call.
    Right,
}

impl Side {
    /// Both, in the order of [`Shape`].
    pub const BOTH: [Side; 2] = [Side::Left, Side::Right];

    /// Of the person at this place.
    pub fn of(place: usize) -> Side {
        Side::BOTH[place % 2]
    }
}

/// The profile of each side's link.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Shape {
    /// From left to right.
    pub left: Profile,
    /// From right to left.
    pub right: Profile,
}

impl Shape {
    /// What this side's packets pass.
    pub fn of(&self, side: Side) -> &Profile {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

impl FromStr for Shape {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Shape, ProfileError> {
        if !text.contains('/') {
            let profile = text.parse()?;
            return Ok(Shape { left: profile, right: profile });
        }
        let (mut left, mut right) = (None, None);
        for part in text.split(';') {
            let refused = |why: &str| ProfileError::new(text, format!("`{part}`: {why}"));
            let (side, profile) = match part.split_once('/') {
                Some(("a", profile)) => (&mut left, profile),
                Some(("b", profile)) => (&mut right, profile),
                _ => return Err(refused("a side is a/PROFILE or b/PROFILE")),
            };
            if side.replace(profile.parse()?).is_some() {
                return Err(refused("the side is named twice"));
            }
        }
        Ok(Shape { left: left.unwrap_or_default(), right: right.unwrap_or_default() })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left == self.right {
            return self.left.fmt(f);
        }
        write!(f, "a/{};b/{}", self.left, self.right)
    }
}

/// A shape that changes with time.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// When each begins, rising; the first at zero.
    steps: Vec<(Duration, Shape)>,
}

impl Plan {
    /// The same all the time.
    pub fn constant(shape: Shape) -> Plan {
        Plan { steps: vec![(Duration::ZERO, shape)] }
    }

    /// Each shape and when it begins, rising; the first at zero.
    pub fn steps(&self) -> &[(Duration, Shape)] {
        &self.steps
    }

    /// The first one.
    pub fn first(&self) -> &Shape {
        &self.steps[0].1
    }
}

impl FromStr for Plan {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Plan, ProfileError> {
        let mut steps: Vec<(Duration, Shape)> = Vec::new();
        for step in text.split(',') {
            let refused = |why: &str| ProfileError::new(text, format!("`{step}`: {why}"));
            let Some((seconds, shape)) = step.split_once(':') else {
                return Err(refused("a step is SECONDS:PROFILE"));
            };
            let seconds = seconds.parse().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
            let at = Duration::from_secs_f64(seconds.ok_or_else(|| refused("that is no number of seconds"))?);
            match steps.last() {
                None if !at.is_zero() => return Err(refused("the first step is at 0")),
                Some((before, _)) if *before >= at => {
                    return Err(refused("steps follow one another in time"));
                }
                _ => steps.push((at, shape.parse()?)),
            }
            if steps.len() > MAX_STEPS {
                return Err(refused("that is one step too many"));
            }
        }
        Ok(Plan { steps })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (at, shape)) in self.steps.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}:{shape}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_profile_is_for_both_sides_and_two_for_each_its_own() {
        let both: Shape = "delay=25".parse().unwrap();
        assert_eq!(both.left, both.right);
        let apart: Shape = "a/rate=500;b/delay=10".parse().unwrap();
        assert_eq!(apart.of(Side::of(0)).bottleneck.unwrap().rate.as_kbps(), 500.0);
        assert_eq!(apart.of(Side::of(3)).delay, Duration::from_millis(10));
        assert_eq!("b/clean;a/clean".parse(), Ok(Shape::default()));
    }

    #[test]
    fn a_schedule_goes_on_from_zero() {
        let plan: Plan = "0:rate=2500,20:rate=600,40.5:a/rate=2500;b/clean".parse().unwrap();
        let times: Vec<f64> = plan.steps().iter().map(|(at, _)| at.as_secs_f64()).collect();
        assert_eq!(times, [0.0, 20.0, 40.5]);
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (text, said) in [
            ("", "a step is SECONDS:PROFILE"),
            ("5:clean", "the first step is at 0"),
            ("0:clean,0:clean", "follow one another"),
            ("0:clean,x:clean", "no number of seconds"),
            ("0:clean,-3:clean", "no number of seconds"),
            ("0:c/clean", "a side is a/PROFILE"),
            ("0:a/clean;a/clean", "named twice"),
            ("0:a/dely=3", "none of delay"),
        ] {
            let error = text.parse::<Plan>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_plan_or_an_error(text in "[0-9:,a-d/;=+.loselatry-]{0,60}") {
            if let Ok(plan) = text.parse::<Plan>() {
                prop_assert!(plan.steps()[0].0.is_zero());
            }
        }
    }
}
