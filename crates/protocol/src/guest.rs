//! Guests: people without an account who take part in one call, from a browser, by a link.
//!
//! A guest is nobody in the space: no rooms, no event stream, no history. What a link opens is one call and nothing else.
//!
//! | route | who | body → answer |
//! | --- | --- | --- |
//! | `POST /api/v1/calls/{call}/guest-links` | a member who is in the call | [`NewGuestLink`] → 201 [`NewGuestLinkMade`] |
//! | `GET /api/v1/calls/{call}/guest-links` | members of the call's room | → [`GuestLinks`] |
//! | `DELETE /api/v1/calls/{call}/guest-links/{id}` | members of the call's room | → 204; who waits by it is sent away, who was let in stays |
//! | `GET /join/{token}` | anybody | → the page |
//! | `GET /api/v1/guest/{token}` | anybody | → [`GuestInvitation`] |
//! | `POST /api/v1/guest/{token}/knock` | anybody | [`Knock`] → 201 [`Knocked`] |
//! | `POST /api/v1/signal/ticket` | a guest, by `Authorization: Bearer` [`Knocked::session`] | → [`Ticket`](crate::signal::Ticket), for coming back |
//! | `GET /api/v1/ice` | a guest who was let in, likewise | → [`IceServers`](crate::ice::IceServers) |
//!
//! The two routes with a token answer 404 `not_found` when there never was such a link, 410 `link_expired` when it is over (expired,
//! revoked, or its call has been empty for some minutes), 429 `rate_limited`, and 503 `unavailable` when too many wait. Every other route
//! answers a guest's session with 403 `forbidden`, and a session that is over (refused, removed, call over) is 401 `unauthorized`
//! everywhere. A page of another origin gets 403.
//!
//! On the signal socket (`?ticket=`, as every browser) a guest first gets [`Hello`](crate::signal::ServerSignal::Hello), and then either
//! `guest.admitted`, or `guest.waiting` and later one of `guest.admitted`, `guest.refused`, `guest.ended`. The last two are followed by
//! the end of the connection with [`GUEST_ENDED`](crate::signal::close::GUEST_ENDED). Once admitted, the guest may send `call.join` (again
//! after each reconnect, with the same stay), `call.signal` and `call.leave` of that call; everything else is refused with `forbidden`.
//! A guest who loses the socket takes a new ticket; being admitted outlasts reconnects and restarts of the server.

use crate::{CallId, Content, DeviceId, RoomId, UnixMillis, UserId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Longest life of a link, in seconds: a week.
pub const MAX_LINK_LIFE_S: u64 = 7 * 24 * 60 * 60;

/// Life of a link that does not say, in seconds: a day.
pub const DEFAULT_LINK_LIFE_S: u64 = 24 * 60 * 60;

/// Most characters of a guest's name.
pub const MAX_GUEST_NAME: usize = 64;

/// Path of the page, followed by the token. Not under [`API_PREFIX`](crate::API_PREFIX): it is for people.
pub const JOIN_PATH: &str = "/join/";

/// Whether somebody has to let guests in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Admission {
    /// Guests wait until a member who is in the call lets them in, and go when the last member goes.
    #[default]
    Knock,
    /// Whoever has the link is in at once, also while no member is there.
    Open,
}

/// Makes a link to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGuestLink {
    /// Whether somebody has to let guests in.
    #[serde(default)]
    pub admission: Admission,
    /// How long it is good for, in seconds: 60 to [`MAX_LINK_LIFE_S`]; [`DEFAULT_LINK_LIFE_S`] when absent. It ends earlier when the call has been
    /// empty for some minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
}

/// A link that was just made. Its token is told this once; the server keeps a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGuestLinkMade {
    /// What `GET …/guest-links` lists from now on.
    #[serde(flatten)]
    pub link: GuestLink,
    /// 256 random bits, base64url.
    pub token: String,
    /// `https://host/join/…`, ready to be sent to a person; absent where browsers would not trust the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether browsers trust the server's certificate.
    pub browser_trust: BrowserTrust,
}

/// Whether browsers trust the server's certificate, without which they give no page a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum BrowserTrust {
    /// As far as the server was told: it has a certificate from files, or stands behind a proxy or a public address that has one.
    Trusted,
    /// It made its own, which only our apps, who pin its key, trust.
    SelfSigned,
}

/// The links of a call, and whether they are any good to a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestLinks {
    /// Whether browsers trust the server's certificate.
    pub browser_trust: BrowserTrust,
    /// Those that are good, oldest first. Of a call in a room that the asking person is not in, none.
    pub links: Vec<GuestLink>,
}

/// A link that is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestLink {
    /// For revoking it.
    pub id: crate::GuestLinkId,
    /// Into which call.
    pub call: CallId,
    /// Whether somebody has to let guests in.
    pub admission: Admission,
    /// Who made it.
    pub by: UserId,
    /// When.
    pub created_at: UnixMillis,
    /// When it ends at the latest.
    pub expires_at: UnixMillis,
}

/// What somebody with a link may know before they knock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct GuestInvitation {
    /// The space's name.
    pub space_name: String,
    /// The room's name; empty for a direct room.
    pub room_name: String,
    /// Display name of the member who made the link.
    pub invited_by: String,
    /// The call.
    pub call: CallId,
    /// Whether somebody has to let them in.
    pub admission: Admission,
    /// Display names of those who are in the call, guests included.
    pub people: Vec<String>,
}

/// Asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Knock {
    /// What the guest wants to be called: 1 to [`MAX_GUEST_NAME`] characters that are not all blank, no control characters.
    pub name: String,
    /// Ed25519 public key (RFC 8032), 32 bytes, as unpadded base64. Its other half lives as long as the page.
    pub public_key: Content,
}

/// Who the guest is from now on. A second knock of the same page makes another guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Knocked {
    /// The guest, as the call's roster will name them.
    pub guest: GuestIds,
    /// The call.
    pub call: CallId,
    /// Its room, for `call.join`; it opens nothing else.
    pub room: RoomId,
    /// For `Authorization: Bearer` on the two routes that guests have.
    pub session: String,
    /// For the first connection of the signal socket; good once, for 30 s.
    pub ticket: String,
}

/// A guest's ids in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct GuestIds {
    /// Made for this knock; no account has it.
    pub user: UserId,
    /// Made for this knock.
    pub device: DeviceId,
}

/// Why a guest's part is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum GuestEnd {
    /// A member removed them from the call.
    Removed,
    /// The last member went, or the call is over.
    CallOver,
    /// The link was revoked or expired while they waited.
    LinkOver,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}
