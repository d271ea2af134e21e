//! What cameras, microphones and speakers there are.

use super::{CameraChoice, DeviceId, MicrophoneChoice, SpeakerChoice, camera, sound};
use serde::{Deserialize, Serialize};

/// What stands behind an entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A device.
    Real,
    /// A file.
    File,
    /// A test picture or tone, or a speaker that leads nowhere.
    Pattern,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Names it for good.
    pub id: DeviceId,
    /// What the system calls it.
    pub name: String,
    /// Whether it is a real one. For the others the id is the choice itself (`pattern`, `tone`, …).
    pub kind: SourceKind,
}

/// All devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// Cameras, in the system's order.
    pub cameras: Vec<DeviceInfo>,
    /// Microphones, without the speakers' monitors.
    pub microphones: Vec<DeviceInfo>,
    /// Speakers.
    pub speakers: Vec<DeviceInfo>,
}

/// Lists the devices; the test sources too for a developer. Asks the system, so it can block for some
/// ten milliseconds: not for an async task.
pub fn list(developer: bool) -> DeviceList {
    let (microphones, speakers) = sound::list();
    let mut devices = DeviceList { cameras: camera::list(), microphones, speakers };
    if developer {
        let test = |id: String, name: &str| DeviceInfo {
            id: DeviceId::new(id),
            name: name.to_owned(),
            kind: SourceKind::Pattern,
        };
        devices.cameras.push(test(CameraChoice::Pattern { sender: 0 }.to_string(), "Test picture"));
        let tone = MicrophoneChoice::Tone { hz: super::DEFAULT_TONE_HZ };
        devices.microphones.push(test(tone.to_string(), "Test tone"));
        devices.microphones.push(test(MicrophoneChoice::None.to_string(), "Silence"));
        devices.speakers.push(test(SpeakerChoice::Null.to_string(), "No speaker"));
    }
    devices
}

impl DeviceInfo {
    /// The choice of this camera.
    pub fn as_camera(&self) -> Option<CameraChoice> {
        match self.kind {
            SourceKind::Real => Some(CameraChoice::Device(self.id.clone())),
            _ => self.id.as_str().parse().ok(),
        }
    }

    /// The choice of this microphone.
    pub fn as_microphone(&self) -> Option<MicrophoneChoice> {
        match self.kind {
            SourceKind::Real => Some(MicrophoneChoice::Device(self.id.clone())),
            _ => self.id.as_str().parse().ok(),
        }
    }

    /// The choice of this speaker.
    pub fn as_speaker(&self) -> Option<SpeakerChoice> {
        match self.kind {
            SourceKind::Real => Some(SpeakerChoice::Device(self.id.clone())),
            _ => self.id.as_str().parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_sources_are_the_developers_and_each_can_be_chosen() {
        let everybody = list(false);
        let developers = list(true);
        for devices in [&everybody.cameras, &everybody.microphones, &everybody.speakers] {
            assert!(devices.iter().all(|info| info.kind == SourceKind::Real));
        }
        let last = |devices: &[DeviceInfo]| devices.last().cloned();
        let pattern = last(&developers.cameras).and_then(|info| info.as_camera());
        assert_eq!(pattern, Some(CameraChoice::Pattern { sender: 0 }));
        let silence = last(&developers.microphones).and_then(|info| info.as_microphone());
        assert_eq!(silence, Some(MicrophoneChoice::None));
        assert_eq!(last(&developers.speakers).and_then(|info| info.as_speaker()), Some(SpeakerChoice::Null));
    }
}
