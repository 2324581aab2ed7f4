//! `tickstone key`: makes keys. Nothing is stored: what is printed is all there is.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::args::KeyCommand;
use super::run::{EXIT_USAGE, fail};
use crate::access::{admin, signing};

pub(super) fn run_key(command: &KeyCommand) -> ExitCode {
    let made = match command {
        KeyCommand::Admin { name, roles } => admin::generate(name, roles)
            .map(|(key, line)| json!({ "key": key, "admin_keys": [line] }))
            .map_err(|error| error.to_string()),
        KeyCommand::Token { id } => signing::generate(id)
            .map(|line| json!({ "token_keys": [line] }))
            .map_err(|error| error.to_string()),
    };
    match made {
        Ok(made) => match writeln!(std::io::stdout(), "{made:#}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => fail(&problem, EXIT_USAGE),
    }
}
