//! What microphones and speakers have in common: cpal's hosts and devices, and the thread that keeps a
//! stream alive.
//!
//! On Linux PulseAudio's protocol (which PipeWire speaks too) goes first: its device names last, it
//! resamples, and it gives small buffers. ALSA directly is for machines that have neither. A stream's
//! callbacks touch a lock-free ring and some atomics, nothing else: no lock, no allocation, no log.

mod keeper;
mod stream;

pub(super) use keeper::{Keeper, Opened, Rings};
pub(super) use stream::Ring;

use super::{DeviceError, DeviceId, DeviceInfo, SourceKind};
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{ErrorKind, HostId};

/// Which way the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// A microphone.
    In,
    /// A speaker.
    Out,
}

/// A device that was found.
pub(super) struct Found {
    pub(super) device: cpal::Device,
    pub(super) id: DeviceId,
    pub(super) name: String,
}

/// The best host that answers.
pub(super) fn host() -> Result<cpal::Host, DeviceError> {
    let mut preferred: Vec<HostId> = cpal::available_hosts();
    // PulseAudio before all others; their own order stays.
    preferred.sort_by_key(|id| !id.name().eq_ignore_ascii_case("pulseaudio"));
    let mut last = DeviceError::NotFound;
    for id in preferred {
        match cpal::host_from_id(id) {
            Ok(host) => return Ok(host),
            Err(error) => {
                tracing::debug!(host = id.name(), %error, "no such sound host");
                last = classify(&error);
            }
        }
    }
    // No sound system at all is no device, in the words of somebody who looks for one.
    Err(if matches!(last, DeviceError::Denied) { last } else { DeviceError::NotFound })
}

/// Microphones and speakers.
pub(super) fn list() -> (Vec<DeviceInfo>, Vec<DeviceInfo>) {
    let Ok(host) = host() else { return (Vec::new(), Vec::new()) };
    let infos = |direction| {
        let found = devices(&host, direction).unwrap_or_default();
        found
            .into_iter()
            .filter(|found| is_offered(found.id.as_str()))
            .map(|found| DeviceInfo { id: found.id, name: found.name, kind: SourceKind::Real })
            .collect()
    };
    (infos(Direction::In), infos(Direction::Out))
}

fn devices(host: &cpal::Host, direction: Direction) -> Result<Vec<Found>, DeviceError> {
    let all: Vec<cpal::Device> = match direction {
        Direction::In => host.input_devices().map_err(|error| classify(&error))?.collect(),
        Direction::Out => host.output_devices().map_err(|error| classify(&error))?.collect(),
    };
    Ok(all.into_iter().filter_map(found).filter(|found| !is_monitor(&found.id)).collect())
}

fn found(device: cpal::Device) -> Option<Found> {
    let id = DeviceId::new(device.id().ok()?.to_string());
    let name = device.description().map_or_else(|_| id.to_string(), |about| about.name().to_owned());
    Some(Found { device, id, name })
}

/// What a speaker plays, offered as a microphone: choosing it by mistake sends everybody their own voice.
fn is_monitor(id: &DeviceId) -> bool {
    id.as_str().ends_with(".monitor")
}

/// Whether the device is one that a person would look for. ALSA lists each card in a dozen ways, and
/// its plugins too; the way that converts formats serves, under the card's name and not its number.
fn is_offered(id: &str) -> bool {
    let Some(name) = id.strip_prefix("alsa:") else { return true };
    let by_number = |card: &str| card.starts_with(|first: char| first.is_ascii_digit());
    name == "default" || name.strip_prefix("plughw:CARD=").is_some_and(|card| !by_number(card))
}

/// The device that is wanted, or the default one. A default that is a monitor is none.
pub(super) fn find(
    host: &cpal::Host,
    direction: Direction,
    wanted: Option<&DeviceId>,
) -> Result<Found, DeviceError> {
    let found = match wanted {
        Some(id) => devices(host, direction)?.into_iter().find(|found| found.id == *id),
        None => match direction {
            Direction::In => host.default_input_device(),
            Direction::Out => host.default_output_device(),
        }
        .and_then(found)
        .filter(|found| !is_monitor(&found.id)),
    };
    found.ok_or(DeviceError::NotFound)
}

pub(super) fn classify(error: &cpal::Error) -> DeviceError {
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::Busy,
        ErrorKind::PermissionDenied => DeviceError::Denied,
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => DeviceError::NotFound,
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation => {
            DeviceError::Unsupported(error.to_string())
        }
        _ => DeviceError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alsa_offers_each_card_once_and_pulseaudio_what_it_has() {
        let listed = [
            "alsa:null",
            "alsa:speexrate",
            "alsa:default",
            "alsa:hw:CARD=PCH,DEV=0",
            "alsa:plughw:CARD=PCH,DEV=0",
            "alsa:plughw:CARD=0,DEV=0",
            "alsa:surround51:CARD=PCH,DEV=0",
            "pulseaudio:alsa_input.pci-0000_00_1f.3.analog-stereo",
        ];
        let offered: Vec<&str> = listed.into_iter().filter(|id| is_offered(id)).collect();
        assert_eq!(offered, [listed[2], listed[4], listed[7]]);
    }

    #[test]
    fn a_monitor_is_no_microphone() {
        assert!(is_monitor(&DeviceId::new("pulseaudio:spk.monitor")));
        assert!(!is_monitor(&DeviceId::new("pulseaudio:monitor-mic")));
    }
}
