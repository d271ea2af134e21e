//! Identifiers. Each is a UUID of its own type, so that a room can never be passed where a user is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh identifier, ordered by the time of its making (UUID version 7, RFC 9562 §5.7).
            pub fn random() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

id!(
    /// An account of a space.
    UserId
);
id!(
    /// One installation of the app, signed in as one user. Holds the Ed25519 key that signs call signals.
    DeviceId
);
id!(
    /// A room, or a direct room between two people.
    RoomId
);
id!(
    /// A call in a room.
    CallId
);
id!(
    /// One device's stay in one call; a device that leaves and comes back has a new one.
    JoinId
);
id!(
    /// Chosen by the client for each thing that it sends; unique per device, and what makes a repeat harmless.
    TxnId
);
id!(
    /// A link by which guests come into a call.
    GuestLinkId
);
