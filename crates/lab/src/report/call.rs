//! A call's figures: as JSON, and as a table for people.

use super::{Baseline, Quantiles, Validity};
use crate::process::MachineLoad;
use serde::{Deserialize, Serialize};
use snug_media::stats::Samples;
use std::fmt;

/// What one peer got from another in a call. What cannot be read with a given source, or was not asked for, is absent (`null`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// From accepting to the receiver's connected media, in milliseconds.
    pub setup_ms: Option<f64>,
    /// From accepting to the receiver's first decoded picture, in milliseconds.
    pub first_frame_ms: Option<f64>,
    /// From accepting to the receiver's first decoded picture of 1280×720, in milliseconds.
    pub full_resolution_ms: Option<f64>,
    /// The last picture's width in pixels.
    pub width: Option<u32>,
    /// The last picture's height in pixels.
    pub height: Option<u32>,
    /// Decoded pictures per second, from the first to the last.
    pub fps: Option<f64>,
    /// Decoded pictures.
    pub frames_decoded: Option<u64>,
    /// `freezeCount` of W3C webrtc-stats.
    pub freezes: Option<u64>,
    /// `totalFreezesDuration` as a part of the time since the first picture.
    pub freeze_ratio: Option<f64>,
    /// From the camera to the decoded picture.
    pub capture_to_decoded_ms: Option<Quantiles>,
    /// From the microphone to the loudspeaker.
    pub mouth_to_ear_ms: Option<Quantiles>,
    /// `concealedSamples / totalSamplesReceived` of W3C webrtc-stats, `silentConcealedSamples` left out.
    pub audio_concealed_ratio: Option<f64>,
    /// Received video payload in kilobits per second.
    pub video_kbps: Option<f64>,
    /// What the sender's video encoder was told: seconds since the accepting, kilobits per second.
    pub target_kbps: Option<Vec<(f64, f64)>>,
    /// Part of the link's capacity that was used, by whomever, while it had a rate; the first seconds left out.
    pub link_utilisation: Option<f64>,
    /// Part of the same capacity that this pair's packets used; where others used the link, too.
    pub link_share: Option<f64>,
    /// How long packets waited for the link's rate.
    pub queue_delay_ms: Option<Quantiles>,
    /// Retransmissions that the receiver asked for.
    pub nacks: Option<u64>,
    /// Retransmissions that the sender sent.
    pub retransmissions: Option<u64>,
    /// Packets of the largest stream that the emulated link lost or dropped; without one, those that the receiver never got.
    pub packets_lost: Option<u64>,
    /// Keyframes received.
    pub keyframes: Option<u64>,
    /// Netflix's VMAF (0 to 100) of the pictures seen against the same pictures at the camera.
    pub vmaf: Option<f64>,
    /// Peak signal to noise of the same in decibels, where there is no VMAF.
    pub psnr: Option<f64>,
    /// PESQ (ITU-T P.862.2, 1 to 4.64) of what was heard against what was spoken.
    pub pesq: Option<f64>,
    /// ViSQOL (1 to 5) of the same.
    pub visqol: Option<f64>,
    /// How the sender followed each change of the link's rate.
    pub recovery: Option<Vec<Recovery>>,
    /// From the loss of an address to the first picture that was captured after it, in milliseconds.
    pub media_back_ms: Option<f64>,
    /// What the receiver's process used from the accepting to the end, in seconds of one core; of a browser all of its processes.
    pub cpu_seconds: Option<f64>,
    /// The receiver's process's resident memory at the end, in MiB; of a browser all of its processes, what they share counted once.
    pub rss_mib: Option<f64>,
}

/// How a sender followed a change of its link's rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// When the rate changed, in seconds since the accepting.
    pub at_s: f64,
    /// The new rate in kilobits per second.
    pub rate_kbps: f64,
    /// After a fall: until what was sent was within 110 % of the new rate; after a rise: until what came through was back at 80 % of
    /// what was sent before the fall. Averaged over the second that follows; `None` when it never was.
    pub settled_ms: Option<f64>,
}

fn lower<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    either(one, other, |one, other| if other < one { other } else { one })
}

fn higher<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    either(one, other, |one, other| if other > one { other } else { one })
}

fn either<T>(one: Option<T>, other: Option<T>, choose: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    }
}

impl Figures {
    /// The worse of each field.
    fn worse(self, other: Figures) -> Figures {
        Figures {
            setup_ms: higher(self.setup_ms, other.setup_ms),
            first_frame_ms: higher(self.first_frame_ms, other.first_frame_ms),
            full_resolution_ms: higher(self.full_resolution_ms, other.full_resolution_ms),
            width: lower(self.width, other.width),
            height: lower(self.height, other.height),
            fps: lower(self.fps, other.fps),
            frames_decoded: lower(self.frames_decoded, other.frames_decoded),
            freezes: higher(self.freezes, other.freezes),
            freeze_ratio: higher(self.freeze_ratio, other.freeze_ratio),
            capture_to_decoded_ms: either(
                self.capture_to_decoded_ms,
                other.capture_to_decoded_ms,
                Quantiles::worse,
            ),
            mouth_to_ear_ms: either(self.mouth_to_ear_ms, other.mouth_to_ear_ms, Quantiles::worse),
            audio_concealed_ratio: higher(self.audio_concealed_ratio, other.audio_concealed_ratio),
            video_kbps: lower(self.video_kbps, other.video_kbps),
            target_kbps: either(self.target_kbps, other.target_kbps, lower_series),
            link_utilisation: lower(self.link_utilisation, other.link_utilisation),
            link_share: lower(self.link_share, other.link_share),
            queue_delay_ms: either(self.queue_delay_ms, other.queue_delay_ms, Quantiles::worse),
            nacks: higher(self.nacks, other.nacks),
            retransmissions: higher(self.retransmissions, other.retransmissions),
            packets_lost: higher(self.packets_lost, other.packets_lost),
            keyframes: higher(self.keyframes, other.keyframes),
            vmaf: lower(self.vmaf, other.vmaf),
            psnr: lower(self.psnr, other.psnr),
            pesq: lower(self.pesq, other.pesq),
            visqol: lower(self.visqol, other.visqol),
            recovery: either(self.recovery, other.recovery, slower),
            media_back_ms: higher(self.media_back_ms, other.media_back_ms),
            cpu_seconds: higher(self.cpu_seconds, other.cpu_seconds),
            rss_mib: higher(self.rss_mib, other.rss_mib),
        }
    }
}

/// The one with the lower mean.
fn lower_series(one: Vec<(f64, f64)>, other: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mean =
        |series: &[(f64, f64)]| series.iter().map(|(_, kbps)| kbps).sum::<f64>() / series.len().max(1) as f64;
    if mean(&other) < mean(&one) { other } else { one }
}

/// The later of each change; never is the latest.
fn slower(one: Vec<Recovery>, other: Vec<Recovery>) -> Vec<Recovery> {
    let later = |one: Recovery, other: Recovery| match (one.settled_ms, other.settled_ms) {
        (Some(first), Some(second)) if second > first => other,
        (Some(_), None) => other,
        _ => one,
    };
    one.into_iter().zip(other).map(|(one, other)| later(one, other)).collect()
}

/// One direction of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Who sent.
    pub from: String,
    /// Who received and measured.
    pub to: String,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
    /// The same minute by minute, where the call lasted for more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub minutes: Vec<Minute>,
}

/// What the receiver had in one minute of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// Its process's resident memory at the end of the minute, in MiB.
    pub rss_mib: Option<f64>,
    /// Decoded pictures per second.
    pub fps: f64,
    /// From the camera to the decoded picture.
    pub capture_to_decoded_ms: Option<Quantiles>,
    /// From the microphone to the loudspeaker.
    pub mouth_to_ear_ms: Option<Quantiles>,
}

/// How late the emulated network let packets go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// What half do not exceed, in milliseconds.
    pub p50: f64,
    /// What one in a hundred exceeds, in milliseconds.
    pub p99: f64,
}

impl Lateness {
    /// Above this at p99 it is the emulation that is measured.
    const MAX_P99_MS: f64 = 5.0;

    /// Of samples in milliseconds; `None` when there are none.
    pub fn of(late_ms: &Samples) -> Option<Lateness> {
        Some(Lateness { p50: late_ms.p50()?, p99: late_ms.quantile(0.99)? })
    }

    /// Why figures that were taken meanwhile should not be believed, if they should not.
    pub fn objection(&self) -> Option<String> {
        let (p99, max) = (self.p99, Self::MAX_P99_MS);
        (p99 > max)
            .then(|| format!("the network was {p99:.1} ms late at p99, which is more than {max:.0} ms"))
    }
}

/// The network that a call was held on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// The schedule, as it is written for `--schedule`.
    pub schedule: String,
    /// What its chances were drawn from.
    pub seed: u64,
    /// How late its forwarder was.
    pub forwarder_late_ms: Option<Lateness>,
    /// What a download beside the call got, in kilobits per second, the first seconds left out.
    pub download_kbps: Option<f64>,
    /// The same as a part of the link's capacity.
    pub download_share: Option<f64>,
}

/// A headless call, or several on one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallReport {
    /// How many people there were.
    pub peers: usize,
    /// How long it was to last, from the accepting on.
    pub seconds: f64,
    /// Whether the figures can be believed.
    #[serde(flatten)]
    pub validity: Validity,
    /// The emulated network; absent when there was none.
    pub network: Option<NetworkReport>,
    /// Whose call ended before its time.
    pub ended_early: Vec<String>,
    /// Each direction.
    pub pairs: Vec<Pair>,
    /// The worst of each field.
    pub summary: Option<Figures>,
    /// The same call between two browsers; absent when none was asked for.
    pub baseline: Option<Baseline>,
    /// `summary` by `baseline` for each number that both have.
    pub ratio: Option<serde_json::Map<String, serde_json::Value>>,
}

impl CallReport {
    /// Puts pairs together.
    pub fn of(peers: usize, seconds: f64, machine: Option<MachineLoad>, pairs: Vec<Pair>) -> CallReport {
        let summary = pairs.iter().map(|pair| pair.figures.clone()).reduce(Figures::worse);
        let (network, ended_early) = (None, Vec::new());
        CallReport {
            peers,
            seconds,
            validity: Validity::judge(machine),
            network,
            ended_early,
            pairs,
            summary,
            baseline: None,
            ratio: None,
        }
    }

    /// Adds the network, whose lateness may make the figures doubtful.
    pub fn on(mut self, network: Option<NetworkReport>) -> CallReport {
        let objection = network.as_ref().and_then(|network| network.forwarder_late_ms?.objection());
        if let Some(objection) = objection {
            self.validity.doubt(objection);
        }
        CallReport { network, ..self }
    }
}

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.pairs.iter().map(|pair| (format!("{} → {}", pair.from, pair.to), &pair.figures));
        let columns = named.chain(self.summary.iter().map(|worst| ("worst".to_owned(), worst)));
        let theirs = self.baseline.iter().map(|theirs| ("baseline".to_owned(), &theirs.summary));
        let columns: Vec<_> = columns.chain(theirs).collect();
        write!(f, "{:20}", "")?;
        columns.iter().try_for_each(|(name, _)| write!(f, "{name:>18}"))?;
        writeln!(f)?;
        for (name, cell) in ROWS {
            let cells: Vec<String> = columns.iter().map(|(_, figures)| cell(figures)).collect();
            if cells.iter().all(|cell| cell == NOTHING) {
                continue;
            }
            write!(f, "{name:20}")?;
            cells.iter().try_for_each(|cell| write!(f, "{cell:>18}"))?;
            writeln!(f)?;
        }
        if let Some(network) = &self.network {
            write!(f, "Network {}, seed {}", network.schedule, network.seed)?;
            if let Some(Lateness { p50, p99 }) = network.forwarder_late_ms {
                write!(f, "; late by {p50:.2} / {p99:.2} ms (p50 / p99)")?;
            }
            if let Some(kbps) = network.download_kbps {
                write!(f, "; a download got {kbps:.0} kbit/s")?;
            }
            writeln!(f, ".")?;
        }
        if !self.ended_early.is_empty() {
            writeln!(f, "The call ended before its time at {}.", self.ended_early.join(" and "))?;
        }
        if !self.validity.valid {
            writeln!(f, "Do not believe these figures: {}.", self.validity.why.join("; "))?;
        }
        match &self.baseline {
            Some(theirs) if !theirs.validity.valid => {
                writeln!(f, "Do not believe the baseline: {}.", theirs.validity.why.join("; "))
            }
            _ => Ok(()),
        }
    }
}

type Cell = fn(&Figures) -> String;

const ROWS: [(&str, Cell); 26] = [
    ("setup", |it| number(it.setup_ms, " ms")),
    ("first frame", |it| number(it.first_frame_ms, " ms")),
    ("full resolution", |it| number(it.full_resolution_ms, " ms")),
    ("picture", |it| text(it.width.zip(it.height).map(|(width, height)| format!("{width}×{height}")))),
    ("fps", |it| number(it.fps, "")),
    ("frames decoded", |it| text(it.frames_decoded)),
    ("freezes", |it| text(it.freezes)),
    ("freeze ratio", |it| text(it.freeze_ratio.map(|ratio| format!("{ratio:.4}")))),
    ("capture to decoded", |it| quantiles(it.capture_to_decoded_ms)),
    ("mouth to ear", |it| quantiles(it.mouth_to_ear_ms)),
    ("audio concealed", |it| percent(it.audio_concealed_ratio)),
    ("video", |it| number(it.video_kbps, " kbit/s")),
    ("link used", |it| percent(it.link_utilisation)),
    ("of it by this pair", |it| percent(it.link_share)),
    ("queue", |it| quantiles(it.queue_delay_ms)),
    ("packets lost", |it| text(it.packets_lost)),
    ("asked again", |it| text(it.nacks)),
    ("sent again", |it| text(it.retransmissions)),
    ("keyframes", |it| text(it.keyframes)),
    ("VMAF", |it| number(it.vmaf, "")),
    ("PSNR", |it| number(it.psnr, " dB")),
    ("PESQ", |it| text(it.pesq.map(|score| format!("{score:.2}")))),
    ("ViSQOL", |it| text(it.visqol.map(|score| format!("{score:.2}")))),
    ("media back", |it| number(it.media_back_ms, " ms")),
    ("CPU", |it| number(it.cpu_seconds, " s")),
    ("memory", |it| number(it.rss_mib, " MiB")),
];

const NOTHING: &str = "–";

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

fn number(value: Option<f64>, unit: &str) -> String {
    text(value.map(|value| format!("{value:.1}{unit}")))
}

fn percent(ratio: Option<f64>) -> String {
    number(ratio.map(|ratio| ratio * 100.0), " %")
}

fn quantiles(value: Option<Quantiles>) -> String {
    text(value.map(|it| format!("{:.0} / {:.0} ms", it.p50, it.p95)))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
