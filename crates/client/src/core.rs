//! What the parts of a client share: the store, the way to the interface, and what is true only at this moment.
//!
//! Not a place for logic, and not for anything durable: the moment is lost at every start, and told anew by the signal socket.

use crate::client::Attention;
use crate::config::ClientConfig;
use crate::store::{Moment, Store};
use crate::updates::UpdateSender;
use crate::view::{Connection, OngoingCall, Update};
use snug_protocol::{CallId, RoomId, UnixMillis, UserId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, watch};

/// How long somebody types after they were last said to: their client says it every few seconds.
const TYPING_LASTS: Duration = Duration::from_secs(7);

/// Entries that a server may make us remember of the moment: more than any space of ours has people.
const MOST: usize = 10_000;

pub(crate) struct Core {
    pub config: ClientConfig,
    pub store: Store,
    pub updates: UpdateSender,
    /// Counts up when every connection is to be made anew, now.
    pub kicks: watch::Sender<u64>,
    /// This computer's addresses; empty until they changed once.
    pub addresses: watch::Sender<Arc<[IpAddr]>>,
    /// There is something in the outbox, or a way to send it.
    pub outbox: Notify,
    pub attention: watch::Sender<Attention>,
    /// Held for moments, never across an await.
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    connection: Option<Connection>,
    seen_key: Option<[u8; 32]>,
    moment: Moment,
    typing: HashMap<(RoomId, UserId), Instant>,
}

impl Core {
    pub(crate) fn new(config: ClientConfig, store: Store, updates: UpdateSender) -> Self {
        let attention = Attention { open: true, ..Attention::default() };
        Self {
            config,
            store,
            updates,
            kicks: watch::Sender::new(0),
            addresses: watch::Sender::new(Arc::from([])),
            outbox: Notify::new(),
            attention: watch::Sender::new(attention),
            live: Mutex::default(),
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects anew, now.
    pub(crate) fn kick(&self) {
        self.kicks.send_modify(|count| *count += 1);
        self.outbox.notify_one();
    }

    pub(crate) fn connection(&self) -> Connection {
        self.live().connection.clone().unwrap_or(Connection::Connecting)
    }

    pub(crate) fn set_connection(&self, connection: Connection) {
        let changed = self.live().connection.replace(connection.clone()).as_ref() != Some(&connection);
        if changed {
            self.updates.send(Update::Connection { connection });
        }
    }

    /// The key that came instead of the pinned one.
    pub(crate) fn seen_key(&self) -> Option<[u8; 32]> {
        self.live().seen_key
    }

    pub(crate) fn set_seen_key(&self, key: Option<[u8; 32]>) {
        self.live().seen_key = key;
    }

    /// Who is there and which calls go on.
    pub(crate) fn moment(&self) -> Moment {
        self.live().moment.clone()
    }

    pub(crate) fn ongoing_call(&self, room: RoomId) -> Option<OngoingCall> {
        self.live().moment.calls.get(&room).cloned()
    }

    /// Forgets the moment: the signal socket begins to tell it anew, or nobody is signed in.
    pub(crate) fn forget_moment(&self) {
        let typing = {
            let mut live = self.live();
            live.moment = Moment::default();
            std::mem::take(&mut live.typing)
        };
        for (room, _) in typing.into_keys() {
            self.updates.send(Update::Typing { room, names: Vec::new() });
        }
        self.updates.send(Update::Rooms);
        self.updates.send(Update::People);
    }

    pub(crate) fn set_available(&self, user: UserId, available: bool) {
        let changed = {
            let set = &mut self.live().moment.available;
            if available { set.len() < MOST && set.insert(user) } else { set.remove(&user) }
        };
        if changed {
            self.updates.send(Update::People);
            self.updates.send(Update::Rooms);
        }
    }

    pub(crate) fn set_call(&self, room: RoomId, call: CallId, people: Vec<UserId>, guests: Vec<String>) {
        {
            let calls = &mut self.live().moment.calls;
            if people.is_empty() && guests.is_empty() {
                calls.retain(|_, ongoing| ongoing.call != call);
            } else if calls.len() < MOST {
                calls.insert(room, OngoingCall { call, people, guests });
            }
        }
        self.updates.send(Update::Rooms);
    }

    /// Somebody types or stopped to; the room's update follows from [`typing_names`](Self::typing_names).
    pub(crate) fn set_typing(&self, room: RoomId, user: UserId, active: bool) {
        let mut live = self.live();
        if !active {
            live.typing.remove(&(room, user));
        } else if live.typing.len() < MOST {
            live.typing.insert((room, user), Instant::now() + TYPING_LASTS);
        }
    }

    /// Rooms in which somebody who was said to type has fallen silent.
    pub(crate) fn expire_typing(&self) -> Vec<RoomId> {
        let now = Instant::now();
        let mut rooms = Vec::new();
        self.live().typing.retain(|(room, _), until| {
            let types = *until > now;
            if !types && !rooms.contains(room) {
                rooms.push(*room);
            }
            types
        });
        rooms
    }

    /// Tells who types in a room now.
    pub(crate) async fn tell_typing(&self, room: RoomId) {
        let users: Vec<UserId> =
            self.live().typing.keys().filter(|(other, _)| *other == room).map(|(_, user)| *user).collect();
        let mut names = Vec::with_capacity(users.len());
        for user in users {
            names.extend(self.store.name_of(user).await.ok().filter(|name| !name.is_empty()));
        }
        names.sort();
        self.updates.send(Update::Typing { room, names });
    }
}

/// The wall clock.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
