//! `cargo bench --bench floor [-- --matches 100 --seconds 10 --rounds 3 --max]`: what the server costs above
//! the cheapest loop that moves the same frames.
//!
//! Each runs alone on processor 0, one after the other, several times; the same clients run on processor 1. There are two
//! such loops: a bare epoll loop, which is the floor, and the cheapest one, which reads once a phase ([`floor_loop`]).
//! The figure is processor time of the whole process per state a client received. With `--max` also: the
//! most matches each holds on that processor with every client at 59 Hz or more.
//!
//! The clients aim anew in every message: nearly every tick of a match has inputs to step and to journal.
//! Settings of the server in the environment (`TICKSTONE_...`) apply to its side.
//!
//! The benchmark starts itself again for each part ([`options::Role`]). Every part ends with the benchmark.

mod client;
mod created;
mod floor_loop;
mod frames;
mod generator;
mod measure;
mod moves;
mod options;
mod part;
mod report;
mod search;
mod server_run;
mod side;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::options::{Options, Role};
use crate::report::Report;
use crate::side::{Bench, Side};

/// Anything that ends the benchmark.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.role {
        Some(Role::Floor(plan)) => floor_loop::run(&plan),
        Some(Role::Server { data }) => server_run::run(&data),
        Some(Role::Generator(plan)) => generator::run(&plan).and_then(|run| report::line(&run)),
        // `cargo test --benches` only asks whether it starts.
        None if !options.bench => Ok(()),
        None => compare(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Fallible<()> {
    let mut bench = Bench::new(options);
    let mut report = Report::new(options.matches);
    for _ in 0..options.rounds.max(1) {
        for side in [Side::Server, Side::Floor, Side::Batch] {
            let run = bench.run(side, options.matches, options.seconds)?;
            report.add(side, run)?;
        }
    }
    if options.max {
        for side in [Side::Floor, Side::Server] {
            let held = search::most_matches(&mut bench, side, options)?;
            report.hold(side, held);
        }
    }
    report.finish()
}
