//! The certificate in use, for every handshake of both ports, and how it follows its files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use super::certificate::{CertificateError, DevCertificate, TlsFiles};
use crate::clock::ClockRef;

/// Protocols of the TCP port.
const ALPN_HTTP: [&[u8]; 1] = [b"http/1.1"];

/// Where certificates come from.
#[derive(Debug, Clone)]
enum Source {
    Files(TlsFiles),
    /// Kept in this file, if in any, so that a restarted server is the same to clients that pinned it.
    Dev(Option<PathBuf>),
}

/// The certificate in use.
#[derive(Debug)]
pub(in crate::gateway) struct Certificates {
    provider: Arc<CryptoProvider>,
    source: Source,
    current: RwLock<Arc<CertifiedKey>>,
    /// When a dev certificate ends, in seconds since 1970.
    until_s: RwLock<u64>,
}

impl Certificates {
    /// From files, which must be readable now.
    pub(in crate::gateway) fn from_files(files: TlsFiles) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = files.load(&provider)?;
        Ok(Self::new(provider, Source::Files(files), current, u64::MAX))
    }

    /// For a dev server: signed by itself.
    pub(in crate::gateway) fn dev(file: Option<&Path>, now_s: u64) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let dev = DevCertificate::of(file, now_s, &provider)?;
        Ok(Self::new(provider, Source::Dev(file.map(Path::to_owned)), dev.key, dev.until_s))
    }

    fn new(provider: Arc<CryptoProvider>, source: Source, current: CertifiedKey, until_s: u64) -> Arc<Self> {
        let (current, until_s) = (RwLock::new(Arc::new(current)), RwLock::new(until_s));
        Arc::new(Self { provider, source, current, until_s })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, current: CertifiedKey, until_s: u64) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        *self.until_s.write().unwrap_or_else(PoisonError::into_inner) = until_s;
    }

    /// The SHA-256 of a dev certificate, in hexadecimal, for clients to pin. Others are known by their
    /// authority.
    pub(in crate::gateway) fn pin(&self) -> Option<String> {
        if matches!(self.source, Source::Files(_)) {
            return None;
        }
        let current = self.current();
        let hash = digest(&SHA256, current.end_entity_cert().ok()?);
        Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What QUIC needs. No early data: it could be played twice.
    pub(in crate::gateway) fn for_quic(self: &Arc<Self>, alpn: &[&[u8]]) -> ServerConfig {
        self.config(&[&version::TLS13], alpn)
    }

    /// What the TCP port needs.
    pub(in crate::gateway) fn for_http(self: &Arc<Self>) -> Arc<ServerConfig> {
        Arc::new(self.config(rustls::DEFAULT_VERSIONS, &ALPN_HTTP))
    }

    fn config(
        self: &Arc<Self>,
        versions: &[&'static rustls::SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)
            .expect("the provider has what these versions need")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(Arc::clone(self))));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.max_early_data_size = 0;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config
    }
}

/// Asked at each handshake.
#[derive(Debug)]
struct Resolver(Arc<Certificates>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

/// What shows that a file was written: its time and length.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Looks at the files every so often, for ever. What cannot be used is logged once and changes nothing.
pub(in crate::gateway) async fn follow(certificates: Arc<Certificates>, clock: ClockRef, every: Duration) {
    let mut seen = certificates.stamps();
    loop {
        tokio::time::sleep(every).await;
        let (watched, now_s) = (Arc::clone(&certificates), clock.unix_ms() / 1000);
        let looked = tokio::task::spawn_blocking(move || watched.look(&seen, now_s)).await;
        let Ok(stamps) = looked else { return };
        seen = stamps;
    }
}

impl Certificates {
    fn stamps(&self) -> [Stamp; 2] {
        match &self.source {
            Source::Files(files) => [stamp(&files.certificate), stamp(&files.key)],
            Source::Dev(_) => [None, None],
        }
    }

    fn look(&self, seen: &[Stamp; 2], now_s: u64) -> [Stamp; 2] {
        let stamps = self.stamps();
        let renewed = match &self.source {
            Source::Files(_) if stamps == *seen => return stamps,
            Source::Files(files) => files.load(&self.provider).map(|key| (key, u64::MAX)),
            Source::Dev(file) => {
                let until_s = *self.until_s.read().unwrap_or_else(PoisonError::into_inner);
                if !DevCertificate::is_stale(until_s, now_s) {
                    return stamps;
                }
                DevCertificate::of(file.as_deref(), now_s, &self.provider).map(|dev| (dev.key, dev.until_s))
            }
        };
        match renewed {
            Ok((key, until_s)) => {
                self.replace(key, until_s);
                tracing::info!("a new certificate is in use");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the one before stays in use");
            }
        }
        stamps
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
