//! Desktop notifications, and what happens when one is clicked.
//!
//! One for each room: a new message replaces the one before it, and reading the room takes it away. notify-rust and not Tauri's
//! plugin, because that one cannot tell that it was clicked. One task owns them all; each that is shown waits in a task of its own,
//! which ends with it.

#[cfg(test)]
mod desktop_tests;

use notify_rust::{Hint, Notification, NotificationResponse, Urgency};
use snug_protocol::RoomId;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// So many rooms can have one at a time; the oldest gives way. More than that nobody reads.
const MOST: usize = 8;
/// News that wait to be shown. When it is full the newest is left out: the room's unread mark shows it anyway.
const WAITING: usize = 32;
/// Servers cut long bodies in their own ways; this much is a glance.
const LONGEST_BODY: usize = 240;

/// What a notification is about. A room has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Messages in a room.
    Messages(RoomId),
    /// A call that rings in a room.
    Ring(RoomId),
}

impl About {
    fn room(self) -> RoomId {
        match self {
            Self::Messages(room) | Self::Ring(room) => room,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Job {
    Show { about: About, title: String, body: String, open: &'static str },
    Withdraw(About),
}

/// Shows notifications until it is dropped; then all disappear.
pub(crate) struct Notifications {
    /// Bounded by `WAITING`; the owner task reads.
    jobs: mpsc::Sender<Job>,
    _owner: AbortOnDropHandle<()>,
}

impl Notifications {
    /// `clicked` is called with the room of a notification that was clicked. Must be called inside a tokio runtime.
    pub(crate) fn start(clicked: impl Fn(RoomId) + Send + Sync + 'static) -> Notifications {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let owner = tokio::spawn(own(waiting, Arc::new(clicked)));
        Notifications { jobs, _owner: AbortOnDropHandle::new(owner) }
    }

    /// Shows one; `open` labels its button.
    pub(crate) fn show(&self, about: About, title: String, body: String, open: &'static str) {
        self.send(Job::Show { about, title, body, open });
    }

    /// Takes one away, if it is there.
    pub(crate) fn withdraw(&self, about: About) {
        self.send(Job::Withdraw(about));
    }

    fn send(&self, job: Job) {
        if let Err(error) = self.jobs.try_send(job) {
            tracing::debug!(%error, "left a notification out");
        }
    }
}

type Clicked = dyn Fn(RoomId) + Send + Sync;

/// One that is on the screen; dropping `_withdraw` takes it away.
struct Shown {
    about: About,
    _withdraw: oneshot::Sender<()>,
}

async fn own(mut jobs: mpsc::Receiver<Job>, clicked: Arc<Clicked>) {
    let mut shown: VecDeque<Shown> = VecDeque::new();
    let markup = tokio::task::spawn_blocking(server_reads_markup).await.unwrap_or(false);
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Withdraw(about) => shown.retain(|one| one.about != about),
            Job::Show { about, title, body, open } => {
                shown.retain(|one| one.about != about);
                if shown.len() >= MOST {
                    shown.pop_front();
                }
                let (withdraw, withdrawn) = oneshot::channel();
                shown.push_back(Shown { about, _withdraw: withdraw });
                let body = if markup { escape(&glance(&body)) } else { glance(&body) };
                tokio::spawn(wait(
                    build(about, &title, &body, open),
                    about.room(),
                    clicked.clone(),
                    withdrawn,
                ));
            }
        }
    }
}

fn build(about: About, title: &str, body: &str, open: &str) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Snug")
        .summary(title)
        .body(body)
        .icon("snug")
        .action("default", open)
        .action("open", open);
    match about {
        About::Ring(_) => {
            notification.urgency(Urgency::Critical).hint(Hint::Category("call.incoming".into()))
        }
        About::Messages(_) => notification.hint(Hint::Category("im.received".into())),
    };
    // The interface has the sound of a ring; messages are silent.
    notification.hint(Hint::SuppressSound(true)).finalize()
}

/// Shows one and waits until it is clicked, closed or withdrawn.
async fn wait(
    notification: Notification,
    room: RoomId,
    clicked: Arc<Clicked>,
    withdrawn: oneshot::Receiver<()>,
) {
    let handle = match notification.show_async().await {
        Ok(handle) => handle,
        Err(error) => {
            tracing::info!(%error, "this session shows no notifications");
            return;
        }
    };
    let mut opens = false;
    tokio::select! {
        () = handle.wait_for_action_async(|response: &NotificationResponse| {
            opens = !matches!(response, NotificationResponse::Closed(_));
        }) => {}
        _ = withdrawn => handle.close_async().await,
    }
    if opens {
        clicked(room);
    }
}

/// Whether the session's notifications read a body as markup, so that what people write must be escaped.
fn server_reads_markup() -> bool {
    notify_rust::get_capabilities().is_ok_and(|all| all.iter().any(|one| one == "body-markup"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The beginning of a text, in whole characters.
fn glance(text: &str) -> String {
    match text.char_indices().nth(LONGEST_BODY) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_no_markup() {
        assert_eq!(escape("<b>Tom & Anna</b>"), "&lt;b&gt;Tom &amp; Anna&lt;/b&gt;");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(glance("短"), "短");
        let cut = glance(&"短".repeat(1000));
        assert_eq!(cut.chars().count(), LONGEST_BODY + 1);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_ring_and_messages_of_one_room_are_two_notifications() {
        let room = RoomId::random();
        assert_ne!(About::Ring(room), About::Messages(room));
        let ring = build(About::Ring(room), "Anna", "Incoming call", "Open");
        assert!(ring.hints.contains(&Hint::Urgency(Urgency::Critical)));
    }
}
