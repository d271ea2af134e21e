//! Guests as the app sees them: links, somebody at the door, somebody let in; and the call's chat between two apps. The guest here is
//! what a browser is to the server and no more: it says nothing to the peers.

#![allow(clippy::unwrap_used)]

mod support;

use futures_util::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use snug_client::view::{CallPhase, CallView, Update};
use snug_protocol::guest::{Admission, BrowserTrust, Knock, Knocked};
use snug_protocol::signal::{ClientSignal, SUBPROTOCOL, ServerSignal};
use snug_protocol::{Content, JoinId, RoomId};
use snug_server::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use support::{Person, Space};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

async fn in_a_call(public_url: Option<&str>) -> (Space, Person, Person, RoomId) {
    let mut space = Space::start().await;
    space.stop().await;
    let mut config = support::server_config(space.data.path(), space.address);
    config.public_url = public_url.map(ToOwned::to_owned);
    space.server = Some(Server::start(config).await.unwrap());
    let (ann, kitchen) = Person::owner(&space).await;
    let bob = Person::guest(&ann, kitchen, "Bob", |link| link).await;
    let room = ann.client.open_direct(bob.user().await).await.unwrap();
    bob.until(|| async { bob.client.rooms().await.unwrap().iter().any(|r| r.id == room).then_some(()) })
        .await;
    for person in [&ann, &bob] {
        person.is_online().await;
    }
    ann.client.ring(room, false).await.unwrap();
    phase(&bob, CallPhase::Incoming).await;
    bob.client.accept(false).await.unwrap();
    for person in [&ann, &bob] {
        phase(person, CallPhase::Active).await;
    }
    (space, ann, bob, room)
}

async fn phase(person: &Person, phase: CallPhase) -> CallView {
    person.until(|| async { person.client.call().filter(|call| call.phase == phase) }).await
}

/// A guest's browser, which takes whatever certificate comes: it is the server that is looked at here.
struct Browser {
    knocked: Knocked,
    socket: WebSocketStream<TlsStream<TcpStream>>,
}

impl Browser {
    async fn knocks(address: SocketAddr, token: &str, name: &str) -> Self {
        let knock = Knock { name: name.into(), public_key: Content(vec![9; 32]) };
        let body = serde_json::to_string(&knock).unwrap();
        let request = format!(
            "POST /api/v1/guest/{token}/knock HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut tls = tls(address).await;
        tls.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // The end of a TLS stream without a goodbye is an end, too.
        let _ = tls.read_to_string(&mut answer).await;
        let json = answer.split_once("\r\n\r\n").unwrap().1;
        let knocked: Knocked = serde_json::from_str(json).unwrap_or_else(|_| panic!("{answer}"));
        let url = format!("ws://{address}/api/v1/signal?ticket={}", knocked.ticket);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("origin", format!("https://{address}").parse().unwrap());
        request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        let (socket, _) = client_async(request, self::tls(address).await).await.unwrap();
        Self { knocked, socket }
    }

    async fn send(&mut self, signal: ClientSignal) {
        let text = serde_json::to_string(&signal).unwrap();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn wait_for(&mut self, wanted: impl Fn(&ServerSignal) -> bool) {
        loop {
            let message = self.socket.next().await.unwrap().unwrap();
            if let Message::Text(text) = message
                && wanted(&serde_json::from_str(&text).unwrap())
            {
                return;
            }
        }
    }
}

async fn tls(address: SocketAddr) -> TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_seen_at_the_door_let_in_by_name_and_gone() {
    let (space, ann, bob, room) = in_a_call(Some("https://chat.example")).await;
    let link = ann.client.make_guest_link(Admission::Knock).await.unwrap();
    let url = link.url.clone().unwrap();
    let token = url.strip_prefix("https://chat.example/join/").unwrap();
    let mut browser = Browser::knocks(space.address, token, "Ana").await;
    let device = browser.knocked.guest.device;
    for person in [&ann, &bob] {
        let knocking = person.until(|| async { person.client.call()?.knocking.first().cloned() }).await;
        assert_eq!((knocking.device, knocking.name.as_str()), (device, "Ana"));
    }
    bob.client.admit_guest(device).await.unwrap();
    browser.wait_for(|signal| matches!(signal, ServerSignal::GuestAdmitted { .. })).await;
    for person in [&ann, &bob] {
        person.until(|| async { person.client.call()?.knocking.is_empty().then_some(()) }).await;
    }
    let call = browser.knocked.call;
    browser.send(ClientSignal::Join { call, room, join: JoinId::random() }).await;
    for person in [&ann, &bob] {
        let peer = person
            .until(|| async { person.client.call()?.peers.into_iter().find(|peer| peer.device == device) })
            .await;
        assert_eq!((peer.name.as_str(), peer.guest), ("Ana", true));
        person.until(|| async { (person.room(room).await.call?.guests == ["Ana"]).then_some(()) }).await;
    }
    ann.client.remove_guest(device).await.unwrap();
    browser.wait_for(|signal| matches!(signal, ServerSignal::GuestEnded { .. })).await;
    for person in [&ann, &bob] {
        person.until(|| async { person.room(room).await.call?.guests.is_empty().then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_the_makers_to_copy_and_everybodys_to_end_and_none_where_browsers_distrust_the_server() {
    let (_space, ann, bob, _) = in_a_call(Some("https://chat.example")).await;
    let made = ann.client.make_guest_link(Admission::Open).await.unwrap();
    let mine = ann.client.guest_links().await.unwrap();
    assert_eq!(
        (mine.browser_trust, mine.links.as_slice()),
        (BrowserTrust::Trusted, [made.clone()].as_slice())
    );
    let theirs = bob.client.guest_links().await.unwrap().links;
    assert_eq!((theirs[0].by.as_str(), theirs[0].url.as_deref()), ("Ann", None));
    bob.client.revoke_guest_link(made.id).await.unwrap();
    assert_eq!(ann.client.guest_links().await.unwrap().links, []);

    let (_space, ann, ..) = in_a_call(None).await;
    assert_eq!(ann.client.guest_links().await.unwrap().browser_trust, BrowserTrust::SelfSigned);
    assert_eq!(ann.client.make_guest_link(Admission::Knock).await.unwrap_err().code, "untrusted");
    assert_eq!(ann.client.guest_links().await.unwrap().links, [], "nothing that nobody can use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_in_a_call_is_read_by_the_others_and_ends_with_it() {
    let (_space, ann, bob, _) = in_a_call(None).await;
    assert_eq!(ann.client.say_in_call("  ").await.unwrap_err().code, "bad_request");
    assert_eq!(ann.client.say_in_call(&"x".repeat(4_001)).await.unwrap_err().code, "bad_request");
    // Media stands before the control channel may: said again until it is heard, as a person would.
    let heard = bob
        .until(|| async {
            ann.client.say_in_call("你好").await.unwrap();
            bob.client.call_chat().await.unwrap().into_iter().next()
        })
        .await;
    assert_eq!(
        (heard.name.as_str(), heard.text.as_str(), heard.own, heard.guest),
        ("Ann", "你好", false, false)
    );
    bob.hears(|update| matches!(update, Update::CallChat)).await;
    let own = ann.client.call_chat().await.unwrap();
    assert!(own.iter().all(|line| line.own && line.name == "Ann"));
    ann.client.hang_up().await.unwrap();
    bob.until(|| async { bob.client.call().is_none().then_some(()) }).await;
    assert_eq!(bob.client.call_chat().await.unwrap(), []);
}
