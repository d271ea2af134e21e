//! How a peer connection of ours is set up: codecs, header extensions, interceptors, ICE.

use super::shared::Shared;
use super::tap::{AUDIO_LEVEL_URI, Arrived, Tap};
use async_trait::async_trait;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{ReceiverReportBuilder, Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::configure_twcc;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use snug_protocol::ice::IceServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceServer,
    RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState, SettingEngineBuilder,
};

const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP8_RTX: u8 = 97;
/// Several keepalives were lost by then.
const ICE_DISCONNECTED: Duration = Duration::from_secs(4);
/// It does not come back by itself; a restart was tried before.
const ICE_FAILED: Duration = Duration::from_secs(12);
/// Keeps NAT bindings open and notices a dead path early; media counts, too.
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);

/// Where and how to connect.
#[derive(Clone, Debug)]
pub(crate) struct PeerSettings {
    /// STUN and TURN.
    pub(crate) ice_servers: Vec<IceServer>,
    /// Through TURN only.
    pub(crate) relay_only: bool,
    /// Offer 127.0.0.1 even where there are other addresses.
    pub(crate) include_loopback: bool,
}

/// What webrtc tells. Handed over by its driver, which must not wait.
pub(super) enum Told {
    Candidate(String),
    State(RTCPeerConnectionState),
    Channel(Arc<dyn DataChannel>),
}

/// The handler that webrtc calls on its driver's task.
struct Listener {
    /// To the control task. Bounded; when it is full the control task is dead or stuck, and what is lost does not matter any more.
    told: mpsc::Sender<Told>,
}

impl Listener {
    fn tell(&self, told: Told) {
        if self.told.try_send(told).is_err() {
            tracing::warn!("the control task does not listen");
        }
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Listener {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            self.tell(Told::Candidate(candidate.candidate));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.tell(Told::State(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.tell(Told::Channel(channel));
    }
}

/// A connection with its two tracks, not yet negotiated.
pub(super) struct Connection {
    pub(super) peer: Arc<dyn PeerConnection>,
    pub(super) audio: Arc<TrackLocalStaticRTP>,
    pub(super) video: Arc<TrackLocalStaticRTP>,
}

impl Connection {
    /// Opens sockets and sets all up; where this system lets nobody ask by multicast DNS (there is no route for it without a network),
    /// without that.
    pub(super) async fn open(
        settings: &PeerSettings,
        shared: &Arc<Shared>,
        arrived: mpsc::Sender<Arrived>,
        told: mpsc::Sender<Told>,
    ) -> Result<Connection> {
        let mut last = None;
        for mdns in [MulticastDnsMode::QueryOnly, MulticastDnsMode::Disabled] {
            let tap = Tap::new(Arc::clone(shared), arrived.clone());
            match Connection::open_with(settings, shared, tap, told.clone(), mdns).await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    tracing::info!(%error, ?mdns, "no peer connection in this way");
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or(Error::ErrConnectionClosed))
    }

    async fn open_with(
        settings: &PeerSettings,
        shared: &Arc<Shared>,
        tap: Tap,
        told: mpsc::Sender<Told>,
        mdns: MulticastDnsMode,
    ) -> Result<Connection> {
        let mut media = MediaEngine::default();
        register_codecs(&mut media)?;
        // Nearer to the wire than the tap, so that they see every packet: feedback for the other side's bandwidth estimator, and
        // receiver reports. Sender reports are our own, because only we know when a stamp was captured.
        let registry = configure_twcc(Registry::new(), &mut media)?
            .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
            .with(Slot::from(12_500), tap);
        let addresses = addresses(settings.include_loopback);
        let engine = SettingEngineBuilder::new()
            .with_host_acceptance_min_wait(Some(Duration::ZERO))
            .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            .with_multicast_dns_mode(mdns)
            .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
            .with_include_loopback_candidate(true)
            // After the network changed, the old sockets lead nowhere.
            .with_discard_local_candidates_during_ice_restart(true)
            .build();
        let policy =
            if settings.relay_only { RTCIceTransportPolicy::Relay } else { RTCIceTransportPolicy::All };
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(servers(&settings.ice_servers))
            .with_ice_transport_policy(policy)
            .build();
        let peer: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(configuration)
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_setting_engine(engine)
                .with_handler(Arc::new(Listener { told }))
                .with_udp_addrs(addresses)
                .build()
                .await?,
        );
        let ssrcs = shared.ssrcs;
        let audio = track("audio", RtpCodecKind::Audio, ssrcs.audio, None);
        let video = track("video", RtpCodecKind::Video, ssrcs.video, Some(ssrcs.video_rtx));
        peer.add_track(Arc::clone(&audio) as _).await?;
        peer.add_track(Arc::clone(&video) as _).await?;
        Ok(Connection { peer, audio, video })
    }
}

fn register_codecs(media: &mut MediaEngine) -> Result<()> {
    let feedback =
        |typ: &str, parameter: &str| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() };
    let opus = RTCRtpCodecParameters { rtp_codec: opus_codec(), payload_type: OPUS };
    media.register_codec(opus, RtpCodecKind::Audio)?;
    let mut vp8 = vp8_codec();
    vp8.rtcp_feedback = vec![feedback("ccm", "fir"), feedback("nack", ""), feedback("nack", "pli")];
    media.register_codec(RTCRtpCodecParameters { rtp_codec: vp8, payload_type: VP8 }, RtpCodecKind::Video)?;
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: format!("apt={VP8}"),
        rtcp_feedback: Vec::new(),
    };
    media.register_codec(
        RTCRtpCodecParameters { rtp_codec: rtx, payload_type: VP8_RTX },
        RtpCodecKind::Video,
    )?;
    let extension = |uri: &str| RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        media.register_header_extension(extension("urn:ietf:params:rtp-hdrext:sdes:mid"), kind, None)?;
    }
    media.register_header_extension(extension(AUDIO_LEVEL_URI), RtpCodecKind::Audio, None)
}

fn opus_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1;usedtx=1;stereo=0".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

fn vp8_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: Vec::new(),
    }
}

fn track(name: &str, kind: RtpCodecKind, ssrc: u32, rtx: Option<u32>) -> Arc<TrackLocalStaticRTP> {
    let codec = if kind == RtpCodecKind::Audio { opus_codec() } else { vp8_codec() };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: rtx.map(|ssrc| RTCRtpRtxParameters { ssrc }),
            ..Default::default()
        },
        active: true,
        codec,
        ..Default::default()
    };
    let stream = "snug".to_owned();
    let track = MediaStreamTrack::new(stream, name.to_owned(), name.to_owned(), kind, vec![encoding]);
    Arc::new(TrackLocalStaticRTP::new(track))
}

fn servers(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let usable = |url: &&String| {
        ["stun:", "turn:"].iter().any(|scheme| url.starts_with(scheme)) && !url.contains("transport=tcp")
    };
    let one = |server: &IceServer| RTCIceServer {
        urls: server.urls.iter().filter(usable).cloned().collect(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.clone().unwrap_or_default(),
    };
    servers.iter().map(one).filter(|server| !server.urls.is_empty()).collect()
}

/// Where to bind: every interface by its family's wildcard, which webrtc expands anew at each restart; and the loopback interface,
/// which it leaves out of a wildcard, when it is asked for or there is no other.
fn addresses(include_loopback: bool) -> Vec<String> {
    let interfaces = rtc::shared::ifaces::ifaces().unwrap_or_default();
    let ips = || interfaces.iter().filter_map(|interface| interface.addr.map(|addr| addr.ip()));
    let v4 =
        ips().any(|ip| matches!(ip, std::net::IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_link_local()));
    let v6 = ips().any(|ip| {
        matches!(ip, std::net::IpAddr::V6(ip) if !ip.is_loopback() && (ip.segments()[0] & 0xffc0) != 0xfe80)
    });
    let mut addresses = Vec::new();
    if v4 {
        addresses.push("0.0.0.0:0".to_owned());
    }
    if v6 {
        addresses.push("[::]:0".to_owned());
    }
    if include_loopback || addresses.is_empty() {
        addresses.push("127.0.0.1:0".to_owned());
    }
    addresses
}
