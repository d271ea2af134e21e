//! Event content: bytes that only clients read, and the JSON that clients put into them today.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// Opaque bytes, written as unpadded base64 in JSON.
///
/// The server stores and returns them unread; end-to-end encryption will change what is in them and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, ts_rs::TS)]
#[ts(type = "string")]
pub struct Content(pub Vec<u8>);

impl Content {
    /// The JSON of `value`, which must be one of this crate's plain data types.
    pub fn json<T: Serialize>(value: &T) -> Self {
        Self(serde_json::to_vec(value).expect("wire types have string keys and no failing serialisers"))
    }

    /// Reads the bytes as JSON of `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD_NO_PAD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Content of [`kind::MESSAGE`](crate::event::kind::MESSAGE): what somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Plain text, at least one character that is not white space.
    pub body: String,
}

/// Content of [`kind::CALL_RING`](crate::event::kind::CALL_RING).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// The call to join.
    pub call: crate::CallId,
    /// Whether the caller's camera is on.
    pub video: bool,
}

/// Content of [`kind::CALL_DECLINE`](crate::event::kind::CALL_DECLINE), [`CALL_CANCEL`](crate::event::kind::CALL_CANCEL)
/// and [`CALL_END`](crate::event::kind::CALL_END).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingEnd {
    /// The call that rang.
    pub call: crate::CallId,
    /// Why.
    pub reason: RingEndReason,
    /// How long media flowed, in milliseconds; only with [`RingEndReason::HungUp`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Why a ring, or the call that it began, is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RingEndReason {
    /// The callee said no.
    Declined,
    /// The callee was in another call.
    Busy,
    /// The caller hung up before an answer.
    Cancelled,
    /// Nobody answered while the ring was valid.
    TimedOut,
    /// Somebody hung up after an answer.
    HungUp,
}
