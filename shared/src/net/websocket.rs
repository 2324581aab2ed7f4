//! A client's WebSocket: one message of the protocol is one frame.
//!
//! Not responsible for: time-outs, reconnecting.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::{ClientRequestBuilder, IntoClientRequest as _};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as FrameCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::connect_error::unreachable;
pub use super::connect_error::{ConnectError, SendError};
use super::trust::Trust;
use crate::wire::version::Encoding;

/// Bytes read at once unless [`Buffers`] says otherwise. The library's own default is 128 KiB a socket.
pub const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes waiting to be written at which sending fails rather than queueing more.
pub const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the largest message taken: a state of a full match fits many times.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Buffer sizes of a socket.
#[derive(Debug, Clone, Copy)]
pub struct Buffers {
    /// Bytes read at once; allocated when the socket is made.
    pub read_bytes: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { read_bytes: READ_BUFFER_BYTES }
    }
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message.
    Message(Bytes),
    /// The connection is over.
    Closed {
        /// The close code; none if the connection broke without one.
        code: Option<u16>,
        /// Its reason, or what broke.
        reason: String,
    },
}

/// A connected WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    stream: WebSocketStream<Carrier>,
    encoding: Encoding,
    scratch: BytesMut,
}

impl WebSocket {
    /// Connects to `ws://host[:port]/path`, asking for the encoding's subprotocol.
    pub async fn connect(url: &str, encoding: Encoding, buffers: Buffers) -> Result<Self, ConnectError> {
        Self::connect_trusting(url, encoding, buffers, None).await
    }

    /// As [`WebSocket::connect`]; `wss://` too, where there is something to know the server by.
    pub async fn connect_trusting(
        url: &str,
        encoding: Encoding,
        buffers: Buffers,
        trust: Option<&Trust>,
    ) -> Result<Self, ConnectError> {
        let uri: Uri = url.parse().map_err(|_| ConnectError::Url(url.to_owned()))?;
        let stream = carrier(&uri, trust).await?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(encoding.subprotocol());
        let request = request.into_client_request().map_err(|_| ConnectError::Url(url.to_owned()))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(buffers.read_bytes)
            .write_buffer_size(READ_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let (stream, answer) =
            client_async_with_config(request, stream, Some(config)).await.map_err(refused)?;
        let chosen = answer.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        if chosen != Some(encoding.subprotocol()) {
            return Err(ConnectError::Subprotocol(encoding.subprotocol()));
        }
        Ok(Self { stream, encoding, scratch: BytesMut::new() })
    }

    /// Sends one message and waits until the system has taken it. JSON must be UTF-8.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        self.scratch.extend_from_slice(message);
        let payload = self.scratch.split().freeze();
        let frame = match self.encoding {
            Encoding::Msgpack => Message::Binary(payload),
            Encoding::Json => {
                Message::Text(Utf8Bytes::try_from(payload).map_err(|error| SendError(error.to_string()))?)
            }
        };
        self.stream.send(frame).await.map_err(|error| SendError(error.to_string()))
    }

    /// The next message, or the end. Nothing is lost if the future is dropped.
    pub async fn receive(&mut self) -> Incoming {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(payload))) => return Incoming::Message(payload),
                Some(Ok(Message::Text(text))) => return Incoming::Message(Bytes::from(text)),
                Some(Ok(Message::Close(frame))) => return closed(frame),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Incoming::Closed { code: None, reason: error.to_string() },
                None => return Incoming::Closed { code: None, reason: "the connection ended".to_owned() },
            }
        }
    }

    /// Says goodbye with this code. The connection is over whether or not the other side hears it.
    pub async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: FrameCode::from(code), reason: Utf8Bytes::from(reason) };
        if self.stream.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = self.stream.next().await {}
        }
    }
}

/// Bytes that a frame adds to a payload of this length, by RFC 6455 section 5.2, without the client's mask.
pub const fn header_bytes(payload_bytes: usize) -> usize {
    match payload_bytes {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Bytes of the mask that each frame of a client carries.
pub const MASK_BYTES: usize = 4;

/// A stream to the host of a URL, encrypted if it says so.
pub(super) async fn carrier(uri: &Uri, trust: Option<&Trust>) -> Result<Carrier, ConnectError> {
    let wrong = || ConnectError::Url(uri.to_string());
    let (port, trust) = match (uri.scheme_str(), trust) {
        (Some("ws"), _) => (80, None),
        (Some("wss"), Some(trust)) => (443, Some(trust)),
        _ => return Err(wrong()),
    };
    let host = uri.host().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']');
    let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(port)))
        .await
        .map_err(|error| unreachable(&error))?;
    tcp.set_nodelay(true).map_err(|error| unreachable(&error))?;
    let Some(trust) = trust else { return Ok(Carrier::Plain(tcp)) };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
    let connector = TlsConnector::from(Arc::new(trust.config(&[b"http/1.1"])));
    match connector.connect(name, tcp).await {
        Ok(stream) => Ok(Carrier::Tls(Box::new(stream))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(ConnectError::Untrusted(error.to_string()))
        }
        Err(error) => Err(unreachable(&error)),
    }
}

/// What carries the frames.
#[derive(Debug)]
pub(super) enum Carrier {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
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

fn refused(error: Error) -> ConnectError {
    match error {
        Error::Http(answer) => ConnectError::Refused { status: answer.status().as_u16() },
        other => unreachable(&other),
    }
}

fn closed(frame: Option<CloseFrame>) -> Incoming {
    match frame {
        Some(frame) => {
            Incoming::Closed { code: Some(frame.code.into()), reason: frame.reason.as_str().to_owned() }
        }
        None => Incoming::Closed { code: None, reason: "closed without a code".to_owned() },
    }
}
