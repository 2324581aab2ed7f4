//! `cargo bench --bench quic [-- --matches 50 --seconds 10 --rounds 3]`: what the server costs over QUIC above the
//! library alone, sending and receiving the same datagrams.
//!
//! Both run on processor 0, one after the other, several times; the same clients run on processor 1. The figure is
//! processor time of the whole process per state a client received. The library alone has the server's buffers,
//! windows and congestion control, one thread, and no protocol: it sends each connection a datagram of the size
//! that the server's had, 60 times a second, and throws away what comes.
//!
//! The benchmark starts itself again for each part ([`Role`]). Every part ends with the benchmark.

mod bare;
mod clients;
#[path = "../floor/created.rs"]
mod created;
#[path = "../floor/measure.rs"]
mod measure;
#[path = "../floor/moves.rs"]
mod moves;
#[path = "../floor/part.rs"]
mod part;
mod report;
mod runs;

use std::error::Error;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::measure::{SUBJECT_CORE, prepare_part};

use crate::report::Report;
use crate::runs::Bench;

/// Anything that ends the benchmark.
type Fallible<T> = Result<T, Box<dyn Error>>;

/// Compares the server over QUIC with the library alone: processor time per player and tick, on one core.
#[derive(Debug, Parser)]
struct Options {
    /// Matches of 8 players.
    #[arg(long, default_value_t = 50)]
    matches: usize,
    /// Seconds measured in each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds after the last join before the measurement.
    #[arg(long, default_value_t = 3)]
    warmup: u64,
    /// Runs of each side, interleaved; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// One part of the benchmark; it starts these itself.
    #[command(subcommand)]
    role: Option<Role>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The library alone.
    Bare,
    /// The server.
    Server,
}

/// A part of the benchmark, a process of its own.
#[derive(Debug, Subcommand)]
enum Role {
    /// The library alone, on processor 0.
    Bare {
        /// Bytes of its datagrams, one entry for each connection and tick in turn.
        #[arg(long, value_delimiter = ',', required = true)]
        datagram_bytes: Vec<usize>,
    },
    /// Becomes the server, on processor 0.
    Server {
        /// Its data directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// The clients, on processor 1.
    Clients(ClientsPlan),
}

/// What the clients are told.
#[derive(Debug, Clone, Args)]
struct ClientsPlan {
    /// Whom they talk to.
    #[arg(long)]
    quic: String,
    /// By what it is known.
    #[arg(long)]
    pin: String,
    /// Where matches are created; the library alone has none.
    #[arg(long)]
    http: Option<String>,
    /// Its process.
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    matches: usize,
    #[arg(long)]
    warmup: u64,
    #[arg(long)]
    seconds: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.role {
        Some(Role::Bare { datagram_bytes }) => bare::run(datagram_bytes),
        Some(Role::Server { data }) => become_server(data),
        Some(Role::Clients(plan)) => clients::run(plan).and_then(|run| report::line(&run)),
        // `cargo test --benches` only asks whether it starts.
        None if !options.bench => Ok(()),
        None => compare(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "quic: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Fallible<()> {
    let mut bench = Bench::new(options);
    let mut report = Report::default();
    for _ in 0..options.rounds.max(1) {
        for side in [Side::Server, Side::Bare] {
            report.add(side, bench.run(side)?)?;
        }
    }
    report.finish()
}

/// Never returns, unless it fails: pins itself and becomes the server, which inherits that.
fn become_server(data: &Path) -> Fallible<()> {
    prepare_part(SUBJECT_CORE)?;
    let error = Command::new(env!("CARGO_BIN_EXE_tickstone"))
        .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--quic", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("TICKSTONE_LOG", "error")
        .exec();
    Err(error.into())
}
