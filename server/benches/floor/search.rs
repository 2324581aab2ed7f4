//! The most matches one side holds with every client at 59 Hz.

use serde::Serialize;

use crate::Fallible;
use crate::measure::Run;
use crate::options::Options;
use crate::report;
use crate::side::{Bench, Side};

/// What every client must get.
const HELD_HZ: f64 = 59.0;
/// Steps on the way up, and around the place that was found.
const STEP: usize = 25;
const FINE_STEP: usize = 10;
/// A probe that fails is made again: the machine may have been busy with something else.
const TRIES: usize = 2;

/// What a search came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Held {
    /// The most matches held; 0: not even the fewest tried.
    pub(crate) matches: usize,
    /// The search was ended by the clients or its limit, not by the subject: it may hold more.
    pub(crate) at_least: bool,
}

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Holds,
    Fails,
    GeneratorBound,
}

/// Searches upward from the compared number of matches, downward if even that is too much.
pub(crate) fn most_matches(bench: &mut Bench, side: Side, options: &Options) -> Fallible<Held> {
    let mut held = 0;
    let mut next = options.matches;
    while held == 0 && next > 0 {
        match probe(bench, side, next, options)? {
            Probe::Holds => held = next,
            Probe::Fails | Probe::GeneratorBound => next = next.saturating_sub(STEP),
        }
    }
    for step in [STEP, FINE_STEP] {
        if held == 0 {
            break;
        }
        // Above the last step of the first search nothing is held.
        let limit = if step == STEP { options.matches_limit } else { held + STEP - 1 };
        while held + step <= limit {
            match probe(bench, side, held + step, options)? {
                Probe::Holds => held += step,
                Probe::Fails => break,
                Probe::GeneratorBound => return Ok(Held { matches: held, at_least: true }),
            }
        }
        if held + STEP > options.matches_limit {
            return Ok(Held { matches: held, at_least: true });
        }
    }
    Ok(Held { matches: held, at_least: false })
}

fn probe(bench: &mut Bench, side: Side, matches: usize, options: &Options) -> Fallible<Probe> {
    let mut found = Probe::Fails;
    for _ in 0..TRIES {
        let run = bench.run(side, matches, options.probe_seconds)?;
        report::progress(side, &run)?;
        found = verdict(&run);
        if found == Probe::Holds {
            break;
        }
    }
    Ok(found)
}

fn verdict(run: &Run) -> Probe {
    if run.tick_hz_min >= HELD_HZ && run.disconnects == 0 {
        Probe::Holds
    } else if run.generator_bound {
        Probe::GeneratorBound
    } else {
        Probe::Fails
    }
}
