//! What leaves for one peer: paced, numbered, and judged by what the other side says of its arrival.
//!
//! The last station of ours before the wire, inside the [`tap`](super::tap): everything that goes out by RTP passes here, sound, pictures
//! and retransmissions alike, because the estimator must know of every byte and the pacer of every packet. All decisions about time
//! and rate are [`snug_media`]'s ([`Pacer`], [`BandwidthEstimator`]); here they meet packets. Nothing waits: the tap is asked when it
//! wants to be woken.

use super::feedback::unpack;
use super::shared::Shared;
use bytes::Bytes;
use rtc::interceptor::{Attribute, AttributedPacket, Packet as Passing, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp;
use rtc::shared::TransportContext;
use rtc::shared::marshal::MarshalSize;
use snug_media::bwe::{BandwidthEstimator, Kind, PacketResult, ProbeId, SendHistory, SentPacket};
use snug_media::pacer::{Backlog, Due, FIRST_WINDOW, Pacer};
use snug_media::{Seq, Time};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// IPv4 and UDP headers and the tag of SRTP's AEAD_AES_128_GCM (RFC 7714): what a packet weighs more on the wire.
const OVERHEAD: usize = 20 + 8 + 16;
/// What the estimator counts of an ordinary packet besides its payload: RTP with the extensions that ours carry, and [`OVERHEAD`].
pub(crate) const HEADERS: usize = 12 + 12 + OVERHEAD;
/// The estimator is content with this; between two packets there is nothing to do sooner.
const LOOK: Duration = Duration::from_millis(25);

/// Paces and numbers what goes out.
pub(super) struct Departure {
    shared: Arc<Shared>,
    pacer: Pacer<rtp::Packet>,
    estimator: BandwidthEstimator,
    history: SendHistory,
    next_seq: Seq,
    /// Nothing was sent under a transport-wide number yet; then there is nothing to estimate.
    numbered: bool,
    look_at: Option<Time>,
    /// Of [`Shared::routes`], the one that is known.
    route: u32,
    /// The RTP time of a picture whose first packets were left out while its last were still to come.
    cut: Option<u32>,
    ready: VecDeque<TaggedPacket>,
}

impl Departure {
    pub(super) fn new(shared: Arc<Shared>) -> Departure {
        let now = shared.clock.now();
        let estimator = BandwidthEstimator::new(now, shared.limits);
        let mut pacer = Pacer::new(now);
        let estimate = estimator.estimate();
        pacer.set_rates(now, estimate.pacing, estimate.padding);
        // The first picture is there that much sooner.
        pacer.open_window(FIRST_WINDOW);
        Departure {
            shared,
            pacer,
            estimator,
            history: SendHistory::new(),
            next_seq: Seq(rand::random()),
            numbered: false,
            look_at: None,
            route: 0,
            cut: None,
            ready: VecDeque::new(),
        }
    }

    /// Takes a packet that is to go out.
    pub(super) fn push(&mut self, at: Time, now: Instant, kind: Kind, packet: rtp::Packet) {
        self.follow_route(at);
        if kind == Kind::Video && self.cut == Some(packet.header.timestamp) {
            // Its number is given again, to a keyframe.
            return;
        }
        let bytes = packet.marshal_size() + OVERHEAD;
        let ends_picture = kind == Kind::Video && packet.header.marker;
        self.pacer.push(at, kind, bytes, packet);
        self.look_at.get_or_insert(at);
        self.release(at, now);
        if ends_picture {
            // What of the first window the first picture did not need would only stand in a narrow path's queue.
            self.pacer.open_window(0);
        }
    }

    /// Begins anew where packets take another way: what did not come by the old one says nothing of it.
    fn follow_route(&mut self, at: Time) {
        let route = self.shared.routes();
        if std::mem::replace(&mut self.route, route) != route {
            self.estimator.route_changed(at);
            self.history = SendHistory::new();
            self.publish(at);
        }
    }

    /// Takes what the other side says of arrivals.
    pub(super) fn feedback(&mut self, at: Time, feedback: &TransportLayerCc) {
        self.follow_route(at);
        let results = self.history.feedback(&unpack(feedback));
        if results.is_empty() {
            return;
        }
        self.estimator.feedback(at, &results);
        self.publish(at);
        self.trace(&results);
    }

    /// What one needs to see why an estimate went where it went.
    fn trace(&self, results: &[PacketResult]) {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        let estimate = self.estimator.estimate();
        let lost = results.iter().filter(|result| result.received.is_none()).count();
        tracing::trace!(
            target_kbps = estimate.target.as_kbps(),
            stable_kbps = estimate.stable.as_kbps(),
            acknowledged_kbps = estimate.acknowledged.map(|rate| rate.as_kbps()),
            wanted_kbps = self.shared.wanted().as_kbps(),
            limited_by = ?estimate.limited_by,
            congested = estimate.congested,
            queue_ms = self.estimator.queue_delay().as_millis(),
            in_flight = self.estimator.in_flight(),
            waiting = self.pacer.queued_bytes(),
            reported = results.len(),
            lost,
            "feedback"
        );
    }

    pub(super) fn round_trip(&mut self, at: Time, rtt: Duration) {
        self.estimator.round_trip(at, rtt);
    }

    /// Does what is due.
    pub(super) fn timeout(&mut self, at: Time, now: Instant) {
        if self.look_at.is_some_and(|look| look <= at) {
            self.follow_route(at);
            self.look_at = Some(at + LOOK);
            self.estimator.set_wanted(at, self.shared.wanted());
            if self.numbered {
                for cluster in self.estimator.poll(at) {
                    tracing::debug!(?cluster, "probe");
                    self.pacer.probe(at, cluster);
                }
                self.publish(at);
            }
        }
        self.release(at, now);
    }

    /// When there is something to do; never before the first packet.
    pub(super) fn wake_at(&self) -> Option<Time> {
        self.look_at.into_iter().chain(self.pacer.poll_at()).min()
    }

    pub(super) fn next(&mut self) -> Option<TaggedPacket> {
        self.ready.pop_front()
    }

    fn publish(&mut self, at: Time) {
        let estimate = self.estimator.estimate();
        self.pacer.set_rates(at, estimate.pacing, estimate.padding);
        self.pacer.set_budget(at, estimate.full.then_some(estimate.target));
        self.shared.estimate.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&estimate);
            *known = Some(estimate);
            changed
        });
    }

    /// Lets out what may go now.
    fn release(&mut self, at: Time, now: Instant) {
        while let Some(due) = self.pacer.poll(at) {
            match due {
                Due::Packet { packet, kind, probe, .. } => self.leave(at, now, kind, packet, probe),
                Due::Padding { bytes, probe } => self.fill(at, now, bytes, probe),
            }
        }
        let backlog = self.pacer.backlog(at);
        if backlog == Backlog::Late {
            self.start_over();
        }
        let full = backlog == Backlog::Full || self.estimator.estimate().congested;
        self.shared.watcher.set_full(full);
    }

    /// What waits would come too late to be of use: a keyframe at the new rate is there sooner.
    fn start_over(&mut self) {
        let dropped = self.pacer.drop_video();
        tracing::debug!(packets = dropped.len(), "pictures that wait too long are left out");
        if let (Some(first), Some(last)) = (dropped.first(), dropped.last()) {
            self.cut = Some(last.header.timestamp).filter(|_| !last.header.marker);
            self.shared.video().rewriter.take_back(Seq(first.header.sequence_number));
        }
    }

    /// Padding is something useful: the newest packets once more (RFC 4588), which repairs what is lost at the end of a burst.
    /// Where retransmissions were not negotiated, or nothing was sent yet, there is none.
    fn fill(&mut self, at: Time, now: Instant, bytes: usize, probe: Option<ProbeId>) {
        let mut filled = 0;
        while filled < bytes {
            let Some(packet) = self.shared.redundant() else { return };
            filled += packet.marshal_size() + OVERHEAD;
            self.leave(at, now, Kind::Padding, packet, probe);
        }
    }

    fn leave(&mut self, at: Time, now: Instant, kind: Kind, mut packet: rtp::Packet, probe: Option<ProbeId>) {
        if let Some(id) = self.shared.transport_extension(kind) {
            let number = self.next_seq;
            // Fails only for an id that no negotiation gives; then there is just no number.
            if packet.header.set_extension(id, Bytes::copy_from_slice(&number.0.to_be_bytes())).is_ok() {
                self.next_seq = number.next();
                self.numbered = true;
                let sent = SentPacket { at, bytes: packet.marshal_size() + OVERHEAD, media: kind, probe };
                self.history.sent(number, sent);
                self.estimator.sent(&sent);
            }
        }
        self.shared.sent(kind, packet.payload.len());
        let mut message = AttributedPacket::new(Passing::Rtp(packet));
        if matches!(kind, Kind::Retransmission | Kind::Padding) {
            message = message.with(Attribute::Retransmission);
        }
        self.ready.push_back(TaggedPacket { now, transport: TransportContext::default(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16, rtp_time: u32, marker: bool) -> rtp::Packet {
        let mut packet = rtp::Packet { payload: Bytes::from(vec![0; 1_100]), ..rtp::Packet::default() };
        (packet.header.sequence_number, packet.header.timestamp, packet.header.marker) =
            (number, rtp_time, marker);
        packet
    }

    fn left(departure: &mut Departure) -> usize {
        std::iter::from_fn(|| departure.next()).count()
    }

    #[test]
    fn the_rest_of_a_picture_that_was_given_up_is_left_out_and_the_next_one_is_not() {
        let shared = Arc::new(Shared::for_test());
        let (at, now) = (shared.clock.now(), Instant::now());
        let mut departure = Departure::new(Arc::clone(&shared));
        // Far more than leaves within a second and a half at the start rate.
        for number in 0..300 {
            departure.push(at, now, Kind::Video, packet(number, 7, false));
        }
        assert!(left(&mut departure) >= FIRST_WINDOW / 1_200, "the first window leaves at once");
        assert!(shared.video().rewriter.waits_for_keyframe());
        let before = departure.pacer.queued_bytes();
        departure.push(at, now, Kind::Video, packet(300, 7, true));
        assert_eq!(departure.pacer.queued_bytes(), before, "its number is given again");
        departure.push(at, now, Kind::Video, packet(300, 8, true));
        assert!(departure.pacer.queued_bytes() > before);
    }
}
