//! From where to where a room's log is known without holes.
//!
//! The event stream carries a room on from the moment that it was first seen; pages of history grow backwards from there. Showing whatever
//! rows happen to be in the table would silently leave out what came while one was not a member, or before a page that was never fetched.

use super::{Store, column, seq};
use crate::view::Problem;
use snug_protocol::RoomId;
use sqlx::{Row, SqliteConnection};

/// The known part of a room's log around a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first known place; 0 when there is nothing before.
    pub low: u64,
    /// The last one; absent when it follows the event stream.
    pub high: Option<u64>,
}

/// The stretch that holds everything directly below `before` (or the newest there is).
pub(super) async fn below(
    connection: &mut SqliteConnection,
    room: RoomId,
    before: Option<u64>,
) -> Result<Option<Stretch>, Problem> {
    let row = sqlx::query(
        "SELECT low, high FROM stretches
         WHERE room = ?1 AND ((?2 IS NULL AND high IS NULL) OR (low < ?2 AND (high IS NULL OR high >= ?2 - 1)))
         ORDER BY low DESC LIMIT 1",
    )
    .bind(room.to_string())
    .bind(before.map(column))
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let high: Option<i64> = row.try_get("high")?;
        Ok(Stretch { low: seq(row.try_get("low")?), high: high.map(seq) })
    })
    .transpose()
}

/// Everything from `low` to `high` is stored now: joins with what it touches.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    room: RoomId,
    new: Stretch,
) -> Result<(), Problem> {
    let row = sqlx::query(
        "SELECT MIN(low) AS low, MAX(COALESCE(high, 9223372036854775807)) AS high FROM stretches
         WHERE room = ?1 AND low <= ?3 AND COALESCE(high, 9223372036854775806) >= ?2 - 1",
    )
    .bind(room.to_string())
    .bind(column(new.low))
    .bind(new.high.map_or(i64::MAX, |high| column(high).saturating_add(1)))
    .fetch_one(&mut *connection)
    .await?;
    let (low, high): (Option<i64>, Option<i64>) = (row.try_get("low")?, row.try_get("high")?);
    let low = low.map_or(new.low, |low| seq(low).min(new.low));
    let high = match (high, new.high) {
        (Some(i64::MAX), _) | (_, None) => None,
        (Some(old), Some(new)) => Some(seq(old).max(new)),
        (None, high) => high,
    };
    sqlx::query("DELETE FROM stretches WHERE room = ? AND low >= ? AND (? IS NULL OR low <= ?)")
        .bind(room.to_string())
        .bind(column(low))
        .bind(high.map(column))
        .bind(high.map(column))
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT OR REPLACE INTO stretches (room, low, high) VALUES (?, ?, ?)")
        .bind(room.to_string())
        .bind(column(low))
        .bind(high.map(column))
        .execute(connection)
        .await?;
    Ok(())
}

/// The event stream carries the room on after `last`, unless it does already.
pub(super) async fn follow(
    connection: &mut SqliteConnection,
    room: RoomId,
    last: u64,
) -> Result<(), Problem> {
    let live: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM stretches WHERE room = ? AND high IS NULL")
        .bind(room.to_string())
        .fetch_one(&mut *connection)
        .await?;
    if live > 0 {
        return Ok(());
    }
    // Nothing is claimed to be known of what lies between an older stretch and this one, even if they touch.
    sqlx::query("INSERT OR REPLACE INTO stretches (room, low, high) VALUES (?, ?, NULL)")
        .bind(room.to_string())
        .bind(column(last.saturating_add(1)))
        .execute(connection)
        .await?;
    Ok(())
}

/// The event stream does not carry the room on after `last`: one is not a member any more.
pub(super) async fn unfollow(
    connection: &mut SqliteConnection,
    room: RoomId,
    last: u64,
) -> Result<(), Problem> {
    sqlx::query("DELETE FROM stretches WHERE room = ? AND high IS NULL AND low > ?")
        .bind(room.to_string())
        .bind(column(last))
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE stretches SET high = ? WHERE room = ? AND high IS NULL")
        .bind(column(last))
        .bind(room.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// The known part below `before`.
    #[cfg(test)]
    pub(super) async fn stretch(
        &self,
        room: RoomId,
        before: Option<u64>,
    ) -> Result<Option<Stretch>, Problem> {
        below(&mut *self.read.acquire().await?, room, before).await
    }
}
