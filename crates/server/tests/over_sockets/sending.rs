//! Sending: transaction ids, targets, roles, what the server refuses.

use crate::support::space::{Person, Space, message, text};
use futures_util::future::join_all;
use serde_json::json;
use snug_protocol::{
    Content, ErrorCode, MAX_CONTENT_BYTES, RoomId, TxnId, UserId,
    event::{NewEvent, Sent, kind},
    room::{HistoryPage, HistoryVisibility},
};

fn about(target: u64, what: &str) -> NewEvent {
    NewEvent { kind: what.into(), target: Some(target), ..message(what) }
}

async fn refused(person: &Person, room: RoomId, new: &NewEvent) -> ErrorCode {
    person.post(&format!("/rooms/{room}/events"), new).await.code()
}

/// A room of the owner, with bea in it.
async fn room_of_two() -> (Space, Person, RoomId) {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    (space, bea, room)
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_body_a_conflict() {
    let (space, bea, room) = room_of_two().await;
    let new = message("once");
    let first = bea.sends(room, &new).await;
    for _ in 0..3 {
        assert_eq!(bea.sends(room, &new).await, first);
    }
    let changed = NewEvent { content: Content(b"twice".to_vec()), ..new.clone() };
    assert_eq!(refused(&bea, room, &changed).await, ErrorCode::TxnConflict);
    let elsewhere = bea.makes_room("attic", HistoryVisibility::Shared).await;
    assert_eq!(
        refused(&bea, elsewhere, &new).await,
        ErrorCode::TxnConflict,
        "another room is another request"
    );
    // Another device may use the same id for what it likes.
    assert_ne!(space.owner.sends(room, &new).await, first);
    let count = space
        .owner
        .history(room)
        .await
        .iter()
        .filter(|e| e.txn == Some(new.txn) || text(e) == "once")
        .count();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_one_event_also_after_a_restart() {
    let (space, bea, room) = room_of_two().await;
    let new = message("once");
    let devices: Vec<_> =
        (0..12).map(|_| crate::support::http::Api::new(space.target(), bea.token.clone())).collect();
    let path = format!("/rooms/{room}/events");
    let answers = join_all(devices.iter().map(|api| api.post(&path, &new))).await;
    let first: Sent = answers[0].ok();
    assert!(answers.iter().all(|answer| answer.ok::<Sent>() == first));
    let space = space.restart().await;
    assert_eq!(bea.sends(room, &new).await, first);
    assert_eq!(space.owner.history(room).await.iter().filter(|e| text(e) == "once").count(), 1);
}

#[tokio::test]
async fn only_its_sender_edits_a_message() {
    let (space, bea, room) = room_of_two().await;
    let said = bea.says(room, "helo").await.seq;
    assert_eq!(refused(&space.owner, room, &about(said, kind::EDIT)).await, ErrorCode::Forbidden);
    let edit = bea.sends(room, &about(said, kind::EDIT)).await.seq;
    assert_eq!(
        refused(&bea, room, &about(edit, kind::EDIT)).await,
        ErrorCode::BadRequest,
        "an edit of an edit"
    );
}

#[tokio::test]
async fn a_deletion_blanks_the_message_and_its_edits_and_ends_what_can_be_said_about_it() {
    let (space, bea, room) = room_of_two().await;
    let said = bea.says(room, "secret").await.seq;
    let edit = bea.sends(room, &about(said, kind::EDIT)).await.seq;
    let cem = space.person("cem").await;
    space.owner.brings(room, &cem).await;
    assert_eq!(
        refused(&cem, room, &about(said, kind::DELETE)).await,
        ErrorCode::Forbidden,
        "neither theirs nor a moderator"
    );
    let deletion = space.owner.sends(room, &about(said, kind::DELETE)).await.seq;
    for person in [&bea, &cem] {
        let history = person.history(room).await;
        for event in &history {
            assert_eq!(event.content.0.is_empty(), event.seq == said || event.seq == edit, "{event:?}");
        }
        assert_eq!(history.last().unwrap().seq, deletion);
    }
    for what in [kind::EDIT, kind::DELETE, kind::REACTION] {
        assert_eq!(refused(&bea, room, &about(said, what)).await, ErrorCode::NotFound);
    }
    let reaction_to = bea.says(room, "x").await.seq;
    let reaction = cem.sends(room, &about(reaction_to, kind::REACTION)).await.seq;
    cem.sends(room, &about(reaction, kind::DELETE)).await;
}

#[tokio::test]
async fn targets_are_events_of_the_same_room_that_the_sender_may_see() {
    let (space, bea, room) = room_of_two().await;
    let other_room = space.owner.makes_room("attic", HistoryVisibility::Shared).await;
    let elsewhere = space.owner.says(other_room, "not for bea").await.seq;
    for target in [elsewhere, 0, u64::MAX] {
        assert_eq!(refused(&bea, room, &about(target, kind::REACTION)).await, ErrorCode::NotFound);
    }
    for what in [kind::EDIT, kind::DELETE, kind::REACTION] {
        let without = NewEvent { kind: what.into(), ..message("") };
        assert_eq!(refused(&bea, room, &without).await, ErrorCode::BadRequest);
    }
    let hidden = space.owner.makes_room("cellar", HistoryVisibility::Joined).await;
    let before = space.owner.says(hidden, "before bea").await.seq;
    space.owner.brings(hidden, &bea).await;
    assert_eq!(refused(&bea, hidden, &about(before, kind::REACTION)).await, ErrorCode::NotFound);
}

#[tokio::test]
async fn kinds_mentions_and_rings_have_their_rules() {
    let (space, bea, room) = room_of_two().await;
    for server_only in [kind::ROOM_MEMBER, kind::USER, kind::ANNOUNCEMENT, kind::GAP, "made up"] {
        let new = NewEvent { kind: server_only.into(), ..message("") };
        assert_eq!(refused(&bea, room, &new).await, ErrorCode::BadRequest, "{server_only}");
    }
    let outsider = space.person("cem").await;
    let mention = |users: Vec<UserId>| NewEvent { mentions: users, ..message("@") };
    assert_eq!(refused(&bea, room, &mention(vec![outsider.id])).await, ErrorCode::BadRequest);
    assert_eq!(refused(&bea, room, &mention(vec![bea.id; 51])).await, ErrorCode::BadRequest);
    let seq = bea.sends(room, &mention(vec![space.owner.id, space.owner.id])).await.seq;
    let history = bea.history(room).await;
    assert_eq!(history.iter().find(|e| e.seq == seq).unwrap().mentions, [space.owner.id]);

    let ring = |valid| NewEvent { kind: kind::CALL_RING.into(), expires_in_ms: valid, ..message("") };
    for bad in [None, Some(999), Some(120_001)] {
        assert_eq!(refused(&bea, room, &ring(bad)).await, ErrorCode::BadRequest, "{bad:?}");
    }
    bea.sends(room, &ring(Some(30_000))).await;
    assert_eq!(bea.history(room).await.last().unwrap().expires_in_ms, Some(30_000));
    let expiring = NewEvent { expires_in_ms: Some(5_000), ..message("") };
    assert_eq!(refused(&bea, room, &expiring).await, ErrorCode::BadRequest);
}

#[tokio::test]
async fn an_epoch_moves_only_for_one_who_knew_it() {
    let (space, bea, room) = room_of_two().await;
    let expecting = |epoch| NewEvent { expected_epoch: Some(epoch), ..message("key") };
    assert_eq!(refused(&bea, room, &expecting(1)).await, ErrorCode::EpochMismatch);
    bea.sends(room, &expecting(0)).await;
    assert_eq!(refused(&space.owner, room, &expecting(0)).await, ErrorCode::EpochMismatch);
    space.owner.sends(room, &expecting(1)).await;
    assert_eq!(bea.history(room).await.last().unwrap().epoch, 2);
}

#[tokio::test]
async fn content_may_be_as_large_as_it_says_and_no_larger() {
    let (_space, bea, room) = room_of_two().await;
    let sized = |bytes| NewEvent { content: Content(vec![b'x'; bytes]), ..message("") };
    bea.sends(room, &sized(MAX_CONTENT_BYTES)).await;
    assert_eq!(refused(&bea, room, &sized(MAX_CONTENT_BYTES + 1)).await, ErrorCode::TooLarge);
    let odd = Content(vec![0, 159, 146, 150]);
    bea.sends(room, &NewEvent { content: odd.clone(), ..message("") }).await;
    assert_eq!(bea.history(room).await.last().unwrap().content, odd, "bytes that are not text");
}

#[tokio::test]
async fn history_comes_in_pages_without_overlap() {
    let (space, bea, room) = room_of_two().await;
    for number in 0..25 {
        space.owner.says(room, &number.to_string()).await;
    }
    let page: HistoryPage = bea.get(&format!("/rooms/{room}/events?limit=10")).await.ok();
    let texts: Vec<String> = page.events.iter().map(text).collect();
    assert_eq!(texts, (15..25).map(|n: i32| n.to_string()).collect::<Vec<_>>());
    assert!(!page.at_start);
    let all = bea.history(room).await;
    assert_eq!(all.iter().filter(|e| e.kind == kind::MESSAGE).count(), 25);
    assert!(all.windows(2).all(|two| two[0].seq < two[1].seq));
    for query in ["limit=0", "limit=201", "limit=x", "before=-1"] {
        assert_eq!(
            bea.get(&format!("/rooms/{room}/events?{query}")).await.code(),
            ErrorCode::BadRequest,
            "{query}"
        );
    }
    let body = json!({ "txn": TxnId::random() });
    assert_eq!(bea.post(&format!("/rooms/{room}/events"), &body).await.code(), ErrorCode::BadRequest);
}
