//! How the owner meets others: the roster, their keys, their signals.

use super::api::CallEvent;
use super::owner::Owner;
use super::pair::Pair;
use crate::audio::PlayoutStream;
use crate::frames::Viewers;
use crate::peer::{PairKey, Peer, PeerId, PeerLinks};
use crate::session::{Input, Negotiation, PairIds, PairState, Pin, Role, RosterChange, Signer, Verifier};
use snug_media::Time;
use snug_media::bwe::BandwidthEstimator;
use snug_protocol::DeviceId;
use snug_protocol::signal::{Envelope, Participant, ServerSignal};
use std::sync::Arc;
use std::time::Duration;

impl Owner {
    pub(super) fn signal(&mut self, now: Time, signal: ServerSignal) {
        let changes = match signal {
            ServerSignal::Roster { call, members } if call == self.call => {
                return self.roster_says(now, members);
            }
            ServerSignal::Joined { call, participant } if call == self.call => {
                self.roster.joined(participant)
            }
            ServerSignal::Left { call, device, join } if call == self.call => self.roster.left(device, join),
            ServerSignal::Relay { call, from, envelope } if call == self.call => {
                self.relayed(now, from, &envelope);
                return;
            }
            _ => return,
        };
        self.changed(now, changes);
    }

    /// All who are in the call.
    pub(super) fn roster_says(&mut self, now: Time, members: Vec<Participant>) {
        let changes = self.roster.replace(members);
        self.changed(now, changes);
    }

    fn changed(&mut self, now: Time, changes: Vec<RosterChange>) {
        for change in changes {
            match change {
                RosterChange::Came { participant, we_offer } => self.came(now, participant, we_offer),
                RosterChange::Went { device, join } => {
                    self.feed(now, (device, join), Input::Present(false));
                }
            }
        }
    }

    fn came(&mut self, now: Time, participant: Participant, we_offer: bool) {
        let Participant { user, device, join, key, guest, name } = participant;
        let pair_key = (device, join);
        if self.pairs.contains_key(&pair_key) {
            self.feed(now, pair_key, Input::Present(true));
            return;
        }
        let ids =
            PairIds { call: self.call, me: self.me, my_join: self.join, them: device, their_join: join };
        let public: Option<[u8; 32]> = key.0.as_slice().try_into().ok();
        let Some((public, verifier)) = public.zip(Verifier::new(ids, &key.0)) else {
            tracing::warn!(%device, "a participant without a usable key");
            self.emit(CallEvent::BadSignal { device });
            return;
        };
        if guest {
            self.emit(CallEvent::Guest { device, name: name.unwrap_or_default() });
        }
        match self.pins.check(device, public) {
            Pin::Same => {}
            // A page's key is not worth keeping: the page is gone before it could be met again.
            Pin::First if guest => {}
            Pin::First => self.emit(CallEvent::KeySeen { device, key: public }),
            Pin::Changed => self.emit(CallEvent::KeyChanged { device, key: public }),
        }
        let older: Vec<PairKey> = self.pairs.keys().filter(|(of, _)| *of == device).copied().collect();
        let Some(playout) = self.playout() else { return };
        let viewers = if older.is_empty() {
            Arc::clone(self.viewers.entry(device).or_default())
        } else {
            // The streams of the older stay end with it.
            let fresh = Arc::<Viewers>::default();
            self.viewers.insert(device, Arc::clone(&fresh));
            fresh
        };
        let unknown = BandwidthEstimator::new(now, self.local.limits()).estimate();
        let role = Role { offers: we_offer, polite: self.me < device };
        let pair = Pair {
            user,
            negotiation: Negotiation::new(now, role),
            signer: Signer::new(ids, self.key.clone()),
            verifier,
            peer: self.connection(PeerId { key: pair_key, number: 0 }, Arc::clone(&playout), viewers),
            renewals: 0,
            playout,
            media: None,
            tile: None,
            shown: None,
            estimate: unknown,
            unknown,
            began: now,
            connected_after: None,
            complained: None,
            relay_problem: None,
            down_since: Some(now),
        };
        self.pairs.insert(pair_key, pair);
        self.emit(CallEvent::PeerState { device, user, state: PairState::Connecting });
        for old in older {
            self.remove(old);
        }
        self.adapt(now);
        let outputs = self.pairs.get_mut(&pair_key).map(|pair| pair.negotiation.poll(now));
        self.carry_out(now, pair_key, outputs.unwrap_or_default());
    }

    /// Puts another connection in the place of a pair's.
    pub(super) fn renew(&mut self, key: PairKey) {
        let (Some(playout), Some(pair)) = (self.playout(), self.pairs.get(&key)) else { return };
        let id = PeerId { key, number: pair.renewals + 1 };
        tracing::info!(device = %key.0, number = id.number, "another connection");
        let viewers = Arc::clone(self.viewers.entry(key.0).or_default());
        let peer = self.connection(id, Arc::clone(&playout), viewers);
        if let Some(pair) = self.pairs.get_mut(&key) {
            (pair.renewals, pair.playout, pair.relay_problem) = (id.number, playout, None);
            let old = std::mem::replace(&mut pair.peer, peer);
            self.close(old);
        }
    }

    fn playout(&self) -> Option<Arc<PlayoutStream>> {
        let stream = self.local.playout.add_stream();
        stream
            .inspect_err(|error| tracing::error!(%error, "no decoder for somebody's voice"))
            .ok()
            .map(Arc::new)
    }

    fn connection(&self, id: PeerId, playout: Arc<PlayoutStream>, viewers: Arc<Viewers>) -> Peer {
        let links = PeerLinks {
            id,
            clock: self.clock,
            limits: self.local.limits(),
            sound: self.local.sound.another(),
            source: Arc::clone(&self.local.video),
            playout,
            viewers,
            events: self.peer_events_in.clone(),
        };
        Peer::start(self.settings.clone(), links)
    }

    fn relayed(&mut self, now: Time, from: DeviceId, envelope: &Envelope) {
        let key = (from, envelope.from_join);
        let Some(pair) = self.pairs.get_mut(&key) else {
            tracing::debug!(%from, "a signal of somebody who is not here");
            return;
        };
        match pair.verifier.open(envelope) {
            Ok(signal) => self.feed(now, key, Input::Remote(signal)),
            Err(refusal) => {
                tracing::warn!(%from, %refusal, "a signal is refused");
                self.complain(now, key);
            }
        }
    }

    pub(super) fn complain(&mut self, now: Time, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let lately = pair.complained.is_some_and(|at| now.since(at) < Duration::from_secs(1));
        if !lately {
            pair.complained = Some(now);
            self.emit(CallEvent::BadSignal { device: key.0 });
        }
    }
}
