//! What is printed: each run as it ends, a table, and one line of JSON.

use std::io::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::measure::Run;
use crate::{Fallible, Side};

/// Prints a value as one line of JSON.
pub(crate) fn line<T: Serialize>(value: &T) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Everything there is to say in the end.
#[derive(Default)]
pub(crate) struct Report {
    server: Vec<Run>,
    bare: Vec<Run>,
}

impl Report {
    /// A run has ended.
    pub(crate) fn add(&mut self, side: Side, run: Run) -> Fallible<()> {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{:<6} {:>4} matches  {:>6.2} us/player-tick  core {:>3.0}%  tick_hz min {:>5.2}  clients {:>3.0}%{}  \
             {:.0} B/datagram  inputs {:.1}/s of {} B  {} disconnects",
            format!("{side:?}").to_lowercase(),
            run.matches,
            run.cpu_us_per_player_tick,
            run.cpu_seconds / run.seconds * 100.0,
            run.tick_hz_min,
            run.generator_cpu_fraction * 100.0,
            if run.generator_bound { " generator_bound" } else { "" },
            run.frame_bytes_mean,
            run.inputs_per_player_s,
            run.input_frame_bytes,
            run.disconnects,
        )?;
        out.flush()?;
        match side {
            Side::Server => self.server.push(run),
            Side::Bare => self.bare.push(run),
        }
        Ok(())
    }

    /// Prints the figures and the line.
    pub(crate) fn finish(&self) -> Fallible<()> {
        let [server, bare] = [&self.server, &self.bare].map(|runs| median(runs));
        let ratio = server / bare;
        writeln!(
            std::io::stdout(),
            "\nmedians of {}: server {server:.2}, quinn alone {bare:.2} us/player-tick, ratio {ratio:.2}",
            self.server.len()
        )?;
        let bound = self.server.iter().chain(&self.bare).any(|run| run.generator_bound);
        line(&json!({
            "bench": "quic",
            "ratio": ratio,
            "generator_bound": bound,
            "cpu_us_per_player_tick": { "server": server, "bare": bare },
            "server": without_sizes(&self.server),
            "bare": without_sizes(&self.bare),
        }))
    }
}

fn without_sizes(runs: &[Run]) -> Vec<Run> {
    runs.iter().map(|run| Run { frame_bytes: Vec::new(), ..run.clone() }).collect()
}

fn median(runs: &[Run]) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(|run| run.cpu_us_per_player_tick).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
