//! Notices that this computer's addresses changed: another Wi-Fi, a cable, a tunnel.
//!
//! Sockets of an address that is gone look alive until a time-out that a call does not survive, so whoever has connections is told at once.
//! The system tells by itself (netlink and its likes); asking it again and again would be late, and would keep a sleeping laptop awake.

use futures_util::StreamExt;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

/// One change comes as several: addresses of both families, an old one and a new one.
const SETTLE: Duration = Duration::from_millis(100);
/// Whatever still comes by then comes as another change.
const AT_MOST: Duration = Duration::from_millis(300);

/// Tells `addresses` of each change, and then `changed`, whether one of them, loopback's aside, is there no more; until the handle is
/// dropped.
pub(crate) fn watch_addresses(
    addresses: watch::Sender<Arc<[IpAddr]>>,
    changed: impl Fn(bool) + Send + 'static,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        match IfWatcher::new() {
            Ok(watcher) => follow(watcher, &addresses, changed).await,
            // Time-outs remain.
            Err(error) => tracing::warn!(%error, "the system does not tell when its addresses change"),
        }
    }))
}

async fn follow(mut watcher: IfWatcher, addresses: &watch::Sender<Arc<[IpAddr]>>, changed: impl Fn(bool)) {
    let mut known = BTreeSet::new();
    // What is there at the beginning comes as news, too.
    let mut beginning = true;
    while let Some(first) = watcher.next().await {
        let (mut last, latest) = (first, Instant::now() + AT_MOST);
        let before = known.clone();
        loop {
            match last {
                Ok(IfEvent::Up(net)) => drop(known.insert(net.addr())),
                Ok(IfEvent::Down(net)) => drop(known.remove(&net.addr())),
                Err(error) => tracing::warn!(%error, "the system's addresses cannot be followed"),
            }
            let quiet = (Instant::now() + SETTLE).min(latest);
            tokio::select! {
                next = watcher.next() => match next {
                    Some(next) => last = next,
                    None => break,
                },
                () = sleep_until(quiet) => break,
            }
        }
        if std::mem::take(&mut beginning) || known == before {
            continue;
        }
        tracing::info!(before = before.len(), now = known.len(), "the network changed");
        addresses.send_replace(known.iter().copied().collect());
        changed(before.difference(&known).any(|address| !address.is_loopback()));
    }
}
