//! Server and clients killed (SIGKILL) in the middle of a conversation: what a client took into its keeping arrives, once, in order.

#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use snug_lab::call::{serving, start_person, start_space};
use snug_lab::peer::Remote;
use snug_lab::peer::messages::Order;
use snug_lab::process::{Program, Run};
use snug_protocol::RoomId;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(90);
/// Messages that are on their way when somebody is killed.
const BURST: usize = 12;

#[test]
#[ignore = "the body of the processes that the other test starts"]
fn lab_process() {
    snug_lab::cli::run_from_environment().unwrap();
}

struct House {
    run: Run,
    program: Program,
    home: PathBuf,
    port: u16,
}

impl House {
    async fn open_space(&self) -> Remote {
        let mut space = start_space(&self.run, &self.program, &self.home, self.port).unwrap();
        serving(&mut space).await.unwrap();
        space
    }

    fn person(&self, name: &str) -> Remote {
        let devices =
            [("camera", "pattern".to_owned()), ("mic", "none".to_owned()), ("speaker", "null".to_owned())];
        start_person(&self.run, &self.program, &self.home, name, &devices, None).unwrap()
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    text: String,
    sent: bool,
}

async fn texts(person: &mut Remote, room: RoomId) -> Vec<Said> {
    person.order(Order::Texts { room }, PATIENCE).await.unwrap()
}

/// Says a burst of things, and returns as soon as `answers` of them are taken; the others are still on their way.
async fn talk(person: &mut Remote, room: RoomId, round: usize, answers: usize, taken: &mut Vec<String>) {
    let mut asked = Vec::new();
    for number in 0..BURST {
        let text = format!("round {round}, number {number}");
        asked.push((person.ask(Order::Say { room, text: text.clone() }).await.unwrap(), text));
    }
    for (asked, text) in asked.into_iter().take(answers) {
        person.answer::<()>(asked, PATIENCE).await.unwrap();
        taken.push(text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_taken_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::this_test("lab_process").unwrap();
    let mut house = House { run: Run::new(), program, home: folder.path().to_owned(), port: 0 };
    let mut space = start_space(&house.run, &house.program, &house.home, 0).unwrap();
    let (link, code, port) = serving(&mut space).await.unwrap();
    house.port = port;

    let (mut ada, mut ben) = (house.person("ada"), house.person("ben"));
    ada.order::<()>(Order::SetUp { server: link, code: code.unwrap() }, PATIENCE).await.unwrap();
    let room: RoomId = ada.order(Order::CreateRoom { name: "Kills".into() }, PATIENCE).await.unwrap();
    let link: String = ada.order(Order::Invite { room }, PATIENCE).await.unwrap();
    ben.order::<()>(Order::Join { link }, PATIENCE).await.unwrap();
    ada.order::<()>(Order::AwaitCompany { room }, PATIENCE).await.unwrap();

    let mut taken = Vec::new();
    for (round, answers) in [1, BURST, 4, 7].into_iter().enumerate() {
        talk(&mut ada, room, round * 3, answers, &mut taken).await;
        space.kill().await.unwrap();
        // Said while there is no server at all.
        talk(&mut ada, room, round * 3 + 1, BURST, &mut taken).await;
        space = house.open_space().await;

        talk(&mut ada, room, round * 3 + 2, answers, &mut taken).await;
        ada.kill().await.unwrap();
        ada = house.person("ada");
        ben.kill().await.unwrap();
        ben = house.person("ben");
    }

    let deadline = Instant::now() + PATIENCE;
    for (who, person) in [("Ada", &mut ada), ("Ben", &mut ben)] {
        let seen = loop {
            let seen = texts(person, room).await;
            let arrived = |text: &String| seen.iter().any(|said| said.sent && said.text == *text);
            if taken.iter().all(arrived) && seen.iter().all(|said| said.sent) {
                break seen;
            }
            let missing: Vec<_> = taken.iter().filter(|text| !arrived(text)).collect();
            assert!(Instant::now() < deadline, "{who} has not got {missing:?}");
            sleep(Duration::from_millis(100)).await;
        };
        let texts: Vec<&str> = seen.iter().map(|said| said.text.as_str()).collect();
        let mut single = texts.clone();
        single.sort_unstable();
        single.dedup();
        assert_eq!(single.len(), texts.len(), "{who} has something twice: {texts:?}");
        let in_order: Vec<&str> =
            texts.into_iter().filter(|text| taken.iter().any(|taken| taken == text)).collect();
        assert_eq!(in_order, taken, "{who} has another order than it was said in");
    }
    ada.leave(PATIENCE).await.unwrap();
    ben.leave(PATIENCE).await.unwrap();
}
