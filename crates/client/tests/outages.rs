//! What goes wrong between a client and its server, and that nothing acknowledged is lost or doubled by it.

#![allow(clippy::unwrap_used)]

mod support;

use snug_client::view::{Connection, Delivery, Update};
use snug_protocol::ErrorCode;
use snug_protocol::room::Membership;
use support::{Person, Proxy, Space, Wire};

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let mut space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    ann.client.send(room, "before").await.unwrap();
    bob.sees(room, &["before"]).await;
    space.stop().await;
    for person in [&ann, &bob] {
        person.is_not_online().await;
    }
    ann.client.send(room, "meanwhile").await.unwrap();
    assert_eq!(ann.items(room).await.last().unwrap().delivery, Delivery::Sending);
    assert_eq!(bob.words(room).await, ["before"], "what is stored is shown without a server");
    space.start_again().await;
    bob.sees(room, &["before", "meanwhile"]).await;
    ann.sees(room, &["before", "meanwhile"]).await;
    // The signal socket, too.
    ann.until(|| async { ann.client.people().await.unwrap()[0].available.then_some(()) }).await;
}

#[tokio::test]
async fn a_broken_and_a_dead_network_are_noticed_and_mended() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let proxy = Proxy::before(space.address).await;
    let bob = Person::guest(&ann, room, "Bob", |link| proxy.through(link)).await;
    bob.is_online().await;
    for (wire, word) in [(Wire::Cut, "cut"), (Wire::Dead, "dead")] {
        proxy.wire.send_replace(wire);
        ann.client.send(room, &format!("to one whose network is {word}")).await.unwrap();
        // Nothing tells of a dead network but silence.
        bob.is_not_online().await;
        bob.client.send(room, &format!("from one whose network is {word}")).await.unwrap();
        proxy.wire.send_replace(Wire::Whole);
        bob.client.reconnect();
        bob.until(|| async {
            let words = bob.words(room).await;
            let both = words.iter().filter(|text| text.ends_with(word)).count() == 2;
            let delivered = bob.items(room).await.iter().all(|item| item.seq.is_some());
            (both && delivered).then_some(())
        })
        .await;
    }
    let words = bob.words(room).await;
    ann.until(|| async { (ann.words(room).await == words).then_some(()) }).await;
    assert_eq!(words.len(), 4);
}

#[tokio::test]
async fn a_stream_that_is_cut_in_the_middle_of_writes_has_the_servers_table_in_the_end() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let proxy = Proxy::before(space.address).await;
    let bob = Person::guest(&ann, room, "Bob", |link| proxy.through(link)).await;
    const MESSAGES: usize = 300;
    for number in 0..MESSAGES {
        ann.client.send(room, &number.to_string()).await.unwrap();
        if number % 25 == 0 {
            // Wherever the stream is just now; and what is written meanwhile is replayed.
            proxy.cut_once();
            bob.client.reconnect();
        }
    }
    bob.until(|| async { (bob.words(room).await.len() == MESSAGES).then_some(()) }).await;
    let table = space.table(room).await;
    assert_eq!(table.len(), MESSAGES);
    let wanted: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(bob.words(room).await, wanted);
    let seqs: Vec<u64> = table.into_iter().map(|(seq, _)| seq).collect();
    for person in [&ann, &bob] {
        person
            .until(|| async { person.items(room).await.iter().all(|item| item.seq.is_some()).then_some(()) })
            .await;
        let texts = |item: &snug_client::view::TimelineItem| {
            matches!(item.body, snug_client::view::ItemBody::Text { .. })
        };
        let shown: Vec<u64> =
            person.items(room).await.iter().filter(|i| texts(i)).filter_map(|i| i.seq).collect();
        assert_eq!(shown, seqs);
    }
}

#[tokio::test]
async fn a_changed_key_stops_everything_until_somebody_decides() {
    let mut space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    space.stop().await;
    ann.is_not_online().await;
    std::fs::remove_file(space.data.path().join("key.pem")).unwrap();
    space.start_again().await;
    ann.until(|| async { (ann.client.connection() == Connection::KeyChanged).then_some(()) }).await;
    ann.client.send(room, "only for the right one").await.unwrap();
    assert_eq!(ann.client.create_room("x", "").await.unwrap_err().code, "key_changed");
    ann.client.reconnect();
    assert_eq!(space.table(room).await, [], "nothing was sent");
    assert_eq!(ann.items(room).await.last().unwrap().delivery, Delivery::Sending);
    ann.client.trust_new_key().await.unwrap();
    ann.is_online().await;
    ann.sees(room, &["only for the right one"]).await;
    let ann = ann.reopen(|config| config).await.unwrap();
    ann.is_online().await;
}

#[tokio::test]
async fn a_refused_message_says_why_and_is_tried_again_or_given_up() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let proxy = Proxy::before(space.address).await;
    let bob = Person::guest(&ann, room, "Bob", |link| proxy.through(link)).await;
    let bob_id = bob.user().await;
    proxy.wire.send_replace(Wire::Cut);
    bob.is_not_online().await;
    let first = bob.client.send(room, "one").await.unwrap();
    let second = bob.client.send(room, "two").await.unwrap();
    ann.client.kick(room, bob_id).await.unwrap();
    proxy.wire.send_replace(Wire::Whole);
    let failed = |txn| {
        let bob = &bob;
        async move {
            bob.until(|| async {
                let items = bob.items(room).await;
                let item = items.into_iter().find(|item| item.key == format!("{txn}"))?;
                match item.delivery {
                    Delivery::Failed { code, .. } => Some(code),
                    _ => None,
                }
            })
            .await
        }
    };
    for txn in [first, second] {
        assert!(matches!(failed(txn).await, ErrorCode::Forbidden | ErrorCode::NotFound));
    }
    ann.client.invite_to_room(room, bob_id).await.unwrap();
    // The log tells of the removal before the invitation; only the latter makes the room his to join.
    let becomes = async |membership: Membership| {
        bob.until(|| async {
            bob.client
                .rooms()
                .await
                .unwrap()
                .iter()
                .any(|r| r.id == room && r.membership == membership)
                .then_some(())
        })
        .await;
    };
    becomes(Membership::Invited).await;
    bob.client.join_room(room).await.unwrap();
    becomes(Membership::Joined).await;
    bob.client.discard(first).await.unwrap();
    bob.client.retry(second).await.unwrap();
    ann.until(|| async { (ann.words(room).await == ["two"]).then_some(()) }).await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_came_meanwhile_comes_when_there_is_room() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    let small = |config| snug_client::ClientConfig { max_store_bytes: Some(400 * 1024), ..config };
    let bob = bob.reopen(small).await.unwrap();
    bob.is_online().await;
    let long = "all work and no play ".repeat(1_000);
    for _ in 0..30 {
        ann.client.send(room, &long).await.unwrap();
    }
    let full = |update: &Update| matches!(update, Update::Problem { problem } if problem.code == "disk_full");
    bob.hears(full).await;
    // What is taken stays, what is not is refused and not lost in silence.
    let mut taken = 0;
    let refused = loop {
        match bob.client.send(room, &"x".repeat(20_000)).await {
            Ok(_) => taken += 1,
            Err(problem) => break problem,
        }
        assert!(taken < 30);
    };
    assert_eq!(refused.code, "disk_full");
    let bob = bob.reopen(|config| config).await.unwrap();
    bob.until(|| async {
        let items = bob.items(room).await;
        let delivered = items.iter().all(|item| item.seq.is_some());
        (delivered && bob.words(room).await.len() == 30 + taken).then_some(())
    })
    .await;
    assert_eq!(space.table(room).await.len(), 30 + taken);
}

#[tokio::test]
async fn a_restored_server_has_another_log_and_clients_take_it_over() {
    let mut space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    ann.client.send(room, "in the backup").await.unwrap();
    ann.sees(room, &["in the backup"]).await;
    space.stop().await;
    let backup = std::fs::read(space.data.path().join("snug.db")).unwrap();
    space.start_again().await;
    ann.client.send(room, "after the backup").await.unwrap();
    ann.sees(room, &["in the backup", "after the backup"]).await;
    space.stop().await;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(space.data.path().join(format!("snug.db{suffix}")));
    }
    std::fs::write(space.data.path().join("snug.db"), backup).unwrap();
    let mut config = support::server_config(space.data.path(), space.address);
    config.restored = true;
    space.server = Some(snug_server::Server::start(config).await.unwrap());
    ann.until(|| async { (ann.words(room).await == ["in the backup"]).then_some(()) }).await;
    ann.client.send(room, "and on").await.unwrap();
    ann.sees(room, &["in the backup", "and on"]).await;
}
