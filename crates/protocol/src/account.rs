//! Accounts, device sessions and the space itself.

use crate::{DeviceId, UserId};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/server`, without a token: what one may know before joining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The space's name.
    pub name: String,
    /// The server's version.
    pub version: String,
    /// How one gets an account.
    pub registration: Registration,
}

/// How one gets an account in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// The space has no owner yet: `POST /setup` with the code that the server printed.
    Setup,
    /// `POST /accounts` with an invitation.
    Invitation,
    /// `POST /accounts`, anybody.
    Open,
}

/// The device part of every request that makes a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDevice {
    /// What its owner calls it, 1 to 64 characters.
    pub name: String,
    /// Ed25519 public key (RFC 8032), 32 bytes.
    pub key: crate::Content,
}

/// `POST /api/v1/setup`: makes the owner of a fresh space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The code that the server printed at its first start.
    pub code: String,
    /// The space's name, 1 to 64 characters; the server's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space_name: Option<String>,
    /// The owner's account.
    pub account: NewAccount,
}

/// A new account. `POST /api/v1/accounts` takes a [`Register`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewAccount {
    /// 2 to 32 characters of `a-z 0-9 . _ -`; unique in the space.
    pub username: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// 8 to 256 characters.
    pub password: String,
    /// The device that signs in with it.
    pub device: NewDevice,
}

/// `POST /api/v1/accounts`: makes an account, with an invitation unless registration is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Register {
    /// An invitation's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// The account.
    pub account: NewAccount,
}

/// `POST /api/v1/sessions`: signs a device in. `DELETE /api/v1/sessions/current` signs the asking device out,
/// `DELETE /api/v1/sessions/{device}` another of the same person's; both answer 204.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The account's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The device.
    pub device: NewDevice,
}

/// The answer to [`Setup`], [`Register`] and [`SignIn`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Bearer token: 256 random bits, base64url. Shown this once.
    pub token: String,
    /// Who signed in.
    pub user: User,
    /// The device's id.
    pub device: DeviceId,
    /// Where the event log stood; the first `Last-Event-ID` to ask from.
    pub cursor: String,
}

/// A person of the space, as everybody in it sees them. `GET /api/v1/users` gives all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their unique name.
    pub username: String,
    /// How they are shown.
    pub display_name: String,
    /// What they may do in the space.
    pub role: SpaceRole,
}

/// What a person may do in the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SpaceRole {
    /// Everything: invitations, announcements, registration.
    Owner,
    /// Rooms and people.
    Member,
}

/// `PATCH /api/v1/me`; answers the [`User`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateMe {
    /// A new display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `GET /api/v1/me`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Me {
    /// The account.
    pub user: User,
    /// The device of the token that asked.
    pub device: DeviceId,
    /// The space's name.
    pub space_name: String,
}

/// A signed-in device. `GET /api/v1/users/{id}/devices` gives a person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Its Ed25519 public key.
    pub key: crate::Content,
}

/// `POST /api/v1/announcements`, owner only: plain text, delivered as an unnamed server-sent event,
/// one `data:` for each line. Answers [`Sent`](crate::event::Sent).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// 1 to 4000 characters, may have several lines.
    pub text: String,
}

/// `PATCH /api/v1/server`, owner only; answers the [`ServerInfo`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateServer {
    /// A new name for the space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether anybody may register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_registration: Option<bool>,
}
