//! The signal socket: getting in, what it refuses, how it ends.

use crate::support::{
    http::Api,
    socket::{Handshake, Socket},
    soon,
    space::{Person, Space},
    stream::Stream,
};
use futures_util::StreamExt;
use serde_json::json;
use snug_protocol::{
    ErrorCode, MAX_SIGNAL_BYTES, RoomId,
    room::HistoryVisibility,
    signal::{ClientSignal, ServerSignal, Ticket, close},
};
use snug_server::Rate;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

async fn room_of_two(space: &Space) -> (Person, RoomId) {
    let bea = space.person("bea").await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    space.owner.brings(room, &bea).await;
    (bea, room)
}

fn error_code(signal: &ServerSignal) -> ErrorCode {
    match signal {
        ServerSignal::Error { error, .. } => error.code,
        other => panic!("not an error: {other:?}"),
    }
}

#[tokio::test]
async fn only_those_with_a_token_and_the_subprotocol_get_in() {
    let space = Space::start().await;
    let target = space.target();
    let good = Handshake::of(&space.owner);
    let refused = async |change: fn(Handshake) -> Handshake| {
        change(good.clone()).go(target).await.err().map(|s| s.as_u16())
    };
    assert_eq!(refused(|h| Handshake { protocol: None, ..h }).await, Some(400));
    assert_eq!(refused(|h| Handshake { protocol: Some("snug.signal.v0"), ..h }).await, Some(400));
    assert_eq!(refused(|h| Handshake { token: None, ..h }).await, Some(401));
    assert_eq!(refused(|h| Handshake { token: Some("wrong".into()), ..h }).await, Some(401));
    assert_eq!(refused(|h| Handshake { origin: Some("https://evil.example".into()), ..h }).await, Some(403));
    assert_eq!(refused(|h| Handshake { origin: Some("null".into()), ..h }).await, Some(403));
    let mut socket = good.go(target).await.unwrap();
    match socket.next().await {
        ServerSignal::Hello { device, server_time } => {
            assert_eq!(device, space.owner.device);
            assert!(server_time.0 > 1_700_000_000_000);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_is_for_pages_and_good_once() {
    let space =
        Space::start_with(|config| config.allowed_origins = vec!["https://chat.example".into()]).await;
    let ticket = async || space.owner.post("/signal/ticket", &json!({})).await.ok::<Ticket>().ticket;
    let with = |ticket: &str, origin: Option<&str>| Handshake {
        token: None,
        ticket: Some(ticket.into()),
        origin: origin.map(ToOwned::to_owned),
        ..Handshake::of(&space.owner)
    };
    let target = space.target();
    let first = ticket().await;
    with(&first, Some("https://chat.example")).go(target).await.unwrap();
    assert_eq!(with(&first, Some("https://chat.example")).go(target).await.err().unwrap(), 401, "spent");
    let own = format!("https://{}", target.addr);
    with(&ticket().await, Some(&own)).go(target).await.unwrap();
    assert_eq!(with(&ticket().await, None).go(target).await.err().unwrap(), 403, "pages have an origin");
    assert_eq!(with(&ticket().await, Some("https://evil.example")).go(target).await.err().unwrap(), 403);
    assert_eq!(with("made-up", Some(&own)).go(target).await.err().unwrap(), 401);
    let late = ticket().await;
    space.owner.delete("/sessions/current").await.done();
    assert_eq!(with(&late, Some(&own)).go(target).await.err().unwrap(), 401, "its session ended");
}

#[tokio::test]
async fn rubbish_gets_an_error_and_the_connection_goes_on() {
    let space = Space::start().await;
    let (_bea, room) = room_of_two(&space).await;
    let mut socket = Socket::open(&space.owner).await;
    let rubbish = [
        "",
        "{",
        "null",
        "[]",
        r#"{"type":"call.dance"}"#,
        r#"{"type":"typing","room":"x","active":1}"#,
        "\u{0}",
    ];
    for text in rubbish {
        socket.say(Message::Text(text.into())).await;
        assert_eq!(error_code(&socket.next().await), ErrorCode::BadRequest, "{text:?}");
    }
    socket.say(Message::Binary(Bytes::from_static(&[1, 2, 3]))).await;
    assert_eq!(error_code(&socket.next().await), ErrorCode::BadRequest, "binary");
    socket.send(&ClientSignal::Typing { room: RoomId::random(), active: true }).await;
    assert_eq!(error_code(&socket.next().await), ErrorCode::NotFound, "another room");
    socket.send(&ClientSignal::Typing { room, active: true }).await;
    socket.say(Message::Ping(Bytes::from_static(b"still there"))).await;
    let pong = soon("a pong", socket.0.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"still there")));
}

#[tokio::test]
async fn frames_that_are_too_large_or_not_utf8_end_the_connection_with_their_code() {
    let space = Space::start().await;
    for size in [MAX_SIGNAL_BYTES + 1, MAX_SIGNAL_BYTES * 2 + 1] {
        let mut socket = Socket::open(&space.owner).await;
        socket.say(Message::Text("x".repeat(size).into())).await;
        assert_eq!(socket.close_code().await, Some(close::TOO_LARGE), "{size}");
    }
    let mut socket = Socket::open(&space.owner).await;
    let frame = Frame::message(Bytes::from_static(b"\xff\xfe"), OpCode::Data(Data::Text), true);
    socket.say(Message::Frame(frame)).await;
    assert_eq!(socket.close_code().await, Some(close::INVALID_DATA));
    let mut socket = Socket::open(&space.owner).await;
    socket.say(Message::Text("x".repeat(MAX_SIGNAL_BYTES).into())).await;
    assert_eq!(error_code(&socket.next().await), ErrorCode::BadRequest, "as large as it may be");
}

#[tokio::test]
async fn a_flood_ends_the_connection() {
    let space =
        Space::start_with(|config| config.limits.signals = Rate::new(10, Duration::from_secs(60))).await;
    let (_bea, room) = room_of_two(&space).await;
    let mut socket = Socket::open(&space.owner).await;
    for _ in 0..11 {
        socket.send(&ClientSignal::Typing { room, active: true }).await;
    }
    assert_eq!(socket.close_code().await, Some(close::RATE_LIMITED));
}

#[tokio::test]
async fn a_second_connection_of_a_device_replaces_the_first() {
    let space = Space::start().await;
    let mut first = Socket::open(&space.owner).await;
    let mut second = Socket::open(&space.owner).await;
    assert_eq!(first.close_code().await, Some(close::REPLACED));
    second.say(Message::Text("?".into())).await;
    assert_eq!(error_code(&second.next().await), ErrorCode::BadRequest, "the second goes on");
}

#[tokio::test]
async fn signing_out_closes_the_devices_socket_and_no_other() {
    let space = Space::start().await;
    let (bea, _) = room_of_two(&space).await;
    let second = space.another_device(&bea).await;
    let (mut first_socket, mut second_socket) = (Socket::open(&bea).await, Socket::open(&second).await);
    bea.delete(&format!("/sessions/{}", second.device)).await.done();
    assert_eq!(second_socket.close_code().await, Some(close::SIGNED_OUT));
    first_socket.say(Message::Text("?".into())).await;
    assert_eq!(error_code(&first_socket.next().await), ErrorCode::BadRequest);
}

#[tokio::test]
async fn a_clean_close_is_answered() {
    let space = Space::start().await;
    let mut socket = Socket::open(&space.owner).await;
    socket
        .0
        .close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        }))
        .await
        .unwrap();
    assert_eq!(socket.close_code().await, Some(1000));
}

#[tokio::test]
async fn one_who_says_nothing_and_answers_no_ping_is_dropped() {
    let space = Space::start_with(|config| {
        config.limits.ping_every = Duration::from_millis(100);
        config.limits.pong_within = Duration::from_millis(100);
    })
    .await;
    // A socket that is read answers pings by itself, and stays for many of them.
    let mut alive = Socket::open(&space.owner).await;
    let mut pings = 0;
    while pings < 5 {
        match soon("a ping", alive.0.next()).await.unwrap().unwrap() {
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
    // One that is half open reads nothing and so answers nothing: here the WebSocket is left to itself, and the bytes under it read raw.
    let bea = space.person("bea").await;
    let half_open = Socket::open(&bea).await;
    let mut raw = half_open.0.into_inner();
    let mut rest = Vec::new();
    let _ = soon("the connection's end", raw.read_to_end(&mut rest)).await;
    assert_eq!(rest.first(), Some(&0x89), "a ping was sent before");
}

#[tokio::test]
async fn typing_reaches_the_other_members_and_nobody_else() {
    let space = Space::start().await;
    let (bea, room) = room_of_two(&space).await;
    let outsider = space.person("cem").await;
    let (mut of_owner, mut of_bea, mut of_cem) =
        (Socket::open(&space.owner).await, Socket::open(&bea).await, Socket::open(&outsider).await);
    of_bea.send(&ClientSignal::Typing { room, active: true }).await;
    let typing = |active| ServerSignal::Typing { room, user: bea.id, active };
    assert_eq!(of_owner.next().await, typing(true));
    of_cem.send(&ClientSignal::Typing { room, active: true }).await;
    assert_eq!(error_code(&of_cem.next().await), ErrorCode::NotFound);
    of_bea.send(&ClientSignal::Typing { room, active: false }).await;
    assert_eq!(of_owner.next().await, typing(false));
}

#[tokio::test]
async fn being_available_is_an_open_event_stream() {
    let space = Space::start_with(|config| config.limits.presence_grace = Duration::ZERO).await;
    let (bea, _) = room_of_two(&space).await;
    let mut socket = Socket::open(&space.owner).await;
    let stream = Stream::begin(&bea, None).await;
    assert_eq!(socket.next().await, ServerSignal::Presence { user: bea.id, available: true });
    // One who connects now is told at once.
    let third = space.another_device(&space.owner).await;
    let mut later = Socket::open(&third).await;
    assert_eq!(later.next().await, ServerSignal::Presence { user: bea.id, available: true });
    drop(stream);
    assert_eq!(socket.next().await, ServerSignal::Presence { user: bea.id, available: false });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_does_not_read_is_closed_as_too_slow_and_the_others_hear_everything() {
    let space = Space::start_with(|config| config.limits.signal_queue = 4).await;
    let (bea, room) = room_of_two(&space).await;
    let cem = space.person("cem").await;
    space.owner.brings(room, &cem).await;
    let (mut slow, mut quick) = (Socket::open(&bea).await, Socket::open(&cem).await);
    let mut talker = Socket::open(&space.owner).await;
    let (call, joins) = (snug_protocol::CallId::random(), [(); 3].map(|()| snug_protocol::JoinId::random()));
    slow.joins(call, room, joins[0]).await;
    quick.joins(call, room, joins[1]).await;
    talker.joins(call, room, joins[2]).await;
    let large = |to: &Person, to_join| ClientSignal::Relay {
        call,
        to: to.device,
        envelope: crate::support::socket::envelope(joins[2], to_join, vec![7; 90_000]),
    };
    // 120 kB each in base64: more than every buffer on the way to bea holds.
    for _ in 0..150 {
        talker.send(&large(&bea, joins[0])).await;
        talker.send(&large(&cem, joins[1])).await;
        let heard = quick.wait_for(|signal| matches!(signal, ServerSignal::Relay { .. })).await;
        assert!(matches!(heard, ServerSignal::Relay { .. }));
    }
    // Bea's connection is given up while her place in the call is kept.
    let refused = talker.wait_for(|signal| matches!(signal, ServerSignal::Error { .. })).await;
    assert_eq!(error_code(&refused), ErrorCode::Unavailable);
    assert_eq!(slow.close_code().await, Some(close::TOO_SLOW));
    let mut back = Socket::open(&Api::new(bea.target, bea.token.clone())).await;
    assert_eq!(back.joins(call, room, joins[0]).await.len(), 3);
}

#[tokio::test]
async fn stopping_closes_sockets_with_1001_and_restarting_with_1012_and_ends_streams() {
    for (restart, code) in [(false, close::GOING_AWAY), (true, close::RESTARTING)] {
        let space = Space::start().await;
        let mut socket = Socket::open(&space.owner).await;
        let mut stream = Stream::begin(&space.owner, None).await;
        let stopping = async {
            if restart { space.server.shutdown_for_restart().await } else { space.server.shutdown().await }
        };
        let (seen, end, ()) =
            soon("the end", async { tokio::join!(socket.close_code(), stream.frame(), stopping) }).await;
        assert_eq!(seen, Some(code));
        assert_eq!(end, None);
        assert!(close::resumable(code));
    }
}
