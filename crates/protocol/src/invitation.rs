//! Invitations, and the link that carries one.
//!
//! `snug://join?c=CODE&a=HOST:PORT&a=…&k=PIN` names every address at which the server can be reached and, where it made its own
//! certificate, the SHA-256 of its public key (SubjectPublicKeyInfo), which the client pins.

use crate::{RoomId, UnixMillis};
use serde::{Deserialize, Serialize};

/// `POST /api/v1/invitations`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewInvitation {
    /// How many accounts it is good for; 1 when absent, at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How long it is good for, in milliseconds; seven days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Rooms of the inviting person that the new account becomes a member of.
    #[serde(default)]
    pub rooms: Vec<RoomId>,
}

/// An invitation. `GET /api/v1/invitations` lists those that the asking person made (the owner: all);
/// `DELETE /api/v1/invitations/{code}` withdraws one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The secret in the link.
    pub code: String,
    /// The whole link, ready to be sent to a person.
    pub link: String,
    /// How many accounts it is still good for.
    pub uses_left: u32,
    /// When it expires.
    pub expires_at: UnixMillis,
}

/// An invitation link taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationLink {
    /// The invitation's code; empty in a link that only names the server, for signing in.
    pub code: String,
    /// `host:port` of every address, best first. Never empty.
    pub addresses: Vec<String>,
    /// SHA-256 of the server's SubjectPublicKeyInfo; absent when its certificate is one that systems trust.
    pub key_pin: Option<[u8; 32]>,
}

/// Why a text is not an invitation link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not `snug://join?…`.
    #[error("this is not a Snug invitation link")]
    NotALink,
    /// No address in it.
    #[error("the link names no server")]
    NoAddress,
    /// The key pin is not 32 bytes of base64url.
    #[error("the link's key is damaged")]
    BadPin,
}
