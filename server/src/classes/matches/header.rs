//! What a match was created as: stored once, part of its determinism.

use serde::{Deserialize, Serialize};
use tickstone_shared::sim::registered::AnyGame;

use super::posting::ToBoard;
use crate::object::contract::CallError;

/// The version of everything a match stores.
pub const MATCH_FORMAT: u16 = 1;

/// This build, as journals name it.
pub const BUILD: &str = concat!("tickstone ", env!("CARGO_PKG_VERSION"));

/// What leaves when (contract of a match).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A tick's state leaves only after its journal is durable: a crash loses no tick anyone saw.
    Sync,
    /// States leave at once, the journal follows within milliseconds: a crash loses a bounded few ticks.
    #[default]
    Async,
    /// Nothing is stored but at a drain.
    None,
}

impl Durability {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Durability::Sync => "sync",
            Durability::Async => "async",
            Durability::None => "none",
        }
    }
}

/// The body of a request to create a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    /// The game's name.
    pub game: String,
    /// A named set of options.
    #[serde(default)]
    pub preset: Option<String>,
    /// Laid over the preset.
    #[serde(default)]
    pub options: serde_json::Value,
    /// Laid over the game's label.
    #[serde(default)]
    pub label: Option<serde_json::Map<String, serde_json::Value>>,
    /// When ticks become durable.
    #[serde(default)]
    pub durability: Durability,
    /// Left out of listings.
    #[serde(default)]
    pub private: bool,
    /// The match ends after this many seconds of play.
    #[serde(default)]
    pub max_duration_s: Option<u32>,
    /// The match ends after this many seconds without a player.
    #[serde(default)]
    pub empty_ttl_s: Option<u32>,
    /// The leaderboard its result goes to; absent: that of its game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<ToBoard>,
    /// The name of the key that asked, as the gateway knows it; nobody's in dev mode.
    #[serde(default)]
    pub creator: Option<String>,
}

impl CreateRequest {
    /// Do both ask for the same match, whoever asks?
    pub fn asks_the_same(&self, other: &Self) -> bool {
        Self { creator: None, ..self.clone() } == Self { creator: None, ..other.clone() }
    }
}

/// The stored header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`MATCH_FORMAT`].
    pub format: u16,
    /// The build that created the match.
    pub build: String,
    /// The game's version.
    pub game_version: u32,
    /// The hash of the game's schema.
    pub schema_hash: u32,
    /// The seed of all randomness.
    pub seed: u64,
    /// The rules, map included, as the game wrote them (JSON).
    pub rules: String,
    /// Seats.
    pub seats: u16,
    /// What was asked for.
    pub request: CreateRequest,
}

impl Header {
    /// To be stored.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a header is plain data")
    }

    /// As stored.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let format = serde_json::from_slice::<serde_json::Value>(bytes).ok();
        let format = format.and_then(|value| value.get("format")?.as_u64());
        match format {
            Some(format) if format > u64::from(MATCH_FORMAT) => Err(format!(
                "the match has format {format}; this build reads up to {MATCH_FORMAT}: use a newer build"
            )),
            _ => serde_json::from_slice(bytes).map_err(|error| format!("the header is damaged: {error}")),
        }
    }

    /// Can journals written under this header be re-run by `game`?
    pub fn replays_with(&self, game: &dyn AnyGame) -> bool {
        self.build == BUILD && self.game_version == game.version() && self.schema_hash == game.schema().hash()
    }
}

/// Reads a request's body.
pub fn parse_request(body: serde_json::Value) -> Result<CreateRequest, CallError> {
    let request: CreateRequest =
        serde_json::from_value(body).map_err(|error| CallError::Invalid(error.to_string()))?;
    let label_bytes = request.label.as_ref().map_or(0, |label| serde_json::json!(label).to_string().len());
    if label_bytes > tickstone_shared::limits::LABEL_BYTES_MAX {
        let max = tickstone_shared::limits::LABEL_BYTES_MAX;
        return Err(CallError::Invalid(format!("label: {label_bytes} bytes as JSON; at most {max}")));
    }
    Ok(request)
}
