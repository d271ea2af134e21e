//! A real camera and a real sound card, wherever there are some: `script/test-devices`.
//!
//! Ignored by default because a machine that builds has neither. The sound card's microphone must hear
//! its speaker (a loopback card, or a laptop on a table).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use snug_call::audio::{AudioProcessing, AudioSender, AudioSettings, FarEnd, Playout};
use snug_call::clock::Clock;
use snug_call::device::{
    CameraChoice, DeviceError, DeviceId, DeviceState, MicrophoneChoice, SpeakerChoice, VideoFormat, list,
    open_camera, open_microphone,
};
use snug_media::Seq;
use snug_media::tone::dominant_frequency;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
/// An emulated processor draws the camera's pictures itself: small ones.
const SMALL: VideoFormat = VideoFormat { width: 320, height: 240, fps: 30 };

#[test]
#[ignore = "needs a camera"]
fn a_camera_gives_changing_pictures_and_belongs_to_one() {
    let clock = Clock::shared();
    let cameras = list(false).cameras;
    println!("cameras: {cameras:?}");
    let choice = CameraChoice::Device(cameras.first().expect("no camera").id.clone());
    let mut camera = open_camera(&choice, SMALL, clock).unwrap();
    let begun = clock.now();
    let (mut frames, mut changes, mut size) = (0_u32, 0_u32, (0, 0));
    let mut last: Option<Vec<u8>> = None;
    while frames < 50 {
        assert!(clock.now().since(begun) < LONG, "{frames} pictures in a minute");
        let Some(frame) = camera.next_frame(Duration::from_secs(1)).unwrap() else { continue };
        frames += 1;
        size = (frame.picture.width(), frame.picture.height());
        let luma = frame.picture.y().to_vec();
        changes += u32::from(last.as_ref().is_some_and(|last| *last != luma));
        last = Some(luma);
    }
    let fps = f64::from(frames) / clock.now().since(begun).as_secs_f64();
    println!("{}: {size:?} at {fps:.1} pictures per second, {changes} of {frames} changed", camera.name());
    assert!(fps >= 5.0 && changes > 10);
    // The same device a second time, while the first one runs.
    let second = open_camera(&choice, SMALL, clock);
    assert_eq!(second.err(), Some(DeviceError::Busy));
    drop(camera);
}

/// The choices can be named in `SNUG_MICROPHONE` and `SNUG_SPEAKER`, in the form of the settings.
#[test]
#[ignore = "needs a sound card whose microphone hears its speaker"]
fn the_microphone_hears_what_the_speaker_plays() {
    let devices = list(false);
    println!("microphones: {:?}\nspeakers: {:?}", devices.microphones, devices.speakers);
    let named = |name| std::env::var(name).ok();
    let microphone: MicrophoneChoice =
        named("SNUG_MICROPHONE").map_or(MicrophoneChoice::Default, |choice| choice.parse().unwrap());
    let speaker: SpeakerChoice =
        named("SNUG_SPEAKER").map_or(SpeakerChoice::Default, |choice| choice.parse().unwrap());
    let clock = Clock::shared();
    let (playout, _, mut events) = Playout::start(speaker, None);
    let stream = playout.add_stream().unwrap();
    let settings = AudioSettings {
        microphone: MicrophoneChoice::Tone { hz: 700.0 },
        processing: AudioProcessing::OFF,
        ..AudioSettings::default()
    };
    let (sender, mut packets, _) = AudioSender::start(settings, FarEnd::silent());
    let pump = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut seq = Seq(0);
        while let Some(packet) = runtime.block_on(packets.next()) {
            stream.push(clock.now(), seq, packet.rtp_time, packet.payload);
            seq = seq.next();
        }
    });
    let state = events.blocking_recv().unwrap().state;
    println!("speaker: {state:?}");
    assert!(matches!(state, DeviceState::Working { .. }));
    let mut microphone = open_microphone(&microphone, clock).unwrap();
    println!("microphone: {}", microphone.name());
    let begun = clock.now();
    let mut heard: Vec<f32> = Vec::new();
    loop {
        assert!(clock.now().since(begun) < LONG, "the tone was never heard");
        let Some(block) = microphone.next_block(Duration::from_secs(1)).unwrap() else { continue };
        heard.extend(block.samples);
        // Each half second once: looking more often is too much for an emulated processor, which then loses what it should hear.
        if heard.len() < 24_000 {
            continue;
        }
        if dominant_frequency(&heard, 48_000).is_some_and(|hz| (690.0..710.0).contains(&hz)) {
            break;
        }
        heard.clear();
    }
    drop(sender);
    pump.join().unwrap();
}

#[test]
#[ignore = "needs the system's devices"]
fn what_is_not_there_is_not_found() {
    let clock = Clock::shared();
    let nowhere = MicrophoneChoice::Device(DeviceId::new("alsa:hw:CARD=Nobody"));
    assert_eq!(open_microphone(&nowhere, clock).err(), Some(DeviceError::NotFound));
    let nobody = CameraChoice::Device(DeviceId::new("Nobody's camera@7"));
    assert_eq!(open_camera(&nobody, SMALL, clock).err(), Some(DeviceError::NotFound));
}
