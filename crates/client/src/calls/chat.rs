//! What is said in writing during a call. Between the devices that are in it and nobody else: not stored here either, so it ends with
//! the call.

use crate::view::ChatLine;
use snug_protocol::{DeviceId, TxnId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Lines that are kept. More than anybody scrolls back during a call, and a bound on what a flood costs.
const LINES: usize = 500;

/// Ids of one device that are remembered to leave out what it repeats.
const IDS: usize = 1_000;

/// The lines so far, and whose ids they had.
#[derive(Default)]
pub(super) struct Chat {
    lines: VecDeque<ChatLine>,
    ids: BTreeMap<DeviceId, BTreeSet<TxnId>>,
}

impl Chat {
    /// Adds a line that `device` said. False when it said the same before.
    pub(super) fn add(&mut self, device: DeviceId, line: ChatLine) -> bool {
        let ids = self.ids.entry(device).or_default();
        if ids.len() >= IDS {
            ids.clear();
        }
        if !ids.insert(line.id) {
            return false;
        }
        if self.lines.len() >= LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        true
    }

    /// All of them, oldest first.
    pub(super) fn lines(&self) -> Vec<ChatLine> {
        self.lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snug_protocol::UnixMillis;

    fn line(id: TxnId) -> ChatLine {
        ChatLine { id, name: "Ana".into(), own: false, guest: true, at: UnixMillis(1), text: "hello".into() }
    }

    #[test]
    fn what_a_device_repeats_is_left_out_and_another_device_is_not_taken_for_it() {
        let (mut chat, ana, bo, id) =
            (Chat::default(), DeviceId::random(), DeviceId::random(), TxnId::random());
        assert!(chat.add(ana, line(id)));
        assert!(!chat.add(ana, line(id)));
        assert!(chat.add(bo, line(id)));
        assert_eq!(chat.lines().len(), 2);
    }

    #[test]
    fn a_flood_costs_no_more_than_the_newest_lines() {
        let (mut chat, ana) = (Chat::default(), DeviceId::random());
        let last = TxnId::random();
        for _ in 0..3 * IDS {
            chat.add(ana, line(TxnId::random()));
        }
        chat.add(ana, line(last));
        assert_eq!(chat.lines().len(), LINES);
        assert_eq!(chat.lines().last().map(|line| line.id), Some(last));
        assert!(chat.ids[&ana].len() <= IDS);
    }
}
