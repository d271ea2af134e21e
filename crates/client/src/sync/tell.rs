//! From what came in to what the interface and the ringing are told.

use crate::core::{Core, now};
use crate::store::{Applied, Me, Notice};
use crate::view::Update;
use snug_protocol::room::RoomKind;
use std::collections::HashSet;

/// A message that is older than this when it comes is no news: it was said while this device was off.
const NEWS: i64 = 10 * 60 * 1000;

/// Longest text of a notification; the desktop shows less.
const MOST_CHARS: usize = 300;

/// Tells the interface what changed.
pub(super) async fn tell(core: &Core, me: Me, applied: &Applied, ahead_ms: i64) {
    for room in &applied.timelines {
        core.updates.send(Update::Timeline { room: *room });
    }
    for (changed, update) in
        [(applied.rooms, Update::Rooms), (applied.people, Update::People), (applied.account, Update::Account)]
    {
        if changed {
            core.updates.send(update);
        }
    }
    let mut told = HashSet::new();
    // One for each room, its newest: a burst is one piece of news.
    for notice in applied.notices.iter().rev() {
        if told.insert(notice.room) {
            notify(core, me, notice, ahead_ms).await;
        }
        core.set_typing(notice.room, notice.sender, false);
        core.tell_typing(notice.room).await;
    }
}

async fn notify(core: &Core, me: Me, notice: &Notice, ahead_ms: i64) {
    let attention = *core.attention.borrow();
    let seen = attention.focused && attention.room == Some(notice.room);
    let age = now().0.saturating_add(ahead_ms).saturating_sub(notice.at.0);
    if seen || age > NEWS || core.store.preferences().await.is_ok_and(|preferences| preferences.quiet) {
        return;
    }
    let sender = core.store.name_of(notice.sender).await.unwrap_or_default();
    let direct = matches!(core.store.room_place(notice.room).await, Ok(Some((RoomKind::Direct, _))));
    let title = if direct {
        sender
    } else {
        let room = core.store.room_name(me, notice.room).await.unwrap_or_default();
        format!("{sender} · {room}")
    };
    let body = notice.text.chars().take(MOST_CHARS).collect();
    core.updates.send(Update::Notify { room: notice.room, title, body });
}
