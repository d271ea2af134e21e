//! The bytes under a call signal's signature.

use crate::{CallId, DeviceId, JoinId};

/// First field of every signed message, so that no signature of ours can be taken for another's.
pub const DOMAIN: &[u8] = b"snug.call-signal.v1";

/// From which stay to which a signal goes, in which call, and as which of the pair's signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The call.
    pub call: CallId,
    /// The sending device.
    pub from: DeviceId,
    /// The receiving device.
    pub to: DeviceId,
    /// The sending device's stay.
    pub from_join: JoinId,
    /// The receiving device's stay.
    pub to_join: JoinId,
    /// Strictly increasing in each direction of a pair of stays, from 1.
    pub counter: u64,
}

/// The input to Ed25519 (RFC 8032) for one signal.
///
/// Every field is preceded by its length as four bytes, big endian: the domain, the call, the sending and the receiving device,
/// their stays, the counter (eight bytes, big endian) and the exact payload bytes. A server that relays it can drop it, but cannot
/// change it, redirect it, repeat it (the counter) or move it into another call or stay.
pub fn signing_input(route: &Route, payload: &[u8]) -> Vec<u8> {
    let counter = route.counter.to_be_bytes();
    let fields: [&[u8]; 8] = [
        DOMAIN,
        route.call.0.as_bytes(),
        route.from.0.as_bytes(),
        route.to.0.as_bytes(),
        route.from_join.0.as_bytes(),
        route.to_join.0.as_bytes(),
        &counter,
        payload,
    ];
    let mut out = Vec::with_capacity(fields.iter().map(|field| 4 + field.len()).sum());
    for field in fields {
        let length = u32::try_from(field.len()).expect("a signal is far below 4 GiB");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}
