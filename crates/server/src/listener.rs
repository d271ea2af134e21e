//! From a TCP connection to requests: accepting, TLS, HTTP/1.1.
//!
//! Our own loop and not `axum::serve`, because every wait in it needs an end: a handshake, a header, a write. HTTP/1.1 alone, because
//! WebSockets need it, and one connection for each stream is what our clients open.

use crate::{auth::PeerAddress, config::Limits, rates::host_of, stall::StallGuard};
use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// A request's header, and what is read ahead of its body.
const READ_BUFFER: usize = 32 * 1024;

/// When accepting fails, usually for want of file descriptors, some connections have to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The accept loop and what each connection needs.
pub(crate) struct Listener {
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    /// Ends the loop and lets connections finish.
    pub(crate) stopping: CancellationToken,
    /// Ends everything.
    pub(crate) killed: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Listener {
    /// Accepts until `stopping`. The socket belongs to the loop alone: while the last connections finish nobody new is kept waiting.
    pub(crate) async fn run(self, tcp: TcpListener) {
        let places = Arc::new(Places::new(self.limits.connections, self.limits.connections_per_address));
        let this = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                () = this.stopping.cancelled() => return,
                accepted = tcp.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Refused by closing: an answer would cost a handshake.
                    let Some(place) = places.take(host_of(peer.ip())) else {
                        tracing::debug!(%peer, "too many connections");
                        continue;
                    };
                    let (connection, killed) = (Arc::clone(&this), this.killed.clone());
                    this.tasks.spawn(async move {
                        tokio::select! {
                            () = killed.cancelled() => {}
                            () = connection.serve(stream, peer, place) => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        if let Err(error) = tune(&stream, &self.limits) {
            tracing::trace!(%error, "a socket option was refused");
        }
        let stream = StallGuard::new(stream, self.limits.write_stall, place);
        match &self.tls {
            None => self.serve_http(stream, peer).await,
            Some(tls) => match timeout(self.limits.handshake, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.serve_http(stream, peer).await,
                Ok(Err(error)) => tracing::trace!(%error, "a handshake failed"),
                Err(_) => tracing::trace!("a handshake took too long"),
            },
        }
    }

    async fn serve_http<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer.ip()));
            self.router.clone().oneshot(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let finished = tokio::select! {
            finished = connection.as_mut() => finished,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = finished {
            tracing::trace!(%error, "a connection ended");
        }
    }
}

/// Small signals go out at once; a peer that is gone is noticed while nothing is sent, and while something waits to be acknowledged.
fn tune(stream: &TcpStream, limits: &Limits) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let keepalive =
        socket2::TcpKeepalive::new().with_time(limits.write_stall).with_interval(Duration::from_secs(5));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(limits.write_stall * 2))?;
    Ok(())
}

/// How many connections there are, in all and of each host.
struct Places {
    all: usize,
    each: usize,
    /// Held for a few instructions when a connection comes or goes.
    taken: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// One connection's place, given back when it is dropped.
struct Place {
    places: Arc<Places>,
    host: IpAddr,
}

impl Places {
    fn new(all: usize, each: usize) -> Self {
        Self { all, each, taken: Mutex::default() }
    }

    fn take(self: &Arc<Self>, host: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, hosts) = &mut *taken;
        let of_host = hosts.get(&host).copied().unwrap_or(0);
        if *all >= self.all || of_host >= self.each {
            return None;
        }
        *all += 1;
        hosts.insert(host, of_host + 1);
        Some(Place { places: Arc::clone(self), host })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, hosts) = &mut *taken;
        *all -= 1;
        if let Some(of_host) = hosts.get_mut(&self.host) {
            *of_host -= 1;
            if *of_host == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_for_each_host_and_are_given_back() {
        let places = Arc::new(Places::new(3, 2));
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let (first, _second) = (places.take(a).unwrap(), places.take(a).unwrap());
        assert!(places.take(a).is_none(), "two of one host");
        let _third = places.take(b).unwrap();
        assert!(places.take(b).is_none(), "three in all");
        drop(first);
        assert!(places.take(a).is_some());
    }
}
