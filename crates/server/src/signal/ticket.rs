//! Tickets: a browser cannot set headers on a WebSocket, and a token in a URL would end up in logs. So it asks for a ticket, which
//! is good once and for half a minute.

use crate::{
    auth::SignedIn,
    failure::{Result, refusal},
    secret,
};
use snug_protocol::ErrorCode;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const VALID: Duration = Duration::from_secs(30);

/// Tickets that are out at the same time.
const OUT: usize = 4096;

/// The tickets that are out.
#[derive(Default)]
pub(crate) struct Tickets {
    /// By hash; held for a few instructions by the two routes.
    out: Mutex<HashMap<Vec<u8>, (SignedIn, Instant)>>,
}

impl Tickets {
    /// A ticket for one connection of `who`.
    pub(crate) fn issue(&self, who: SignedIn, now: Instant) -> Result<String> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.retain(|_, (_, until)| now < *until);
        if out.len() >= OUT {
            return Err(refusal(ErrorCode::Unavailable, "too many tickets are out"));
        }
        let ticket = secret::token();
        out.insert(secret::hash(ticket.as_bytes()), (who, now + VALID));
        Ok(ticket)
    }

    /// Who a ticket is of; it is spent.
    pub(crate) fn spend(&self, ticket: &str, now: Instant) -> Option<SignedIn> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (who, until) = out.remove(&secret::hash(ticket.as_bytes()))?;
        (now < until).then_some(who)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_protocol::{DeviceId, UserId, account::SpaceRole};

    #[test]
    fn a_ticket_is_good_once_and_for_half_a_minute() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let who = SignedIn { user: UserId::random(), device: DeviceId::random(), role: SpaceRole::Member };
        let ticket = tickets.issue(who, now).unwrap();
        assert_eq!(tickets.spend(&ticket, now).map(|w| w.device), Some(who.device));
        assert!(tickets.spend(&ticket, now).is_none(), "spent");
        let late = tickets.issue(who, now).unwrap();
        assert!(tickets.spend(&late, now + VALID).is_none(), "expired");
        assert!(tickets.spend("never issued", now).is_none());
    }
}
