//! One other stay in the call: its negotiation, its trust, its connection and what it says of itself.

use super::PairStats;
use super::sharing::Way;
use crate::audio::{PlayoutStream, SoundLevel};
use crate::peer::{Counters, PairKey, Peer, PeerCommand, PeerGone, RelayProblem};
use crate::session::{Negotiation, Output, PairState, Signer, Verifier};
use snug_media::Time;
use snug_media::bwe::Estimate;
use snug_protocol::pair::{ChannelMessage, MediaState};
use snug_protocol::signal::{ClientSignal, Envelope};
use snug_protocol::{CallId, DeviceId, UserId};
use std::sync::Arc;
use std::time::Duration;

/// One pair.
pub(super) struct Pair {
    pub(super) user: UserId,
    pub(super) negotiation: Negotiation,
    pub(super) signer: Signer,
    pub(super) verifier: Verifier,
    pub(super) peer: Peer,
    /// How many connections were replaced; what is still heard of these counts for nothing.
    pub(super) renewals: u32,
    pub(super) playout: Arc<PlayoutStream>,
    /// What they last said that they send.
    pub(super) media: Option<MediaState>,
    /// How large this side shows them.
    pub(super) tile: Option<(u32, u32)>,
    /// How large they show this side.
    pub(super) shown: Option<(u32, u32)>,
    /// What the way to them takes.
    pub(super) estimate: Estimate,
    /// The same of a way of which nothing is known.
    pub(super) unknown: Estimate,
    pub(super) began: Time,
    pub(super) connected_after: Option<Duration>,
    /// When a bad signal of theirs was last reported, so that a flood is one event a second.
    pub(super) complained: Option<Time>,
    /// Why no relay serves this pair, if none does.
    pub(super) relay_problem: Option<RelayProblem>,
    /// Since when it has not been connected.
    pub(super) down_since: Option<Time>,
}

/// What the engine has to do for a pair.
pub(super) enum ForEngine {
    Renew,
    Send(ClientSignal),
    State(PairState),
    BadSignal,
    Broken,
}

impl Pair {
    /// Carries out what the session decided; what is not the connection's is returned.
    pub(super) fn carry_out(
        &mut self,
        now: Time,
        call: CallId,
        to: DeviceId,
        output: Output,
    ) -> Option<ForEngine> {
        let command = match output {
            Output::Renew => return Some(ForEngine::Renew),
            Output::Send(signal) => {
                let envelope: Envelope = self.signer.sign(&signal);
                return Some(ForEngine::Send(ClientSignal::Relay { call, to, envelope }));
            }
            Output::State(state) => {
                self.stands(now, state == PairState::Connected);
                return Some(ForEngine::State(state));
            }
            Output::BadSignal => return Some(ForEngine::BadSignal),
            Output::MakeOffer { exchange, restart } => PeerCommand::MakeOffer { exchange, restart },
            Output::Rollback => PeerCommand::Rollback,
            Output::ApplyOffer { exchange, sdp } => PeerCommand::ApplyOffer { exchange, sdp },
            Output::ApplyAnswer { exchange, sdp } => PeerCommand::ApplyAnswer { exchange, sdp },
            Output::AddCandidate(candidate) => PeerCommand::AddCandidate(candidate),
        };
        self.peer.command(command).err().map(|PeerGone| ForEngine::Broken)
    }

    fn stands(&mut self, now: Time, connected: bool) {
        self.down_since = if connected { None } else { self.down_since.or(Some(now)) };
        self.peer.set_connected(connected);
        if connected {
            // By another way, or by one that was dead: what was known of it is not true any more.
            self.estimate = self.unknown;
            self.connected_after.get_or_insert(now.since(self.began));
        }
    }

    /// Says something on the control channel, if it is open.
    pub(super) fn say(&self, message: ChannelMessage) {
        if let Err(PeerGone) = self.peer.command(PeerCommand::Say(message)) {
            tracing::debug!("a connection that is gone hears nothing");
        }
    }

    /// How loud they are heard.
    pub(super) fn level(&self) -> SoundLevel {
        self.playout.level()
    }

    /// The way to them, while there is one.
    pub(super) fn way(&self, key: PairKey) -> Option<Way> {
        let connected = self.negotiation.state() == PairState::Connected;
        connected.then_some(Way { key, estimate: self.estimate, shown: self.shown })
    }

    /// The way to them that is being made, of which nothing is known.
    pub(super) fn first_way(&self, key: PairKey) -> Option<Way> {
        let connecting = self.negotiation.state() == PairState::Connecting;
        connecting.then_some(Way { key, estimate: self.unknown, shown: self.shown })
    }

    /// `video_rate` is what the encoder is told, in bits per second.
    pub(super) fn stats(&self, device: DeviceId, video_rate: f64) -> PairStats {
        let counters = self.peer.counters();
        let round_trip_time = counters.round_trip.map(|trip| trip.as_secs_f64());
        let Counters { inbound_video, inbound_audio, mut outbound_video, outbound_audio, .. } =
            counters.counters;
        outbound_video.target_bitrate = video_rate;
        PairStats {
            device,
            user: self.user,
            state: self.negotiation.state(),
            connect_time: self.connected_after.map(|after| after.as_secs_f64()),
            round_trip_time,
            available_outgoing_bitrate: self.estimate.target.as_bps() as f64,
            inbound_video,
            inbound_audio,
            outbound_video,
            outbound_audio,
        }
    }
}
