//! Rooms and people: taking them over from the server, and the rail's lines.

use super::{Me, Store, column, id, of_word, seq, stretches, word};
use crate::view::{OngoingCall, Person, Problem, RoomMember, RoomSummary};
use snug_protocol::account::User;
use snug_protocol::content::Message;
use snug_protocol::event::NewEvent;
use snug_protocol::room::{Membership, Room, RoomKind, RoomRole};
use snug_protocol::{RoomId, UnixMillis, UserId};
use sqlx::{Row, SqliteConnection};
use std::collections::HashMap;

/// What is known of the moment only, and not stored: who is there, and which calls go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    pub available: std::collections::HashSet<UserId>,
    pub calls: HashMap<RoomId, OngoingCall>,
}

impl Store {
    /// Takes over all people and rooms, as they were fetched whole.
    pub(crate) async fn keep_everything(
        &self,
        me: Me,
        users: &[User],
        rooms: &[Room],
    ) -> Result<(), Problem> {
        let mut tx = self.write.begin().await?;
        sqlx::query("DELETE FROM people").execute(&mut *tx).await?;
        for user in users {
            keep_person(&mut tx, user).await?;
        }
        let known: Vec<String> = sqlx::query_scalar("SELECT id FROM rooms").fetch_all(&mut *tx).await?;
        for gone in known.iter().filter(|room| !rooms.iter().any(|listed| listed.id.to_string() == **room)) {
            sqlx::query("UPDATE rooms SET membership = ? WHERE id = ?")
                .bind(word(&Membership::Left))
                .bind(gone)
                .execute(&mut *tx)
                .await?;
        }
        for room in rooms {
            keep_room(&mut tx, me, room).await?;
        }
        sqlx::query("UPDATE account SET synced = 1").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes over a room that was just made or found; what is known of it already is newer, because the event stream tells it.
    pub(crate) async fn keep_new_room(&self, me: Me, room: &Room) -> Result<(), Problem> {
        let mut tx = self.write.begin().await?;
        let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM rooms WHERE id = ? AND membership = ?")
            .bind(room.id.to_string())
            .bind(word(&Membership::Joined))
            .fetch_one(&mut *tx)
            .await?;
        if known == 0 {
            keep_room(&mut tx, me, room).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The people of the space without the reader, by name.
    pub(crate) async fn people(&self, me: Me, moment: &Moment) -> Result<Vec<Person>, Problem> {
        let rows = sqlx::query("SELECT id, username, display_name FROM people WHERE id <> ? ORDER BY lower(display_name), username")
            .bind(me.user.to_string())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                let user = id(row.try_get("id")?)?;
                Ok(Person {
                    id: user,
                    username: row.try_get("username")?,
                    name: row.try_get("display_name")?,
                    available: moment.available.contains(&user),
                })
            })
            .collect()
    }

    /// Somebody's shown name; empty when they are unknown.
    pub(crate) async fn name_of(&self, user: UserId) -> Result<String, Problem> {
        let name: Option<String> = sqlx::query_scalar("SELECT display_name FROM people WHERE id = ?")
            .bind(user.to_string())
            .fetch_optional(&self.read)
            .await?;
        Ok(name.unwrap_or_default())
    }

    /// A room's name as the reader sees it: the other person's for a direct room.
    pub(crate) async fn room_name(&self, me: Me, room: RoomId) -> Result<String, Problem> {
        let name: Option<String> = sqlx::query_scalar(
            "SELECT CASE kind WHEN 'direct' THEN COALESCE((
                 SELECT display_name FROM members JOIN people ON people.id = person WHERE room = rooms.id AND person <> ?2 LIMIT 1
             ), '') ELSE name END FROM rooms WHERE id = ?1",
        )
        .bind(room.to_string())
        .bind(me.user.to_string())
        .fetch_optional(&self.read)
        .await?;
        Ok(name.unwrap_or_default())
    }

    /// Who is in a room, with their unique names.
    pub(crate) async fn members_of(&self, room: RoomId) -> Result<Vec<(UserId, String)>, Problem> {
        let rows = sqlx::query(
            "SELECT person, username FROM members JOIN people ON people.id = person WHERE room = ? AND membership = ?",
        )
        .bind(room.to_string())
        .bind(word(&Membership::Joined))
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((id(row.try_get("person")?)?, row.try_get("username")?))).collect()
    }

    /// Kind of a room and the reader's own place in it.
    pub(crate) async fn room_place(&self, room: RoomId) -> Result<Option<(RoomKind, Membership)>, Problem> {
        let row = sqlx::query("SELECT kind, membership FROM rooms WHERE id = ?")
            .bind(room.to_string())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| Ok((of_word(row.try_get("kind")?)?, of_word(row.try_get("membership")?)?))).transpose()
    }

    /// The rail: rooms that the reader is in or invited to, the most recent first.
    pub(crate) async fn rooms(&self, me: Me, moment: &Moment) -> Result<Vec<RoomSummary>, Problem> {
        let mut tx = self.read.begin().await?;
        let mut members = all_members(&mut tx, moment).await?;
        let rows = sqlx::query(
            "SELECT rooms.*,
                (SELECT COUNT(*) FROM events WHERE room = rooms.id AND kind = 'message' AND seq > read_up_to
                    AND sender IS NOT ?1 AND length(content) > 0) AS unread,
                (SELECT COUNT(*) FROM events, json_each(events.mentions) WHERE room = rooms.id AND kind = 'message'
                    AND seq > read_up_to AND sender IS NOT ?1 AND length(content) > 0 AND json_each.value = ?1) AS mentions_me,
                (SELECT MAX(seq) FROM events WHERE room = rooms.id AND kind = 'message' AND length(content) > 0) AS last_message,
                COALESCE((SELECT server_time FROM events WHERE room = rooms.id ORDER BY seq DESC LIMIT 1), 0) AS last_at
             FROM rooms WHERE membership IN ('joined', 'invited')",
        )
        .bind(me.user.to_string())
        .fetch_all(&mut *tx)
        .await?;
        let mut rooms = Vec::with_capacity(rows.len());
        for row in &rows {
            let room: RoomId = id(row.try_get("id")?)?;
            let kind: RoomKind = of_word(row.try_get("kind")?)?;
            let members = members.remove(&room).unwrap_or_default();
            let other =
                (kind == RoomKind::Direct).then(|| members.iter().find(|m| m.user != me.user)).flatten();
            // The other one of a direct room stays its name when they have left.
            let (peer, peer_available) = (other.map(|m| m.user), other.is_some_and(|m| m.available));
            let name = other.map_or_else(|| row.try_get("name"), |other| Ok(other.name.clone()))?;
            let members = members
                .into_iter()
                .filter(|m| matches!(m.membership, Membership::Joined | Membership::Invited));
            let last = last_words(&mut tx, me, room, row.try_get("last_message")?).await?;
            let (last_text, last_sender, echo_at) = last;
            let last_at: i64 = row.try_get("last_at")?;
            rooms.push(RoomSummary {
                id: room,
                kind,
                name,
                topic: row.try_get("topic")?,
                peer,
                peer_available,
                membership: of_word(row.try_get("membership")?)?,
                role: of_word(row.try_get("role")?)?,
                unread: seq(row.try_get("unread")?),
                mentioned: row.try_get::<i64, _>("mentions_me")? > 0,
                last_text,
                last_sender,
                last_at: UnixMillis(last_at.max(echo_at)),
                call: moment.calls.get(&room).cloned(),
                members: members.collect(),
            });
        }
        rooms.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.name.cmp(&b.name)));
        Ok(rooms)
    }

    /// Read up to `seq`, by the reader here; only forward. Whether anything changed.
    pub(crate) async fn mark_read(&self, room: RoomId, up_to: u64) -> Result<bool, Problem> {
        // Not further than what is stored: the marker is a place in the log, and a slip of the interface must not hide what comes.
        let changed = sqlx::query(
            "UPDATE rooms SET read_up_to = MIN(?2, (SELECT COALESCE(MAX(seq), 0) FROM events WHERE room = ?1))
             WHERE id = ?1 AND read_up_to < MIN(?2, (SELECT COALESCE(MAX(seq), 0) FROM events WHERE room = ?1))",
        )
        .bind(room.to_string())
        .bind(column(up_to))
        .execute(&self.write)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Read markers that the server does not know.
    pub(crate) async fn untold_markers(&self) -> Result<Vec<(RoomId, u64)>, Problem> {
        let rows =
            sqlx::query("SELECT id, read_up_to FROM rooms WHERE read_up_to > read_told AND membership = 'joined' ORDER BY id")
                .fetch_all(&self.read)
                .await?;
        rows.iter().map(|row| Ok((id(row.try_get("id")?)?, seq(row.try_get("read_up_to")?)))).collect()
    }

    /// The server knows, or refused, the marker.
    pub(crate) async fn marker_told(&self, room: RoomId, up_to: u64) -> Result<(), Problem> {
        sqlx::query("UPDATE rooms SET read_told = MAX(read_told, ?) WHERE id = ?")
            .bind(column(up_to))
            .bind(room.to_string())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Rooms whose known log does not reach back to what is unread, or has no message, with where it begins.
    pub(crate) async fn rooms_to_fill(&self) -> Result<Vec<(RoomId, u64)>, Problem> {
        let rooms = sqlx::query(
            "SELECT rooms.id, low FROM rooms JOIN stretches ON room = rooms.id AND high IS NULL
             WHERE membership = 'joined' AND low > 0 AND (
                 low > read_up_to + 1
                 OR NOT EXISTS (SELECT 1 FROM events WHERE events.room = rooms.id AND seq >= low AND kind = 'message'))",
        )
        .fetch_all(&self.read)
        .await?;
        rooms.iter().map(|row| Ok((id(row.try_get("id")?)?, seq(row.try_get("low")?)))).collect()
    }
}

/// The newest words in a room, who said them (if not the reader), and when, where they still wait in the outbox.
async fn last_words(
    connection: &mut SqliteConnection,
    me: Me,
    room: RoomId,
    last_message: Option<i64>,
) -> Result<(Option<String>, Option<String>, i64), Problem> {
    let echo = sqlx::query(
        "SELECT body, created_at FROM outbox WHERE room = ? AND kind = 'message' ORDER BY place DESC LIMIT 1",
    )
    .bind(room.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(echo) = echo {
        let body: NewEvent =
            serde_json::from_str(echo.try_get("body")?).map_err(|_| super::damaged("an outbox row"))?;
        let text = body.content.parse::<Message>().ok().map(|message| one_line(&message.body));
        return Ok((text, None, echo.try_get("created_at")?));
    }
    let Some(last) = last_message else { return Ok((None, None, 0)) };
    let row = sqlx::query(
        "SELECT sender, display_name, COALESCE((
             SELECT edit.content FROM events AS edit WHERE edit.target = events.seq AND edit.kind = 'edit' AND edit.room = events.room
                 AND edit.sender = events.sender AND length(edit.content) > 0 ORDER BY edit.seq DESC LIMIT 1), content) AS content
         FROM events LEFT JOIN people ON people.id = sender WHERE seq = ?",
    )
    .bind(last)
    .fetch_one(connection)
    .await?;
    let content = snug_protocol::Content(row.try_get("content")?);
    let sender: Option<String> = row.try_get("sender")?;
    let name: Option<String> = row.try_get("display_name")?;
    let text = content.parse::<Message>().ok().map(|message| one_line(&message.body));
    let own = sender.is_some_and(|sender| sender == me.user.to_string());
    Ok((text, name.filter(|_| !own), 0))
}

/// Enough for any rail, on one line.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).flat_map(str::chars);
    words.skip(1).take(200).collect()
}

async fn all_members(
    connection: &mut SqliteConnection,
    moment: &Moment,
) -> Result<HashMap<RoomId, Vec<RoomMember>>, Problem> {
    let rows = sqlx::query(
        "SELECT room, person, members.role, membership, display_name FROM members LEFT JOIN people ON people.id = person
         ORDER BY lower(display_name), person",
    )
    .fetch_all(connection)
    .await?;
    let mut members: HashMap<RoomId, Vec<RoomMember>> = HashMap::new();
    for row in &rows {
        let user = id(row.try_get("person")?)?;
        let name: Option<String> = row.try_get("display_name")?;
        members.entry(id(row.try_get("room")?)?).or_default().push(RoomMember {
            user,
            name: name.unwrap_or_default(),
            role: of_word(row.try_get("role")?)?,
            membership: of_word(row.try_get("membership")?)?,
            available: moment.available.contains(&user),
        });
    }
    Ok(members)
}

/// Adds or changes a person.
pub(super) async fn keep_person(connection: &mut SqliteConnection, user: &User) -> Result<(), Problem> {
    sqlx::query("INSERT OR REPLACE INTO people (id, username, display_name, role) VALUES (?, ?, ?, ?)")
        .bind(user.id.to_string())
        .bind(&user.username)
        .bind(&user.display_name)
        .bind(word(&user.role))
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds or changes somebody's place in a room.
pub(super) async fn keep_member(
    connection: &mut SqliteConnection,
    room: RoomId,
    user: UserId,
    role: RoomRole,
    membership: Membership,
) -> Result<(), Problem> {
    sqlx::query("INSERT OR REPLACE INTO members (room, person, role, membership) VALUES (?, ?, ?, ?)")
        .bind(room.to_string())
        .bind(user.to_string())
        .bind(word(&role))
        .bind(word(&membership))
        .execute(connection)
        .await?;
    Ok(())
}

async fn keep_room(connection: &mut SqliteConnection, me: Me, room: &Room) -> Result<(), Problem> {
    let own = room.members.iter().find(|member| member.user == me.user);
    let (role, membership) =
        own.map_or((RoomRole::Member, Membership::Left), |member| (member.role, member.membership));
    sqlx::query(
        "INSERT INTO rooms (id, kind, name, topic, history, membership, role, epoch, read_up_to, read_told)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
         ON CONFLICT (id) DO UPDATE SET kind = ?2, name = ?3, topic = ?4, history = ?5, membership = ?6, role = ?7, epoch = ?8,
             read_up_to = MAX(read_up_to, ?9), read_told = MAX(read_told, ?9)",
    )
    .bind(room.id.to_string())
    .bind(word(&room.kind))
    .bind(&room.name)
    .bind(&room.topic)
    .bind(word(&room.history))
    .bind(word(&membership))
    .bind(word(&role))
    .bind(column(room.epoch))
    .bind(column(room.read_up_to))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM members WHERE room = ?")
        .bind(room.id.to_string())
        .execute(&mut *connection)
        .await?;
    for member in &room.members {
        keep_member(connection, room.id, member.user, member.role, member.membership).await?;
    }
    if membership == Membership::Joined {
        stretches::follow(connection, room.id, room.last_seq).await?;
    }
    Ok(())
}
