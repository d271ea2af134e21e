//! What two devices in a call say to each other: by relayed, signed signals until they are connected, then also by the data channel.

use serde::{Deserialize, Serialize};

/// The payload of a signed [`Envelope`](crate::signal::Envelope).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum PairSignal {
    /// A session description (RFC 8829).
    Description {
        /// `offer` or `answer`.
        kind: SdpKind,
        /// The SDP, every `a=fingerprint` inside.
        sdp: String,
        /// Of an answer: the first `a=ice-ufrag` of the offer that it answers. Without it, it answers whatever was offered last.
        #[serde(default)]
        of: Option<String>,
    },
    /// A trickled candidate (RFC 8838); an empty one ends the generation.
    Candidate {
        /// `candidate:…`, or empty.
        candidate: String,
        /// `a=mid` of its section.
        #[serde(default)]
        mid: Option<String>,
        /// Index of its section.
        #[serde(default)]
        line: Option<u16>,
        /// The ICE user fragment of the generation that it belongs to.
        #[serde(default)]
        ufrag: Option<String>,
    },
    /// This device hangs up with that one.
    Bye,
}

/// Which half of an exchange a description is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SdpKind {
    /// A proposal.
    Offer,
    /// Its answer.
    Answer,
}

/// Label of the data channel that carries [`ChannelMessage`]s: ordered, reliable, negotiated in band by the offerer.
pub const CONTROL_CHANNEL: &str = "snug.control.v1";

/// Most characters (Unicode scalar values) of a [`ChannelMessage::Chat`].
pub const MAX_CHAT_CHARS: usize = 4_000;

/// A text message on the control channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum ChannelMessage {
    /// What the sender of this shows and says; sent on opening and at each change.
    State(MediaState),
    /// How large the receiver of media shows it, in physical pixels; 0×0 while it is hidden.
    Tile {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// The sender of this says something to everybody in the call: sent to each of them, kept by nobody. One without text, with
    /// more than [`MAX_CHAT_CHARS`], or with an id that this pair had already is left out.
    Chat {
        /// Chosen by the sender; the same towards everybody.
        id: crate::TxnId,
        /// Plain text, 1 to [`MAX_CHAT_CHARS`] characters that are not all blank.
        text: String,
    },
    /// The sender of this hangs up.
    Bye,
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a participant sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct MediaState {
    /// Whether their microphone is on.
    pub microphone: bool,
    /// Whether their camera is on.
    pub camera: bool,
}
