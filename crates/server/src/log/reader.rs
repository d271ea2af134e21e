//! Who sees which row.
//!
//! A row of a room is judged by whether the reader was a member *at the row's own `seq`*, not by whether they are one now: a
//! reader who comes back after being removed gets what was said until then, and nothing later. The judge is
//! [`Reader::sees`], for rows that are replayed from the database and for rows that arrive live alike; what differs is only
//! where the intervals come from. The SQL of [`page`] narrows by topic so that other people's rows are not read at all,
//! and decides nothing.

use super::row::{Published, StoredRow, row_columns};
use crate::failure::Result;
use anyhow::Context;
use snug_protocol::{
    DeviceId, RoomId, UserId,
    event::{Event, Topic},
};
use sqlx::{Connection, SqliteConnection};
use std::collections::HashMap;

/// An interval of the log during which somebody was in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    from: u64,
    until: Option<u64>,
}

impl Stay {
    fn contains(self, seq: u64) -> bool {
        self.from <= seq && self.until.is_none_or(|until| seq < until)
    }
}

/// One who reads the log, with the intervals that they may see.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    since: u64,
    stays: HashMap<RoomId, Vec<Stay>>,
}

impl Reader {
    /// Loads the intervals as `conn` sees them now.
    pub(crate) async fn load(conn: &mut SqliteConnection, user: UserId, device: DeviceId) -> Result<Self> {
        let (since,): (i64,) = sqlx::query_as("SELECT since_seq FROM accounts WHERE id = ?")
            .bind(user.to_string())
            .fetch_one(&mut *conn)
            .await?;
        let rows: Vec<(String, i64, Option<i64>)> =
            sqlx::query_as("SELECT room, from_seq, until_seq FROM stays WHERE account = ?")
                .bind(user.to_string())
                .fetch_all(conn)
                .await?;
        let mut stays: HashMap<RoomId, Vec<Stay>> = HashMap::new();
        for (room, from, until) in rows {
            let room = room.parse().context("a stay's room")?;
            stays
                .entry(room)
                .or_default()
                .push(Stay { from: from as u64, until: until.map(|seq| seq as u64) });
        }
        Ok(Self { user, device, since: since as u64, stays })
    }

    /// Whether a row on `topic` at `seq` is theirs to see.
    pub(crate) fn sees(&self, topic: Topic, seq: u64) -> bool {
        match topic {
            Topic::Space => seq >= self.since,
            Topic::User(user) => user == self.user,
            Topic::Device(device) => device == self.device,
            Topic::Room(room) => {
                self.stays.get(&room).is_some_and(|stays| stays.iter().any(|s| s.contains(seq)))
            }
        }
    }

    /// Judges a live row, after letting it begin or end their own stay.
    pub(crate) fn follow(&mut self, row: &Published) -> bool {
        if let Some(stay) = row.stay
            && stay.user == self.user
        {
            let stays = self.stays.entry(stay.room).or_default();
            if stay.joined {
                stays.push(Stay { from: row.event.seq, until: None });
            } else if let Some(open) = stays.iter_mut().find(|stay| stay.until.is_none()) {
                open.until = Some(row.event.seq);
            }
        }
        self.sees(row.event.topic, row.event.seq)
    }
}

/// Rows of one replay query. Enough to make the queries few, and at most some megabytes of content.
pub(crate) const PAGE_ROWS: usize = 100;

/// A piece of the log as one reader sees it.
pub(crate) struct Page {
    /// The reader, as of `up_to`.
    pub(crate) reader: Reader,
    /// What they see after the cursor, oldest first.
    pub(crate) events: Vec<Event>,
    /// The log is judged up to here.
    pub(crate) up_to: u64,
    /// Whether `up_to` is where the log stands.
    pub(crate) at_head: bool,
}

/// Reads what `user` sees after `cursor`, intervals and rows from the same snapshot.
pub(crate) async fn page(
    conn: &mut SqliteConnection,
    user: UserId,
    device: DeviceId,
    cursor: u64,
) -> Result<Page> {
    let mut snapshot = conn.begin().await?;
    let reader = Reader::load(&mut snapshot, user, device).await?;
    let head = head(&mut snapshot).await?;
    let rows: Vec<StoredRow> = sqlx::query_as(concat!(
        "SELECT ",
        row_columns!(),
        " FROM events WHERE seq > ? AND (topic IN ('space', ?, ?)
            OR topic IN (SELECT 'room:' || room FROM stays WHERE account = ?))
          ORDER BY seq LIMIT ?"
    ))
    .bind(cursor as i64)
    .bind(Topic::User(user).to_string())
    .bind(Topic::Device(device).to_string())
    .bind(user.to_string())
    .bind(PAGE_ROWS as i64)
    .fetch_all(&mut *snapshot)
    .await?;
    snapshot.rollback().await?;

    let at_head = rows.len() < PAGE_ROWS;
    let mut events = rows.into_iter().map(StoredRow::into_event).collect::<Result<Vec<_>>>()?;
    let up_to = if at_head { head.max(cursor) } else { events.last().map_or(cursor, |event| event.seq) };
    events.retain(|event| reader.sees(event.topic, event.seq));
    Ok(Page { reader, events, up_to, at_head })
}

/// The newest `seq`, 0 in an empty log.
pub(crate) async fn head(conn: &mut SqliteConnection) -> Result<u64> {
    let (seq,): (Option<i64>,) = sqlx::query_as("SELECT MAX(seq) FROM events").fetch_one(conn).await?;
    Ok(seq.unwrap_or(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::{super::row::Membership, *};

    fn reader() -> Reader {
        Reader { user: UserId::random(), device: DeviceId::random(), since: 3, stays: HashMap::new() }
    }

    fn member_row(seq: u64, room: RoomId, user: UserId, joined: bool) -> Published {
        let event = Event {
            seq,
            topic: Topic::Room(room),
            kind: "room.member".into(),
            sender: None,
            device: None,
            txn: None,
            client_time: None,
            server_time: snug_protocol::UnixMillis(0),
            target: None,
            mentions: Vec::new(),
            expires_in_ms: None,
            epoch: 0,
            content: snug_protocol::Content::default(),
        };
        Published::new("g", event, Some(Membership { room, user, joined }))
    }

    #[test]
    fn a_room_is_seen_from_the_joining_row_until_the_leaving_row_and_again_after_coming_back() {
        let mut reader = reader();
        let (room, user) = (RoomId::random(), reader.user);
        assert!(!reader.sees(Topic::Room(room), 5));
        assert!(reader.follow(&member_row(6, room, user, true)));
        assert!(!reader.sees(Topic::Room(room), 5));
        assert!(reader.sees(Topic::Room(room), 7));
        assert!(
            !reader.follow(&member_row(8, room, user, false)),
            "the row that ends a stay is not part of it"
        );
        assert!(reader.sees(Topic::Room(room), 7), "what was said while they were in stays theirs");
        assert!(!reader.sees(Topic::Room(room), 9));
        assert!(reader.follow(&member_row(12, room, user, true)));
        assert!(!reader.sees(Topic::Room(room), 11));
    }

    #[test]
    fn somebody_elses_stay_changes_nothing() {
        let mut reader = reader();
        let room = RoomId::random();
        assert!(!reader.follow(&member_row(6, room, UserId::random(), true)));
        assert!(!reader.sees(Topic::Room(room), 7));
    }

    #[test]
    fn the_space_is_seen_from_ones_account_on_and_personal_topics_by_their_owner() {
        let reader = reader();
        assert!(!reader.sees(Topic::Space, 2));
        assert!(reader.sees(Topic::Space, 3));
        assert!(reader.sees(Topic::User(reader.user), 1));
        assert!(!reader.sees(Topic::User(UserId::random()), 9));
        assert!(reader.sees(Topic::Device(reader.device), 1));
        assert!(!reader.sees(Topic::Device(DeviceId::random()), 9));
    }
}
