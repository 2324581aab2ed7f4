//! The command line of the load generator: exit status 0, 1 where a condition is broken or the run failed, 2
//! for arguments that cannot be used.

use clap::Parser as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tickstone_loadtest::args::{Command, CommandLine, RunArguments, RunOptions};
use tickstone_loadtest::chat::{self, ChatArguments};
use tickstone_loadtest::idle::{self, IdleArguments};
use tickstone_loadtest::page::page;
use tickstone_loadtest::report::Report;
use tickstone_loadtest::run;
use tickstone_loadtest::slo::Slo;

const FAILED: u8 = 1;
const BAD_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Run(arguments) => run_and_report(*arguments),
        Command::Idle(arguments) => idle_and_report(*arguments),
        Command::Chat(arguments) => chat_and_report(*arguments),
    }
}

fn chat_and_report(arguments: ChatArguments) -> ExitCode {
    let options = match arguments.checked() {
        Ok(options) => options,
        Err(error) => return failed(BAD_ARGUMENTS, &error),
    };
    let outcome = match chat::run(&options) {
        Ok(Some(outcome)) => outcome,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return failed(FAILED, &error),
    };
    let write = |path: Option<&Path>, text: String| path.map_or(Ok(()), |path| std::fs::write(path, text));
    let written = write(options.json(), format!("{:#}\n", outcome.json))
        .and_then(|()| write(options.html(), outcome.page(options.slo())))
        .and_then(|()| write!(std::io::stdout().lock(), "{}", outcome.text));
    if let Err(error) = written {
        return failed(FAILED, &error);
    }
    judge(options.slo(), &outcome.json)
}

fn idle_and_report(arguments: IdleArguments) -> ExitCode {
    let options = match arguments.checked() {
        Ok(options) => options,
        Err(error) => return failed(BAD_ARGUMENTS, &error),
    };
    let report = match idle::run(&options) {
        Ok(report) => report,
        Err(error) => return failed(FAILED, &error),
    };
    let json = report.to_json();
    let shown =
        options.flags.json.as_ref().map_or(Ok(()), |path| std::fs::write(path, format!("{json:#}\n")));
    if let Err(error) = shown.and_then(|()| write!(std::io::stdout().lock(), "{report}")) {
        return failed(FAILED, &error);
    }
    judge(&options.slo, &json)
}

fn run_and_report(arguments: RunArguments) -> ExitCode {
    let options = match arguments.checked() {
        Ok(options) => options,
        Err(error) => return failed(BAD_ARGUMENTS, &error),
    };
    let report = match run::run(&options) {
        Ok(report) => report,
        Err(error) => return failed(FAILED, &error),
    };
    if let Err(error) = show(&report, &options) {
        return failed(FAILED, &error);
    }
    judge(&options.slo, &report.to_json())
}

/// Says which conditions are broken.
fn judge(slo: &[Slo], json: &serde_json::Value) -> ExitCode {
    let broken: Vec<_> = slo.iter().filter_map(|slo| slo.check(json).err()).collect();
    broken.iter().for_each(|broken| complain(broken));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn show(report: &Report, options: &RunOptions) -> std::io::Result<()> {
    if let Some(path) = &options.html {
        std::fs::write(path, page(report, &options.slo))?;
    }
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.to_json()))?;
    }
    write!(std::io::stdout().lock(), "{report}")
}

fn failed(status: u8, error: &dyn std::fmt::Display) -> ExitCode {
    complain(error);
    ExitCode::from(status)
}

fn complain(what: &dyn std::fmt::Display) {
    // Where stderr is gone there is nobody to complain to.
    let _ = writeln!(std::io::stderr().lock(), "loadtest: {what}");
}
