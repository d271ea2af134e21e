//! Which camera, microphone and speaker are used, and what of them is seen and heard at the moment.
//!
//! Belongs to this computer and not to whoever is signed in: choices outlive signing out, and the settings' preview needs no account.
//! Devices themselves are `snug-call`'s. A preview and a call never hold the same camera: while there is a call, it gives the preview's
//! pictures.

use super::chime::chime;
use super::pictures::Pictures;
use crate::client::StreamName;
use crate::config::DeviceOverrides;
use crate::store::Store;
use crate::updates::UpdateSender;
use crate::view::{DeviceKind, DeviceOption, Devices, Problem};
use snug_call::audio::{AudioProcessing, AudioSender, AudioSettings, FarEnd, HeardObserver};
use snug_call::device::{
    self, CameraChoice, DeviceError, DeviceEvents, DeviceInfo, DeviceList, DeviceState, MicrophoneChoice,
    SourceKind, SpeakerChoice, VideoFormat,
};
use snug_call::video::{VideoSender, VideoSettings};
use snug_call::{Call, VideoSource};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// A preview is a few centimetres wide.
const PREVIEW: VideoFormat = VideoFormat { width: 640, height: 360, fps: 30 };

/// Makes an observer of what is heard, for each call anew.
type Hearing = Arc<dyn Fn() -> HeardObserver + Send + Sync>;

/// What is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    pub camera: CameraChoice,
    pub microphone: MicrophoneChoice,
    pub speaker: SpeakerChoice,
}

impl Choices {
    /// What is done to the voice: nothing where it is a test sound, which noise suppression would remove.
    pub(super) fn processing(&self) -> AudioProcessing {
        match self.microphone {
            MicrophoneChoice::Tone { .. } | MicrophoneChoice::File(_) => AudioProcessing::OFF,
            MicrophoneChoice::Default | MicrophoneChoice::Device(_) | MicrophoneChoice::None => {
                AudioProcessing::default()
            }
        }
    }
}

pub(crate) struct Studio {
    developer: bool,
    updates: UpdateSender,
    levels: watch::Sender<f32>,
    streams: watch::Sender<Vec<StreamName>>,
    /// Held for moments, never across an await.
    state: Mutex<State>,
}

struct State {
    choices: Choices,
    /// The settings want to see and hear.
    wanted: bool,
    preview: Option<Preview>,
    call: Weak<Call>,
    call_streams: Vec<StreamName>,
    hearing: Option<Hearing>,
}

/// Open devices; dropping it closes them.
struct Preview {
    video: VideoSender,
    audio: AudioSender,
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl Studio {
    /// With the choices of the store, unless this run has others.
    pub(crate) async fn open(
        developer: bool,
        overrides: &DeviceOverrides,
        store: &Store,
        updates: UpdateSender,
    ) -> Result<Self, Problem> {
        let choices = Choices {
            camera: choice(overrides.camera.as_deref(), store, "camera")
                .await?
                .unwrap_or(CameraChoice::Default),
            microphone: choice(overrides.microphone.as_deref(), store, "microphone")
                .await?
                .unwrap_or(MicrophoneChoice::Default),
            speaker: choice(overrides.speaker.as_deref(), store, "speaker")
                .await?
                .unwrap_or(SpeakerChoice::Default),
        };
        let state = State {
            choices,
            wanted: false,
            preview: None,
            call: Weak::new(),
            call_streams: Vec::new(),
            hearing: None,
        };
        Ok(Self {
            developer,
            updates,
            levels: watch::Sender::new(0.0),
            streams: watch::Sender::new(Vec::new()),
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn choices(&self) -> Choices {
        self.state().choices.clone()
    }

    /// 0 to 1, of one's own microphone.
    pub(crate) fn levels(&self) -> &watch::Sender<f32> {
        &self.levels
    }

    pub(crate) fn streams(&self) -> watch::Receiver<Vec<StreamName>> {
        self.streams.subscribe()
    }

    pub(crate) fn set_hearing(&self, hearing: Hearing) {
        self.state().hearing = Some(hearing);
    }

    /// An observer of what is heard in a new call, if somebody wants one.
    pub(super) fn heard(&self) -> Option<HeardObserver> {
        self.state().hearing.as_ref().map(|make| make())
    }

    /// Closes the preview's devices, because a call is about to open them.
    pub(super) fn clear_preview(&self) {
        let open = self.state().preview.take();
        drop(open);
    }

    /// The devices are a call's now.
    pub(super) fn call_began(&self, call: &Arc<Call>) {
        self.state().call = Arc::downgrade(call);
        self.tell_streams();
    }

    /// The pictures that the call has now.
    pub(super) fn call_streams(&self, streams: Vec<StreamName>) {
        self.state().call_streams = streams;
        self.tell_streams();
    }

    /// The devices are free again.
    pub(super) fn call_ended(&self) {
        let wanted = {
            let mut state = self.state();
            state.call = Weak::new();
            state.call_streams.clear();
            state.wanted
        };
        self.levels.send_replace(0.0);
        if wanted {
            self.start_preview();
        }
        self.tell_streams();
    }

    fn tell_streams(&self) {
        let streams = {
            let state = self.state();
            let own = state.call_streams.contains(&StreamName::Own);
            let preview = state.preview.is_some() || (state.wanted && own);
            let preview = preview.then_some(StreamName::Preview);
            state.call_streams.iter().copied().chain(preview).collect::<Vec<_>>()
        };
        self.streams.send_if_modified(|now| {
            let changed = *now != streams;
            *now = streams;
            changed
        });
    }

    pub(crate) fn start_preview(&self) {
        {
            let mut state = self.state();
            state.wanted = true;
            if state.preview.is_none() && state.call.upgrade().is_none() {
                state.preview = Some(self.open_preview(&state.choices));
            }
        }
        self.tell_streams();
    }

    pub(crate) fn stop_preview(&self) {
        let open = {
            let mut state = self.state();
            state.wanted = false;
            state.preview.take()
        };
        if open.is_some() {
            self.levels.send_replace(0.0);
        }
        self.tell_streams();
    }

    fn open_preview(&self, choices: &Choices) -> Preview {
        let settings = VideoSettings {
            camera: Some(choices.camera.clone()),
            format: PREVIEW,
            ..VideoSettings::default()
        };
        let (video, camera_events) = VideoSender::start(settings);
        let settings = AudioSettings {
            microphone: choices.microphone.clone(),
            processing: choices.processing(),
            ..AudioSettings::default()
        };
        let (audio, _packets, microphone_events) = AudioSender::start(settings, FarEnd::silent());
        let (mut measured, levels) = (audio.level(), self.levels.clone());
        let meter = async move {
            while measured.changed().await.is_ok() {
                let level = measured.borrow_and_update().level;
                levels.send_replace(level);
            }
        };
        let tasks = [
            tokio::spawn(meter),
            tokio::spawn(tell_failures(camera_events, self.updates.clone())),
            tokio::spawn(tell_failures(microphone_events, self.updates.clone())),
        ];
        Preview { video, audio, _tasks: tasks.map(AbortOnDropHandle::new) }
    }

    /// A stream's pictures, if there is such a stream.
    pub(crate) fn subscribe(&self, name: StreamName) -> Option<Pictures> {
        let state = self.state();
        let source = match name {
            StreamName::Own => VideoSource::SelfView,
            StreamName::Peer(device) => VideoSource::Remote(device),
            StreamName::Preview => match &state.preview {
                Some(preview) => return Some(Pictures::of_preview(preview.video.subscribe())),
                None => VideoSource::SelfView,
            },
        };
        state.call.upgrade().map(|_| Pictures::of_call(state.call.clone(), source))
    }

    /// Whether the preview took the request for a keyframe; else it is the call's.
    pub(crate) fn request_preview_keyframe(&self) -> bool {
        let state = self.state();
        state.preview.as_ref().inspect(|preview| preview.video.request_keyframe()).is_some()
    }

    /// What can be chosen and what is.
    pub(crate) async fn devices(&self) -> Result<Devices, Problem> {
        let developer = self.developer;
        let listed = tokio::task::spawn_blocking(move || device::list(developer));
        let DeviceList { cameras, microphones, speakers } =
            listed.await.map_err(|error| failed(&error.to_string()))?;
        let choices = self.choices();
        let cameras = options(&cameras, |info| info.as_camera().map(|choice| choice.to_string()));
        let microphones =
            with_default(options(&microphones, |i| i.as_microphone().map(|choice| choice.to_string())));
        let speakers = with_default(options(&speakers, |i| i.as_speaker().map(|choice| choice.to_string())));
        let camera = match choices.camera {
            CameraChoice::Default => cameras.first().map(|first| first.id.clone()),
            other => Some(other.to_string()),
        };
        Ok(Devices {
            camera,
            microphone: Some(choices.microphone.to_string()).filter(|_| !microphones.is_empty()),
            speaker: Some(choices.speaker.to_string()).filter(|_| !speakers.is_empty()),
            cameras,
            microphones,
            speakers,
        })
    }

    /// Chooses a device and keeps the choice.
    pub(crate) async fn choose(&self, store: &Store, kind: DeviceKind, id: &str) -> Result<(), Problem> {
        let unknown =
            |error: device::ChoiceError| Problem { code: "bad_request".into(), detail: error.to_string() };
        let name = match kind {
            DeviceKind::Camera => {
                let camera: CameraChoice = id.parse().map_err(unknown)?;
                let mut state = self.state();
                if let Some(preview) = &state.preview {
                    preview.video.set_camera(Some(camera.clone()));
                }
                state.choices.camera = camera;
                "camera"
            }
            DeviceKind::Microphone => {
                let microphone: MicrophoneChoice = id.parse().map_err(unknown)?;
                let mut state = self.state();
                if let Some(preview) = &state.preview {
                    preview.audio.set_microphone(microphone.clone());
                }
                state.choices.microphone = microphone;
                "microphone"
            }
            DeviceKind::Speaker => {
                self.state().choices.speaker = id.parse().map_err(unknown)?;
                "speaker"
            }
        };
        store.keep_preference(name, &id).await
    }

    /// Plays the test sound; returns when it was heard.
    pub(crate) async fn test_speaker(&self) -> Result<(), Problem> {
        let speaker = self.choices().speaker;
        let played = tokio::task::spawn_blocking(move || chime(&speaker));
        let played = played.await.map_err(|error| failed(&error.to_string()))?;
        played.map_err(|error| device_problem(device::DeviceKind::Speaker, &error))
    }
}

async fn choice<T: std::str::FromStr>(
    given: Option<&str>,
    store: &Store,
    name: &str,
) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    let kept: Option<String> = match given {
        Some(given) => Some(given.to_owned()),
        None => store.preference(name).await?,
    };
    let parsed = kept.map(|text| text.parse::<T>());
    if let Some(Err(error)) = &parsed {
        tracing::warn!(%error, name, "a device's choice cannot be read; taking the default");
    }
    Ok(parsed.and_then(Result::ok))
}

fn options(devices: &[DeviceInfo], id: impl Fn(&DeviceInfo) -> Option<String>) -> Vec<DeviceOption> {
    let option = |info: &DeviceInfo| {
        let id = id(info)?;
        // The interface has words for the test sources, by their ids.
        let name = if info.kind == SourceKind::Real { info.name.clone() } else { id.clone() };
        Some(DeviceOption { id, name })
    };
    devices.iter().filter_map(option).collect()
}

/// The system's own choice in front, where there is anything to choose.
fn with_default(mut options: Vec<DeviceOption>) -> Vec<DeviceOption> {
    if !options.is_empty() {
        options.insert(0, DeviceOption { id: "default".into(), name: "default".into() });
    }
    options
}

async fn tell_failures(mut events: DeviceEvents, updates: UpdateSender) {
    while let Some(event) = events.recv().await {
        if let DeviceState::Failed(error) = event.state {
            updates.problem(device_problem(event.kind, &error));
        }
    }
}

/// In the codes that the interface words.
pub(super) fn device_problem(kind: device::DeviceKind, error: &DeviceError) -> Problem {
    let device = match kind {
        device::DeviceKind::Camera => "camera",
        device::DeviceKind::Microphone => "microphone",
        device::DeviceKind::Speaker => "speaker",
    };
    Problem { code: format!("{device}_{}", error.code()), detail: error.to_string() }
}

fn failed(why: &str) -> Problem {
    Problem { code: "internal".into(), detail: why.to_owned() }
}
