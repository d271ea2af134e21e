//! Server and client as processes of their own, killed in the middle of chat: nothing that was acknowledged is lost or doubled.
//!
//! The processes are this very test program, started again with a role in its environment. What a killed process had acknowledged is
//! what it had printed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use snug_client::Client;
use snug_protocol::RoomId;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use support::Person;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const ROLE: &str = "SNUG_TEST_ROLE";
const DATA: &str = "SNUG_TEST_DATA";
const EXTRA: &str = "SNUG_TEST_EXTRA";

/// A process with a role; killed when dropped.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, data: &Path, extra: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_with_a_role", "--ignored", "--nocapture", "--test-threads", "1"])
            .env(ROLE, role)
            .env(DATA, data)
            .env(EXTRA, extra)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The rest of the next line that begins with `word`; `None` when the process has ended.
    async fn line(&mut self, word: &str) -> Option<String> {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            // The test harness writes its own words without a newline before ours.
            if let Some((_, rest)) = line.split_once(word) {
                return Some(rest.trim().to_owned());
            }
        }
        None
    }

    /// SIGKILL: no goodbye, no flush. What it had printed until then.
    async fn kill(mut self, word: &str) -> Vec<String> {
        self.child.kill().await.unwrap();
        let mut printed = Vec::new();
        while let Some(rest) = self.line(word).await {
            printed.push(rest);
        }
        printed
    }
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

/// Not a test of its own: what [`Process`] runs.
#[tokio::test]
#[ignore = "a role for the test below"]
async fn a_process_with_a_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let data = std::env::var(DATA).unwrap();
    let extra = std::env::var(EXTRA).unwrap();
    match role.as_str() {
        "server" => serve(Path::new(&data), &extra).await,
        "client" => chatter(Path::new(&data), &extra).await,
        other => panic!("no role {other}"),
    }
}

async fn serve(data: &Path, address: &str) {
    let server =
        snug_server::Server::start(support::server_config(data, address.parse().unwrap())).await.unwrap();
    say(&format!("address {}", server.local_addr()));
    say(&format!("link {}", server.link()));
    say(&format!("code {}", server.setup_code().unwrap_or_default()));
    std::future::pending().await
}

/// Says numbers, each run with a name of its own, and prints each once it is acknowledged to whoever said it.
async fn chatter(data: &Path, extra: &str) {
    let (room, run) = extra.split_once(' ').unwrap();
    let room: RoomId = room.parse().unwrap();
    let (client, _updates) = Client::open(support::config(data)).await.unwrap();
    for number in 0u32.. {
        let text = format!("{run} {number}");
        client.send(room, &text).await.unwrap();
        say(&format!("said {text}"));
        // As fast as the disk, with a pause that lets the outbox and the stream interleave.
        if number % 8 == 7 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_server_and_client_are_killed() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start("server", data.path(), "127.0.0.1:0");
    let address = server.line("address ").await.unwrap();
    let link = server.line("link ").await.unwrap();
    let code = server.line("code ").await.unwrap();

    let ann = Person::new().await;
    ann.client.set_up(&link, &code, "Home", support::account("Ann"), false).await.unwrap();
    let room = ann.client.create_room("Kitchen", "").await.unwrap();
    let bob = Person::guest(&ann, room, "Bob", |link| link).await;
    bob.client.close().await;

    let mut acknowledged = Vec::new();
    for run in 0..4 {
        let mut client = Process::start("client", bob.folder.path(), &format!("{room} run{run}"));
        acknowledged.push(client.line("said ").await.unwrap());
        for _ in 0..40 {
            acknowledged.push(client.line("said ").await.unwrap());
        }
        if run % 2 == 0 {
            // The server first: the client goes on writing into its outbox, and is killed in the middle of that.
            server.kill("nothing").await;
            for _ in 0..20 {
                acknowledged.push(client.line("said ").await.unwrap());
            }
            acknowledged.extend(client.kill("said ").await);
            server = Process::start("server", data.path(), &address);
            server.line("address ").await.unwrap();
        } else {
            acknowledged.extend(client.kill("said ").await);
        }
    }

    // Opened once more, the outbox is delivered.
    let bob = Person::open(bob.folder.clone(), |config| config).await.unwrap();
    let all = |words: &[String]| acknowledged.iter().all(|said| words.contains(said));
    ann.until(|| async { all(&everything(&ann, room).await).then_some(()) }).await;
    bob.until(|| async { bob.items(room).await.iter().all(|item| item.seq.is_some()).then_some(()) }).await;

    let mut words = everything(&ann, room).await;
    let sent = words.len();
    // In the order in which each run said them, and none twice.
    let mut last: HashMap<String, i64> = HashMap::new();
    for text in &words {
        let (run, number) = text.split_once(' ').unwrap();
        let number: i64 = number.parse().unwrap();
        let before = last.insert(run.to_owned(), number).unwrap_or(-1);
        assert_eq!(number, before + 1, "{run}");
    }
    words.sort();
    words.dedup();
    assert_eq!(words.len(), sent, "none twice");
    // At most the one that was stored as the kill came is there without its line.
    assert!(sent >= acknowledged.len() && sent <= acknowledged.len() + 4, "{sent} of {}", acknowledged.len());
    let mut of_bob = everything(&bob, room).await;
    of_bob.sort();
    assert_eq!(of_bob, words, "the one who said it sees the same");
}

/// All words of a room, from its start.
async fn everything(person: &Person, room: RoomId) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    loop {
        let page = person.client.timeline(room, before, 500).await.unwrap();
        let texts = page.items.iter().filter_map(|item| match &item.body {
            snug_client::view::ItemBody::Text { text } => Some(text.clone()),
            _ => None,
        });
        words.splice(0..0, texts);
        before = page.items.iter().find_map(|item| item.seq);
        if page.at_start || before.is_none() {
            return words;
        }
    }
}
