//! When to probe, and how high.
//!
//! At the start in steps of three and six times the start rate and on from there while it holds; when a
//! large drop is over, at nearly the rate before; while the application sends less than it may, now and
//! then at twice the estimate; and, unlike libwebrtc, now and then also while it does not, because a link
//! that became faster would otherwise be found at 8 % a second: more often while there was much more lately,
//! because what took it away mostly goes away, too, and not while a queue of our own stands. No probe goes
//! beyond twice of what the sources could use.

use super::estimator::ProbeCluster;
use super::feedback::ProbeId;
use super::times;
use crate::time::Time;
use crate::units::Bitrate;
use std::time::Duration;

/// Whether the path is in a state to be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing speaks against it.
    Free,
    /// Packets wait: the path is used to the full, so nothing is worth a probe but what was there lately.
    Full,
    /// Somebody else fills the queue, and has what we do not ask for.
    Contested,
    /// After losses, while the rate grows again: gently.
    Careful,
    /// Queues fill or empty, or losses grow: a probe would do harm and measure nothing.
    None,
}

/// Decides on probes.
#[derive(Clone, Debug)]
pub(super) struct Prober {
    start: Bitrate,
    max: Bitrate,
    wanted: Option<Bitrate>,
    estimate: Bitrate,
    room: Room,
    state: State,
    limited_since: Option<Time>,
    probed: Option<Time>,
    drop: Option<Drop>,
    next_id: u32,
    pending: Vec<ProbeCluster>,
    /// The highest estimate lately, and when it was. None during a climb: it has yet to be confirmed.
    best: (Time, Bitrate),
    /// The present climb's last probes have been measured.
    measured: bool,
    repeats: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No picture was sent yet: probes are made of pictures that wait or that were sent, and voice alone needs none.
    Silent,
    /// Nothing was probed yet.
    Fresh,
    /// A result above this rate leads to the next step.
    Climbing(Bitrate),
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Drop {
    at: Time,
    before: Bitrate,
}

/// The first two probes, as multiples of the start rate.
const FIRST: [f64; 2] = [3.0, 6.0];
/// Each further step, of what was found.
const STEP: f64 = 2.0;
/// A step counts as reached when this share of its rate was found.
const REACHED: f64 = 0.7;
/// or when the estimate rose by this. A link that is full answers with what it gave before.
const RISEN: f64 = 1.2;
/// Results come within this time, or the climb is over.
const RESULT: Duration = Duration::from_secs(1);
/// Lost probes are repeated so often.
const REPEATS: u32 = 2;
/// A fall to less than this share is a large drop.
const LARGE_DROP: f64 = 0.66;
/// A drop longer ago than this was no dip: the path has changed.
const DIP: Duration = Duration::from_secs(5);
/// After a dip, this share of the rate before it.
const AFTER_DIP: f64 = 0.85;
/// Between two probes,
const PAUSE: Duration = Duration::from_secs(5);
/// and, of a full link of which nothing says that it could take more, this many times as long as it takes to pass a probe on: on a slow one
/// that is long enough to hold up pictures.
const RARELY: u32 = 80;
/// A packet of pictures.
const PACKET_BYTES: u64 = 1200;
/// and while there was more lately: a few packets of the present rate each time.
const PAUSE_AFTER_FALL: Duration = Duration::from_millis(2500);
/// "More" is this many times the estimate,
const FALLEN: f64 = 1.5;
/// and "lately" within this time.
const LATELY: Duration = Duration::from_secs(60);
/// Length of a burst: enough packets at high rates, short enough for small queues.
const BURST: Duration = Duration::from_millis(15);
/// At low rates the number of packets decides,
const BURST_PACKETS: usize = 5;
/// which is less where these would take long to pass; there each packet takes so long that few measure as well as many elsewhere:
const LEAST_PACKETS: usize = 3;
/// as many as pass in this time.
const PASSING: Duration = Duration::from_millis(100);
/// Careful probes: of the estimate.
const CAREFUL: f64 = 1.5;
/// Sources overshoot: of what they want.
const HEADROOM: f64 = 2.0;

impl Prober {
    pub(super) fn new(start: Bitrate, max: Bitrate) -> Prober {
        Prober {
            start,
            max,
            wanted: None,
            estimate: start,
            room: Room::Free,
            state: State::Silent,
            limited_since: None,
            probed: None,
            drop: None,
            next_id: 0,
            pending: Vec::new(),
            best: (Time::ZERO, Bitrate::ZERO),
            measured: false,
            repeats: 0,
        }
    }

    /// The path changed: everything from the start, from this rate.
    pub(super) fn restart(&mut self, start: Bitrate) {
        let fresh = Prober::new(start, self.max);
        let state = if self.state == State::Silent { State::Silent } else { State::Fresh };
        *self = Prober { wanted: self.wanted, next_id: self.next_id, state, ..fresh };
    }

    /// A picture was sent.
    pub(super) fn begin(&mut self) {
        if self.state == State::Silent {
            self.state = State::Fresh;
        }
    }

    /// A higher limit is probed for at once.
    pub(super) fn set_max(&mut self, now: Time, max: Bitrate) {
        let raised = max > self.max;
        self.max = max;
        if raised && self.state == State::Done && self.estimate < max {
            self.probe(now, &[max], false);
        }
    }

    /// What the sources could use. More than the estimate gives is probed for at once when they have been
    /// holding back so far.
    pub(super) fn set_wanted(&mut self, now: Time, wanted: Bitrate) {
        let raised = self.wanted.is_some_and(|before| wanted > before);
        self.wanted = Some(wanted);
        if raised && self.state == State::Done && self.limited_since.is_some() && self.estimate < wanted {
            self.probe(now, &[times(self.estimate, STEP).min(wanted)], true);
        }
    }

    /// Since when the application sends less than it may.
    pub(super) fn set_limited(&mut self, since: Option<Time>) {
        self.limited_since = since;
    }

    /// The estimate after a report.
    pub(super) fn set_estimate(&mut self, now: Time, estimate: Bitrate, room: Room) {
        if estimate < times(self.estimate, LARGE_DROP) {
            self.drop = Some(Drop { at: now, before: self.estimate });
        }
        self.estimate = estimate;
        self.room = room;
        if self.state == State::Done && (estimate >= self.best.1 || now.since(self.best.0) > LATELY) {
            self.best = (now, estimate);
        }
        if let State::Climbing(reached) = self.state
            && estimate > reached
        {
            self.probe(now, &[times(estimate, STEP)], true);
        }
    }

    /// A probe was measured, whatever it found.
    pub(super) fn measured(&mut self) {
        self.measured = true;
        self.repeats = 0;
    }

    /// Reports come again after a silence, before which the rate was this: what took them away is over.
    pub(super) fn dropped(&mut self, now: Time, before: Bitrate) {
        self.drop = Some(Drop { at: now, before });
        self.recovered(now);
    }

    /// The queues that had filled are empty again.
    pub(super) fn recovered(&mut self, now: Time) {
        let Some(drop) = self.drop else { return };
        let rate = times(drop.before, AFTER_DIP);
        if self.state == State::Done && now.since(drop.at) < DIP && rate > self.estimate {
            self.drop = None;
            self.probe(now, &[rate], false);
        }
    }

    /// Probes that are due.
    pub(super) fn poll(&mut self, now: Time) -> Vec<ProbeCluster> {
        match self.state {
            State::Fresh => {
                let rates = FIRST.map(|factor| times(self.start, factor));
                self.probe(now, &rates, true);
            }
            State::Climbing(_) if now >= self.result_at() => self.give_up(now),
            State::Done if self.due_at().is_some_and(|due| now >= due) => {
                self.probe(now, &[times(self.estimate, STEP)], true);
            }
            _ => {}
        }
        std::mem::take(&mut self.pending)
    }

    /// When [`Prober::poll`] has something to do.
    pub(super) fn poll_at(&self) -> Option<Time> {
        match self.state {
            _ if !self.pending.is_empty() => Some(Time::ZERO),
            State::Silent => None,
            State::Fresh => Some(Time::ZERO),
            State::Climbing(_) => Some(self.result_at()),
            State::Done => self.due_at(),
        }
    }

    fn result_at(&self) -> Time {
        self.probed.map_or(Time::ZERO, |at| at + RESULT)
    }

    /// The next probe of a settled estimate, if anybody needs more than there is.
    fn due_at(&self) -> Option<Time> {
        if self.room == Room::None || self.estimate >= self.needed() {
            return None;
        }
        let probed = self.probed.unwrap_or(Time::ZERO);
        Some(match self.limited_since {
            Some(since) => probed.max(since) + PAUSE,
            None if self.best.1 > times(self.estimate, FALLEN) => probed + PAUSE_AFTER_FALL,
            None if self.room == Room::Full => return None,
            None if self.room == Room::Contested => probed + PAUSE_AFTER_FALL,
            None => {
                let bits = (self.packets() as u64 * PACKET_BYTES * 8) as f64;
                let passing = bits / self.estimate.as_bps().max(1) as f64;
                probed + PAUSE.max(Duration::from_secs_f64(passing.min(1.0)) * RARELY)
            }
        })
    }

    /// Of a probe.
    fn packets(&self) -> usize {
        ((self.estimate.bytes_in(PASSING) / PACKET_BYTES) as usize).clamp(LEAST_PACKETS, BURST_PACKETS)
    }

    /// No result in time: when it was not even measured, too much of it was lost by chance, and it is repeated when there is room.
    fn give_up(&mut self, now: Time) {
        if self.measured || self.repeats >= REPEATS || self.estimate >= self.needed() {
            self.state = State::Done;
        } else if self.room != Room::None {
            self.state = State::Done;
            self.repeats += 1;
            self.probe(now, &[times(self.estimate, FIRST[0])], true);
        }
    }

    fn needed(&self) -> Bitrate {
        self.wanted.map_or(self.max, |wanted| wanted.min(self.max))
    }

    fn probe(&mut self, now: Time, rates: &[Bitrate], climb: bool) {
        let mut most = self.wanted.map_or(self.max, |wanted| times(wanted, HEADROOM).min(self.max));
        match self.room {
            Room::None => return,
            Room::Careful => most = most.min(times(self.estimate, CAREFUL)),
            Room::Free | Room::Full | Room::Contested => {}
        }
        self.state = State::Done;
        for rate in rates {
            let target = (*rate).min(most);
            if target <= self.estimate {
                break;
            }
            let id = ProbeId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            let min_bytes = target.bytes_in(BURST) as usize;
            self.pending.push(ProbeCluster { id, target, min_bytes, min_packets: self.packets() });
            if *rate >= most {
                self.state = State::Done;
                break;
            }
            if climb {
                // Jitter makes probes measure less than there is, so a step upwards is reason enough.
                let reached = times(target, REACHED).min(times(self.estimate, RISEN));
                self.state = State::Climbing(reached);
            }
        }
        self.probed = Some(now);
        self.measured = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn targets(clusters: &[ProbeCluster]) -> Vec<u64> {
        clusters.iter().map(|cluster| cluster.target.as_bps() / 1000).collect()
    }

    fn begun(max: u64) -> Prober {
        let mut prober = Prober::new(Bitrate::kbps(300), Bitrate::kbps(max));
        prober.begin();
        prober
    }

    fn settled(max: u64) -> Prober {
        let mut prober = begun(max);
        prober.poll(at(0));
        prober.set_estimate(at(100), Bitrate::kbps(1000), Room::Free);
        prober.measured();
        prober.poll(at(1100));
        prober.poll(at(1101));
        assert_eq!(prober.state, State::Done);
        prober.set_estimate(at(1102), Bitrate::kbps(1000), Room::Free);
        prober
    }

    #[test]
    fn voice_alone_is_not_probed_for() {
        let mut prober = Prober::new(Bitrate::kbps(300), Bitrate::kbps(5000));
        assert_eq!(prober.poll_at(), None);
        assert!(prober.poll(at(1000)).is_empty());
    }

    #[test]
    fn at_the_start_it_climbs_for_as_long_as_the_path_follows() {
        let mut prober = begun(5000);
        assert_eq!(targets(&prober.poll(at(0))), [900, 1800]);
        prober.set_estimate(at(120), Bitrate::kbps(1750), Room::Free);
        assert_eq!(targets(&prober.poll(at(125))), [3500]);
        prober.set_estimate(at(240), Bitrate::kbps(2000), Room::Free);
        assert_eq!(targets(&prober.poll(at(250))), [] as [u64; 0], "3500 was not reached");
    }

    #[test]
    fn probes_that_were_lost_are_repeated_and_not_for_ever() {
        let mut prober = begun(5000);
        prober.poll(at(0));
        let seconds: Vec<u64> = (1..5).filter(|second| !prober.poll(at(1000 * second)).is_empty()).collect();
        assert_eq!(seconds, [1, 2]);
    }

    #[test]
    fn a_dip_that_is_over_is_followed_by_a_probe_at_nearly_the_old_rate() {
        let mut prober = settled(2000);
        prober.set_estimate(at(2000), Bitrate::kbps(500), Room::None);
        prober.set_estimate(at(3000), Bitrate::kbps(500), Room::Free);
        prober.recovered(at(3000));
        assert_eq!(targets(&prober.poll(at(3000))), [850]);
        prober.recovered(at(3100));
        assert_eq!(targets(&prober.poll(at(3100))), [] as [u64; 0], "once");
    }

    #[test]
    fn nobody_needs_more_so_nothing_is_probed() {
        let mut prober = settled(5000);
        prober.set_wanted(at(1200), Bitrate::kbps(900));
        prober.set_limited(Some(at(1200)));
        assert_eq!(prober.poll_at(), None);
        assert!(prober.poll(at(60_000)).is_empty());
        prober.set_wanted(at(61_000), Bitrate::kbps(1500));
        assert_eq!(targets(&prober.poll(at(61_000))), [1500], "somebody does");
    }

    #[test]
    fn what_was_lost_is_looked_for_more_often_than_what_never_was() {
        let probes = |prober: &mut Prober, from: u64| {
            let mut due = Vec::new();
            for tick in from * 4..(from + 16) * 4 {
                if !prober.poll(at(250 * tick)).is_empty() {
                    prober.measured();
                    due.push(250 * tick);
                }
            }
            due
        };
        let mut prober = settled(5000);
        assert_eq!(probes(&mut prober, 2), [5250, 10_250, 15_250]);
        prober.set_estimate(at(18_000), Bitrate::kbps(400), Room::Free);
        assert_eq!(probes(&mut prober, 18), [18_000, 20_500, 23_000, 25_500, 28_000, 30_500, 33_000]);
        prober.poll(at(40_000));
        prober.set_estimate(at(100_000), Bitrate::kbps(400), Room::Free);
        assert_eq!(probes(&mut prober, 100), [100_000, 107_750, 115_500], "a slow link, seldom");
        prober.set_estimate(at(120_000), Bitrate::kbps(400), Room::Full);
        assert_eq!(probes(&mut prober, 120), [] as [u64; 0], "and not while it is full");
        prober.set_estimate(at(140_000), Bitrate::kbps(400), Room::Contested);
        assert_eq!(probes(&mut prober, 140).len(), 7, "but for a share of it");
    }

    #[test]
    fn the_start_rate_was_never_there_and_short_probes_do_on_a_slow_link() {
        let mut prober = begun(5000);
        prober.poll(at(0));
        prober.set_estimate(at(10), Bitrate::kbps(300), Room::Free);
        prober.set_estimate(at(100), Bitrate::kbps(150), Room::Free);
        prober.measured();
        prober.poll(at(1100));
        prober.set_estimate(at(1200), Bitrate::kbps(150), Room::Free);
        let due =
            (2000..20_000).step_by(50).find_map(|now| prober.poll(at(now)).first().map(|one| (now, *one)));
        let (now, probe) =
            due.unwrap_or_else(|| unreachable!("150 of 5000 kbit/s leave something to wish for"));
        assert_eq!(probe.min_packets, LEAST_PACKETS);
        assert!(now > 10_000, "{now}");
    }

    #[test]
    fn a_queue_forbids_probes_and_losses_make_them_careful() {
        let mut prober = settled(5000);
        prober.set_estimate(at(1200), Bitrate::kbps(1000), Room::None);
        assert!(prober.poll(at(20_000)).is_empty());
        prober.set_estimate(at(20_000), Bitrate::kbps(1000), Room::Careful);
        assert_eq!(targets(&prober.poll(at(20_001))), [1500]);
    }
}
