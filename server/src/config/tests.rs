//! What wins over what, and what is refused.

use super::*;
use crate::access::doorkeeper::AccessError;

#[test]
fn flags_lie_over_the_environment_over_the_file() {
    let file: RawConfig = toml::from_str("workers = 2\nlog = \"warn\"\ndata = \"a\"").unwrap();
    let environment = RawConfig::from_environment(|name| match name {
        "TICKSTONE_WORKERS" => Some("3".to_owned()),
        "TICKSTONE_DATA" => Some("b".to_owned()),
        _ => None,
    });
    let flags = RawConfig { data: Some("c".into()), dev: Some(true), ..RawConfig::default() };
    let config = file.with(environment.unwrap()).with(flags).check(2).unwrap();
    assert_eq!((config.tick_workers, config.log.as_str(), config.data), (3, "warn", PathBuf::from("c")));
}

#[test]
fn every_key_has_its_variable() {
    let text = |name: &str| {
        let text = match name {
            "TICKSTONE_LISTEN" => "127.0.0.1:0",
            "TICKSTONE_QUIC" | "TICKSTONE_TLS_CERT" | "TICKSTONE_TLS_KEY" => "text",
            "TICKSTONE_BEHIND_PROXY"
            | "TICKSTONE_DEV"
            | "TICKSTONE_REALTIME"
            | "TICKSTONE_PIN_WORKERS"
            | "TICKSTONE_LOG_JSON" => "true",
            "TICKSTONE_DATA"
            | "TICKSTONE_SECRET"
            | "TICKSTONE_ADMIN_KEYS"
            | "TICKSTONE_TOKEN_KEYS"
            | "TICKSTONE_CLUSTER"
            | "TICKSTONE_ORIGINS"
            | "TICKSTONE_ASSETS" => "text",
            "TICKSTONE_LOG" => "debug",
            _ => "7",
        };
        Some(text.to_owned())
    };
    let raw = RawConfig::from_environment(text).unwrap();
    let shown = format!("{raw:?}");
    assert!(!shown.contains("None"), "a key without a variable: {shown}");
}

#[test]
fn a_start_without_a_secret_is_refused() {
    assert!(matches!(RawConfig::default().check(2), Err(ConfigError::Access(AccessError::NoSecret))));
    let short = RawConfig { secret: Some("x".repeat(31)), ..RawConfig::default() };
    assert!(matches!(short.check(2), Err(ConfigError::Access(AccessError::Admin(_)))));
    let open =
        RawConfig { dev: Some(true), listen: Some("0.0.0.0:80".parse().unwrap()), ..RawConfig::default() };
    assert!(matches!(open.check(2), Err(ConfigError::Value { key: "listen", .. })));
}

#[test]
fn an_unknown_key_is_named() {
    let error = toml::from_str::<RawConfig>("wrokers = 2").unwrap_err().to_string();
    assert!(error.contains("wrokers"), "{error}");
}
