//! Why there is no configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::doorkeeper::AccessError;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// An environment variable has a value its key cannot have.
    #[error("environment: {0}")]
    Environment(String),
    /// A value that cannot be.
    #[error("{key} is {got}; expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it is.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Neither dev mode nor keys, or keys that are none.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Whatever is said there could be read on the way.
    #[error(
        "{0} is reached from elsewhere without encryption: set `tls_cert` and `tls_key`, or `behind_proxy = true` \
         if a proxy speaks TLS to the clients, or listen on loopback"
    )]
    Plain(SocketAddr),
}
