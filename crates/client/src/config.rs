//! How a client is opened: where it keeps its data and which devices it takes.
//!
//! Not preferences: those are the user's, kept in the store, and changed while the client runs. What is here is decided by whoever
//! starts the program, and holds until it ends.

use snug_call::device::VideoFormat;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that [`Client::open`](crate::Client::open) needs.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Folder of the store; made if it is missing.
    pub data_dir: PathBuf,
    /// What this device is called among the user's devices, 1 to 64 characters.
    pub device_name: String,
    /// Where the token and the device's key are kept.
    pub keyring: Keyring,
    /// Whether test cameras and microphones are offered.
    pub developer: bool,
    /// Devices for this run, instead of the chosen ones.
    pub devices: DeviceOverrides,
    /// Calls: what is asked of the camera, and the largest picture that is sent.
    pub video_format: VideoFormat,
    /// Calls: offer 127.0.0.1 as a candidate, for two clients on one computer without a network.
    pub include_loopback: bool,
    /// Calls: certificates, in DER, that a TURN server may have over TLS besides those that systems trust.
    pub relay_roots: Vec<Vec<u8>>,
    /// How long an event stream may be silent before it is taken for dead. The server says something every 15 s.
    pub stream_silence: Duration,
    /// The largest that the store may become, in bytes; the disk is the limit when absent. Sending and receiving stop there with
    /// `disk_full`, as they do on a full disk.
    pub max_store_bytes: Option<u64>,
}

impl ClientConfig {
    /// The usual configuration over a folder: the system's keyring, and the user's devices.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            device_name: "Computer".to_owned(),
            keyring: Keyring::System,
            developer: false,
            devices: DeviceOverrides::default(),
            video_format: VideoFormat::default(),
            include_loopback: false,
            relay_roots: Vec::new(),
            stream_silence: Duration::from_secs(40),
            max_store_bytes: None,
        }
    }
}

/// Where secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyring {
    /// The system's keyring; a file where there is none.
    System,
    /// A file in the data folder that only its owner can read (mode 0600).
    File,
}

/// Devices that replace the user's choices for this run, in the forms that the lab and the environment use:
/// `pattern`, `file:X.y4m`, `tone`, `file:X.wav`, `none`, `null`, `default`, `device:ID`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceOverrides {
    /// Where pictures come from.
    pub camera: Option<String>,
    /// Where sound comes from.
    pub microphone: Option<String>,
    /// Where sound goes.
    pub speaker: Option<String>,
}
