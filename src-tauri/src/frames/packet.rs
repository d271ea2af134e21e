//! The bytes of one answer to `pull_video`. The other end, and the description of the layout, is ui/src/video/packet.ts.

use super::queue::Taken;
use serde::Serialize;
use snug_call::clock::Clock;

/// What the webview is told of one picture.
#[derive(Serialize)]
struct Header {
    stream: String,
    keyframe: bool,
    /// Unix milliseconds.
    due: f64,
    /// Unix milliseconds.
    sent: f64,
    /// Microseconds.
    timestamp: u64,
    width: u16,
    height: u16,
    /// Bytes.
    size: usize,
}

/// The pictures in one piece.
pub(super) fn write(pictures: Vec<Taken>, clock: Clock) -> Vec<u8> {
    let millis = |time| clock.unix_micros(time) as f64 / 1000.0;
    let sent = millis(clock.now());
    let headers: Vec<Header> = pictures
        .iter()
        .map(|Taken { name, frame, timestamp }| Header {
            stream: name.to_string(),
            keyframe: frame.frame.keyframe,
            due: millis(frame.due),
            sent,
            timestamp: *timestamp,
            width: frame.frame.width,
            height: frame.frame.height,
            size: frame.frame.data.len(),
        })
        .collect();
    let header = serde_json::to_vec(&headers).expect("numbers and plain strings are JSON");
    let payload: usize = headers.iter().map(|header| header.size).sum();
    let mut bytes = Vec::with_capacity(4 + header.len() + payload);
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    for picture in &pictures {
        bytes.extend_from_slice(&picture.frame.frame.data);
    }
    bytes
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::queue::tests::frame;
    use super::*;
    use snug_client::StreamName;

    /// Headers and payloads of an answer, read as the webview reads them.
    pub(crate) fn read(bytes: &[u8]) -> Vec<(serde_json::Value, Vec<u8>)> {
        let (length, rest) = bytes.split_at(4);
        let (header, mut payload) = rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
        let headers: Vec<serde_json::Value> = serde_json::from_slice(header).unwrap();
        let pictures = headers.into_iter().map(|header| {
            let (data, after) = payload.split_at(header["size"].as_u64().unwrap() as usize);
            payload = after;
            (header, data.to_vec())
        });
        let pictures = pictures.collect();
        assert!(payload.is_empty());
        pictures
    }

    #[test]
    fn an_answer_has_the_layout_that_the_webview_reads() {
        let peer = StreamName::Peer(snug_protocol::DeviceId::random());
        let pictures = vec![
            Taken { name: StreamName::Own, frame: frame(1, true), timestamp: 33_333 },
            Taken { name: peer, frame: frame(2, false), timestamp: 66_666 },
        ];
        let due = Clock::shared().unix_micros(pictures[1].frame.due) as f64 / 1000.0;
        let read = read(&write(pictures, Clock::shared()));
        assert_eq!(read[0].0["stream"], "self");
        assert_eq!(read[0].0["keyframe"], true);
        assert_eq!(read[0].1, 1u32.to_be_bytes());
        assert_eq!(read[1].0["stream"], peer.to_string());
        assert_eq!(read[1].0["timestamp"], 66_666);
        assert_eq!(read[1].0["due"].as_f64().unwrap(), due);
        assert_eq!((read[1].0["width"].as_u64(), read[1].0["height"].as_u64()), (Some(640), Some(360)));
        assert_eq!(read[0].0["sent"], read[1].0["sent"]);
        assert_eq!(read[1].1, 2u32.to_be_bytes());
    }
}
