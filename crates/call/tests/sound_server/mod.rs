//! A PulseAudio server for one test, with null sinks for hardware.
//!
//! cpal finds the server by the environment, which a process cannot change for itself safely, so each
//! test runs its story in a child process that is the same program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Of all sound here.
pub(crate) const RATE: u32 = 48_000;
/// Tells the child that it is one, and where its server lives.
const CHILD: &str = "SNUG_TEST_SOUND_SERVER";

pub(crate) const HARDWARE: &str = "
load-module module-native-protocol-unix
load-module module-null-sink sink_name=vmic rate=48000
load-module module-remap-source master=vmic.monitor source_name=mic1 source_properties=device.description=First
load-module module-null-sink sink_name=spk rate=48000 sink_properties=device.description=Loud
set-default-sink spk
set-default-source mic1
";

pub(crate) const NO_MICROPHONE: &str = "
load-module module-native-protocol-unix
load-module module-null-sink sink_name=spk rate=48000
";

/// A PulseAudio server that ends with this.
struct Server {
    folder: TempDir,
}

impl Server {
    fn start(script: &str) -> Server {
        let server = Server { folder: tempfile::tempdir().unwrap() };
        let file = server.folder.path().join("pulse.pa");
        fs::write(&file, script).unwrap();
        // As a daemon it returns when it is ready to be used.
        let status = server
            .command("pulseaudio")
            .args(["-n", "-F"])
            .arg(&file)
            .args(["--daemonize=yes", "--exit-idle-time=-1", "--realtime=no", "--high-priority=no"])
            .stderr(Stdio::null())
            .status()
            .expect("these tests need the pulseaudio program (Debian: pulseaudio, pulseaudio-utils)");
        assert!(status.success(), "pulseaudio does not start: {status}");
        server
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("XDG_RUNTIME_DIR", self.folder.path()).env("HOME", self.folder.path());
        command.env_remove("PULSE_SERVER").env_remove("PULSE_RUNTIME_PATH");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.command("pulseaudio").arg("--kill").status().ok();
    }
}

/// Runs `story` in a child process whose sound server has this hardware.
pub(crate) fn with_hardware(test: &str, script: &str, story: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return story();
    }
    let server = Server::start(script);
    let program = std::env::current_exe().unwrap();
    let output = server
        .command(program.to_str().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, server.folder.path())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A program that is ended with this.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn sine(hz: f32, seconds: u32) -> impl Iterator<Item = f32> {
    (0..seconds * RATE).map(move |i| 0.3 * (i as f32 * hz / RATE as f32 * std::f32::consts::TAU).sin())
}

/// Speaks into the microphones' sink.
pub(crate) fn speak(samples: impl Iterator<Item = f32>) -> Running {
    let path = Path::new(&std::env::var_os(CHILD).unwrap()).join("spoken.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.for_each(|sample| writer.write_sample((sample * 32_000.0) as i16).unwrap());
    writer.finalize().unwrap();
    Running(Command::new("paplay").args(["-d", "vmic"]).arg(path).spawn().expect("paplay"))
}

pub(crate) fn pactl(arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).output().expect("pactl");
    assert!(output.status.success(), "pactl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Unplugs what a module made.
pub(crate) fn unload(holding: &str) {
    let modules = pactl(&["list", "short", "modules"]);
    let line = modules.lines().find(|line| line.contains(holding)).unwrap();
    pactl(&["unload-module", line.split_whitespace().next().unwrap()]);
}

/// Ten seconds of noise in syllables.
pub(crate) fn babble() -> PathBuf {
    let path = Path::new(&std::env::var_os(CHILD).unwrap()).join("babble.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let (mut state, mut smooth) = (11_u32, 0.0_f32);
    for i in 0..10 * RATE {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
        smooth += 0.3 * (white - smooth);
        let syllable = (i as f32 / RATE as f32 * 3.0 * std::f32::consts::TAU).sin().max(0.0);
        writer.write_sample((smooth * (0.1 + 0.9 * syllable) * 16_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    path
}
