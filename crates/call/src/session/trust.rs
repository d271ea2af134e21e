//! Which signals to believe: signatures, counters, pinned keys.
//!
//! A signal is verified before a byte of it is parsed, so a server that relays rubbish reaches no parser.
//! The counter is strictly increasing and not a window: the relay is ordered (a socket at each end), so what comes out of order was
//! held back by somebody, and what matters is repeated with a new counter by [`Negotiation`](super::Negotiation).
//! A pinned key detects a server that turns hostile later, not one that was from the start.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use snug_protocol::pair::PairSignal;
use snug_protocol::signal::Envelope;
use snug_protocol::signing::{Route, signing_input};
use snug_protocol::{CallId, Content, DeviceId, JoinId};
use std::collections::HashMap;

/// More than any description of ours; parsing stops here at the latest.
const MAX_PAYLOAD: usize = 64 * 1024;

/// The two stays that talk to each other, as seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairIds {
    /// The call.
    pub call: CallId,
    /// This device.
    pub me: DeviceId,
    /// This stay.
    pub my_join: JoinId,
    /// The other device.
    pub them: DeviceId,
    /// Its stay.
    pub their_join: JoinId,
}

impl PairIds {
    fn outbound(&self, counter: u64) -> Route {
        let PairIds { call, me, my_join, them, their_join } = *self;
        Route { call, from: me, to: them, from_join: my_join, to_join: their_join, counter }
    }

    fn inbound(&self, counter: u64) -> Route {
        let PairIds { call, me, my_join, them, their_join } = *self;
        Route { call, from: them, to: me, from_join: their_join, to_join: my_join, counter }
    }
}

/// Signs what goes to one other stay.
pub struct Signer {
    ids: PairIds,
    key: SigningKey,
    counter: u64,
}

impl Signer {
    /// One that has signed nothing yet.
    pub fn new(ids: PairIds, key: SigningKey) -> Self {
        Self { ids, key, counter: 0 }
    }

    /// Puts a signal into its envelope. Each has a counter of its own, repeats of the same signal too.
    pub fn sign(&mut self, signal: &PairSignal) -> Envelope {
        self.counter += 1;
        let payload = Content::json(signal);
        let signature = self.key.sign(&signing_input(&self.ids.outbound(self.counter), &payload.0));
        Envelope {
            from_join: self.ids.my_join,
            to_join: self.ids.their_join,
            counter: self.counter,
            payload,
            signature: Content(signature.to_bytes().to_vec()),
        }
    }
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is from or for another stay: an old one, or somebody moved it.
    #[error("for another stay")]
    OtherStay,
    /// Its counter was seen already.
    #[error("repeated, or held back until a later one came")]
    Replayed,
    /// The signature is not of the key that this device has.
    #[error("the signature does not fit")]
    Forged,
    /// Signed, but not a signal.
    #[error("not a signal")]
    Malformed,
}

/// Verifies what comes from one other stay.
#[derive(Debug)]
pub struct Verifier {
    ids: PairIds,
    key: VerifyingKey,
    last: u64,
}

impl Verifier {
    /// One that has seen nothing yet; `None` when the bytes are not an Ed25519 public key.
    pub fn new(ids: PairIds, key: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
        Some(Self { ids, key, last: 0 })
    }

    /// The signal in an envelope, if it is to be believed.
    pub fn open(&mut self, envelope: &Envelope) -> Result<PairSignal, Refusal> {
        if envelope.from_join != self.ids.their_join || envelope.to_join != self.ids.my_join {
            return Err(Refusal::OtherStay);
        }
        if envelope.payload.0.len() > MAX_PAYLOAD {
            return Err(Refusal::Malformed);
        }
        let signature = Signature::from_slice(&envelope.signature.0).map_err(|_| Refusal::Forged)?;
        let input = signing_input(&self.ids.inbound(envelope.counter), &envelope.payload.0);
        self.key.verify_strict(&input, &signature).map_err(|_| Refusal::Forged)?;
        // After the signature: a forged counter must not make the true ones look old.
        if envelope.counter <= self.last {
            return Err(Refusal::Replayed);
        }
        self.last = envelope.counter;
        envelope.payload.parse().map_err(|_| Refusal::Malformed)
    }
}

/// What a key is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Seen for the first time; pinned now.
    First,
    /// The one that is pinned.
    Same,
    /// Another one than is pinned. The pin is moved, so this is said once; the person is told.
    Changed,
}

/// The keys of devices that were met.
#[derive(Clone, Debug, Default)]
pub struct KeyPins(HashMap<DeviceId, [u8; 32]>);

impl KeyPins {
    /// With the keys that are known from before.
    pub fn new(known: HashMap<DeviceId, [u8; 32]>) -> Self {
        Self(known)
    }

    /// Compares a device's key with the pinned one, and pins it.
    pub fn check(&mut self, device: DeviceId, key: [u8; 32]) -> Pin {
        match self.0.insert(device, key) {
            None => Pin::First,
            Some(before) if before == key => Pin::Same,
            Some(_) => Pin::Changed,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use snug_protocol::pair::SdpKind;

    fn pair() -> (Signer, Verifier, PairIds) {
        let ids = PairIds {
            call: CallId::random(),
            me: DeviceId::random(),
            my_join: JoinId::random(),
            them: DeviceId::random(),
            their_join: JoinId::random(),
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key().to_bytes();
        let mirrored = PairIds {
            call: ids.call,
            me: ids.them,
            my_join: ids.their_join,
            them: ids.me,
            their_join: ids.my_join,
        };
        (Signer::new(ids, key), Verifier::new(mirrored, &public).unwrap(), mirrored)
    }

    fn offer() -> PairSignal {
        PairSignal::Description { kind: SdpKind::Offer, sdp: "v=0".into(), of: None }
    }

    #[test]
    fn a_signal_is_believed_once() {
        let (mut signer, mut verifier, _) = pair();
        let envelope = signer.sign(&offer());
        assert_eq!(verifier.open(&envelope), Ok(offer()));
        assert_eq!(verifier.open(&envelope), Err(Refusal::Replayed));
        assert_eq!(verifier.open(&signer.sign(&PairSignal::Bye)), Ok(PairSignal::Bye));
    }

    #[test]
    fn what_was_held_back_is_refused_and_forgeries_do_not_move_the_counter() {
        let (mut signer, mut verifier, _) = pair();
        let first = signer.sign(&offer());
        let second = signer.sign(&PairSignal::Bye);
        let mut forged = second.clone();
        forged.counter = 1_000_000;
        assert_eq!(verifier.open(&forged), Err(Refusal::Forged));
        assert_eq!(verifier.open(&second), Ok(PairSignal::Bye));
        assert_eq!(verifier.open(&first), Err(Refusal::Replayed));
    }

    #[test]
    fn a_signal_of_another_call_stay_or_key_is_refused() {
        let (mut signer, _, ids) = pair();
        let public = SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
        let envelope = signer.sign(&offer());
        let other_call = PairIds { call: CallId::random(), ..ids };
        assert_eq!(Verifier::new(other_call, &public).unwrap().open(&envelope), Err(Refusal::Forged));
        let other_stay = PairIds { their_join: JoinId::random(), ..ids };
        assert_eq!(Verifier::new(other_stay, &public).unwrap().open(&envelope), Err(Refusal::OtherStay));
        let other_device = PairIds { them: DeviceId::random(), ..ids };
        assert_eq!(Verifier::new(other_device, &public).unwrap().open(&envelope), Err(Refusal::Forged));
        let other_key = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(Verifier::new(ids, &other_key).unwrap().open(&envelope), Err(Refusal::Forged));
        assert!(Verifier::new(ids, &[1; 31]).is_none());
    }

    #[test]
    fn a_signed_rubbish_is_malformed_not_a_panic() {
        let (mut signer, mut verifier, ids) = pair();
        let mut envelope = signer.sign(&offer());
        envelope.payload = Content(b"{\"type\":\"descr".to_vec());
        let input = signing_input(&ids.inbound(1), &envelope.payload.0);
        let signature = SigningKey::from_bytes(&[7; 32]).sign(&input);
        envelope.signature = Content(signature.to_bytes().to_vec());
        assert_eq!(verifier.open(&envelope), Err(Refusal::Malformed));
    }

    #[test]
    fn a_changed_key_is_said_once() {
        let device = DeviceId::random();
        let mut pins = KeyPins::new(HashMap::from([(device, [1; 32])]));
        assert_eq!(pins.check(device, [1; 32]), Pin::Same);
        assert_eq!(pins.check(device, [2; 32]), Pin::Changed);
        assert_eq!(pins.check(device, [2; 32]), Pin::Same);
        assert_eq!(pins.check(DeviceId::random(), [3; 32]), Pin::First);
    }

    proptest! {
        #[test]
        fn any_bit_that_is_flipped_makes_it_a_forgery(byte in 0_usize..200, bit in 0_u8..8) {
            let (mut signer, mut verifier, _) = pair();
            let mut envelope = signer.sign(&offer());
            let payload = envelope.payload.0.len();
            let signature = envelope.signature.0.len();
            if byte % 2 == 0 {
                envelope.payload.0[byte % payload] ^= 1 << bit;
            } else {
                envelope.signature.0[byte % signature] ^= 1 << bit;
            }
            prop_assert_eq!(verifier.open(&envelope), Err(Refusal::Forged));
        }
    }
}
