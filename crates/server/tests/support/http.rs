//! One HTTP/1.1 connection over TLS with a pinned key.

use axum::body::{Body, Bytes, to_bytes};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use snug_protocol::{ApiError, ErrorCode};
use snug_server::Server;
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpStream, sync::Mutex};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How to reach a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) pin: [u8; 32],
}

impl Target {
    pub(crate) fn of(server: &Server) -> Self {
        Self { addr: server.local_addr(), pin: server.key_pin().expect("tests use the own certificate") }
    }

    /// A TLS connection; an error if the server's key is not the pinned one.
    pub(crate) async fn tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        self.tls_over(TcpStream::connect(self.addr).await?).await
    }

    pub(crate) async fn tls_over(&self, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        tcp.set_nodelay(true)?;
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { pin: self.pin, algorithms }))
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await
    }

    pub(crate) async fn connect(&self) -> SendRequest<Body> {
        let tls = self.tls().await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// Takes exactly one public key.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, certificate) = x509_parser::parse_x509_certificate(end_entity).unwrap();
        if Sha256::digest(certificate.public_key().raw).as_slice() == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another key".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// One who asks: a target, perhaps a token, and a connection that is kept.
pub(crate) struct Api {
    pub(crate) target: Target,
    pub(crate) token: Option<String>,
    connection: Mutex<Option<SendRequest<Body>>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A success without a body.
    #[track_caller]
    pub(crate) fn done(&self) {
        assert_eq!(self.status, 204, "{}", String::from_utf8_lossy(&self.body));
    }

    /// The code of a refusal.
    #[track_caller]
    pub(crate) fn code(&self) -> ErrorCode {
        assert!(!self.status.is_success(), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        let error: ApiError = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not an ApiError: {} {:?}", self.status, self.body));
        error.code
    }
}

impl Api {
    pub(crate) fn new(target: Target, token: Option<String>) -> Self {
        Self { target, token, connection: Mutex::new(None) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let path = if path == "/healthz" { path.to_owned() } else { format!("/api/v1{path}") };
        let request =
            Request::builder().method(method).uri(path).header("host", self.target.addr.to_string());
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends on the kept connection, or on a new one where the server closed it in between.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Incoming> {
        let mut kept = self.connection.lock().await;
        if kept.as_ref().is_none_or(SendRequest::is_closed) {
            *kept = Some(self.target.connect().await);
        }
        let sender = kept.as_mut().unwrap();
        if sender.ready().await.is_err() {
            *sender = self.target.connect().await;
        }
        sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn raw(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json").body(body.into());
        let (parts, body) = self.send(request.unwrap()).await.into_parts();
        let body = to_bytes(Body::new(body), 64 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.raw(Method::POST, path, serde_json::to_vec(body).unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Answer {
        self.raw(Method::PUT, path, serde_json::to_vec(body).unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &impl Serialize) -> Answer {
        self.raw(Method::PATCH, path, serde_json::to_vec(body).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.raw(Method::DELETE, path, Body::empty()).await
    }
}
