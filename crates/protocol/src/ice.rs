//! Servers for ICE (RFC 8445).

use serde::{Deserialize, Serialize};

/// `GET /api/v1/ice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct IceServers {
    /// In the form of the W3C `RTCIceServer`.
    pub servers: Vec<IceServer>,
    /// How long the credentials are good for, in seconds.
    #[ts(type = "number")]
    pub ttl_s: u64,
}

/// One STUN or TURN server. In a `urls` entry the host `*` stands for the address under which the client reached the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
pub struct IceServer {
    /// For example `stun:*:3478`.
    pub urls: Vec<String>,
    /// TURN only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub username: Option<String>,
    /// TURN only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub credential: Option<String>,
}
