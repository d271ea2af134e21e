//! What is not a request: each a clear error, never a panic, and the next request is served.

use crate::support::{http::Api, soon, space::Space};
use axum::body::Body;
use hyper::Method;
use serde_json::json;
use snug_protocol::{ErrorCode, RoomId, account::Me, room::HistoryVisibility};
use snug_server::Rate;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn routes_with_bodies(room: RoomId) -> Vec<(Method, String)> {
    let (post, put, patch) = (Method::POST, Method::PUT, Method::PATCH);
    let mut routes: Vec<(Method, String)> =
        ["/setup", "/accounts", "/sessions", "/invitations", "/rooms", "/rooms/direct", "/announcements"]
            .map(|path| (post.clone(), path.to_owned()))
            .into();
    for act in ["invite", "kick", "events"] {
        routes.push((post.clone(), format!("/rooms/{room}/{act}")));
    }
    for act in ["role", "read"] {
        routes.push((put.clone(), format!("/rooms/{room}/{act}")));
    }
    for path in ["/me".to_owned(), "/server".to_owned(), format!("/rooms/{room}")] {
        routes.push((patch.clone(), path));
    }
    routes
}

#[tokio::test]
async fn every_route_that_takes_a_body_refuses_what_is_none() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let not_utf8 = b"{\"text\":\"\xff\xfe\",\"name\":\"\xc3\x28\"}".to_vec();
    let bodies: [(&str, Vec<u8>); 7] = [
        ("nothing", Vec::new()),
        ("half of an object", b"{\"name\":".to_vec()),
        ("another shape", b"[1,2,3]".to_vec()),
        (
            "another type",
            br#"{"name":7,"text":7,"user":7,"seq":"x","display_name":7,"code":7,"uses":"x"}"#.to_vec(),
        ),
        ("invalid UTF-8", not_utf8),
        ("nesting without end", [b"[".repeat(8000), b"]".repeat(8000)].concat()),
        ("two values", b"{} {}".to_vec()),
    ];
    for (method, path) in routes_with_bodies(room) {
        for (what, body) in &bodies {
            let answer = space.owner.raw(method.clone(), &path, body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (400, ErrorCode::BadRequest),
                "{method} {path}: {what}"
            );
        }
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(120 * 1024));
        let answer =
            Api::new(space.target(), space.owner.token.clone()).raw(method.clone(), &path, large).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, ErrorCode::TooLarge), "{method} {path}");
    }
    space.owner.get("/me").await.ok::<Me>();
}

#[tokio::test]
async fn paths_and_queries_that_hold_rubbish_are_refused() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let paths = [
        "/rooms/not-an-id".to_owned(),
        "/rooms/%ff%fe".to_owned(),
        "/users/1/devices".to_owned(),
        format!("/rooms/{room}/events?limit=many"),
        format!("/rooms/{room}/events?before=99999999999999999999999"),
    ];
    for path in paths {
        assert_eq!(space.owner.get(&path).await.code(), ErrorCode::BadRequest, "{path}");
    }
    let unknown = RoomId::random();
    assert_eq!(space.owner.get(&format!("/rooms/{unknown}")).await.code(), ErrorCode::NotFound);
    assert_eq!(space.owner.get("/../../etc/passwd").await.code(), ErrorCode::NotFound);
    let wrong_method = space.owner.delete("/rooms").await;
    assert_eq!((wrong_method.status.as_u16(), wrong_method.code()), (405, ErrorCode::BadRequest));
}

#[tokio::test]
async fn tokens_that_are_none_are_refused_alike() {
    let space = Space::start().await;
    for token in ["", "x", &"y".repeat(43), &"z".repeat(8000), "a b c"] {
        let api = Api::new(space.target(), Some(token.to_owned()));
        let answer = api.get("/me").await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, ErrorCode::Unauthorized), "{token}");
    }
    let api = Api::new(space.target(), None);
    let request = api.request(Method::GET, "/me").header("authorization", b"Bearer \xff\xfe".as_slice());
    assert_eq!(api.send(request.body(Body::empty()).unwrap()).await.status(), 401);
}

#[tokio::test]
async fn what_is_not_http_ends_its_own_connection_only() {
    let space = Space::start().await;
    for rubbish in
        [&b"\x16\x03\x01\x00\x00"[..], b"GET / HTTP/9.9\r\n\r\n", &[0; 4096], b"\r\n\r\n\r\nDELETE \xff"]
    {
        let mut tls = space.target().tls().await.unwrap();
        tls.write_all(rubbish).await.unwrap();
        tls.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // An answer or none; the connection ends.
        let _ = soon("the connection's end", tls.read_to_end(&mut answer)).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    // Plain text on the TLS port.
    let mut tcp = tokio::net::TcpStream::connect(space.server.local_addr()).await.unwrap();
    tcp.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the connection's end", tcp.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "spoke HTTP in clear");
    // A header larger than any of ours.
    let api = Api::new(space.target(), None);
    let request = api.request(Method::GET, "/server").header("x-large", "y".repeat(100_000));
    assert_eq!(api.send(request.body(Body::empty()).unwrap()).await.status(), 431);
    space.owner.get("/me").await.ok::<Me>();
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let space = Space::start_with(|config| config.limits.body = Duration::from_millis(100)).await;
    let mut tls = space.target().tls().await.unwrap();
    let token = space.owner.token.as_ref().unwrap();
    let head = format!(
        "POST /api/v1/rooms HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{"
    );
    tls.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("an answer", tls.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_flood_of_one_address_is_limited_and_says_until_when() {
    let space = Space::start_with(|config| {
        config.limits.per_address = Rate::new(5, Duration::from_secs(600));
    })
    .await;
    let stranger = space.stranger();
    for _ in 0..5 {
        assert_eq!(stranger.get("/healthz").await.status, 200);
    }
    let limited = stranger.get("/healthz").await;
    assert_eq!(limited.status, 429);
    let error: snug_protocol::ApiError = serde_json::from_slice(&limited.body).unwrap();
    assert!(error.retry_after_ms.is_some_and(|ms| ms > 0 && ms <= 600_000), "{error:?}");
    assert_eq!(
        space.owner.post("/rooms/direct", &json!({})).await.code(),
        ErrorCode::BadRequest,
        "sessions go on"
    );
}
