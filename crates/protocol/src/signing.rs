//! The bytes under a call signal's signature.

use crate::{CallId, DeviceId, JoinId};

/// First field of every signed message, so that no signature of ours can be taken for another's.
pub const DOMAIN: &[u8] = b"snug.call-signal.v1";

/// The input to Ed25519 (RFC 8032) for one signal.
///
/// Every field is preceded by its length as four bytes, big endian: the domain, the call, the sending and the receiving device,
/// their stays, the counter (eight bytes, big endian) and the exact payload bytes. A server that relays it can drop it, but cannot change,
/// redirect, repeat (the counter) or move it into another call or stay.
pub fn signing_input(
    call: CallId,
    from: DeviceId,
    to: DeviceId,
    from_join: JoinId,
    to_join: JoinId,
    counter: u64,
    payload: &[u8],
) -> Vec<u8> {
    let counter = counter.to_be_bytes();
    let fields: [&[u8]; 8] = [
        DOMAIN,
        call.0.as_bytes(),
        from.0.as_bytes(),
        to.0.as_bytes(),
        from_join.0.as_bytes(),
        to_join.0.as_bytes(),
        &counter,
        payload,
    ];
    let mut out = Vec::with_capacity(fields.iter().map(|f| 4 + f.len()).sum());
    for field in fields {
        let length = u32::try_from(field.len()).expect("a signal is far below 4 GiB");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}
