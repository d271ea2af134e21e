//! Two people, a space, a room: everything that chatting is, over real sockets.

#![allow(clippy::unwrap_used)]

mod support;

use snug_client::view::{Connection, Delivery, ItemBody, Update};
use snug_client::{Attention, Client};
use snug_protocol::room::{Membership, RoomKind};
use support::{Person, Space, account, config};

#[tokio::test]
async fn two_people_find_each_other_and_talk() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    assert_eq!(ann.client.account().await.unwrap().unwrap().space_name, "Home");
    assert_eq!(bob.client.people().await.unwrap()[0].name, "Ann");

    ann.client.send(room, "soup?").await.unwrap();
    bob.sees(room, &["soup?"]).await;
    bob.client.send(room, "with bread, @ann").await.unwrap();
    ann.sees(room, &["soup?", "with bread, @ann"]).await;

    let seen = ann.room(room).await;
    assert_eq!((seen.unread, seen.mentioned, seen.last_sender.as_deref()), (1, true, Some("Bob")));
    let notified = ann.hears(|update| matches!(update, Update::Notify { .. })).await;
    let Update::Notify { title, body, .. } = notified else { unreachable!() };
    assert_eq!((title.as_str(), body.as_str()), ("Bob · Kitchen", "with bread, @ann"));
    let items = ann.items(room).await;
    let newest = items.last().unwrap();
    assert_eq!((newest.sender_name.as_str(), newest.own), ("Bob", false));
    ann.client.mark_read(room, newest.seq.unwrap()).await.unwrap();
    assert_eq!(ann.room(room).await.unread, 0);

    // Another device of hers is told what she read.
    let tablet = Person::new().await;
    tablet.client.sign_in(&space.link().to_string(), "ann", support::PASSWORD).await.unwrap();
    tablet
        .until(|| async {
            let kitchen = tablet.room(room).await;
            (kitchen.unread == 0 && kitchen.last_text.is_some()).then_some(())
        })
        .await;
    tablet.sees(room, &["soup?", "with bread, @ann"]).await;
}

#[tokio::test]
async fn rooms_are_joined_left_and_renamed() {
    let space = Space::start().await;
    let (ann, kitchen) = Person::owner(&space).await;
    let bob = Person::guest(&ann, kitchen, "Bob", |link| link).await;
    let (ann_id, bob_id) = (ann.user().await, bob.user().await);

    let cellar = ann.client.create_room("Cellar", "").await.unwrap();
    ann.client.send(cellar, "before Bob").await.unwrap();
    ann.client.invite_to_room(cellar, bob_id).await.unwrap();
    let becomes = async |wanted: Option<Membership>| {
        bob.until(|| async {
            let rooms = bob.client.rooms().await.unwrap();
            let place = rooms.into_iter().find(|r| r.id == cellar).map(|r| r.membership);
            (place == wanted).then_some(())
        })
        .await;
    };
    becomes(Some(Membership::Invited)).await;
    assert_eq!(bob.client.send(cellar, "may I?").await.unwrap_err().code, "forbidden");
    bob.client.join_room(cellar).await.unwrap();
    becomes(Some(Membership::Joined)).await;
    bob.until(|| async { bob.words(cellar).await.contains(&"before Bob".to_owned()).then_some(()) }).await;

    ann.client.rename_room(cellar, "Wine cellar", "mind the step").await.unwrap();
    bob.until(|| async { (bob.room(cellar).await.name == "Wine cellar").then_some(()) }).await;
    bob.until(|| async {
        let changed =
            |body: &ItemBody| matches!(body, ItemBody::RoomChanged { topic, .. } if topic == "mind the step");
        bob.items(cellar).await.iter().any(|item| changed(&item.body)).then_some(())
    })
    .await;
    ann.client.kick(cellar, bob_id).await.unwrap();
    becomes(None).await;

    let direct = bob.client.open_direct(ann_id).await.unwrap();
    assert_eq!(ann.client.open_direct(bob_id).await.unwrap(), direct);
    let seen = bob.room(direct).await;
    assert_eq!((seen.kind, seen.name.as_str(), seen.peer), (RoomKind::Direct, "Ann", Some(ann_id)));
    bob.client.leave_room(kitchen).await.unwrap();
    ann.until(|| async { (ann.room(kitchen).await.members.len() == 1).then_some(()) }).await;
}

#[tokio::test]
async fn typing_and_presence_come_over_the_signal_socket_only_while_the_window_is_open() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    ann.until(|| async { ann.client.people().await.unwrap()[0].available.then_some(()) }).await;
    ann.forget_updates();
    let types = |update: &Update| matches!(update, Update::Typing { names, .. } if names == &["Bob"]);
    // What is typed before the socket stands is lost, as it may be; so is what follows too fast.
    let typing = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
        loop {
            tick.tick().await;
            bob.client.typing(room, true);
        }
    };
    tokio::select! {
        _ = ann.hears(types) => {}
        () = typing => {}
    }
    bob.client.typing(room, false);
    ann.hears(|update| matches!(update, Update::Typing { names, .. } if names.is_empty())).await;

    // In the tray only the event stream stays: messages come, and the person still counts as there.
    bob.client.set_attention(Attention { open: false, focused: false, room: None });
    ann.client.send(room, "are you there?").await.unwrap();
    bob.sees(room, &["are you there?"]).await;
    assert!(ann.client.people().await.unwrap()[0].available);
    bob.client.close().await;
    ann.until(|| async { (!ann.client.people().await.unwrap()[0].available).then_some(()) }).await;
}

#[tokio::test]
async fn what_one_looks_at_is_no_notification() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    ann.client.set_attention(Attention { open: true, focused: true, room: Some(room) });
    bob.client.send(room, "seen at once").await.unwrap();
    ann.sees(room, &["seen at once"]).await;
    ann.client.set_attention(Attention { open: true, focused: false, room: Some(room) });
    bob.client.send(room, "seen later").await.unwrap();
    ann.hears(|update| matches!(update, Update::Notify { .. })).await;
    let bodies: Vec<String> = {
        let heard = ann.heard.lock().unwrap();
        let body = |update: &Update| match update {
            Update::Notify { body, .. } => Some(body.clone()),
            _ => None,
        };
        heard.iter().filter_map(body).collect()
    };
    assert_eq!(bodies, ["seen later"]);
}

#[tokio::test]
async fn history_is_fetched_page_by_page_to_its_start() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    for number in 0..130 {
        ann.client.send(room, &number.to_string()).await.unwrap();
    }
    ann.until(|| async {
        ann.items(room).await.iter().all(|item| item.delivery == Delivery::Sent).then_some(())
    })
    .await;
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    let mut words = Vec::new();
    let mut before = None;
    loop {
        let page = bob.client.timeline(room, before, 40).await.unwrap();
        let texts: Vec<u32> = page
            .items
            .iter()
            .filter_map(|item| match &item.body {
                ItemBody::Text { text } => text.parse().ok(),
                _ => None,
            })
            .collect();
        words.splice(0..0, texts);
        if page.at_start {
            break;
        }
        before = page.items.first().and_then(|item| item.seq);
    }
    assert_eq!(words, (0..130).collect::<Vec<u32>>());
}

#[tokio::test]
async fn signing_out_leaves_nothing_and_a_refused_token_is_final() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let secrets = ann.folder.path().join("secrets.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    bob.client.sign_out().await.unwrap();
    assert_eq!(bob.client.account().await.unwrap(), None);
    assert!(bob.client.rooms().await.unwrap().is_empty());
    assert!(!bob.folder.path().join("secrets.json").exists());
    assert_eq!(bob.client.send(room, "hm").await.unwrap_err().code, "not_found");

    // A copy of a folder whose device then signs out: its token is worth nothing, and is not tried again.
    let copy = tempfile::tempdir().unwrap();
    let ann = {
        ann.client.close().await;
        for name in ["store.sqlite", "secrets.json"] {
            std::fs::copy(ann.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        Person::open(ann.folder.clone(), |config| config).await.unwrap()
    };
    ann.is_online().await;
    ann.client.sign_out().await.unwrap();
    let thief = Person::open(std::sync::Arc::new(copy), |config| config).await.unwrap();
    thief.until(|| async { (thief.client.connection() == Connection::SignedOut).then_some(()) }).await;
    // What is stored can still be read, and signing in again goes on with it.
    assert_eq!(thief.client.rooms().await.unwrap().len(), 1);
    thief.client.sign_in(&space.link().to_string(), "ann", support::PASSWORD).await.unwrap();
    thief.is_online().await;
}

#[tokio::test]
async fn every_refusal_has_a_code() {
    let space = Space::start().await;
    let (ann, room) = Person::owner(&space).await;
    let stranger = Person::new().await;
    let link = ann.client.invitation_link(&[room], 1).await.unwrap();
    let info = stranger.client.inspect_link(&link).await.unwrap();
    assert_eq!((info.space_name.as_str(), info.invitation), ("Home", true));
    let code = |result: Result<_, snug_client::view::Problem>| result.map(drop).unwrap_err().code;
    assert_eq!(code(stranger.client.join("not a link", account("Bob")).await), "bad_link");
    Person::new().await.client.join(&link, account("Bob")).await.unwrap();
    let used = stranger.client.join(&link, account("Eve")).await;
    assert_eq!(code(used), "invitation_expired");
    let bare = space.link().to_string();
    assert_eq!(code(stranger.client.sign_in(&bare, "ann", "wrong password").await), "bad_credentials");
    assert_eq!(code(stranger.client.set_up(&bare, "0", "", account("Eve"), false).await), "setup_refused");
    // Without the link's pin, its own certificate is nothing to trust.
    let address = space.address.to_string();
    assert_eq!(code(stranger.client.sign_in(&address, "ann", support::PASSWORD).await), "untrusted");
    let mut wrong = space.link();
    wrong.key_pin = Some([0; 32]);
    assert_eq!(
        code(stranger.client.sign_in(&wrong.to_string(), "ann", support::PASSWORD).await),
        "key_changed"
    );
    let nowhere = "snug://join?a=127.0.0.1:9";
    let refused = stranger.client.inspect_link(nowhere).await;
    assert_eq!(refused.unwrap_err().code, "offline");
    let nobody = Client::open(config(tempfile::tempdir().unwrap().path())).await.unwrap().0;
    assert_eq!(nobody.create_room("x", "").await.unwrap_err().code, "unauthorized");
    assert_eq!(ann.client.send(room, &"x".repeat(70_000)).await.unwrap_err().code, "too_large");
    assert_eq!(ann.client.send(room, " \n ").await.unwrap_err().code, "bad_request");
}
