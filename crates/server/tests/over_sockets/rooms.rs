//! Rooms and the people in them.

use crate::support::{
    space::{Person, Space, text},
    stream::Stream,
};
use serde_json::json;
use snug_protocol::{
    ErrorCode, RoomId, TxnId,
    event::{Topic, kind},
    room::{HistoryVisibility, MemberChange, Membership, NewRoom, ReadMarker, Room, RoomKind, RoomRole},
};

fn role_of(room: &Room, person: &Person) -> Option<RoomRole> {
    room.members.iter().find(|m| m.user == person.id && m.membership == Membership::Joined).map(|m| m.role)
}

async fn seen(person: &Person, room: RoomId) -> Room {
    person.get(&format!("/rooms/{room}")).await.ok()
}

#[tokio::test]
async fn a_repeated_making_of_a_room_makes_one() {
    let space = Space::start().await;
    let new = NewRoom {
        txn: TxnId::random(),
        name: " hall ".into(),
        topic: "talk".into(),
        history: HistoryVisibility::Joined,
    };
    let first: Room = space.owner.post("/rooms", &new).await.ok();
    let again: Room = space.owner.post("/rooms", &new).await.ok();
    assert_eq!(first, again);
    assert_eq!((first.name.as_str(), first.topic.as_str(), first.kind), ("hall", "talk", RoomKind::Room));
    assert_eq!(role_of(&first, &space.owner), Some(RoomRole::Owner));
    let other = NewRoom { name: "attic".into(), ..new };
    assert_eq!(space.owner.post("/rooms", &other).await.code(), ErrorCode::TxnConflict);
    assert_eq!(space.owner.get("/rooms").await.ok::<Vec<Room>>().len(), 1);
    for bad in [json!({ "name": "" }), json!({ "name": "x".repeat(81) })] {
        let mut body = bad;
        body["txn"] = json!(TxnId::random());
        assert_eq!(space.owner.post("/rooms", &body).await.code(), ErrorCode::BadRequest);
    }
}

#[tokio::test]
async fn the_direct_room_of_two_people_is_always_the_same_and_stays_theirs() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let ab: Room = bea.post("/rooms/direct", &json!({ "user": cem.id })).await.ok();
    let ba: Room = cem.post("/rooms/direct", &json!({ "user": bea.id })).await.ok();
    assert_eq!(ab.id, ba.id);
    assert_eq!((ab.kind, ab.name.as_str()), (RoomKind::Direct, ""));
    assert_eq!(ab.members.len(), 2);
    cem.says(ab.id, "hi").await;
    assert_eq!(text(bea.history(ab.id).await.last().unwrap()), "hi");
    assert_eq!(
        bea.post(&format!("/rooms/{}/invite", ab.id), &json!({ "user": space.owner.id })).await.code(),
        ErrorCode::Forbidden
    );
    assert_eq!(bea.post(&format!("/rooms/{}/leave", ab.id), &json!({})).await.code(), ErrorCode::Forbidden);
    assert_eq!(bea.post("/rooms/direct", &json!({ "user": bea.id })).await.code(), ErrorCode::BadRequest);
    let nobody = json!({ "user": snug_protocol::UserId::random() });
    assert_eq!(bea.post("/rooms/direct", &nobody).await.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn when_the_owner_leaves_a_moderator_then_the_longest_member_takes_over() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    space.owner.brings(room, &cem).await;
    let role = json!({ "user": cem.id, "role": "moderator" });
    space.owner.put(&format!("/rooms/{room}/role"), &role).await.done();
    space.owner.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
    let now = seen(&bea, room).await;
    assert_eq!((role_of(&now, &cem), role_of(&now, &bea)), (Some(RoomRole::Owner), Some(RoomRole::Member)));
    assert_eq!(role_of(&now, &space.owner), None);
    cem.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
    assert_eq!(role_of(&seen(&bea, room).await, &bea), Some(RoomRole::Owner));
    bea.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
    assert!(bea.get("/rooms").await.ok::<Vec<Room>>().is_empty());
}

#[tokio::test]
async fn roles_are_given_by_the_owner_and_never_twice_the_owners() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    space.owner.invites(room, &cem).await;
    let path = format!("/rooms/{room}/role");
    let owner = json!({ "user": bea.id, "role": "owner" });
    assert_eq!(space.owner.put(&path, &owner).await.code(), ErrorCode::BadRequest);
    let own = json!({ "user": space.owner.id, "role": "member" });
    assert_eq!(space.owner.put(&path, &own).await.code(), ErrorCode::Forbidden);
    let not_in = json!({ "user": cem.id, "role": "moderator" });
    assert_eq!(space.owner.put(&path, &not_in).await.code(), ErrorCode::NotFound);
    space.owner.put(&path, &json!({ "user": bea.id, "role": "moderator" })).await.done();
    // A moderator removes members and invited people, and nobody at or above their own role.
    let kick = format!("/rooms/{room}/kick");
    assert_eq!(bea.post(&kick, &json!({ "user": space.owner.id })).await.code(), ErrorCode::Forbidden);
    assert_eq!(bea.post(&kick, &json!({ "user": bea.id })).await.code(), ErrorCode::Forbidden);
    bea.post(&kick, &json!({ "user": cem.id })).await.done();
    assert_eq!(cem.post(&format!("/rooms/{room}/join"), &json!({})).await.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn one_who_was_removed_is_asked_back_by_moderators_only() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    space.owner.brings(room, &cem).await;
    space.owner.post(&format!("/rooms/{room}/kick"), &json!({ "user": cem.id })).await.done();
    let ask = json!({ "user": cem.id });
    assert_eq!(bea.post(&format!("/rooms/{room}/invite"), &ask).await.code(), ErrorCode::Forbidden);
    space.owner.brings(room, &cem).await;
    let there = json!({ "user": cem.id });
    assert_eq!(bea.post(&format!("/rooms/{room}/invite"), &there).await.code(), ErrorCode::AlreadyExists);
}

#[tokio::test]
async fn an_invited_person_hears_of_it_sees_the_room_and_may_decline() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let mut stream = Stream::begin(&bea, Some(&bea.cursor)).await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.says(room, "before").await;
    space.owner.invites(room, &bea).await;
    let row = loop {
        let row = stream.row().await.unwrap();
        if row.kind == kind::ROOM_MEMBER {
            break row;
        }
    };
    assert_eq!(row.topic, Topic::User(bea.id));
    let change: MemberChange = row.content.parse().unwrap();
    assert_eq!((change.room, change.membership, change.by), (room, Membership::Invited, space.owner.id));
    let view = seen(&bea, room).await;
    assert_eq!((view.name.as_str(), view.last_seq), ("hall", 0));
    assert_eq!(bea.get(&format!("/rooms/{room}/events")).await.code(), ErrorCode::Forbidden);
    bea.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
    assert_eq!(bea.get(&format!("/rooms/{room}")).await.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn new_members_see_the_past_as_the_room_shows_it_when_they_come() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let texts = async |person: &Person, room| {
        let events = person.history(room).await;
        events.iter().filter(|e| e.kind == kind::MESSAGE).map(text).collect::<Vec<_>>()
    };
    let room = space.owner.makes_room("hall", HistoryVisibility::Joined).await;
    space.owner.says(room, "one").await;
    space.owner.brings(room, &bea).await;
    space.owner.says(room, "two").await;
    assert_eq!(texts(&bea, room).await, ["two"]);
    let shared = json!({ "history": "shared" });
    space.owner.patch(&format!("/rooms/{room}"), &shared).await.ok::<Room>();
    space.owner.brings(room, &cem).await;
    assert_eq!(texts(&cem, room).await, ["one", "two"]);
    assert_eq!(texts(&bea, room).await, ["two"], "bea came when it was not shown");
    // Away for "three", back for "four".
    bea.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
    space.owner.patch(&format!("/rooms/{room}"), &json!({ "history": "joined" })).await.ok::<Room>();
    space.owner.says(room, "three").await;
    space.owner.brings(room, &bea).await;
    space.owner.says(room, "four").await;
    assert_eq!(texts(&bea, room).await, ["two", "four"]);
}

#[tokio::test]
async fn a_read_marker_moves_forward_only_and_other_devices_follow() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let other = space.another_device(&bea).await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    let (first, second) = (space.owner.says(room, "1").await.seq, space.owner.says(room, "2").await.seq);
    let mut stream = Stream::begin(&other, None).await;
    let read = async |seq: u64| bea.put(&format!("/rooms/{room}/read"), &json!({ "seq": seq })).await.done();
    read(first).await;
    read(first - 1).await;
    read(u64::MAX).await;
    for expected in [first, second] {
        let row = stream.row().await.unwrap();
        assert_eq!(row.kind, kind::READ);
        assert_eq!(row.content.parse::<ReadMarker>().unwrap().seq, expected, "never beyond the newest event");
    }
    let view = seen(&bea, room).await;
    assert_eq!((view.read_up_to, view.last_seq), (second, second));
    assert_eq!(seen(&space.owner, room).await.read_up_to, 0);
}
