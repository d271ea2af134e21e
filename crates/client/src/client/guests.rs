//! Guests of the call, the links by which they come, and the call's chat.

use super::{Client, Result};
use crate::calls::Verdict;
use crate::net::api;
use crate::view::{CallLink, CallLinks, ChatLine, Problem};
use snug_protocol::guest::{Admission, BrowserTrust, GuestLink, NewGuestLink};
use snug_protocol::{CallId, DeviceId, GuestLinkId};

impl Client {
    /// The links of the call, and whether browsers trust the server at all.
    pub async fn guest_links(&self) -> Result<CallLinks> {
        let session = self.session()?;
        let answer = api::guest_links(&session.http, self.current_call()?).await?;
        let mut links = Vec::with_capacity(answer.links.len());
        for link in answer.links {
            let url = session.calls.url_of(link.id);
            links.push(self.shown(link, url).await?);
        }
        Ok(CallLinks { browser_trust: answer.browser_trust, links })
    }

    /// Makes a link. `untrusted` when browsers do not trust the server: it would be of no use.
    pub async fn make_guest_link(&self, admission: Admission) -> Result<CallLink> {
        let (session, call) = (self.session()?, self.current_call()?);
        let made =
            api::new_guest_link(&session.http, call, &NewGuestLink { admission, expires_in_s: None }).await?;
        let Some(url) = made.url.filter(|_| made.browser_trust == BrowserTrust::Trusted) else {
            api::revoke_guest_link(&session.http, call, made.link.id).await?;
            let detail = "browsers do not trust this server's certificate".to_owned();
            return Err(Problem { code: "untrusted".into(), detail });
        };
        session.calls.keep_url(call, made.link.id, url.clone());
        self.shown(made.link, Some(url)).await
    }

    /// Ends a link: who waits by it is sent away, who was let in stays.
    pub async fn revoke_guest_link(&self, id: GuestLinkId) -> Result<()> {
        Ok(api::revoke_guest_link(&self.session()?.http, self.current_call()?, id).await?)
    }

    /// Lets a guest in who waits.
    pub async fn admit_guest(&self, device: DeviceId) -> Result<()> {
        self.session()?.calls.decide(device, Verdict::Admit).await
    }

    /// Sends a guest away who waits.
    pub async fn refuse_guest(&self, device: DeviceId) -> Result<()> {
        self.session()?.calls.decide(device, Verdict::Refuse).await
    }

    /// Removes a guest from the call.
    pub async fn remove_guest(&self, device: DeviceId) -> Result<()> {
        self.session()?.calls.decide(device, Verdict::Remove).await
    }

    /// Says something in writing to everybody in the call: 1 to 4,000 characters.
    pub async fn say_in_call(&self, text: &str) -> Result<()> {
        self.session()?.calls.say(text.to_owned()).await
    }

    /// What was said in writing in the call, oldest first; nothing while there is none.
    pub async fn call_chat(&self) -> Result<Vec<ChatLine>> {
        match self.session() {
            Ok(session) => session.calls.chat().await,
            Err(_) => Ok(Vec::new()),
        }
    }

    fn current_call(&self) -> Result<CallId> {
        let none = || Problem { code: "call_failed".into(), detail: "there is no call".into() };
        self.call().map(|call| call.call).ok_or_else(none)
    }

    async fn shown(&self, link: GuestLink, url: Option<String>) -> Result<CallLink> {
        let own = link.by == self.session()?.me.user;
        let by = if own { String::new() } else { self.core().store.name_of(link.by).await? };
        Ok(CallLink { id: link.id, admission: link.admission, by, expires_at: link.expires_at, url })
    }
}
