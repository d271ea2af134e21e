//! Holds received speech until its turn, and decides what is played when it did not come.
//!
//! The caller asks whenever it runs out of samples and gets one [`Pull`] to decode. The buffer keeps no
//! samples and no clock; its delay is steered in three ways: silence between words is made longer or
//! shorter for free, speech is stretched by whole pitch periods, and what is hopelessly late is left out.
//!
//! When nothing is there at its time, nobody knows yet whether it is lost, late, or was never sent. It is
//! concealed, and counted only when the next packet tells: the same sequence number that was due means
//! late, a gap means lost, a time stamp that jumped alone means that the sender was silent.
//!
//! What is lost is taken from later packets where these are here by then: its copy from the next one (FEC),
//! or what the deep redundancy (DRED) of one of the next says of it. That they are here by then is the work
//! of the delay: a lost packet counts as one that came when the first repair of it came, so the target grows
//! with loss just as it does with jitter, and only where waiting helps.

use super::cursor::Cursor;
use super::decision::{Insert, Playout, Pull, Stretch};
use super::delay::DelayEstimator;
use super::loss::Lost;
use super::opus::{fec_samples, is_dtx, packet_samples};
use super::stats::AudioStats;
use super::{BLOCK, SAMPLE_RATE};
use crate::time::Time;
use crate::units::{ClockRate, RtpTime, Seq, Unwrapper};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Four seconds of usual packets: a bound for memory, never reached when packets are played.
const MAX_PACKETS: usize = 200;
/// A number this far ahead belongs to another stream.
const MAX_JUMP: u64 = 3000;
/// This many packets in a row from behind the played ones, and the sender has begun anew.
const STALE_RUN: u32 = 50;
/// Concealment has faded out long before; afterwards there is plain silence.
const MAX_CONCEALED: u64 = SAMPLE_RATE as u64;
/// Above the target by this, speech is sped up: more than a splice changes (15 ms at most), so that one below the
/// target does not lead to one above. Below the target it is slowed down at once: what is late as usual would be
/// concealed first.
const TOO_MUCH: Duration = Duration::from_millis(18);
/// Above the target by this, rougher splices are right.
const URGENT: Duration = Duration::from_millis(150);
/// Above the target by this, packets are left out.
const HOPELESS: Duration = Duration::from_millis(1000);
/// Splices nearer to each other are heard as roughness (NetEQ waits 50 ms).
const STRETCH_INTERVAL: Duration = Duration::from_millis(60);
/// Being early by less does not count as early: the caller asks each 10 ms only.
const EARLY: i64 = 5_000;
/// What is left after packets were left out: as much too late as a usual packet lasts.
const LEFT: i64 = 20_000;
/// Runs of loss that are longer are not repaired: nobody waits so long, and a liar would make us count.
const MAX_REPAIRED: u64 = 25;
/// So many packets are looked at for a repair: the first has the best, unless protection had just begun.
const REPAIRERS: usize = 4;

#[derive(Debug)]
struct Held {
    /// Extended RTP time.
    at: u64,
    samples: u32,
    arrived: Time,
    payload: Bytes,
    /// How many samples before it the copy in it tells, and how many its deep redundancy goes back; 0 for none.
    copy: u64,
    dred: u64,
}

impl Held {
    /// RTP time after its last sample.
    fn end(&self) -> u64 {
        self.at + u64::from(self.samples)
    }

    fn length(&self) -> Duration {
        ClockRate::AUDIO.duration(u64::from(self.samples))
    }
}

/// The packet with the highest number seen.
#[derive(Debug)]
struct Newest {
    seq: u64,
    end: u64,
    samples: u32,
}

/// The packets of one audio stream on their way to be played.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    seqs: Unwrapper,
    times: Unwrapper,
    packets: BTreeMap<u64, Held>,
    delay: DelayEstimator,
    /// `None` until the first packet is played.
    cursor: Option<Cursor>,
    current_delay: Duration,
    stale_run: u32,
    newest: Option<Newest>,
    /// Whether packets were left out since the last one that was played.
    skipped: bool,
    stats: AudioStats,
}

fn media_micros(at: u64) -> i64 {
    ClockRate::AUDIO.micros(at as i64)
}

impl JitterBuffer {
    /// An empty one.
    pub fn new() -> JitterBuffer {
        JitterBuffer::default()
    }

    /// Takes a packet that arrived, whose deep redundancy goes `dred` samples back (0 when it has none).
    pub fn insert(&mut self, now: Time, seq: Seq, rtp_time: RtpTime, payload: Bytes, dred: usize) -> Insert {
        let Some(samples) = packet_samples(&payload) else { return Insert::Malformed };
        let seq = self.seqs.seq(seq);
        let newest = self.packets.last_key_value().map(|(&newest, _)| newest);
        let newest = newest.max(self.cursor.as_ref().map(|cursor| cursor.seq));
        if newest.is_some_and(|newest| seq > newest + MAX_JUMP) {
            self.restart();
        }
        let mut late = false;
        if let Some(cursor) = self.cursor.as_mut().filter(|cursor| seq < cursor.seq) {
            if cursor.was_received(seq) {
                return Insert::Duplicate;
            }
            self.stale_run += 1;
            late = self.stale_run < STALE_RUN;
            if !late {
                self.restart();
            }
        } else {
            self.stale_run = 0;
        }
        if self.packets.contains_key(&seq) {
            return Insert::Duplicate;
        }
        let at = self.times.rtp_time(rtp_time);
        self.stats.packets_received += 1;
        // A late one, above all, says that more delay is needed.
        let copy = u64::from(fec_samples(&payload));
        let held = Held { at, samples, arrived: now, copy, dred: dred as u64, payload };
        self.delay.arrived(now, media_micros(held.end()), held.length());
        self.note_repairs(now, seq, &held);
        if late {
            self.stats.packets_discarded += 1;
            return Insert::Late;
        }
        self.packets.insert(seq, held);
        while self.packets.len() > MAX_PACKETS {
            self.packets.pop_first();
            self.stats.packets_discarded += 1;
        }
        Insert::Buffered
    }

    /// A packet that tells of lost ones before it is their arrival, too.
    fn note_repairs(&mut self, now: Time, seq: u64, held: &Held) {
        let this = Newest { seq, end: held.end(), samples: held.samples };
        let Some(newest) = self.newest.replace(this) else { return };
        if seq <= newest.seq {
            self.newest = Some(newest);
            return;
        }
        let (packets, gap) = (seq - newest.seq - 1, held.at.saturating_sub(newest.end));
        let lost = Lost::between(packets, gap, newest.samples, held.samples);
        // Only where sound is missing and nothing else: else nobody knows where in the silence it was.
        if packets == 0 || packets > MAX_REPAIRED || gap != lost.samples {
            return;
        }
        for number in 1..=packets {
            let back = number * lost.each;
            if held.copy.max(held.dred) < back {
                break;
            }
            self.delay.repaired(now, media_micros(held.at.saturating_sub(back - lost.each)));
        }
    }

    /// The numbers jumped: another stream begins.
    fn restart(&mut self) {
        tracing::debug!("audio sequence numbers jumped, beginning anew");
        self.stats.packets_discarded += self.packets.len() as u64;
        self.packets.clear();
        self.cursor = None;
        self.newest = None;
        self.skipped = true;
        self.stale_run = 0;
    }

    /// Says what to play next, after the `unplayed` samples that the caller still has. Always something
    /// of at least 2.5 ms.
    pub fn pull(&mut self, now: Time, unplayed: usize) -> Pull {
        let heard_at = now + ClockRate::AUDIO.duration(unplayed as u64);
        self.leave_out_the_hopeless(heard_at);
        let Some((&seq, first)) = self.packets.first_key_value() else {
            return Pull::of(self.nothing_there());
        };
        let (at, samples, due) = (first.at, first.samples, self.over(first, heard_at) + EARLY >= 0);
        let Some(cursor) = &mut self.cursor else {
            return if due {
                self.play(now, heard_at)
            } else {
                Pull::of(Playout::Silence { samples: BLOCK })
            };
        };
        let gap = at.saturating_sub(cursor.at);
        let lost = Lost::between(seq.saturating_sub(cursor.seq), gap, cursor.frame, samples);
        cursor.account(&mut self.stats, gap - lost.samples);
        let lost_samples = lost.samples.min(MAX_CONCEALED);
        if cursor.filled < lost_samples && !cursor.dtx {
            let missing = lost_samples - cursor.filled;
            return Pull::of(self.fill_in(missing, lost.each, gap == lost_samples));
        }
        // Whatever is left of the gap is the sender's silence, which ends when the delay is right.
        if gap > lost_samples && !due {
            cursor.filled += BLOCK as u64;
            self.stats.silent_concealed_samples += BLOCK as u64;
            self.stats.total_samples_received += BLOCK as u64;
            return Pull::of(Playout::ComfortNoise { samples: BLOCK });
        }
        self.play(now, heard_at)
    }

    /// By how many microseconds a packet is later than it should be when it begins to be played at `heard_at`;
    /// negative when that is too early.
    fn over(&self, held: &Held, heard_at: Time) -> i64 {
        let target = self.delay.target_for(held.length()).as_micros() as i64;
        self.delay.delay_micros(heard_at, media_micros(held.end())) - target
    }

    fn leave_out_the_hopeless(&mut self, heard_at: Time) {
        let first = self.packets.first_key_value();
        let hopeless = first.is_some_and(|(_, held)| self.over(held, heard_at) > HOPELESS.as_micros() as i64);
        if !hopeless {
            return;
        }
        let enough = |held: &Held| self.over(held, heard_at) <= LEFT;
        let Some(&newest) = self.packets.last_key_value().map(|(seq, _)| seq) else { return };
        let from = self.packets.iter().find(|(_, held)| enough(held)).map_or(newest, |(&seq, _)| seq);
        let kept = self.packets.split_off(&from);
        self.stats.packets_discarded += self.packets.len() as u64;
        self.packets = kept;
        self.skipped = true;
        if let (Some(cursor), Some((&seq, held))) = (&mut self.cursor, self.packets.first_key_value()) {
            cursor.account(&mut self.stats, 0);
            cursor.move_to(seq);
            cursor.at = held.at;
            cursor.filled = 0;
        }
    }

    fn nothing_there(&mut self) -> Playout {
        let samples = BLOCK;
        let Some(cursor) = &mut self.cursor else { return Playout::Silence { samples } };
        cursor.filled += samples as u64;
        cursor.undecided += samples as u64;
        if cursor.dtx {
            Playout::ComfortNoise { samples }
        } else if cursor.filled <= MAX_CONCEALED {
            Playout::Conceal { samples }
        } else {
            Playout::Silence { samples }
        }
    }

    /// Plays the next piece of what was lost, in packets of `each` samples, of which `missing` samples are left.
    /// `known` says that the packets after it tell how far behind it they are.
    fn fill_in(&mut self, missing: u64, each: u64, known: bool) -> Playout {
        let copy = self.packets.first_key_value().filter(|_| known).map_or(0, |(_, first)| first.copy);
        let piece = match missing.checked_sub(copy) {
            // All that is left is in the copy.
            None | Some(0) => missing,
            // The next packet, or the rest of one whose beginning was concealed already, but nothing of the copy.
            Some(before_copy) => (missing - (missing - 1) / each * each).min(before_copy),
        };
        let repair = if known { self.repair(missing, piece) } else { None };
        match repair {
            Some(Playout::Dred { .. }) => self.stats.dred_samples += piece,
            Some(_) => self.stats.fec_packets_decoded += 1,
            None => {}
        }
        // Were a lost packet played when it comes now, it would be heard twice: it is given up.
        if let Some(cursor) = &mut self.cursor {
            cursor.filled += piece;
            match repair {
                Some(_) => self.stats.total_samples_received += piece,
                None => {
                    cursor.undecided += piece;
                    cursor.account(&mut self.stats, 0);
                }
            }
            cursor.give_up(each);
        }
        repair.unwrap_or(Playout::Conceal { samples: piece as usize })
    }

    /// What tells of the `piece` samples that begin `missing` samples before the first packet.
    fn repair(&self, missing: u64, piece: u64) -> Option<Playout> {
        let (_, first) = self.packets.first_key_value()?;
        let samples = piece as usize;
        if missing <= first.copy {
            return Some(Playout::Fec { packet: first.payload.clone(), samples });
        }
        let begins = first.at.checked_sub(missing)?;
        self.packets.values().take(REPAIRERS).find_map(|held| {
            // Time stamps from outside need not rise with the numbers, and nothing tells of itself.
            let back = held.at.checked_sub(begins).filter(|back| (1..=held.dred).contains(back))?;
            Some(Playout::Dred { packet: held.payload.clone(), back: back as usize, samples })
        })
    }

    fn play(&mut self, now: Time, heard_at: Time) -> Pull {
        let Some((seq, held)) = self.packets.pop_first() else {
            return Pull::of(Playout::Silence { samples: BLOCK });
        };
        let delay = self.delay.delay_micros(heard_at, media_micros(held.end())).max(0) as u64;
        self.current_delay = Duration::from_micros(delay);
        let cursor = self.cursor.get_or_insert(Cursor::at(seq, held.at, held.samples));
        cursor.played(seq, held.at, held.samples, is_dtx(&held.payload));
        let target = self.delay.target_for(held.length());
        let stretch = stretch(self.current_delay, target, cursor.stretched.map(|last| now.since(last)));
        if stretch != Stretch::Keep {
            cursor.stretched = Some(now);
        }
        let samples = u64::from(held.samples);
        self.stats.total_samples_received += samples;
        self.stats.jitter_buffer_emitted_count += samples;
        self.stats.jitter_buffer_delay += now.since(held.arrived) * held.samples;
        self.stats.jitter_buffer_target_delay += target * held.samples;
        let skipped = std::mem::take(&mut self.skipped);
        let playout = Playout::Packet { payload: held.payload, samples: held.samples as usize, skipped };
        Pull { playout, stretch }
    }

    /// Tells how many samples were taken out for [`Stretch::Accelerate`].
    pub fn removed(&mut self, samples: usize) {
        self.stats.removed_samples_for_acceleration += samples as u64;
        self.not_stretched(samples);
    }

    /// Tells how many samples were put in for [`Stretch::Expand`].
    pub fn inserted(&mut self, samples: usize) {
        self.stats.inserted_samples_for_deceleration += samples as u64;
        self.not_stretched(samples);
    }

    /// A block that could not be stretched does not make the next one wait.
    fn not_stretched(&mut self, samples: usize) {
        if let Some(cursor) = self.cursor.as_mut().filter(|_| samples == 0) {
            cursor.stretched = None;
        }
    }

    /// The RTP time of what is heard next, when the caller has `unplayed` samples; `None` before the first
    /// packet and in a long silence.
    pub fn playing(&self, unplayed: usize) -> Option<RtpTime> {
        let cursor = self.cursor.as_ref().filter(|cursor| cursor.filled <= MAX_CONCEALED)?;
        Some(RtpTime((cursor.at + cursor.filled).wrapping_sub(unplayed as u64) as u32))
    }

    /// The delay that playout aims at, against the fastest packet.
    pub fn target_delay(&self) -> Duration {
        self.delay.target()
    }

    /// The delay of the packet played last, on the same scale.
    pub fn current_delay(&self) -> Duration {
        self.current_delay
    }

    /// How many packets wait.
    pub fn waiting(&self) -> usize {
        self.packets.len()
    }

    /// Totals so far. What is being concealed counts once it is known why.
    pub fn stats(&self) -> AudioStats {
        self.stats
    }
}

fn stretch(delay: Duration, target: Duration, since_last: Option<Duration>) -> Stretch {
    let urgent = delay > target + URGENT;
    if !urgent && since_last.is_some_and(|since| since < STRETCH_INTERVAL) {
        Stretch::Keep
    } else if delay > target + TOO_MUCH {
        Stretch::Accelerate { urgent }
    } else if delay < target {
        Stretch::Expand
    } else {
        Stretch::Keep
    }
}

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;
