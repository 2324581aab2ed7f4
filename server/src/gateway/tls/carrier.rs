//! A TCP connection, encrypted or not: whole while HTTP is spoken, in halves as a WebSocket.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown, sockopt};
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::halves::{ReadHalf, WriteHalf};
use crate::gateway::outgoing::Sink;

/// Bytes that TLS may hold of what is written: one record, and little more.
const TLS_BYTES_MAX: usize = 16 * 1024;
/// Questions of the kernel that a client may leave unanswered. Several: what does not fit the queue of a device is lost.
const KEEP_ALIVE_PROBES: u32 = 5;

/// A connection before it is split.
#[derive(Debug)]
pub(in crate::gateway) enum Carrier {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Carrier {
    /// Has the kernel ask a silent client whether it is there, first by `first`, so that one that is gone is known
    /// to be by `gone`. One question or answer that is lost ends nothing: the time that bytes may wait for a client
    /// is as long, or the kernel would give up after the first.
    ///
    /// Sockets that were opened together are asked at different times, by `number`: of 18,000 that were asked at once
    /// over loopback the queue of its device (1,000) dropped so much that some 2,000 were given up.
    pub(in crate::gateway) fn keep_alive(&self, first: Duration, gone: Duration, number: u64) {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => stream.get_ref().0,
        };
        let every = gone.saturating_sub(first) / KEEP_ALIVE_PROBES;
        let earlier = Duration::from_secs(number % (first.as_secs() / 2 + 1));
        // A kernel that refuses the options asks more rarely, which is still asking.
        let _ = sockopt::set_socket_keepalive(tcp, true);
        let _ = sockopt::set_tcp_keepidle(tcp, first - earlier);
        let _ = sockopt::set_tcp_keepintvl(tcp, every.max(Duration::from_secs(1)));
        let _ = sockopt::set_tcp_keepcnt(tcp, KEEP_ALIVE_PROBES);
        let _ = sockopt::set_tcp_user_timeout(tcp, u32::try_from(gone.as_millis()).unwrap_or(u32::MAX));
    }

    /// The two halves.
    pub(in crate::gateway) fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Plain(tcp) => {
                let (read, write) = tcp.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Self::Tls(stream) => {
                let (tcp, mut tls) = stream.into_inner();
                tls.set_buffer_limit(Some(TLS_BYTES_MAX));
                let shared = Arc::new(Shared { tcp, session: Mutex::new(Session { tls, is_owed: false }) });
                (ReadHalf::Tls(TlsReadHalf(Arc::clone(&shared))), WriteHalf::Tls(TlsWriteHalf(shared)))
            }
        }
    }
}

impl AsyncRead for Carrier {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// What both halves of an encrypted connection share. The lock is held for one read or write at most.
#[derive(Debug)]
struct Shared {
    tcp: TcpStream,
    session: Mutex<Session>,
}

#[derive(Debug)]
struct Session {
    tls: ServerConnection,
    /// TLS has taken one byte more than its writer was told, because not all of it has left.
    is_owed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Writes what is encrypted; [`io::ErrorKind::WouldBlock`] if some is left.
    fn flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut Now(tcp))?;
        }
        Ok(())
    }
}

/// The socket, as far as it gives and takes without waiting.
struct Now<'a>(&'a TcpStream);

impl Read for Now<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is read of an encrypted connection.
#[derive(Debug)]
pub(in crate::gateway) struct TlsReadHalf(Arc<Shared>);

impl AsyncRead for TlsReadHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let shared = &self.0;
        loop {
            match shared.lock().tls.reader().read(buf.initialize_unfilled()) {
                Ok(came) => {
                    buf.advance(came);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It went without saying so: the end of what was said is the end.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(shared.tcp.poll_read_ready(cx))?;
            let mut session = shared.lock();
            match session.tls.read_tls(&mut Now(&shared.tcp)) {
                Ok(_) => {
                    let processed = session.tls.process_new_packets();
                    // An alert, or an answer to a new key: what does not leave now leaves with the next write.
                    let _ = session.flush(&shared.tcp);
                    processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// What is written to an encrypted connection.
#[derive(Debug)]
pub(in crate::gateway) struct TlsWriteHalf(Arc<Shared>);

impl Sink for TlsWriteHalf {
    /// TLS takes bytes that the socket does not take yet, and nobody would come back to push them: so the last
    /// of them is said not to be taken, until all have left.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.0.lock();
        session.flush(&self.0.tcp)?;
        if std::mem::take(&mut session.is_owed) {
            return Ok(1);
        }
        let taken = session.tls.writer().write(bytes)?;
        match session.flush(&self.0.tcp) {
            Ok(()) => Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => {
                session.is_owed = true;
                if taken > 1 { Ok(taken - 1) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.tcp.poll_write_ready(cx)
    }

    fn abandon(&self) {
        // A socket that refuses the option is closed the slow way.
        let _ = self.0.tcp.set_zero_linger();
    }
}

impl Drop for TlsWriteHalf {
    fn drop(&mut self) {
        let mut session = self.0.lock();
        session.tls.send_close_notify();
        // The client may be gone; it is told if it listens.
        let _ = session.flush(&self.0.tcp);
        let _ = shutdown(&self.0.tcp, Shutdown::Write);
    }
}
