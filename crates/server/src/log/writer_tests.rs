//! The writer alone: groups, refusals, panics, a full disk.

#![allow(clippy::unwrap_used)]

use super::{Log, NewRow, Writer, reader};
use crate::{database, failure::Failure, failure::Result, failure::bad};
use futures_util::future::join_all;
use snug_protocol::{Content, DeviceId, ErrorCode, UserId, event::Topic};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

struct Running {
    log: Arc<Log>,
    ending: CancellationToken,
    task: JoinHandle<()>,
    _dir: TempDir,
}

impl Running {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let opened = database::open(dir.path(), false).await.unwrap();
        let (members, _) = mpsc::channel(1);
        let ending = CancellationToken::new();
        let (log, writer) =
            Writer::open(opened.writing, opened.reading, opened.generation, 256, ending.clone(), members)
                .await
                .unwrap();
        Self { log: Arc::new(log), ending, task: tokio::spawn(writer.run()), _dir: dir }
    }

    async fn head(&self) -> u64 {
        reader::head(&mut self.log.pool.acquire().await.unwrap()).await.unwrap()
    }
}

fn row(content: Vec<u8>) -> NewRow {
    NewRow::of_server(Topic::Space, "test", (UserId::random(), DeviceId::random()), Content(content))
}

async fn append(log: &Log, content: Vec<u8>) -> Result<u64> {
    log.write(move |log| Box::pin(async move { log.row(row(content)).await })).await
}

#[tokio::test]
async fn a_refused_or_panicking_write_leaves_nothing_and_its_neighbours_are_kept() {
    let running = Running::start().await;
    let mut live = running.log.subscribe();
    // All at once, so that they share transactions.
    let results = join_all((0..60).map(|number| {
        let log = Arc::clone(&running.log);
        async move {
            log.write(move |log| {
                Box::pin(async move {
                    let seq = log.row(row(vec![number])).await?;
                    match number % 3 {
                        0 => Ok(seq),
                        1 => Err(bad("refused after its row")),
                        _ => panic!("a bug after its row"),
                    }
                })
            })
            .await
        }
    }))
    .await;
    let mut kept = Vec::new();
    for (number, result) in results.into_iter().enumerate() {
        match (number % 3, result) {
            (0, Ok(seq)) => kept.push((seq, number as u8)),
            (1, Err(Failure::Refused(error))) => assert_eq!(error.code, ErrorCode::BadRequest),
            (2, Err(Failure::Internal(_))) => {}
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    kept.sort_unstable();
    assert_eq!(
        kept.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (1..=20).collect::<Vec<_>>(),
        "no holes"
    );
    for (seq, number) in kept {
        let published = live.recv().await.unwrap();
        assert_eq!((published.event.seq, &published.event.content.0[..]), (seq, &[number][..]));
    }
    assert!(live.is_empty(), "something was published that was not kept");
    assert_eq!(running.head().await, 20);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_log_goes_on_when_there_is_room_again() {
    let running = Running::start().await;
    let limit = |pages: &'static str| {
        running.log.write(move |log| {
            Box::pin(async move {
                sqlx::query(pages).execute(&mut log.conn).await?;
                Ok(())
            })
        })
    };
    assert_eq!(append(&running.log, vec![1]).await.unwrap(), 1);
    // SQLite answers as for a full disk when the file may not grow.
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let mut stored = 1;
    let refused = loop {
        match append(&running.log, vec![7; 60_000]).await {
            Ok(seq) => stored = seq,
            Err(Failure::Refused(error)) => break error,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert_eq!(running.head().await, stored, "exactly what was acknowledged");
    limit("PRAGMA max_page_count = 4294967294").await.unwrap();
    assert_eq!(append(&running.log, vec![2]).await.unwrap(), stored + 1);
}

#[tokio::test]
async fn what_waits_is_written_before_the_end_and_nothing_is_taken_after_it() {
    let running = Running::start().await;
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let log = Arc::clone(&running.log);
            tokio::spawn(async move { append(&log, vec![number]).await })
        })
        .collect();
    // On this one thread they have all asked once this task is run again.
    tokio::task::yield_now().await;
    running.ending.cancel();
    for write in waiting {
        write.await.unwrap().unwrap();
    }
    running.task.await.unwrap();
    let Err(Failure::Refused(late)) = append(&running.log, vec![1]).await else {
        panic!("taken after the end")
    };
    assert_eq!(late.code, ErrorCode::Unavailable);
    assert!(!running.log.is_open());
}
