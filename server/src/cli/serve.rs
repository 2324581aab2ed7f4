//! `tickstone serve`: configuration, logs, signals around a [`crate::app::Server`].

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::run::{EXIT_LOCKED, EXIT_USAGE, fail};
use crate::app::{App, AppError, Drained, Server};
use crate::config::{Config, ConfigError, RawConfig};
use crate::store::{ClassReport, StoreError};

/// The server stopped before everything was durable.
const EXIT_NOT_DURABLE: u8 = 75;

/// Flags of `serve`. Each lies over its environment variable, which lies over the file.
#[derive(Debug, Default, Args)]
pub(super) struct Flags {
    /// A TOML file of settings.
    #[arg(long, env = "TICKSTONE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The data directory [default: ./data]
    #[arg(long)]
    pub(super) data: Option<PathBuf>,
    /// The TCP address of the HTTP API and the WebSocket; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long)]
    pub(super) listen: Option<SocketAddr>,
    /// The UDP address of QUIC, or off; port 0 takes a free one [default: 127.0.0.1:8443 in dev mode, else off]
    #[arg(long)]
    pub(super) quic: Option<String>,
    /// Threads for matches.
    #[arg(long)]
    pub(super) workers: Option<usize>,
    /// Says what would be done to what is stored (renamed and deleted classes), does nothing and ends.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// A migration may delete this class and everything of it.
    #[arg(long, value_name = "CLASS")]
    pub(super) confirm_delete: Vec<String>,
    /// Anonymous joins and match creation without a key, on loopback only.
    #[arg(long)]
    pub(super) dev: bool,
}

/// Signals this soon after the first are the first: `timeout` and some supervisors send one twice.
const SIGNAL_ECHO: Duration = Duration::from_millis(100);

pub(super) fn serve(app: App, flags: Flags) -> ExitCode {
    let dry_run = flags.dry_run;
    let app = flags.confirm_delete.iter().fold(app, |app, class| app.confirm_delete(class));
    let config = match configure(flags) {
        Ok(config) => config,
        Err(error) => return fail(&error, EXIT_USAGE),
    };
    log(&config);
    if dry_run {
        return match app.dry_run(&config) {
            Ok(report) => show(&report),
            Err(error) => fail(&error, 1),
        };
    }
    match app.start(&config).and_then(run_until_signalled) {
        Ok(Drained::Durable) => ExitCode::SUCCESS,
        Ok(Drained::NotDurable) => ExitCode::from(EXIT_NOT_DURABLE),
        Err(error @ AppError::Store(StoreError::Locked { .. })) => fail(&error, EXIT_LOCKED),
        Err(error) => fail(&error, 1),
    }
}

fn show(report: &ClassReport) -> ExitCode {
    let due = report.due.iter().map(
        |(migration, objects)| serde_json::json!({ "migration": migration.to_string(), "objects": objects }),
    );
    let stored = report.stored.iter().map(|(class, (objects, version))| {
        serde_json::json!({ "class": class, "objects": objects, "version": version })
    });
    let shown = serde_json::json!({
        "would_apply": due.collect::<Vec<_>>(),
        "stored_then": stored.collect::<Vec<_>>(),
    });
    let printed = writeln!(std::io::stdout(), "{shown:#}");
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn configure(flags: Flags) -> Result<Config, ConfigError> {
    let file = flags.config.as_deref().map(RawConfig::from_file).transpose()?.unwrap_or_default();
    let environment = RawConfig::from_environment(|name| std::env::var(name).ok())?;
    let typed = RawConfig {
        data: flags.data,
        listen: flags.listen,
        quic: flags.quic,
        dev: flags.dev.then_some(true),
        workers: flags.workers,
        ..RawConfig::default()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    file.with(environment).with(typed).check(processors)
}

fn log(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let discreet = filter_fn(|event| *event.level() <= Level::INFO || !carries_secrets(event.target()));
    // A second server in one process keeps the first one's logger.
    let _already = if config.log_json {
        logs.json().finish().with(discreet).try_init()
    } else {
        logs.finish().with(discreet).try_init()
    };
}

/// Libraries that would log what clients send, tokens and keys included, where they are asked for more than
/// `info`.
const CARRIERS: [&str; 8] =
    ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util", "axum", "quinn", "quinn_proto", "rustls"];

fn carries_secrets(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or_default();
    CARRIERS.contains(&krate)
}

fn run_until_signalled(server: Server) -> Result<Drained, AppError> {
    let signals = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = signals.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    server.announce()?;
    signals.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    std::thread::Builder::new().name("second-signal".to_owned()).spawn(move || {
        signals.block_on(async {
            let echoes = tokio::time::sleep(SIGNAL_ECHO);
            tokio::pin!(echoes);
            loop {
                tokio::select! {
                    () = &mut echoes => break,
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        tracing::warn!("a second signal: stopping at once");
        std::process::exit(1);
    })?;
    Ok(server.drain())
}
