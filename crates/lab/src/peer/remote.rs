//! A peer or a server as its starter sees it: a process that takes orders and tells what happens.

use super::messages::{Happening, Line, Numbered, Order};
use crate::net::Namespace;
use crate::process::{Program, Run};
use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// What was said and not yet asked for. A peer that tells more than this in the time in which its starter does something else waits.
const MAX_LINES: usize = 256;
/// Lines of a log that an error carries.
const LAST_WORDS: usize = 25;

/// A process that speaks [`Line`]s; killed when this is dropped.
#[derive(Debug)]
pub struct Remote {
    name: String,
    child: Child,
    orders: ChildStdin,
    /// Filled by the task that reads the process's output, which ends with that.
    lines: mpsc::Receiver<Line>,
    log: PathBuf,
    happened: VecDeque<Happening>,
    answers: HashMap<u64, Result<serde_json::Value, String>>,
    next_id: u64,
}

/// What a process was asked and has not answered yet.
#[derive(Clone, Copy, Debug)]
pub struct Asked(u64);

impl Remote {
    /// Starts `program` with these arguments, inside a namespace if one is named; what it logs goes to `NAME.log` in `folder`.
    pub fn start(
        run: &Run,
        program: &Program,
        name: &str,
        arguments: &[String],
        folder: &Path,
        namespace: Option<&Namespace>,
    ) -> Result<Remote> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = program.command(run, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output);
        let runtime = Handle::current();
        let mut start = move || {
            let _in_this_thread_too = runtime.enter();
            Ok(command.spawn()?)
        };
        let child = match namespace {
            Some(namespace) => namespace.enter(start),
            None => start(),
        };
        let mut child = child.with_context(|| format!("cannot start {name}"))?;
        let (Some(orders), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{name} has no pipes");
        };
        let (told, lines) = mpsc::channel(MAX_LINES);
        tokio::spawn(async move {
            let mut output = BufReader::new(output).lines();
            while let Ok(Some(line)) = output.next_line().await {
                // A test executable also tells what tests it runs, the last of it before our first line.
                let json = line.find('{').map_or("", |begin| &line[begin..]);
                let Ok(line) = serde_json::from_str(json) else { continue };
                if told.send(line).await.is_err() {
                    break;
                }
            }
        });
        let (happened, answers) = (VecDeque::new(), HashMap::new());
        Ok(Remote { name: name.to_owned(), child, orders, lines, log, happened, answers, next_id: 1 })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id; `None` once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Gives an order without waiting for its answer.
    pub async fn ask(&mut self, order: Order) -> Result<Asked> {
        let id = self.next_id;
        self.next_id += 1;
        let mut line = serde_json::to_string(&Numbered { id, order })?;
        line.push('\n');
        let written = self.orders.write_all(line.as_bytes()).await;
        written.map_err(|error| anyhow!(error).context(self.ended()))?;
        Ok(Asked(id))
    }

    /// Waits for an answer.
    pub async fn answer<T: DeserializeOwned>(&mut self, asked: Asked, limit: Duration) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            match self.answers.remove(&asked.0) {
                Some(Ok(value)) => return Ok(serde_json::from_value(value)?),
                Some(Err(why)) => bail!("{} refused: {why}", self.name),
                None => self.listen(deadline, "an answer").await?,
            }
        }
    }

    /// Gives an order and waits for its answer.
    pub async fn order<T: DeserializeOwned>(&mut self, order: Order, limit: Duration) -> Result<T> {
        let what = format!("{order:?}");
        let asked = self.ask(order).await?;
        self.answer(asked, limit).await.with_context(|| format!("{what} of {}", self.name))
    }

    /// Whether something has happened that was not waited for yet.
    pub fn has_happened<T>(&mut self, is_it: impl FnMut(&Happening) -> Option<T>) -> Option<T> {
        while let Ok(line) = self.lines.try_recv() {
            self.note(line);
        }
        self.happened.iter().find_map(is_it)
    }

    /// Waits until something happens, or takes it if it has happened already and was not waited for.
    pub async fn happening<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut is_it: impl FnMut(&Happening) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let found = self.happened.iter().enumerate().find_map(|(at, it)| Some((at, is_it(it)?)));
            if let Some((at, value)) = found {
                self.happened.remove(at);
                return Ok(value);
            }
            self.listen(deadline, what).await?;
        }
    }

    /// Ends it at once, in the middle of whatever it does.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end and waits until it has.
    pub async fn leave(mut self, limit: Duration) -> Result<()> {
        self.ask(Order::Leave).await?;
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} does not end", self.name))??;
        if !status.success() {
            bail!("{} ended with {status}: {}", self.name, tail(&self.log));
        }
        Ok(())
    }

    async fn listen(&mut self, deadline: Instant, what: &str) -> Result<()> {
        match timeout_at(deadline, self.lines.recv()).await {
            Ok(Some(line)) => self.note(line),
            Ok(None) => return Err(self.ended().context(format!("waiting for {what}"))),
            Err(_) => {
                let (name, log) = (&self.name, tail(&self.log));
                bail!("{name}: no sign of {what}; until now: {:?}; its log: {log}", self.happened);
            }
        }
        Ok(())
    }

    fn note(&mut self, line: Line) {
        match line {
            Line::Done { id, value } => drop(self.answers.insert(id, Ok(value))),
            Line::Refused { id, why } => drop(self.answers.insert(id, Err(why))),
            Line::Happened(happening) => self.happened.push_back(happening),
        }
    }

    fn ended(&self) -> anyhow::Error {
        anyhow!("{} ended by itself: {}", self.name, tail(&self.log))
    }
}

/// The end of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}
