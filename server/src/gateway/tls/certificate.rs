//! A certificate with its key: read from PEM files, or made for a dev server.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Names a dev server goes by.
const DEV_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long a dev certificate holds. Browsers take a pinned one of at most 14 days.
const DEV_VALID: Duration = Duration::from_secs(13 * 86_400);
/// Of that, how long before it is made: clocks differ.
const DEV_BACKDATED: Duration = Duration::from_secs(3_600);
/// A dev certificate that holds for less than this is made anew.
const DEV_RENEWED_BEFORE: Duration = Duration::from_secs(3 * 86_400);
/// What stands before the end of a dev certificate's time in its file, in seconds since 1970.
const DEV_UNTIL: &str = "valid until ";
/// What a PEM file may be long.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Where a certificate and its key are, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has no PEM of the kind that is needed.
    #[error("{path}: expected {expected} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(String),
}

impl TlsFiles {
    /// Reads both and checks that they belong together.
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
        let chain = certificates(&self.certificate, &read(&self.certificate)?)?;
        let key = private_key(&self.key, &read(&self.key)?)?;
        usable(chain, key, provider)
    }
}

/// A certificate for a dev server, and until when it holds, in seconds since 1970.
pub(super) struct DevCertificate {
    pub(super) key: CertifiedKey,
    pub(super) until_s: u64,
}

impl DevCertificate {
    /// The one in `file` if it holds long enough, else a new one, kept there. Without a file it is new.
    pub(super) fn of(
        file: Option<&Path>,
        now_s: u64,
        provider: &CryptoProvider,
    ) -> Result<Self, CertificateError> {
        if let Some(kept) = file.and_then(|file| Self::kept(file, now_s, provider)) {
            return Ok(kept);
        }
        let (pem, until_s) = generate(now_s)?;
        let path = file.unwrap_or(Path::new("the new certificate"));
        let key = usable(certificates(path, pem.as_bytes())?, private_key(path, pem.as_bytes())?, provider)?;
        if let Some(file) = file {
            write_private(file, &pem)
                .map_err(|source| CertificateError::File { path: file.to_owned(), source })?;
        }
        Ok(Self { key, until_s })
    }

    /// Whether it should be replaced.
    pub(super) fn is_stale(until_s: u64, now_s: u64) -> bool {
        until_s < now_s + DEV_RENEWED_BEFORE.as_secs() || until_s > now_s + DEV_VALID.as_secs()
    }

    /// What is in the file, unless it is stale or damaged: then a new one is as good.
    fn kept(file: &Path, now_s: u64, provider: &CryptoProvider) -> Option<Self> {
        let pem = read(file).ok()?;
        let text = std::str::from_utf8(&pem).ok()?;
        let until_s = text.lines().next()?.strip_prefix(DEV_UNTIL)?.parse().ok()?;
        if Self::is_stale(until_s, now_s) {
            return None;
        }
        let key = usable(certificates(file, &pem).ok()?, private_key(file, &pem).ok()?, provider).ok()?;
        Some(Self { key, until_s })
    }
}

fn generate(now_s: u64) -> Result<(String, u64), CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::Unusable(error.to_string());
    let mut params = CertificateParams::new(DEV_NAMES.map(str::to_owned)).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "tickstone dev");
    let from = Duration::from_secs(now_s).saturating_sub(DEV_BACKDATED);
    let until = from + DEV_VALID;
    params.not_before = date_time_ymd(1970, 1, 1) + from;
    params.not_after = date_time_ymd(1970, 1, 1) + until;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let pem = format!("{DEV_UNTIL}{}\n{}{}", until.as_secs(), certificate.pem(), key.serialize_pem());
    Ok((pem, until.as_secs()))
}

/// Only the server's own account may read the key.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::create(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let failed = |source| CertificateError::File { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > PEM_BYTES_MAX {
        return Err(failed(io::Error::other("longer than a certificate can be")));
    }
    std::fs::read(path).map_err(failed)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap_or_default();
    if found.is_empty() {
        return Err(CertificateError::Pem { path: path.to_owned(), expected: "a certificate" });
    }
    Ok(found)
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| CertificateError::Pem { path: path.to_owned(), expected: "a private key" })
}

fn usable(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| CertificateError::Unusable(error.to_string()))
}
