//! What the listener got, in the names of webrtc-stats (RTCInboundRtpStreamStats).

use std::time::Duration;

/// Totals since the stream began. Samples are at 48 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AudioStats {
    /// `packetsReceived`: those that came in time or late, without duplicates.
    pub packets_received: u64,
    /// `packetsDiscarded`: too late, or left out to catch up.
    pub packets_discarded: u64,
    /// Lost packets whose sound came, wholly or from its middle on, from the copy in the next one (in-band
    /// FEC, RFC 6716 §2.1.7).
    pub fec_packets_decoded: u64,
    /// Samples of lost packets that deep redundancy (DRED) of later ones told.
    pub dred_samples: u64,
    /// `totalSamplesReceived`: all samples of packets, concealment and comfort noise.
    pub total_samples_received: u64,
    /// `concealedSamples`, but without comfort noise: only what was made up for sound that did not come
    /// in time. webrtc-stats counts comfort noise in both fields, so that everybody subtracts it again.
    pub concealed_samples: u64,
    /// `silentConcealedSamples`: silence and comfort noise while the sender sent nothing on purpose.
    pub silent_concealed_samples: u64,
    /// `concealmentEvents`: runs of concealed samples.
    pub concealment_events: u64,
    /// `insertedSamplesForDeceleration`.
    pub inserted_samples_for_deceleration: u64,
    /// `removedSamplesForAcceleration`.
    pub removed_samples_for_acceleration: u64,
    /// `jitterBufferDelay`: the sum over samples of the time that each waited for its turn.
    pub jitter_buffer_delay: Duration,
    /// `jitterBufferTargetDelay`: the sum over samples of the target at that time.
    pub jitter_buffer_target_delay: Duration,
    /// `jitterBufferEmittedCount`: the samples in those two sums.
    pub jitter_buffer_emitted_count: u64,
}

impl AudioStats {
    /// The part of the sound that was made up: 0 to 1.
    pub fn concealed_ratio(&self) -> f64 {
        if self.total_samples_received == 0 {
            0.0
        } else {
            self.concealed_samples as f64 / self.total_samples_received as f64
        }
    }

    /// The average time that a sample waited.
    pub fn average_delay(&self) -> Duration {
        self.average(self.jitter_buffer_delay)
    }

    /// The average target delay.
    pub fn average_target_delay(&self) -> Duration {
        self.average(self.jitter_buffer_target_delay)
    }

    fn average(&self, total: Duration) -> Duration {
        if self.jitter_buffer_emitted_count == 0 {
            Duration::ZERO
        } else {
            total.div_f64(self.jitter_buffer_emitted_count as f64)
        }
    }
}
