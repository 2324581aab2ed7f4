//! Runs one side with its clients, each in a process of its own.

use std::path::Path;

use serde::Deserialize;

use crate::Fallible;
use crate::measure::Run;
use crate::options::Options;
use crate::part::Part;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Side {
    /// The bare epoll loop.
    Floor,
    /// The same, reading once a phase: the cheapest there is.
    Batch,
    /// The server.
    Server,
}

impl Side {
    /// Its name, on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Floor => "floor",
            Side::Batch => "batch",
            Side::Server => "server",
        }
    }
}

/// Sizes of state frames until the server's have been seen.
const FRAME_BYTES_GUESS: &str = "400";

/// Starts sides and clients; remembers the server's frames for the floor.
pub(crate) struct Bench {
    warmup: u64,
    frame_bytes: String,
}

/// What a side says when it listens.
#[derive(Deserialize)]
struct Ready {
    http: std::net::SocketAddr,
}

impl Bench {
    /// Nothing runs yet.
    pub(crate) fn new(options: &Options) -> Self {
        Self { warmup: options.warmup, frame_bytes: FRAME_BYTES_GUESS.to_owned() }
    }

    /// One run of one side.
    pub(crate) fn run(&mut self, side: Side, matches: usize, seconds: u64) -> Fallible<Run> {
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let subject = self.start(side, data.path())?;
        let ready: Ready = serde_json::from_str(&subject.first_line).map_err(|error| {
            format!("{}: it is not ready: {error}: {:?}", side.name(), subject.first_line)
        })?;
        let clients = Part::start(&[
            "generator",
            &format!("--target={}", ready.http),
            &format!("--side={}", side.name()),
            &format!("--pid={}", subject.pid()),
            &format!("--matches={matches}"),
            &format!("--warmup={}", self.warmup),
            &format!("--seconds={seconds}"),
        ])?;
        let run: Run = serde_json::from_str(&clients.first_line)
            .map_err(|error| format!("the clients did not finish: {error}: {:?}", clients.first_line))?;
        if side == Side::Server {
            let sizes: Vec<String> = run.frame_bytes.iter().map(ToString::to_string).collect();
            self.frame_bytes = sizes.join(",");
        }
        Ok(run)
    }

    fn start(&self, side: Side, data: &Path) -> Fallible<Part> {
        let frame_bytes = format!("--frame-bytes={}", self.frame_bytes);
        match side {
            Side::Floor => Part::start(&["floor", "--reads=as-it-comes", &frame_bytes]),
            Side::Batch => Part::start(&["floor", "--reads=once-a-phase", &frame_bytes]),
            Side::Server => Part::start(&["server", &format!("--data={}", data.display())]),
        }
    }
}
