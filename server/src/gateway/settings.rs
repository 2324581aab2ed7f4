//! What the gateway can be told, and every limit it holds by default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::tls::TlsFiles;
use crate::access::doorkeeper::{AccessError, Doorkeeper, DoorkeeperRef, RawAccess};

/// Connections at once, HTTP, WebSocket and QUIC together.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Bytes of a request's body (interfaces: HTTP).
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Headers of a request (reliability 4.1).
pub const HEADERS_MAX: usize = 100;
/// Bytes of a request's head (reliability 4.1).
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How long a request's head may take to arrive.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request's body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an object may take to answer a call (object contract).
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// From the upgrade to the hello (interfaces: 4408).
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(3);
/// Nothing heard for this long: the client is pinged (reliability P35).
pub const PING_AFTER: Duration = Duration::from_secs(10);
/// Nothing heard for this long: 4408 (reliability P35).
pub const SILENT_AFTER: Duration = Duration::from_secs(25);
/// Bytes wait for the client and it takes none for this long: 4420.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);
/// Bytes wait in the kernel for a client that takes none for this long: the connection is reset. For HTTP, whose
/// answers nobody else watches; above [`STUCK_AFTER`], which a WebSocket is told of first.
pub const TAKES_NOTHING_AFTER: Duration = Duration::from_secs(10);
/// A message that has begun must be whole within this: 4400.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a closed connection may still take to read its close frame.
pub const LINGER: Duration = Duration::from_secs(1);
/// How often the sweeper looks at every connection: the grain of the timeouts above.
pub const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// How long a TLS handshake may take (reliability: configuration values).
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the certificate's files are looked at.
pub const CERTIFICATE_LOOK_EVERY: Duration = Duration::from_secs(1);
/// QUIC handshakes at once beyond which a client must show that it is where it says it is (reliability P37).
pub const QUIC_RETRY_ABOVE: usize = 256;
/// Messages in one second: above it 4429.
pub const MESSAGES_PER_SECOND_MAX: u32 = 240;
/// Messages a second that may be kept up: after 2 s above it the newest are dropped.
pub const MESSAGES_PER_SECOND_SUSTAINED: u32 = 120;
/// Control frames in one second: above it 4429 (reliability 4.2).
pub const CONTROLS_PER_SECOND_MAX: u32 = 20;
/// Bytes of a client in one second, framing included: above it 4429. Holds under the frame reader, so that
/// endless empty fragments are seen (reliability 4.2).
pub const BYTES_PER_SECOND_MAX: usize = 64 * 1024;

/// Frames of a client in one second, fragments and control frames included: above it 4429 (reliability 4.2).
pub const FRAMES_PER_SECOND_MAX: usize = 500;
/// Bytes of a client of an object in one second: above it 4429. Room for its largest messages.
pub const OBJECT_BYTES_PER_SECOND_MAX: usize = 1024 * 1024;
/// Frames of a client of an object in one second, fragments and control frames included: above it 4429.
pub const OBJECT_FRAMES_PER_SECOND_MAX: usize = 1_000;
/// Nothing heard of a client of an object that is awake for this long: it is pinged (contract: SOCKET 6). The kernel
/// asks after as long a silence, whether the object is awake or not.
pub const OBJECT_PING_AFTER: Duration = Duration::from_secs(15);
/// Nothing heard of such a client for this long: it is gone (contract: SOCKET 6).
pub const OBJECT_SILENT_AFTER: Duration = Duration::from_secs(30);
/// Connections of one address, HTTP and WebSocket together (reliability section 6). What else an address may do
/// follows from it: strangers, handshakes and requests a second.
pub const CONNECTIONS_PER_ADDRESS: u32 = 64;

/// Bytes of states that a client may be sent a second, where each has a view of their own (netcode: Bandwidth).
pub const STATE_BYTES_PER_SECOND: u32 = 32 * 1024;

/// Open matches of one key (reliability P60).
pub const MATCHES_PER_KEY: usize = 10_000;

/// Bytes the kernel may hold for one client: states that wait there are stale, and no newer one replaces them;
/// yet a whole state of 500 players (43 KB) must fit, and the kernel counts about twice that for it.
pub const SEND_BUFFER_BYTES: u32 = 192 * 1024;

/// What the gateway is told when it starts.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to listen for QUIC; `None`: it is not spoken. Port 0 takes a free one.
    pub quic: Option<SocketAddr>,
    /// The certificate of both ports; without it the TCP port is plain.
    pub tls: Option<TlsFiles>,
    /// A proxy in front speaks TLS: plain TCP off loopback is meant.
    pub behind_proxy: bool,
    /// A directory in which the server keeps what makes it the same to clients after a restart: a dev server's
    /// certificate, and the key of QUIC's connection ids. `None`: nowhere.
    pub kept: Option<PathBuf>,
    /// [`CERTIFICATE_LOOK_EVERY`].
    pub certificate_look_every: Duration,
    /// [`TLS_HANDSHAKE_TIMEOUT`].
    pub tls_handshake_timeout: Duration,
    /// [`QUIC_RETRY_ABOVE`].
    pub quic_retry_above: usize,
    /// Anonymous joins and match creation without a secret.
    pub dev: bool,
    /// Who may do what.
    pub access: DoorkeeperRef,
    /// Origins of browsers that may open sockets, beside the server's own.
    pub origins: Vec<String>,
    /// Threads of the gateway; `None`: one less than the machine has, at least 1, at most 4.
    pub threads: Option<usize>,
    /// [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// [`CONNECTIONS_PER_ADDRESS`].
    pub connections_per_address: u32,
    /// [`MATCHES_PER_KEY`].
    pub matches_per_key: usize,
    /// [`STATE_BYTES_PER_SECOND`].
    pub state_bytes_per_second: u32,
    /// [`HEADER_TIMEOUT`].
    pub header_timeout: Duration,
    /// [`BODY_TIMEOUT`].
    pub body_timeout: Duration,
    /// [`CALL_TIMEOUT`].
    pub call_timeout: Duration,
    /// [`HELLO_TIMEOUT`].
    pub hello_timeout: Duration,
    /// [`PING_AFTER`].
    pub ping_after: Duration,
    /// [`SILENT_AFTER`].
    pub silent_after: Duration,
    /// [`STUCK_AFTER`].
    pub stuck_after: Duration,
    /// [`TAKES_NOTHING_AFTER`].
    pub takes_nothing_after: Duration,
    /// [`MESSAGE_TIMEOUT`].
    pub message_timeout: Duration,
    /// [`LINGER`].
    pub linger: Duration,
    /// [`SWEEP_EVERY`].
    pub sweep_every: Duration,
    /// [`MESSAGES_PER_SECOND_MAX`].
    pub messages_per_second_max: u32,
    /// [`MESSAGES_PER_SECOND_SUSTAINED`].
    pub messages_per_second_sustained: u32,
    /// [`CONTROLS_PER_SECOND_MAX`].
    pub controls_per_second_max: u32,
    /// [`BYTES_PER_SECOND_MAX`].
    pub bytes_per_second_max: usize,
    /// [`FRAMES_PER_SECOND_MAX`].
    pub frames_per_second_max: usize,
    /// [`OBJECT_BYTES_PER_SECOND_MAX`].
    pub object_bytes_per_second_max: usize,
    /// [`OBJECT_FRAMES_PER_SECOND_MAX`].
    pub object_frames_per_second_max: usize,
    /// [`OBJECT_PING_AFTER`].
    pub object_ping_after: Duration,
    /// [`OBJECT_SILENT_AFTER`].
    pub object_silent_after: Duration,
    /// Bytes the kernel may hold for one client (`SO_SNDBUF`); `None`: the system's default.
    pub send_buffer_bytes: Option<u32>,
}

impl Settings {
    /// The defaults, in dev mode, on `listen`.
    pub fn dev(listen: SocketAddr) -> Self {
        Self::with_access(listen, Arc::new(Doorkeeper::dev()))
    }

    /// The defaults, on `listen`, for whom the doorkeeper lets in.
    pub fn with_access(listen: SocketAddr, access: DoorkeeperRef) -> Self {
        Self {
            listen,
            quic: None,
            tls: None,
            behind_proxy: false,
            kept: None,
            certificate_look_every: CERTIFICATE_LOOK_EVERY,
            tls_handshake_timeout: TLS_HANDSHAKE_TIMEOUT,
            quic_retry_above: QUIC_RETRY_ABOVE,
            dev: access.is_dev(),
            access,
            origins: Vec::new(),
            threads: None,
            connections_max: CONNECTIONS_MAX,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            matches_per_key: MATCHES_PER_KEY,
            state_bytes_per_second: STATE_BYTES_PER_SECOND,
            header_timeout: HEADER_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
            hello_timeout: HELLO_TIMEOUT,
            ping_after: PING_AFTER,
            silent_after: SILENT_AFTER,
            stuck_after: STUCK_AFTER,
            takes_nothing_after: TAKES_NOTHING_AFTER,
            message_timeout: MESSAGE_TIMEOUT,
            linger: LINGER,
            sweep_every: SWEEP_EVERY,
            messages_per_second_max: MESSAGES_PER_SECOND_MAX,
            messages_per_second_sustained: MESSAGES_PER_SECOND_SUSTAINED,
            controls_per_second_max: CONTROLS_PER_SECOND_MAX,
            bytes_per_second_max: BYTES_PER_SECOND_MAX,
            frames_per_second_max: FRAMES_PER_SECOND_MAX,
            object_bytes_per_second_max: OBJECT_BYTES_PER_SECOND_MAX,
            object_frames_per_second_max: OBJECT_FRAMES_PER_SECOND_MAX,
            object_ping_after: OBJECT_PING_AFTER,
            object_silent_after: OBJECT_SILENT_AFTER,
            send_buffer_bytes: Some(SEND_BUFFER_BYTES),
        }
    }

    /// The defaults, with a secret of at least 32 bytes that opens everything, and no anonymous joins.
    pub fn guarded(listen: SocketAddr, secret: String) -> Result<Self, AccessError> {
        let raw = RawAccess { secret: Some(secret), ..RawAccess::default() };
        Ok(Self::with_access(listen, Arc::new(Doorkeeper::new(&raw)?)))
    }
}
