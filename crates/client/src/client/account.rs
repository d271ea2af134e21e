//! Signing in and out, and who one is.

use super::{Client, Result, soon};
use crate::view::{Account, LinkInfo, NewAccount};
use snug_protocol::RoomId;

impl Client {
    /// Who is signed in.
    pub async fn account(&self) -> Result<Option<Account>> {
        soon()
    }

    /// What a link (or `host:port`) leads to, asked of the server.
    pub async fn inspect_link(&self, _link: &str) -> Result<LinkInfo> {
        soon()
    }

    /// Makes an account with an invitation link and signs in.
    pub async fn join(&self, _link: &str, _account: NewAccount) -> Result<Account> {
        soon()
    }

    /// Makes the owner of a fresh space and signs in. `server` is a link without a code (addresses and pin), as the embedded server
    /// has it; `hosted_here` is remembered.
    pub async fn set_up(
        &self,
        _server: &str,
        _code: &str,
        _space_name: &str,
        _account: NewAccount,
        _hosted_here: bool,
    ) -> Result<Account> {
        soon()
    }

    /// Signs in to an account that exists. `server` is a link or `host:port`.
    pub async fn sign_in(&self, _server: &str, _username: &str, _password: &str) -> Result<Account> {
        soon()
    }

    /// Signs this device out and removes everything that it kept but the preferences. Works without a network, too.
    pub async fn sign_out(&self) -> Result<()> {
        soon()
    }

    /// Changes one's shown name.
    pub async fn set_display_name(&self, _name: &str) -> Result<()> {
        soon()
    }

    /// A link for `uses` people that also brings them into the given rooms.
    pub async fn invitation_link(&self, _rooms: &[RoomId], _uses: u32) -> Result<String> {
        soon()
    }

    /// The user looked at the server's changed key and goes on with it.
    pub async fn trust_new_key(&self) -> Result<()> {
        soon()
    }

    /// The space hosted by this app listens somewhere else now (another port, another network).
    pub async fn set_addresses(&self, _addresses: &[String]) -> Result<()> {
        soon()
    }
}
