//! The server's side: pins itself to processor 0 and becomes the server, which inherits that.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::Fallible;
use crate::measure::{SUBJECT_CORE, prepare_part};

/// Never returns, unless it fails.
pub(crate) fn run(data: &Path) -> Fallible<()> {
    prepare_part(SUBJECT_CORE)?;
    let error = Command::new(env!("CARGO_BIN_EXE_tickstone"))
        .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("TICKSTONE_LOG", "error")
        .exec();
    Err(error.into())
}
