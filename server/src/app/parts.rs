//! What the configuration means to each part.

use super::random;
use crate::config::Config;
use crate::gateway;
use crate::object::resume::ResumeKey;
use crate::runtime::settings::Settings;

/// The runtime's.
pub(super) fn runtime_settings(config: &Config) -> Settings {
    let random = random();
    let (node, seed) = random.split_at(8);
    let word = |bytes: &[u8]| u64::from_le_bytes(*bytes.first_chunk().expect("8 bytes"));
    Settings {
        node: word(node) as u32,
        seed: word(seed),
        resume_key: ResumeKey::new([random, super::random()].concat().try_into().expect("16 and 16")),
        resume_window: config.resume_window,
        tick_workers: config.tick_workers,
        general_workers: config.general_workers,
        pin_tick_workers: config.pin_workers,
        realtime: config.realtime,
        ..Settings::default()
    }
}

/// The gateway's.
pub(super) fn gateway_settings(config: &Config) -> gateway::Settings {
    gateway::Settings {
        origins: config.origins.clone(),
        threads: config.gateway_threads,
        connections_per_address: u32::try_from(config.connections_per_address).unwrap_or(u32::MAX),
        matches_per_key: config.matches_per_key,
        state_bytes_per_second: u32::try_from(config.state_bytes_per_second).unwrap_or(u32::MAX),
        quic: config.quic,
        tls: config.tls.clone().map(|(certificate, key)| gateway::TlsFiles { certificate, key }),
        behind_proxy: config.behind_proxy,
        kept: Some(config.data.clone()),
        ..gateway::Settings::with_access(config.listen, config.access.clone())
    }
}
