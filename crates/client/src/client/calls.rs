//! The one call of this device.

use super::devices::soon;
use super::{Client, Result};
use crate::view::CallView;
use snug_protocol::{DeviceId, RoomId};

impl Client {
    /// The call, if there is one.
    pub fn call(&self) -> Option<CallView> {
        None
    }

    /// Rings everybody in a room, or joins the call that goes on in it. `in_a_call` if there is one already.
    pub async fn ring(&self, _room: RoomId, _video: bool) -> Result<()> {
        soon()
    }

    /// Answers the call that rings.
    pub async fn accept(&self, _video: bool) -> Result<()> {
        soon()
    }

    /// Says no to the call that rings.
    pub async fn decline(&self) -> Result<()> {
        soon()
    }

    /// Ends, or gives up, the call.
    pub async fn hang_up(&self) -> Result<()> {
        soon()
    }

    /// Mutes and unmutes.
    pub async fn set_microphone(&self, _on: bool) -> Result<()> {
        soon()
    }

    /// Camera on and off.
    pub async fn set_camera(&self, _on: bool) -> Result<()> {
        soon()
    }

    /// How large a peer's picture is shown, in physical pixels; 0×0 while hidden.
    pub fn set_tile(&self, _device: DeviceId, _width: u32, _height: u32) {}
}
