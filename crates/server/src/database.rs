//! Opening the database: one connection that writes, a few that read, and what the server must know of it before it starts.

use crate::space;
use anyhow::{Context, Result, anyhow};
use snug_protocol::{RoomId, UserId};
use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Connections that read. SQLite readers do not wait for the writer, and two cores serve no more.
const READERS: u32 = 4;

/// An opened database.
pub(crate) struct Database {
    /// For the log's writer.
    pub(crate) writing: SqliteConnection,
    /// For everybody else; these connections refuse to write.
    pub(crate) reading: SqlitePool,
    /// Which life of the log it is.
    pub(crate) generation: String,
    /// Who is in which room.
    pub(crate) members: Vec<(RoomId, UserId)>,
    /// Whether the space has an owner.
    pub(crate) has_accounts: bool,
}

/// Opens the database in `data`, made and brought up to date if need be. A `restored` one begins another generation of cursors.
pub(crate) async fn open(data: &Path, restored: bool) -> Result<Database> {
    let path = data.join("snug.db");
    let options =
        SqliteConnectOptions::new().filename(&path).foreign_keys(true).busy_timeout(Duration::from_secs(5));
    let mut writing = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A 2xx means that it survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .with_context(|| format!("opening {}", path.display()))?;
    MIGRATIONS.run(&mut writing).await.context("bringing the database up to date")?;

    let internal = |failure| anyhow!("reading the settings: {failure:?}");
    let known = space::get_setting(&mut writing, space::GENERATION).await.map_err(internal)?;
    let generation = match known {
        Some(generation) if !restored => generation,
        _ => {
            let fresh = crate::secret::generation();
            space::set_on(&mut writing, space::GENERATION, &fresh).await.map_err(internal)?;
            fresh
        }
    };
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT room, account FROM members WHERE membership = 'joined'")
            .fetch_all(&mut writing)
            .await
            .context("reading the members")?;
    let members =
        rows.into_iter().map(|(room, user)| Ok((room.parse()?, user.parse()?))).collect::<Result<_>>()?;
    let (accounts,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM accounts")
        .fetch_one(&mut writing)
        .await
        .context("counting accounts")?;

    let reading = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .context("opening the database for reading")?;
    Ok(Database { writing, reading, generation, members, has_accounts: accounts > 0 })
}
