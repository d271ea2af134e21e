//! How the program is started: flags, environment, and where its data lies.
//!
//! Not preferences: those are the user's and are kept in the client's store. What is here holds until the program ends, and lets
//! two people share one computer (two profiles), tests bring their own devices, and a machine without a graphics card show video.

use clap::Parser;
use directories::ProjectDirs;
use std::io;
use std::path::{Path, PathBuf};

/// Chat in rooms and make peer-to-peer video calls, on a space of your own.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "snug", version)]
pub(crate) struct Launch {
    /// Keep all data in this folder instead of the user's data folder: a second profile beside the first.
    #[arg(long, value_name = "DIR", env = "SNUG_PROFILE_DIR")]
    pub(crate) profile: Option<PathBuf>,
    /// Offer test cameras and test microphones in the settings.
    #[arg(long, env = "SNUG_DEVELOPER", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub(crate) developer: bool,
    /// Never use the tray: closing the window quits.
    #[arg(long, env = "SNUG_NO_TRAY", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub(crate) no_tray: bool,
    /// Camera for this run instead of the chosen one: `default`, `device:ID`, `pattern`, `file:X.y4m`.
    #[arg(long, value_name = "CHOICE", env = "SNUG_CAMERA", hide_env_values = true)]
    pub(crate) camera: Option<String>,
    /// Microphone for this run: `default`, `device:ID`, `tone`, `file:X.wav`, `none`.
    #[arg(long, value_name = "CHOICE", env = "SNUG_MICROPHONE", hide_env_values = true)]
    pub(crate) microphone: Option<String>,
    /// Speaker for this run: `default`, `device:ID`, `null`, `file:X.wav`.
    #[arg(long, value_name = "CHOICE", env = "SNUG_SPEAKER", hide_env_values = true)]
    pub(crate) speaker: Option<String>,
    /// Keep secrets in a file of the profile that only its owner can read, not in the system's keyring.
    #[arg(long, env = "SNUG_KEYRING_FILE", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub(crate) keyring_file: bool,
}

/// Where everything of one profile lies.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    folder: PathBuf,
}

impl Launch {
    /// The profile's folder, made if it is missing, readable by its owner only.
    pub(crate) fn profile(&self) -> io::Result<Profile> {
        let folder = match &self.profile {
            Some(folder) => std::path::absolute(folder)?,
            None => ProjectDirs::from("chat", "snug", "Snug")
                .ok_or_else(|| io::Error::other("there is no home folder; name a folder with --profile"))?
                .data_local_dir()
                .to_path_buf(),
        };
        Profile::open(folder)
    }
}

impl Profile {
    /// Makes the folder if it is missing.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Profile> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Profile { folder })
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The client's store.
    pub(crate) fn client(&self) -> PathBuf {
        self.folder.join("client")
    }

    /// The space that is hosted here, and the file that says so.
    pub(crate) fn space(&self) -> PathBuf {
        self.folder.join("space")
    }

    /// What the webview keeps: caches only, since the interface holds nothing.
    pub(crate) fn webview(&self) -> PathBuf {
        self.folder.join("webview")
    }

    /// Where the window was.
    pub(crate) fn window(&self) -> PathBuf {
        self.folder.join("window.json")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_profile_is_made_where_one_asks_and_is_private() {
        let home = tempfile::tempdir().unwrap();
        let launch = Launch { profile: Some(home.path().join("a/b")), ..Launch::default() };
        let profile = launch.profile().unwrap();
        let mode = std::fs::metadata(profile.folder()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(profile.client().starts_with(home.path()) && profile.space() != profile.client());
        launch.profile().unwrap();
    }

    #[test]
    fn a_profile_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Launch { profile: Some(file.path().join("x")), ..Launch::default() }.profile().is_err());
    }

    #[test]
    fn flags_are_read() {
        let launch =
            Launch::try_parse_from(["snug", "--developer", "--profile", "/p", "--camera", "pattern"])
                .unwrap();
        assert!(launch.developer && !launch.no_tray);
        assert_eq!(launch.camera.as_deref(), Some("pattern"));
        assert!(Launch::try_parse_from(["snug", "--unknown"]).is_err());
    }
}
