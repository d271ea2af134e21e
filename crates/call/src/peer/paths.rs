//! The ways of one connection: which servers help, what may be told of this computer's addresses, whether the one in use is still there.
//!
//! Part of the control task, which calls in here; when to restart is the session's to decide.

use super::connection::configuration;
use super::control::{Control, PeerEvent, guarded};
use super::description::{acceptable_candidate, concealed, multicast_name, resolved};
use super::turn::{Plan, RelayNews};
use crate::session::{Candidate, Input};
use rtc::peer_connection::transport::RTCIceCandidatePair;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use webrtc::peer_connection::{RTCIceCandidateInit, RTCIceCandidateType};

/// Looking up a name of multicast DNS (RFC 6762 §5.2: the first repeat comes after a second).
const MULTICAST_LOOK_UP: Duration = Duration::from_secs(2);
/// Such look-ups at once; a browser hides one or two addresses.
const MOST_LOOK_UPS: usize = 8;

impl Control {
    /// What others may see of a description of ours.
    pub(super) fn shown(&self, sdp: &str) -> String {
        if self.relay_only { concealed(sdp) } else { sdp.to_owned() }
    }

    /// Takes the newest servers for the gathering that comes.
    pub(super) async fn renew_servers(&mut self) {
        let Some(servers) = self.servers.take() else { return };
        self.plans = Plan::next(self.plans);
        let plan = Plan::new(self.plans, &servers);
        let configuration = configuration(self.relay_only, &plan);
        self.runtime.set_plan(plan);
        if let Err(error) = guarded(self.peer.set_configuration(configuration)).await {
            tracing::warn!(%error, "the old servers stay");
        }
    }

    /// The addresses over which packets pass.
    pub(super) async fn selected(&self) -> Option<RTCIceCandidatePair> {
        let transport = self.peer.sctp().await?.transport().ice_transport();
        guarded(transport.get_selected_candidate_pair()).await.ok().flatten()
    }

    pub(super) async fn relay(&mut self, news: RelayNews) -> Option<PeerEvent> {
        match news {
            RelayNews::Problem(problem) => Some(PeerEvent::Relay(problem)),
            RelayNews::Lost => {
                let by_relay = self.selected().await?.local().typ == RTCIceCandidateType::Relay;
                by_relay.then_some(PeerEvent::Session(Input::Moved { path_gone: true }))
            }
        }
    }

    /// This computer has these addresses now; `lost`: and one fewer of those that it had.
    pub(super) async fn moved(&self, addresses: &[IpAddr], lost: bool) -> Input {
        let base = self.selected().await.and_then(|pair| base(&pair));
        Input::Moved { path_gone: base.map_or(lost, |base| !addresses.contains(&base)) }
    }

    pub(super) async fn add_candidate(&mut self, candidate: Candidate) {
        if !acceptable_candidate(&candidate.candidate) {
            tracing::debug!("not a candidate");
            return;
        }
        let Some(name) = multicast_name(&candidate.candidate) else {
            return self.add_known_candidate(candidate).await;
        };
        if self.look_ups.len() < MOST_LOOK_UPS {
            let name = format!("{name}:0");
            self.look_ups.spawn(async move {
                let addresses = tokio::time::timeout(MULTICAST_LOOK_UP, tokio::net::lookup_host(name)).await;
                let address = addresses.ok()?.ok()?.map(|address: SocketAddr| address.ip()).next()?;
                Some(Candidate { candidate: resolved(&candidate.candidate, address), ..candidate })
            });
        }
    }

    pub(super) async fn add_known_candidate(&self, candidate: Candidate) {
        let Candidate { candidate, mid, line, ufrag } = candidate;
        let init = RTCIceCandidateInit {
            candidate,
            sdp_mid: mid,
            sdp_mline_index: line,
            username_fragment: ufrag,
            ..Default::default()
        };
        if let Err(error) = guarded(self.peer.add_ice_candidate(init)).await {
            tracing::debug!(%error, "a candidate that cannot be used");
        }
    }
}

/// The address of this computer behind a pair.
fn base(pair: &RTCIceCandidatePair) -> Option<IpAddr> {
    let local = pair.local();
    let base = if local.related_address.is_empty() { &local.address } else { &local.related_address };
    base.parse().ok()
}
