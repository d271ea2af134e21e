//! The ways to the others as this computer's network changes: addresses that come and go, relays and their passwords.

use super::api::CallEvent;
use super::owner::Owner;
use crate::peer::{PairKey, PeerCommand, PeerGone, RelayProblem, is_reachable};
use crate::session::{Input, PairState};
use snug_media::Time;
use snug_protocol::ice::IceServer;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A direct way is found in well below a second; a relay that does not help matters only when there is none by then.
const DIRECT_WAY: Duration = Duration::from_secs(3);

/// What is known of this computer's network.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// The addresses of last time; none before they were told.
    addresses: Option<Arc<[IpAddr]>>,
    told: Vec<RelayProblem>,
}

impl Paths {
    /// Takes the addresses that there are now. True when one is gone, or it is not known.
    fn lost(&mut self, addresses: &Arc<[IpAddr]>) -> bool {
        let before = self.addresses.replace(Arc::clone(addresses));
        before.is_none_or(|before| before.iter().any(|address| !addresses.contains(address)))
    }

    /// Whether a problem is news.
    fn is_news(&mut self, problem: RelayProblem) -> bool {
        let news = !self.told.contains(&problem);
        if news {
            self.told.push(problem);
        }
        news
    }
}

impl Owner {
    /// The computer's addresses changed: each connection looks whether its own is still there.
    pub(super) fn network(&mut self, addresses: Vec<IpAddr>) {
        if !addresses.iter().any(|address| is_reachable(*address)) {
            // Between two networks: until there is one, there is nothing to restart with.
            return;
        }
        let addresses: Arc<[IpAddr]> = addresses.into();
        let lost = self.paths.lost(&addresses);
        for pair in self.pairs.values() {
            let command = PeerCommand::Network { addresses: Arc::clone(&addresses), lost };
            if let Err(PeerGone) = pair.peer.command(command) {
                tracing::debug!("a connection that is gone has no addresses");
            }
        }
    }

    /// Signals pass again.
    pub(super) fn reachable(&mut self, now: Time) {
        for key in self.keys() {
            self.feed(now, key, Input::Reachable);
        }
    }

    /// There are other servers. Who failed for want of a relay tries these.
    pub(super) fn ice_servers(&mut self, now: Time, servers: Vec<IceServer>) {
        if servers == self.settings.ice_servers {
            return;
        }
        self.settings.ice_servers.clone_from(&servers);
        for key in self.keys() {
            let Some(pair) = self.pairs.get_mut(&key) else { continue };
            if let Err(PeerGone) = pair.peer.command(PeerCommand::Servers(servers.clone())) {
                continue;
            }
            let failed = pair.relay_problem.take().is_some();
            if failed && pair.negotiation.state() != PairState::Connected {
                self.feed(now, key, Input::Moved { path_gone: true });
            }
        }
    }

    /// Tells of relays that do not help those who need them.
    pub(super) fn tell_relay_problems(&mut self, now: Time) {
        let patience = if self.settings.relay_only { Duration::ZERO } else { DIRECT_WAY };
        let needed = |since: Option<Time>| since.is_some_and(|since| now.since(since) >= patience);
        let problems: Vec<RelayProblem> = self
            .pairs
            .values()
            .filter(|pair| needed(pair.down_since))
            .filter_map(|pair| pair.relay_problem)
            .collect();
        for problem in problems {
            if self.paths.is_news(problem) {
                self.emit(CallEvent::RelayProblem { problem });
            }
        }
    }

    fn keys(&self) -> Vec<PairKey> {
        self.pairs.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_gone_is_told_from_one_that_came() {
        let ip = |last| IpAddr::from([192, 0, 2, last]);
        let mut paths = Paths::default();
        assert!(paths.lost(&vec![ip(1)].into()), "what was before is not known");
        assert!(!paths.lost(&vec![ip(1), ip(2)].into()));
        assert!(paths.lost(&vec![ip(2)].into()));
        assert!(!paths.lost(&vec![ip(2)].into()));
    }
}
