//! What a page's connections count, by `getStats` (W3C webrtc-stats).

use crate::windows::Window;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::HashMap;

/// Notes every connection that the page makes from now on. To be run before it makes one.
pub(super) const NOTE_CONNECTIONS: &str = r#"
if (window.__snugConnections) return
const connections = (window.__snugConnections = [])
const Real = window.RTCPeerConnection
window.RTCPeerConnection = class extends Real {
  constructor(...given) {
    super(...given)
    connections.push(this)
  }
}
"#;

/// Every report of every connection that is not closed. Waits for the answers, which WebDriver does for a promise.
const READ: &str = r#"
const open = (window.__snugConnections ?? []).filter(({ connectionState }) => connectionState !== 'closed')
return Promise.all(open.map(async (connection) => [...(await connection.getStats()).values()]))
"#;

/// The reports of one connection, by their ids.
#[derive(Clone, Debug)]
pub struct Connection {
    reports: HashMap<String, Value>,
}

/// What came in on one stream of a connection (`inbound-rtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inbound {
    /// Bytes of payload.
    pub bytes: f64,
    /// Packets that never came.
    pub packets_lost: f64,
    /// Video: pictures decoded.
    pub frames_decoded: f64,
    /// Audio: the energy of what was heard.
    pub total_audio_energy: f64,
    /// Audio: samples made up for lost ones.
    pub concealed_samples: f64,
    /// Of these, made up as silence or comfort noise.
    pub silent_concealed_samples: f64,
    /// Audio: all samples.
    pub total_samples_received: f64,
    /// Of the bytes, those that were sent again.
    pub retransmitted_bytes: f64,
    /// Video: `nackCount`.
    pub nacks: f64,
    /// Video: keyframes decoded.
    pub key_frames_decoded: f64,
    /// Video: `freezeCount`.
    pub freezes: f64,
    /// Video: `totalFreezesDuration`, in seconds.
    pub freezes_seconds: f64,
}

impl Connection {
    pub(super) async fn all(window: &Window) -> Result<Vec<Connection>> {
        let read = window.look(READ, vec![]).await?;
        let connections = read.as_array().context("a list of connections")?;
        ensure!(!connections.is_empty(), "{}'s page has no connection", window.who());
        Ok(connections.iter().map(Connection::of).collect())
    }

    pub(super) fn of(reports: &Value) -> Connection {
        let named = |report: &Value| Some((report["id"].as_str()?.to_owned(), report.clone()));
        Connection { reports: reports.as_array().into_iter().flatten().filter_map(named).collect() }
    }

    /// All reports of a type, such as `candidate-pair`.
    pub fn reports(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.reports.values().filter(move |report| report["type"] == kind)
    }

    /// What came in of a kind, `audio` or `video`; streams that were replaced are added up.
    pub fn inbound(&self, kind: &str) -> Inbound {
        let mut sum = Inbound::default();
        for report in self.reports("inbound-rtp").filter(|report| report["kind"] == kind) {
            let number = |name: &str| report[name].as_f64().unwrap_or(0.0);
            sum.bytes += number("bytesReceived");
            sum.packets_lost += number("packetsLost");
            sum.frames_decoded += number("framesDecoded");
            sum.total_audio_energy += number("totalAudioEnergy");
            sum.concealed_samples += number("concealedSamples");
            sum.silent_concealed_samples += number("silentConcealedSamples");
            sum.total_samples_received += number("totalSamplesReceived");
            sum.retransmitted_bytes += number("retransmittedBytesReceived");
            sum.nacks += number("nackCount");
            sum.key_frames_decoded += number("keyFramesDecoded");
            sum.freezes += number("freezeCount");
            sum.freezes_seconds += number("totalFreezesDuration");
        }
        sum
    }

    /// Packets of a kind that were sent again.
    pub fn retransmitted_packets_sent(&self, kind: &str) -> f64 {
        let sent = self.reports("outbound-rtp").filter(|report| report["kind"] == kind);
        sent.map(|report| report["retransmittedPacketsSent"].as_f64().unwrap_or(0.0)).sum()
    }

    /// The codec that a kind is received in, such as `video/VP8`.
    pub fn codec(&self, kind: &str) -> Option<String> {
        let report = self.reports("inbound-rtp").find(|report| report["kind"] == kind)?;
        let codec = self.reports.get(report["codecId"].as_str()?)?;
        codec["mimeType"].as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn streams_of_a_kind_are_added_up_and_name_their_codec() {
        let reports = json!([
            { "id": "a", "type": "inbound-rtp", "kind": "video", "framesDecoded": 3, "bytesReceived": 10, "codecId": "c" },
            { "id": "b", "type": "inbound-rtp", "kind": "video", "framesDecoded": 4, "codecId": "c" },
            { "id": "d", "type": "inbound-rtp", "kind": "audio", "totalAudioEnergy": 0.5 },
            { "id": "c", "type": "codec", "mimeType": "video/VP8" },
            { "type": "nameless" },
        ]);
        let connection = Connection::of(&reports);
        let video = connection.inbound("video");
        assert_eq!((video.frames_decoded, video.bytes), (7.0, 10.0));
        assert_eq!(connection.inbound("audio").total_audio_energy, 0.5);
        assert_eq!(connection.codec("video").as_deref(), Some("video/VP8"));
        assert_eq!(connection.codec("audio"), None);
        assert_eq!(Connection::of(&json!("rubbish")).reports("codec").count(), 0);
    }
}
