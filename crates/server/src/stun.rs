//! STUN (RFC 8489): answers binding requests with the address that they came from, so that two people behind two routers can find
//! a way to each other. Nothing else of STUN: no authentication, because there is nothing to protect, and no TURN.
//!
//! UDP sources can be forged, so an answer must not be worth forging for: it is about twice as large as the smallest request, each
//! source gets few, and garbage gets none.

use crate::{
    config::Rate,
    rates::{Buckets, host_of},
};
use rtc_stun::{
    attributes::{
        ATTR_CHANGE_REQUEST, ATTR_MESSAGE_INTEGRITY, ATTR_MESSAGE_INTEGRITY_SHA256, ATTR_NONCE,
        ATTR_PASSWORD_ALGORITHM, ATTR_PRIORITY, ATTR_REALM, ATTR_USE_CANDIDATE, ATTR_USER_HASH,
        ATTR_USERNAME, AttrType,
    },
    error_code::{CODE_UNKNOWN_ATTRIBUTE, ErrorCodeAttribute},
    fingerprint::FINGERPRINT,
    message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, is_stun_message},
    uattrs::UnknownAttributes,
    xoraddr::XorMappedAddress,
};
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// Larger requests than fit any path unfragmented (RFC 8489 §6.1) are none of ours.
const REQUEST_BYTES: usize = 548;

/// Attributes that a client may send and that we understand enough to leave aside. Others below 0x8000 must be refused
/// (RFC 8489 §6.3.1).
const UNDERSTOOD: &[AttrType] = &[
    ATTR_USERNAME,
    ATTR_MESSAGE_INTEGRITY,
    ATTR_MESSAGE_INTEGRITY_SHA256,
    ATTR_PASSWORD_ALGORITHM,
    ATTR_USER_HASH,
    ATTR_REALM,
    ATTR_NONCE,
    ATTR_PRIORITY,
    ATTR_USE_CANDIDATE,
];

/// Sources between two clean-ups of the buckets.
const FORGET_EVERY: u32 = 10_000;

/// Answers until `stopping`.
pub(crate) async fn respond(socket: UdpSocket, rate: Rate, stopping: CancellationToken) {
    let sources: Buckets<IpAddr> = Buckets::new(rate);
    let mut datagram = [0; REQUEST_BYTES + 1];
    let mut seen = 0_u32;
    loop {
        let received = tokio::select! {
            () = stopping.cancelled() => return,
            received = socket.recv_from(&mut datagram) => received,
        };
        // An error here is an ICMP answer to something that we sent: it is about another datagram.
        let Ok((length, source)) = received else { continue };
        seen = seen.wrapping_add(1);
        if seen.is_multiple_of(FORGET_EVERY) {
            sources.forget_full();
        }
        if length > REQUEST_BYTES || !sources.allows(&host_of(source.ip())) {
            continue;
        }
        if let Some(answer) = answer(&datagram[..length], source)
            && let Err(error) = socket.send_to(&answer, source).await
        {
            tracing::debug!(%error, "a STUN answer could not be sent");
        }
    }
}

/// The answer to a datagram; none to what is no binding request.
fn answer(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    if !is_stun_message(datagram) {
        return None;
    }
    let mut request = Message::new();
    request.unmarshal_binary(datagram).ok()?;
    if request.typ != BINDING_REQUEST {
        return None;
    }
    let unknown: Vec<AttrType> = request
        .attributes
        .0
        .iter()
        .map(|attribute| attribute.typ)
        // CHANGE-REQUEST is RFC 3489's, for finding out what kind of router it is; it needs a second address.
        .filter(|typ| typ.value() < 0x8000 && (*typ == ATTR_CHANGE_REQUEST || !UNDERSTOOD.contains(typ)))
        .take(8)
        .collect();
    let mut response = Message::new();
    let id: Box<dyn Setter> = Box::new(request.transaction_id);
    let built = if unknown.is_empty() {
        // A dual-stack socket sees IPv4 sources as mapped; the client wants its own kind of address.
        let mapped = XorMappedAddress { ip: source.ip().to_canonical(), port: source.port() };
        response.build(&[id, Box::new(BINDING_SUCCESS), Box::new(mapped), Box::new(FINGERPRINT)])
    } else {
        let error =
            ErrorCodeAttribute { code: CODE_UNKNOWN_ATTRIBUTE, reason: b"Unknown Attribute".to_vec() };
        response.build(&[
            id,
            Box::new(BINDING_ERROR),
            Box::new(error),
            Box::new(UnknownAttributes(unknown)),
            Box::new(FINGERPRINT),
        ])
    };
    built.ok().map(|()| response.raw)
}
