//! A scenario: the flags of `loadtest run`, from the command line or from a TOML file with the same keys.
//!
//! Invariant: a flag wins over the file, and nothing in a file is ignored: unknown keys are errors.

use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};

use crate::hostile::options::HostileScenario;

/// The flags as they were given. In a file the keys are the same words (`warmup-seconds = 3`).
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The server's HTTP address.
    #[arg(long)]
    pub url: Option<String>,
    /// For a server that is not in dev mode: a key with the roles create and seat. Never in a file.
    #[arg(long, env = "TICKSTONE_ADMIN_KEY", hide_env_values = true)]
    #[serde(skip)]
    pub admin_key: Option<String>,
    /// The game [default: arena].
    #[arg(long)]
    pub game: Option<String>,
    /// The game's preset.
    #[arg(long)]
    pub preset: Option<String>,
    /// Options of the game as JSON, such as '{"sight": 20}'.
    #[arg(long)]
    pub options: Option<String>,
    /// Matches to create [default: 1].
    #[arg(long)]
    pub matches: Option<u32>,
    /// Bots in each match [default: 2].
    #[arg(long)]
    pub players: Option<u32>,
    /// ws, quic, webtransport or mix [default: ws].
    #[arg(long)]
    pub transport: Option<String>,
    /// msgpack or json [default: msgpack].
    #[arg(long)]
    pub encoding: Option<String>,
    /// delta or plain [default: delta].
    #[arg(long)]
    pub state: Option<String>,
    /// light (header only, wanders) or full (sees everything, fights) [default: full].
    #[arg(long)]
    pub brain: Option<String>,
    /// Messages with inputs a second and bot; 30 sends two ticks' inputs in a message [default: 60].
    #[arg(long)]
    pub input_hz: Option<u32>,
    /// How many ticks early inputs should arrive [default: 3 over WebSocket, 2 over QUIC].
    #[arg(long)]
    pub lead_ticks: Option<f64>,
    /// sync, async or none [default: the server's].
    #[arg(long)]
    pub durability: Option<String>,
    /// Seconds between everybody being started and the measured window [default: 3].
    #[arg(long)]
    pub warmup_seconds: Option<f64>,
    /// Seconds measured [default: 20].
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Seconds over which the bots are started [default: 1].
    #[arg(long)]
    pub ramp_seconds: Option<f64>,
    /// Threads that drive bots [default: 1].
    #[arg(long)]
    pub threads: Option<u32>,
    /// The seed of the bots' whims and back-off [default: 1].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Per cent of packets lost, on each way (over TCP: sent again, and late).
    #[arg(long)]
    pub loss: Option<f64>,
    /// Added to the round trip, in ms: half of it each way.
    #[arg(long)]
    pub delay_ms: Option<f64>,
    /// The added round trip varies by up to so much up and down, in ms: half of it each way.
    #[arg(long)]
    pub jitter_ms: Option<f64>,
    /// Writes the result as one JSON object.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Writes the result as one page with plots.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Writes a JSON line for each state hash that a bot receives.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// Conditions on the result, such as "tick_hz>=59.5,input_to_effect_ms.p99<50".
    #[arg(long)]
    pub slo: Option<String>,
    /// Attackers, and the phases around them; in files alone.
    #[arg(skip)]
    pub hostile: Option<HostileScenario>,
}

/// A scenario file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It cannot be read.
    #[error("cannot read scenario {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not a scenario.
    #[error("scenario {path}: {error}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
}

impl Scenario {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError::Read { path: path.to_owned(), error })?;
        toml::from_str(&text)
            .map_err(|error| ScenarioError::Parse { path: path.to_owned(), error: Box::new(error) })
    }

    /// These flags where they are given, else those of `file`.
    #[must_use]
    pub fn over(self, file: Scenario) -> Scenario {
        Scenario {
            url: self.url.or(file.url),
            options: self.options.or(file.options),
            admin_key: self.admin_key,
            game: self.game.or(file.game),
            preset: self.preset.or(file.preset),
            matches: self.matches.or(file.matches),
            players: self.players.or(file.players),
            transport: self.transport.or(file.transport),
            encoding: self.encoding.or(file.encoding),
            state: self.state.or(file.state),
            brain: self.brain.or(file.brain),
            input_hz: self.input_hz.or(file.input_hz),
            lead_ticks: self.lead_ticks.or(file.lead_ticks),
            durability: self.durability.or(file.durability),
            warmup_seconds: self.warmup_seconds.or(file.warmup_seconds),
            seconds: self.seconds.or(file.seconds),
            ramp_seconds: self.ramp_seconds.or(file.ramp_seconds),
            threads: self.threads.or(file.threads),
            seed: self.seed.or(file.seed),
            loss: self.loss.or(file.loss),
            delay_ms: self.delay_ms.or(file.delay_ms),
            jitter_ms: self.jitter_ms.or(file.jitter_ms),
            json: self.json.or(file.json),
            html: self.html.or(file.html),
            record: self.record.or(file.record),
            slo: self.slo.or(file.slo),
            hostile: self.hostile.or(file.hostile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_file() {
        let file: Scenario = toml::from_str("players = 8\nmatches = 20\nwarmup-seconds = 5").unwrap();
        let flags = Scenario { players: Some(3), seconds: Some(2.0), ..Scenario::default() };
        let merged = flags.over(file);
        assert_eq!((merged.players, merged.matches), (Some(3), Some(20)));
        assert_eq!((merged.seconds, merged.warmup_seconds), (Some(2.0), Some(5.0)));
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(toml::from_str::<Scenario>("plyers = 8").is_err());
    }

    #[test]
    fn every_scenario_of_the_project_can_be_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/loadtest");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let scenario = Scenario::load(&entry.unwrap().path()).unwrap();
            let transport = scenario.transport.clone().unwrap_or_else(|| "ws".to_owned());
            match crate::args::RunOptions::checked(scenario) {
                Ok(_) => seen += 1,
                // Good but for a transport that this build does not have.
                Err(crate::args::ArgumentError::NotYet { flag, .. }) => {
                    assert_eq!(flag, format!("transport {transport}"));
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(seen >= 5);
    }
}
