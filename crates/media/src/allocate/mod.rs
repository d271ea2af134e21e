//! Who gets what of the rate: from what the networks take to what the encoders aim at.
//!
//! One pure function, [`allocate`]: what was decided before goes in as [`Memory`] and comes out with the
//! decision, so that a trajectory is a loop and a test. It encodes nothing and knows no encoder.
//!
//! - Voice is encoded once for all and goes first: it fits the narrowest way, down to 30 kbit/s.
//! - Pictures get the rest: encoded once, at the rate of the slowest who watches, less what repairs of
//!   lost packets and headers take. Who cannot even take the smallest size is paused, by itself, and so does
//!   not slow the others down.
//! - The bitrate follows the estimate at once, both ways. Size and frame rate go down at once and up only when
//!   the estimate has held for a time, because a change of size costs a keyframe.
//! - A size whose pictures [do not fit](LeftOut) their rate is given up for the next smaller one.
//!
//! There is one rung now, whose size changes; [`Allocation::rungs`] is a list because more of them change
//! nothing else.

mod fit;
mod ladder;
#[cfg(test)]
mod tests;
mod voice;

pub use fit::LeftOut;
pub use voice::Voice;

use crate::time::Time;
use crate::units::Bitrate;
use fit::Misfit;
use ladder::Step;
use std::collections::BTreeMap;
use std::time::Duration;

/// An estimate that held so long is no overshoot of a probe.
const UP_HOLD: Duration = Duration::from_millis(500);
/// After a step down the next one up waits for more…
const UP_HOLD_AFTER_DOWN: Duration = Duration::from_secs(3);
/// …for so long.
const DOWN_REMEMBERED: Duration = Duration::from_secs(10);
/// Loss rises at once and is forgotten with this: losses come in clusters.
const LOSS_FORGOTTEN: Duration = Duration::from_secs(5);
/// More than this of the pictures' rate is not for repairs: at such loss a smaller picture repairs more.
const MAX_REPAIR: f64 = 0.35;
/// The estimate where there is nobody to send to: the microphone's level is shown all the same.
const ALONE: Bitrate = Bitrate::kbps(1000);
/// More than any network gives; an estimate above it is a mistake, and arithmetic stays far from its ends.
const MOST: Bitrate = Bitrate::kbps(10_000_000);
/// Media bytes in a full packet, nearly: how many headers a rate needs.
const PACKET_BYTES: u64 = 1130;

/// What pictures show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// People: motion matters more than sharpness.
    Camera,
    /// Letters: sharpness matters more than motion.
    Screen,
}

/// Where pictures come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// What they show.
    pub content: Content,
    /// Pixels of the source.
    pub size: (u32, u32),
    /// Pictures per second that it gives.
    pub fps: f64,
    /// The encoder gets no more than this.
    pub max: Bitrate,
    /// The part of its pictures that the network had no room for lately, 0 to 1: [`LeftOut::part`].
    pub left_out: f64,
}

/// One who is sent to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peer<K> {
    /// The same from call to call.
    pub id: K,
    /// [`crate::bwe::Estimate::target`]: all that may be sent.
    pub target: Bitrate,
    /// [`crate::bwe::Estimate::stable`]: the target without short cuts.
    pub stable: Bitrate,
    /// [`crate::bwe::Estimate::loss`], or what receiver reports say: 0 to 1.
    pub loss: f64,
    /// How large it shows the pictures, in physical pixels: nothing while it has not said so, 0×0 while they
    /// are hidden.
    pub tile: Option<(u32, u32)>,
}

/// One encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// No picture is larger.
    pub within: (u32, u32),
    /// No more pictures per second.
    pub fps: f64,
    /// Of the encoder's bytes, without headers.
    pub bitrate: Bitrate,
}

/// One peer's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Index into [`Allocation::rungs`]; nothing while it gets no pictures.
    pub rung: Option<usize>,
    /// The most that could be sent to it, whatever the estimate: for
    /// [`crate::bwe::BandwidthEstimator::set_wanted`].
    pub wanted: Bitrate,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// What is encoded of the pictures; nothing when nobody watches or all are paused.
    pub rungs: Vec<Rung>,
    /// For each peer, in the order in which they were given.
    pub peers: Vec<Share>,
    /// The voice, the same for all.
    pub voice: Voice,
}

/// What the next decision must know of this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory<K> {
    step: Option<usize>,
    /// A better step than the present one, the worst since then.
    rising: Option<(Time, usize)>,
    lowered: Option<Time>,
    misfit: Option<Misfit>,
    voice: Option<Voice>,
    peers: BTreeMap<K, PeerMemory>,
}

impl<K> Default for Memory<K> {
    fn default() -> Memory<K> {
        Memory { step: None, rising: None, lowered: None, misfit: None, voice: None, peers: BTreeMap::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct PeerMemory {
    at: Time,
    loss: f64,
    /// Paused; and if so, since when it could be resumed.
    paused: bool,
    could_since: Option<Time>,
}

/// Shares out. `headers` is what the estimates count of a packet besides its media payload: RTP with extensions, SRTP's tag,
/// and UDP and IP if they do. Without a `source` (camera off) there is only voice.
pub fn allocate<K: Ord + Copy>(
    now: Time,
    peers: &[Peer<K>],
    source: Option<&Source>,
    headers: usize,
    previous: &Memory<K>,
) -> (Allocation, Memory<K>) {
    let mut memory = previous.clone();
    let in_reason =
        |peer: &Peer<K>| Peer { target: peer.target.min(MOST), stable: peer.stable.min(MOST), ..*peer };
    let peers: Vec<Peer<K>> = peers.iter().map(in_reason).collect();
    let lost =
        |memory: &Memory<K>, peer: &Peer<K>| memory.peers.get(&peer.id).map_or(0.0, |known| known.loss);
    memory.peers = peers.iter().map(|peer| (peer.id, remember_loss(now, peer, previous))).collect();
    let narrowest = peers.iter().map(|peer| peer.target).min().unwrap_or(ALONE);
    let worst_loss = peers.iter().map(|peer| lost(&memory, peer)).fold(0.0, f64::max);
    let voice = Voice::of(narrowest, worst_loss, headers, previous.voice);
    memory.voice = Some(voice);
    let voice_total = voice.total(headers);
    let mut allocation = Allocation {
        rungs: Vec::new(),
        peers: vec![Share { rung: None, wanted: voice_total }; peers.len()],
        voice,
    };
    let Some(source) = source else { return (allocation, memory) };
    let steps = ladder::steps(source.content);

    // What of each way is left for pictures: lastingly, and at this moment.
    let mut watching: Vec<(usize, Bitrate, Bitrate)> = Vec::new();
    let mut lines = 0;
    for (index, peer) in peers.iter().enumerate() {
        let shown = shown_lines(source, peer.tile);
        if shown == 0 {
            continue;
        }
        let repair = 1.0 + repair_part(lost(&memory, peer));
        let room = |whole: Bitrate| {
            Bitrate::bps((whole.as_bps().saturating_sub(voice_total.as_bps()) as f64 / repair) as u64)
        };
        let best = steps[ladder::best_for(source.content, shown)];
        let most = with_headers(best.most.min(source.max), best.fps.min(source.fps), headers);
        let wanted = (most.as_bps() as f64 * repair) as u64 + voice_total.as_bps();
        allocation.peers[index].wanted = Bitrate::bps(wanted);
        let (lasting, momentary) = (room(peer.stable.max(peer.target)), room(peer.target));
        if !memory.is_paused(now, peer.id, lasting, &steps[0]) {
            lines = lines.max(shown);
            watching.push((index, lasting, momentary));
        }
    }
    let slowest = |room: fn(&(usize, Bitrate, Bitrate)) -> Bitrate| watching.iter().map(room).min();
    let (Some(lasting), Some(momentary)) = (slowest(|way| way.1), slowest(|way| way.2)) else {
        return (allocation, memory);
    };
    let best = ladder::best_for(source.content, lines);
    let (best, misfit) = fit::fitting(now, source, lasting, best, memory.step, memory.misfit);
    memory.misfit = misfit;
    let step = memory.step_to(now, source.content, lasting, best);
    // A cut that leaves less than any picture needs is short: no step changes for it.
    if momentary >= steps[0].floor {
        let fps = step.fps.min(source.fps);
        let bitrate = without_headers(momentary, fps, headers).min(step.most).min(source.max);
        allocation.rungs.push(Rung { within: step.size, fps, bitrate });
        for (index, ..) in watching {
            allocation.peers[index].rung = Some(0);
        }
    }
    (allocation, memory)
}

impl<K: Ord + Copy> Memory<K> {
    /// Whether this peer gets no pictures: from below the worst step's floor until its rate of entry has held.
    fn is_paused(&mut self, now: Time, id: K, room: Bitrate, worst: &Step) -> bool {
        let hold = self.hold(now);
        let Some(peer) = self.peers.get_mut(&id) else { return true };
        if !peer.paused {
            peer.paused = room < worst.floor;
            if peer.paused {
                self.lowered = Some(now);
            }
        } else if room < worst.enter {
            peer.could_since = None;
        } else if now.since(*peer.could_since.get_or_insert(now)) >= hold {
            (peer.paused, peer.could_since) = (false, None);
        }
        peer.paused
    }

    /// The step to take at this rate, no better than `best`.
    fn step_to(&mut self, now: Time, content: Content, room: Bitrate, best: usize) -> &'static Step {
        let steps = ladder::steps(content);
        let entered = ladder::entered_at(content, room).min(best);
        let hold = self.hold(now);
        let step = match self.step {
            None => entered,
            Some(step) if room < steps[step.min(steps.len() - 1)].floor => {
                self.lowered = Some(now);
                ladder::held_at(content, room).min(step).min(best)
            }
            // A smaller tile, or another source.
            Some(step) if step > best => best,
            Some(step) if entered > step => {
                let (since, worst) =
                    self.rising.map_or((now, entered), |(since, worst)| (since, worst.min(entered)));
                self.rising = Some((since, worst));
                if now.since(since) >= hold { worst } else { step }
            }
            Some(step) => {
                self.rising = None;
                step
            }
        };
        if self.step != Some(step) {
            self.rising = None;
        }
        self.step = Some(step);
        &steps[step]
    }

    /// How long a better rate must have held.
    fn hold(&self, now: Time) -> Duration {
        let lowered = self.lowered.is_some_and(|lowered| now.since(lowered) < DOWN_REMEMBERED);
        if lowered { UP_HOLD_AFTER_DOWN } else { UP_HOLD }
    }
}

fn remember_loss<K: Ord + Copy>(now: Time, peer: &Peer<K>, previous: &Memory<K>) -> PeerMemory {
    let loss = if peer.loss.is_finite() { peer.loss.clamp(0.0, 1.0) } else { 0.0 };
    let Some(known) = previous.peers.get(&peer.id) else {
        return PeerMemory { at: now, loss, paused: false, could_since: None };
    };
    let kept = (-now.since(known.at).as_secs_f64() / LOSS_FORGOTTEN.as_secs_f64()).exp();
    let loss = loss.max(loss + (known.loss - loss) * kept);
    PeerMemory { at: now, loss, ..*known }
}

/// What of the pictures' rate their repair takes: each lost packet again, and the lost ones of those again.
fn repair_part(loss: f64) -> f64 {
    (loss / (1.0 - loss).max(0.1)).min(MAX_REPAIR)
}

/// How many lines of the source a tile can show; the source's shape fills it.
fn shown_lines(source: &Source, tile: Option<(u32, u32)>) -> u32 {
    let (width, height) = source.size;
    let Some((tile_width, tile_height)) = tile else { return height };
    if tile_width == 0 || tile_height == 0 {
        return 0;
    }
    let by_width = u64::from(tile_width) * u64::from(height) / u64::from(width.max(1));
    height.min(tile_height.max(u32::try_from(by_width).unwrap_or(u32::MAX)))
}

/// What a rate on the wire leaves the encoder: each picture is half a packet more than its bytes fill.
fn without_headers(rate: Bitrate, fps: f64, headers: usize) -> Bitrate {
    let per_picture = (fps * headers as f64 * 4.0) as u64;
    let media = rate.as_bps().saturating_sub(per_picture);
    Bitrate::bps(media * PACKET_BYTES / (PACKET_BYTES + headers as u64))
}

/// The other way round.
fn with_headers(rate: Bitrate, fps: f64, headers: usize) -> Bitrate {
    let per_picture = (fps * headers as f64 * 4.0) as u64;
    Bitrate::bps(rate.as_bps() * (PACKET_BYTES + headers as u64) / PACKET_BYTES + per_picture)
}
