//! A client's QUIC connection: a stream for what must arrive, datagrams for inputs and states.
//!
//! Not responsible for: time-outs, reconnecting, putting parts of states together.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, ReadError, RecvStream,
    SendStream, TokioRuntime, TransportConfig, VarInt,
};
use tokio_tungstenite::tungstenite::http::Uri;

use super::connect_error::{ConnectError, SendError, unreachable};
use super::trust::Trust;
use super::websocket::{Incoming, MESSAGE_BYTES_MAX};
use crate::wire::version::QUIC_ALPN;

/// Bytes of a message's length on the stream: a u32, little-endian.
const LENGTH_BYTES: usize = 4;
/// Bytes taken from the stream at once.
const READ_BYTES: usize = 16 * 1024;
/// A server that was not heard for this long is gone.
const IDLE: VarInt = VarInt::from_u32(15_000);
/// A server that was not heard for this long is asked. In a match it is heard with every tick. Before, its
/// answer tells that a hello was lost, or came before the end of the handshake and was thrown away, long
/// before a timer does that measured its round trip in a handshake with losses.
const KEEP_ALIVE: Duration = Duration::from_millis(250);
/// The round trip of a path that nothing is known of: what is lost of a handshake is sent again after three.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Bytes of the stream, and of the connection, that wait to be read.
const WINDOW_BYTES: VarInt = VarInt::from_u32(512 * 1024);
const SEND_WINDOW_BYTES: u64 = 64 * 1024;
/// Bytes of datagrams that wait to be read: several states of the largest match. Of those to be sent: inputs
/// are repeated, so what waits is soon stale.
const DATAGRAM_RECEIVE_BYTES: usize = 256 * 1024;
const DATAGRAM_SEND_BYTES: usize = 8 * 1024;
/// Bytes of every packet.
const PACKET_BYTES: u16 = 1_200;
/// Bytes of a packet that is read.
const PACKET_READ_BYTES: u16 = 1_472;
/// A server opens no streams.
const NO_STREAMS: VarInt = VarInt::from_u32(0);

/// Bytes that went over a connection: of packets, without UDP and IP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transferred {
    /// To the server.
    pub up: u64,
    /// From the server.
    pub down: u64,
}

/// A connected client.
#[derive(Debug)]
pub struct Quic {
    endpoint: Endpoint,
    /// Where it was told to come from.
    from: Option<IpAddr>,
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    /// What was read of the stream.
    buffer: BytesMut,
}

impl Quic {
    /// Connects to `quic://host:port`.
    pub async fn connect(url: &str, trust: &Trust) -> Result<Self, ConnectError> {
        Self::connect_from(url, trust, None).await
    }

    /// As [`Quic::connect`], from an address of this machine.
    pub async fn connect_from(url: &str, trust: &Trust, from: Option<IpAddr>) -> Result<Self, ConnectError> {
        let uri: Uri = url.parse().map_err(|_| ConnectError::Url(url.to_owned()))?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("quic"));
        let (Some(host), Some(port)) = (host, uri.port_u16()) else {
            return Err(ConnectError::Url(url.to_owned()));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(&error))?;
        let server = found.next().ok_or_else(|| unreachable(&"the name has no address"))?;
        let endpoint = endpoint(server, from).map_err(|error| unreachable(&error))?;
        let connecting = endpoint
            .connect_with(config(trust)?, server, host)
            .map_err(|_| ConnectError::Url(url.to_owned()))?;
        let connection = connecting.await.map_err(|error| refused(&error))?;
        let (send, receive) = connection.open_bi().await.map_err(|error| refused(&error))?;
        Ok(Self { endpoint, from, connection, send, receive, buffer: BytesMut::new() })
    }

    /// Sends one message on the stream, and waits until there is room for it.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        let length = u32::try_from(message.len()).map_err(|error| SendError(error.to_string()))?;
        self.send_bytes(&[&length.to_le_bytes(), message].concat()).await
    }

    /// Sends what need not be a message on the stream.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send.write_all(bytes).await.map_err(|error| SendError(error.to_string()))
    }

    /// Sends a datagram: it may be lost, and overtake others.
    pub fn send_datagram(&self, datagram: &[u8]) -> Result<(), SendError> {
        let datagram = Bytes::copy_from_slice(datagram);
        self.connection.send_datagram(datagram).map_err(|error| SendError(error.to_string()))
    }

    /// The next message of the stream, the next datagram, or the end. Nothing is lost if the future is dropped.
    pub async fn receive(&mut self) -> Incoming {
        loop {
            match cut(&mut self.buffer) {
                Ok(Some(message)) => return Incoming::Message(message),
                Ok(None) => {}
                Err(reason) => return Incoming::Closed { code: None, reason: reason.to_owned() },
            }
            tokio::select! {
                biased;
                chunk = self.receive.read_chunk(READ_BYTES, true) => match chunk {
                    Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                    // The server has said everything, and now says why.
                    Ok(None) | Err(ReadError::Reset(_)) => return closed(&self.connection.closed().await),
                    Err(ReadError::ConnectionLost(error)) => return closed(&error),
                    Err(error) => return Incoming::Closed { code: None, reason: error.to_string() },
                },
                datagram = self.connection.read_datagram() => match datagram {
                    Ok(datagram) => return Incoming::Message(datagram),
                    // What is left of the stream comes first, then the end.
                    Err(error) => match self.receive.read_chunk(READ_BYTES, true).await {
                        Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                        _ => return closed(&error),
                    },
                },
            }
        }
    }

    /// Says goodbye with this code, and waits until the server has heard it or is given up.
    pub async fn close(self, code: u16, reason: &str) {
        self.connection.close(VarInt::from(code), reason.as_bytes());
        self.endpoint.wait_idle().await;
    }

    /// Goes on from another port of this machine, as a phone does that changes its network.
    pub fn rebind(&self) -> io::Result<()> {
        self.endpoint.rebind(socket(self.connection.remote_address(), self.from)?)
    }

    /// Where this client's packets come from.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// What went over the connection so far.
    pub fn transferred(&self) -> Transferred {
        let stats = self.connection.stats();
        Transferred { up: stats.udp_tx.bytes, down: stats.udp_rx.bytes }
    }

    /// The library's connection, for those who want to break rules.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn socket(server: SocketAddr, from: Option<IpAddr>) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((from.unwrap_or(any), 0))
}

fn endpoint(server: SocketAddr, from: Option<IpAddr>) -> io::Result<Endpoint> {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(PACKET_READ_BYTES).map_err(io::Error::other)?;
    Endpoint::new(config, None, socket(server, from)?, Arc::new(TokioRuntime))
}

fn config(trust: &Trust) -> Result<ClientConfig, ConnectError> {
    let crypto = QuicClientConfig::try_from(trust.config(&[QUIC_ALPN]))
        .map_err(|error| ConnectError::Untrusted(error.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(IDLE)))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(ROUND_TRIP)
        .max_concurrent_bidi_streams(NO_STREAMS)
        .max_concurrent_uni_streams(NO_STREAMS)
        .stream_receive_window(WINDOW_BYTES)
        .receive_window(WINDOW_BYTES)
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES)
        .initial_mtu(PACKET_BYTES)
        .mtu_discovery_config(None)
        .enable_segmentation_offload(false);
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn refused(error: &ConnectionError) -> ConnectError {
    match error {
        // An alert of TLS: its code stands below.
        ConnectionError::TransportError(transport) if (0x100..0x200).contains(&u64::from(transport.code)) => {
            ConnectError::Untrusted(error.to_string())
        }
        _ => unreachable(error),
    }
}

fn closed(error: &ConnectionError) -> Incoming {
    match error {
        ConnectionError::ApplicationClosed(close) => Incoming::Closed {
            code: u16::try_from(close.error_code.into_inner()).ok().filter(|code| *code != 0),
            reason: String::from_utf8_lossy(&close.reason).into_owned(),
        },
        other => Incoming::Closed { code: None, reason: other.to_string() },
    }
}

fn cut(buffer: &mut BytesMut) -> Result<Option<Bytes>, &'static str> {
    let Some(length) = buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err("the server sent a message longer than any can be");
    }
    if buffer.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}
