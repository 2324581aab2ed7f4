//! Which command was typed, and how a command fails.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use super::args::{Cli, Command};
use super::{client, data, keys, serve};
use crate::app::App;

/// Arguments or configuration are wrong.
pub(super) const EXIT_USAGE: u8 = 2;
/// The data directory belongs to another server.
pub(super) const EXIT_LOCKED: u8 = 73;

/// Runs the command line of this process.
pub(crate) fn run(app: App) -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => serve::serve(app, serve::Flags { dev: true, ..Default::default() }),
        Some(Command::Serve(flags)) => serve::serve(app, flags),
        Some(Command::Backup(flags)) => data::run_backup(&flags),
        Some(Command::Restore(flags)) => data::run_restore(&flags),
        Some(Command::Check(flags)) => data::run_check(&flags),
        Some(Command::Match(command)) => client::run_match(command),
        Some(Command::Object(command)) => client::run_object(command),
        Some(Command::Class(command)) => client::run_class(command),
        Some(Command::Token(command)) => client::run_token(command),
        Some(Command::Key(command)) => keys::run_key(&command),
        Some(Command::Healthcheck(server)) => client::healthcheck(&server),
    }
}

/// Says on stderr why the command fails.
pub(super) fn fail(problem: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // A closed stderr leaves nobody to tell.
    let _told = writeln!(std::io::stderr(), "tickstone: {problem}");
    ExitCode::from(code)
}
