//! The library alone: one thread, an endpoint with the server's limits, one task that sends every connection a
//! finished datagram 60 times a second, in the server's 16 phases, and a task a connection that throws away what
//! it receives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_server::gateway::quic_transport;
use tickstone_server::runtime::alarm_queue::PHASES;
use tickstone_shared::time::TICK_RATE_HZ;
use tickstone_shared::wire::version::QUIC_ALPN;

use crate::created::PLAYERS;
use crate::measure::{SUBJECT_CORE, prepare_part};
use crate::{Fallible, report};

const PHASE_RATE_HZ: u64 = TICK_RATE_HZ as u64 * PHASES as u64;
/// Phases after which what is overdue is left out, as the server does after 250 ms.
const BEHIND_MAX: u64 = PHASE_RATE_HZ / 4;
/// Consecutive matches are this far apart in the table of sizes.
const STRIDE: u64 = 7;
/// Room made at once, as the server makes it.
const SCRATCH_BYTES: usize = 32 * 1024;
/// It ends by itself after so long.
const LIFETIME: Duration = Duration::from_secs(600);

type Connections = Arc<Mutex<Vec<Connection>>>;

/// Runs until its time is up or the benchmark ends.
pub(crate) fn run(datagram_bytes: &[usize]) -> Fallible<()> {
    prepare_part(SUBJECT_CORE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (endpoint, pin) = endpoint()?;
        report::line(&serde_json::json!({
            "event": "ready", "quic": endpoint.local_addr()?, "quic_certificate_sha256": pin,
        }))?;
        let connections = Connections::default();
        tokio::spawn(accept(endpoint, Arc::clone(&connections)));
        // The end of its time is the end of the part.
        let _ = tokio::time::timeout(LIFETIME, send(&connections, datagram_bytes)).await;
        Ok(())
    })
}

fn endpoint() -> Fallible<(Endpoint, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let hash = ring::digest::digest(&ring::digest::SHA256, made.cert.der());
    let pin = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(Arc::new(quic_transport()));
    Ok((Endpoint::server(config, SocketAddr::from(([127, 0, 0, 1], 0)))?, pin))
}

async fn accept(endpoint: Endpoint, connections: Connections) {
    while let Some(incoming) = endpoint.accept().await {
        // A client that failed is missed by the one who counts them.
        if let Ok(connecting) = incoming.accept()
            && let Ok(connection) = connecting.await
        {
            connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection.clone());
            tokio::spawn(async move { while connection.read_datagram().await.is_ok() {} });
        }
    }
}

async fn send(connections: &Connections, datagram_bytes: &[usize]) {
    let clock = SystemClock::new();
    let filling = vec![0x55; datagram_bytes.iter().copied().max().unwrap_or(0)];
    let mut scratch = BytesMut::new();
    let mut phase = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let due = clock.now().0.saturating_mul(PHASE_RATE_HZ) / 1_000_000_000;
        if due > phase + BEHIND_MAX {
            phase = due;
        }
        while phase < due {
            let (first, tick) = ((phase % u64::from(PHASES)) as usize, phase / u64::from(PHASES));
            let connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
            let matches = connections.chunks(PLAYERS).enumerate().skip(first).step_by(PHASES as usize);
            for (number, players) in matches {
                let turn = (tick + number as u64 * STRIDE) % datagram_bytes.len() as u64;
                for player in players {
                    let datagram = datagram(&filling[..datagram_bytes[turn as usize]], &mut scratch);
                    // A client that is gone is missed by the one who counts them.
                    let _ = player.send_datagram(datagram);
                }
            }
            phase += 1;
        }
    }
}

fn datagram(filling: &[u8], scratch: &mut BytesMut) -> Bytes {
    if scratch.capacity() < filling.len() {
        scratch.reserve(SCRATCH_BYTES);
    }
    scratch.extend_from_slice(filling);
    scratch.split().freeze()
}
