//! The shape of the JSON.

use serde::Serialize;

/// All runs.
#[derive(Clone, Debug, Serialize)]
pub struct VoiceReport {
    /// One for each network and seed.
    pub runs: Vec<VoiceRun>,
}

/// One voice over one network.
#[derive(Clone, Debug, Serialize)]
pub struct VoiceRun {
    /// The network, as it was named.
    pub link: String,
    /// What its chances were drawn from.
    pub seed: u64,
    /// Packets that were sent and lost.
    pub packets_sent: u64,
    /// Packets that the network lost.
    pub packets_lost: u64,
    /// What the voice took, RTP, UDP and IP headers left out, while packets were sent.
    pub bitrate_kbps: f64,
    /// Part of the sound that was made up: 0 to 1.
    pub concealed: f64,
    /// Part of the sound that copies (FEC) and deep redundancy (DRED) gave: 0 to 1.
    pub fec: f64,
    /// See `fec`.
    pub dred: f64,
    /// Packets that came too late, or were left out to catch up.
    pub packets_discarded: u64,
    /// How long packets waited for their turn on average, in ms.
    pub jitter_buffer_ms: f64,
    /// What the buffer aimed at on average, in ms.
    pub target_ms: f64,
    /// Samples that were taken out or put in, as part of all: 0 to 1.
    pub stretched: f64,
    /// CPU for 20 ms of sound, in ms: what encoding took, and what receiving and decoding took.
    pub encode_ms: f64,
    /// See `encode_ms`.
    pub decode_ms: f64,
    /// The file with what was heard, when one was asked for.
    pub heard: Option<String>,
}

impl std::fmt::Display for VoiceReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{:<28} {:>4} {:>6} {:>6} {:>9} {:>6} {:>6} {:>8} {:>8} {:>6} {:>6}",
            "network",
            "seed",
            "lost%",
            "kbit/s",
            "concealed",
            "fec%",
            "dred%",
            "wait ms",
            "target",
            "enc",
            "dec"
        )?;
        for run in &self.runs {
            writeln!(
                f,
                "{:<28} {:>4} {:>6.1} {:>6.1} {:>8.2}% {:>6.1} {:>6.1} {:>8.1} {:>8.1} {:>6.2} {:>6.2}",
                run.link,
                run.seed,
                100.0 * run.packets_lost as f64 / run.packets_sent.max(1) as f64,
                run.bitrate_kbps,
                100.0 * run.concealed,
                100.0 * run.fec,
                100.0 * run.dred,
                run.jitter_buffer_ms,
                run.target_ms,
                run.encode_ms,
                run.decode_ms,
            )?;
        }
        Ok(())
    }
}
