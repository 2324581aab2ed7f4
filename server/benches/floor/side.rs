//! Runs one side with its clients, each in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::Fallible;
use crate::measure::Run;
use crate::options::Options;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Side {
    /// The bare loop.
    Floor,
    /// The server.
    Server,
}

impl Side {
    /// Its name, on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Floor => "floor",
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

/// A part of the benchmark; ended when it is dropped.
struct Part {
    child: Child,
    first_line: String,
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
            &format!("--pid={}", subject.child.id()),
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
        match side {
            Side::Floor => Part::start(&["floor", &format!("--frame-bytes={}", self.frame_bytes)]),
            Side::Server => Part::start(&["server", &format!("--data={}", data.display())]),
        }
    }
}

impl Part {
    /// Starts a part and reads its first line: empty if it ended without one.
    fn start(arguments: &[&str]) -> Fallible<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("the part's output is piped")?;
        let mut part = Self { child, first_line: String::new() };
        BufReader::new(output).read_line(&mut part.first_line)?;
        Ok(part)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
