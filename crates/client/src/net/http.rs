//! Requests to the server: JSON out, JSON in, with a time-out and a size limit on everything.
//!
//! One pool of connections for a space, over [`Dialer`], so that each request has the same pin and the same choice of address. Every
//! answer that is not 2xx becomes a [`Failure`] that says whether trying again makes sense.

use super::dial::{DialError, Dialer, ServerStream};
use crate::view::Problem;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::{self, connect::Connected, connect::Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use snug_protocol::{API_PREFIX, ApiError, ErrorCode};
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A request and its whole answer. Longer than dialling (8 s) so that its error is told.
const REQUEST: Duration = Duration::from_secs(15);

/// Largest answer: a page of 200 events at their largest is 18 MiB; ours ask for 50.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Why a request did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server was not reached, or the connection broke before the whole answer came.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It answered with an error.
    #[error("{status}: {error}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        error: ApiError,
    },
    /// It answered, but not as a Snug server does.
    #[error("unexpected answer: {0}")]
    Nonsense(String),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let detail = failure.to_string();
        let code = match failure {
            Failure::Dial(DialError::Unreachable(_)) => "offline".to_owned(),
            Failure::Dial(DialError::KeyChanged(_)) => "key_changed".to_owned(),
            Failure::Dial(DialError::Untrusted(_)) => "untrusted".to_owned(),
            Failure::Refused { error, .. } => error.code.to_string(),
            Failure::Nonsense(_) => "internal".to_owned(),
        };
        Self { code, detail }
    }
}

/// Requests to one space, with or without a token.
#[derive(Clone)]
pub(crate) struct Http {
    pool: legacy::Client<Connector, Full<Bytes>>,
    dialer: Arc<Dialer>,
    token: Option<HeaderValue>,
    /// The server's clock less ours, in milliseconds, by the last `Date` that it sent; good to a second.
    ahead_ms: Arc<AtomicI64>,
}

impl Http {
    /// Without a token.
    pub(crate) fn new(dialer: Arc<Dialer>) -> Self {
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .build(Connector(dialer.clone()));
        Self { pool, dialer, token: None, ahead_ms: Arc::default() }
    }

    /// The same, signed in.
    pub(crate) fn with_token(&self, token: &str) -> Result<Self, Failure> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::Nonsense("the token is not a header value".into()))?;
        value.set_sensitive(true);
        Ok(Self { token: Some(value), ..self.clone() })
    }

    /// What connects.
    pub(crate) fn dialer(&self) -> &Arc<Dialer> {
        &self.dialer
    }

    /// The value of the `Authorization` header.
    pub(crate) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// The server's clock less ours.
    pub(crate) fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Asks, without a body.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.json(Method::GET, path, None::<&()>).await
    }

    /// Sends `body` and reads the answer.
    pub(crate) async fn json<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<T, Failure> {
        let answer = self.bytes(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|e| Failure::Nonsense(format!("{path}: {e}")))
    }

    /// Sends `body`; what is answered does not matter as long as it is a success.
    pub(crate) async fn done<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<(), Failure> {
        self.bytes(method, path, body).await.map(drop)
    }

    async fn bytes<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<Bytes, Failure> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| Failure::Nonsense(e.to_string()))?,
            None => Vec::new(),
        };
        let mut request = self.request(method, path)?;
        if !body.is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.map(|_| Full::new(Bytes::from(body)));
        let whole = async {
            let response = self.respond(request).await?;
            collect(response.into_body()).await
        };
        tokio::time::timeout(REQUEST, whole).await.unwrap_or_else(|_| Err(unreachable("timed out")))
    }

    /// Opens the event stream after `cursor`; its body is read by the caller, who also watches for silence.
    pub(crate) async fn events(&self, cursor: &str) -> Result<Response<Incoming>, Failure> {
        let mut request = self.request(Method::GET, "/events")?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Ok(cursor) = HeaderValue::try_from(cursor)
            && !cursor.is_empty()
        {
            request.headers_mut().insert("last-event-id", cursor);
        }
        let response = tokio::time::timeout(REQUEST, self.respond(request)).await;
        let response = response.unwrap_or_else(|_| Err(unreachable("timed out")))?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if kind.starts_with("text/event-stream") {
            Ok(response)
        } else {
            Err(Failure::Nonsense(format!("the event stream is {kind:?}")))
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<Request<Full<Bytes>>, Failure> {
        let address = self.dialer.address();
        let uri = format!("https://{address}{API_PREFIX}{path}");
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Full::default())
            .map_err(|e| Failure::Nonsense(e.to_string()))?;
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        Ok(request)
    }

    /// Sends, and gives the answer if it is a success.
    async fn respond(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let response = self.pool.request(request).await.map_err(|error| connect_failure(&error))?;
        self.look_at_date(&response);
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = collect(response.into_body()).await.unwrap_or_default();
        Err(refusal(status, &body))
    }

    fn look_at_date(&self, response: &Response<Incoming>) {
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| httpdate::parse_http_date(text).ok());
        let millis = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH).ok().and_then(|t| i64::try_from(t.as_millis()).ok())
        };
        if let (Some(theirs), Some(ours)) = (date.and_then(millis), millis(SystemTime::now())) {
            // `Date` is cut to the second: half of one is the best guess.
            self.ahead_ms.store(theirs.saturating_add(500).saturating_sub(ours), Ordering::Relaxed);
        }
    }
}

async fn collect(body: Incoming) -> Result<Bytes, Failure> {
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| unreachable(&error.to_string()))
}

fn unreachable(why: &str) -> Failure {
    Failure::Dial(DialError::Unreachable(why.to_owned()))
}

fn connect_failure(error: &legacy::Error) -> Failure {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(dial) = current.downcast_ref::<DialError>() {
            return Failure::Dial(dial.clone());
        }
        source = current.source();
    }
    unreachable(&error.to_string())
}

/// The error in an answer; one made up from the status where a proxy answered instead of the server.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let error = serde_json::from_slice(body).unwrap_or_else(|_| {
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::RateLimited,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                ErrorCode::Unavailable
            }
            status if status.is_server_error() => ErrorCode::Internal,
            _ => ErrorCode::Unknown,
        };
        ApiError::new(code, format!("status {status}"))
    });
    Failure::Refused { status: status.as_u16(), error }
}

#[derive(Clone)]
struct Connector(Arc<Dialer>);

impl tower::Service<Uri> for Connector {
    type Response = Pooled;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Pooled, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move { dialer.connect().await.map(|stream| Pooled(TokioIo::new(stream))) })
    }
}

/// A connection in the form that the pool takes.
struct Pooled(TokioIo<ServerStream>);

impl Connection for Pooled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Pooled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Pooled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
