//! A server that says rubbish: nothing of it stops the client or panics it.
//!
//! Written by hand on a TLS socket, because the real server cannot be made to say such things.

#![allow(clippy::unwrap_used)]

mod support;

use futures_util::{SinkExt, StreamExt};
use rcgen::PublicKeyData;
use snug_client::view::Update;
use snug_protocol::invitation::InvitationLink;
use snug_protocol::{DeviceId, RoomId, UserId};
use std::fmt::Write as _;
use std::sync::Arc;
use support::Person;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

#[derive(Clone, Copy)]
struct Cast {
    user: UserId,
    device: DeviceId,
    other: UserId,
    room: RoomId,
}

#[tokio::test]
async fn rubbish_on_every_channel_is_left_out_and_what_follows_is_heard() {
    let cast = Cast {
        user: UserId::random(),
        device: DeviceId::random(),
        other: UserId::random(),
        room: RoomId::random(),
    };
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pin = <sha2::Sha256 as sha2::Digest>::digest(certified.signing_key.subject_public_key_info()).into();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = InvitationLink {
        code: String::new(),
        addresses: vec![listener.local_addr().unwrap().to_string()],
        key_pin: Some(pin),
    };
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let _server = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                if let Ok(stream) = acceptor.accept(socket).await {
                    answer(stream, cast).await;
                }
            });
        }
    }));

    let person = Person::new().await;
    person.client.sign_in(&link.to_string(), "me", support::PASSWORD).await.unwrap();
    let heard = person.hears(|update| matches!(update, Update::Announcement { .. })).await;
    assert_eq!(heard, Update::Announcement { text: "after all\nthe rubbish".into() });
    person.hears(|update| matches!(update, Update::Typing { room, .. } if *room == cast.room)).await;
    let seen = person.room(cast.room).await;
    assert_eq!((seen.name.as_str(), seen.unread), ("Kitchen", 1));
    // Answers of the wrong kind are errors, and an answer without end is not read to it.
    assert_eq!(person.client.create_room("x", "").await.unwrap_err().code, "internal");
    assert_eq!(person.client.open_direct(cast.other).await.unwrap_err().code, "offline");
    assert_eq!(person.client.invitation_link(&[], 1).await.unwrap_err().code, "internal");
    assert_eq!(person.words(cast.room).await, ["still here"]);
}

async fn answer(mut stream: TlsStream<TcpStream>, cast: Cast) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (field, value) = line.split_once(':')?;
                field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length: usize = field("content-length").map_or(0, |value| value.parse().unwrap());
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        let Cast { user, device, other, room } = cast;
        let path = head.split(' ').nth(1).unwrap().trim_start_matches("/api/v1").to_owned();
        let person = |id: UserId, name: &str| {
            format!(r#"{{"id":"{id}","username":"{name}","display_name":"{name}","role":"member"}}"#)
        };
        let body = match path.as_str() {
            "/sessions" => {
                format!(r#"{{"token":"t","user":{},"device":"{device}","cursor":"g.1"}}"#, person(user, "me"))
            }
            "/users" => format!("[{},{}]", person(user, "me"), person(other, "ann")),
            "/me" => format!(r#"{{"user":{},"device":"{device}","space_name":"Odd"}}"#, person(user, "me")),
            "/rooms" if head.starts_with("GET") => format!(
                r#"[{{"id":"{room}","kind":"room","name":"Kitchen","topic":"","history":"shared","read_up_to":0,"last_seq":0,"epoch":0,
                    "members":[{{"user":"{user}","role":"member","membership":"joined"}}],"unknown":{{"field":[1]}}}}]"#
            ),
            "/rooms" => r#"{"id":7,"kind":"castle"}"#.to_owned(),
            "/rooms/direct" => {
                // Nine mebibytes and never an end.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                let chunk = format!("{:x}\r\n{}\r\n", 65_536, "x".repeat(65_536));
                for _ in 0..144 {
                    if stream.write_all(chunk.as_bytes()).await.is_err() {
                        return;
                    }
                }
                return;
            }
            "/invitations" => "\u{0}\u{fffd}<html>".to_owned(),
            "/ice" => r#"{"servers":[{"urls":["stun:*","::::"]}],"ttl_s":-1}"#.to_owned(),
            "/events" => return stream_rubbish(stream, cast).await,
            "/signal" => return signal_rubbish(stream, &field("sec-websocket-key").unwrap(), cast).await,
            _ => r#"{"events":"none","at_start":"perhaps"}"#.to_owned(),
        };
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn stream_rubbish(mut stream: TlsStream<TcpStream>, cast: Cast) {
    let Cast { other, room, .. } = cast;
    let event = |seq: &str, kind: &str, content: &str| {
        format!(
            r#"{{"seq":{seq},"topic":"room:{room}","kind":"{kind}","sender":"{other}","server_time":1,"content":"{content}"}}"#
        )
    };
    let mut text = String::from(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 99999999999999999999\n\n",
    );
    let good = "eyJib2R5Ijoic3RpbGwgaGVyZSJ9"; // {"body":"still here"}
    for (number, data) in [
        "{".to_owned(),
        "null".to_owned(),
        "[[[[[[[[".repeat(200),
        event("-1", "message", good),
        event("1e300", "message", good),
        event("18446744073709551615", "message", good),
        event("5", "message", "not base64!"),
        event("6", "room.member", good),
        event("7", "room.update", good),
        event("8", "user", good),
        event("9", "read", good),
        event("10", "call.ring", good),
        event("11", "delete", ""),
        event("12", "message", good),
        "x".repeat(3 * 1024 * 1024),
    ]
    .into_iter()
    .enumerate()
    {
        write!(text, "id: g.{number}\nevent: message\ndata: {data}\n\n").unwrap();
    }
    let mut bytes = text.into_bytes();
    bytes.extend(b"event: message\nid: g.98\ndata: \xff\xfe\n\n: \xc3\x28\nid: g.99\ndata: after all\ndata: the rubbish\n\n");
    stream.write_all(&bytes).await.unwrap();
    std::future::pending().await
}

async fn signal_rubbish(mut stream: TlsStream<TcpStream>, key: &str, cast: Cast) {
    let accept = derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\
         sec-websocket-protocol: snug.signal.v1\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let Cast { device, other, room, .. } = cast;
    for text in [
        "{".to_owned(),
        r#"{"type":"from.the.future","x":1}"#.to_owned(),
        r#"{"type":"presence","user":"nobody","available":"yes"}"#.to_owned(),
        r#"{"type":"call.roster","call":"0","members":{}}"#.to_owned(),
        format!(r#"{{"type":"hello","device":"{device}","server_time":9223372036854775807}}"#),
        r#"{"type":"error","error":{"code":"of_tomorrow","message":""}}"#.to_owned(),
        format!(r#"{{"type":"typing","room":"{room}","user":"{other}","active":true}}"#),
    ] {
        socket.send(Message::text(text)).await.unwrap();
    }
    socket.send(Message::binary(vec![0u8; 1000])).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}
