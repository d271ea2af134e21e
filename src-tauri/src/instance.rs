//! One program for each profile: a second start shows the first one's window and ends.
//!
//! A lock on a file says who is first (the system lets go of it however the program ends), a socket beside it is where the second
//! knocks. Not the session bus: two profiles of one user are two programs, and there may be no bus.

use crate::launch::Profile;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// This program is the profile's one and only, as long as this lives.
#[derive(Debug)]
pub(crate) struct Instance {
    _lock: File,
    socket: PathBuf,
}

/// Who has the profile.
#[derive(Debug)]
pub(crate) enum Claim {
    /// This program.
    Ours(Instance),
    /// Another one, which was asked to show its window.
    Taken,
}

/// Makes this program the profile's only one, or asks the one that is there to show its window.
pub(crate) fn claim(profile: &Profile) -> io::Result<Claim> {
    let lock = File::create(profile.folder().join("lock"))?;
    let socket = profile.folder().join("open");
    match lock.try_lock() {
        Ok(()) => {
            // Left behind by one that ended without tidying up.
            let _ = std::fs::remove_file(&socket);
            Ok(Claim::Ours(Instance { _lock: lock, socket }))
        }
        Err(TryLockError::WouldBlock) => {
            if let Err(error) = UnixStream::connect(&socket) {
                tracing::warn!(%error, "the program that has this profile does not answer");
            }
            Ok(Claim::Taken)
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Instance {
    /// Calls `knocked` whenever the program is started once more for this profile, until the task that is returned is aborted.
    /// Must be called inside a tokio runtime. An error leaves the program the only one, but mute: a second start just ends.
    pub(crate) fn listen(&self, knocked: impl Fn() + Send + 'static) -> io::Result<JoinHandle<()>> {
        let listener = UnixListener::bind(&self.socket)?;
        Ok(tokio::spawn(async move {
            // To connect is the whole message.
            while listener.accept().await.is_ok() {
                knocked();
            }
        }))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn the_second_start_knocks_at_the_first_and_a_later_one_takes_over() {
        let home = tempfile::tempdir().unwrap();
        let profile = Profile::open(home.path().to_path_buf()).unwrap();
        let Claim::Ours(first) = claim(&profile).unwrap() else { panic!("nobody else is there") };
        let (knocks, mut heard) = mpsc::channel(4);
        let listening = first.listen(move || knocks.try_send(()).unwrap()).unwrap();

        assert!(matches!(claim(&profile).unwrap(), Claim::Taken));
        assert_eq!(heard.recv().await, Some(()));

        listening.abort();
        drop(first);
        assert!(matches!(claim(&profile).unwrap(), Claim::Ours(_)));
    }

    #[test]
    fn two_profiles_do_not_meet() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let claims = [one.path(), other.path()]
            .map(|home| claim(&Profile::open(home.to_path_buf()).unwrap()).unwrap());
        assert!(claims.iter().all(|claim| matches!(claim, Claim::Ours(_))));
    }
}
