//! The one task that owns the hub: inputs in, decisions out to the connections' queues.
//!
//! It never waits for a connection. A queue that is full means a client that does not read, and that client is closed as too slow;
//! the others hear nothing of it.

use super::{CallLook, ConnectionId, GuestPass, Hub, Identity, hub::Output};
use crate::{guests::Decision, log::Membership, presence::Presence};
use axum::extract::ws::Utf8Bytes;
use snug_protocol::{
    CallId, DeviceId, GuestLinkId,
    signal::{ClientSignal, close},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

/// From the connections to the hub.
pub(crate) enum Input {
    /// A device connected.
    Connected {
        connection: ConnectionId,
        who: Identity,
        /// What the device is let in with, if it is a guest's.
        guest: Option<GuestPass>,
        /// Signals as JSON. Bounded; the socket's task reads it.
        queue: mpsc::Sender<Utf8Bytes>,
        /// The code to close with.
        close: oneshot::Sender<u16>,
    },
    /// It is gone.
    Disconnected { connection: ConnectionId, device: DeviceId },
    /// It sent a signal.
    Signal { connection: ConnectionId, device: DeviceId, signal: ClientSignal },
    /// Its session ended.
    SignedOut { device: DeviceId },
    /// Somebody asks who is in a call.
    Look { call: CallId, reply: oneshot::Sender<CallLook> },
    /// Somebody asks whether a guest was let in.
    IsAdmitted { device: DeviceId, reply: oneshot::Sender<bool> },
    /// A guest link was revoked or has expired.
    GuestLinkOver { link: GuestLinkId },
    /// A call has been empty for so long that its guests are nobody's any more.
    GuestCallOver { call: CallId },
    /// Time to look for guests without a host. Answers the calls that somebody is in.
    TidyGuests { reply: oneshot::Sender<HashSet<CallId>> },
}

struct Link {
    device: DeviceId,
    queue: mpsc::Sender<Utf8Bytes>,
    close: oneshot::Sender<u16>,
}

/// The task's state.
pub(crate) struct Exchange {
    pub(crate) hub: Hub,
    pub(crate) presence: Arc<Presence>,
    /// From the sockets' tasks; when it is full they read no further.
    pub(crate) inputs: mpsc::Receiver<Input>,
    /// From the log's writer, before it answers the write.
    pub(crate) members: mpsc::Receiver<Membership>,
    /// To the task that writes them down. When it is full, which takes a database that stands still, they are lost to the next start.
    pub(crate) decisions: mpsc::Sender<Decision>,
}

impl Exchange {
    /// Runs until `stopping`, and closes every connection with `code` then.
    pub(crate) async fn run(mut self, stopping: CancellationToken, code: impl FnOnce() -> u16) {
        let mut links: HashMap<ConnectionId, Link> = HashMap::new();
        loop {
            let deadline = self.hub.deadline();
            // Memberships first: whoever was told that they are in a room may rely on it with their next signal.
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(change) = self.members.recv() => self.hub.membership(change),
                () = self.presence.changed() => self.hub.streams(Instant::now(), &self.presence.available()),
                () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => {
                    self.hub.tick(Instant::now());
                }
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input, &mut links),
                    None => break,
                },
            }
            self.carry_out(&mut links);
        }
        let code = code();
        for link in links.into_values() {
            // A socket that has ended in the meantime needs no code.
            let _ = link.close.send(code);
        }
    }

    fn take(&mut self, input: Input, links: &mut HashMap<ConnectionId, Link>) {
        match input {
            Input::Connected { connection, who, guest, queue, close } => {
                links.insert(connection, Link { device: who.device, queue, close });
                match guest {
                    Some(pass) => self.hub.guest_connected(Instant::now(), connection, who, pass),
                    None => self.hub.connected(Instant::now(), connection, who),
                }
            }
            Input::Disconnected { connection, device } => {
                links.remove(&connection);
                self.hub.disconnected(Instant::now(), connection, device);
            }
            Input::Signal { connection, device, signal } => self.hub.signal(connection, device, signal),
            Input::SignedOut { device } => self.hub.signed_out(device),
            // One who asked and went needs no answer.
            Input::Look { call, reply } => drop(reply.send(self.hub.look(call))),
            Input::IsAdmitted { device, reply } => drop(reply.send(self.hub.is_admitted(device))),
            Input::GuestLinkOver { link } => self.hub.guest_link_over(link),
            Input::GuestCallOver { call } => self.hub.guest_call_over(call),
            Input::TidyGuests { reply } => drop(reply.send(self.hub.tidy_guests())),
        }
    }

    /// Does what the hub decided; dropping a slow connection can make it decide more.
    fn carry_out(&mut self, links: &mut HashMap<ConnectionId, Link>) {
        loop {
            let outputs = self.hub.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Close(connection, code) => {
                        if let Some(link) = links.remove(&connection) {
                            let _ = link.close.send(code);
                        }
                    }
                    Output::Decide(decision) => {
                        if self.decisions.try_send(decision).is_err() {
                            tracing::error!(?decision, "what became of a guest will not outlast this server");
                        }
                    }
                    Output::Send(to, signal) => {
                        let json = serde_json::to_string(&signal).expect("a signal has string keys");
                        let json = Utf8Bytes::from(json);
                        for connection in to {
                            let Some(link) = links.get(&connection) else { continue };
                            if link.queue.try_send(json.clone()).is_err()
                                && let Some(link) = links.remove(&connection)
                            {
                                let _ = link.close.send(close::TOO_SLOW);
                                self.hub.disconnected(Instant::now(), connection, link.device);
                            }
                        }
                    }
                }
            }
        }
    }
}
