//! The real binary: what it prints, how it ends, and what is left when it is killed.

use crate::support::{
    http::{Api, Target},
    socket::Socket,
    soon,
    space::{Person, account, message, text},
};
use futures_util::future::join_all;
use snug_protocol::{
    account::{Session, Setup},
    event::{NewEvent, Sent},
    invitation::InvitationLink,
    room::HistoryVisibility,
    signal::close,
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snug-server"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// A server in a process of its own.
struct Process {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    addr: SocketAddr,
}

impl Process {
    async fn start(data: &Path, listen: &str) -> Self {
        // By the environment, as a service would.
        let mut child = command().env("SNUG_DATA", data).env("SNUG_LISTEN", listen).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = soon("its first line", out.next_line()).await.unwrap().expect("it ended at once");
        let addr = first.strip_prefix("Listening on ").expect("its first line").parse().unwrap();
        Self { child, out, addr }
    }

    /// The link that it prints while there is no owner, with the set-up code in it.
    async fn greeting(&mut self) -> InvitationLink {
        loop {
            let line = soon("its greeting", self.out.next_line()).await.unwrap().unwrap();
            if let Some(text) = line.strip_prefix("    ") {
                return text.parse().unwrap();
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args([format!("-{name}"), pid]).status().unwrap();
        assert!(sent.success());
    }

    async fn ended(&mut self) -> ExitStatus {
        soon("its end", self.child.wait()).await.unwrap()
    }
}

async fn owner_of(process: &mut Process) -> Person {
    let link = process.greeting().await;
    assert_eq!(link.addresses, [process.addr.to_string()]);
    let target = Target { addr: process.addr, pin: link.key_pin.unwrap() };
    let setup = Setup { code: link.code, space_name: None, account: account("owner") };
    let session: Session = Api::new(target, None).post("/setup", &setup).await.ok();
    Person::of(target, session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_writes_it_has_lost_nothing_that_it_acknowledged_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), "127.0.0.1:0").await;
    let owner = owner_of(&mut process).await;
    let room = owner.makes_room("hall", HistoryVisibility::Shared).await;
    let path = format!("/rooms/{room}/events");
    let listen = process.addr.to_string();
    let mut acknowledged: HashMap<String, Sent> = HashMap::new();
    let mut unanswered: Vec<NewEvent> = Vec::new();
    for life in 0..3 {
        let answered = AtomicUsize::new(0);
        let writers = join_all((0..4).map(async |writer| {
            let api = Api::new(owner.target, owner.token.clone());
            let mut connection = api.target.connect().await;
            let (mut done, mut open) = (Vec::new(), Vec::new());
            for number in 0.. {
                let new = message(&format!("{life} {writer} {number}"));
                let body = axum::body::Body::from(serde_json::to_vec(&new).unwrap());
                let request = api.request(hyper::Method::POST, &path).body(body).unwrap();
                let Ok(response) = connection.send_request(request).await else {
                    open.push(new);
                    break;
                };
                let bytes = axum::body::to_bytes(axum::body::Body::new(response.into_body()), 9999).await;
                match bytes.ok().and_then(|bytes| serde_json::from_slice::<Sent>(&bytes).ok()) {
                    Some(sent) => done.push((new, sent)),
                    None => {
                        open.push(new);
                        break;
                    }
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
            (done, open)
        }));
        let killing = async {
            soon("enough writes", async {
                while answered.load(Ordering::Relaxed) < 100 + 37 * life {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            process.signal("KILL");
        };
        let (results, ()) = tokio::join!(writers, killing);
        assert!(!process.ended().await.success());
        for (done, open) in results {
            for (new, sent) in done {
                acknowledged
                    .insert(new.content.parse::<snug_protocol::content::Message>().unwrap().body, sent);
            }
            unanswered.extend(open);
        }
        process = Process::start(dir.path(), &listen).await;
        // What had no answer is sent again, as a client's outbox would, twice for good measure.
        for new in &unanswered {
            let sent = owner.sends(room, new).await;
            assert_eq!(owner.sends(room, new).await, sent);
            acknowledged.insert(new.content.parse::<snug_protocol::content::Message>().unwrap().body, sent);
        }
    }
    assert!(acknowledged.len() > 300);
    let history = owner.history(room).await;
    let stored: Vec<(String, u64)> =
        history.iter().filter(|e| e.kind == "message").map(|e| (text(e), e.seq)).collect();
    assert_eq!(stored.len(), acknowledged.len(), "something is there twice, or not at all");
    for (body, seq) in stored {
        assert_eq!(acknowledged[&body].seq, seq, "{body}");
    }
}

#[tokio::test]
async fn it_ends_by_sigterm_as_one_that_comes_back_and_by_sigint_for_good() {
    for (name, code) in [("TERM", close::RESTARTING), ("INT", close::GOING_AWAY)] {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::start(dir.path(), "127.0.0.1:0").await;
        let owner = owner_of(&mut process).await;
        let mut socket = Socket::open(&owner).await;
        process.signal(name);
        assert_eq!(socket.close_code().await, Some(code));
        assert!(process.ended().await.success(), "{name}");
    }
}

#[tokio::test]
async fn a_second_one_on_the_same_folder_says_so_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Process::start(dir.path(), "127.0.0.1:0").await;
    let second =
        command().args(["--listen", "127.0.0.1:0", "--data"]).arg(dir.path()).stderr(Stdio::piped()).output();
    let second = soon("its end", second).await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another server is using"), "{said}");
}

#[tokio::test]
async fn its_help_names_every_variable_and_wrong_flags_are_told() {
    let help = command().arg("--help").output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in [
        "DATA",
        "LISTEN",
        "NAME",
        "PUBLIC_ADDRESS",
        "TLS_CERT",
        "TLS_KEY",
        "BEHIND_PROXY",
        "STUN_LISTEN",
        "ICE_SERVERS",
        "ALLOWED_ORIGINS",
        "RESTORED",
        "LOG",
    ] {
        assert!(help.contains(&format!("SNUG_{name}")), "{name} is not in the help");
    }
    let dir = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 5] = [
        &["--listen", "nowhere"],
        &["--tls-cert", "only-half.pem"],
        &["--stun-listen", "maybe"],
        &["--ice-server", "http://example.org"],
        &["--log", "snug=loud"],
    ];
    for flags in wrong {
        let run = command().arg("--data").arg(dir.path()).args(flags).stderr(Stdio::piped()).output();
        let run = soon("its end", run).await.unwrap();
        assert!(!run.status.success(), "{flags:?}");
        assert!(!run.stderr.is_empty(), "{flags:?}");
    }
}
