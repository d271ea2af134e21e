//! Which camera, microphone or speaker a call shall use, and how that is written down.
//!
//! One string form serves settings, environment variables and the lab's command line, and serde uses the
//! same one: `default`, `none`, `device:ID`, `pattern`, `tone`, `null`, `file:PATH`. The test sources are
//! choices like any other, so that a test enters exactly where a device does.

use super::DeviceId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The pitch of `tone` where none is named: far from the mains and its harmonics.
pub const DEFAULT_TONE_HZ: f32 = 440.0;

/// A string names no choice of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no {what}; it can be {forms}")]
pub struct ChoiceError {
    given: String,
    what: &'static str,
    forms: &'static str,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CameraChoice {
    /// The first camera there is.
    Default,
    /// This one.
    Device(DeviceId),
    /// The test picture, drawn by the clock.
    Pattern {
        /// Carried in the picture, and chooses its colours.
        sender: u8,
    },
    /// A y4m file, looping at its own frame rate.
    File {
        /// Where it lies.
        path: PathBuf,
        /// Stamps the test picture's code over each frame, as this sender.
        stamp: Option<u8>,
    },
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MicrophoneChoice {
    /// The system's default, followed when it changes.
    Default,
    /// This one.
    Device(DeviceId),
    /// The test tone, which carries its time.
    Tone {
        /// Its pitch.
        hz: f32,
    },
    /// A wav file, looping.
    File(PathBuf),
    /// Silence.
    None,
}

/// Where sound goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SpeakerChoice {
    /// The system's default, followed when it changes.
    Default,
    /// This one.
    Device(DeviceId),
    /// Nowhere, at the clock's pace.
    Null,
    /// Into a wav file: what would have been heard, at the clock's pace.
    File(PathBuf),
}

impl fmt::Display for CameraChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CameraChoice::Default => f.write_str("default"),
            CameraChoice::Device(id) => write!(f, "device:{id}"),
            CameraChoice::Pattern { sender: 0 } => f.write_str("pattern"),
            CameraChoice::Pattern { sender } => write!(f, "pattern:{sender}"),
            CameraChoice::File { path, stamp: None } => write!(f, "file:{}", path.display()),
            CameraChoice::File { path, stamp: Some(sender) } => {
                write!(f, "stamp:{sender}:{}", path.display())
            }
        }
    }
}

impl FromStr for CameraChoice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<CameraChoice, ChoiceError> {
        let (kind, rest) = split(text);
        let parsed = match (kind, rest) {
            ("default", None) => Some(CameraChoice::Default),
            ("device", Some(id)) => Some(CameraChoice::Device(DeviceId::new(id))),
            ("pattern", None) => Some(CameraChoice::Pattern { sender: 0 }),
            ("pattern", Some(sender)) => sender.parse().ok().map(|sender| CameraChoice::Pattern { sender }),
            ("file", Some(path)) => Some(CameraChoice::File { path: path.into(), stamp: None }),
            ("stamp", Some(rest)) => rest.split_once(':').and_then(|(sender, path)| {
                Some(CameraChoice::File { path: path.into(), stamp: Some(sender.parse().ok()?) })
            }),
            _ => None,
        };
        let forms = "default, device:ID, pattern, pattern:SENDER, file:X.y4m or stamp:SENDER:X.y4m";
        parsed.ok_or_else(|| ChoiceError { given: text.to_owned(), what: "camera", forms })
    }
}

impl fmt::Display for MicrophoneChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MicrophoneChoice::Default => f.write_str("default"),
            MicrophoneChoice::Device(id) => write!(f, "device:{id}"),
            MicrophoneChoice::Tone { hz } if *hz == DEFAULT_TONE_HZ => f.write_str("tone"),
            MicrophoneChoice::Tone { hz } => write!(f, "tone:{hz}"),
            MicrophoneChoice::File(path) => write!(f, "file:{}", path.display()),
            MicrophoneChoice::None => f.write_str("none"),
        }
    }
}

impl FromStr for MicrophoneChoice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<MicrophoneChoice, ChoiceError> {
        let parsed = match split(text) {
            ("default", None) => Some(MicrophoneChoice::Default),
            ("device", Some(id)) => Some(MicrophoneChoice::Device(DeviceId::new(id))),
            ("tone", None) => Some(MicrophoneChoice::Tone { hz: DEFAULT_TONE_HZ }),
            ("tone", Some(hz)) => {
                // What a 48 kHz clock can draw and an ear can hear.
                let hz = hz.parse().ok().filter(|hz| (20.0..=20_000.0).contains(hz));
                hz.map(|hz| MicrophoneChoice::Tone { hz })
            }
            ("file", Some(path)) => Some(MicrophoneChoice::File(path.into())),
            ("none", None) => Some(MicrophoneChoice::None),
            _ => None,
        };
        let forms = "default, device:ID, tone, tone:HZ, file:X.wav or none";
        parsed.ok_or_else(|| ChoiceError { given: text.to_owned(), what: "microphone", forms })
    }
}

impl fmt::Display for SpeakerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpeakerChoice::Default => f.write_str("default"),
            SpeakerChoice::Device(id) => write!(f, "device:{id}"),
            SpeakerChoice::Null => f.write_str("null"),
            SpeakerChoice::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for SpeakerChoice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<SpeakerChoice, ChoiceError> {
        let parsed = match split(text) {
            ("default", None) => Some(SpeakerChoice::Default),
            ("device", Some(id)) => Some(SpeakerChoice::Device(DeviceId::new(id))),
            ("null", None) => Some(SpeakerChoice::Null),
            ("file", Some(path)) => Some(SpeakerChoice::File(path.into())),
            _ => None,
        };
        let forms = "default, device:ID, null or file:X.wav";
        parsed.ok_or_else(|| ChoiceError { given: text.to_owned(), what: "speaker", forms })
    }
}

/// `kind:rest`, where an empty rest counts as a mistake and not as none.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((_, "")) => ("", None),
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    }
}

macro_rules! as_string {
    ($($choice:ty),*) => {$(
        impl TryFrom<String> for $choice {
            type Error = ChoiceError;
            fn try_from(text: String) -> Result<Self, ChoiceError> {
                text.parse()
            }
        }
        impl From<$choice> for String {
            fn from(choice: $choice) -> String {
                choice.to_string()
            }
        }
    )*};
}
as_string!(CameraChoice, MicrophoneChoice, SpeakerChoice);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        for text in [
            "default",
            "device:video:/dev/video0",
            "pattern",
            "pattern:7",
            "file:a b.y4m",
            "stamp:2:C:\\x.y4m",
        ] {
            assert_eq!(text.parse::<CameraChoice>().unwrap().to_string(), text);
        }
        for text in ["default", "device:pulseaudio:mic1", "tone", "tone:523.25", "file:/tmp/x.wav", "none"] {
            assert_eq!(text.parse::<MicrophoneChoice>().unwrap().to_string(), text);
        }
        for text in ["default", "device:pulseaudio:spk", "null", "file:heard.wav"] {
            assert_eq!(text.parse::<SpeakerChoice>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn serde_uses_the_same_form_and_refuses_the_rest() {
        let tone: MicrophoneChoice = serde_json::from_str("\"tone:1000\"").unwrap();
        assert_eq!(tone, MicrophoneChoice::Tone { hz: 1000.0 });
        assert_eq!(serde_json::to_string(&SpeakerChoice::Null).unwrap(), "\"null\"");
        assert!(serde_json::from_str::<CameraChoice>("\"tone\"").is_err());
    }

    #[test]
    fn nonsense_is_an_error_that_names_the_forms() {
        for text in ["", "pattern:", "pattern:300", "file:", "stamp:x:y", "stamp:3", "camera"] {
            let error = text.parse::<CameraChoice>().unwrap_err();
            assert!(error.to_string().contains("file:X.y4m"), "{error}");
        }
        for text in ["tone:0", "tone:NaN", "tone:-5", "tone:x", "null"] {
            assert!(text.parse::<MicrophoneChoice>().is_err(), "{text}");
        }
        assert!("none".parse::<SpeakerChoice>().is_err());
    }
}
