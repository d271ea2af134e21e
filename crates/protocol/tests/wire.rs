//! What the wire looks like: every shape as JSON, kept as snapshots, so that a change of shape is seen in review.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;
use snug_protocol::{
    ApiError, CallId, Content, DeviceId, ErrorCode, GuestLinkId, JoinId, RoomId, TxnId, UnixMillis, UserId,
    content::{Message, Ring, RingEnd, RingEndReason},
    event::{Event, NewEvent, Topic, kind},
    guest::{
        Admission, BrowserTrust, GuestEnd, GuestIds, GuestInvitation, GuestLink, GuestLinks, Knock, Knocked,
        NewGuestLink, NewGuestLinkMade,
    },
    pair::{ChannelMessage, MediaState, PairSignal, SdpKind},
    signal::{ClientSignal, Envelope, Participant, ServerSignal},
    signing::{Route, signing_input},
};
use uuid::Uuid;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn envelope() -> Envelope {
    Envelope {
        from_join: JoinId(id(5)),
        to_join: JoinId(id(6)),
        counter: 7,
        payload: Content::json(&PairSignal::Bye),
        signature: Content(vec![1, 2, 3]),
    }
}

#[test]
fn events_look_like_this() {
    let event = Event {
        seq: 12,
        topic: Topic::Room(RoomId(id(1))),
        kind: kind::MESSAGE.into(),
        sender: Some(UserId(id(2))),
        device: Some(DeviceId(id(3))),
        txn: Some(TxnId(id(4))),
        client_time: Some(UnixMillis(1_000)),
        server_time: UnixMillis(1_001),
        target: None,
        mentions: vec![UserId(id(9))],
        expires_in_ms: None,
        epoch: 0,
        content: Content::json(&Message { body: "你好".into() }),
    };
    let new = NewEvent {
        txn: TxnId(id(4)),
        kind: kind::CALL_RING.into(),
        client_time: UnixMillis(1_000),
        target: Some(3),
        mentions: vec![],
        expires_in_ms: Some(45_000),
        expected_epoch: None,
        content: Content::json(&Ring { call: CallId(id(8)), video: true }),
    };
    let end = RingEnd { call: CallId(id(8)), reason: RingEndReason::HungUp, duration_ms: Some(61_000) };
    insta::assert_json_snapshot!("event", json!({ "stored": event, "sent": new, "ring_end": end }));
}

#[test]
fn signals_look_like_this() {
    let participant = Participant {
        user: UserId(id(2)),
        device: DeviceId(id(3)),
        join: JoinId(id(5)),
        key: Content(vec![0; 32]),
        guest: false,
        name: None,
    };
    let guest = Participant { guest: true, name: Some("Ana".into()), ..participant.clone() };
    let (call, room) = (CallId(id(8)), RoomId(id(1)));
    let client = [
        ClientSignal::Join { call, room, join: JoinId(id(5)) },
        ClientSignal::Look { call, room },
        ClientSignal::Leave { call },
        ClientSignal::Relay { call, to: DeviceId(id(3)), envelope: envelope() },
        ClientSignal::Typing { room, active: true },
        ClientSignal::GuestAdmit { call, device: DeviceId(id(3)) },
        ClientSignal::GuestRefuse { call, device: DeviceId(id(3)) },
        ClientSignal::GuestRemove { call, device: DeviceId(id(3)) },
    ];
    let server = [
        ServerSignal::Hello { device: DeviceId(id(3)), server_time: UnixMillis(5) },
        ServerSignal::Roster { call, members: vec![participant.clone()] },
        ServerSignal::Joined { call, participant },
        ServerSignal::Joined { call, participant: guest },
        ServerSignal::Left { call, device: DeviceId(id(3)), join: JoinId(id(5)) },
        ServerSignal::Relay { call, from: DeviceId(id(3)), envelope: envelope() },
        ServerSignal::CallState { room, call, people: vec![UserId(id(2))], guests: vec![] },
        ServerSignal::CallState { room, call, people: vec![], guests: vec!["Ana".into()] },
        ServerSignal::Typing { room, user: UserId(id(2)), active: false },
        ServerSignal::Presence { user: UserId(id(2)), available: true },
        ServerSignal::Error {
            error: ApiError::new(ErrorCode::NotInCall, "not in that call"),
            call: Some(call),
        },
        ServerSignal::GuestWaiting { call },
        ServerSignal::GuestAdmitted { call, room },
        ServerSignal::GuestRefused { call },
        ServerSignal::GuestEnded { call, reason: GuestEnd::CallOver },
        ServerSignal::GuestKnocking { call, device: DeviceId(id(3)), name: "Ana".into() },
        ServerSignal::GuestSettled { call, device: DeviceId(id(3)) },
    ];
    insta::assert_json_snapshot!("signal", json!({ "client": client, "server": server }));
}

#[test]
fn what_guests_see_and_send_looks_like_this() {
    let call = CallId(id(8));
    let link = GuestLink {
        id: GuestLinkId(id(7)),
        call,
        admission: Admission::Knock,
        by: UserId(id(2)),
        created_at: UnixMillis(1_000),
        expires_at: UnixMillis(86_401_000),
    };
    let made = NewGuestLinkMade {
        link: link.clone(),
        token: "TOKEN".into(),
        url: Some("https://chat.example/join/TOKEN".into()),
        browser_trust: BrowserTrust::Trusted,
    };
    let without_url = NewGuestLinkMade { url: None, browser_trust: BrowserTrust::SelfSigned, ..made.clone() };
    let invitation = GuestInvitation {
        space_name: "Home".into(),
        room_name: "Garden".into(),
        invited_by: "Bea".into(),
        call,
        admission: Admission::Open,
        people: vec!["Bea".into()],
    };
    let knocked = Knocked {
        guest: GuestIds { user: UserId(id(2)), device: DeviceId(id(3)) },
        call,
        room: RoomId(id(1)),
        session: "SESSION".into(),
        ticket: "TICKET".into(),
    };
    let new = NewGuestLink { admission: Admission::Open, expires_in_s: Some(600) };
    let knock = Knock { name: "Ana".into(), public_key: Content(vec![0; 32]) };
    let listed = GuestLinks { browser_trust: BrowserTrust::Trusted, links: vec![link] };
    insta::assert_json_snapshot!(
        "guest",
        json!({ "new": new, "made": made, "without_url": without_url, "listed": listed, "invitation": invitation,
                "knock": knock, "knocked": knocked })
    );
    assert_eq!(serde_json::from_value::<NewGuestLink>(json!({})).unwrap(), NewGuestLink::default());
    assert_eq!(serde_json::from_value::<GuestEnd>(json!("brand_new")).unwrap(), GuestEnd::Unknown);
}

#[test]
fn what_peers_say_looks_like_this() {
    let pair = [
        PairSignal::Description { kind: SdpKind::Offer, sdp: "v=0".into(), of: None },
        PairSignal::Candidate {
            candidate: "candidate:1".into(),
            mid: Some("0".into()),
            line: Some(0),
            ufrag: None,
        },
        PairSignal::Bye,
    ];
    let channel = [
        ChannelMessage::State(MediaState { microphone: true, camera: false }),
        ChannelMessage::Tile { width: 640, height: 360 },
        ChannelMessage::Chat { id: TxnId(id(4)), text: "你好".into() },
        ChannelMessage::Bye,
    ];
    insta::assert_json_snapshot!("pair", json!({ "relayed": pair, "channel": channel }));
}

#[test]
fn what_a_newer_side_says_is_not_an_error() {
    assert_eq!(
        serde_json::from_value::<ServerSignal>(json!({ "type": "new" })).unwrap(),
        ServerSignal::Unknown
    );
    assert_eq!(
        serde_json::from_value::<ChannelMessage>(json!({ "type": "new" })).unwrap(),
        ChannelMessage::Unknown
    );
    assert_eq!(serde_json::from_value::<ErrorCode>(json!("brand_new")).unwrap(), ErrorCode::Unknown);
}

#[test]
fn the_bytes_under_a_signature_differ_whenever_anything_differs() {
    let route = Route {
        call: CallId(id(1)),
        from: DeviceId(id(2)),
        to: DeviceId(id(3)),
        from_join: JoinId(id(4)),
        to_join: JoinId(id(5)),
        counter: 6,
    };
    let signed = signing_input(&route, b"payload");
    let others = [
        Route { call: CallId(id(9)), ..route },
        Route { from: route.to, to: route.from, ..route },
        Route { from_join: JoinId(id(9)), ..route },
        Route { to_join: JoinId(id(9)), ..route },
        Route { counter: 7, ..route },
    ];
    for other in others {
        assert_ne!(signing_input(&other, b"payload"), signed);
    }
    assert_ne!(signing_input(&route, b"payloae"), signed);
    insta::assert_snapshot!("signing_input", signed.iter().map(|b| format!("{b:02x}")).collect::<String>());
}

proptest! {
    #[test]
    fn no_text_panics_a_reader(text in "\\PC{0,200}") {
        let _ = serde_json::from_str::<Event>(&text);
        let _ = serde_json::from_str::<ClientSignal>(&text);
        let _ = serde_json::from_str::<ServerSignal>(&text);
        let _ = serde_json::from_str::<PairSignal>(&text);
        let _ = text.parse::<Topic>();
    }

    #[test]
    fn content_reads_back_as_the_bytes_that_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = serde_json::to_string(&Content(bytes.clone())).unwrap();
        prop_assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), Content(bytes));
    }

    #[test]
    fn topics_read_back(n in any::<u128>()) {
        for topic in [Topic::Room(RoomId(id(n))), Topic::User(UserId(id(n))), Topic::Device(DeviceId(id(n))), Topic::Space] {
            prop_assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }
}
