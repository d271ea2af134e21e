//! The event stream: replay, live delivery, and who sees what in both.

use crate::support::{
    http::Api,
    soon,
    space::{Person, Space, message, text},
    stream::{Frame, Stream},
};
use futures_util::future::join_all;
use serde_json::json;
use snug_protocol::{
    ErrorCode, RoomId,
    event::{Event, NewEvent, Topic, kind},
    room::{HistoryVisibility, MemberChange, Membership, Room},
};
use snug_server::Server;
use sqlx::{Connection, SqliteConnection};
use std::time::Duration;

/// Compares what a member of `room` got after `after` with the table: every row of the room once, in order, unchanged.
async fn assert_as_in_table(space: &Space, room: RoomId, after: u64, got: &[Event]) {
    let expected = table(space, room, after).await;
    let seqs = |rows: &[(u64, Vec<u8>)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    let got: Vec<_> = got.iter().map(|row| (row.seq, row.content.0.clone())).collect();
    assert_eq!(seqs(&got), seqs(&expected));
    assert!(got == expected, "a row's content differs");
}

async fn table(space: &Space, room: RoomId, after: u64) -> Vec<(u64, Vec<u8>)> {
    let url = format!("sqlite://{}", space.database().display());
    let mut table = SqliteConnection::connect(&url).await.unwrap();
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, content FROM events WHERE topic = ? AND seq > ? ORDER BY seq")
            .bind(Topic::Room(room).to_string())
            .bind(after as i64)
            .fetch_all(&mut table)
            .await
            .unwrap();
    rows.into_iter().map(|(seq, content)| (seq as u64, content)).collect()
}

fn seq_of(cursor: &str) -> u64 {
    cursor.split_once('.').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_killed_again_and_again_while_people_write_misses_nothing_and_repeats_nothing() {
    let space = Space::start().await;
    let reader = space.person("reader").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let closed = space.owner.makes_room("not for the reader", HistoryVisibility::Shared).await;
    space.owner.brings(room, &reader).await;
    let writers = join_all(["bea", "cem", "dan"].map(|name| space.person(name))).await;
    for writer in &writers {
        space.owner.brings(room, writer).await;
        space.owner.brings(closed, writer).await;
    }
    let start = Stream::begin(&reader, None).await.cursor.unwrap();

    let writing = join_all(writers.iter().map(async |writer| {
        for number in 0..60 {
            let to = if number % 5 == 4 { closed } else { room };
            writer.says(to, &format!("{} {number}", writer.name)).await;
        }
    }));
    let done = tokio::sync::Notify::new();
    let reading = async {
        let (mut got, mut cursor, mut lives) = (Vec::new(), start.clone(), 0_u64);
        let mut last = None;
        loop {
            let mut stream = Stream::begin(&reader, Some(&cursor)).await;
            lives += 1;
            // Each life of the stream reads a few more or less before it is cut off in the middle of things.
            for _ in 0..1 + lives * 7 % 11 {
                let row = tokio::select! {
                    row = stream.row() => row.unwrap(),
                    () = done.notified(), if last.is_none() => {
                        last = table(&space, room, 0).await.last().map(|row| row.0);
                        break;
                    }
                };
                got.push(row);
            }
            cursor = stream.cursor.clone().unwrap();
            if last.is_some_and(|last| got.last().is_some_and(|row| row.seq == last)) {
                return (got, lives);
            }
        }
    };
    let finish = async {
        writing.await;
        done.notify_one();
    };
    let ((got, lives), ()) = soon("everything to be read", async { tokio::join!(reading, finish) }).await;
    assert!(lives > 20, "the stream lived only {lives} times");
    assert_as_in_table(&space, room, seq_of(&start), &got).await;
    assert_eq!(got.len(), 3 * 48);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_too_slow_is_dropped_and_catches_up_from_its_cursor() {
    let space = Space::start_with(|config| config.limits.stream_lag = 8).await;
    let reader = space.person("reader").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &reader).await;
    let mut slow = Stream::begin(&reader, None).await;
    let start = slow.cursor.clone().unwrap();
    // More than all buffers on the way hold: 20 MB in base64.
    let large = "x".repeat(60_000);
    let mut last = 0;
    for _ in 0..260 {
        last = space.owner.says(room, &large).await.seq;
    }
    let mut got = slow.rows_until(last).await;
    assert!(got.last().is_none_or(|row| row.seq < last), "the stream was not ended");
    let held = got.len();
    let mut again = Stream::begin(&reader, Some(slow.cursor.as_deref().unwrap())).await;
    got.extend(again.rows_until(last).await);
    assert!(held < 260, "{held} were in buffers");
    assert_as_in_table(&space, room, seq_of(&start), &got).await;
}

#[tokio::test]
async fn one_who_was_removed_while_away_learns_it_and_sees_nothing_later() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    let away_since = Stream::begin(&bea, None).await.cursor.unwrap();
    space.owner.says(room, "while in").await;
    space.owner.post(&format!("/rooms/{room}/kick"), &json!({ "user": bea.id })).await.done();
    space.owner.says(room, "afterwards").await;

    let mut stream = Stream::begin(&bea, Some(&away_since)).await;
    let said = stream.row().await.unwrap();
    assert_eq!((said.topic, text(&said).as_str()), (Topic::Room(room), "while in"));
    let told = stream.row().await.unwrap();
    assert_eq!(told.topic, Topic::User(bea.id));
    let change: MemberChange = told.content.parse().unwrap();
    assert_eq!((change.room, change.membership), (room, Membership::Kicked));
    assert_eq!(bea.get(&format!("/rooms/{room}/events")).await.code(), ErrorCode::NotFound);
    assert!(bea.get("/rooms").await.ok::<Vec<Room>>().is_empty());

    // Live, too: the next that she gets is the invitation back, and what is said after she took it.
    space.owner.says(room, "still without her").await;
    space.owner.brings(room, &bea).await;
    space.owner.says(room, "welcome back").await;
    let mut rows = Vec::new();
    while rows.last().is_none_or(|row: &Event| text(row) != "welcome back") {
        rows.push(stream.row().await.unwrap());
    }
    assert!(rows.iter().all(|row| row.topic != Topic::Room(room)
        || row.kind != kind::MESSAGE
        || text(row) == "welcome back"));
    // And a replay of the same span is the same, judged by the same rule.
    let mut replayed =
        Stream::begin(&bea, Some(&format!("{}.{}", away_since.split_once('.').unwrap().0, told.seq))).await;
    assert_eq!(replayed.rows_until(rows.last().unwrap().seq).await, rows);
}

#[tokio::test]
async fn removal_ends_live_delivery_at_once() {
    let space = Space::start_with(|config| config.limits.heartbeat = Duration::from_millis(30)).await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    space.owner.brings(room, &cem).await;
    let (mut of_bea, mut of_cem) = (Stream::begin(&bea, None).await, Stream::begin(&cem, None).await);
    of_bea.goes_live().await;
    of_cem.goes_live().await;
    space.owner.post(&format!("/rooms/{room}/kick"), &json!({ "user": bea.id })).await.done();
    space.owner.says(room, "without bea").await;
    let last = space.owner.post("/announcements", &json!({ "text": "end" })).await;
    let last: snug_protocol::event::Sent = last.ok();
    let until_announcement = async |stream: &mut Stream| {
        let mut topics = Vec::new();
        loop {
            let frame = stream.frame().await.unwrap();
            match frame.row() {
                Some(row) => topics.push(row.topic),
                None if !frame.data.is_empty() && seq_of(frame.id.as_ref().unwrap()) == last.seq => {
                    return topics;
                }
                None => {}
            }
        }
    };
    assert_eq!(until_announcement(&mut of_bea).await, [Topic::User(bea.id)]);
    assert_eq!(until_announcement(&mut of_cem).await, [Topic::Room(room), Topic::Room(room)]);
}

#[tokio::test]
async fn a_cursor_that_is_not_of_this_log_gets_a_gap_and_the_stream_goes_on() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    for number in 0..4 {
        let here = Stream::begin(&space.owner, None).await.cursor.unwrap();
        let (generation, seq) = here.split_once('.').unwrap();
        let future = format!("{generation}.{}", seq.parse::<u64>().unwrap() + 1);
        let cursor = ["ffffffff.1", "garbage", "1", &future][number];
        let mut stream = Stream::open(&space.owner, Some(cursor)).await;
        let first = stream.frame().await.unwrap();
        assert_eq!(
            (first.event.as_deref(), first.id.as_deref()),
            (Some("gap"), Some(here.as_str())),
            "{cursor}"
        );
        assert_eq!(first.data, ["{}"]);
        let sent = space.owner.says(room, "after the gap").await;
        assert_eq!(stream.row().await.unwrap().seq, sent.seq);
    }
}

#[tokio::test]
async fn after_a_restart_cursors_go_on_and_after_a_restore_they_are_a_gap() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let cursor = Stream::begin(&space.owner, None).await.cursor.unwrap();
    let sent = space.owner.says(room, "before the restart").await;
    let space = space.restart().await;
    let mut stream = Stream::begin(&space.owner, Some(&cursor)).await;
    assert_eq!(stream.row().await.unwrap().seq, sent.seq);

    let Space { server, owner, mut config, .. } = space;
    config.listen = server.local_addr();
    server.shutdown().await;
    config.restored = true;
    let _restored = Server::start(config).await.unwrap();
    let first = Stream::open(&owner, Some(&cursor)).await.frame().await.unwrap();
    assert_eq!(first.event.as_deref(), Some("gap"));
}

#[tokio::test]
async fn a_quiet_readers_cursor_moves_by_heartbeats() {
    let space = Space::start_with(|config| config.limits.heartbeat = Duration::from_millis(30)).await;
    let bea = space.person("bea").await;
    let room = space.owner.makes_room("not hers", HistoryVisibility::Shared).await;
    let mut stream = Stream::begin(&bea, None).await;
    let sent = space.owner.says(room, "nothing for bea").await;
    loop {
        let frame = stream.frame().await.unwrap();
        assert_eq!(frame, Frame { id: frame.id.clone(), ..Frame::default() }, "an id and nothing else");
        if seq_of(frame.id.as_ref().unwrap()) == sent.seq {
            break;
        }
    }
}

#[tokio::test]
async fn announcements_are_unnamed_plain_text_and_reach_those_who_were_away() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let mut live = Stream::begin(&bea, None).await;
    let away_since = live.cursor.clone().unwrap();
    space
        .owner
        .post("/announcements", &json!({ "text": "Tea at five.\nCake too." }))
        .await
        .ok::<serde_json::Value>();
    let mut later = Stream::begin(&bea, Some(&away_since)).await;
    for stream in [&mut live, &mut later] {
        let frame = stream.frame().await.unwrap();
        assert_eq!(frame.event, None);
        assert_eq!(frame.data, ["Tea at five.", "Cake too."]);
        assert!(frame.id.is_some());
    }
    assert_eq!(bea.post("/announcements", &json!({ "text": "me too" })).await.code(), ErrorCode::Forbidden);
    for bad in ["", " \n", &"x".repeat(4001)] {
        assert_eq!(
            space.owner.post("/announcements", &json!({ "text": bad })).await.code(),
            ErrorCode::BadRequest
        );
    }
    // Whoever comes later was not told.
    let cem = space.person("cem").await;
    let origin = format!("{}.0", away_since.split_once('.').unwrap().0);
    let mut stream = Stream::begin(&cem, Some(&origin)).await;
    assert_eq!(
        stream.frame().await.unwrap().event.as_deref(),
        Some(kind::USER),
        "cem's own coming is the first"
    );
}

#[tokio::test]
async fn a_transaction_id_comes_back_to_every_device_of_its_sender_and_to_nobody_else() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let second = space.another_device(&bea).await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    let mut live: Vec<Stream> = Vec::new();
    let readers: [&Person; 3] = [&bea, &second, &space.owner];
    for reader in readers {
        live.push(Stream::begin(reader, None).await);
    }
    let cursor = live[0].cursor.clone().unwrap();
    let new: NewEvent = message("mine");
    bea.sends(room, &new).await;
    for (reader, stream) in readers.iter().zip(&mut live) {
        let expected = (reader.id == bea.id).then_some(new.txn);
        let row = stream.row().await.unwrap();
        assert_eq!(row.txn, expected, "live to {}", reader.name);
        let replayed = Stream::begin(reader, Some(&cursor)).await.row().await.unwrap();
        assert_eq!(replayed, row, "replayed to {}", reader.name);
        assert_eq!(reader.history(room).await.last().unwrap(), &row);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let second = space.another_device(&bea).await;
    let (mut first_stream, mut second_stream) =
        (Stream::begin(&bea, None).await, Stream::begin(&second, None).await);
    bea.delete(&format!("/sessions/{}", second.device)).await.done();
    assert_eq!(second_stream.frame().await, None);
    let refused = second.get("/events").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, ErrorCode::Unauthorized));
    // The other device's goes on.
    space.owner.post("/announcements", &json!({ "text": "still here" })).await.ok::<serde_json::Value>();
    assert_eq!(first_stream.frame().await.unwrap().data, ["still here"]);
}

#[tokio::test]
async fn a_browser_listens_with_a_cookie_that_opens_nothing_else() {
    let space =
        Space::start_with(|config| config.allowed_origins = vec!["https://chat.example".into()]).await;
    let bea = space.person("bea").await;
    let made = bea.post("/events/cookie", &json!({})).await;
    made.done();
    let cookie = made.headers["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["Path=/api/v1/events", "HttpOnly", "Secure", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap().to_owned();
    let open = async |path: &str, headers: &[(&str, &str)]| {
        let api = Api::new(space.target(), None);
        let mut request = api.request(hyper::Method::GET, path).header("cookie", &pair);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        api.send(request.body(axum::body::Body::empty()).unwrap()).await.status().as_u16()
    };
    let own = format!("https://{}", space.server.local_addr());
    assert_eq!(open("/events", &[("origin", &own)]).await, 200);
    assert_eq!(open("/events", &[("origin", "https://chat.example")]).await, 200);
    assert_eq!(open("/events", &[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(open("/events", &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(open("/events", &[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(open("/me", &[("origin", &own)]).await, 401);
    assert_eq!(open("/signal", &[("origin", &own)]).await, 401);
    bea.delete("/sessions/current").await.done();
    assert_eq!(open("/events", &[("origin", &own)]).await, 401, "signed out");
}

#[tokio::test]
async fn a_recreated_event_source_resumes_by_its_query() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let cursor = Stream::begin(&space.owner, None).await.cursor.unwrap();
    let sent = space.owner.says(room, "missed").await;
    let path = format!("/events?last_event_id={cursor}");
    let request = space.owner.request(hyper::Method::GET, &path).body(axum::body::Body::empty()).unwrap();
    let fresh = Api::new(space.target(), None);
    let mut body = axum::body::Body::new(fresh.send(request).await.into_body()).into_data_stream();
    let mut read = String::new();
    while !read.contains(&format!("id: {}.{}\n", cursor.split_once('.').unwrap().0, sent.seq)) {
        let bytes = soon("the missed row", futures_util::StreamExt::next(&mut body)).await.unwrap().unwrap();
        read.push_str(std::str::from_utf8(&bytes).unwrap());
    }
}
