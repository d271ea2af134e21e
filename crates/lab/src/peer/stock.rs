//! The numbers of a call that are reported: its totals at the end, and what its video encoder was told meanwhile.

use super::messages::Received;
use snug_call::Clock;
use snug_call::stats::PairStats;
use snug_client::Client;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Often enough to see an estimate fall, and no burden.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Of an hour; later ones are not noted.
const MAX_TARGETS: usize = 14_400;

/// Totals over all pairs of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stock {
    audio_samples: u64,
    concealed_samples: u64,
    keyframes: u64,
    nacks: u64,
    packets_lost: i64,
    retransmissions: u64,
}

impl Stock {
    pub(super) fn with(self, pair: &PairStats) -> Stock {
        let (audio, video) = (pair.inbound_audio, pair.inbound_video);
        Stock {
            audio_samples: self.audio_samples + audio.total_samples_received,
            concealed_samples: self.concealed_samples + audio.concealed_samples,
            keyframes: self.keyframes + video.key_frames_received,
            nacks: self.nacks + video.nack_count,
            packets_lost: self.packets_lost + video.packets_lost,
            retransmissions: self.retransmissions + pair.outbound_video.retransmitted_packets_sent,
        }
    }

    pub(super) fn report(&self, received: &mut Received) {
        received.audio_samples = self.audio_samples;
        received.concealed_samples = self.concealed_samples;
        received.keyframes = self.keyframes;
        received.nacks = self.nacks;
        received.packets_lost = self.packets_lost.max(0) as u64;
        received.sent.retransmissions = self.retransmissions;
    }
}

/// Notes what the video encoder is told, as long as it lives.
pub(super) struct Targets {
    /// Milliseconds since 1970 and kilobits per second. Written by the task, taken by [`Targets::take`]; held for a line each.
    noted: Arc<Mutex<Vec<(u64, f64)>>>,
    task: JoinHandle<()>,
}

impl Targets {
    pub(super) fn follow(client: &Client) -> Targets {
        let client = client.clone();
        let noted = Arc::<Mutex<Vec<(u64, f64)>>>::default();
        let notes = Arc::clone(&noted);
        let task = tokio::spawn(async move {
            let clock = Clock::shared();
            let mut looks = interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                // Without a call there are no numbers.
                let Ok(stats) = client.call_stats().await else { continue };
                let rates = stats.pairs.iter().map(|pair| pair.outbound_video.target_bitrate);
                let kbps = rates.sum::<f64>() / 1000.0;
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                if kbps > 0.0 && notes.len() < MAX_TARGETS {
                    notes.push((clock.unix_ms(clock.now()), kbps));
                }
            }
        });
        Targets { noted, task }
    }

    /// What was noted since the last time.
    pub(super) fn take(&self) -> Vec<(u64, f64)> {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        self.task.abort();
    }
}
