//! Scripts of `tests/web` in Node.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tickstone_tests::binaries;

/// A script waits for nothing longer than a minute; this is for all of them.
const PLAY_MAX: Duration = Duration::from_secs(300);

/// A script, ended with the test.
pub(crate) struct Script {
    node: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Script {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = binaries::root().join("tests/web");
        assert!(folder.join("node_modules").is_dir(), "no packages of npm: run .ci/setup first");
        let mut command = Command::new("node");
        command.arg(name).args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = command.spawn().expect("node is there: .ci/setup installs it");
        let (stdin, stdout) = (node.stdin.take().unwrap(), node.stdout.take().unwrap());
        let (sender, lines) = channel();
        // The thread ends with the script, which closes the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { node, stdin, lines }
    }

    /// The next thing it says. A script that has failed says nothing more, and why on stderr.
    #[track_caller]
    pub(crate) fn expect_line(&mut self, line: &str) {
        let said = self.lines.recv_timeout(PLAY_MAX);
        assert_eq!(said.as_deref(), Ok(line), "the script failed or is stuck; its words are above");
    }

    pub(crate) fn go_on(&mut self) {
        writeln!(self.stdin, "go on").expect("it still runs");
    }

    /// It has said everything: its exit status.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.node.wait().expect("it is ours")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Over already, or stuck.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
