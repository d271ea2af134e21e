//! What can be asked for.

use super::VoiceOptions;
use anyhow::Result;
use clap::Args;
use snug_media::Bitrate;
use std::path::PathBuf;

/// The arguments of `snug-lab voice`.
#[derive(Debug, Args)]
pub struct VoiceArguments {
    /// Speech: a wav file of one channel of 16 bits at 48 kHz.
    #[arg(long)]
    speech: PathBuf,
    /// A network, as for a call: clean, or what differs from it; may be given again.
    #[arg(long, default_value = "clean")]
    link: Vec<String>,
    /// How many runs on each network.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The voice's rate in kbit/s, copies included; what the loss asks for when absent.
    #[arg(long)]
    bitrate: Option<u64>,
    /// Send no copies of lost packets.
    #[arg(long)]
    no_fec: bool,
    /// Send no deep redundancy.
    #[arg(long)]
    no_dred: bool,
    /// By how many parts per million the speaker's card runs fast.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    drift: f64,
    /// Folder to write to what was heard.
    #[arg(long)]
    record: Option<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl VoiceArguments {
    /// What they ask for; an error when a network is none.
    pub fn options(self) -> Result<VoiceOptions> {
        let named = |link: String| -> Result<_> {
            let profile = link.parse()?;
            Ok((link, profile))
        };
        Ok(VoiceOptions {
            speech: self.speech,
            links: self.link.into_iter().map(named).collect::<Result<_>>()?,
            seeds: self.seeds,
            bitrate: self.bitrate.map(Bitrate::kbps),
            fec: !self.no_fec,
            dred: !self.no_dred,
            drift_ppm: self.drift,
            record: self.record,
        })
    }
}
