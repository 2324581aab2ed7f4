//! Runs one side with its clients, each in a process of its own.

use std::path::Path;

use serde::Deserialize;

use crate::measure::Run;
use crate::part::Part;
use crate::{Fallible, Options, Side};

/// Sizes of datagrams until the server's have been seen.
const DATAGRAM_BYTES_GUESS: &str = "400";

/// Starts sides and clients; remembers the server's datagrams for the library alone.
pub(crate) struct Bench {
    matches: usize,
    warmup: u64,
    seconds: u64,
    datagram_bytes: String,
}

/// What a side says when it listens.
#[derive(Deserialize)]
struct Ready {
    http: Option<String>,
    quic: String,
    quic_certificate_sha256: String,
}

impl Bench {
    /// Nothing runs yet.
    pub(crate) fn new(options: &Options) -> Self {
        let &Options { matches, warmup, seconds, .. } = options;
        Self { matches, warmup, seconds, datagram_bytes: DATAGRAM_BYTES_GUESS.to_owned() }
    }

    /// One run of one side.
    pub(crate) fn run(&mut self, side: Side) -> Fallible<Run> {
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let subject = self.start(side, data.path())?;
        let ready: Ready = serde_json::from_str(&subject.first_line)
            .map_err(|error| format!("{side:?} is not ready: {error}: {:?}", subject.first_line))?;
        let mut arguments = vec![
            "clients".to_owned(),
            format!("--quic={}", ready.quic),
            format!("--pin={}", ready.quic_certificate_sha256),
            format!("--pid={}", subject.pid()),
            format!("--matches={}", self.matches),
            format!("--warmup={}", self.warmup),
            format!("--seconds={}", self.seconds),
        ];
        arguments.extend(ready.http.map(|http| format!("--http={http}")));
        let clients = Part::start(&arguments)?;
        let run: Run = serde_json::from_str(&clients.first_line)
            .map_err(|error| format!("the clients did not finish: {error}: {:?}", clients.first_line))?;
        if side == Side::Server {
            let sizes: Vec<String> = run.frame_bytes.iter().map(ToString::to_string).collect();
            self.datagram_bytes = sizes.join(",");
        }
        Ok(run)
    }

    fn start(&self, side: Side, data: &Path) -> Fallible<Part> {
        match side {
            Side::Bare => {
                Part::start(&["bare".to_owned(), format!("--datagram-bytes={}", self.datagram_bytes)])
            }
            Side::Server => Part::start(&["server".to_owned(), format!("--data={}", data.display())]),
        }
    }
}
