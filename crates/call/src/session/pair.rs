//! The words between a pair's negotiation and the rest: what happened, and what is to be done.
//!
//! Plain data; what follows from what is [`Negotiation`](super::Negotiation)'s.

use super::candidates::Candidate;
use serde::Serialize;
use snug_protocol::pair::PairSignal;

/// Which side of the pair this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Makes the first offer: the one who joined.
    pub offers: bool,
    /// Gives way when offers collide: the smaller device id.
    pub polite: bool,
}

/// Where the pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// Being set up for the first time.
    Connecting,
    /// Media flows.
    Connected,
    /// It was connected, and is being set up again.
    Reconnecting,
    /// Given up: nothing was heard for too long. Final for this stay.
    Lost,
    /// One side hung up. Final for this stay.
    Left,
}

impl PairState {
    /// Whether it is over.
    pub fn ended(self) -> bool {
        matches!(self, Self::Lost | Self::Left)
    }
}

/// What the peer connection says of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Packets pass.
    Connected,
    /// None came for some seconds.
    Disconnected,
    /// It gave up.
    Failed,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// [`Output::MakeOffer`] is done, and the offer set as the local description.
    OfferMade {
        /// Of the output.
        exchange: u32,
        /// The offer.
        sdp: String,
    },
    /// [`Output::ApplyOffer`] is done, and the answer set as the local description.
    AnswerMade {
        /// Of the output.
        exchange: u32,
        /// The answer.
        sdp: String,
    },
    /// [`Output::ApplyAnswer`] is done.
    AnswerApplied {
        /// Of the output.
        exchange: u32,
    },
    /// The output with this number could not be done: the description is rubbish.
    Refused {
        /// Of the output.
        exchange: u32,
    },
    /// ICE found an address of this side.
    LocalCandidate(Candidate),
    /// A verified signal of the other side.
    Remote(PairSignal),
    /// The transport changed.
    Link(Link),
    /// The server says whether the other stay is in the call.
    Present(bool),
    /// This computer's addresses changed, or its relay is gone.
    Moved {
        /// And with them the one over which packets passed: nothing will until a restart.
        path_gone: bool,
    },
    /// Signals pass again: what was sent for a while may be lost.
    Reachable,
    /// This side hangs up.
    HangUp,
    /// The peer connection does nothing any more, or could not even be made.
    Broken,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Close the peer connection and make another, which all that follows is for.
    Renew,
    /// Make an offer and set it.
    MakeOffer {
        /// To be named in the answer.
        exchange: u32,
        /// With fresh ICE credentials.
        restart: bool,
    },
    /// Take back the offer that is set.
    Rollback,
    /// Set the other side's offer, make an answer and set it.
    ApplyOffer {
        /// To be named in the answer.
        exchange: u32,
        /// The offer.
        sdp: String,
    },
    /// Set the other side's answer.
    ApplyAnswer {
        /// To be named in the answer.
        exchange: u32,
        /// The answer.
        sdp: String,
    },
    /// Add the other side's candidate.
    AddCandidate(Candidate),
    /// Sign and send.
    Send(PairSignal),
    /// The other side sent a description that cannot be applied.
    BadSignal,
    /// The pair stands otherwise than before. After one that [is final](PairState::ended) nothing comes.
    State(PairState),
}
