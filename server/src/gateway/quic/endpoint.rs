//! The endpoint and its limits (reliability: configuration values).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use tickstone_shared::wire::version::QUIC_ALPN;

use super::congestion::WithFloor;
use super::port_key::PortKey;
use crate::gateway::tls::Certificates;

/// Nothing heard for this long: the connection is gone. Clients that are there are asked every
/// [`KEEP_ALIVE`].
const IDLE: VarInt = VarInt::from_u32(15_000);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// The round trip of a path that nothing is known of: what is lost of a handshake is sent again after three.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Streams a client may open. One is used; what else it opens ends the connection.
const STREAMS_MAX: VarInt = VarInt::from_u32(4);
/// Bytes of a stream, and of all of a connection's streams, that wait to be read.
const STREAM_WINDOW_BYTES: VarInt = VarInt::from_u32(64 * 1024);
const WINDOW_BYTES: VarInt = VarInt::from_u32(256 * 1024);
/// Bytes of the stream that the library keeps until they are acknowledged; what is beyond waits in the queue
/// of reliable messages, where it is counted.
const SEND_WINDOW_BYTES: u64 = 64 * 1024;
/// Bytes of datagrams that wait to be read, and to be sent: one state of the largest match must fit.
const DATAGRAM_RECEIVE_BYTES: usize = 64 * 1024;
pub(super) const DATAGRAM_SEND_BYTES: usize = 128 * 1024;
const CRYPTO_BYTES: usize = 16 * 1024;
/// Bytes of every packet: what passes through every path; larger ones gain nothing for a state a tick.
const PACKET_BYTES: u16 = 1_200;
/// Bytes of a packet that is read.
const PACKET_READ_BYTES: u16 = 1_472;
/// Packets of connections that are not accepted yet.
const INCOMING_MAX: usize = 1_024;
const INCOMING_BYTES: u64 = 16 * 1024;
const INCOMING_TOTAL_BYTES: u64 = 4 * 1024 * 1024;
const RETRY_TOKEN_LIFE: Duration = Duration::from_secs(15);
/// Between two stateless resets.
const RESET_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes the kernel holds for the port: a burst of every client's packets.
const SOCKET_BYTES: usize = 4 * 1024 * 1024;

/// Binds. To be called within the gateway's runtime.
pub(in crate::gateway) fn bind(
    listen: SocketAddr,
    certificates: &Arc<Certificates>,
    kept: Option<&Path>,
) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(listen)?;
    // A kernel that allows less gives what it allows.
    let _ = set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
    let _ = set_socket_send_buffer_size(&socket, SOCKET_BYTES);
    let key = PortKey::of(kept)?;
    let mut config = EndpointConfig::new(key.resets());
    config.cid_generator(move || key.connection_ids());
    config.max_udp_payload_size(PACKET_READ_BYTES).map_err(io::Error::other)?;
    config.min_reset_interval(RESET_INTERVAL);
    Endpoint::new(config, Some(server_config(certificates)?), socket, Arc::new(TokioRuntime))
}

fn server_config(certificates: &Arc<Certificates>) -> io::Result<ServerConfig> {
    let crypto = QuicServerConfig::try_from(certificates.for_quic(&[QUIC_ALPN])).map_err(io::Error::other)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport()))
        .migration(true)
        .retry_token_lifetime(RETRY_TOKEN_LIFE)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_TOTAL_BYTES);
    config.validation_token.sent(0);
    Ok(config)
}

/// Every limit of a connection, also for benches of the library alone.
pub fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(IDLE)))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(ROUND_TRIP)
        .max_concurrent_bidi_streams(STREAMS_MAX)
        .max_concurrent_uni_streams(STREAMS_MAX)
        .stream_receive_window(STREAM_WINDOW_BYTES)
        .receive_window(WINDOW_BYTES)
        .send_window(SEND_WINDOW_BYTES)
        .send_fairness(false)
        .crypto_buffer_size(CRYPTO_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES)
        .initial_mtu(PACKET_BYTES)
        .mtu_discovery_config(None)
        // One datagram a client and tick leaves nothing to offload, and bursts lose packets.
        .enable_segmentation_offload(false)
        .congestion_controller_factory(Arc::new(WithFloor::default()));
    transport
}
