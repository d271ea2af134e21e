//! The arguments of `snug-lab call`.

use crate::browser::Browser;
use crate::call::scores::Tools;
use crate::call::{CallOptions, MAX_CALLS, NetworkOptions, Video};
use crate::net::{Plan, Shape, Side};
use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use snug_call::device::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use std::path::PathBuf;
use std::time::Duration;

/// What somebody takes part with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum With {
    /// The app, without a window.
    Desktop,
    /// Chromium, through the guest's page.
    Chromium,
    /// Firefox, likewise: not yet, since it plays no files and hands out no frames.
    Firefox,
}

/// What can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Baseline {
    /// Two of them, through the guest's page.
    Chromium,
}

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// How many people; calls are between two.
    #[arg(long, default_value_t = 2)]
    peers: usize,
    /// How long, from the accepting on.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// The emulated network (Linux, as root), for what each person sends: delay=25+jitter=5+loss=2+burst=4+rate=1500+queue=300+
    /// spike=200+every=3000 (ms, ms, %, mean packets of a burst, kbit/s, ms; a spike holds all packets for so many ms about every so
    /// many), or clean. a/PROFILE;b/PROFILE for each person their own.
    #[arg(long, value_name = "PROFILE", conflicts_with = "schedule")]
    link: Option<Shape>,
    /// The same, changing with time: SECONDS:PROFILE,SECONDS:PROFILE and so on, the first at 0.
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<Plan>,
    /// What the emulated network draws its chances from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// At this second a's address goes away and another comes.
    #[arg(long, value_name = "SECOND")]
    roam: Option<f64>,
    /// A TCP download shares a's way to b.
    #[arg(long)]
    tcp: bool,
    /// Calls at the same time, on the same links.
    #[arg(long, default_value_t = 1)]
    calls: usize,
    /// What the second person takes part with: the app, or a browser as a guest by a link.
    #[arg(long, value_enum, default_value_t = With::Desktop)]
    with: With,
    /// Holds the same call between two browsers afterwards, with the same clip, speech, network and seed, and adds `baseline` and
    /// `ratio` (ours by theirs).
    #[arg(long, value_enum, value_name = "BROWSER")]
    baseline: Option<Baseline>,
    /// Whose cameras are on.
    #[arg(long, value_enum, default_value_t = Video::Both)]
    video: Video,
    /// pattern, file:X.y4m or device:ID. Over a file's pictures the test picture's code is stamped, so that delays can be read.
    #[arg(long, default_value = "pattern")]
    camera: CameraChoice,
    /// The second person's camera, if it is another one.
    #[arg(long)]
    second_camera: Option<CameraChoice>,
    /// The largest picture that is asked of the cameras, for computers that cannot encode 1280x720.
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = super::size)]
    size: Option<(u32, u32)>,
    /// tone, file:X.wav, device:ID, default or none.
    #[arg(long, default_value = "tone")]
    mic: MicrophoneChoice,
    /// The second person's microphone, if it is another one.
    #[arg(long)]
    second_mic: Option<MicrophoneChoice>,
    /// null, device:ID or default. With --record or scores, what is heard goes to a file instead.
    #[arg(long, default_value = "null")]
    speaker: SpeakerChoice,
    /// Folder to write to what each peer saw (IVF) and heard (wav).
    #[arg(long)]
    record: Option<PathBuf>,
    /// An ffmpeg to compare what was seen with what was shown: VMAF if it has libvmaf, and PSNR.
    #[arg(long, value_name = "PROGRAM")]
    ffmpeg: Option<PathBuf>,
    /// A program to compare what was heard with what was spoken (--mic file:X.wav): it gets the two wav files and prints
    /// {"pesq": …, "visqol": …}.
    #[arg(long, value_name = "PROGRAM")]
    sound_scores: Option<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

impl CallArguments {
    /// What they ask for, if it makes sense.
    pub(super) fn options(self) -> Result<CallOptions> {
        ensure!(self.peers == 2, "calls are between two people");
        ensure!(self.seconds > 0.0 && self.seconds.is_finite(), "a call takes some time");
        ensure!(
            (1..=MAX_CALLS).contains(&self.calls),
            "there can be 1 to {MAX_CALLS} calls at the same time"
        );
        let roam = self.roam.map(|second| {
            ensure!((0.0..self.seconds).contains(&second), "who roams does it during the call");
            Ok(Duration::from_secs_f64(second))
        });
        let roam = roam.transpose()?;
        let plan = match (self.link, self.schedule) {
            (Some(shape), _) => Some(Plan::constant(shape)),
            (None, plan) => plan,
        };
        ensure!(
            plan.is_some() || (roam.is_none() && !self.tcp),
            "--roam and --tcp are of an emulated network: name it with --link or --schedule"
        );
        let limited =
            |plan: &Plan| plan.steps().iter().all(|(_, shape)| shape.of(Side::Left).bottleneck.is_some());
        ensure!(
            !self.tcp || plan.as_ref().is_some_and(limited),
            "a download takes whatever there is: give the link a rate"
        );
        let with = match self.with {
            With::Desktop => None,
            With::Chromium => Some(Browser::Chromium),
            With::Firefox => bail!(
                "Firefox plays no files and hands out no frames, so it cannot be measured; crates/lab/tests/browsers.rs holds calls with it"
            ),
        };
        let baseline = self.baseline.map(|Baseline::Chromium| Browser::Chromium);
        ensure!(
            self.calls == 1 || (with.is_none() && baseline.is_none()),
            "a browser takes part in one call at a time"
        );
        ensure!(
            roam.is_none() || (with.is_none() && baseline.is_none()),
            "it is the app that roams, and not with a browser"
        );
        let network = plan.map(|plan| NetworkOptions { plan, seed: self.seed, roam, download: self.tcp });
        Ok(CallOptions {
            length: Duration::from_secs_f64(self.seconds),
            calls: self.calls,
            video: self.video,
            camera: self.camera,
            second_camera: self.second_camera,
            microphone: self.mic,
            second_microphone: self.second_mic,
            size: self.size,
            speaker: self.speaker,
            record: self.record,
            network,
            scores: Tools { ffmpeg: self.ffmpeg, sound: self.sound_scores },
            with,
            baseline,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        call: CallArguments,
    }

    fn options(line: &[&str]) -> Result<CallOptions, String> {
        let line = Line::try_parse_from(["call"].iter().chain(line)).map_err(|error| error.to_string())?;
        line.call.options().map_err(|error| error.to_string())
    }

    #[test]
    fn a_call_on_a_network_has_one_and_a_plain_one_does_not() {
        assert_eq!(options(&[]).unwrap().network, None);
        let network = options(&["--link", "delay=25+loss=5", "--seed", "3"]).unwrap().network.unwrap();
        assert_eq!((network.plan.to_string().as_str(), network.seed), ("0:delay=25+loss=5", 3));
        let changing = options(&["--schedule", "0:rate=900,5:rate=300", "--tcp", "--roam", "4"]).unwrap();
        let network = changing.network.unwrap();
        assert!(network.download && network.roam == Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_browser_takes_part_only_if_it_is_asked_to() {
        let plain = options(&[]).unwrap();
        assert_eq!((plain.with, plain.baseline), (None, None));
        assert_eq!(options(&["--with", "desktop"]).unwrap().with, None);
        let both = options(&["--with", "chromium", "--baseline", "chromium"]).unwrap();
        assert_eq!((both.with, both.baseline), (Some(Browser::Chromium), Some(Browser::Chromium)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (line, said) in [
            (&["--link", "dely=25"][..], "none of delay"),
            (&["--schedule", "3:clean"], "the first step is at 0"),
            (&["--link", "clean", "--schedule", "0:clean"], "cannot be used with"),
            (&["--roam", "3"], "name it with --link"),
            (&["--link", "clean", "--roam", "30"], "during the call"),
            (&["--link", "delay=5", "--tcp"], "give the link a rate"),
            (&["--calls", "3"], "1 to 2 calls"),
            (&["--seconds", "0"], "takes some time"),
            (&["--with", "firefox"], "cannot be measured"),
            (&["--with", "netscape"], "invalid value"),
            (&["--baseline", "desktop"], "invalid value"),
            (&["--baseline", "chromium", "--calls", "2"], "one call at a time"),
            (&["--with", "chromium", "--link", "clean", "--roam", "3"], "it is the app that roams"),
        ] {
            let error = options(line).unwrap_err();
            assert!(error.contains(said), "{line:?}: {error}");
        }
    }
}
