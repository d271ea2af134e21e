//! Signing in and out, and who one is.

use super::{Client, Result};
use crate::net::{Dialer, Endpoint, Failure, Http, api};
use crate::secrets::{self, Secret};
use crate::store::KeptAccount;
use crate::sync::fetch_everything;
use crate::view::{Account, Connection, LinkInfo, NewAccount, Problem, Update};
use ed25519_dalek::SigningKey;
use snug_protocol::account::{NewDevice, Register, Registration, Session, Setup, SignIn, UpdateMe};
use snug_protocol::invitation::{InvitationLink, NewInvitation};
use snug_protocol::{Content, RoomId, account};
use std::sync::Arc;
use std::time::Duration;

/// How long signing out waits for the server.
const FAREWELL: Duration = Duration::from_secs(3);

impl Client {
    /// Who is signed in.
    pub async fn account(&self) -> Result<Option<Account>> {
        Ok(self.core().store.account().await?.map(|kept| kept.view))
    }

    /// What a link (or `host:port`) leads to, asked of the server.
    pub async fn inspect_link(&self, link: &str) -> Result<LinkInfo> {
        let link = server(link)?;
        let http = anonymous(&link)?;
        let info = api::server_info(&http).await?;
        let (address, invitation) = (http.dialer().address(), !link.code.is_empty());
        Ok(LinkInfo { space_name: info.name, address, invitation })
    }

    /// Makes an account with an invitation link and signs in. The link of a space without an owner carries the set-up code in the
    /// invitation's place: whoever follows it becomes the owner.
    pub async fn join(&self, link: &str, account: NewAccount) -> Result<Account> {
        let link = server(link)?;
        let http = anonymous(&link)?;
        if api::server_info(&http).await?.registration == Registration::Setup {
            return self.set_up(&link.to_string(), &link.code, "", account, false).await;
        }
        let key = new_key();
        let invitation = Some(link.code).filter(|code| !code.is_empty());
        let register = Register { invitation, account: self.new_account(account, &key) };
        let session = api::register(&http, &register).await?;
        self.enter(http, session, key, false).await
    }

    /// Makes the owner of a fresh space and signs in. `server` is a link without a code (addresses and pin), as the embedded server
    /// has it; `hosted_here` is remembered.
    pub async fn set_up(
        &self,
        server: &str,
        code: &str,
        space_name: &str,
        account: NewAccount,
        hosted_here: bool,
    ) -> Result<Account> {
        let http = anonymous(&self::server(server)?)?;
        let key = new_key();
        let setup = Setup {
            code: code.to_owned(),
            space_name: Some(space_name.to_owned()).filter(|name| !name.is_empty()),
            account: self.new_account(account, &key),
        };
        let session = api::set_up(&http, &setup).await?;
        self.enter(http, session, key, hosted_here).await
    }

    /// Signs in to an account that exists. `server` is a link or `host:port`.
    pub async fn sign_in(&self, server: &str, username: &str, password: &str) -> Result<Account> {
        let http = anonymous(&self::server(server)?)?;
        let key = new_key();
        let sign_in = SignIn {
            username: username.to_owned(),
            password: password.to_owned(),
            device: self.new_device(&key),
        };
        let session = api::sign_in(&http, &sign_in).await?;
        self.enter(http, session, key, false).await
    }

    /// Signs this device out and removes everything that it kept but the preferences. Works without a network, too; then the server
    /// learns it never, and the token is gone with the keyring's entry.
    pub async fn sign_out(&self) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let http = self.session().ok().map(|session| session.http.clone());
        self.end_session().await;
        if let Some(http) = http {
            match tokio::time::timeout(FAREWELL, api::sign_out(&http)).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    tracing::warn!(%failure, "the server was not told that this device signed out")
                }
                Err(_) => tracing::warn!("the server does not answer to signing out"),
            }
        }
        if let Some(kept) = self.core().store.account().await? {
            secrets::forget(kept.secrets, &self.core().config.data_dir, kept.view.device).await;
        }
        self.core().store.wipe().await?;
        self.core().forget_moment();
        self.core().set_connection(Connection::Connecting);
        self.core().updates.send(Update::Account);
        Ok(())
    }

    /// Changes one's shown name.
    pub async fn set_display_name(&self, name: &str) -> Result<()> {
        let session = self.session()?;
        let update = UpdateMe { display_name: Some(name.to_owned()) };
        api::update_me(&session.http, &update).await?;
        let me = api::me(&session.http).await?;
        self.core().store.keep_profile(&me.user, Some(&me.space_name)).await?;
        self.core().updates.send(Update::Account);
        Ok(())
    }

    /// A link for `uses` people that also brings them into the given rooms.
    pub async fn invitation_link(&self, rooms: &[RoomId], uses: u32) -> Result<String> {
        let new = NewInvitation { uses: Some(uses), expires_in_ms: None, rooms: rooms.to_vec() };
        Ok(api::invitation(&self.session()?.http, &new).await?.link)
    }

    /// The user looked at the server's changed key and goes on with it.
    pub async fn trust_new_key(&self) -> Result<()> {
        let session = self.session()?;
        let Some(key) = self.core().seen_key() else { return Ok(()) };
        let endpoint = Endpoint { pin: Some(key), ..session.http.dialer().endpoint() };
        self.core().store.keep_pin(key).await?;
        session.http.dialer().set_endpoint(endpoint).map_err(Failure::from)?;
        self.core().set_seen_key(None);
        self.core().set_connection(Connection::Connecting);
        self.core().kick();
        Ok(())
    }

    /// The space hosted by this app listens somewhere else now (another port, another network).
    pub async fn set_addresses(&self, addresses: &[String]) -> Result<()> {
        if addresses.is_empty() {
            return Err(bad_link("no address"));
        }
        let session = self.session()?;
        self.core().store.keep_addresses(addresses).await?;
        let endpoint = Endpoint { addresses: addresses.to_vec(), ..session.http.dialer().endpoint() };
        session.http.dialer().set_endpoint(endpoint).map_err(Failure::from)?;
        self.core().kick();
        Ok(())
    }

    fn new_device(&self, key: &SigningKey) -> NewDevice {
        NewDevice {
            name: self.core().config.device_name.clone(),
            key: Content(key.verifying_key().to_bytes().to_vec()),
        }
    }

    fn new_account(&self, account: NewAccount, key: &SigningKey) -> account::NewAccount {
        account::NewAccount {
            username: account.username,
            display_name: account.display_name,
            password: account.password,
            device: self.new_device(key),
        }
    }

    /// Takes over a session that the server made: keeps it, and begins to run.
    async fn enter(
        &self,
        http: Http,
        session: Session,
        key: SigningKey,
        hosted_here: bool,
    ) -> Result<Account> {
        let _changing = self.inner.changing.lock().await;
        self.end_session().await;
        let taken_over = self.take_over_session(http, session, key, hosted_here).await;
        // If that failed (a full disk), whoever was signed in before still is.
        self.resume().await?;
        let account = taken_over?;
        self.core().updates.send(Update::Account);
        Ok(account)
    }

    async fn take_over_session(
        &self,
        http: Http,
        session: Session,
        key: SigningKey,
        hosted_here: bool,
    ) -> Result<Account> {
        let core = self.core();
        let before = core.store.account().await?;
        let secret = Secret { token: session.token, key };
        let folder = &core.config.data_dir;
        let place = secrets::keep(core.config.keyring, folder, session.device, &secret).await?;
        // The same person signs in again: what is stored stays, with what waits in the outbox. Anybody else begins with nothing.
        let again = before.as_ref().is_some_and(|kept| kept.view.user == session.user.id);
        if let Some(old) = &before
            && old.secrets == crate::store::SecretPlace::System
        {
            secrets::forget(old.secrets, folder, old.view.device).await;
        }
        if !again {
            core.store.wipe().await?;
        }
        let endpoint = http.dialer().endpoint();
        let http = http.with_token(&secret.token)?;
        let space_name = match api::me(&http).await {
            Ok(me) => me.space_name,
            Err(_) => String::new(),
        };
        let kept = KeptAccount {
            view: Account {
                user: session.user.id,
                device: session.device,
                username: session.user.username,
                display_name: session.user.display_name,
                role: session.user.role,
                space_name,
                address: http.dialer().address(),
                hosted_here,
            },
            endpoint,
            secrets: place,
            cursor: before.filter(|_| again).map_or(session.cursor, |kept| kept.cursor),
            synced: false,
        };
        core.store.keep_account(&kept).await?;
        // So that rooms are there to show as this returns; if it fails, the feed tries again.
        if let Err(error) = fetch_everything(core, kept.me(), &http).await {
            tracing::info!(%error, "rooms come later");
        }
        Ok(kept.view)
    }
}

fn new_key() -> SigningKey {
    SigningKey::generate(&mut rand::rngs::OsRng)
}

fn anonymous(link: &InvitationLink) -> Result<Http> {
    let endpoint = Endpoint { addresses: link.addresses.clone(), pin: link.key_pin };
    Ok(Http::new(Arc::new(Dialer::new(endpoint).map_err(Failure::from)?)))
}

fn bad_link(why: &str) -> Problem {
    Problem { code: "bad_link".into(), detail: why.to_owned() }
}

/// A link, or what people type instead of one: `host:port`, `host` or `https://host`.
fn server(text: &str) -> Result<InvitationLink> {
    let text = text.trim();
    if text.starts_with("snug:") {
        return text
            .parse()
            .map_err(|error: snug_protocol::invitation::LinkError| bad_link(&error.to_string()));
    }
    let host = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:443") };
    // The link's own reader knows what an address is.
    format!("snug://join?a={address}").parse().map_err(|_| bad_link("this is neither a link nor an address"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_people_type_is_an_address_or_refused() {
        for (typed, address) in [
            ("chat.example.org", "chat.example.org:443"),
            (" https://chat.example.org/ ", "chat.example.org:443"),
            ("192.168.1.5:4433", "192.168.1.5:4433"),
            ("[fe80::1]:4433", "[fe80::1]:4433"),
        ] {
            let link = server(typed).unwrap();
            assert_eq!(
                (link.addresses, link.key_pin, link.code.as_str()),
                (vec![address.to_owned()], None, "")
            );
        }
        for typed in ["", "http://x", "a b", "snug://join?c=x", "host/path", "host&k=AAAA"] {
            assert_eq!(server(typed).unwrap_err().code, "bad_link", "{typed}");
        }
    }
}
