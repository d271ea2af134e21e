//! Holds received speech until its turn, and decides what is played when it did not come.
//!
//! The caller asks whenever it runs out of samples and gets one [`Pull`] to decode. The buffer keeps no
//! samples and no clock; its delay is steered in three ways: silence between words is made longer or
//! shorter for free, speech is stretched by whole pitch periods, and what is hopelessly late is left out.
//!
//! When nothing is there at its time, nobody knows yet whether it is lost, late, or was never sent. It is
//! concealed, and counted only when the next packet tells: the same sequence number that was due means
//! late, a gap means lost, a time stamp that jumped alone means that the sender was silent.

use super::cursor::Cursor;
use super::delay::{BUCKET, DelayEstimator};
use super::opus::{is_dtx, packet_samples};
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
/// Above the target by this, speech is sped up: less than a packet, or nothing would ever be done about one.
const TOO_MUCH: Duration = Duration::from_millis(15);
/// Below the target by this, it is slowed down.
const TOO_LITTLE: Duration = Duration::from_millis(10);
/// Above the target by this, rougher splices are right.
const URGENT: Duration = Duration::from_millis(150);
/// Above the target by this, packets are left out.
const HOPELESS: Duration = Duration::from_millis(1000);
/// Splices nearer to each other are heard as roughness (NetEQ waits 50 ms).
const STRETCH_INTERVAL: Duration = Duration::from_millis(60);
/// Being early by less does not count as early: the caller asks each 10 ms only.
const EARLY: i64 = 5_000;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// Waits for its turn.
    Buffered,
    /// Was here before.
    Duplicate,
    /// Its turn is over.
    Late,
    /// No Opus packet.
    Malformed,
}

/// What to play next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playout {
    /// Decode this.
    Packet {
        /// The Opus packet.
        payload: Bytes,
        /// How long it is.
        samples: usize,
    },
    /// Decode the redundancy in this packet, in place of the lost one before it. The packet itself comes
    /// next.
    Fec {
        /// The packet after the lost one.
        packet: Bytes,
        /// How much is missing.
        samples: usize,
    },
    /// Let the decoder make something up.
    Conceal {
        /// How much.
        samples: usize,
    },
    /// The sender is in DTX: let the decoder go on with its noise.
    ComfortNoise {
        /// How much.
        samples: usize,
    },
    /// Nothing to hear.
    Silence {
        /// How much.
        samples: usize,
    },
}

/// How to change the samples' number afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// Not at all.
    Keep,
    /// Take out pitch periods; tell [`JitterBuffer::removed`].
    Accelerate {
        /// Whether a rougher splice is right.
        urgent: bool,
    },
    /// Put in pitch periods; tell [`JitterBuffer::inserted`].
    Expand,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// What to decode.
    pub playout: Playout,
    /// What to do with it then.
    pub stretch: Stretch,
}

impl Pull {
    fn of(playout: Playout) -> Pull {
        Pull { playout, stretch: Stretch::Keep }
    }
}

#[derive(Debug)]
struct Held {
    /// Extended RTP time.
    at: u64,
    samples: u32,
    arrived: Time,
    payload: Bytes,
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

    /// Takes a packet that arrived.
    pub fn insert(&mut self, now: Time, seq: Seq, rtp_time: RtpTime, payload: Bytes) -> Insert {
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
        self.delay.arrived(now, media_micros(at));
        if late {
            self.stats.packets_discarded += 1;
            return Insert::Late;
        }
        self.packets.insert(seq, Held { at, samples, arrived: now, payload });
        while self.packets.len() > MAX_PACKETS {
            self.packets.pop_first();
            self.stats.packets_discarded += 1;
        }
        Insert::Buffered
    }

    /// The numbers jumped: another stream begins.
    fn restart(&mut self) {
        tracing::debug!("audio sequence numbers jumped, beginning anew");
        self.stats.packets_discarded += self.packets.len() as u64;
        self.packets.clear();
        self.cursor = None;
        self.stale_run = 0;
    }

    /// Says what to play next, after the `unplayed` samples that the caller still has. Always something
    /// of at least 2.5 ms.
    pub fn pull(&mut self, now: Time, unplayed: usize) -> Pull {
        let heard_at = now + ClockRate::AUDIO.duration(unplayed as u64);
        self.leave_out_the_hopeless(heard_at);
        let first = self.packets.first_key_value().map(|(&seq, held)| (seq, held.at, held.samples));
        let Some((seq, at, samples)) = first else { return Pull::of(self.nothing_there()) };
        let due = self.delay.delay_micros(heard_at, media_micros(at)) + EARLY
            >= self.delay.target().as_micros() as i64;
        let Some(cursor) = &mut self.cursor else {
            return if due {
                self.play(now, heard_at)
            } else {
                Pull::of(Playout::Silence { samples: BLOCK })
            };
        };
        let lost = seq.saturating_sub(cursor.seq);
        let gap = at.saturating_sub(cursor.at);
        let lost_samples = gap.min(lost * u64::from(cursor.frame)).min(MAX_CONCEALED);
        cursor.account(&mut self.stats, gap - gap.min(lost * u64::from(cursor.frame)));
        if cursor.filled < lost_samples && !cursor.dtx {
            let missing = lost_samples - cursor.filled;
            let last = u64::from(samples.min(cursor.frame));
            return Pull::of(if missing <= last {
                self.redundancy(missing, lost_samples)
            } else {
                self.conceal(missing - last)
            });
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

    fn leave_out_the_hopeless(&mut self, heard_at: Time) {
        let target = self.delay.target().as_micros() as i64;
        let over = |held: &Held| self.delay.delay_micros(heard_at, media_micros(held.at)) - target;
        let hopeless =
            self.packets.first_key_value().is_some_and(|(_, held)| over(held) > HOPELESS.as_micros() as i64);
        if !hopeless {
            return;
        }
        let enough = |held: &Held| over(held) <= BUCKET.as_micros() as i64;
        let Some(&newest) = self.packets.last_key_value().map(|(seq, _)| seq) else { return };
        let from = self.packets.iter().find(|(_, held)| enough(held)).map_or(newest, |(&seq, _)| seq);
        let kept = self.packets.split_off(&from);
        self.stats.packets_discarded += self.packets.len() as u64;
        self.packets = kept;
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

    /// Makes something up for a packet that others behind it overtook, and gives it up.
    fn conceal(&mut self, missing: u64) -> Playout {
        let Some(cursor) = &mut self.cursor else { return Playout::Silence { samples: BLOCK } };
        let frame = u64::from(cursor.frame);
        let samples = missing.min(frame);
        cursor.filled += samples;
        cursor.undecided += samples;
        cursor.account(&mut self.stats, 0);
        cursor.give_up(cursor.filled / frame);
        Playout::Conceal { samples: samples as usize }
    }

    /// Takes the last missing packet from the one after it, and gives up on what was lost.
    fn redundancy(&mut self, missing: u64, lost_samples: u64) -> Playout {
        let (Some(cursor), Some((&seq, held))) = (&mut self.cursor, self.packets.first_key_value()) else {
            return Playout::Silence { samples: BLOCK };
        };
        // Were it played when it comes now, it would be heard twice.
        cursor.move_to(seq);
        cursor.at += lost_samples;
        cursor.filled = 0;
        self.stats.fec_packets_decoded += 1;
        self.stats.total_samples_received += missing;
        Playout::Fec { packet: held.payload.clone(), samples: missing as usize }
    }

    fn play(&mut self, now: Time, heard_at: Time) -> Pull {
        let Some((seq, held)) = self.packets.pop_first() else {
            return Pull::of(Playout::Silence { samples: BLOCK });
        };
        let delay = self.delay.delay_micros(heard_at, media_micros(held.at)).max(0) as u64;
        self.current_delay = Duration::from_micros(delay);
        let cursor = self.cursor.get_or_insert(Cursor::at(seq, held.at, held.samples));
        cursor.played(seq, held.at, held.samples, is_dtx(&held.payload));
        let target = self.delay.target();
        let stretch = stretch(self.current_delay, target, cursor.stretched.map(|last| now.since(last)));
        if stretch != Stretch::Keep {
            cursor.stretched = Some(now);
        }
        let samples = u64::from(held.samples);
        self.stats.total_samples_received += samples;
        self.stats.jitter_buffer_emitted_count += samples;
        self.stats.jitter_buffer_delay += now.since(held.arrived) * held.samples;
        self.stats.jitter_buffer_target_delay += target * held.samples;
        Pull { playout: Playout::Packet { payload: held.payload, samples: held.samples as usize }, stretch }
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
    } else if delay + TOO_LITTLE < target {
        Stretch::Expand
    } else {
        Stretch::Keep
    }
}

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;
