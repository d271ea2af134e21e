//! The one writer.
//!
//! Everything that changes the database is a write handed to this task. It runs them one after another on one connection,
//! as many in a transaction as are waiting (group commit: one fsync for all of them), and answers none before the
//! commit. So `seq` grows in the order of commits, a 2xx means durable, and no reader can see a later row before an earlier one:
//! rows are published after their commit, in order. Transactions that run side by side, each taking a number from a sequence,
//! would commit out of order, and a reader's cursor would skip the row that came late.

use super::{
    append::Append,
    reader,
    row::{Membership, Published},
};
use crate::{
    clock,
    failure::{Failure, Result, refusal},
};
use anyhow::{Context, anyhow};
use futures_util::{FutureExt, future::BoxFuture};
use snug_protocol::ErrorCode;
use sqlx::{SqliteConnection, SqlitePool};
use std::{panic::AssertUnwindSafe, sync::Arc};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Writes waiting for the writer; beyond that handlers wait, and with them their clients.
const QUEUE: usize = 256;

/// Writes in one transaction. More would let the first of them wait too long for its answer.
const GROUP: usize = 64;

/// The handle that handlers hold.
pub(crate) struct Log {
    writes: mpsc::Sender<Box<dyn Write>>,
    /// Bounded by `stream_lag`: a reader that is further behind is told so by its receiver.
    live: broadcast::Sender<Arc<Published>>,
    /// For reading; the writer has a connection of its own.
    pub(crate) pool: SqlitePool,
    generation: String,
}

impl Log {
    /// Runs `work` in the writer and returns its result once it is durable. On an error nothing of it remains.
    ///
    /// The work goes on when the caller is dropped: a client that hung up may still have been served.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Append) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let write = TypedWrite { work: Some(work), outcome: None, reply };
        let stopping = || refusal(ErrorCode::Unavailable, "the server is stopping");
        self.writes.send(Box::new(write)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// Rows from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Published>> {
        self.live.subscribe()
    }

    /// The cursor that stands after `seq`.
    pub(crate) fn cursor(&self, seq: u64) -> String {
        format!("{}.{seq}", self.generation)
    }

    /// The `seq` of a cursor of this generation.
    pub(crate) fn seq_of(&self, cursor: &str) -> Option<u64> {
        let (generation, seq) = cursor.split_once('.')?;
        (generation == self.generation).then(|| seq.parse().ok()).flatten()
    }

    /// Which life of the log this is; another one after a restore.
    pub(crate) fn generation(&self) -> &str {
        &self.generation
    }

    /// Whether the writer still takes writes.
    pub(crate) fn is_open(&self) -> bool {
        !self.writes.is_closed()
    }
}

/// One write, whatever its result's type.
trait Write: Send {
    /// Runs it; false if nothing of it may remain.
    fn run<'a>(&'a mut self, append: &'a mut Append) -> BoxFuture<'a, bool>;
    /// Answers it, now that its transaction is committed or has failed.
    fn finish(self: Box<Self>, committed: bool);
}

struct TypedWrite<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Write for TypedWrite<T, F>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Append) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    fn run<'a>(&'a mut self, append: &'a mut Append) -> BoxFuture<'a, bool> {
        let work = self.work.take().expect("a write runs once");
        async move {
            let result = AssertUnwindSafe(async move { work(append).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Failure::Internal(anyhow!("a write panicked"))));
            let keep = result.is_ok();
            self.outcome = Some(result);
            keep
        }
        .boxed()
    }

    fn finish(self: Box<Self>, committed: bool) {
        let lost = || Err(refusal(ErrorCode::Unavailable, "the server could not store it"));
        let result = match self.outcome {
            Some(Ok(value)) if committed => Ok(value),
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => lost(),
        };
        // Nobody listens when the client went away in the meantime.
        let _ = self.reply.send(result);
    }
}

/// The task's state.
pub(crate) struct Writer {
    writes: mpsc::Receiver<Box<dyn Write>>,
    live: broadcast::Sender<Arc<Published>>,
    members: mpsc::Sender<Membership>,
    append: Append,
    /// Ends the task once nothing waits for it.
    ending: CancellationToken,
}

impl Writer {
    /// A log over `pool` and `conn`, which become its own, and the task that [`run`](Self::run) is to be spawned for.
    pub(crate) async fn open(
        mut conn: SqliteConnection,
        pool: SqlitePool,
        generation: String,
        lag: usize,
        ending: CancellationToken,
        members: mpsc::Sender<Membership>,
    ) -> Result<(Log, Self)> {
        let next_seq = reader::head(&mut conn).await? + 1;
        let (writes, waiting) = mpsc::channel(QUEUE);
        let (live, _) = broadcast::channel(lag.max(1));
        let append =
            Append { conn, now: clock::now(), generation: generation.clone(), next_seq, rows: Vec::new() };
        let log = Log { writes, live: live.clone(), pool, generation };
        Ok((log, Self { writes: waiting, live, members, append, ending }))
    }

    /// Writes until the last [`Log`] is dropped, or it is to end and nothing waits.
    pub(crate) async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        let ending = self.ending.clone();
        loop {
            let count = tokio::select! {
                biased;
                () = ending.cancelled(), if !self.writes.is_closed() => {
                    self.writes.close();
                    continue;
                }
                count = self.writes.recv_many(&mut group, GROUP) => count,
            };
            if count == 0 {
                break;
            }
            let before = self.append.next_seq;
            let committed = match self.transact(&mut group).await {
                Ok(()) => true,
                Err(failure) => {
                    // The refusal itself goes to each write; the cause is logged here.
                    let _ = failure.into_api();
                    // There is none when BEGIN was what failed.
                    let _ = sqlx::query("ROLLBACK").execute(&mut self.append.conn).await;
                    self.append.next_seq = before;
                    self.append.rows.clear();
                    false
                }
            };
            self.publish().await;
            for write in group.drain(..) {
                write.finish(committed);
            }
        }
        if let Err(error) = sqlx::Connection::close(self.append.conn).await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    /// Runs a group in one transaction. A write that is refused is undone alone.
    async fn transact(&mut self, group: &mut [Box<dyn Write>]) -> Result<()> {
        let append = &mut self.append;
        append.now = clock::now();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut append.conn).await.context("beginning")?;
        for write in group {
            let (seq, rows) = (append.next_seq, append.rows.len());
            sqlx::query("SAVEPOINT one_write").execute(&mut append.conn).await.context("a savepoint")?;
            if !write.run(append).await {
                sqlx::query("ROLLBACK TO one_write")
                    .execute(&mut append.conn)
                    .await
                    .context("undoing a write")?;
                append.next_seq = seq;
                append.rows.truncate(rows);
            }
            sqlx::query("RELEASE one_write").execute(&mut append.conn).await.context("releasing")?;
        }
        sqlx::query("COMMIT").execute(&mut append.conn).await.context("committing")?;
        Ok(())
    }

    /// Tells everybody of what was just committed.
    async fn publish(&mut self) {
        for (event, stay) in self.append.rows.drain(..) {
            if let Some(stay) = stay {
                // The hub is gone only when the whole server is.
                let _ = self.members.send(stay).await;
            }
            // No reader is no error.
            let _ = self.live.send(Arc::new(Published::new(&self.append.generation, event, stay)));
        }
    }
}
