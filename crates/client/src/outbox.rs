//! Delivers what is in the outbox, one after the other.
//!
//! One request at a time and in the order of writing: that keeps each room's order without keeping a queue per room, and a person does not
//! write faster than a server answers. What cannot be sent now waits for a connection; what the server refuses for good is marked as failed
//! and lets the next one pass. Every request can be repeated, because its transaction id makes the server give the first answer again.

use crate::core::Core;
use crate::net::{Backoff, Failure, Http, api};
use crate::store::{Me, Pending};
use crate::view::{Connection, Problem, Update};
use snug_protocol::event::kind;
use snug_protocol::{ErrorCode, RoomId};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// After a failure; the event stream's return ends any wait.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long closing waits for what was just written, such as the end of a call.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Delivers until it is dropped.
pub(crate) struct Delivery {
    task: AbortOnDropHandle<()>,
    courier: Courier,
}

#[derive(Clone)]
struct Courier {
    core: Arc<Core>,
    me: Me,
    http: Http,
}

/// Why delivery pauses.
enum Pause {
    /// Nothing is left to do.
    Empty,
    /// Not reached, or the server cannot now.
    Failed,
    /// Told to come again then.
    For(Duration),
}

impl Delivery {
    /// Begins.
    pub(crate) fn start(core: Arc<Core>, me: Me, http: Http) -> Self {
        let courier = Courier { core, me, http };
        Self { task: AbortOnDropHandle::new(tokio::spawn(courier.clone().run())), courier }
    }

    /// Ends it, after what waits had a last moment to be sent, and returns when it has ended.
    pub(crate) async fn end(self) {
        self.task.abort();
        // Cancelled, as it was asked to be.
        let _ = self.task.await;
        if self.courier.core.connection() == Connection::Online {
            let mut backoff = Backoff::new(FIRST_WAIT);
            let last = self.courier.deliver_all(&mut backoff);
            // What is not sent now is sent at the next start.
            let _ = tokio::time::timeout(LAST_MOMENT, last).await;
        }
    }
}

impl Courier {
    async fn run(self) {
        let mut backoff = Backoff::new(FIRST_WAIT);
        loop {
            let pause = match self.deliver_all(&mut backoff).await {
                Ok(pause) => pause,
                Err(problem) => {
                    self.core.updates.problem(problem);
                    Pause::Failed
                }
            };
            let wait = match pause {
                Pause::Empty => None,
                Pause::Failed => Some(backoff.failed(rand::random())),
                Pause::For(wait) => Some(wait.min(LONGEST_PAUSE)),
            };
            let kicked = self.core.outbox.notified();
            match wait {
                None => kicked.await,
                // A pause that the server asked for is not cut short by somebody writing more.
                Some(wait) if matches!(pause, Pause::For(_)) => tokio::time::sleep(wait).await,
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, kicked).await;
                }
            }
        }
    }

    /// Delivers until there is nothing left or something is in the way.
    async fn deliver_all(&self, backoff: &mut Backoff) -> Result<Pause, Problem> {
        while let Some(pending) = self.core.store.next_pending().await? {
            match api::send(&self.http, pending.room, &pending.event).await {
                Ok(sent) => {
                    self.core.store.delivered(self.me, &pending, sent).await?;
                    backoff.reset();
                    self.tell(pending.room);
                }
                Err(failure) => match verdict(&failure) {
                    Verdict::Later(pause) => {
                        tracing::info!(%failure, "a message waits");
                        return Ok(pause);
                    }
                    Verdict::Never(code) => self.refused(&pending, code).await?,
                },
            }
        }
        for (room, seq) in self.core.store.untold_markers().await? {
            match api::read_up_to(&self.http, room, seq).await {
                Ok(()) => self.core.store.marker_told(room, seq).await?,
                Err(failure) => match verdict(&failure) {
                    Verdict::Later(pause) => return Ok(pause),
                    Verdict::Never(_) => self.core.store.marker_told(room, seq).await?,
                },
            }
        }
        Ok(Pause::Empty)
    }

    async fn refused(&self, pending: &Pending, code: ErrorCode) -> Result<(), Problem> {
        tracing::warn!(room = %pending.room, kind = pending.event.kind, %code, "the server refused an event");
        let txn = pending.event.txn;
        self.core.store.refused(txn, code).await?;
        if pending.event.kind != kind::MESSAGE {
            // Nobody sees it, so nobody could retry it: the end of a call in a room that one has left, for example.
            self.core.store.discard(txn).await?;
        }
        self.tell(pending.room);
        Ok(())
    }

    fn tell(&self, room: RoomId) {
        self.core.updates.send(Update::Timeline { room });
        self.core.updates.send(Update::Rooms);
    }
}

enum Verdict {
    Later(Pause),
    Never(ErrorCode),
}

/// Whether the same request may succeed later.
fn verdict(failure: &Failure) -> Verdict {
    let Failure::Refused { status, error } = failure else { return Verdict::Later(Pause::Failed) };
    match error.code {
        ErrorCode::RateLimited => {
            let wait = error.retry_after_ms.map_or(FIRST_WAIT, Duration::from_millis);
            Verdict::Later(Pause::For(wait))
        }
        // Signing in again may be what is needed; until then it stays.
        ErrorCode::Unauthorized | ErrorCode::Unavailable | ErrorCode::Internal => {
            Verdict::Later(Pause::Failed)
        }
        _ if *status >= 500 => Verdict::Later(Pause::Failed),
        code => Verdict::Never(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snug_protocol::ApiError;

    #[test]
    fn what_may_pass_later_waits_and_the_rest_fails() {
        let refused = |status, code| verdict(&Failure::Refused { status, error: ApiError::new(code, "") });
        assert!(matches!(refused(503, ErrorCode::Unavailable), Verdict::Later(Pause::Failed)));
        assert!(matches!(refused(429, ErrorCode::RateLimited), Verdict::Later(Pause::For(_))));
        assert!(matches!(refused(502, ErrorCode::Unknown), Verdict::Later(Pause::Failed)));
        assert!(matches!(refused(401, ErrorCode::Unauthorized), Verdict::Later(Pause::Failed)));
        assert!(matches!(refused(403, ErrorCode::Forbidden), Verdict::Never(ErrorCode::Forbidden)));
        assert!(matches!(refused(413, ErrorCode::TooLarge), Verdict::Never(ErrorCode::TooLarge)));
        assert!(matches!(verdict(&Failure::Nonsense("a login page".into())), Verdict::Later(Pause::Failed)));
    }
}
