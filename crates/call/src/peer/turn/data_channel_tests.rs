//! A data channel through coturn, over every way to it: it once crawled at 0.09 MB/s.

#![allow(clippy::unwrap_used)]

use super::{CallRuntime, Plan, RelayTrust};
use crate::peer::addresses::LocalAddresses;
use crate::peer::connection::configuration;
use async_trait::async_trait;
use bytes::BytesMut;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionIceEvent,
    SettingEngineBuilder,
};

#[allow(dead_code, reason = "the tests of whole calls use the rest")]
#[path = "../../../tests/support/coturn.rs"]
mod coturn;

/// At the speed of the stall this took three quarters of a minute.
const BYTES: usize = 4 << 20;
const MESSAGE: usize = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(30);

struct Listener {
    gathered: mpsc::Sender<()>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Listener {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if event.candidate.to_json().is_ok_and(|candidate| candidate.candidate.contains("typ relay")) {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let _ = self.channels.try_send(channel);
    }
}

struct End {
    peer: Arc<dyn PeerConnection>,
    gathered: mpsc::Receiver<()>,
    channels: mpsc::Receiver<Arc<dyn DataChannel>>,
}

impl End {
    async fn new(url: &str, user: &str, trust: RelayTrust) -> End {
        let plan = Plan::new(0, &coturn::list(&[url.to_owned()], user, Duration::from_secs(600)));
        let (told, gathered) = mpsc::channel(8);
        let (offered, channels) = mpsc::channel(8);
        let settings = SettingEngineBuilder::new()
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            .with_include_loopback_candidate(true);
        let peer = PeerConnectionBuilder::new()
            .with_configuration(configuration(true, &plan))
            .with_setting_engine(settings.build())
            .with_handler(Arc::new(Listener { gathered: told, channels: offered }))
            .with_runtime(Arc::new(CallRuntime::new(plan, trust, mpsc::channel(8).0)))
            .with_udp_addrs(vec![LocalAddresses { include_loopback: true }])
            .with_data_channel_send_buffer_limit(1 << 20)
            .build()
            .await
            .unwrap();
        End { peer: Arc::new(peer), gathered, channels }
    }

    /// This side's description, with a relay's address in it.
    async fn description(&mut self) -> webrtc::peer_connection::RTCSessionDescription {
        timeout(PATIENCE, self.gathered.recv()).await.expect("the relay serves").unwrap();
        self.peer.local_description().await.unwrap()
    }
}

async fn transfer(url: &str, trust: RelayTrust) -> Duration {
    let mut a = End::new(url, "a", trust.clone()).await;
    let mut b = End::new(url, "b", trust).await;
    let sending = a.peer.create_data_channel("file", None).await.unwrap();
    a.peer.set_local_description(a.peer.create_offer(None).await.unwrap()).await.unwrap();
    b.peer.set_remote_description(a.description().await).await.unwrap();
    b.peer.set_local_description(b.peer.create_answer(None).await.unwrap()).await.unwrap();
    a.peer.set_remote_description(b.description().await).await.unwrap();
    let receiving = timeout(PATIENCE, b.channels.recv()).await.expect("a channel").unwrap();
    while !matches!(timeout(PATIENCE, sending.poll()).await.unwrap().unwrap(), DataChannelEvent::OnOpen) {}
    let began = Instant::now();
    let writer = tokio::spawn(async move {
        for _ in 0..BYTES / MESSAGE {
            sending.send(BytesMut::zeroed(MESSAGE)).await.unwrap();
        }
        sending
    });
    let mut got = 0;
    while got < BYTES {
        let left = PATIENCE.saturating_sub(began.elapsed());
        let event = timeout(left, receiving.poll()).await;
        let event = event.unwrap_or_else(|_| panic!("{got} bytes in {PATIENCE:?}"));
        if let DataChannelEvent::OnMessage(message) = event.unwrap() {
            got += message.data.len();
        }
    }
    let took = began.elapsed();
    drop(writer.await.unwrap());
    let _ = a.peer.close().await;
    let _ = b.peer.close().await;
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_channel_flows_through_a_relay() {
    if !coturn::is_there() {
        return;
    }
    let coturn = coturn::Coturn::start(IpAddr::V4(Ipv4Addr::LOCALHOST), None, &[]).await;
    let trust = RelayTrust { extra: vec![coturn.certificate()] };
    for (name, url) in [("UDP", coturn.udp()), ("TCP", coturn.tcp()), ("TLS", coturn.tls())] {
        let took = transfer(&url, trust.clone()).await;
        eprintln!("{name}: {:.1} MB/s", BYTES as f64 / 1e6 / took.as_secs_f64());
    }
}
