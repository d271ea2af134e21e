//! Argon2id (RFC 9106), off the async threads and only so many at once: each takes its memory, and a flood of sign-ins must not
//! take the machine's.

use crate::failure::{Result, refusal};
use anyhow::{Context, anyhow};
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{SaltString, rand_core::OsRng},
};
use snug_protocol::ErrorCode;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// Hashes computed at the same time.
const AT_ONCE: usize = 2;

/// Hashes waiting for their turn; at about 50 ms each the last waits two seconds.
const WAITING: usize = 64;

/// The hasher, with its queue.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    inside: AtomicUsize,
    /// Verified against when there is no such account, so that both answers take as long.
    decoy: String,
}

/// Leaves the queue when the work is done or the client went away.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    /// Makes the decoy, so it blocks for as long as one hash takes.
    pub(crate) fn new(memory_kib: u32) -> anyhow::Result<Self> {
        let params = Params::new(memory_kib, 2, 1, None).map_err(|e| anyhow!("password hashing: {e}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &crate::secret::token())?;
        Ok(Self { argon2, turns: Arc::new(Semaphore::new(AT_ONCE)), inside: AtomicUsize::new(0), decoy })
    }

    /// The PHC string of `password`.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        let argon2 = self.argon2.clone();
        Ok(self.in_turn(move || hash(&argon2, &password)).await??)
    }

    /// Whether `password` is the one of `stored`; false, and as slow, when there is nothing stored.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let argon2 = self.argon2.clone();
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = self
            .in_turn(move || {
                let parsed =
                    PasswordHash::new(&stored).map_err(|e| anyhow!("a stored password hash: {e}"))?;
                anyhow::Ok(argon2.verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await??;
        Ok(matches && known)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let waiting = self.inside.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.inside);
        if waiting >= AT_ONCE + WAITING {
            return Err(refusal(ErrorCode::Unavailable, "too many people sign in at the same time"));
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await.context("the semaphore is never closed")?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: the thread goes on when the client goes away.
            let _turn = turn;
            work()
        });
        Ok(done.await.context("hashing a password")?)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> anyhow::Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    let hashed = argon2.hash_password(password.as_bytes(), &salt).map_err(|e| anyhow!("hashing: {e}"))?;
    Ok(hashed.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_verifies() {
        let passwords = Passwords::new(64).unwrap();
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=2,p=1$"));
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsE".into(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }
}
