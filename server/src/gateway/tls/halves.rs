//! The two halves of a connection's stream of bytes, whatever carries it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::carrier::{TlsReadHalf, TlsWriteHalf};
use crate::gateway::outgoing::Sink;
use crate::gateway::quic::StreamSink;

/// What is read.
#[derive(Debug)]
pub(in crate::gateway) enum ReadHalf {
    /// TCP as it is.
    Tcp(OwnedReadHalf),
    /// TLS over TCP.
    Tls(TlsReadHalf),
    /// Nothing ever comes.
    #[cfg(test)]
    Nowhere,
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            #[cfg(test)]
            Self::Nowhere => Poll::Pending,
        }
    }
}

/// What is written to.
#[derive(Debug)]
pub(in crate::gateway) enum WriteHalf {
    /// TCP as it is.
    Tcp(OwnedWriteHalf),
    /// TLS over TCP.
    Tls(TlsWriteHalf),
    /// A stream of a QUIC connection.
    Quic(StreamSink),
    /// Everything is taken.
    #[cfg(test)]
    Nowhere,
}

impl Sink for WriteHalf {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => Sink::try_write(tcp, bytes),
            Self::Tls(tls) => tls.try_write(bytes),
            Self::Quic(stream) => stream.try_write(bytes),
            #[cfg(test)]
            Self::Nowhere => Ok(bytes.len()),
        }
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_writable(cx),
            Self::Tls(tls) => tls.poll_writable(cx),
            Self::Quic(stream) => stream.poll_writable(cx),
            #[cfg(test)]
            Self::Nowhere => Poll::Ready(Ok(())),
        }
    }
    fn abandon(&self) {
        match self {
            Self::Tcp(tcp) => tcp.abandon(),
            Self::Tls(tls) => tls.abandon(),
            Self::Quic(stream) => stream.abandon(),
            #[cfg(test)]
            Self::Nowhere => {}
        }
    }
}
