//! A stream that fails when the other side refuses to take bytes for too long.
//!
//! A client that stops reading, or is gone without a word, would otherwise hold its connection and what waits for it until the
//! kernel gives up, a quarter of an hour later. TCP keepalive does not help while unsent data is pending.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// `inner`, whose writes fail once one has waited for `patience`. It also keeps `held` for as long as the connection lives.
pub(crate) struct StallGuard<S, H> {
    inner: S,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    waiting: bool,
    _held: H,
}

impl<S, H> StallGuard<S, H> {
    pub(crate) fn new(inner: S, patience: Duration, held: H) -> Self {
        Self { inner, patience, timer: Box::pin(sleep(patience)), waiting: false, _held: held }
    }

    /// Passes a write's outcome on, unless it is one `Pending` too many.
    fn judge<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.patience);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side does not read")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for StallGuard<S, H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for StallGuard<S, H> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.judge(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_write_fails_once_nothing_was_taken_for_the_patience() {
        let patience = Duration::from_millis(50);
        let (ours, mut theirs) = duplex(64);
        let mut guarded = StallGuard::new(ours, patience, ());
        // More than fits, taken in pieces: not a stall.
        let mut taken = [0; 640];
        let (written, read) = tokio::join!(guarded.write_all(&[1; 640]), theirs.read_exact(&mut taken));
        written.unwrap();
        read.unwrap();
        let start = Instant::now();
        let error = guarded.write_all(&[1; 65]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= patience);
    }
}
