//! A process of the benchmark.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Fallible;

/// A part of the benchmark; ended when it is dropped.
pub(crate) struct Part {
    child: Child,
    /// The first line it wrote: empty if it ended without one.
    pub(crate) first_line: String,
}

impl Part {
    /// Starts a part and reads its first line.
    pub(crate) fn start(arguments: &[impl AsRef<OsStr>]) -> Fallible<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("the part's output is piped")?;
        let mut part = Self { child, first_line: String::new() };
        BufReader::new(output).read_line(&mut part.first_line)?;
        Ok(part)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
