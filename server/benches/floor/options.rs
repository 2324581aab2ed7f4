//! What the benchmark can be told, and what it tells its own parts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::side::Side;

/// Compares the server with the floor: processor time per player and tick, on one core.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Matches of 8 players.
    #[arg(long, default_value_t = 100)]
    pub(crate) matches: usize,
    /// Seconds measured in each run.
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Seconds after the last join before the measurement.
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: u64,
    /// Runs of each side, interleaved; the median counts.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Also search the most matches that each side holds at 59 Hz.
    #[arg(long)]
    pub(crate) max: bool,
    /// Seconds measured at each step of that search.
    #[arg(long, default_value_t = 6)]
    pub(crate) probe_seconds: u64,
    /// The search ends here.
    #[arg(long, default_value_t = 500)]
    pub(crate) matches_limit: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    /// One part of the benchmark; it starts these itself.
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// A part of the benchmark, a process of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// The floor, on processor 0.
    Floor(FloorPlan),
    /// Becomes the server, on processor 0.
    Server {
        /// Its data directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// The clients, on processor 1.
    Generator(GeneratorPlan),
}

/// When the floor reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reads {
    /// It is woken by every message, or by several that came at once.
    AsItComes,
    /// It looks at its sockets when it has sent a phase's frames.
    OnceAPhase,
}

/// What the floor is told.
#[derive(Debug, Args)]
pub(crate) struct FloorPlan {
    /// Bytes of its frames: one entry for each match and tick in turn.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) frame_bytes: Vec<usize>,
    /// When it reads.
    #[arg(long, value_enum)]
    pub(crate) reads: Reads,
    /// It ends by itself after so many seconds.
    #[arg(long, default_value_t = 600)]
    pub(crate) lifetime: u64,
}

/// What the clients are told.
#[derive(Debug, Args)]
pub(crate) struct GeneratorPlan {
    /// Whom they talk to.
    #[arg(long)]
    pub(crate) target: SocketAddr,
    /// What it is.
    #[arg(long, value_enum)]
    pub(crate) side: Side,
    /// Its process.
    #[arg(long)]
    pub(crate) pid: u32,
    /// Matches of 8 players.
    #[arg(long)]
    pub(crate) matches: usize,
    /// Seconds after the last join before the measurement.
    #[arg(long)]
    pub(crate) warmup: u64,
    /// Seconds measured.
    #[arg(long)]
    pub(crate) seconds: u64,
}
