//! Ending what is over, and writing down what the signal hub decided.
//!
//! The hub knows who is in which call and nothing of the database; the database knows links and guests and nothing of calls. Each minute
//! the two are compared: a call that has been empty for some minutes takes its links and guests with it.

use crate::{
    app::{App, Shared},
    clock,
    failure::Result,
    signal::Input,
};
use anyhow::Context;
use snug_protocol::{CallId, DeviceId, GuestLinkId};
use std::{
    collections::{HashMap, HashSet},
    sync::Weak,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::interval,
};
use tokio_util::sync::CancellationToken;

/// How long a link that is over is told from one that never was.
const REMEMBERED_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What became of a guest, decided by the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Let in.
    Admitted(DeviceId),
    /// Refused, removed, or their call is over.
    Over(DeviceId),
}

/// Writes the hub's decisions down until it is gone. The hub itself acts on them at once; the database is for coming back later.
pub(crate) async fn write_down(app: Weak<Shared>, mut decisions: mpsc::Receiver<Decision>) {
    while let Some(decision) = decisions.recv().await {
        let Some(app) = app.upgrade() else { return };
        let written = app.log.write(move |log| {
            Box::pin(async move {
                let (statement, device) = match decision {
                    Decision::Admitted(device) => ("UPDATE guests SET admitted = 1 WHERE device = ?", device),
                    Decision::Over(device) => ("DELETE FROM guests WHERE device = ?", device),
                };
                sqlx::query(statement).bind(device.to_string()).execute(&mut log.conn).await?;
                Ok(())
            })
        });
        if let Err(failure) = written.await {
            tracing::error!(error = %failure.into_api(), ?decision, "what became of a guest was not written down");
        }
    }
}

/// Compares calls and links until `stopping`.
pub(crate) async fn keep_tidy(app: Weak<Shared>, stopping: CancellationToken, every: Duration) {
    let mut rounds = interval(every.max(Duration::from_millis(1)));
    let mut absence = Absence::default();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = rounds.tick() => {}
        }
        let Some(app) = app.upgrade() else { return };
        if let Err(failure) = round(&app, &mut absence).await {
            tracing::warn!(error = %failure.into_api(), "links that are over were not looked for");
        }
    }
}

async fn round(app: &App, absence: &mut Absence) -> Result<()> {
    let (reply, answer) = oneshot::channel();
    if app.hub.send(Input::TidyGuests { reply }).await.is_err() {
        return Ok(());
    }
    let Ok(live) = answer.await else { return Ok(()) };
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT call FROM guest_links WHERE ended_at IS NULL UNION SELECT call FROM guests")
            .fetch_all(&app.log.pool)
            .await?;
    let known: Vec<CallId> = rows
        .iter()
        .map(|(call,)| call.parse())
        .collect::<std::result::Result<_, _>>()
        .context("a call's id")?;
    for call in absence.over(&known, &live, Instant::now(), app.limits.guest_call_empty) {
        app.log.write(move |log| Box::pin(end_call(log, call))).await?;
        // A hub that is gone has no guests.
        let _ = app.hub.send(Input::GuestCallOver { call }).await;
    }
    end_expired(app).await
}

async fn end_call(log: &mut crate::log::Append, call: CallId) -> Result<()> {
    sqlx::query("UPDATE guest_links SET ended_at = ? WHERE call = ? AND ended_at IS NULL")
        .bind(log.now.0)
        .bind(call.to_string())
        .execute(&mut log.conn)
        .await?;
    sqlx::query("DELETE FROM guests WHERE call = ?").bind(call.to_string()).execute(&mut log.conn).await?;
    Ok(())
}

/// Sends those away who wait by a link that has expired, and forgets links that are long over.
async fn end_expired(app: &App) -> Result<()> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM guest_links WHERE ended_at IS NULL AND expires_at <= ?")
            .bind(clock::now().0)
            .fetch_all(&app.log.pool)
            .await?;
    for (id,) in rows {
        let link: GuestLinkId = id.parse().context("a link's id")?;
        app.log
            .write(move |log| {
                Box::pin(async move {
                    sqlx::query("UPDATE guest_links SET ended_at = ? WHERE id = ? AND ended_at IS NULL")
                        .bind(log.now.0)
                        .bind(link.to_string())
                        .execute(&mut log.conn)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        let _ = app.hub.send(Input::GuestLinkOver { link }).await;
    }
    let (old,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM guest_links WHERE ended_at <= ?")
        .bind(clock::now().0 - REMEMBERED_MS)
        .fetch_one(&app.log.pool)
        .await?;
    if old > 0 {
        app.log
            .write(|log| {
                Box::pin(async move {
                    // Not while somebody whom it let in is still in their call.
                    sqlx::query(
                        "DELETE FROM guest_links WHERE ended_at <= ? AND NOT EXISTS
                            (SELECT 1 FROM guests g WHERE g.link = guest_links.id AND g.admitted = 1)",
                    )
                    .bind(log.now.0 - REMEMBERED_MS)
                    .execute(&mut log.conn)
                    .await?;
                    Ok(())
                })
            })
            .await?;
    }
    Ok(())
}

/// Since when calls have had nobody in them. A server that has just started counts from its start: clients are on their way back.
#[derive(Default)]
struct Absence(HashMap<CallId, Instant>);

impl Absence {
    /// Those of `known` that have been out of `live` for as long as `patience`.
    fn over(
        &mut self,
        known: &[CallId],
        live: &HashSet<CallId>,
        now: Instant,
        patience: Duration,
    ) -> Vec<CallId> {
        self.0.retain(|call, _| known.contains(call) && !live.contains(call));
        for call in known.iter().filter(|call| !live.contains(call)) {
            self.0.entry(*call).or_insert(now);
        }
        self.0.extract_if(|_, since| now >= *since + patience).map(|(call, _)| call).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_over_after_some_minutes_without_anybody_and_not_when_somebody_came_back() {
        let minute = Duration::from_secs(60);
        let (gone, back, start) = (CallId::random(), CallId::random(), Instant::now());
        let (known, mut absence) = ([gone, back], Absence::default());
        let nobody = HashSet::new();
        assert!(absence.over(&known, &nobody, start, 5 * minute).is_empty(), "just started");
        assert!(absence.over(&known, &HashSet::from([back]), start + 4 * minute, 5 * minute).is_empty());
        assert_eq!(absence.over(&known, &nobody, start + 5 * minute, 5 * minute), [gone]);
        assert!(absence.over(&[back], &nobody, start + 9 * minute, 5 * minute).is_empty());
        assert_eq!(absence.over(&[back], &nobody, start + 10 * minute, 5 * minute), [back]);
    }
}
