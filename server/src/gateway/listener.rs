//! The TCP listener: accepts, limits, serves HTTP/1.1.
//!
//! Responsible for: how many connections there are, and how long a request's head may take.
//! Not responsible for: what a request asks.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::guard::admission::{Permit, Places};
use super::guard::{Crowded, Visitor, check_request};
use super::hub::Hub;
use super::settings::{HEADER_BYTES_MAX, HEADERS_MAX};
use super::tls::Carrier;

/// Connections the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;
/// Connections that are told at once that there is no place.
const REFUSALS_MAX: usize = 64;
/// How long telling them may take.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long to wait when accepting fails: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Said to those for whom there is no place, before their request is read.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: application/problem+json\r\ncontent-length: 0\r\n\r\n";
/// Said to those whose address has enough of them.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: application/problem+json\r\ncontent-length: 0\r\n\r\n";

/// Binds. Accepted sockets inherit the size of the send buffer.
pub(super) fn bind(listen: SocketAddr, send_buffer_bytes: Option<u32>) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

/// Accepts until `draining` says so.
pub(super) async fn run(
    listener: TcpListener,
    hub: Arc<Hub>,
    router: Router,
    mut draining: watch::Receiver<bool>,
) {
    let refusals = Places::new(REFUSALS_MAX);
    let acceptor = hub.settings.tls.as_ref().and(hub.certificates.as_ref());
    let acceptor = acceptor.map(|certificates| TlsAcceptor::from(certificates.for_http()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        let Ok((tcp, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match admit(&hub, peer) {
            Ok(admitted) => {
                tokio::spawn(serve(
                    tcp,
                    acceptor.clone(),
                    admitted,
                    Arc::clone(&hub),
                    router.clone(),
                    draining.clone(),
                ));
            }
            Err(answer) => {
                // Behind a handshake that nobody has a place for, it would not be read.
                if acceptor.is_none()
                    && let Some(permit) = refusals.take()
                {
                    tokio::spawn(refuse(tcp, answer, permit));
                }
            }
        }
    }
}

/// A connection's place, in all and among those of its address.
type Admitted = (Arc<Permit>, Arc<Visitor>);

/// Is there a place for somebody from there? Else what they are told.
fn admit(hub: &Hub, peer: SocketAddr) -> Result<Admitted, &'static [u8]> {
    let refused = |reason, answer| {
        hub.counters.refused.count(reason);
        Err(answer)
    };
    let Some(permit) = hub.places.take() else { return refused("no_place", NO_PLACE) };
    match hub.addresses.connect(peer.ip(), hub.clock.now()) {
        Ok(visitor) => Ok((Arc::new(permit), visitor)),
        Err(Crowded::Server) => refused("no_place", NO_PLACE),
        Err(crowded) => refused(crowded.reason(), TOO_MANY),
    }
}

async fn refuse(mut tcp: TcpStream, answer: &'static [u8], _permit: Permit) {
    let told = async {
        let mut request = [0; 1024];
        tcp.readable().await?;
        let _ = tcp.try_read(&mut request);
        tcp.write_all(answer).await?;
        tcp.shutdown().await
    };
    // It is told if it listens; it is closed in any case.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, told).await;
}

async fn serve(
    tcp: TcpStream,
    acceptor: Option<TlsAcceptor>,
    (permit, visitor): Admitted,
    hub: Arc<Hub>,
    router: Router,
    mut draining: watch::Receiver<bool>,
) {
    let patience_ms = hub.settings.takes_nothing_after.as_millis().try_into().unwrap_or(u32::MAX);
    if tcp.set_nodelay(true).is_err() || set_tcp_user_timeout(&tcp, patience_ms).is_err() {
        return;
    }
    let carrier = match acceptor {
        None => Carrier::Plain(tcp),
        Some(acceptor) => {
            let shaken = tokio::time::timeout(hub.settings.tls_handshake_timeout, acceptor.accept(tcp));
            // A client that cannot agree has been told so by an alert.
            let Ok(Ok(stream)) = shaken.await else { return hub.counters.refused.count("tls_handshake") };
            Carrier::Tls(Box::new(stream))
        }
    };
    let counters = hub.counters.clone();
    let header_timeout = hub.settings.header_timeout;
    let service = service_fn(move |mut request: Request<Incoming>| {
        let checked = check_request(&request, &visitor, hub.clock.now());
        request.extensions_mut().insert(Arc::clone(&permit));
        request.extensions_mut().insert(Arc::clone(&visitor));
        let answered = checked.map(|()| router.clone().call(request));
        let refused = hub.counters.refused.clone();
        async move {
            let answer = match answered {
                Ok(answer) => answer.await?,
                Err(problem) => problem.into_response(),
            };
            refused.count_answer(&answer);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(carrier), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // An error of one connection (it left, it sent garbage) has been answered by hyper where it can be.
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = draining.wait_for(|draining| *draining) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        counters.refused.count_http_error(&error);
    }
}
