//! What a message between webrtc's TURN client and a relay says, as far as it tells whether the relay serves us.
//!
//! Not a parser of STUN: webrtc has one, and it judges. Here only a success, and an error's number, are looked for.

/// RFC 8656 §17: Allocate. Class and method lie mixed in the type (RFC 8489 §5).
const ALLOCATE: u16 = 0x0003;
const ALLOCATE_SUCCESS: u16 = 0x0103;
const ALLOCATE_ERROR: u16 = 0x0113;
/// RFC 8489 §18.3.
const USERNAME: u16 = 0x0006;
const ERROR_CODE: u16 = 0x0009;
const HEADER: usize = 20;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// The client asks with its password.
    Asked {
        /// Of the transaction.
        id: [u8; 12],
    },
    /// The relay gave an address.
    Allocated,
    /// The relay refuses; whether that is final depends on what was asked.
    Refused {
        /// Of the transaction.
        id: [u8; 12],
        /// RFC 8489 §14.8.
        code: u16,
    },
}

impl Sighting {
    /// Looks at a datagram.
    pub(super) fn of(datagram: &[u8]) -> Option<Sighting> {
        // Media and channel data begin otherwise, and are nearly all that passes.
        if !matches!(datagram.first(), Some(0 | 1)) {
            return None;
        }
        let header = datagram.get(..HEADER)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let id: [u8; 12] = header[8..HEADER].try_into().ok()?;
        match kind {
            ALLOCATE => attribute(datagram, USERNAME).map(|_| Sighting::Asked { id }),
            ALLOCATE_SUCCESS => Some(Sighting::Allocated),
            ALLOCATE_ERROR => {
                let value = attribute(datagram, ERROR_CODE)?;
                let (class, number) = (value.get(2)? & 7, value.get(3)? % 100);
                Some(Sighting::Refused { id, code: u16::from(class) * 100 + u16::from(number) })
            }
            _ => None,
        }
    }
}

/// The first attribute of a type.
fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = datagram.get(HEADER..)?;
    while let Some((head, after)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == wanted {
            return after.get(..length);
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use rtc::stun::attributes::ATTR_USERNAME;
    use rtc::stun::error_code::{ErrorCode, ErrorCodeAttribute};
    use rtc::stun::message::{
        CLASS_ERROR_RESPONSE, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_ALLOCATE, METHOD_BINDING,
        Message, MessageClass, MessageType, Method, Setter, TransactionId,
    };
    use rtc::stun::textattrs::TextAttribute;

    fn message(method: Method, class: MessageClass, more: Option<Box<dyn Setter>>) -> (Vec<u8>, [u8; 12]) {
        let mut message = Message::new();
        let mut setters: Vec<Box<dyn Setter>> =
            vec![Box::new(TransactionId::new()), Box::new(MessageType::new(method, class))];
        setters.extend(more);
        message.build(&setters).unwrap();
        (message.raw, message.transaction_id.0)
    }

    #[test]
    fn an_allocation_with_a_password_and_what_came_of_it_are_seen_and_nothing_else_is() {
        let user = || -> Option<Box<dyn Setter>> {
            Some(Box::new(TextAttribute::new(ATTR_USERNAME, "1700000000:someone".to_owned())))
        };
        let (asked, id) = message(METHOD_ALLOCATE, CLASS_REQUEST, user());
        assert_eq!(Sighting::of(&asked), Some(Sighting::Asked { id }));
        assert_eq!(
            Sighting::of(&message(METHOD_ALLOCATE, CLASS_REQUEST, None).0),
            None,
            "the first has none"
        );
        let code = ErrorCodeAttribute { code: ErrorCode(486), reason: b"Quota".to_vec() };
        let (refused, id) = message(METHOD_ALLOCATE, CLASS_ERROR_RESPONSE, Some(Box::new(code)));
        assert_eq!(Sighting::of(&refused), Some(Sighting::Refused { id, code: 486 }));
        assert_eq!(
            Sighting::of(&message(METHOD_ALLOCATE, CLASS_SUCCESS_RESPONSE, None).0),
            Some(Sighting::Allocated)
        );
        assert_eq!(Sighting::of(&message(METHOD_BINDING, CLASS_REQUEST, user()).0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rubbish_never_panics(kind in prop::sample::select(vec![3u16, 0x103, 0x113]), rest in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut datagram = kind.to_be_bytes().to_vec();
            datagram.extend(rest);
            let _ = Sighting::of(&datagram);
        }
    }
}
