//! Process configuration: raw, as written (file, environment, flags), then checked. Nothing here is part of
//! a match's determinism: that is its rules, stored with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

mod error;
mod ports;
#[cfg(test)]
mod tests;

pub use error::ConfigError;

use ports::{LISTEN_DEFAULT, quic, tls};

use crate::access::doorkeeper::{Doorkeeper, DoorkeeperRef, RawAccess};

/// Configuration as written. Every key has an environment variable: `TICKSTONE_` and its name in capitals.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The TCP address of HTTP and WebSocket.
    pub listen: Option<SocketAddr>,
    /// The UDP address of QUIC, or `off`.
    pub quic: Option<String>,
    /// A PEM file with the certificate of both ports.
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with its private key.
    pub tls_key: Option<PathBuf>,
    /// A proxy in front of the server speaks TLS to the clients.
    pub behind_proxy: Option<bool>,
    /// Anonymous joins and match creation without a key, on loopback only.
    pub dev: Option<bool>,
    /// Outside dev mode: a key of every role, which also signs join tokens.
    pub secret: Option<String>,
    /// Keys of operators and backends, `NAME:ROLES:HASH`.
    pub admin_keys: Option<Vec<String>>,
    /// Keys that sign join tokens, `ID:SECRET`, the newest first.
    pub token_keys: Option<Vec<String>>,
    /// What join tokens are for: the same on all servers that share them.
    pub cluster: Option<String>,
    /// Origins of browsers that may open sockets, beside the server's own.
    pub origins: Option<Vec<String>>,
    /// Connections of one address.
    pub connections_per_address: Option<usize>,
    /// Open matches of one key.
    pub matches_per_key: Option<usize>,
    /// Bytes of states that a player may be sent a second.
    pub state_bytes_per_second: Option<usize>,
    /// Threads for objects that tick.
    pub workers: Option<usize>,
    /// Threads for the rest.
    pub general_workers: Option<usize>,
    /// Threads of the gateway.
    pub gateway_threads: Option<usize>,
    /// Ask for SCHED_FIFO on tick workers.
    pub realtime: Option<bool>,
    /// Pin tick workers to processors.
    pub pin_workers: Option<bool>,
    /// A directory whose `maps/` replace or add to the built-in ones.
    pub assets: Option<PathBuf>,
    /// Seconds between two checkpoints of a match.
    pub checkpoint_interval_s: Option<u64>,
    /// Seconds of journal kept behind checkpoints.
    pub journal_retention_s: Option<u64>,
    /// Seconds a dropped player's seat is held.
    pub resume_window_s: Option<u64>,
    /// Seconds a match without players goes on.
    pub empty_ttl_s: Option<u64>,
    /// Milliseconds a write waits for others to share its commit.
    pub group_interval_ms: Option<u64>,
    /// MiB of the database kept in memory.
    pub cache_mib: Option<usize>,
    /// MiB that one object may store.
    pub object_quota_mib: Option<u64>,
    /// MiB that all objects may store; none: as much as the disk takes.
    pub data_quota_mib: Option<u64>,
    /// Days for which a class that keeps a history can be taken back.
    pub history_days: Option<u64>,
    /// What is logged, in the words of tracing's filter: `info`, `tickstone_server=debug`.
    pub log: Option<String>,
    /// Logs as JSON lines.
    pub log_json: Option<bool>,
}

/// The keys of [`RawConfig`], for the environment.
const KEYS: [&str; 32] = [
    "data",
    "listen",
    "quic",
    "tls_cert",
    "tls_key",
    "behind_proxy",
    "dev",
    "secret",
    "admin_keys",
    "token_keys",
    "cluster",
    "origins",
    "connections_per_address",
    "state_bytes_per_second",
    "matches_per_key",
    "workers",
    "general_workers",
    "gateway_threads",
    "realtime",
    "pin_workers",
    "assets",
    "checkpoint_interval_s",
    "journal_retention_s",
    "resume_window_s",
    "empty_ttl_s",
    "group_interval_ms",
    "cache_mib",
    "object_quota_mib",
    "data_quota_mib",
    "history_days",
    "log",
    "log_json",
];

/// Checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// The TCP address of HTTP and WebSocket.
    pub listen: SocketAddr,
    /// The UDP address of QUIC; none: not spoken.
    pub quic: Option<SocketAddr>,
    /// The certificate and its private key, as PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front of the server speaks TLS to the clients.
    pub behind_proxy: bool,
    /// Who may do what.
    pub access: DoorkeeperRef,
    /// Origins of browsers beside the server's own.
    pub origins: Vec<String>,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Open matches of one key.
    pub matches_per_key: usize,
    /// Bytes of states that a player may be sent a second.
    pub state_bytes_per_second: usize,
    /// Threads for objects that tick.
    pub tick_workers: usize,
    /// Threads for the rest.
    pub general_workers: usize,
    /// Threads of the gateway; none: it decides.
    pub gateway_threads: Option<usize>,
    /// Ask for SCHED_FIFO on tick workers.
    pub realtime: bool,
    /// Pin tick workers to processors.
    pub pin_workers: bool,
    /// A directory of data files.
    pub assets: Option<PathBuf>,
    /// Between two checkpoints of a match.
    pub checkpoint_interval: Duration,
    /// Journal kept behind checkpoints.
    pub journal_retention: Duration,
    /// How long a dropped player's seat is held.
    pub resume_window: Duration,
    /// How long a match without players goes on.
    pub empty_ttl: Duration,
    /// How long a write waits for others to share its commit.
    pub group_interval: Duration,
    /// Bytes of the database kept in memory.
    pub cache_bytes: usize,
    /// Bytes that one object may store.
    pub object_bytes_max: u64,
    /// Bytes that all objects may store.
    pub data_bytes_max: u64,
    /// How far back a class that keeps a history can be taken.
    pub history_retention: Duration,
    /// What is logged.
    pub log: String,
    /// Logs as JSON lines.
    pub log_json: bool,
}

impl RawConfig {
    /// Reads a TOML file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let failed = |problem: String| ConfigError::File { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        toml::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// Reads the environment, through `variable`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut table = toml::Table::new();
        for key in KEYS {
            let name = format!("TICKSTONE_{}", key.to_uppercase());
            if let Some(text) = variable(&name) {
                table.insert(key.to_owned(), as_value(key, text));
            }
        }
        Self::deserialize(table)
            .map_err(|error| ConfigError::Environment(error.to_string().trim().to_owned()))
    }

    /// This configuration with `over` laid over it.
    #[must_use]
    pub fn with(self, over: RawConfig) -> Self {
        Self {
            data: over.data.or(self.data),
            listen: over.listen.or(self.listen),
            quic: over.quic.or(self.quic),
            tls_cert: over.tls_cert.or(self.tls_cert),
            tls_key: over.tls_key.or(self.tls_key),
            behind_proxy: over.behind_proxy.or(self.behind_proxy),
            dev: over.dev.or(self.dev),
            secret: over.secret.or(self.secret),
            admin_keys: over.admin_keys.or(self.admin_keys),
            token_keys: over.token_keys.or(self.token_keys),
            cluster: over.cluster.or(self.cluster),
            origins: over.origins.or(self.origins),
            connections_per_address: over.connections_per_address.or(self.connections_per_address),
            state_bytes_per_second: over.state_bytes_per_second.or(self.state_bytes_per_second),
            matches_per_key: over.matches_per_key.or(self.matches_per_key),
            workers: over.workers.or(self.workers),
            general_workers: over.general_workers.or(self.general_workers),
            gateway_threads: over.gateway_threads.or(self.gateway_threads),
            realtime: over.realtime.or(self.realtime),
            pin_workers: over.pin_workers.or(self.pin_workers),
            assets: over.assets.or(self.assets),
            checkpoint_interval_s: over.checkpoint_interval_s.or(self.checkpoint_interval_s),
            journal_retention_s: over.journal_retention_s.or(self.journal_retention_s),
            resume_window_s: over.resume_window_s.or(self.resume_window_s),
            empty_ttl_s: over.empty_ttl_s.or(self.empty_ttl_s),
            group_interval_ms: over.group_interval_ms.or(self.group_interval_ms),
            cache_mib: over.cache_mib.or(self.cache_mib),
            object_quota_mib: over.object_quota_mib.or(self.object_quota_mib),
            data_quota_mib: over.data_quota_mib.or(self.data_quota_mib),
            history_days: over.history_days.or(self.history_days),
            log: over.log.or(self.log),
            log_json: over.log_json.or(self.log_json),
        }
    }

    /// Checks everything; `processors` decides how many threads there are where nothing is said.
    pub fn check(self, processors: usize) -> Result<Config, ConfigError> {
        let listen = self.listen.unwrap_or(LISTEN_DEFAULT);
        let (dev, behind_proxy) = (self.dev.unwrap_or(false), self.behind_proxy.unwrap_or(false));
        let access = RawAccess {
            dev,
            secret: self.secret,
            admin_keys: self.admin_keys.unwrap_or_default(),
            token_keys: self.token_keys.unwrap_or_default(),
            cluster: self.cluster,
        };
        let access = checked(&access, listen)?;
        let tls = tls(self.tls_cert, self.tls_key)?;
        if !dev && tls.is_none() && !behind_proxy && !listen.ip().is_loopback() {
            return Err(ConfigError::Plain(listen));
        }
        Ok(Config {
            data: self.data.unwrap_or_else(|| "./data".into()),
            listen,
            quic: quic(self.quic.as_deref(), listen, dev, tls.is_some())?,
            tls,
            behind_proxy,
            access,
            origins: self.origins.unwrap_or_default(),
            connections_per_address: between(
                "connections_per_address",
                self.connections_per_address,
                1,
                100_000,
                64,
            )?,
            matches_per_key: between("matches_per_key", self.matches_per_key, 1, 65_536, 10_000)?,
            state_bytes_per_second: between(
                "state_bytes_per_second",
                self.state_bytes_per_second,
                8 * 1024,
                1024 * 1024,
                32 * 1024,
            )?,
            tick_workers: between("workers", self.workers, 1, 64, (processors / 2).max(1))?,
            general_workers: between(
                "general_workers",
                self.general_workers,
                1,
                64,
                (processors / 4).max(1),
            )?,
            gateway_threads: self.gateway_threads,
            realtime: self.realtime.unwrap_or(true),
            pin_workers: self.pin_workers.unwrap_or(false),
            assets: self.assets,
            checkpoint_interval: seconds("checkpoint_interval_s", self.checkpoint_interval_s, 5)?,
            journal_retention: seconds("journal_retention_s", self.journal_retention_s, 900)?,
            resume_window: seconds("resume_window_s", self.resume_window_s, 30)?,
            empty_ttl: seconds("empty_ttl_s", self.empty_ttl_s, 3600)?,
            group_interval: Duration::from_millis(self.group_interval_ms.unwrap_or(33).min(1000)),
            cache_bytes: between("cache_mib", self.cache_mib, 1, 65_536, 64)? * 1024 * 1024,
            object_bytes_max: self.object_quota_mib.unwrap_or(10 * 1024).saturating_mul(1024 * 1024),
            data_bytes_max: self.data_quota_mib.map_or(u64::MAX, |mib| mib.saturating_mul(1024 * 1024)),
            history_retention: Duration::from_secs(
                self.history_days.unwrap_or(30).clamp(1, 36_500) * 24 * 3600,
            ),
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            log_json: self.log_json.unwrap_or(false),
        })
    }
}

/// An environment variable's text as the kind of value its key has.
fn as_value(key: &str, text: String) -> toml::Value {
    if matches!(key, "origins" | "admin_keys" | "token_keys") {
        return text.split(',').map(|item| toml::Value::from(item.trim())).collect::<Vec<_>>().into();
    }
    if matches!(
        key,
        "data" | "listen" | "quic" | "tls_cert" | "tls_key" | "secret" | "cluster" | "assets" | "log"
    ) {
        return text.into();
    }
    text.parse::<i64>()
        .map(toml::Value::from)
        .or(text.parse::<bool>().map(toml::Value::from))
        .unwrap_or(text.into())
}

fn checked(access: &RawAccess, listen: SocketAddr) -> Result<DoorkeeperRef, ConfigError> {
    if access.dev && !listen.ip().is_loopback() {
        return Err(ConfigError::Value {
            key: "listen",
            got: listen.to_string(),
            expected: "a loopback address with --dev, which lets everybody in",
        });
    }
    Ok(Arc::new(Doorkeeper::new(access)?))
}

fn between(
    key: &'static str,
    value: Option<usize>,
    min: usize,
    max: usize,
    default: usize,
) -> Result<usize, ConfigError> {
    match value {
        None => Ok(default),
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(value) => {
            Err(ConfigError::Value { key, got: value.to_string(), expected: "a number within its bounds" })
        }
    }
}

fn seconds(key: &'static str, value: Option<u64>, default: u64) -> Result<Duration, ConfigError> {
    match value.unwrap_or(default) {
        0 => Err(ConfigError::Value { key, got: "0".to_owned(), expected: "at least 1 second" }),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}
