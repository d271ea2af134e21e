//! Tickets: a browser cannot set headers on a WebSocket, and a token in a URL would end up in logs. So it asks for a ticket, which
//! is good once and for half a minute.

use crate::{
    failure::{Result, refusal},
    guests::session::Holder,
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
    out: Mutex<HashMap<Vec<u8>, (Holder, Instant)>>,
}

impl Tickets {
    /// A ticket for one connection.
    pub(crate) fn issue(&self, who: Holder, now: Instant) -> Result<String> {
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
    pub(crate) fn spend(&self, ticket: &str, now: Instant) -> Option<Holder> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (who, until) = out.remove(&secret::hash(ticket.as_bytes()))?;
        (now < until).then_some(who)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use snug_protocol::DeviceId;

    #[test]
    fn a_ticket_is_good_once_and_for_half_a_minute() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let device = DeviceId::random();
        let who = Holder::Guest(device);
        let ticket = tickets.issue(who, now).unwrap();
        assert!(matches!(tickets.spend(&ticket, now), Some(Holder::Guest(of)) if of == device));
        assert!(tickets.spend(&ticket, now).is_none(), "spent");
        let late = tickets.issue(who, now).unwrap();
        assert!(tickets.spend(&late, now + VALID).is_none(), "expired");
        assert!(tickets.spend("never issued", now).is_none());
    }
}
