//! Everything durable on this device, in one SQLite file.
//!
//! What the interface shows comes from here and from nowhere else; the network only feeds it. One connection writes, so that writers
//! queue instead of failing with "busy", and a few read from WAL snapshots beside it. No state is cached above: a query of a local file is
//! cheaper than a cache that is wrong.

mod account;
mod device;
mod ingest;
mod outbox;
mod rooms;
mod stretches;
mod timeline;

pub(crate) use account::{KeptAccount, SecretPlace};
pub(crate) use ingest::{Applied, Notice, Received};
pub(crate) use outbox::Pending;
pub(crate) use rooms::Moment;
pub(crate) use timeline::Missing;

use crate::config::ClientConfig;
use crate::view::Problem;
use serde::{Serialize, de::DeserializeOwned};
use snug_protocol::{DeviceId, UserId};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const FILE: &str = "store.sqlite";

/// Bytes of a page; SQLite's default, fixed because the limit counts pages.
const PAGE_BYTES: u32 = 4096;

/// Connections that read: the interface asks for rooms, people and a timeline at once.
const READERS: u32 = 3;

/// The person and device that this store is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    pub user: UserId,
    pub device: DeviceId,
}

/// The store's file, open.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    write: SqlitePool,
    read: SqlitePool,
}

impl Store {
    /// Opens or makes the file, and brings it to this version's form.
    pub(crate) async fn open(config: &ClientConfig) -> Result<Self, Problem> {
        std::fs::create_dir_all(&config.data_dir).map_err(|e| io_problem(&e))?;
        let options = SqliteConnectOptions::new()
            .filename(config.data_dir.join(FILE))
            .create_if_missing(true)
            .page_size(PAGE_BYTES)
            .journal_mode(SqliteJournalMode::Wal)
            // What `send` returned for must survive a power cut, too.
            .synchronous(SqliteSynchronous::Full)
            // What is deleted, by signing out or by its sender, is overwritten.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(10));
        let limited = match config.max_store_bytes {
            Some(bytes) => {
                options.clone().pragma("max_page_count", (bytes / u64::from(PAGE_BYTES)).max(1).to_string())
            }
            None => options.clone(),
        };
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(limited).await?;
        sqlx::migrate!().run(&write).await.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => Problem::from(error),
            other => Problem { code: "store_damaged".into(), detail: other.to_string() },
        })?;
        // Catches what a header alone does not show; the file of years of chat takes it milliseconds.
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&write).await?;
        if verdict != "ok" {
            return Err(Problem { code: "store_damaged".into(), detail: verdict });
        }
        let read = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await?;
        Ok(Self { write, read })
    }

    /// Closes the file; what is written is written.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Renames a damaged file, so that the next [`open`](Self::open) makes a new one.
    pub(crate) fn set_aside(data_dir: &Path) -> Result<PathBuf, Problem> {
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let aside = data_dir.join(format!("{FILE}.damaged-{stamp}"));
        std::fs::rename(data_dir.join(FILE), &aside).map_err(|e| io_problem(&e))?;
        for suffix in ["-wal", "-shm"] {
            // Usually there are none; a new store must not take the old one's.
            let _ = std::fs::remove_file(data_dir.join(format!("{FILE}{suffix}")));
        }
        Ok(aside)
    }

    /// Removes everything but preferences.
    pub(crate) async fn wipe(&self) -> Result<(), Problem> {
        let mut tx = self.write.begin().await?;
        for statement in [
            "DELETE FROM account",
            "DELETE FROM people",
            "DELETE FROM rooms",
            "DELETE FROM members",
            "DELETE FROM events",
            "DELETE FROM stretches",
            "DELETE FROM outbox",
            "DELETE FROM calls_joined",
            "DELETE FROM device_keys",
        ] {
            sqlx::query(statement).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        // The WAL still has the old pages.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.write).await?;
        Ok(())
    }
}

/// An enumeration's word on the wire.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The enumeration of a word. The store writes only words that it can read, so another one is damage.
fn of_word<T: DeserializeOwned>(word: &str) -> Result<T, Problem> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|_| damaged(&format!("the word {word:?}")))
}

/// The identifier in a column.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| damaged(&format!("the id {text:?}")))
}

/// A place in the log out of a column, which holds none below zero.
fn seq(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A place in the log for a column. SQLite has 63 bits, and no honest server counts further.
fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn damaged(what: &str) -> Problem {
    Problem { code: "store_damaged".into(), detail: format!("unexpected in the store: {what}") }
}

fn io_problem(error: &std::io::Error) -> Problem {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let code = if full { "disk_full" } else { "store_damaged" };
    Problem { code: code.into(), detail: error.to_string() }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let sqlite = match &error {
            sqlx::Error::Database(database) => database.code().and_then(|code| code.parse::<i32>().ok()),
            _ => None,
        };
        let code = match sqlite {
            // SQLITE_FULL; SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE are what a full disk gives where the file was to grow.
            Some(13 | 778 | 4874) => "disk_full",
            // SQLITE_CORRUPT and its kinds, SQLITE_NOTADB, SQLITE_CANTOPEN.
            Some(26 | 14) => "store_damaged",
            Some(code) if code & 0xff == 11 => "store_damaged",
            _ => "internal",
        };
        Self { code: code.into(), detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
