//! Re-running a match's journal and comparing every hash: is what is stored what was played?

use serde::Serialize;
use tickstone_shared::ids::StateHash;
use tickstone_shared::time::Tick;

use super::checkpoint::Checkpoint;
use super::class::Games;
use super::header::Header;
use super::recovery::{Difference, read_records, rerun_tick};
use super::roster::Roster;
use super::store_keys::{CHECKPOINTS, HEADER};
use crate::object::contract::CallError;
use crate::object::storage::Reader;

/// Hashes a verdict lists, newest last; all are compared.
pub const HASHES_LISTED_MAX: usize = 1000;

/// What a re-run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Every hash agrees.
    pub agree: bool,
    /// The re-run began after this tick, from a checkpoint.
    pub from_tick: Tick,
    /// The last tick that is stored.
    pub to_tick: Tick,
    /// Hashes compared, checkpoints included.
    pub hashes_checked: u64,
    /// The first tick that does not agree.
    pub first_difference: Option<Difference>,
    /// Ticks and hashes that the journal has and the re-run came to.
    pub hashes: Vec<(Tick, StateHash)>,
}

/// Re-runs everything that is stored of a match, from its oldest checkpoint.
pub fn verify(games: &Games, stored: &dyn Reader) -> Result<Verdict, CallError> {
    let header = stored.get(HEADER)?.ok_or(CallError::NotFound)?;
    let header = Header::decode(&header).map_err(CallError::SetAside)?;
    let other_build = |reason: String| CallError::Conflict { code: "other_build", reason };
    let game = games.get(header.request.game.as_str());
    let game = game.ok_or_else(|| other_build("this build does not have the match's game".to_owned()))?;
    if !header.replays_with(&**game) {
        let reason = format!(
            "the journal was written by {}, version {} of the game",
            header.build, header.game_version
        );
        return Err(other_build(reason));
    }
    let checkpoints = read_checkpoints(stored)?;
    let first = checkpoints
        .first()
        .ok_or_else(|| CallError::Invalid("nothing is journaled of this match".to_owned()))?;
    let mut simulation = game
        .restore(header.rules.as_bytes(), &first.world)
        .map_err(|error| CallError::SetAside(error.to_string()))?;
    let mut verdict = Verdict {
        agree: true,
        from_tick: first.tick,
        to_tick: first.tick,
        hashes_checked: 0,
        first_difference: compare(first, simulation.state_hash()),
        hashes: Vec::new(),
    };
    verdict.hashes_checked += 1;
    let mut roster = Roster::new(header.seats);
    first.seats.iter().for_each(|seat| roster.sit(seat.clone(), None));
    let mut later = checkpoints[1..].iter().peekable();
    for record in read_records(stored, first.tick)? {
        if verdict.first_difference.is_some() {
            break;
        }
        verdict.first_difference = rerun_tick(&mut *simulation, &mut roster, &record).err();
        verdict.to_tick = record.tick;
        verdict.hashes_checked += u64::from(record.hash.is_some());
        verdict.hashes.extend(record.state_hash().map(|hash| (record.tick, hash)));
        if let Some(checkpoint) = later.next_if(|checkpoint| checkpoint.tick == record.tick) {
            verdict.hashes_checked += 1;
            let difference = compare(checkpoint, simulation.state_hash());
            verdict.first_difference = verdict.first_difference.or(difference);
        }
    }
    verdict.agree = verdict.first_difference.is_none();
    let listed_from = verdict.hashes.len().saturating_sub(HASHES_LISTED_MAX);
    verdict.hashes.drain(..listed_from);
    Ok(verdict)
}

fn compare(checkpoint: &Checkpoint, got: StateHash) -> Option<Difference> {
    let expected = checkpoint.state_hash();
    (expected != got).then_some(Difference { tick: checkpoint.tick, expected, got })
}

/// Every checkpoint that can be read, oldest first.
fn read_checkpoints(stored: &dyn Reader) -> Result<Vec<Checkpoint>, CallError> {
    let mut checkpoints = Vec::new();
    for key in stored.keys(CHECKPOINTS)? {
        let bytes = stored.get(&key)?.unwrap_or_default();
        checkpoints.push(Checkpoint::decode(&bytes).map_err(CallError::SetAside)?);
    }
    Ok(checkpoints)
}
