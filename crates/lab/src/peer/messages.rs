//! What a measuring process and a peer say to each other: lines of JSON on the peer's standard input and output.
//!
//! The peer does one order after another and answers each; between answers it tells by itself what happens to it. Not RPC over a
//! socket: pipes end with the process at their other end, so nobody waits for one that was killed.

use crate::call::gate::Sighting;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use snug_media::pattern::Code;
use snug_protocol::RoomId;

/// What a peer shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Become the owner of a fresh space.
    SetUp {
        /// A link without a code.
        server: String,
        /// The server's set-up code.
        code: String,
    },
    /// Become a member by an invitation.
    Join {
        /// The link.
        link: String,
    },
    /// Make a room. Answered by its id.
    CreateRoom {
        /// Its name.
        name: String,
    },
    /// Make an invitation into a room. Answered by the link.
    Invite {
        /// The room.
        room: RoomId,
    },
    /// Wait until this room is there and two people are in it.
    AwaitCompany {
        /// The room.
        room: RoomId,
    },
    /// Ring the others of a room.
    Ring {
        /// The room.
        room: RoomId,
        /// With the camera on.
        camera: bool,
    },
    /// Answer the call that rings. Answered by the moment just before, in milliseconds since 1970.
    Accept {
        /// With the camera on.
        camera: bool,
    },
    /// Switch the camera.
    Camera {
        /// On or off.
        on: bool,
    },
    /// Note the numbers of the call that goes on: they end with it.
    TakeStock,
    /// End the call.
    HangUp,
    /// Tell what was received in the call. Answered by [`Received`].
    Report,
    /// Say something. Answered when the client has taken it into its keeping.
    Say {
        /// The room.
        room: RoomId,
        /// The words.
        text: String,
    },
    /// Answered by the texts of a room's timeline, oldest first, each with whether the server has it.
    Texts {
        /// The room.
        room: RoomId,
    },
    /// End.
    Leave,
}

/// An order and its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    /// Given back in the answer.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub order: Order,
}

/// A line from a peer or a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An order was done.
    Done {
        /// Which.
        id: u64,
        /// What came of it.
        value: Value,
    },
    /// An order could not be done.
    Refused {
        /// Which.
        id: u64,
        /// Why, as `code: detail`.
        why: String,
    },
    /// Something happened.
    Happened(Happening),
}

/// What a peer or a server tells by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A server takes connections.
    Serving {
        /// A link without a code.
        link: String,
        /// For the owner; absent once there is one.
        setup_code: Option<String>,
        /// The port that it listens on.
        port: u16,
    },
    /// A peer is open and takes orders.
    Ready,
    /// The event stream stands.
    Online,
    /// A call rings here.
    Rings,
    /// Media flows in both directions.
    Connected {
        /// Milliseconds since 1970.
        at_ms: i64,
    },
    /// The call is over here.
    Ended {
        /// Why.
        why: String,
    },
    /// Something went wrong in the background.
    Problem {
        /// What, as `code: detail`.
        what: String,
    },
}

/// Everything that a peer received in its call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// The last picture's width.
    pub width: u32,
    /// The last picture's height.
    pub height: u32,
    /// Bytes of all encoded pictures.
    pub video_bytes: u64,
    /// Pictures that did not decode.
    pub undecodable: u64,
    /// Every decoded picture, in order.
    pub pictures: Vec<Picture>,
    /// From microphone to ear, one for each heard marker: when it was heard, in microseconds since 1970, and milliseconds.
    pub mouth_to_ear_ms: Vec<(u64, f64)>,
    /// The pitch that was heard, about twice a second, in hertz; without those in which there was none.
    pub pitches: Vec<f32>,
    /// Times at which it was listened for a pitch.
    pub listened: u64,
    /// Audio samples that were played.
    pub audio_samples: u64,
    /// Of these, made up for lost ones.
    pub concealed_samples: u64,
    /// Each size that pictures had, with the time at which the first of it was decoded, in microseconds since 1970.
    pub sizes: Vec<(u64, u32, u32)>,
    /// Complete keyframes.
    pub keyframes: u64,
    /// Retransmissions that were asked for.
    pub nacks: u64,
    /// Packets that never came, by the receiver's own count.
    pub packets_lost: u64,
    /// What was sent meanwhile.
    pub sent: Sent,
    /// What the receiver counted of its pictures, where somebody else looked at them.
    pub counted: Option<Counted>,
}

/// What a browser counts of its pictures (W3C webrtc-stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// `framesDecoded`.
    pub frames_decoded: u64,
    /// `freezeCount`; one that has not ended is not in it.
    pub freezes: u64,
    /// `totalFreezesDuration` in seconds, likewise.
    pub freezes_seconds: f64,
}

/// What a peer noted of its own sending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// What the video encoder was told, each with the time at which it was read: milliseconds since 1970, kilobits per second.
    pub targets: Vec<(u64, f64)>,
    /// Retransmissions of video.
    pub retransmissions: u64,
}

impl Received {
    /// The codes that were seen, each when its picture was decoded.
    pub fn sightings(&self) -> Vec<Sighting> {
        let seen =
            |picture: &Picture| Some(Sighting { at_ms: picture.decoded_us / 1000, code: picture.code()? });
        self.pictures.iter().filter_map(seen).collect()
    }
}

/// A decoded picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// When it was decoded, in microseconds since 1970.
    pub decoded_us: u64,
    /// When it was shown: when it was due, or when it was decoded if that was later. In microseconds since 1970.
    pub shown_us: u64,
    /// Sender, number and capture time that it carried, if it did.
    pub code: Option<(u8, u32, u32)>,
}

impl Picture {
    /// The code that it carried.
    pub fn code(&self) -> Option<Code> {
        self.code.map(|(sender, frame_no, time_ms)| Code { sender, frame_no, time_ms })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_read_back_as_they_were_written() {
        let order = Numbered { id: 7, order: Order::Say { room: RoomId::random(), text: "a\nb".into() } };
        let line = serde_json::to_string(&order).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Numbered>(&line).unwrap(), order);
        let lines = [
            Line::Done { id: 1, value: Value::Null },
            Line::Refused { id: 2, why: "offline: no".into() },
            Line::Happened(Happening::Ready),
            Line::Happened(Happening::Serving {
                link: "snug://join?a=h:1".into(),
                setup_code: None,
                port: 1,
            }),
        ];
        for line in lines {
            assert_eq!(serde_json::from_str::<Line>(&serde_json::to_string(&line).unwrap()).unwrap(), line);
        }
    }
}
