//! By what a client knows its server.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, version,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Bytes of a SHA-256.
const PIN_BYTES: usize = 32;

/// What makes a server trusted.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Its certificate has this SHA-256: what a dev server's API gives as `quic_certificate_sha256`.
    Pin([u8; PIN_BYTES]),
    /// Its certificate is signed by one of these, and is for its name.
    Roots(Arc<RootCertStore>),
}

/// Text that says nothing about whom to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not the hash of a certificate.
    #[error("expected a SHA-256 as 64 hexadecimal digits")]
    Pin,
    /// No certificate of an authority.
    #[error("expected certificates of authorities in PEM")]
    Roots,
}

impl Trust {
    /// A certificate's SHA-256 in hexadecimal.
    pub fn pin(text: &str) -> Result<Self, TrustError> {
        let mut pin = [0; PIN_BYTES];
        if text.len() != 2 * PIN_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(TrustError::Pin);
        }
        for (byte, digits) in pin.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| TrustError::Pin)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| TrustError::Pin)?;
        }
        Ok(Self::Pin(pin))
    }

    /// Certificates of authorities, as PEM.
    pub fn roots(pem: &[u8]) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).flatten());
        if added == 0 { Err(TrustError::Roots) } else { Ok(Self::Roots(Arc::new(roots))) }
    }

    /// What a handshake needs, also one of an endpoint that the caller brings. TLS 1.3, as QUIC wants.
    pub fn config(&self, alpn: &[&[u8]]) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("the provider has what TLS 1.3 needs");
        let mut config = match self {
            Self::Pin(pin) => {
                let verifier = Arc::new(PinVerifier { pin: *pin, provider });
                builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
            }
            Self::Roots(roots) => builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

/// Takes the one certificate that was pinned, whatever its name and time.
#[derive(Debug)]
struct PinVerifier {
    pin: [u8; PIN_BYTES],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if digest(&SHA256, end_entity).as_ref() == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hash_and_no_certificate_is_refused() {
        assert!(matches!(Trust::pin(&"0a".repeat(32)), Ok(Trust::Pin(pin)) if pin == [10; 32]));
        for text in ["", "0a", &"0a".repeat(33), &"+a".repeat(32), &"xy".repeat(32)] {
            assert_eq!(Trust::pin(text).unwrap_err(), TrustError::Pin, "{text}");
        }
        let empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(Trust::roots(empty).unwrap_err(), TrustError::Roots);
        assert_eq!(Trust::roots(b"").unwrap_err(), TrustError::Roots);
    }
}
