//! Invitations, and the link that carries one.
//!
//! `snug://join?c=CODE&a=HOST:PORT&a=…&k=PIN` names every address at which the server can be reached and, where it made its own
//! certificate, the SHA-256 of its public key (SubjectPublicKeyInfo), which the client pins.

use crate::{RoomId, UnixMillis};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

const PREFIX: &str = "snug://join";

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

impl fmt::Display for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        let mut separator = '?';
        let mut field = |f: &mut fmt::Formatter<'_>, name: char, value: &str| {
            write!(f, "{separator}{name}={value}")?;
            separator = '&';
            fmt::Result::Ok(())
        };
        if !self.code.is_empty() {
            field(f, 'c', &self.code)?;
        }
        for address in &self.addresses {
            field(f, 'a', address)?;
        }
        if let Some(pin) = &self.key_pin {
            field(f, 'k', &URL_SAFE_NO_PAD.encode(pin))?;
        }
        Ok(())
    }
}

impl FromStr for InvitationLink {
    type Err = LinkError;

    /// Reads a link as a person pastes it: surrounding white space is dropped, unknown fields are skipped.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let rest = text.trim().strip_prefix(PREFIX).ok_or(LinkError::NotALink)?;
        let query = rest.trim_start_matches('/').strip_prefix('?').ok_or(LinkError::NotALink)?;
        let mut link = Self { code: String::new(), addresses: Vec::new(), key_pin: None };
        for (name, value) in query.split('&').filter_map(|field| field.split_once('=')) {
            match name {
                "c" => link.code = value.to_owned(),
                "a" if is_address(value) => link.addresses.push(value.to_owned()),
                "k" => {
                    let pin = URL_SAFE_NO_PAD.decode(value).map_err(|_| LinkError::BadPin)?;
                    link.key_pin = Some(pin.try_into().map_err(|_| LinkError::BadPin)?);
                }
                _ => {}
            }
        }
        if link.addresses.is_empty() { Err(LinkError::NoAddress) } else { Ok(link) }
    }
}

/// Whether `text` is `host:port`, `1.2.3.4:port` or `[v6]:port`.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_ok = if bracketed {
        host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
    };
    host_ok && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link() -> InvitationLink {
        InvitationLink {
            code: "kQ3-_x".into(),
            addresses: vec![
                "chat.example.org:443".into(),
                "192.168.1.5:4433".into(),
                "[fe80::1]:4433".into(),
            ],
            key_pin: Some([7; 32]),
        }
    }

    #[test]
    fn a_link_reads_back_as_it_was_written() {
        assert_eq!(link().to_string().parse(), Ok(link()));
        let signing_in = InvitationLink { code: String::new(), key_pin: None, ..link() };
        assert_eq!(signing_in.to_string().parse(), Ok(signing_in));
    }

    #[test]
    fn a_link_survives_being_pasted_and_being_newer() {
        let pasted = format!("  {}&z=later \n", link()).replace("join?", "join/?");
        assert_eq!(pasted.parse(), Ok(link()));
    }

    #[test]
    fn what_is_not_a_link_says_why() {
        assert_eq!("https://example.org".parse::<InvitationLink>(), Err(LinkError::NotALink));
        assert_eq!("snug://join?c=abc".parse::<InvitationLink>(), Err(LinkError::NoAddress));
        assert_eq!("snug://join?c=abc&a=nowhere".parse::<InvitationLink>(), Err(LinkError::NoAddress));
        assert_eq!("snug://join?c=abc&a=h:1&k=AAAA".parse::<InvitationLink>(), Err(LinkError::BadPin));
    }

    proptest! {
        #[test]
        fn no_text_panics_the_reader(text in "(snug://join\\?)?\\PC{0,80}") {
            let _ = text.parse::<InvitationLink>();
        }
    }
}
