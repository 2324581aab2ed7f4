//! The command line: what may be said, what it means, and what is refused.

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

use tickstone_shared::limits::{INPUTS_PER_MESSAGE_MAX, SEATS_MAX};
use tickstone_shared::time::TICK_RATE_HZ;
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::brain::BrainKind;
use crate::chat::ChatArguments;
use crate::fleet::{FleetOptions, MatchRequest};
use crate::hostile::HostileOptions;
use crate::idle::IdleArguments;
use crate::impair::Impairment;
use crate::link::Transport;
use crate::scenario::{Scenario, ScenarioError};
use crate::slo::{Slo, SloError};

/// Matches of one run.
pub const MATCHES_MAX: u32 = 10_000;

/// Drives bots against a Tickstone server and measures what players would feel.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `loadtest` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plays matches and reports.
    Run(Box<RunArguments>),
    /// Opens sockets to objects and leaves them alone: what they cost, and how fast their objects wake.
    Idle(Box<IdleArguments>),
    /// Fills chat rooms: what many small ones cost, asleep and awake, and what a large one does beside bare sockets.
    Chat(Box<ChatArguments>),
}

/// The flags of `loadtest run`.
#[derive(Debug, clap::Args)]
pub struct RunArguments {
    /// A TOML file with the same keys as these flags; flags win.
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// The flags themselves.
    #[command(flatten)]
    pub flags: Scenario,
}

/// Flags that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    /// A flag without which nothing can be done.
    #[error("--{0} is required")]
    Missing(&'static str),
    /// A value outside of what is allowed.
    #[error("--{flag}: {got} is not {expected}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What was given.
        got: String,
        /// What may be given.
        expected: String,
    },
    /// A flag that this build cannot honour.
    #[error("--{flag} arrives with {with}, not in this build")]
    NotYet {
        /// The flag and its value.
        flag: String,
        /// What it needs.
        with: &'static str,
    },
    /// The scenario file.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The conditions.
    #[error("--slo: {0}")]
    Slo(#[from] SloError),
}

/// Flags that were checked: a run that can be done.
#[derive(Debug)]
pub struct RunOptions {
    /// The matches and their bots.
    pub fleet: FleetOptions,
    /// Before the measured window.
    pub warmup: Duration,
    /// The measured window.
    pub window: Duration,
    /// Where the JSON object goes.
    pub json: Option<PathBuf>,
    /// Where the page goes.
    pub html: Option<PathBuf>,
    /// Conditions on the result.
    pub slo: Vec<Slo>,
    /// Attackers, and the phases around them.
    pub hostile: Option<HostileOptions>,
}

impl RunArguments {
    /// Loads the scenario, lays the flags over it and checks what comes out.
    pub fn checked(self) -> Result<RunOptions, ArgumentError> {
        let file = self.scenario.as_deref().map(Scenario::load).transpose()?;
        let merged = self.flags.over(file.unwrap_or_default());
        if merged.url.is_none() {
            return Err(ArgumentError::Missing("url"));
        }
        RunOptions::checked(merged)
    }
}

impl RunOptions {
    /// Checks every flag and fills in the defaults.
    pub fn checked(scenario: Scenario) -> Result<Self, ArgumentError> {
        let transport = transport(scenario.transport.as_deref().unwrap_or("ws"))?;
        check_spoken(transport, &scenario)?;
        let matches = within("matches", scenario.matches.unwrap_or(1), 1, MATCHES_MAX)?;
        let players = within("players", scenario.players.unwrap_or(2), 1, u32::from(SEATS_MAX))?;
        let input_hz_min = TICK_RATE_HZ / INPUTS_PER_MESSAGE_MAX as u32;
        let game = scenario.game.unwrap_or_else(|| "arena".to_owned());
        let hostile = scenario.hostile.map(HostileOptions::checked).transpose();
        let hostile =
            hostile.map_err(|(flag, got, expected)| ArgumentError::Value { flag, got, expected })?;
        let brain = brain(scenario.brain.as_deref().unwrap_or("full"))?;
        // Who sees is compared with somebody who observes, from a seat.
        let observers = u32::from(brain == BrainKind::Full && hostile.is_none());
        let others = hostile.as_ref().map_or(observers, |hostile| hostile.seats(matches));
        let seats = (players + others).min(u32::from(SEATS_MAX));
        let request = MatchRequest {
            options: options_for(&game, scenario.preset.as_deref(), seats, scenario.options.as_deref())?,
            game,
            preset: scenario.preset,
            durability: scenario.durability,
            ..MatchRequest::default()
        };
        let fleet = FleetOptions {
            admin_key: scenario.admin_key,
            url: scenario.url.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()),
            matches: vec![request; matches as usize],
            players: u16::try_from(players).expect("checked against the seats of a match"),
            transport,
            encoding: encoding(scenario.encoding.as_deref().unwrap_or("msgpack"))?,
            state: state(scenario.state.as_deref().unwrap_or("delta"))?,
            brain,
            input_hz: within("input-hz", scenario.input_hz.unwrap_or(60), input_hz_min, 240)?,
            lead_ticks: scenario
                .lead_ticks
                .map(|ticks| within("lead-ticks", ticks, 0.5, 30.0))
                .transpose()?,
            ramp: seconds("ramp-seconds", scenario.ramp_seconds.unwrap_or(1.0), 0.0)?,
            threads: within("threads", scenario.threads.unwrap_or(1), 1, 64)? as usize,
            seed: scenario.seed.unwrap_or(1),
            record: scenario.record,
            impairment: impairment(scenario.loss, scenario.delay_ms, scenario.jitter_ms)?,
        };
        Ok(Self {
            fleet,
            warmup: seconds("warmup-seconds", scenario.warmup_seconds.unwrap_or(3.0), 0.0)?,
            window: match &hostile {
                Some(hostile) if scenario.seconds.is_none() => Duration::from_secs(hostile.seconds() as u64),
                Some(_) => return Err(value("seconds", &"given", "for a run whose phases are given")),
                None => seconds("seconds", scenario.seconds.unwrap_or(20.0), 0.1)?,
            },
            json: scenario.json,
            html: scenario.html,
            slo: Slo::parse_all(scenario.slo.as_deref().unwrap_or_default())?,
            hostile,
        })
    }
}

/// The options that are given, over what an arena needs: it has 16 seats and a small map unless it is told otherwise.
fn options_for(
    game: &str,
    preset: Option<&str>,
    players: u32,
    given: Option<&str>,
) -> Result<Option<serde_json::Value>, ArgumentError> {
    let mut options = serde_json::Map::new();
    if game == "arena" && preset.is_none() && players > 16 {
        options.insert("players_max".to_owned(), players.into());
        options.insert("map".to_owned(), if players > 64 { "plains" } else { "dust" }.into());
    }
    if let Some(given) = given {
        let given: serde_json::Map<_, _> =
            serde_json::from_str(given).map_err(|_| value("options", &given, "a JSON object"))?;
        options.extend(given);
    }
    Ok((!options.is_empty()).then_some(options.into()))
}

/// What is not spoken over the transport asked for.
fn check_spoken(transport: Transport, scenario: &Scenario) -> Result<(), ArgumentError> {
    if transport == Transport::Ws {
        return Ok(());
    }
    let json = scenario.encoding.as_deref().filter(|encoding| *encoding != "msgpack");
    if let Some(encoding) = json.filter(|_| transport == Transport::Quic) {
        return Err(value("encoding", &encoding, "msgpack, the only one over QUIC"));
    }
    if let Some(state) = scenario.state.as_deref().filter(|state| *state != "delta") {
        return Err(value("state", &state, "delta, the only one over QUIC"));
    }
    Ok(())
}

fn not_yet(flag: String, with: &'static str) -> ArgumentError {
    ArgumentError::NotYet { flag, with }
}

fn value(flag: &'static str, got: &dyn std::fmt::Display, expected: &str) -> ArgumentError {
    ArgumentError::Value { flag, got: got.to_string(), expected: expected.to_owned() }
}

pub(crate) fn within<T: Copy + PartialOrd + std::fmt::Display>(
    flag: &'static str,
    got: T,
    min: T,
    max: T,
) -> Result<T, ArgumentError> {
    if got >= min && got <= max {
        Ok(got)
    } else {
        Err(value(flag, &got, &format!("between {min} and {max}")))
    }
}

pub(crate) fn seconds(flag: &'static str, got: f64, min: f64) -> Result<Duration, ArgumentError> {
    within(flag, got, min, 86_400.0).map(Duration::from_secs_f64)
}

/// The network of these flags, which speak of round trips; none where none is given.
fn impairment(
    loss: Option<f64>,
    delay_ms: Option<f64>,
    jitter_ms: Option<f64>,
) -> Result<Option<Impairment>, ArgumentError> {
    if loss.or(delay_ms).or(jitter_ms).is_none() {
        return Ok(None);
    }
    let loss = within("loss", loss.unwrap_or(0.0), 0.0, 100.0)?;
    let delay = within("delay-ms", delay_ms.unwrap_or(0.0), 0.0, 10_000.0)?;
    let jitter = within("jitter-ms", jitter_ms.unwrap_or(0.0), 0.0, delay)?;
    let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
    Ok(Some(Impairment::round_trip(loss, ms(delay), ms(jitter))))
}

fn transport(name: &str) -> Result<Transport, ArgumentError> {
    match name {
        "ws" => Ok(Transport::Ws),
        "quic" => Ok(Transport::Quic),
        "mix" => Ok(Transport::Mix),
        "webtransport" => Err(not_yet(format!("transport {name}"), "the transport of browsers")),
        other => Err(value("transport", &other, "ws, quic, webtransport or mix")),
    }
}

fn encoding(name: &str) -> Result<Encoding, ArgumentError> {
    match name {
        "msgpack" => Ok(Encoding::Msgpack),
        "json" => Ok(Encoding::Json),
        other => Err(value("encoding", &other, "msgpack or json")),
    }
}

fn state(name: &str) -> Result<StateKind, ArgumentError> {
    match name {
        "delta" => Ok(StateKind::Delta),
        "plain" => Ok(StateKind::Plain),
        other => Err(value("state", &other, "delta or plain")),
    }
}

fn brain(name: &str) -> Result<BrainKind, ArgumentError> {
    match name {
        "light" => Ok(BrainKind::Light),
        "full" => Ok(BrainKind::Full),
        other => Err(value("brain", &other, "light or full")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(line: &str) -> Result<RunOptions, ArgumentError> {
        let words = ["loadtest", "run"].into_iter().chain(line.split_whitespace());
        match CommandLine::try_parse_from(words).unwrap().command {
            Command::Run(arguments) => arguments.checked(),
            Command::Idle(_) | Command::Chat(_) => unreachable!("the words begin with run"),
        }
    }

    #[test]
    fn the_line_of_the_interfaces_is_understood() {
        let options = checked(
            "--url http://127.0.0.1:1 --game arena --matches 20 --players 8 --transport ws --encoding json \
             --state plain --input-hz 30 --warmup-seconds 3 --seconds 20 --ramp-seconds 1 --brain light \
             --json out.json --slo tick_hz>=59.5,input_to_effect_ms.p99<50",
        )
        .unwrap();
        assert_eq!((options.fleet.matches.len(), options.fleet.players, options.fleet.input_hz), (20, 8, 30));
        assert_eq!((options.fleet.encoding, options.fleet.state), (Encoding::Json, StateKind::Plain));
        assert_eq!((options.fleet.brain, options.slo.len()), (BrainKind::Light, 2));
    }

    #[test]
    fn options_of_the_game_come_over_those_it_needs() {
        let options = |line| checked(line).unwrap().fleet.matches[0].options.clone();
        assert_eq!(options("--url http://h --players 8"), None);
        let given =
            options(r#"--url http://h --players 100 --brain light --options {"sight":20,"players_max":200}"#);
        assert_eq!(given, Some(serde_json::json!({ "map": "plains", "players_max": 200, "sight": 20 })));
    }

    #[test]
    fn the_phases_of_an_attack_are_the_window_and_attackers_have_seats() {
        let text = "matches = 2\nplayers = 8\n[hostile]\nduring-seconds = 5\n\
                    [hostile.attackers]\nslow-reader = { count = 20 }";
        let scenario: Scenario = toml::from_str(text).unwrap();
        let options = RunOptions::checked(scenario.clone()).unwrap();
        assert_eq!(options.window, Duration::from_secs(25));
        assert_eq!(options.fleet.matches[0].options.as_ref().unwrap()["players_max"], 18);
        let refused = RunOptions::checked(Scenario { seconds: Some(3.0), ..scenario }).unwrap_err();
        assert_eq!(refused.to_string(), "--seconds: given is not for a run whose phases are given");
    }

    #[test]
    fn a_bad_network_is_given_as_a_round_trip() {
        let options = checked("--url http://h --loss 2 --delay-ms 100 --jitter-ms 20").unwrap();
        let network = options.fleet.impairment.unwrap();
        let ms = |ms| Duration::from_millis(ms);
        assert_eq!((network.loss, network.delay, network.jitter), (0.02, ms(50), ms(10)), "each way");
        assert_eq!(checked("--url http://h").unwrap().fleet.impairment, None);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let expect = [
            ("--players 3", "--url is required"),
            (
                "--url http://h --transport webtransport",
                "--transport webtransport arrives with the transport of browsers, not in this build",
            ),
            ("--url http://h --loss 101", "--loss: 101 is not between 0 and 100"),
            ("--url http://h --delay-ms 20 --jitter-ms 30", "--jitter-ms: 30 is not between 0 and 20"),
            (
                "--url http://h --transport quic --encoding json",
                "--encoding: json is not msgpack, the only one over QUIC",
            ),
            (
                "--url http://h --transport mix --state plain",
                "--state: plain is not delta, the only one over QUIC",
            ),
            ("--url http://h --players 0", "--players: 0 is not between 1 and 1000"),
            ("--url http://h --seconds NaN", "--seconds: NaN is not between 0.1 and 86400"),
            ("--url http://h --brain big", "--brain: big is not light or full"),
            ("--url http://h --options [1]", "--options: [1] is not a JSON object"),
        ];
        for (line, message) in expect {
            assert_eq!(checked(line).unwrap_err().to_string(), message);
        }
    }
}
