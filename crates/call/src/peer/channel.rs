//! The control channel: small JSON messages, in order, between the two devices.
//!
//! Made by whoever offers first. When two offers collided there may be two channels; then each side speaks on the first
//! that opened and listens on both.

use bytes::BytesMut;
use snug_protocol::pair::{CONTROL_CHANNEL, ChannelMessage};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

/// Messages are far below 1 kB.
const MAX_MESSAGE: usize = 16 * 1024;
/// Channels that the other side may open.
const MAX_CHANNELS: usize = 4;

/// What a channel says.
pub(super) enum Heard {
    Open(Arc<dyn DataChannel>),
    Message(ChannelMessage),
}

/// The channels of one connection. Dropping it ends their readers.
pub(super) struct ControlChannels {
    readers: JoinSet<()>,
    /// To the control task; awaited, so a flood waits in SCTP's window.
    heard: mpsc::Sender<Heard>,
    speaker: Option<Arc<dyn DataChannel>>,
    created: bool,
}

impl ControlChannels {
    pub(super) fn new(heard: mpsc::Sender<Heard>) -> ControlChannels {
        ControlChannels { readers: JoinSet::new(), heard, speaker: None, created: false }
    }

    /// Whether this side made one already.
    pub(super) fn created(&self) -> bool {
        self.created
    }

    /// Listens on a channel that this side made.
    pub(super) fn made(&mut self, channel: Arc<dyn DataChannel>) {
        self.created = true;
        self.read(channel);
    }

    /// Listens on a channel that the other side made, if it is ours by its label.
    pub(super) fn offered(&mut self, channel: Arc<dyn DataChannel>) {
        if self.readers.len() < MAX_CHANNELS {
            self.read(channel);
        }
    }

    /// A channel is open: the first is spoken on. Says whether it was the first.
    pub(super) fn opened(&mut self, channel: Arc<dyn DataChannel>) -> bool {
        let first = self.speaker.is_none();
        if first {
            self.speaker = Some(channel);
        }
        first
    }

    /// Says something, if a channel is open; what is said on opening repeats what mattered before.
    pub(super) async fn say(&self, message: &ChannelMessage) {
        let Some(channel) = &self.speaker else { return };
        let text = match serde_json::to_string(message) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a message of ours has no JSON");
                return;
            }
        };
        if let Err(error) = channel.send_text(&text).await {
            tracing::debug!(%error, "the control channel is closed");
        }
    }

    fn read(&mut self, channel: Arc<dyn DataChannel>) {
        let heard = self.heard.clone();
        self.readers.spawn(async move {
            if !channel.label().await.is_ok_and(|label| label == CONTROL_CHANNEL) {
                tracing::debug!("a channel that we do not know");
                return;
            }
            while let Some(event) = channel.poll().await {
                let said = match event {
                    DataChannelEvent::OnOpen => Heard::Open(Arc::clone(&channel)),
                    DataChannelEvent::OnMessage(message) => match parse(&message.data) {
                        Some(message) => Heard::Message(message),
                        None => continue,
                    },
                    DataChannelEvent::OnClose => return,
                    _ => continue,
                };
                if heard.send(said).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn parse(data: &BytesMut) -> Option<ChannelMessage> {
    if data.len() > MAX_MESSAGE {
        tracing::debug!(bytes = data.len(), "a control message that is too large");
        return None;
    }
    serde_json::from_slice(data).map_err(|error| tracing::debug!(%error, "not a control message")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_on_the_channel_is_nothing_and_unknown_types_are_unknown() {
        assert_eq!(parse(&BytesMut::from(&b"{\"type\":\"bye\"}"[..])), Some(ChannelMessage::Bye));
        assert_eq!(parse(&BytesMut::from(&b"{\"type\":\"dance\"}"[..])), Some(ChannelMessage::Unknown));
        assert_eq!(parse(&BytesMut::from(&b"\xff\x00"[..])), None);
        assert_eq!(parse(&BytesMut::from(" ".repeat(MAX_MESSAGE + 1).as_bytes())), None);
    }
}
