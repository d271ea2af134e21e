//! Microphones and speakers through cpal, against a PulseAudio server of the test's own.
//!
//! Null sinks stand for hardware: what is played into `vmic` is what the microphone `mic1` hears, and
//! what the speaker `spk` plays can be recorded from its monitor.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod sound_server;

use snug_call::audio::{AudioProcessing, AudioSender, AudioSettings, FarEnd, Playout, PlayoutStream};
use snug_call::clock::Clock;
use snug_call::device::{
    DeviceError, DeviceEvents, DeviceId, DeviceState, MicrophoneChoice, SpeakerChoice, list, open_microphone,
};
use snug_media::Seq;
use snug_media::level::dbov;
use snug_media::tone::dominant_frequency;
use sound_server::{
    HARDWARE, NO_MICROPHONE, RATE, Running, babble, pactl, sine, speak, unload, with_hardware,
};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::timeout;

/// Far more than anything here takes, and less than somebody waits for a test.
const LONG: Duration = Duration::from_secs(30);

fn microphone(name: &str) -> MicrophoneChoice {
    MicrophoneChoice::Device(DeviceId::new(format!("pulseaudio:{name}")))
}

/// Starts capture without processing and without a far end.
fn capture(choice: MicrophoneChoice) -> (AudioSender, DeviceEvents) {
    let settings =
        AudioSettings { microphone: choice, processing: AudioProcessing::OFF, ..AudioSettings::default() };
    let (sender, _, events) = AudioSender::start(settings, FarEnd::silent());
    (sender, events)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(LONG, future).await.expect("it took too long") })
}

fn next(events: &mut DeviceEvents) -> DeviceState {
    wait(async { events.recv().await.unwrap().state })
}

/// Waits for a state that this function accepts.
fn wait_for(events: &mut DeviceEvents, wanted: impl Fn(&DeviceState) -> bool) -> DeviceState {
    loop {
        let state = next(events);
        if wanted(&state) {
            return state;
        }
    }
}

#[test]
fn the_microphone_hears_the_tone_that_is_played_to_it() {
    with_hardware("the_microphone_hears_the_tone_that_is_played_to_it", HARDWARE, || {
        let clock = Clock::shared();
        let _voice = speak(sine(700.0, 30));
        let mut microphone = open_microphone(&microphone("mic1"), clock).unwrap();
        assert_eq!(microphone.name(), "First");
        let deadline = clock.now() + LONG;
        let mut heard: Vec<f32> = Vec::new();
        let mut last = None;
        loop {
            assert!(clock.now() < deadline, "the tone was never heard");
            let Some(block) = microphone.next_block(LONG).unwrap() else { continue };
            assert!(block.captured_at <= clock.now());
            assert!(last.is_none_or(|last| block.captured_at > last), "time goes on");
            last = Some(block.captured_at);
            heard.extend(block.samples);
            let recent = &heard[heard.len().saturating_sub(RATE as usize / 2)..];
            if recent.len() == RATE as usize / 2
                && dominant_frequency(recent, RATE).is_some_and(|hz| (695.0..705.0).contains(&hz))
            {
                break;
            }
        }
    });
}

/// Sends a tone from a sender to a playout, as the network would.
fn connect(hz: f32, stream: PlayoutStream) -> (AudioSender, std::thread::JoinHandle<()>) {
    let settings = AudioSettings {
        microphone: MicrophoneChoice::Tone { hz },
        processing: AudioProcessing::OFF,
        ..AudioSettings::default()
    };
    let (sender, mut packets, _) = AudioSender::start(settings, FarEnd::silent());
    let pump = std::thread::spawn(move || {
        let clock = Clock::shared();
        let mut seq = Seq(1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        while let Some(packet) = runtime.block_on(packets.next()) {
            stream.push(clock.now(), seq, packet.rtp_time, packet.payload);
            seq = seq.next();
        }
    });
    (sender, pump)
}

#[test]
fn what_is_received_reaches_the_speaker() {
    with_hardware("what_is_received_reaches_the_speaker", HARDWARE, || {
        let speaker = SpeakerChoice::Device(DeviceId::new("pulseaudio:spk"));
        let (playout, _, mut events) = Playout::start(speaker, None);
        let (sender, pump) = connect(523.0, playout.add_stream().unwrap());
        assert_eq!(next(&mut events), DeviceState::Working { name: "Loud".to_owned() });
        let recorder = Command::new("parec")
            .args([
                "-d",
                "spk.monitor",
                "--format=float32le",
                "--rate=48000",
                "--channels=1",
                "--latency-msec=20",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("parec");
        let mut recorder = Running(recorder);
        let mut output = recorder.0.stdout.take().unwrap();
        let clock = Clock::shared();
        let deadline = clock.now() + LONG;
        loop {
            assert!(clock.now() < deadline, "the tone was never played");
            let mut half_a_second = vec![0; RATE as usize / 2 * 4];
            output.read_exact(&mut half_a_second).unwrap();
            let heard: Vec<f32> =
                half_a_second.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            if dominant_frequency(&heard, RATE).is_some_and(|hz| (518.0..528.0).contains(&hz)) {
                break;
            }
        }
        drop(sender);
        pump.join().unwrap();
    });
}

#[test]
fn a_microphone_that_vanishes_is_gone_and_comes_back_by_itself() {
    with_hardware("a_microphone_that_vanishes_is_gone_and_comes_back_by_itself", HARDWARE, || {
        let (_sender, mut events) = capture(microphone("mic1"));
        assert_eq!(next(&mut events), DeviceState::Working { name: "First".to_owned() });
        unload("source_name=mic1");
        assert_eq!(next(&mut events), DeviceState::Failed(DeviceError::Gone));
        pactl(&["load-module", "module-remap-source", "master=vmic.monitor", "source_name=mic1"]);
        wait_for(&mut events, |state| matches!(state, DeviceState::Working { .. }));
    });
}

#[test]
fn a_speaker_that_vanishes_is_gone_and_playout_goes_on_into_nothing() {
    with_hardware("a_speaker_that_vanishes_is_gone_and_playout_goes_on_into_nothing", HARDWARE, || {
        let (heard, blocks) = std::sync::mpsc::sync_channel(1000);
        let observer = Box::new(move |_, samples: &[f32]| heard.try_send(dbov(samples)).unwrap_or(()));
        let speaker = SpeakerChoice::Device(DeviceId::new("pulseaudio:spk"));
        let (playout, _, mut events) = Playout::start(speaker, Some(observer));
        let (sender, pump) = connect(523.0, playout.add_stream().unwrap());
        assert_eq!(next(&mut events), DeviceState::Working { name: "Loud".to_owned() });
        unload("sink_name=spk");
        assert_eq!(next(&mut events), DeviceState::Failed(DeviceError::Gone));
        while blocks.try_recv().is_ok() {}
        let loud = (0..100).filter(|_| blocks.recv_timeout(LONG).unwrap() > -30.0).count();
        assert!(loud > 90, "{loud} of 100 blocks have the tone");
        drop(sender);
        pump.join().unwrap();
    });
}

#[test]
fn another_default_microphone_is_followed() {
    with_hardware("another_default_microphone_is_followed", HARDWARE, || {
        let (_sender, mut events) = capture(MicrophoneChoice::Default);
        assert_eq!(next(&mut events), DeviceState::Working { name: "First".to_owned() });
        let second = "source_properties=device.description=Second";
        pactl(&["load-module", "module-remap-source", "master=vmic.monitor", "source_name=mic2", second]);
        pactl(&["set-default-source", "mic2"]);
        assert_eq!(next(&mut events), DeviceState::Working { name: "Second".to_owned() });
    });
}

#[test]
fn without_any_microphone_there_is_none_to_be_found() {
    with_hardware("without_any_microphone_there_is_none_to_be_found", NO_MICROPHONE, || {
        let (_sender, mut events) = capture(MicrophoneChoice::Default);
        // PulseAudio offers the speaker's monitor as default: that is nobody's voice.
        assert_eq!(next(&mut events), DeviceState::Failed(DeviceError::NotFound));
        assert!(list(false).microphones.is_empty());
    });
}

#[test]
fn without_any_sound_system_playout_and_capture_say_so_and_live_on() {
    let test = "without_any_sound_system_playout_and_capture_say_so_and_live_on";
    with_hardware(test, NO_MICROPHONE, || {
        assert!(Command::new("pulseaudio").arg("--kill").status().unwrap().success());
        let (_sender, mut events) = capture(MicrophoneChoice::Default);
        assert_eq!(next(&mut events), DeviceState::Failed(DeviceError::NotFound));
        let (heard, blocks) = std::sync::mpsc::sync_channel(100);
        let observer = Box::new(move |_, _: &[f32]| heard.try_send(()).unwrap_or(()));
        let (_playout, _, mut events) = Playout::start(SpeakerChoice::Default, Some(observer));
        assert_eq!(next(&mut events), DeviceState::Failed(DeviceError::NotFound));
        for _ in 0..10 {
            blocks.recv_timeout(LONG).unwrap();
        }
    });
}

#[test]
fn the_list_has_stable_ids_and_no_monitors() {
    with_hardware("the_list_has_stable_ids_and_no_monitors", HARDWARE, || {
        let devices = list(false);
        let ids = |devices: &[snug_call::device::DeviceInfo]| -> Vec<String> {
            devices.iter().map(|info| info.id.to_string()).collect()
        };
        assert_eq!(ids(&devices.microphones), ["pulseaudio:mic1"]);
        assert_eq!(ids(&devices.speakers), ["pulseaudio:vmic", "pulseaudio:spk"]);
        assert_eq!(devices.speakers[1].name, "Loud");
    });
}

/// Sound servers like to buffer two seconds. From a first word to the air it must be a fraction of one.
#[test]
fn a_word_is_in_the_air_soon_after_it_is_spoken() {
    with_hardware("a_word_is_in_the_air_soon_after_it_is_spoken", HARDWARE, || {
        let air = ["master=spk.monitor", "source_name=air", "source_properties=device.description=Air"];
        pactl(&[&["load-module", "module-remap-source"][..], &air].concat());
        let clock = Clock::shared();
        let mut listener = open_microphone(&microphone("air"), clock).unwrap();
        let speaker = SpeakerChoice::Device(DeviceId::new("pulseaudio:spk"));
        let (playout, _, mut events) = Playout::start(speaker, None);
        let stream = playout.add_stream().unwrap();
        assert_eq!(next(&mut events), DeviceState::Working { name: "Loud".to_owned() });
        let settle = clock.now() + Duration::from_secs(1);
        while clock.now() < settle {
            listener.next_block(LONG).unwrap();
        }
        let spoken_at = clock.now();
        let (sender, pump) = connect(523.0, stream);
        let heard_at = loop {
            assert!(clock.now().since(spoken_at) < LONG, "it was never heard");
            match listener.next_block(LONG).unwrap() {
                Some(block) if dbov(&block.samples) > -40.0 => break block.captured_at,
                _ => {}
            }
        };
        let delay = heard_at.since(spoken_at);
        println!("{delay:?} from the first word to the air");
        assert!(delay < Duration::from_millis(500), "{delay:?}");
        drop(sender);
        pump.join().unwrap();
    });
}

/// The speaker is heard by the microphone, as in a room: what was played must not be sent back.
#[test]
fn the_echo_of_the_speaker_does_not_come_back() {
    with_hardware("the_echo_of_the_speaker_does_not_come_back", HARDWARE, || {
        pactl(&["load-module", "module-loopback", "source=spk.monitor", "sink=vmic", "latency_msec=30"]);
        let level_after = |echo: bool| {
            let speaker = SpeakerChoice::Device(DeviceId::new("pulseaudio:spk"));
            let (playout, far_end, _) = Playout::start(speaker, None);
            // Somebody else talks to us…
            let settings = AudioSettings {
                microphone: MicrophoneChoice::File(babble()),
                processing: AudioProcessing::OFF,
                ..AudioSettings::default()
            };
            let (other, mut packets, _) = AudioSender::start(settings, FarEnd::silent());
            let stream = playout.add_stream().unwrap();
            // …and this is what we send.
            let settings = AudioSettings {
                microphone: microphone("mic1"),
                processing: AudioProcessing { echo, noise: false, gain: false },
                ..AudioSettings::default()
            };
            let (_ours, mut sent, _) = AudioSender::start(settings, far_end);
            let clock = Clock::shared();
            let begun = clock.now();
            let mut seq = Seq(1);
            // The sound of each whole second; a packet that discontinuous transmission left out is silence.
            let mut seconds = [1e-13_f64; 12];
            wait(async {
                while clock.now().since(begun) < Duration::from_secs(12) {
                    tokio::select! {
                        Some(packet) = packets.next() => {
                            stream.push(clock.now(), seq, packet.rtp_time, packet.payload);
                            seq = seq.next();
                        }
                        Some(packet) = sent.next() => {
                            let second = clock.now().since(begun).as_secs() as usize;
                            if let Some(sum) = seconds.get_mut(second) {
                                *sum += 10_f64.powf(-f64::from(packet.audio_level) / 10.0) / 50.0;
                            }
                        }
                    }
                }
            });
            drop(other);
            // It takes some seconds to learn the room, and again when a busy machine makes the sound server stumble: the best second
            // says what the canceller can, and the synthetic room in the unit tests how well.
            let learned = &seconds[4..11];
            10.0 * learned.iter().copied().fold(f64::INFINITY, f64::min).log10()
        };
        let without = level_after(false);
        let with = level_after(true);
        println!("echo {without:.1} dBov without, {with:.1} dBov with cancellation");
        assert!(without > -45.0, "the echo is there: {without} dBov");
        assert!(without - with > 15.0, "{without} dBov becomes {with}");
    });
}
