//! Calls as devices see them through the socket: rosters, relaying, lost connections.

use crate::support::{
    socket::{Socket, envelope},
    space::{Person, Space},
};
use serde_json::json;
use snug_protocol::{
    CallId, ErrorCode, JoinId, RoomId,
    room::HistoryVisibility,
    signal::{ClientSignal, Participant, ServerSignal},
};
use std::time::Duration;

async fn room_of_two(space: &Space) -> (Person, RoomId) {
    let bea = space.person("bea").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    (bea, room)
}

fn is_left(signal: &ServerSignal) -> bool {
    matches!(signal, ServerSignal::Left { .. })
}

#[tokio::test]
async fn two_people_meet_exchange_signals_and_part() {
    let space = Space::start().await;
    let (bea, room) = room_of_two(&space).await;
    let (mut a, mut b) = (Socket::open(&space.owner).await, Socket::open(&bea).await);
    let (call, ja, jb) = (CallId::random(), JoinId::random(), JoinId::random());
    assert_eq!(a.joins(call, room, ja).await.len(), 1);
    let ringing = b.next().await;
    assert_eq!(ringing, ServerSignal::CallState { room, call, people: vec![space.owner.id], guests: vec![] });
    let roster = b.joins(call, room, jb).await;
    let devices: Vec<_> = roster.iter().map(|p| p.device).collect();
    assert_eq!(devices, [space.owner.device, bea.device], "oldest stay first");
    assert_eq!(roster[0].key.0, vec![7; 32], "the key that the device registered");
    let joined = a.wait_for(|s| matches!(s, ServerSignal::Joined { .. })).await;
    let participant = Participant {
        user: bea.id,
        device: bea.device,
        join: jb,
        key: roster[1].key.clone(),
        guest: false,
        name: Some("BEA".into()),
    };
    assert_eq!(joined, ServerSignal::Joined { call, participant });

    let there = envelope(ja, jb, b"not even JSON \xff".to_vec());
    a.send(&ClientSignal::Relay { call, to: bea.device, envelope: there.clone() }).await;
    let arrived = b.wait_for(|s| matches!(s, ServerSignal::Relay { .. })).await;
    assert_eq!(arrived, ServerSignal::Relay { call, from: space.owner.device, envelope: there });

    b.send(&ClientSignal::Leave { call }).await;
    assert_eq!(a.wait_for(is_left).await, ServerSignal::Left { call, device: bea.device, join: jb });
    a.send(&ClientSignal::Relay { call, to: bea.device, envelope: envelope(ja, jb, vec![]) }).await;
    let refused = a.wait_for(|s| matches!(s, ServerSignal::Error { .. })).await;
    assert!(matches!(refused, ServerSignal::Error { error, call: Some(of) }
        if error.code == ErrorCode::NotInCall && of == call));
    a.send(&ClientSignal::Leave { call }).await;
    let over = b.wait_for(|s| matches!(s, ServerSignal::CallState { people, .. } if people.is_empty())).await;
    assert_eq!(over, ServerSignal::CallState { room, call, people: vec![], guests: vec![] });
}

#[tokio::test]
async fn other_peoples_rooms_and_calls_are_closed() {
    let space = Space::start().await;
    let (_bea, room) = room_of_two(&space).await;
    let cem = space.person("cem").await;
    let own = cem.makes_room("own", HistoryVisibility::Shared).await;
    let (mut a, mut c) = (Socket::open(&space.owner).await, Socket::open(&cem).await);
    let (call, ja, jc) = (CallId::random(), JoinId::random(), JoinId::random());
    a.joins(call, room, ja).await;
    let mut refused = async |signal: ClientSignal| {
        c.send(&signal).await;
        match c.next().await {
            ServerSignal::Error { error, .. } => error.code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(ClientSignal::Join { call, room, join: jc }).await, ErrorCode::NotFound);
    assert_eq!(refused(ClientSignal::Join { call, room: own, join: jc }).await, ErrorCode::Forbidden);
    let relay = ClientSignal::Relay { call, to: space.owner.device, envelope: envelope(jc, ja, vec![1]) };
    assert_eq!(refused(relay).await, ErrorCode::NotInCall);
    assert_eq!(refused(ClientSignal::Leave { call }).await, ErrorCode::NotInCall);
}

#[tokio::test]
async fn a_lost_socket_keeps_its_place_until_the_grace_is_over() {
    let space = Space::start_with(|config| config.limits.call_grace = Duration::from_millis(300)).await;
    let (bea, room) = room_of_two(&space).await;
    let (mut a, mut b) = (Socket::open(&space.owner).await, Socket::open(&bea).await);
    let (call, ja, jb) = (CallId::random(), JoinId::random(), JoinId::random());
    a.joins(call, room, ja).await;
    b.joins(call, room, jb).await;
    // Cut without a word, and back with the same stay: the other hears nothing of it.
    drop(b);
    let mut b = Socket::open(&bea).await;
    assert_eq!(b.joins(call, room, jb).await.len(), 2);
    b.send(&ClientSignal::Relay { call, to: space.owner.device, envelope: envelope(jb, ja, vec![1]) }).await;
    let next = a.wait_for(|s| matches!(s, ServerSignal::Relay { .. }) || is_left(s)).await;
    assert!(matches!(next, ServerSignal::Relay { .. }), "{next:?}");
    // Cut and gone.
    drop(b);
    assert_eq!(a.wait_for(is_left).await, ServerSignal::Left { call, device: bea.device, join: jb });
}

#[tokio::test]
async fn membership_counts_from_the_answer_on_and_ends_calls_with_it() {
    let space = Space::start().await;
    let (bea, room) = room_of_two(&space).await;
    let cem = space.person("cem").await;
    let (mut a, mut b, mut c) =
        (Socket::open(&space.owner).await, Socket::open(&bea).await, Socket::open(&cem).await);
    let (call, ja, jb, jc) = (CallId::random(), JoinId::random(), JoinId::random(), JoinId::random());
    a.joins(call, room, ja).await;
    b.joins(call, room, jb).await;
    // The very next thing after the answer to joining the room, time after time.
    for _ in 0..10 {
        space.owner.invites(room, &cem).await;
        cem.joins(room).await;
        c.joins(call, room, jc).await;
        cem.post(&format!("/rooms/{room}/leave"), &json!({})).await.done();
        assert_eq!(c.wait_for(is_left).await, ServerSignal::Left { call, device: cem.device, join: jc });
    }
    space.owner.post(&format!("/rooms/{room}/kick"), &json!({ "user": bea.id })).await.done();
    assert_eq!(
        b.wait_for(|s| matches!(s, ServerSignal::Left { join, .. } if *join == jb)).await,
        ServerSignal::Left { call, device: bea.device, join: jb }
    );
    a.wait_for(|s| matches!(s, ServerSignal::Left { join, .. } if *join == jb)).await;
}

#[tokio::test]
async fn a_restarted_server_takes_the_roster_from_those_who_announce_themselves() {
    let space = Space::start().await;
    let (bea, room) = room_of_two(&space).await;
    let (call, ja, jb) = (CallId::random(), JoinId::random(), JoinId::random());
    {
        let (mut a, mut b) = (Socket::open(&space.owner).await, Socket::open(&bea).await);
        a.joins(call, room, ja).await;
        b.joins(call, room, jb).await;
    }
    let space = space.restart().await;
    let (mut a, mut b) = (Socket::open(&space.owner).await, Socket::open(&bea).await);
    assert_eq!(b.joins(call, room, jb).await.len(), 1);
    assert_eq!(a.joins(call, room, ja).await.len(), 2);
    // One who connects now is told that there is a call.
    let third = space.another_device(&bea).await;
    let mut later = Socket::open(&third).await;
    let state = later.next().await;
    assert!(
        matches!(state, ServerSignal::CallState { call: of, people, .. } if of == call && people.len() == 2)
    );
}
