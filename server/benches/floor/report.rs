//! What is printed: each run as it ends, a table, and one line of JSON.

use std::io::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::Fallible;
use crate::measure::Run;
use crate::search::Held;
use crate::side::Side;

/// Prints a value as one line of JSON.
pub(crate) fn line<T: Serialize>(value: &T) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Prints one run.
pub(crate) fn progress(side: Side, run: &Run) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<6} {:>4} matches  {:>6.2} us/player-tick  core {:>3.0}%  tick_hz min {:>5.2}  \
         clients {:>3.0}%{}  {:.0} B/state  {:.1} MB{}",
        side.name(),
        run.matches,
        run.cpu_us_per_player_tick,
        run.cpu_seconds / run.seconds * 100.0,
        run.tick_hz_min,
        run.generator_cpu_fraction * 100.0,
        if run.generator_bound { " generator_bound" } else { "" },
        run.frame_bytes_mean,
        run.rss_bytes as f64 / 1e6,
        if run.disconnects > 0 { format!("  {} disconnects", run.disconnects) } else { String::new() },
    )?;
    Ok(out.flush()?)
}

/// Everything there is to say in the end.
pub(crate) struct Report {
    matches: usize,
    server: Vec<Run>,
    floor: Vec<Run>,
    batch: Vec<Run>,
    held: [Option<Held>; 3],
}

impl Report {
    /// Nothing yet.
    pub(crate) fn new(matches: usize) -> Self {
        Self { matches, server: Vec::new(), floor: Vec::new(), batch: Vec::new(), held: [None, None, None] }
    }

    /// A run has ended.
    pub(crate) fn add(&mut self, side: Side, run: Run) -> Fallible<()> {
        progress(side, &run)?;
        match side {
            Side::Floor => self.floor.push(run),
            Side::Batch => self.batch.push(run),
            Side::Server => self.server.push(run),
        }
        Ok(())
    }

    /// A search has ended.
    pub(crate) fn hold(&mut self, side: Side, held: Held) {
        self.held[side as usize] = Some(held);
    }

    /// Prints the table and the line.
    pub(crate) fn finish(&self) -> Fallible<()> {
        let sides = [(Side::Batch, &self.batch), (Side::Floor, &self.floor), (Side::Server, &self.server)];
        let cost = |run: &Run| run.cpu_us_per_player_tick;
        let ratio_to = |runs: &[Run]| median(&self.server, cost) / median(runs, cost);
        let (ratio, ratio_to_batch) = (ratio_to(&self.floor), ratio_to(&self.batch));
        let held = |side: Side| self.held[side as usize].as_ref();
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "\n{} matches of 8 players, one core, medians of {}:",
            self.matches,
            self.server.len()
        )?;
        writeln!(out, "side    us/player-tick   core  tick_hz min  clients  state bytes  most matches")?;
        for (side, runs) in sides {
            let most = held(side).map_or("-".to_owned(), |held| {
                format!("{}{}", if held.at_least { ">=" } else { "" }, held.matches)
            });
            writeln!(
                out,
                "{:<6}  {:>14.2}  {:>4.0}%  {:>11.2}  {:>6.0}%  {:>11.0}  {most:>12}",
                side.name(),
                median(runs, cost),
                median(runs, |run| run.cpu_seconds / run.seconds * 100.0),
                runs.iter().map(|run| run.tick_hz_min).fold(f64::INFINITY, f64::min),
                median(runs, |run| run.generator_cpu_fraction * 100.0),
                median(runs, |run| run.frame_bytes_mean),
            )?;
        }
        writeln!(out, "ratio   {ratio:>14.2}  ({ratio_to_batch:.2} to the batch)")?;
        drop(out);
        let bound = sides.iter().flat_map(|(_, runs)| runs.iter()).any(|run| run.generator_bound);
        line(&json!({
            "bench": "floor",
            "matches": self.matches,
            "ratio": ratio,
            "ratio_to_batch": ratio_to_batch,
            "generator_bound": bound,
            "most_matches": { "floor": held(Side::Floor), "server": held(Side::Server) },
            "cpu_us_per_player_tick": {
                "batch": median(&self.batch, cost),
                "floor": median(&self.floor, cost),
                "server": median(&self.server, cost),
            },
            "batch": without_sizes(&self.batch),
            "floor": without_sizes(&self.floor),
            "server": without_sizes(&self.server),
        }))
    }
}

fn without_sizes(runs: &[Run]) -> Vec<Run> {
    runs.iter().map(|run| Run { frame_bytes: Vec::new(), ..run.clone() }).collect()
}

fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
