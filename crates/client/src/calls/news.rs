//! From the log's `call.*` events to what the ringing understands.

use crate::sync::CallNews;
use snug_call::session::{RingEvent, RingSays};
use snug_protocol::event::{Topic, kind};
use std::time::Duration;

/// The longest that a ring may be valid, whatever its event says; the server's own limit.
const LONGEST_RING: Duration = Duration::from_secs(120);

/// Reads an event; `None` when it is not one about ringing, or rubbish.
pub(super) fn ring_event(news: &CallNews) -> Option<RingEvent> {
    let CallNews { event, age } = news;
    let Topic::Room(room) = event.topic else { return None };
    let what = match event.kind.as_str() {
        kind::CALL_RING => {
            let expires_in = Duration::from_millis(event.expires_in_ms?).min(LONGEST_RING);
            RingSays::Rings { ring: event.content.parse().ok()?, expires_in }
        }
        kind::CALL_DECLINE => RingSays::Declines(event.content.parse().ok()?),
        kind::CALL_CANCEL => RingSays::Cancels(event.content.parse().ok()?),
        kind::CALL_END => RingSays::Ends(event.content.parse().ok()?),
        _ => return None,
    };
    Some(RingEvent { room, user: event.sender?, device: event.device?, age: *age, what })
}
