//! Which ports are spoken on, and by which certificate.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::ConfigError;

/// The TCP address where none is said.
pub(super) const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The UDP port beside it.
const QUIC_PORT_DEFAULT: u16 = 8443;

/// Where nothing is said, dev mode speaks QUIC on the default port; beside another TCP address than the default
/// one on a free port, so that a second server starts.
pub(super) fn quic(
    said: Option<&str>,
    listen: SocketAddr,
    dev: bool,
    has_certificate: bool,
) -> Result<Option<SocketAddr>, ConfigError> {
    let failed = |got: &str, expected| ConfigError::Value { key: "quic", got: got.to_owned(), expected };
    let port = if listen == LISTEN_DEFAULT { QUIC_PORT_DEFAULT } else { 0 };
    match said {
        None if dev => Ok(Some(SocketAddr::new(listen.ip(), port))),
        None | Some("off") => Ok(None),
        Some(text) => {
            let address: SocketAddr =
                text.parse().map_err(|_| failed(text, "an address such as 0.0.0.0:8443, or off"))?;
            if dev && !address.ip().is_loopback() {
                return Err(failed(text, "a loopback address with --dev, which lets everybody in"));
            }
            if !dev && !has_certificate {
                return Err(failed(text, "`tls_cert` and `tls_key` beside it: QUIC is always encrypted"));
            }
            Ok(Some(address))
        }
    }
}

/// Both files or none.
pub(super) fn tls(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    let lacks =
        |key, other: &'static str| ConfigError::Value { key, got: "missing".to_owned(), expected: other };
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(lacks("tls_cert", "a PEM file, as `tls_key` is there")),
        (Some(_), None) => Err(lacks("tls_key", "a PEM file, as `tls_cert` is there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RawConfig;

    #[test]
    fn plain_off_loopback_is_refused() {
        let open = RawConfig {
            secret: Some("x".repeat(32)),
            listen: Some("0.0.0.0:80".parse().unwrap()),
            ..RawConfig::default()
        };
        assert!(matches!(open.clone().check(2), Err(ConfigError::Plain(_))));
        let proxied = RawConfig { behind_proxy: Some(true), ..open.clone() };
        assert!(proxied.check(2).is_ok());
        let half = RawConfig { tls_cert: Some("c".into()), ..open.clone() };
        assert!(matches!(half.check(2), Err(ConfigError::Value { key: "tls_key", .. })));
        let (tls_cert, tls_key) = (Some("c".into()), Some("k".into()));
        let encrypted = RawConfig { tls_cert, tls_key, quic: Some("0.0.0.0:443".to_owned()), ..open.clone() };
        assert_eq!(encrypted.check(2).unwrap().quic.map(|quic| quic.port()), Some(443));
        let bare = RawConfig { listen: None, quic: Some("0.0.0.0:443".to_owned()), ..open };
        assert!(matches!(bare.check(2), Err(ConfigError::Value { key: "quic", .. })));
    }

    #[test]
    fn dev_mode_speaks_quic_on_loopback() {
        let dev = RawConfig { dev: Some(true), ..RawConfig::default() };
        let at = |raw: RawConfig| raw.check(2).unwrap().quic.map(|quic| quic.to_string());
        assert_eq!(at(dev.clone()).as_deref(), Some("127.0.0.1:8443"));
        let second = RawConfig { listen: Some("[::1]:9000".parse().unwrap()), ..dev.clone() };
        assert_eq!(at(second).as_deref(), Some("[::1]:0"));
        assert_eq!(at(RawConfig { quic: Some("off".to_owned()), ..dev.clone() }), None);
        let open = RawConfig { quic: Some("0.0.0.0:1".to_owned()), ..dev };
        assert!(matches!(open.check(2), Err(ConfigError::Value { key: "quic", .. })));
    }
}
