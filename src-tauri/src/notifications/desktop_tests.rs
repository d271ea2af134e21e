//! Notifications against a desktop: a session bus of the test's own, with somebody on it who shows them.

#![allow(clippy::unwrap_used)]

use super::{About, Notifications};
use snug_protocol::RoomId;
use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;
use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

/// What the desktop was asked.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Show { id: u32, title: String, body: String },
    Close(u32),
}

struct Desktop {
    // Bounded; the test reads.
    asked: mpsc::Sender<Asked>,
    last: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned(), "body".to_owned(), "body-markup".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ["test", "test", "1", "1.2"].map(str::to_owned).into()
    }

    #[allow(clippy::too_many_arguments)]
    async fn notify(
        &mut self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.last += 1;
        assert!(actions.iter().any(|action| action == "default"), "a click can be told");
        self.asked.send(Asked::Show { id: self.last, title, body }).await.unwrap();
        self.last
    }

    async fn close_notification(&self, id: u32, #[zbus(signal_emitter)] desktop: SignalEmitter<'_>) {
        Self::notification_closed(&desktop, id, 3).await.unwrap();
        self.asked.send(Asked::Close(id)).await.unwrap();
    }

    #[zbus(signal)]
    async fn action_invoked(desktop: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(desktop: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

#[test]
fn a_click_opens_the_room_and_what_was_read_is_taken_away() {
    let inner = "notifications::desktop_tests::in_a_session_of_its_own";
    let ran = Command::new("dbus-run-session")
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", inner, "--ignored", "--nocapture"])
        .output()
        .expect("dbus-run-session is installed");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test]
#[ignore = "is run by the test above"]
async fn in_a_session_of_its_own() {
    const PATH: &str = "/org/freedesktop/Notifications";
    let (asked, mut asked_for) = mpsc::channel(16);
    let desktop = zbus::connection::Builder::session()
        .unwrap()
        .name("org.freedesktop.Notifications")
        .unwrap()
        .serve_at(PATH, Desktop { asked, last: 0 })
        .unwrap()
        .build()
        .await
        .unwrap();
    let signals = SignalEmitter::new(&desktop, PATH).unwrap();
    let (clicked, mut clicks) = mpsc::channel(4);
    let notifications = Notifications::start(move |room| clicked.try_send(room).unwrap());
    let mut next =
        async || tokio::time::timeout(Duration::from_secs(20), asked_for.recv()).await.unwrap().unwrap();

    let room = RoomId::random();
    let show = |title: &str| notifications.show(About::Messages(room), title.into(), "1 < 2".into(), "Open");
    show("Anna");
    assert_eq!(next().await, Asked::Show { id: 1, title: "Anna".into(), body: "1 &lt; 2".into() });

    // A newer message of the room takes the older one's place.
    show("Bert");
    let (one, other) = (next().await, next().await);
    let shown = Asked::Show { id: 2, title: "Bert".into(), body: "1 &lt; 2".into() };
    assert!(
        [&one, &other].contains(&&shown) && [&one, &other].contains(&&Asked::Close(1)),
        "{one:?}, {other:?}"
    );

    // Told again and again, since nothing says when the other side begins to listen.
    let opened = loop {
        Desktop::action_invoked(&signals, 2, "default").await.unwrap();
        match tokio::time::timeout(Duration::from_millis(100), clicks.recv()).await {
            Ok(opened) => break opened,
            Err(_) => continue,
        }
    };
    assert_eq!(opened, Some(room));

    // What was read elsewhere disappears, a ring of the same room stays.
    notifications.show(About::Ring(room), "Anna".into(), "Incoming call".into(), "Open");
    assert!(matches!(next().await, Asked::Show { id: 3, .. }));
    show("Anna");
    assert!(matches!(next().await, Asked::Show { id: 4, .. }));
    notifications.withdraw(About::Messages(room));
    assert_eq!(next().await, Asked::Close(4));
    notifications.withdraw(About::Ring(room));
    assert_eq!(next().await, Asked::Close(3));
}
