//! The one call of this device.

use super::{Client, Result};
use crate::view::CallView;
use snug_call::CallStats;
use snug_protocol::{DeviceId, RoomId};

impl Client {
    /// The call, if there is one.
    pub fn call(&self) -> Option<CallView> {
        self.session().ok().and_then(|session| session.calls.view())
    }

    /// Rings everybody in a room, or joins the call that goes on in it. `in_a_call` if there is one already.
    pub async fn ring(&self, room: RoomId, video: bool) -> Result<()> {
        self.session()?.calls.ring(room, video).await
    }

    /// Answers the call that rings.
    pub async fn accept(&self, video: bool) -> Result<()> {
        self.session()?.calls.accept(video).await
    }

    /// Says no to the call that rings.
    pub async fn decline(&self) -> Result<()> {
        self.session()?.calls.decline().await
    }

    /// Ends, or gives up, the call.
    pub async fn hang_up(&self) -> Result<()> {
        self.session()?.calls.hang_up().await
    }

    /// Mutes and unmutes.
    pub async fn set_microphone(&self, on: bool) -> Result<()> {
        self.session()?.calls.set_microphone(on).await
    }

    /// Camera on and off.
    pub async fn set_camera(&self, on: bool) -> Result<()> {
        self.session()?.calls.set_camera(on).await
    }

    /// How large a peer's picture is shown, in physical pixels; 0×0 while hidden.
    pub fn set_tile(&self, device: DeviceId, width: u32, height: u32) {
        if let Ok(session) = self.session() {
            session.calls.set_tile(device, width, height);
        }
    }

    /// The numbers of the call that goes on, in the names of W3C webrtc-stats.
    pub async fn call_stats(&self) -> Result<CallStats> {
        self.session()?.calls.stats().await
    }
}
