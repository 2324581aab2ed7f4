//! The real server as a child process, with a directory for its data.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tickstone_shared::net::socket::Address;
use tickstone_shared::net::trust::Trust;

use crate::binaries;
use crate::http::Http;
use crate::wait;

/// How long a start may take: the matches of the last run are brought back first.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a drain may take (10 s), and a little.
const END_PATIENCE: Duration = Duration::from_secs(15);
/// How much of its log a failed test shows.
const LOG_BYTES_SHOWN: usize = 16 * 1024;

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// Its arguments beside the data directory and the address.
    pub arguments: Vec<String>,
    /// What is added to its environment, which is otherwise free of `TICKSTONE_`.
    pub environment: Vec<(&'static str, String)>,
    /// Where it listens.
    pub listen: String,
    /// Where it speaks QUIC; unless told, a dev server takes a free port.
    pub quic: Option<String>,
    /// Its data.
    pub data: PathBuf,
    scratch: Arc<TempDir>,
}

impl Plan {
    /// A dev server on a free port with a directory of its own.
    pub fn dev() -> Self {
        let scratch = Arc::new(tempfile::tempdir().expect("there is room for temporary files"));
        Self {
            program: binaries::tickstone(),
            arguments: vec!["--dev".to_owned()],
            environment: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
            quic: None,
            data: scratch.path().join("data"),
            scratch,
        }
    }

    /// With a variable more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// On a port that stays the same when the server is started again. It lies below those that the system
    /// gives to clients: otherwise a client that tries a dead server's port may connect to itself.
    #[must_use]
    pub fn on_fixed_port(mut self) -> Self {
        static PLANS: AtomicU16 = AtomicU16::new(0);
        // Tests that run at once begin their search apart: what is free now is somebody's server later.
        let apart = PLANS.fetch_add(1, Ordering::Relaxed) % 100 * 20;
        let first = 12_000 + (std::process::id() % 10_000) as u16 + apart;
        let free = (first..first + 5_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let port = free.expect("one of 5,000 ports is free");
        self.listen = format!("127.0.0.1:{port}");
        // Outside dev mode QUIC needs a certificate.
        let is_dev = self.arguments.iter().any(|argument| argument == "--dev");
        self.quic = is_dev.then(|| self.listen.clone());
        self
    }

    /// The command, not started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("serve").args(&self.arguments).args(["--listen", &self.listen]);
        if let Some(quic) = &self.quic {
            command.args(["--quic", quic]);
        }
        command.arg("--data").arg(&self.data);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TICKSTONE_")) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and waits until it serves.
    #[track_caller]
    pub fn start(&self) -> Server {
        let log = self.scratch.path().join("log");
        let stderr = File::options().create(true).append(true).open(&log).expect("a log can be written");
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("the server starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut server = Server { plan: self.clone(), child, log, ready: Value::Null, ended: None };
        server.ready = server.wait_ready(stdout);
        server
    }

    /// Starts one that must refuse to serve: its exit status and what it said.
    #[track_caller]
    pub fn refused(&self) -> (Option<i32>, String) {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let status = wait::poll(START_PATIENCE, || child.try_wait().expect("it can be waited for"));
        if status.is_none() {
            child.kill().expect("it is ours");
        }
        let mut said = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
        let status = status.unwrap_or_else(|| panic!("it serves although it should refuse: {said}"));
        (status.code(), said)
    }
}

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    /// How it was started.
    pub plan: Plan,
    /// The line it printed when it was ready.
    pub ready: Value,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Server {
    /// A dev server with nothing else said.
    #[track_caller]
    pub fn dev() -> Self {
        Plan::dev().start()
    }

    fn wait_ready(&mut self, stdout: std::process::ChildStdout) -> Value {
        let (sender, receiver) = std::sync::mpsc::channel();
        // The thread ends with the child, which closes the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let line = receiver.recv_timeout(START_PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("no ready line; its log:\n{}", self.log_text()));
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        assert_eq!(ready["event"], "ready", "{line}");
        ready
    }

    /// Where it serves.
    pub fn addr(&self) -> SocketAddr {
        self.ready["http"].as_str().expect("ready names it").parse().expect("it is an address")
    }

    /// `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Its HTTP API.
    pub fn http(&self) -> Http {
        Http::new(&self.url())
    }

    /// Where it speaks QUIC, and by what it is known there.
    #[track_caller]
    pub fn quic_address(&self) -> Address {
        let url = format!("quic://{}", self.ready["quic"].as_str().expect("it speaks QUIC"));
        let pin = self.ready["quic_certificate_sha256"].as_str().expect("its certificate is its own");
        Address::Quic { url, trust: Trust::pin(pin).expect("it is a hash") }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) -> Plan {
        self.child.kill().expect("it is ours");
        let status = self.wait_end("SIGKILL");
        assert_eq!(status.signal(), Some(9), "it ended before it was killed");
        self.plan.clone()
    }

    /// SIGKILL, without waiting: [`Server::kill`] then finds it gone, or going.
    pub fn strike(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::KILL).expect("it is ours");
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it is ours");
    }

    /// SIGTERM, and waits until it is gone: its exit status.
    pub fn drain(mut self) -> (Option<i32>, Plan) {
        self.terminate();
        let status = self.wait_end("SIGTERM");
        (status.code(), self.plan.clone())
    }

    /// Waits until it is gone, for whatever reason.
    #[track_caller]
    pub fn wait_end(&mut self, why: &str) -> ExitStatus {
        let child = &mut self.child;
        let status = wait::poll(END_PATIENCE, || child.try_wait().expect("it can be waited for"));
        let status = status.unwrap_or_else(|| panic!("it still runs {END_PATIENCE:?} after {why}"));
        self.ended = Some(status);
        status
    }

    /// Everything it has logged, over all starts.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.plan.data
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Gone already, or about to be.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log_text();
            let from = log.len().saturating_sub(LOG_BYTES_SHOWN);
            let shown = log.get(log.ceil_char_boundary(from)..).unwrap_or_default();
            #[expect(clippy::print_stderr, reason = "this is what a failed test shows")]
            {
                eprintln!("--- log of the server at {} ---\n{shown}", self.ready["http"]);
            }
        }
    }
}
