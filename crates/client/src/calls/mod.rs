//! The one call of this device: from what rings to what is shown.
//!
//! What a call decides is decided in `snug-call`, which asks neither the server nor the store; here its ringing meets the event log, its
//! signals meet the socket, and both become a [`CallView`]. One task ([`desk`]) owns all of it and takes everything in one after the other, so
//! that an accept and a cancel in the same moment are one order of events and not two locks.

mod chat;
mod chime;
mod current;
mod desk;
mod ending;
mod ice;
mod news;
mod pictures;
mod studio;

pub(crate) use desk::Verdict;
pub use pictures::Pictures;
pub(crate) use studio::Studio;

use crate::core::Core;
use crate::net::Http;
use crate::signal::{SignalNews, SignalSender};
use crate::store::Me;
use crate::sync::CallNews;
use crate::view::{CallView, ChatLine, DeviceKind, Problem};
use desk::{Desk, Order};
use ed25519_dalek::SigningKey;
use snug_call::{CallStats, VideoSource};
use snug_protocol::{CallId, DeviceId, GuestLinkId, RoomId};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

/// Orders that wait for the desk, which is never busy for long; tile sizes and the like are dropped beyond.
const ORDERS: usize = 64;

/// How long closing waits for a call to say goodbye: a little longer than the call itself takes at most.
const FAREWELL: Duration = Duration::from_millis(1_500);

/// What the desk is made of.
pub(crate) struct Parts {
    pub core: Arc<Core>,
    pub studio: Arc<Studio>,
    pub me: Me,
    pub key: SigningKey,
    pub http: Http,
    pub signal: SignalSender,
    pub from_log: mpsc::Receiver<CallNews>,
    pub from_socket: mpsc::Receiver<SignalNews>,
}

/// The calls of somebody who is signed in. Dropping it ends them.
pub(crate) struct Calls {
    orders: mpsc::Sender<Order>,
    view: watch::Receiver<Option<CallView>>,
    /// The guest links that this app made: the server tells a link once. Held for a few instructions.
    urls: Mutex<Vec<(CallId, GuestLinkId, String)>>,
    _task: AbortOnDropHandle<()>,
}

impl Calls {
    /// Begins, without a call.
    pub(crate) fn start(parts: Parts) -> Self {
        let (orders, queue) = mpsc::channel(ORDERS);
        let (publisher, view) = watch::channel(None);
        let desk = Desk::new(parts, queue, publisher);
        Self { orders, view, urls: Mutex::default(), _task: AbortOnDropHandle::new(tokio::spawn(desk.run())) }
    }

    /// The call as it is now.
    pub(crate) fn view(&self) -> Option<CallView> {
        self.view.borrow().clone()
    }

    pub(crate) async fn ring(&self, room: RoomId, video: bool) -> Result<(), Problem> {
        self.ask(|reply| Order::Ring { room, video, reply }).await?
    }

    pub(crate) async fn accept(&self, video: bool) -> Result<(), Problem> {
        self.ask(|reply| Order::Accept { video, reply }).await?
    }

    pub(crate) async fn decline(&self) -> Result<(), Problem> {
        self.ask(|reply| Order::Decline { reply }).await
    }

    pub(crate) async fn hang_up(&self) -> Result<(), Problem> {
        self.ask(|reply| Order::HangUp { reply }).await
    }

    pub(crate) async fn set_microphone(&self, on: bool) -> Result<(), Problem> {
        self.ask(|reply| Order::Microphone { on, reply }).await
    }

    pub(crate) async fn set_camera(&self, on: bool) -> Result<(), Problem> {
        self.ask(|reply| Order::Camera { on, reply }).await
    }

    /// The user chose another device: a call that goes on takes it.
    pub(crate) async fn device_chosen(&self, kind: DeviceKind) -> Result<(), Problem> {
        self.ask(|reply| Order::DeviceChosen { kind, reply }).await
    }

    pub(crate) async fn decide(&self, device: DeviceId, verdict: Verdict) -> Result<(), Problem> {
        self.ask(|reply| Order::Guest { device, verdict, reply }).await?
    }

    pub(crate) async fn say(&self, text: String) -> Result<(), Problem> {
        self.ask(|reply| Order::Say { text, reply }).await?
    }

    pub(crate) async fn chat(&self) -> Result<Vec<ChatLine>, Problem> {
        self.ask(|reply| Order::Chat { reply }).await
    }

    /// Remembers a guest link; those of other calls are of no use any more.
    pub(crate) fn keep_url(&self, call: CallId, link: GuestLinkId, url: String) {
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.retain(|(of, ..)| *of == call);
        urls.push((call, link, url));
    }

    /// A guest link that this app made.
    pub(crate) fn url_of(&self, link: GuestLinkId) -> Option<String> {
        let urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.iter().find(|(_, id, _)| *id == link).map(|(.., url)| url.clone())
    }

    pub(crate) async fn stats(&self) -> Result<CallStats, Problem> {
        self.ask(|reply| Order::Stats { reply }).await?
    }

    /// Left out when the desk is busy: the next one says the same better.
    pub(crate) fn set_tile(&self, device: DeviceId, width: u32, height: u32) {
        let _ = self.orders.try_send(Order::Tile { device, width, height });
    }

    /// Left out when the desk is busy: whoever waits for a picture asks again.
    pub(crate) fn request_keyframe(&self, source: VideoSource) {
        let _ = self.orders.try_send(Order::Keyframe { source });
    }

    /// Ends the call, if there is one, and returns when that is said.
    pub(crate) async fn end(&self) {
        let asked = self.ask(|reply| Order::Close { reply });
        if tokio::time::timeout(FAREWELL, asked).await.is_err() {
            tracing::warn!("the call did not end in time");
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Problem> {
        let gone = || Problem { code: "unauthorized".into(), detail: "nobody is signed in any more".into() };
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}
