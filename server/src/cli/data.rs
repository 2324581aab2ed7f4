//! `tickstone backup`, `restore` and `check`: what is done with a data directory. A backup of one that a server
//! uses is made by that server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::args::ServerArgs;
use super::client::{Failure, ask};
use super::run::{EXIT_LOCKED, EXIT_USAGE, fail};
use crate::clock::{Clock as _, SystemClock};
use crate::metrics::Metrics;
use crate::store::archive::{self, ArchiveError, BackupReport, Compaction};
use crate::store::{RedbStore, StoreError, StoreSettings};

/// Which directory.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// The data directory.
    #[arg(long, env = "TICKSTONE_DATA", default_value = "./data")]
    pub(super) data: PathBuf,
}

/// Flags of `backup`.
#[derive(Debug, Args)]
pub(super) struct BackupFlags {
    #[command(flatten)]
    data: DataArgs,
    /// The file to be made [default: `backups/backup-TIME.tickstone` in the data directory]
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Flags of `restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreFlags {
    #[command(flatten)]
    data: DataArgs,
    /// The backup.
    #[arg(long)]
    from: PathBuf,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckFlags {
    #[command(flatten)]
    data: DataArgs,
    /// Check this backup instead.
    #[arg(long)]
    backup: Option<PathBuf>,
    /// Make the file small, if nothing is wrong.
    #[arg(long)]
    compact: bool,
}

pub(super) fn run_backup(flags: &BackupFlags) -> ExitCode {
    let dir = &flags.data.data;
    match make(dir) {
        Ok(report) => match moved(&report, flags.to.as_deref()) {
            Ok(report) => show(&shown(&report)),
            Err(error) => fail(&error, 1),
        },
        Err(ArchiveError::Store(StoreError::Locked { .. })) => match ask_server(flags) {
            Ok(report) => show(&shown(&report)),
            Err(problem) => fail(&problem, 1),
        },
        Err(error) => fail(&error, 1),
    }
}

/// Makes a backup of a directory that no server uses.
fn make(dir: &Path) -> Result<BackupReport, ArchiveError> {
    let file = dir.join("tickstone.redb");
    if !file.exists() {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(ArchiveError::Io { path: file, source });
    }
    let clock = Arc::new(SystemClock::new());
    let path = backup_path(dir, clock.unix_ms());
    let (store, thread) = RedbStore::open(StoreSettings::new(dir), clock, Metrics::new())?;
    let report = store.backup(&path);
    thread.close()?;
    report
}

/// Where a backup is made.
pub(crate) fn backup_path(dir: &Path, unix_ms: u64) -> PathBuf {
    dir.join("backups").join(format!("backup-{unix_ms}.tickstone"))
}

/// A backup as it is told to people and programs.
pub(crate) fn shown(report: &BackupReport) -> Value {
    json!({ "path": report.path, "rows": report.rows, "blake3": report.blake3 })
}

/// Has the server make one, and reads it here: it may be another server that answers.
fn ask_server(flags: &BackupFlags) -> Result<BackupReport, String> {
    let answer = ask(&flags.server, "POST", "/v1/backup", None).map_err(|error| match error {
        Failure::Usage(problem) | Failure::Server(problem) => problem,
    })?;
    let path = answer.get("path").and_then(Value::as_str).unwrap_or_default();
    let name = Path::new(path).file_name().unwrap_or_default();
    let here = flags.data.data.join("backups").join(name);
    let report = archive::inspect(&here).map_err(|error| error.to_string())?;
    if answer.get("blake3").and_then(Value::as_str) != Some(&report.blake3) {
        return Err(format!("the server at {} uses another data directory", flags.server.url));
    }
    moved(&report, flags.to.as_deref()).map_err(|error| error.to_string())
}

/// Puts a backup where it was asked for, which may be another disk, and reads it there.
fn moved(report: &BackupReport, to: Option<&Path>) -> Result<BackupReport, ArchiveError> {
    let Some(to) = to else { return Ok(report.clone()) };
    let io = |source| ArchiveError::Io { path: to.to_owned(), source };
    if to.try_exists().map_err(io)? {
        return Err(ArchiveError::Exists { path: to.to_owned() });
    }
    std::fs::copy(&report.path, to).map_err(io)?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(io)?;
    let copied = archive::inspect(to)?;
    std::fs::remove_file(&report.path).map_err(io)?;
    Ok(copied)
}

pub(super) fn run_restore(flags: &RestoreFlags) -> ExitCode {
    match archive::restore(&flags.from, &flags.data.data) {
        Ok(report) => show(&shown(&report)),
        Err(error @ ArchiveError::Store(StoreError::Locked { .. })) => fail(&error, EXIT_LOCKED),
        Err(error) => fail(&error, 1),
    }
}

pub(super) fn run_check(flags: &CheckFlags) -> ExitCode {
    if let Some(backup) = &flags.backup {
        if flags.compact {
            return fail(&"a backup cannot be made smaller", EXIT_USAGE);
        }
        return match archive::inspect(backup) {
            Ok(report) => show(&shown(&report)),
            Err(error) => fail(&error, 1),
        };
    }
    let compaction = if flags.compact { Compaction::Yes } else { Compaction::No };
    match archive::check(&flags.data.data, compaction) {
        Ok(report) => {
            let told = show(&json!({
                "objects": report.objects,
                "values_and_alarms": report.rows,
                "bytes": report.bytes,
                "problems": report.problems,
                "problems_total": report.problems_total,
                "file_bytes_before": report.file_bytes.0,
                "file_bytes": report.file_bytes.1,
            }));
            if report.problems_total == 0 { told } else { ExitCode::FAILURE }
        }
        Err(error @ StoreError::Locked { .. }) => {
            let hint = format!("{error}; of a running server, check a backup: tickstone check --backup FILE");
            fail(&hint, EXIT_LOCKED)
        }
        Err(error) => fail(&error, 1),
    }
}

fn show(answer: &Value) -> ExitCode {
    let printed = writeln!(std::io::stdout(), "{answer:#}");
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
