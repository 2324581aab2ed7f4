//! What the creator of a match may choose, and what that comes to.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::UNIT;
use super::map::Map;
use super::terrain::Terrain;
use crate::ids::PlayerName;
use crate::sim::assets::Assets;
use crate::sim::game::RulesError;
use crate::snapshot::Sight;
use crate::time::TICK_RATE_HZ;

/// What the creator of a match may choose, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The map: `dust` is read from the asset `maps/dust.json`.
    pub map: String,
    /// A map itself, instead of one of that name; it has a name of 1 to 32 characters.
    pub drawn: Option<Map>,
    /// Seats, 2 to 1,000.
    pub players_max: u16,
    /// Players it takes to leave the lobby, 1 to `players_max`.
    pub players_min: u16,
    /// From enough players to the start of a round, 0 to 60 s.
    pub countdown_seconds: u32,
    /// The length of a round, 1 to 3,600 s.
    pub round_seconds: u32,
    /// How long a round's result is shown, 0 to 60 s.
    pub finished_seconds: u32,
    /// Rounds until the match is over; 0 plays without end.
    pub rounds: u32,
    /// How fast a player shoots, 1 to 20 a second.
    pub shots_per_second: u32,
    /// How far players see, 8 to 128 units; 0: everything. Without it: everything, but 16 with more than 32 seats
    /// or `line_of_sight`.
    pub sight: Option<u32>,
    /// Walls hide what is behind them.
    pub line_of_sight: bool,
}

/// How far players see where nobody said how far, in units.
const SIGHT: u32 = 16;
/// Seats of a match up to which everybody sees everything, where nobody said how far.
pub const SEES_EVERYTHING_MAX: u16 = 32;

impl Default for Options {
    fn default() -> Self {
        Self {
            map: "dust".to_owned(),
            drawn: None,
            players_max: 16,
            players_min: 1,
            countdown_seconds: 1,
            round_seconds: 300,
            finished_seconds: 10,
            rounds: 0,
            shots_per_second: 4,
            sight: None,
            line_of_sight: false,
        }
    }
}

/// The rules of one match, checked, with the map in them and every time in ticks. Stored with the match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The map itself: a match never reads its file again.
    pub map: Map,
    /// The rest.
    pub numbers: Numbers,
    #[serde(skip)]
    terrain: Made,
}

/// The map's terrain, made when it is first needed. Follows from the map: it makes no two rules differ.
#[derive(Debug, Clone, Default)]
struct Made(OnceLock<Arc<Terrain>>);

impl PartialEq for Made {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Made {}

/// The rules that are numbers: what systems look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Seats.
    pub players_max: u16,
    /// Players it takes to leave the lobby.
    pub players_min: u16,
    /// Length of the countdown.
    pub countdown_ticks: u32,
    /// Length of a round.
    pub round_ticks: u32,
    /// How long a result is shown.
    pub finished_ticks: u32,
    /// Rounds until the match is over; 0 plays without end.
    pub rounds: u32,
    /// From one shot of a player to the next.
    pub cooldown_ticks: u32,
    /// How far players see, in units; 0: everything. Absent in the rules of older matches.
    #[serde(default)]
    pub sight: u32,
    /// Walls hide what is behind them.
    #[serde(default)]
    pub line_of_sight: bool,
}

impl Numbers {
    /// How far players see. Nobody comes and goes at the edge: it is a unit wider on the way out.
    pub(super) fn sight(&self) -> Option<Sight> {
        let enter = i32::try_from(self.sight).ok().filter(|sight| *sight > 0)? * UNIT;
        Some(Sight { enter, leave: enter + UNIT, is_blocked: self.line_of_sight })
    }
}

impl Rules {
    /// Checks the options and reads the map they name.
    pub fn new(options: &Options, assets: &Assets) -> Result<Self, RulesError> {
        let seats = u32::from(options.players_max);
        check("players_max", seats, 2, 1_000)?;
        check("players_min", u32::from(options.players_min), 1, seats)?;
        check("countdown_seconds", options.countdown_seconds, 0, 60)?;
        check("round_seconds", options.round_seconds, 1, 3_600)?;
        check("finished_seconds", options.finished_seconds, 0, 60)?;
        check("shots_per_second", options.shots_per_second, 1, 20)?;
        let numbers = Numbers {
            players_max: options.players_max,
            players_min: options.players_min,
            countdown_ticks: options.countdown_seconds * TICK_RATE_HZ,
            round_ticks: options.round_seconds * TICK_RATE_HZ,
            finished_ticks: options.finished_seconds * TICK_RATE_HZ,
            rounds: options.rounds,
            cooldown_ticks: TICK_RATE_HZ / options.shots_per_second,
            sight: sight(options)?,
            line_of_sight: options.line_of_sight,
        };
        let map = match &options.drawn {
            Some(map) => drawn_map(map)?,
            None => named_map(&options.map, assets)?,
        };
        Ok(Self::of(map, numbers))
    }

    /// The rules on a checked map.
    pub fn of(map: Map, numbers: Numbers) -> Self {
        Self { map, numbers, terrain: Made::default() }
    }

    /// The map in the form a tick wants it: the same for everybody who asks.
    pub fn terrain(&self) -> Arc<Terrain> {
        Arc::clone(self.terrain.0.get_or_init(|| Arc::new(Terrain::new(&self.map))))
    }
}

fn sight(options: &Options) -> Result<u32, RulesError> {
    let crowded = options.players_max > SEES_EVERYTHING_MAX;
    match options.sight {
        None if crowded || options.line_of_sight => Ok(SIGHT),
        None => Ok(0),
        Some(0) if !options.line_of_sight => Ok(0),
        Some(units) => check("sight", units, 8, 128).map(|()| units),
    }
}

fn check(option: &'static str, value: u32, min: u32, max: u32) -> Result<(), RulesError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(RulesError { option, problem: format!("{value}; expected {min} to {max}") })
}

fn drawn_map(map: &Map) -> Result<Map, RulesError> {
    let unusable = |problem: String| RulesError { option: "drawn", problem };
    // It is shown where names of players are.
    PlayerName::parse(&map.name).map_err(|error| unusable(format!("the map's name: {error}")))?;
    map.clone().checked().map_err(|error| unusable(format!("the map is unusable: {error}")))
}

fn named_map(name: &str, assets: &Assets) -> Result<Map, RulesError> {
    let unusable = |problem: String| RulesError { option: "map", problem };
    let Some(text) = assets.text(&format!("maps/{name}.json")) else {
        let known = assets.names("maps/", ".json").collect::<Vec<_>>().join(", ");
        return Err(unusable(format!("there is no map of that name; there are: {known}")));
    };
    Map::parse(text).map_err(|error| unusable(format!("the map {name} is unusable: {error}")))
}

/// Options by the name of a preset.
pub(super) fn preset(name: &str) -> Option<serde_json::Value> {
    Some(match name {
        "duel" => serde_json::json!({ "map": "yard", "players_max": 2, "players_min": 2 }),
        "skirmish" => serde_json::json!({ "map": "dust", "players_max": 16 }),
        "crowd" => serde_json::json!({ "map": "plains", "players_max": 1_000 }),
        _ => return None,
    })
}
