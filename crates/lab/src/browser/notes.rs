//! What a page noted of its call, and the same in the lab's own words: as if one of its own people had received it.

use super::stats::Connection;
use crate::call::gate::Sighting;
use crate::peer::messages::{Counted, Picture, Received};
use crate::windows::{Window, decode, strip_geometry};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;

const OBSERVE: &str = include_str!("observe.js");
const WORKER: &str = include_str!("observe_worker.js");
const READ: &str = "const { notes, take } = window.__snugCall; \
                    return take('notes').then((frames) => ({ ...notes, ...frames }))";
const FORGET: &str = "window.__snugCall.forget()";
/// Has something brought over from the worker, and tells how much it is.
const FETCH: &str = "const call = window.__snugCall; return call.take(arguments[0]).then((taken) => { \
                     call.taken = taken.bytes; return { length: taken.bytes.length, rate: taken.rate ?? null } })";
const SLICE: &str = "return window.__snugCall.taken.subarray(arguments[0], arguments[1]).toBase64()";
/// Bytes that WebDriver brings over at once.
const SLICE_BYTES: u64 = 4 << 20;

/// What is kept beside the notes, for scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// Encoded pictures, as they came.
    pub pictures: bool,
    /// The sound of the others.
    pub sound: bool,
}

/// A decoded frame: milliseconds since 1970, width, height and the code's bits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Frame(f64, u32, u32, Option<String>);

/// What a page noted. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Notes {
    /// When it said to the server that it is in the call.
    pub joined: Option<f64>,
    /// When each of its connections stood.
    pub connected: Vec<f64>,
    /// What its video encoder was told, in kilobits per second.
    targets: Vec<(f64, f64)>,
    /// What it received.
    seen: Vec<Frame>,
    /// What its own camera gave.
    own: Vec<Frame>,
    /// Why frames could not be read, if they could not.
    problem: Option<String>,
}

impl Notes {
    /// Begins to note. To be called before the guest knocks.
    pub(super) async fn begin(window: &Window, keep: Keep) -> Result<()> {
        let arguments = vec![json!(WORKER), json!(strip_geometry()), json!(keep.pictures), json!(keep.sound)];
        window.look(OBSERVE, arguments).await.map(drop)
    }

    /// Forgets what was received until now: it was of another call.
    pub(super) async fn forget(window: &Window) -> Result<()> {
        window.look(FORGET, vec![]).await.map(drop)
    }

    /// Everything up to now.
    pub(super) async fn read(window: &Window) -> Result<Notes> {
        let notes: Notes = serde_json::from_value(window.look(READ, vec![]).await?)?;
        if let Some(problem) = &notes.problem {
            bail!("{} cannot read its pictures: {problem}", window.who());
        }
        Ok(notes)
    }

    /// When its own camera gave each picture that has a code.
    pub fn shown(&self) -> Vec<Sighting> {
        let shown =
            |frame: &Frame| Some(Sighting { at_ms: frame.0 as u64, code: decode(frame.3.as_deref()?)? });
        self.own.iter().filter_map(shown).collect()
    }

    /// What was received, with what the page's connections counted.
    pub fn received(&self, connections: &[Connection]) -> Received {
        let mut received = Received::default();
        for Frame(at_ms, width, height, bits) in &self.seen {
            let at_us = (at_ms * 1000.0) as u64;
            if (received.width, received.height) != (*width, *height) {
                (received.width, received.height) = (*width, *height);
                received.sizes.push((at_us, *width, *height));
            }
            let code = bits.as_deref().and_then(decode);
            let code = code.map(|code| (code.sender, code.frame_no, code.time_ms));
            // A browser shows what it has decoded at its next refresh, which has nothing to do with the network.
            received.pictures.push(Picture { decoded_us: at_us, shown_us: at_us, code });
        }
        let mut counted = Counted::default();
        for connection in connections {
            let (video, audio) = (connection.inbound("video"), connection.inbound("audio"));
            let count = |number: f64| number.max(0.0) as u64;
            // What came twice is no picture more.
            received.video_bytes += count(video.bytes - video.retransmitted_bytes);
            received.keyframes += count(video.key_frames_decoded);
            received.nacks += count(video.nacks);
            received.packets_lost += count(video.packets_lost);
            received.audio_samples += count(audio.total_samples_received);
            received.concealed_samples += count(audio.concealed_samples - audio.silent_concealed_samples);
            counted.frames_decoded += count(video.frames_decoded);
            counted.freezes += count(video.freezes);
            counted.freezes_seconds += video.freezes_seconds;
            received.sent.retransmissions += count(connection.retransmitted_packets_sent("video"));
        }
        received.counted = Some(counted);
        received.sent.targets = self.targets.iter().map(|&(at_ms, kbps)| (at_ms as u64, kbps)).collect();
        received
    }
}

/// Gives each picture the time at which its camera gave it, where a clip has none of its own: its number is looked up in what the
/// sender's page saw of its camera. A clip begins anew every few seconds, so it is the latest such picture before.
pub fn retime(pictures: &mut [Picture], shown: &[Sighting]) {
    for picture in pictures {
        let Some((sender, number, _)) = picture.code else { continue };
        let before = shown.partition_point(|shown| shown.at_ms <= picture.decoded_us / 1000);
        let same = |shown: &&Sighting| (shown.code.sender, shown.code.frame_no) == (sender, number);
        let at_ms = shown[..before].iter().rfind(same).map(|shown| shown.at_ms);
        picture.code = at_ms.map(|at_ms| (sender, number, at_ms as u32));
    }
}

/// Writes what was heard, as 16-bit PCM. Nothing when nothing came.
pub(super) async fn save_sound(window: &Window, path: &Path) -> Result<()> {
    let (bytes, rate) = fetch(window, "sound").await?;
    let Some(rate) = rate else { return Ok(()) };
    let format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: format };
    let mut file = hound::WavWriter::create(path, spec).with_context(|| path.display().to_string())?;
    for sample in bytes.chunks_exact(2) {
        file.write_sample(i16::from_le_bytes([sample[0], sample[1]]))?;
    }
    Ok(file.finalize()?)
}

/// Writes the encoded pictures as they came (IVF).
pub(super) async fn save_pictures(window: &Window, path: &Path) -> Result<()> {
    let (bytes, _) = fetch(window, "pictures").await?;
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

async fn fetch(window: &Window, what: &str) -> Result<(Vec<u8>, Option<u32>)> {
    let taken = window.look(FETCH, vec![json!(what)]).await?;
    let length = taken["length"].as_u64().context("a length")?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let begin = bytes.len() as u64;
        let slice = window.look(SLICE, vec![json!(begin), json!(begin + SLICE_BYTES)]).await?;
        let slice = BASE64_STANDARD.decode(slice.as_str().context("base64")?)?;
        ensure!(!slice.is_empty(), "the page gave less than it has");
        bytes.extend(slice);
    }
    Ok((bytes, taken["rate"].as_u64().and_then(|rate| u32::try_from(rate).ok())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_media::I420;
    use snug_media::pattern::{self, Code};

    fn sighting(at_ms: u64, frame_no: u32) -> Sighting {
        Sighting { at_ms, code: Code { sender: 1, frame_no, time_ms: 0 } }
    }

    fn picture(at_ms: u64, frame_no: u32) -> Picture {
        Picture { decoded_us: at_ms * 1000, shown_us: 0, code: Some((1, frame_no, 7)) }
    }

    #[test]
    fn a_clips_picture_is_as_old_as_the_last_time_that_its_camera_gave_it() {
        let shown = [sighting(100, 5), sighting(133, 6), sighting(10_100, 5), sighting(10_133, 6)];
        let mut pictures =
            [picture(180, 5), picture(10_120, 6), picture(10_190, 5), picture(50, 5), picture(200, 9)];
        retime(&mut pictures, &shown);
        let times = pictures.map(|picture| picture.code.map(|(_, _, time)| time));
        assert_eq!(times, [Some(100), Some(133), Some(10_100), None, None]);
    }

    #[test]
    fn what_a_page_counts_reads_like_what_a_peer_received() {
        let mut drawn = I420::black(1280, 720).unwrap();
        pattern::draw(&mut drawn, 1, 42, 1400);
        // The bits are the three rows of the code, one after another.
        let bit = |row: u32, column: u32| {
            drawn.y()[((32 + row * 32 + 16) * 1280 + 128 + column * 32 + 16) as usize] > 100
        };
        let bits = (0..96).map(|at| if bit(at / 32, at % 32) { '1' } else { '0' }).collect::<String>();
        let hex = format!("{:024x}", u128::from_str_radix(&bits, 2).unwrap());
        let notes = serde_json::json!({
            "joined": 1000.5, "connected": [1200.0], "targets": [[1500.4, 300.0]], "problem": null,
            "own": [[1400.0, 1280, 720, hex]],
            "seen": [[1450.0, 640, 360, null], [1483.0, 1280, 720, hex], [1516.0, 1280, 720, "0"]],
        });
        let notes: Notes = serde_json::from_value(notes).unwrap();
        let connection = Connection::of(&serde_json::json!([
            { "id": "v", "type": "inbound-rtp", "kind": "video", "bytesReceived": 5000, "retransmittedBytesReceived": 1000,
              "nackCount": 3, "packetsLost": 4, "framesDecoded": 4, "keyFramesDecoded": 2, "freezeCount": 1, "totalFreezesDuration": 0.5 },
            { "id": "a", "type": "inbound-rtp", "kind": "audio", "totalSamplesReceived": 48000,
              "concealedSamples": 4800, "silentConcealedSamples": 800 },
            { "id": "o", "type": "outbound-rtp", "kind": "video", "retransmittedPacketsSent": 9 },
        ]));
        let received = notes.received(&[connection]);
        assert_eq!(received.pictures.len(), 3);
        assert_eq!(received.pictures[1].code, Some((1, 42, 1400)));
        assert_eq!(received.sizes, [(1_450_000, 640, 360), (1_483_000, 1280, 720)]);
        assert_eq!(
            (received.video_bytes, received.concealed_samples, received.audio_samples),
            (4000, 4000, 48_000)
        );
        assert_eq!((received.nacks, received.packets_lost, received.keyframes), (3, 4, 2));
        assert_eq!(received.counted, Some(Counted { frames_decoded: 4, freezes: 1, freezes_seconds: 0.5 }));
        assert_eq!(
            (received.sent.retransmissions, received.sent.targets.as_slice()),
            (9, &[(1500, 300.0)][..])
        );
        assert_eq!(
            notes.shown(),
            [Sighting { at_ms: 1400, code: Code { sender: 1, frame_no: 42, time_ms: 1400 } }]
        );
    }
}
