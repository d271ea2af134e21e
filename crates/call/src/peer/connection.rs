//! How a peer connection of ours is set up: codecs, header extensions, interceptors, ICE.

use super::addresses::LocalAddresses;
use super::shared::Shared;
use super::tap::{AUDIO_LEVEL_URI, Arrived, Tap};
use super::turn::{CallRuntime, Plan, RelayNews, RelayTrust};
use async_trait::async_trait;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{ReceiverReportBuilder, Registry, Slot, TwccReceiverBuilder};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use snug_protocol::ice::IceServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;
use webrtc::error::Result;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    SettingEngineBuilder,
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
/// Between two checks of a way while none is found: Ta of RFC 8445 §14.2. webrtc's 200 ms are what a call would mostly wait for.
const ICE_CHECK_EVERY: Duration = Duration::from_millis(50);
/// A way is given up after as long as by default, 1.4 s.
const ICE_CHECKS: u16 = 28;

/// Where and how to connect.
#[derive(Clone, Debug)]
pub(crate) struct PeerSettings {
    /// STUN and TURN.
    pub(crate) ice_servers: Vec<IceServer>,
    /// Through TURN only.
    pub(crate) relay_only: bool,
    /// Offer 127.0.0.1 even where there are other addresses.
    pub(crate) include_loopback: bool,
    /// Who may certify a relay.
    pub(crate) relay_trust: RelayTrust,
}

/// How often the other side hears what arrived. A fall of the rate is noticed no sooner; twenty small packets a second are cheap.
const FEEDBACK_EVERY: Duration = Duration::from_millis(50);

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
    pub(super) runtime: CallRuntime,
    pub(super) audio: Arc<TrackLocalStaticRTP>,
    pub(super) video: Arc<TrackLocalStaticRTP>,
}

impl Connection {
    /// Opens sockets and sets all up. Names of multicast DNS are the control task's work: webrtc's own look-up has a socket that cannot be
    /// made while there is no network, and a restart in such a moment, which is when restarts happen, would end the connection.
    pub(super) async fn open(
        settings: &PeerSettings,
        plan: Plan,
        shared: &Arc<Shared>,
        arrived: mpsc::Sender<Arrived>,
        told: mpsc::Sender<Told>,
        relays: mpsc::Sender<RelayNews>,
    ) -> Result<Connection> {
        let tap = Tap::new(Arc::clone(shared), arrived);
        let configuration = configuration(settings.relay_only, &plan);
        let runtime = CallRuntime::new(plan, settings.relay_trust.clone(), relays);
        let mut media = MediaEngine::default();
        register_codecs(&mut media)?;
        // Nearer to the wire than the tap, so that they see every packet: feedback for the other side's bandwidth estimator, and
        // receiver reports. Sender reports are our own, because only we know when a stamp was captured; so are the numbers on
        // which the other side reports, because they belong to what the pacer lets out.
        let registry = Registry::new()
            .with(Slot::TwccReceiver, TwccReceiverBuilder::new().with_interval(FEEDBACK_EVERY).build())
            .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
            .with(Slot::from(12_500), tap);
        let engine = SettingEngineBuilder::new()
            .with_host_acceptance_min_wait(Some(Duration::ZERO))
            .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
            .with_ice_connection_attempts(Some(ICE_CHECK_EVERY), Some(ICE_CHECKS))
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            // After the network changed, the old sockets lead nowhere.
            .with_discard_local_candidates_during_ice_restart(true)
            .build();
        let peer: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(configuration)
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_setting_engine(engine)
                .with_handler(Arc::new(Listener { told }))
                .with_runtime(Arc::new(runtime.clone()))
                .with_udp_addrs(vec![LocalAddresses { include_loopback: settings.include_loopback }])
                .build()
                .await?,
        );
        let ssrcs = shared.ssrcs;
        let audio = track("audio", RtpCodecKind::Audio, ssrcs.audio, None);
        let video = track("video", RtpCodecKind::Video, ssrcs.video, Some(ssrcs.video_rtx));
        peer.add_track(Arc::clone(&audio) as _).await?;
        peer.add_track(Arc::clone(&video) as _).await?;
        Ok(Connection { peer, runtime, audio, video })
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
        media.register_feedback(feedback("transport-cc", ""), kind);
        media.register_header_extension(extension(TRANSPORT_CC_URI), kind, None)?;
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

/// With which servers, and whether by relays alone.
pub(super) fn configuration(relay_only: bool, plan: &Plan) -> RTCConfiguration {
    let policy = if relay_only { RTCIceTransportPolicy::Relay } else { RTCIceTransportPolicy::All };
    RTCConfigurationBuilder::new().with_ice_servers(plan.servers()).with_ice_transport_policy(policy).build()
}
