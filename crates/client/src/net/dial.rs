//! One encrypted connection to the server, at whichever of its addresses answers.
//!
//! An invitation names every address that the server had: at home the one of the local network is best, elsewhere it is a stranger's.
//! So they are tried in order, each a moment after the one before (as in RFC 8305), beginning with the one that last worked, and the first
//! that proves to have the key wins. No proxy settings are read: the space is a host that the link names.

use super::pin::{KeyPin, SeenKey, tls_config};
use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::{CertificateError, Error as TlsError};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long one address may take for TCP and TLS. Longer than a lost SYN and its two repeats.
const ATTEMPT: Duration = Duration::from_secs(8);

/// Head start of an address over the next: RFC 8305 §8 recommends 250 ms.
const STAGGER: Duration = Duration::from_millis(250);

/// Where a space is and which key it must prove to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `host:port`, best first; never empty.
    pub addresses: Vec<String>,
    /// Absent when its certificate is one that systems trust.
    pub pin: Option<KeyPin>,
}

/// An encrypted connection to the server.
pub(crate) type ServerStream = TlsStream<TcpStream>;

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// No address answered.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// Somebody answered who does not have the pinned key; nothing was sent.
    #[error("the server's key is not the pinned one")]
    KeyChanged(KeyPin),
    /// There is no pin, and the certificate is not one that systems trust.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
}

/// Makes connections to one space.
pub(crate) struct Dialer {
    /// Changes when the user trusts a new key, or the space moves. Held for a read or a write only, as is `last`.
    target: Mutex<Target>,
    seen: SeenKey,
    /// The address that worked last.
    last: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Target {
    endpoint: Endpoint,
    tls: TlsConnector,
}

impl Dialer {
    /// One for a space.
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self, DialError> {
        let seen = SeenKey::default();
        let target = Target::new(endpoint, &seen)?;
        Ok(Self { target: Mutex::new(target), seen, last: Mutex::default() })
    }

    /// Connects there from now on.
    pub(crate) fn set_endpoint(&self, endpoint: Endpoint) -> Result<(), DialError> {
        let target = Target::new(endpoint, &self.seen)?;
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn target(&self) -> Target {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it connects to.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.target().endpoint
    }

    /// The address that was reached last; before that, the first one.
    pub(crate) fn address(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.or_else(|| self.target().endpoint.addresses.first().cloned()).unwrap_or_default()
    }

    /// Connects to whichever address answers first and has the key.
    pub(crate) async fn connect(&self) -> Result<ServerStream, DialError> {
        let Target { endpoint, tls } = self.target();
        let mut order = endpoint.addresses;
        let last = self.address();
        order.sort_by_key(|address| *address != last);
        let tls = &tls;
        let mut attempts: FuturesUnordered<_> = (0u32..)
            .zip(order)
            .map(|(place, address)| async move {
                sleep(STAGGER * place).await;
                let result = timeout(ATTEMPT, self.attempt(tls, &address)).await;
                let result = result.unwrap_or_else(|_| Err(DialError::Unreachable("timed out".into())));
                (address, result)
            })
            .collect();
        let mut worst = DialError::Unreachable("no address".into());
        while let Some((address, result)) = attempts.next().await {
            match result {
                Ok(stream) => {
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
                    return Ok(stream);
                }
                Err(error) => {
                    tracing::debug!(%error, "an address did not answer");
                    // An answer of the wrong kind says more than none.
                    if matches!(worst, DialError::Unreachable(_)) {
                        worst = error;
                    }
                }
            }
        }
        Err(worst)
    }

    async fn attempt(&self, tls: &TlsConnector, address: &str) -> Result<ServerStream, DialError> {
        let unreachable = |error: io::Error| DialError::Unreachable(error.to_string());
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|e| DialError::Unreachable(e.to_string()))?;
        let socket = TcpStream::connect(address).await.map_err(unreachable)?;
        // Small requests and signals: waiting to fill a segment only costs time.
        socket.set_nodelay(true).map_err(unreachable)?;
        tls.connect(name, socket).await.map_err(|error| self.tls_error(error))
    }

    fn tls_error(&self, error: io::Error) -> DialError {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        match tls {
            Some(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
                let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.map_or_else(|| DialError::Unreachable(error.to_string()), DialError::KeyChanged)
            }
            Some(TlsError::InvalidCertificate(why)) => DialError::Untrusted(format!("{why:?}")),
            _ => DialError::Unreachable(error.to_string()),
        }
    }
}

impl Target {
    fn new(endpoint: Endpoint, seen: &SeenKey) -> Result<Self, DialError> {
        let tls = tls_config(endpoint.pin, seen.clone()).map_err(|e| DialError::Untrusted(e.to_string()))?;
        Ok(Self { endpoint, tls: TlsConnector::from(Arc::new(tls)) })
    }
}
