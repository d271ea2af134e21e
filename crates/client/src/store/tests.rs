//! The store against a real file: what must hold whatever order things come in.

#![allow(clippy::unwrap_used)]

use super::stretches::Stretch;
use super::*;
use crate::config::Keyring;
use crate::net::Endpoint;
use crate::view::{Account, Delivery, ItemBody, TimelineItem};
use proptest::prelude::*;
use snug_protocol::account::{SpaceRole, User};
use snug_protocol::content::{Message, Ring, RingEnd, RingEndReason};
use snug_protocol::event::{Event, NewEvent, Sent, Topic, kind};
use snug_protocol::room::{
    HistoryPage, HistoryVisibility, Member, MemberChange, Membership, Room, RoomKind, RoomRole,
};
use snug_protocol::{CallId, Content, ErrorCode, RoomId, TxnId, UnixMillis};

struct House {
    store: Store,
    me: Me,
    other: UserId,
    room: RoomId,
    folder: tempfile::TempDir,
}

fn config(folder: &Path) -> ClientConfig {
    ClientConfig { keyring: Keyring::File, ..ClientConfig::new(folder) }
}

fn room_of(house: (RoomId, UserId, UserId), last_seq: u64, read_up_to: u64) -> Room {
    let (id, me, other) = house;
    let member = |user| Member { user, role: RoomRole::Member, membership: Membership::Joined };
    Room {
        id,
        kind: RoomKind::Room,
        name: "Kitchen".into(),
        topic: String::new(),
        history: HistoryVisibility::Shared,
        members: vec![member(me), member(other)],
        read_up_to,
        last_seq,
        epoch: 0,
    }
}

/// A store of somebody who is in one room with somebody else, and saw its log from `last_seq` on.
async fn house(last_seq: u64) -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path())).await.unwrap();
    let me = Me { user: UserId::random(), device: DeviceId::random() };
    let (other, room) = (UserId::random(), RoomId::random());
    let view = Account {
        user: me.user,
        device: me.device,
        username: "me".into(),
        display_name: "Me".into(),
        role: SpaceRole::Member,
        space_name: "Home".into(),
        address: "h:1".into(),
        hosted_here: false,
    };
    let endpoint = Endpoint { addresses: vec!["h:1".into()], pin: Some([3; 32]) };
    let kept =
        KeptAccount { view, endpoint, secrets: SecretPlace::File, cursor: "g.0".into(), synced: false };
    store.keep_account(&kept).await.unwrap();
    let person = |id, name: &str| User {
        id,
        username: name.to_lowercase(),
        display_name: name.into(),
        role: SpaceRole::Member,
    };
    let users = [person(me.user, "Me"), person(other, "Ann")];
    store.keep_everything(me, &users, &[room_of((room, me.user, other), last_seq, 0)]).await.unwrap();
    House { store, me, other, room, folder }
}

impl House {
    fn event(&self, seq: u64, kind: &str, sender: UserId, content: Content) -> Event {
        Event {
            seq,
            topic: Topic::Room(self.room),
            kind: kind.into(),
            sender: Some(sender),
            device: None,
            txn: None,
            client_time: None,
            server_time: UnixMillis(1_000 * seq as i64),
            target: None,
            mentions: Vec::new(),
            expires_in_ms: None,
            epoch: 0,
            content,
        }
    }

    fn says(&self, seq: u64, text: &str) -> Event {
        self.event(seq, kind::MESSAGE, self.other, Content::json(&Message { body: text.into() }))
    }

    async fn apply(&self, events: impl IntoIterator<Item = Event>) -> Applied {
        let received: Vec<_> = events
            .into_iter()
            .map(|event| Received { cursor: format!("g.{}", event.seq), event: Some(event) })
            .collect();
        self.store.apply(self.me, &received).await.unwrap()
    }

    async fn page(&self, before: Option<u64>, limit: u32) -> super::timeline::Page {
        self.store.timeline(self.me, self.room, before, limit, UnixMillis(0), None).await.unwrap()
    }

    async fn items(&self) -> Vec<TimelineItem> {
        self.page(None, 500).await.items
    }

    async fn unread(&self) -> (u64, bool) {
        let rooms = self.store.rooms(self.me, &Moment::default()).await.unwrap();
        (rooms[0].unread, rooms[0].mentioned)
    }

    fn draft(&self, text: &str) -> NewEvent {
        NewEvent {
            txn: TxnId::random(),
            kind: kind::MESSAGE.into(),
            client_time: UnixMillis(5),
            target: None,
            mentions: Vec::new(),
            expires_in_ms: None,
            expected_epoch: None,
            content: Content::json(&Message { body: text.into() }),
        }
    }
}

fn texts(items: &[TimelineItem]) -> Vec<String> {
    let text = |item: &TimelineItem| match &item.body {
        ItemBody::Text { text } => text.clone(),
        other => format!("{other:?}"),
    };
    items.iter().map(text).collect()
}

#[tokio::test]
async fn events_and_their_cursor_survive_together() {
    let house = house(10).await;
    house.apply([house.says(11, "one"), house.says(12, "two")]).await;
    house.store.close().await;
    let store = Store::open(&config(house.folder.path())).await.unwrap();
    assert_eq!(store.account().await.unwrap().unwrap().cursor, "g.12");
    let again = House { store, ..house };
    assert_eq!(texts(&again.items().await), ["one", "two"]);
    again.apply([again.says(12, "two"), again.says(13, "three")]).await;
    assert_eq!(texts(&again.items().await), ["one", "two", "three"], "a repeat is no second message");
}

#[tokio::test]
async fn the_echo_becomes_the_event_whichever_answer_is_first() {
    for stream_first in [false, true] {
        let house = house(0).await;
        let draft = house.draft("hello");
        house.store.enqueue(house.room, &draft).await.unwrap();
        let echo = &house.items().await[0];
        assert_eq!((echo.delivery.clone(), echo.seq, echo.own), (Delivery::Sending, None, true));
        let pending = house.store.next_pending().await.unwrap().unwrap();
        assert_eq!(pending.event, draft);
        let mut event = house.event(7, kind::MESSAGE, house.me.user, draft.content.clone());
        (event.txn, event.device) = (Some(draft.txn), Some(house.me.device));
        let sent = Sent { seq: 7, server_time: UnixMillis(7_000) };
        if stream_first {
            house.apply([event.clone()]).await;
        }
        house.store.delivered(house.me, &pending, sent).await.unwrap();
        if !stream_first {
            house.apply([event]).await;
        }
        let items = house.items().await;
        assert_eq!(items.len(), 1);
        assert_eq!((items[0].key.as_str(), items[0].seq), (draft.txn.to_string().as_str(), Some(7)));
        assert_eq!((&items[0].delivery, items[0].own), (&Delivery::Sent, true));
        assert_eq!(house.store.next_pending().await.unwrap(), None);
        assert_eq!(house.unread().await, (0, false), "one's own words are read");
    }
}

#[tokio::test]
async fn a_refused_message_waits_for_a_decision_and_lets_others_pass() {
    let house = house(0).await;
    let (first, second) = (house.draft("first"), house.draft("second"));
    house.store.enqueue(house.room, &first).await.unwrap();
    house.store.enqueue(house.room, &second).await.unwrap();
    house.store.refused(first.txn, ErrorCode::Forbidden).await.unwrap();
    assert_eq!(house.store.next_pending().await.unwrap().unwrap().event, second);
    let failed = Delivery::Failed { code: ErrorCode::Forbidden, txn: first.txn };
    assert_eq!(house.items().await[0].delivery, failed);
    assert_eq!(house.store.retry(first.txn, UnixMillis(9)).await.unwrap(), Some(house.room));
    assert_eq!(texts(&house.items().await), ["second", "first"], "tried again after what was said since");
    assert_eq!(house.store.discard(first.txn).await.unwrap(), None, "it is on its way");
    house.store.refused(first.txn, ErrorCode::Forbidden).await.unwrap();
    assert_eq!(house.store.discard(first.txn).await.unwrap(), Some(house.room));
    assert_eq!(texts(&house.items().await), ["second"]);
}

#[tokio::test]
async fn history_joins_the_live_part_and_says_what_is_missing() {
    let house = house(10).await;
    house.apply([house.says(11, "live")]).await;
    let page = house.page(None, 10).await;
    assert_eq!((texts(&page.items), page.at_start), (vec!["live".to_owned()], false));
    assert_eq!(page.missing_before, Some(Missing::Below(11)));
    let events = [8, 9, 10].map(|seq| house.says(seq, &seq.to_string())).to_vec();
    house.store.keep_history(house.room, Some(11), &HistoryPage { events, at_start: false }).await.unwrap();
    let page = house.page(None, 10).await;
    assert_eq!(texts(&page.items), ["8", "9", "10", "live"]);
    assert_eq!(page.missing_before, Some(Missing::Below(8)));
    assert_eq!(house.page(None, 2).await.missing_before, None, "a full page misses nothing");
    assert_eq!(texts(&house.page(Some(10), 1).await.items), ["9"]);
    house
        .store
        .keep_history(house.room, Some(8), &HistoryPage { events: vec![], at_start: true })
        .await
        .unwrap();
    let page = house.page(None, 10).await;
    assert_eq!((page.items.len(), page.at_start, page.missing_before), (4, true, None));
    let all = Stretch { low: 0, high: None };
    assert_eq!(house.store.stretch(house.room, None).await.unwrap(), Some(all));
}

#[tokio::test]
async fn what_happened_while_one_was_out_is_not_claimed_to_be_known() {
    let house = house(0).await;
    house.apply([house.says(1, "before")]).await;
    let change = |membership, seq| {
        let change = MemberChange {
            room: house.room,
            user: house.me.user,
            membership,
            role: RoomRole::Member,
            by: house.other,
        };
        house.event(seq, kind::ROOM_MEMBER, house.other, Content::json(&change))
    };
    let applied = house.apply([change(Membership::Kicked, 2)]).await;
    assert!(!applied.fetch_rooms);
    assert!(house.store.rooms(house.me, &Moment::default()).await.unwrap().is_empty());
    let applied = house.apply([change(Membership::Joined, 9)]).await;
    assert!(applied.fetch_rooms, "the room must be asked for");
    assert!(!house.store.account().await.unwrap().unwrap().synced, "even if the program ends now");
    let room = room_of((house.room, house.me.user, house.other), 9, 0);
    house.store.keep_everything(house.me, &[], &[room]).await.unwrap();
    house.apply([house.says(10, "after")]).await;
    let page = house.page(None, 10).await;
    assert_eq!(
        (texts(&page.items), page.missing_before),
        (vec!["after".to_owned()], Some(Missing::Below(10)))
    );
}

#[tokio::test]
async fn unread_counts_others_messages_after_the_marker() {
    let house = house(0).await;
    let mut called = house.says(3, "@me");
    called.mentions = vec![house.me.user];
    house.apply([house.says(1, "a"), house.says(2, "b"), called]).await;
    assert_eq!(house.unread().await, (3, true));
    assert!(house.store.mark_read(house.room, 2).await.unwrap());
    assert_eq!(house.unread().await, (1, true));
    assert!(!house.store.mark_read(house.room, 1).await.unwrap(), "a marker only moves forward");
    assert_eq!(house.store.untold_markers().await.unwrap(), [(house.room, 2)]);
    house.store.marker_told(house.room, 2).await.unwrap();
    assert_eq!(house.store.untold_markers().await.unwrap(), []);
    assert!(house.store.mark_read(house.room, u64::MAX).await.unwrap());
    house.apply([house.says(4, "c")]).await;
    assert_eq!(house.unread().await, (1, false), "a marker from the future is one at the newest event");
    let mut deletion = house.event(5, kind::DELETE, house.other, Content::default());
    deletion.target = Some(4);
    house.apply([deletion]).await;
    assert_eq!(house.unread().await, (0, false));
}

#[tokio::test]
async fn edits_and_deletions_fold_in_whichever_comes_first() {
    for late_history in [false, true] {
        let house = house(if late_history { 10 } else { 0 }).await;
        let words = |text: &str| Content::json(&Message { body: text.into() });
        let mut edit = house.event(12, kind::EDIT, house.other, words("now"));
        edit.target = Some(1);
        let mut foreign = house.event(13, kind::EDIT, house.me.user, words("forged"));
        foreign.target = Some(1);
        let mut deletion = house.event(14, kind::DELETE, house.other, Content::default());
        deletion.target = Some(2);
        let (first, second) = (house.says(1, "was"), house.says(2, "secret"));
        if late_history {
            house.apply([edit, foreign, deletion]).await;
            let second = Event { content: Content::default(), ..second };
            let page = HistoryPage { events: vec![first, second], at_start: true };
            house.store.keep_history(house.room, Some(11), &page).await.unwrap();
        } else {
            house.apply([first, second.clone(), edit, foreign, deletion]).await;
            // A page that was on its way while the deletion came.
            let page = HistoryPage { events: vec![second], at_start: false };
            house.store.keep_history(house.room, Some(3), &page).await.unwrap();
        }
        assert_eq!(texts(&house.items().await), ["now", "Deleted"]);
    }
}

#[tokio::test]
async fn a_ring_shows_how_it_ended_and_whether_it_was_missed() {
    let house = house(0).await;
    let ring = |seq, call| {
        let ring = house.event(seq, kind::CALL_RING, house.other, Content::json(&Ring { call, video: true }));
        Event { expires_in_ms: Some(45_000), ..ring }
    };
    let end = |seq, kind, call, reason, duration_ms| {
        house.event(seq, kind, house.other, Content::json(&RingEnd { call, reason, duration_ms }))
    };
    let calls: Vec<CallId> = (0..4).map(|_| CallId::random()).collect();
    house
        .apply([
            ring(1, calls[0]),
            end(2, kind::CALL_CANCEL, calls[0], RingEndReason::Cancelled, None),
            ring(3, calls[1]),
            end(4, kind::CALL_DECLINE, calls[1], RingEndReason::Declined, None),
            end(5, kind::CALL_END, calls[1], RingEndReason::HungUp, Some(61_000)),
            ring(6, calls[2]),
            ring(7, calls[3]),
        ])
        .await;
    house.store.keep_joined_call(calls[2]).await.unwrap();
    let seen = |items: Vec<TimelineItem>| -> Vec<_> {
        let fields = |item: TimelineItem| match item.body {
            ItemBody::Call { ended, duration_ms, missed, .. } => (ended, duration_ms, missed),
            other => panic!("{other:?}"),
        };
        items.into_iter().map(fields).collect()
    };
    let early = seen(house.items().await);
    assert_eq!(early[0], (Some(RingEndReason::Cancelled), None, true));
    assert_eq!(early[1], (Some(RingEndReason::HungUp), Some(61_000), false));
    assert_eq!((early[2], early[3]), ((None, None, false), (None, None, false)));
    let late = UnixMillis(60_000);
    let page = house.store.timeline(house.me, house.room, None, 9, late, Some(calls[3])).await.unwrap();
    let ongoing = seen(page.items);
    assert_eq!(ongoing[3], (None, None, false), "it goes on");
    let page = house.store.timeline(house.me, house.room, None, 9, late, None).await.unwrap();
    let over = seen(page.items);
    assert_eq!(over[2], (Some(RingEndReason::TimedOut), None, false), "this device was in it");
    assert_eq!(over[3], (Some(RingEndReason::TimedOut), None, true));
}

#[tokio::test]
async fn rubbish_of_the_server_is_kept_or_left_out_but_stops_nothing() {
    let house = house(0).await;
    let odd = [
        house.event(1, kind::MESSAGE, house.other, Content(b"{\"body\":7}".to_vec())),
        house.event(2, kind::ROOM_MEMBER, house.other, Content(vec![0xff])),
        house.event(3, kind::ROOM_UPDATE, house.other, Content::default()),
        house.event(4, "poll.new", house.other, Content(vec![1, 2, 3])),
        house.event(5, kind::CALL_RING, house.other, Content(b"[]".to_vec())),
        house.event(u64::MAX, kind::MESSAGE, house.other, Content::default()),
        house.says(6, "still here"),
    ];
    house.apply(odd).await;
    let items = house.items().await;
    assert_eq!(items.len(), 6);
    assert_eq!(texts(&items)[5], "still here");
    assert!(items[..5].iter().all(|item| item.body == ItemBody::Unsupported));
}

#[tokio::test]
async fn another_log_replaces_the_old_one_and_the_outbox_stays() {
    let house = house(0).await;
    house.apply([house.says(1, "of the old log")]).await;
    house.store.mark_read(house.room, 1).await.unwrap();
    house.store.enqueue(house.room, &house.draft("unsent")).await.unwrap();
    house.store.gap("h.3").await.unwrap();
    let account = house.store.account().await.unwrap().unwrap();
    assert_eq!((account.cursor.as_str(), account.synced), ("h.3", false));
    let room = room_of((house.room, house.me.user, house.other), 3, 2);
    house.store.keep_everything(house.me, &[], &[room]).await.unwrap();
    assert_eq!(texts(&house.items().await), ["unsent"]);
    assert_eq!(house.page(None, 9).await.read_up_to, 2);
}

#[tokio::test]
async fn signing_out_leaves_preferences_and_nothing_else() {
    let house = house(0).await;
    house.apply([house.says(1, "a rather unusual sentence")]).await;
    house.store.keep_preference("camera", &"pattern").await.unwrap();
    house.store.wipe().await.unwrap();
    assert!(house.store.account().await.unwrap().is_none());
    assert_eq!(house.store.preference::<String>("camera").await.unwrap().as_deref(), Some("pattern"));
    house.store.close().await;
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(16).any(|window| window == b"rather unusual s"),
            "it can still be read in the file"
        );
    }
}

#[tokio::test]
async fn a_damaged_file_is_said_to_be_and_can_be_set_aside() {
    let house = house(0).await;
    let many = (1..400).map(|seq| house.says(seq, &"words ".repeat(20)));
    house.apply(many).await;
    house.store.close().await;
    let path = house.folder.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length - 4096].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let config = config(house.folder.path());
    assert_eq!(Store::open(&config).await.unwrap_err().code, "store_damaged");
    std::fs::write(&path, "not a database, whatever its name says, and long enough to look at").unwrap();
    assert_eq!(Store::open(&config).await.unwrap_err().code, "store_damaged");
    assert!(Store::set_aside(house.folder.path()).unwrap().exists());
    assert!(Store::open(&config).await.unwrap().account().await.unwrap().is_none());
}

#[tokio::test]
async fn a_full_disk_is_said_and_what_was_there_stays() {
    let house = house(0).await;
    house.apply([house.says(1, "kept")]).await;
    house.store.close().await;
    let limited = ClientConfig { max_store_bytes: Some(256 * 1024), ..config(house.folder.path()) };
    let full = House { store: Store::open(&limited).await.unwrap(), ..house };
    let mut sent = Vec::new();
    let problem = loop {
        let draft = full.draft(&"x".repeat(20_000));
        match full.store.enqueue(full.room, &draft).await {
            Ok(()) => sent.push(draft.txn),
            Err(problem) => break problem,
        }
        assert!(sent.len() < 100);
    };
    assert_eq!(problem.code, "disk_full");
    let cursor = full.store.account().await.unwrap().unwrap().cursor;
    let event = full.says(2, &"y".repeat(60_000));
    let received = [Received { cursor: "g.2".into(), event: Some(event.clone()) }];
    assert_eq!(full.store.apply(full.me, &received).await.unwrap_err().code, "disk_full");
    assert_eq!(full.store.account().await.unwrap().unwrap().cursor, cursor, "the cursor waits for its event");
    full.store.close().await;
    let roomy = House { store: Store::open(&config(full.folder.path())).await.unwrap(), ..full };
    roomy.apply([event]).await;
    let items = roomy.items().await;
    assert_eq!(
        items.len(),
        2 + sent.len(),
        "everything that was taken is there, and what was refused is not"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Live(u64),
    Page { before: u64, length: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1u64..4).prop_map(Step::Live),
        (1u64..60, 1u64..12).prop_map(|(before, length)| Step::Page { before, length }),
    ];
    proptest::collection::vec(step, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However live events and pages interleave: what is shown has no hole in it, and asking on always leads to the start.
    #[test]
    fn a_timeline_never_has_a_hole(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house(20).await;
            let mut newest = 20;
            for step in steps {
                match step {
                    Step::Live(count) => {
                        house.apply((newest + 1..=newest + count).map(|seq| house.says(seq, &seq.to_string()))).await;
                        newest += count;
                    }
                    Step::Page { before, length } => {
                        let before = before.min(newest + 1);
                        let from = before.saturating_sub(length).max(1);
                        let events = (from..before).map(|seq| house.says(seq, &seq.to_string())).collect();
                        let page = HistoryPage { events, at_start: from == 1 };
                        house.store.keep_history(house.room, Some(before), &page).await.unwrap();
                    }
                }
                let shown: Vec<u64> = house.items().await.iter().filter_map(|item| item.seq).collect();
                assert!(shown.windows(2).all(|pair| pair[1] == pair[0] + 1), "{shown:?}");
                assert_eq!(shown.last().copied().unwrap_or(newest), newest);
            }
            let mut asked = 0;
            while let Some(missing) = house.page(None, 500).await.missing_before {
                let Missing::Below(before) = missing else { panic!("{missing:?}") };
                let from = before.saturating_sub(7).max(1);
                let events = (from..before).map(|seq| house.says(seq, &seq.to_string())).collect();
                let page = HistoryPage { events, at_start: from == 1 };
                house.store.keep_history(house.room, Some(before), &page).await.unwrap();
                asked += 1;
                assert!(asked < 20, "asking does not get on");
            }
            assert_eq!(house.items().await.len() as u64, newest);
        });
    }
}
