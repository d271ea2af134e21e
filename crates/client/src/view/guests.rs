//! What the interface shows of guests and of a call's chat.

use serde::{Deserialize, Serialize};
use snug_protocol::guest::{Admission, BrowserTrust};
use snug_protocol::{DeviceId, GuestLinkId, TxnId, UnixMillis};
use ts_rs::TS;

/// Somebody at the door of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Knocking {
    /// To admit or refuse them.
    pub device: DeviceId,
    /// What they call themselves; nobody vouches for it.
    pub name: String,
}

/// The links by which guests come into the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CallLinks {
    /// Whether browsers trust the server; if not, a link would lead to a warning and no camera.
    pub browser_trust: BrowserTrust,
    /// Those that are good, oldest first.
    pub links: Vec<CallLink>,
}

/// A link by which guests come into the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CallLink {
    /// For revoking it.
    pub id: GuestLinkId,
    /// Whether somebody has to let guests in.
    pub admission: Admission,
    /// Who made it: a shown name, empty for the reader.
    pub by: String,
    /// When it ends at the latest.
    pub expires_at: UnixMillis,
    /// The link itself, which only the app that made it knows.
    pub url: Option<String>,
}

/// Something said in writing during the call, kept for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ChatLine {
    /// Unique in the call for its sender.
    pub id: TxnId,
    /// Who: a shown name.
    pub name: String,
    /// Whether the reader said it.
    pub own: bool,
    /// Whether a guest did.
    pub guest: bool,
    /// When it came, by our clock.
    pub at: UnixMillis,
    /// Plain text.
    pub text: String,
}
