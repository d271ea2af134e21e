//! An event stream, read by the rules of WHATWG HTML §9.2.6.

use super::{http::Api, soon};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use hyper::Method;
use snug_protocol::event::Event;

/// One dispatched block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Vec<String>,
    pub(crate) retry: Option<String>,
}

impl Frame {
    /// The row in it, if it carries one.
    pub(crate) fn row(&self) -> Option<Event> {
        let kind = self.event.as_deref()?;
        if kind == "gap" {
            return None;
        }
        let event: Event = serde_json::from_str(&self.data.join("\n")).unwrap();
        assert_eq!(event.kind, kind);
        assert!(self.id.as_ref().unwrap().ends_with(&format!(".{}", event.seq)));
        Some(event)
    }
}

/// An open stream.
pub(crate) struct Stream {
    body: BodyDataStream,
    buffer: Vec<u8>,
    /// Of the last frame that had one.
    pub(crate) cursor: Option<String>,
}

impl Stream {
    pub(crate) async fn open(api: &Api, cursor: Option<&str>) -> Self {
        let fresh = Api::new(api.target, api.token.clone());
        let mut request = fresh.request(Method::GET, "/events");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor);
        }
        let response = fresh.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: Body::new(response.into_body()).into_data_stream(),
            buffer: Vec::new(),
            cursor: cursor.map(ToOwned::to_owned),
        }
    }

    /// Opens it and reads the first frame, after which the person counts as present.
    pub(crate) async fn begin(api: &Api, cursor: Option<&str>) -> Self {
        let mut stream = Self::open(api, cursor).await;
        let first = stream.frame().await.expect("a first frame");
        assert_eq!(first.retry.as_deref(), Some("2000"));
        stream
    }

    /// Waits until rows come live and not from a replay, which only a heartbeat tells; for servers whose heart beats fast.
    pub(crate) async fn goes_live(&mut self) {
        while self.frame().await.expect("a heartbeat")
            != (Frame { id: self.cursor.clone(), ..Frame::default() })
        {}
    }

    /// The next frame; none when the server ended the stream or the connection broke.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        soon("a frame", async {
            loop {
                if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                    let frame = parse(std::str::from_utf8(&block).unwrap());
                    self.cursor = frame.id.clone().or(self.cursor.take());
                    return Some(frame);
                }
                self.buffer.extend_from_slice(&self.body.next().await?.ok()?);
            }
        })
        .await
    }

    /// The next row; frames without one are passed over.
    pub(crate) async fn row(&mut self) -> Option<Event> {
        loop {
            if let Some(row) = self.frame().await?.row() {
                return Some(row);
            }
        }
    }

    /// Rows up to the one at `seq`, it included; all of them if the stream ends before.
    pub(crate) async fn rows_until(&mut self, seq: u64) -> Vec<Event> {
        let mut rows = Vec::new();
        while let Some(row) = self.row().await {
            let done = row.seq >= seq;
            rows.push(row);
            if done {
                break;
            }
        }
        rows
    }
}

fn parse(block: &str) -> Frame {
    let mut frame = Frame::default();
    for line in block.lines().filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a field: {line:?}"));
        match field {
            "id" => frame.id = Some(value.to_owned()),
            "event" => frame.event = Some(value.to_owned()),
            "data" => frame.data.push(value.to_owned()),
            "retry" => frame.retry = Some(value.to_owned()),
            other => panic!("unknown field {other}"),
        }
    }
    frame
}
