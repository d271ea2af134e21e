//! STUN over real UDP.

use crate::support::{soon, space::Space};
use rtc_stun::{
    attributes::{ATTR_CHANGE_REQUEST, ATTR_SOFTWARE, ATTR_UNKNOWN_ATTRIBUTES, AttrType},
    fingerprint::FINGERPRINT,
    message::{
        BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, CLASS_REQUEST, Getter, METHOD_ALLOCATE, Message,
        MessageType, TransactionId,
    },
    textattrs::TextAttribute,
    xoraddr::XorMappedAddress,
};
use snug_protocol::ice::IceServers;
use snug_server::{Rate, Stun, Turn};
use std::time::Duration;
use tokio::net::UdpSocket;

fn request() -> Message {
    let mut message = Message::new();
    let software = TextAttribute::new(ATTR_SOFTWARE, "test".to_owned());
    message.build(&[Box::new(TransactionId::new()), Box::new(BINDING_REQUEST), Box::new(software)]).unwrap();
    message
}

async fn ask(socket: &UdpSocket, request: &Message) -> Message {
    socket.send(&request.raw).await.unwrap();
    let mut buffer = [0; 1500];
    let length = soon("an answer", socket.recv(&mut buffer)).await.unwrap();
    let mut answer = Message::new();
    answer.unmarshal_binary(&buffer[..length]).unwrap();
    assert_eq!(answer.transaction_id, request.transaction_id);
    FINGERPRINT.check(&answer).unwrap();
    answer
}

async fn connected(space: &Space) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(space.server.stun_addr().unwrap()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_binding_request_is_told_where_it_came_from_on_the_port_that_ice_names() {
    let space = Space::start().await;
    assert_eq!(space.server.stun_addr().unwrap().port(), space.server.local_addr().port());
    let ice: IceServers = space.owner.get("/ice").await.ok();
    assert_eq!(ice.servers[0].urls, [format!("stun:*:{}", space.server.local_addr().port())]);
    assert!(ice.ttl_s > 0);
    let socket = connected(&space).await;
    let answer = ask(&socket, &request()).await;
    assert_eq!(answer.typ, BINDING_SUCCESS);
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&answer).unwrap();
    let own = socket.local_addr().unwrap();
    assert_eq!((mapped.ip, mapped.port), (own.ip(), own.port()));
    assert!(answer.raw.len() <= 44, "an answer must not be worth forging for");
}

#[tokio::test]
async fn rubbish_gets_no_answer_and_ends_nothing() {
    let space = Space::start().await;
    let socket = connected(&space).await;
    let good = request();
    let mut allocate = Message::new();
    let kind = MessageType { method: METHOD_ALLOCATE, class: CLASS_REQUEST };
    allocate.build(&[Box::new(TransactionId::new()), Box::new(kind)]).unwrap();
    let mut response = Message::new();
    response.build(&[Box::new(TransactionId::new()), Box::new(BINDING_SUCCESS)]).unwrap();
    let mut rubbish: Vec<Vec<u8>> =
        vec![Vec::new(), vec![0], vec![0xff; 20], vec![0; 2000], allocate.raw, response.raw];
    // Every cut of a good request, and every one with a length that lies.
    rubbish.extend((1..good.raw.len()).map(|end| good.raw[..end].to_vec()));
    rubbish.extend(
        (0..=255)
            .map(|byte| {
                let mut lies = good.raw.clone();
                lies[3] = byte;
                lies[23] = byte;
                lies
            })
            .filter(|lies| *lies != good.raw && Message::new().unmarshal_binary(lies).is_err()),
    );
    for datagram in &rubbish {
        socket.send(datagram).await.unwrap();
    }
    // The first answer that comes is to this one.
    ask(&socket, &request()).await;
}

#[tokio::test]
async fn attributes_that_must_be_understood_and_are_not_are_named() {
    let space = Space::start().await;
    let socket = connected(&space).await;
    let mut odd = request();
    odd.add(AttrType(0x7001), &[1, 2, 3, 4]);
    odd.add(ATTR_CHANGE_REQUEST, &[0, 0, 0, 6]);
    let answer = ask(&socket, &odd).await;
    assert_eq!(answer.typ, BINDING_ERROR);
    assert_eq!(answer.get(ATTR_UNKNOWN_ATTRIBUTES).unwrap(), [0x70, 0x01, 0x00, 0x03]);
}

#[tokio::test]
async fn one_source_gets_only_so_many_answers() {
    let space = Space::start_with(|config| {
        config.limits.stun = Rate::new(3, Duration::from_secs(600));
        config.stun = Stun::At("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let socket = connected(&space).await;
    for _ in 0..3 {
        ask(&socket, &request()).await;
    }
    socket.send(&request().raw).await.unwrap();
    let mut buffer = [0; 100];
    let fourth = tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut buffer)).await;
    assert!(fourth.is_err(), "a fourth was answered");
}

#[tokio::test]
async fn a_relays_password_is_made_for_whoever_asks_and_has_an_end() {
    let space = Space::start_with(|config| {
        let urls = vec!["turn:relay.example:3478".to_owned()];
        config.turn = Some(Turn { urls, secret: "north".to_owned(), life: Duration::from_secs(60) });
    })
    .await;
    let ice: IceServers = space.owner.get("/ice").await.ok();
    assert_eq!(ice.ttl_s, 60);
    let relay = ice.servers.last().unwrap();
    assert_eq!(relay.urls, ["turn:relay.example:3478"]);
    let (end, device) = relay.username.as_deref().unwrap().split_once(':').unwrap();
    assert!(end.parse::<u64>().unwrap() > 1_700_000_000 && !device.is_empty());
    assert!(relay.credential.as_deref().is_some_and(|password| password.len() == 28), "base64 of 20 bytes");
}
