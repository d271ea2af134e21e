//! The token and the device's private key, where other programs cannot read them.
//!
//! The system's keyring where there is one, else a file that only its owner can read. Not the store: a store is copied into backups and
//! bug reports. A keyring over D-Bus can hang for minutes when nobody is behind the bus, so it is asked on a thread of its own, with a
//! time-out, and first for a sign of life.

use crate::config::Keyring;
use crate::store::SecretPlace;
use crate::view::Problem;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use snug_protocol::DeviceId;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SERVICE: &str = "chat.snug.Snug";
const FILE: &str = "secrets.json";

/// A keyring that is there answers in milliseconds.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// A keyring that is locked asks the user for its password first.
const UNLOCK: Duration = Duration::from_secs(60);

/// What proves who we are.
#[derive(Clone)]
pub(crate) struct Secret {
    /// Bearer token of this device's session.
    pub token: String,
    /// Signs call signals.
    pub key: SigningKey,
}

#[derive(Serialize, Deserialize)]
struct Written {
    token: String,
    key: String,
}

impl Secret {
    fn write(&self) -> String {
        let written = Written { token: self.token.clone(), key: STANDARD_NO_PAD.encode(self.key.to_bytes()) };
        serde_json::to_string(&written).expect("two strings are JSON")
    }

    fn read(text: &str) -> Option<Self> {
        let Written { token, key } = serde_json::from_str(text).ok()?;
        let key: [u8; 32] = STANDARD_NO_PAD.decode(key).ok()?.try_into().ok()?;
        Some(Self { token, key: SigningKey::from_bytes(&key) })
    }
}

/// Keeps the secret of a device; tells where, because the system's keyring may not be there.
pub(crate) async fn keep(
    keyring: Keyring,
    folder: &Path,
    device: DeviceId,
    secret: &Secret,
) -> Result<SecretPlace, Problem> {
    let text = secret.write();
    if keyring == Keyring::System {
        let kept = {
            let text = text.clone();
            system(move || entry(device)?.set_password(&text)).await
        };
        match kept {
            Ok(()) => return Ok(SecretPlace::System),
            Err(why) => tracing::warn!(why, "no keyring of the system; keeping the token in a file"),
        }
    }
    write_file(&folder.join(FILE), &text).map_err(|e| problem(&e.to_string()))?;
    Ok(SecretPlace::File)
}

/// The secret of a device; `None` when it is not there any more, which is as good as signed out.
pub(crate) async fn read(place: SecretPlace, folder: &Path, device: DeviceId) -> Option<Secret> {
    let text = match place {
        SecretPlace::File => std::fs::read_to_string(folder.join(FILE)).map_err(|e| e.to_string()),
        SecretPlace::System => system(move || entry(device)?.get_password()).await,
    };
    match text {
        Ok(text) => Secret::read(&text),
        Err(why) => {
            tracing::warn!(why, "the token is not to be had");
            None
        }
    }
}

/// Removes the secret of a device, as far as it can be.
pub(crate) async fn forget(place: SecretPlace, folder: &Path, device: DeviceId) {
    let gone = match place {
        SecretPlace::File => std::fs::remove_file(folder.join(FILE)).map_err(|e| e.to_string()),
        SecretPlace::System => system(move || entry(device)?.delete_credential()).await,
    };
    if let Err(why) = gone {
        tracing::warn!(why, "the token could not be removed");
    }
}

fn entry(device: DeviceId) -> keyring::Result<keyring::Entry> {
    keyring::Entry::new(SERVICE, &device.to_string())
}

/// Asks the system's keyring, on a thread that is left behind if it hangs.
async fn system<T: Send + 'static>(
    ask: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, String> {
    if !has_session_bus() {
        return Err("there is no session bus".into());
    }
    let (alive, alive_seen) = tokio::sync::oneshot::channel();
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || {
            let status = keyring::Entry::store_status().as_ref().copied().map_err(ToString::to_string);
            let works = status.is_ok();
            // Whoever asked may have given up on us.
            let _ = alive.send(status);
            if works {
                let _ = answer.send(ask().map_err(|e| e.to_string()));
            }
        })
        .map_err(|e| e.to_string())?;
    let gone = |_| "the keyring's thread ended".to_owned();
    let slow = |_| "the keyring does not answer".to_owned();
    tokio::time::timeout(SIGN_OF_LIFE, alive_seen).await.map_err(slow)?.map_err(gone)??;
    tokio::time::timeout(UNLOCK, answered).await.map_err(slow)?.map_err(gone)?
}

/// On Linux the Secret Service is reached over the session's bus; without one, asking would only wait.
fn has_session_bus() -> bool {
    if !cfg!(all(unix, not(target_os = "macos"))) {
        return true;
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || set("XDG_RUNTIME_DIR").is_some_and(|folder| PathBuf::from(folder).join("bus").exists())
}

/// Replaces the file as a whole; it never exists with more permissions than its owner's.
fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One that a crash left behind may have anybody's permissions.
    if let Err(error) = std::fs::remove_file(&new)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = options.open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

fn problem(detail: &str) -> Problem {
    Problem { code: "internal".into(), detail: format!("the token cannot be kept: {detail}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn secret() -> Secret {
        Secret { token: "a token".into(), key: SigningKey::from_bytes(&[7; 32]) }
    }

    #[tokio::test]
    async fn a_kept_secret_is_read_back_and_only_its_owner_can() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceId::random();
        std::fs::write(folder.path().join("secrets.new"), "left behind").unwrap();
        let place = keep(Keyring::File, folder.path(), device, &secret()).await.unwrap();
        assert_eq!(place, SecretPlace::File);
        let read_back = read(place, folder.path(), device).await.unwrap();
        assert_eq!((read_back.token, read_back.key), (secret().token, secret().key));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        forget(place, folder.path(), device).await;
        assert!(read(place, folder.path(), device).await.is_none());
    }

    /// Run it by hand with no session bus, with a bus and nobody on it (`dbus-run-session`), and with a keyring.
    #[tokio::test]
    #[ignore = "asks the keyring of whoever runs it"]
    async fn the_systems_keyring_or_its_absence_is_found_in_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceId::random();
        let began = std::time::Instant::now();
        let place = keep(Keyring::System, folder.path(), device, &secret()).await.unwrap();
        assert!(began.elapsed() < SIGN_OF_LIFE * 2, "{place:?} after {:?}", began.elapsed());
        assert_eq!(read(place, folder.path(), device).await.unwrap().token, secret().token);
        assert_eq!(folder.path().join(FILE).exists(), place == SecretPlace::File);
        forget(place, folder.path(), device).await;
        assert!(read(place, folder.path(), device).await.is_none());
    }

    #[tokio::test]
    async fn a_damaged_file_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), r#"{"token":"x","key":"AAAA"}"#).unwrap();
        assert!(read(SecretPlace::File, folder.path(), DeviceId::random()).await.is_none());
    }
}
