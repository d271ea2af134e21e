//! Connections that do not behave, and how the server ends.

use crate::support::{
    http::{Api, Target},
    soon,
    space::{Space, message, text},
};
use sha2::{Digest, Sha256};
use snug_protocol::room::HistoryVisibility;
use snug_server::{Server, ServerConfig, Stun, Tls};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Reads until the other side is gone; what a reset says is no matter.
async fn end_of(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = soon("the connection's end", stream.read_to_end(&mut bytes)).await;
    bytes
}

#[tokio::test]
async fn half_open_connections_are_closed_at_each_stage() {
    let space = Space::start_with(|config| {
        config.limits.handshake = Duration::from_millis(100);
        config.limits.header = Duration::from_millis(100);
    })
    .await;
    // Before the handshake, in the middle of it, before a request, in the middle of one.
    let mut silent = TcpStream::connect(space.server.local_addr()).await.unwrap();
    end_of(&mut silent).await;
    let mut half = TcpStream::connect(space.server.local_addr()).await.unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).await.unwrap();
    end_of(&mut half).await;
    let mut no_request = space.target().tls().await.unwrap();
    end_of(&mut no_request).await;
    let mut half_request = space.target().tls().await.unwrap();
    half_request.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    end_of(&mut half_request).await;
    assert_eq!(space.stranger().get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_never_reads_is_cut_off() {
    let space = Space::start_with(|config| config.limits.write_stall = Duration::from_millis(300)).await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        space.owner.token.as_ref().unwrap()
    );
    let mut tls = space.target().tls().await.unwrap();
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    tls.read_exact(&mut first).await.unwrap();
    // Fill every buffer on the way, reading nothing.
    for _ in 0..260 {
        space.owner.says(room, &"x".repeat(60_000)).await;
    }
    let bytes = end_of(&mut tls).await;
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "it was cut, not finished");
}

#[tokio::test]
async fn an_address_has_only_so_many_connections() {
    let space = Space::start_with(|config| config.limits.connections_per_address = 3).await;
    // The one of the set-up is perhaps still closing.
    let connect = async || {
        soon("a free place", async {
            loop {
                if let Ok(tls) = space.target().tls().await {
                    return tls;
                }
            }
        })
        .await
    };
    let (first, _second, _third) = (connect().await, connect().await, connect().await);
    assert!(space.target().tls().await.is_err(), "a fourth");
    drop(first);
    connect().await;
}

#[tokio::test]
async fn a_graceful_end_lets_a_request_finish_and_takes_no_more() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let body = serde_json::to_vec(&message("the last word")).unwrap();
    let head = format!(
        "POST /api/v1/rooms/{room}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        space.owner.token.as_ref().unwrap(),
        body.len()
    );
    let mut tls = space.target().tls().await.unwrap();
    tls.write_all(head.as_bytes()).await.unwrap();
    // The server is reading the body: the request is under way.
    let mut go_on = [0; 25];
    tls.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let Space { server, owner, mut config, .. } = space;
    let addr = server.local_addr();
    let shutdown = server.shutdown();
    tokio::pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => panic!("ended with a request under way"),
        () = soon("the listener's end", async { while TcpStream::connect(addr).await.is_ok() {} }) => {}
    }
    tls.write_all(&body).await.unwrap();
    let (answer, ()) = soon("both", async { tokio::join!(end_of(&mut tls), shutdown) }).await;
    assert!(answer.starts_with(b"HTTP/1.1 201"), "{:?}", String::from_utf8_lossy(&answer));
    config.listen = addr;
    let _again = Server::start(config).await.unwrap();
    assert_eq!(text(owner.history(room).await.last().unwrap()), "the last word");
}

#[tokio::test]
async fn the_end_is_bounded_even_if_a_client_hangs() {
    let space = Space::start_with(|config| {
        config.limits.shutdown = Duration::from_millis(200);
        config.limits.body = Duration::from_secs(60);
    })
    .await;
    let mut tls = space.target().tls().await.unwrap();
    let token = space.owner.token.as_ref().unwrap();
    let head = format!(
        "POST /api/v1/rooms HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 9\r\n\r\n"
    );
    tls.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(space.owner.get("/me").await.status, 200);
    soon("the end", space.server.shutdown()).await;
    assert!(end_of(&mut tls).await.is_empty());
}

#[tokio::test]
async fn dropping_a_server_ends_it_and_frees_its_folder() {
    let space = Space::start().await;
    let (addr, config) = (space.server.local_addr(), space.config.clone());
    let taken = Server::start(config.clone()).await.err().unwrap().to_string();
    assert!(taken.contains("another server is using"), "{taken}");
    let mut connection = space.target().tls().await.unwrap();
    let Space { server, owner, .. } = space;
    drop(server);
    end_of(&mut connection).await;
    soon("the port to be free", async { while TcpStream::connect(addr).await.is_ok() {} }).await;
    // The folder went with its owner's scope in this test; the lock is what matters.
    std::fs::create_dir_all(&config.data).unwrap();
    let again = Server::start(config).await.unwrap();
    drop((again, owner));
}

#[tokio::test]
async fn a_certificate_from_files_is_shown_and_not_pinned() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["chat.example".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut config = ServerConfig::new(dir.path().join("data"), "127.0.0.1:0".parse().unwrap());
    config.tls = Tls::Files { cert, key };
    let server = Server::start(config).await.unwrap();
    assert_eq!((server.key_pin(), server.link().key_pin), (None, None));
    let pin = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&made.signing_key)).into();
    let target = Target { addr: server.local_addr(), pin };
    assert_eq!(Api::new(target, None).get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_server_with_files_needs_both_and_a_server_behind_a_proxy_speaks_plainly_and_believes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(dir.path(), "127.0.0.1:0".parse().unwrap());
    config.stun = Stun::Off;
    config.tls = Tls::Files { cert: dir.path().join("no.pem"), key: dir.path().join("no.key") };
    assert!(Server::start(config.clone()).await.is_err());
    config.tls = Tls::PlainBehindProxy;
    config.public_addresses = vec!["chat.example:443".into()];
    config.limits.per_address = snug_server::Rate::new(1, Duration::from_secs(600));
    let server = Server::start(config).await.unwrap();
    assert_eq!((server.key_pin(), server.addresses()), (None, &["chat.example:443".to_owned()][..]));
    assert_eq!(server.stun_addr(), None);
    let status_for = async |forwarded: &str| {
        let mut tcp = TcpStream::connect(server.local_addr()).await.unwrap();
        let request = format!(
            "GET /healthz HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\nconnection: close\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        String::from_utf8(end_of(&mut tcp).await).unwrap()[9..12].to_owned()
    };
    assert_eq!(status_for("203.0.113.1").await, "200");
    assert_eq!(status_for("198.51.100.7, 203.0.113.1").await, "429", "the same client by the proxy's word");
    assert_eq!(
        status_for("203.0.113.1, 203.0.113.2").await,
        "200",
        "another; what the client claimed counts nothing"
    );
}
