//! What a call is held with.

use super::scores::Tools;
use crate::browser::Browser;
use crate::net::Plan;
use snug_call::device::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use std::path::PathBuf;
use std::time::Duration;

/// The pitches of the two people's test tones: far apart, and neither a multiple of the other.
const PITCHES: [f32; 2] = [440.0, 660.0];

/// Whose cameras are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Video {
    /// The caller's.
    #[value(name = "a")]
    Caller,
    /// Both people's.
    Both,
}

/// The emulated network that a call is held on.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkOptions {
    /// What it does when.
    pub plan: Plan,
    /// What its chances are drawn from.
    pub seed: u64,
    /// When the first person's address goes away and another comes, from the accepting on.
    pub roam: Option<Duration>,
    /// Whether a download shares the first person's way to the second.
    pub download: bool,
}

/// What a call is held with.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// From the accepting on.
    pub length: Duration,
    /// Calls at the same time, each between two people and with a server of its own; on an emulated network they share its links.
    pub calls: usize,
    /// Whose cameras are on.
    pub video: Video,
    /// The camera; test pictures get a sender of their own, files are stamped with one.
    pub camera: CameraChoice,
    /// The second person's, where it is another one: a real camera serves one program at a time.
    pub second_camera: Option<CameraChoice>,
    /// The microphone; test tones get a pitch of their own.
    pub microphone: MicrophoneChoice,
    /// The second person's, where it is another one.
    pub second_microphone: Option<MicrophoneChoice>,
    /// The largest picture that is asked of cameras, in pixels; 1280×720 when absent.
    pub size: Option<(u32, u32)>,
    /// Both people's speaker.
    pub speaker: SpeakerChoice,
    /// Where to write what was seen and heard.
    pub record: Option<PathBuf>,
    /// The emulated network; this computer's loopback where there is none.
    pub network: Option<NetworkOptions>,
    /// What to compute scores with.
    pub scores: Tools,
    /// The second person's browser, as whose guest they come; the app when absent.
    pub with: Option<Browser>,
    /// The same call is held between two of these afterwards, to compare with.
    pub baseline: Option<Browser>,
}

impl Default for CallOptions {
    /// Twenty seconds with test picture and tone.
    fn default() -> Self {
        Self {
            length: Duration::from_secs(20),
            calls: 1,
            video: Video::Both,
            camera: CameraChoice::Pattern { sender: 0 },
            second_camera: None,
            microphone: MicrophoneChoice::Tone { hz: PITCHES[0] },
            second_microphone: None,
            size: None,
            speaker: SpeakerChoice::Null,
            record: None,
            network: None,
            scores: Tools::default(),
            with: None,
            baseline: None,
        }
    }
}

impl CallOptions {
    /// The number in the test picture of the person at this place.
    pub fn sender(place: usize) -> u8 {
        place as u8 + 1
    }

    /// The pitch of the test tone of the person at this place.
    pub fn pitch(place: usize) -> f32 {
        PITCHES[place % 2]
    }

    /// Who is in a call with the person at this place: people are numbered call by call.
    pub fn other(place: usize) -> usize {
        place ^ 1
    }

    /// Whether the person at this place has their camera on.
    pub fn sends_video(&self, place: usize) -> bool {
        self.video == Video::Both || place.is_multiple_of(2)
    }

    /// The camera of the person at this place.
    pub(super) fn camera(&self, place: usize) -> CameraChoice {
        let second = self.second_camera.as_ref().filter(|_| place % 2 == 1);
        match second.unwrap_or(&self.camera) {
            CameraChoice::Pattern { .. } => CameraChoice::Pattern { sender: Self::sender(place) },
            CameraChoice::File { path, .. } => {
                CameraChoice::File { path: path.clone(), stamp: Some(Self::sender(place)) }
            }
            device => device.clone(),
        }
    }

    /// The microphone of the person at this place.
    pub(super) fn microphone(&self, place: usize) -> MicrophoneChoice {
        let second = self.second_microphone.as_ref().filter(|_| place % 2 == 1);
        match second.unwrap_or(&self.microphone) {
            MicrophoneChoice::Tone { .. } => MicrophoneChoice::Tone { hz: Self::pitch(place) },
            other => other.clone(),
        }
    }

    /// Whether all microphones are recordings, in which there is no test tone to listen for.
    pub(super) fn speaks_recordings(&self) -> bool {
        [0, 1].iter().all(|&place| matches!(self.microphone(place), MicrophoneChoice::File { .. }))
    }

    /// Camera, microphone and speaker of the person at this place, who has this name.
    pub(super) fn devices(&self, place: usize, name: &str) -> [String; 3] {
        [self.camera(place).to_string(), self.microphone(place).to_string(), self.speaker(name).to_string()]
    }

    /// The speaker of the person at this place, who has this name.
    fn speaker(&self, name: &str) -> SpeakerChoice {
        match &self.record {
            Some(folder) => SpeakerChoice::File(folder.join(format!("{name}-heard.wav"))),
            None => self.speaker.clone(),
        }
    }
}
