//! Builds the floors bottom-up, serves, and stops them top-down.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::game::Game;
use tickstone_shared::sim::registered::register;

use crate::classes::bundled::bundled;
use crate::classes::matches::audit::verify;
use crate::classes::matches::class::{Entropy, Games, MatchClass, MatchSettings, Shelf};
use crate::classes::matches::input_buffer::InputCounters;
use crate::cli;
use crate::clock::{Clock, ClockRef, SystemClock};
use crate::config::Config;
use crate::gateway::{self, Api, ClassEntry, Gateway, Readiness, Served};
use crate::metrics::{Metrics, MetricsRef};
use crate::object::contract::ClassRef;
use crate::object::id::Identity;
use crate::object::simple::{Simple, SimpleClass};
use crate::object::storage::ReadError;
use crate::runtime::handle::ObjectsRef;
use crate::runtime::job_threads::JobThreads;
use crate::runtime::pool::{Edges, Shared};
use crate::runtime::ports::{Store, StoreHealth};
use crate::runtime::threads::Threads;
use crate::store::{
    self, ClassMigration, ClassPlan, ClassReport, CommitThread, RedbStore, StoreError, StoreSettings,
};

use parts::{gateway_settings, runtime_settings};
mod assets;
mod parts;

/// How long a drain waits for everything to become durable, and then for clients to be told.
const DRAIN_BUDGET: Duration = Duration::from_secs(10);
/// How long a start waits for the matches of the last run before it says it is ready.
const RECOVERY_BUDGET: Duration = Duration::from_secs(30);
/// Between two looks at something that takes a while.
const LOOK: Duration = Duration::from_millis(2);

/// A server and its games: `App::new().game::<Pong>().run()`.
#[derive(Default)]
pub struct App {
    games: Games,
    assets: Assets,
    migrations: Vec<ClassMigration>,
    confirmed: BTreeSet<String>,
    /// Beside that of matches.
    more_classes: Vec<ClassRef>,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored.
    #[error("the stored objects cannot be listed: {0}")]
    Stored(#[from] ReadError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] gateway::GatewayError),
    /// A data file.
    #[error("assets {path}: {problem}")]
    Assets {
        /// The file or directory.
        path: String,
        /// Why.
        problem: String,
    },
    /// The system gives no threads or signals.
    #[error("the system refuses what a server needs: {0}")]
    System(#[from] io::Error),
}

impl App {
    /// A server without games.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a game. A second one of the same name replaces the first.
    #[must_use]
    pub fn game<G: Game>(mut self) -> Self {
        self.games.insert(G::NAME, register::<G>());
        self
    }

    /// Adds the classes that come with the server.
    #[must_use]
    pub fn bundled(self) -> Self {
        bundled().into_iter().fold(self, Self::class)
    }

    /// Adds a class of objects.
    #[must_use]
    pub fn class(mut self, class: ClassRef) -> Self {
        self.more_classes.push(class);
        self
    }

    /// Adds a class that is written the simple way.
    #[must_use]
    pub fn object<T: Simple>(self) -> Self {
        self.class(Arc::new(SimpleClass::<T>::default()))
    }

    /// Adds a data file that games may ask for, such as `maps/dust.json`.
    #[must_use]
    pub fn asset(mut self, path: &str, text: &str) -> Self {
        self.assets.insert(path, text);
        self
    }

    /// Adds a migration behind those that were added before. All there have ever been stay in the code: each
    /// is applied once, in this order, and recorded.
    #[must_use]
    pub fn migration(mut self, migration: ClassMigration) -> Self {
        self.migrations.push(migration);
        self
    }

    /// A migration may delete this class and everything of it (`--confirm-delete`).
    #[must_use]
    pub fn confirm_delete(mut self, class: &str) -> Self {
        self.confirmed.insert(class.to_owned());
        self
    }

    /// Says what a start would do to what is stored, and does nothing.
    pub fn dry_run(&self, config: &Config) -> Result<ClassReport, AppError> {
        let metrics = Metrics::new();
        let classes = self.classes(config, &Arc::default(), &Arc::default(), &metrics);
        Ok(store::dry_run(&self.store_settings(config, &classes))?)
    }

    fn classes(
        &self,
        config: &Config,
        games: &Arc<Games>,
        assets: &Arc<Assets>,
        metrics: &MetricsRef,
    ) -> Vec<ClassRef> {
        let matches: ClassRef = Arc::new(MatchClass::new(shelf(config, games, assets, metrics)));
        std::iter::once(matches).chain(self.more_classes.iter().cloned()).collect()
    }

    fn store_settings(&self, config: &Config, classes: &[ClassRef]) -> StoreSettings {
        let name = |class: &ClassRef| class.name().to_owned();
        let plan = ClassPlan {
            declared: classes.iter().map(|class| (name(class), class.rules().version)).collect(),
            migrations: self.migrations.clone(),
            confirmed: self.confirmed.clone(),
        };
        StoreSettings {
            cache_bytes: config.cache_bytes,
            group_interval: config.group_interval,
            object_bytes_max: config.object_bytes_max,
            total_bytes_max: config.data_bytes_max,
            history: classes.iter().filter(|class| class.rules().history).map(name).collect(),
            history_retention: config.history_retention,
            classes: Some(plan),
            ..StoreSettings::new(&config.data)
        }
    }

    /// Runs the command line: serves, or talks to a server that does.
    pub fn run(self) -> ExitCode {
        cli::run(self)
    }

    /// Builds every floor, and has the matches of the last run back.
    pub fn start(mut self, config: &Config) -> Result<Server, AppError> {
        if let Some(dir) = &config.assets {
            assets::read(dir, &mut self.assets)?;
        }
        let metrics = Metrics::new();
        let clock = Arc::new(SystemClock::new());
        let clock_ref: ClockRef = clock.clone();
        let (outlet, inbox) = gateway::outlet(&metrics);
        let games = Arc::new(std::mem::take(&mut self.games));
        let assets = Arc::new(std::mem::take(&mut self.assets));
        let classes = self.classes(config, &games, &assets, &metrics);
        let settings = self.store_settings(config, &classes);
        let (store, commit) = RedbStore::open(settings, clock_ref.clone(), metrics.clone())?;
        let store = Arc::new(store);
        let edges = Edges {
            clock: clock_ref.clone(),
            store: store.clone(),
            outlet: Arc::new(outlet),
            metrics: metrics.clone(),
            jobs: Arc::new(JobThreads::start()?),
        };
        let settings = runtime_settings(config);
        let runtime = Shared::new(&settings, edges, classes);
        let threads = Threads::start(&runtime, &clock, &settings)?;
        recover(&runtime, &clock, &metrics)?;
        let backup = backup(store.clone(), &clock_ref, &config.data);
        let api = Api { assets, ..api(&runtime, &store, &games, metrics, backup) };
        let served =
            Served { objects: runtime.clone(), inbox, games: (*games).clone(), api, clock: clock_ref };
        let gateway = gateway::serve(gateway_settings(config), served)?;
        Ok(Server { gateway, runtime, threads, commit, clock, data: config.data.display().to_string() })
    }
}

/// A running server.
pub struct Server {
    gateway: Gateway,
    runtime: Arc<Shared>,
    threads: Threads,

    commit: CommitThread,
    clock: Arc<SystemClock>,
    data: String,
}

impl Server {
    /// Where it listens for HTTP and WebSocket.
    pub fn http_addr(&self) -> std::net::SocketAddr {
        self.gateway.local_addr()
    }

    /// Where it listens for QUIC, if it does.
    pub fn quic_addr(&self) -> Option<std::net::SocketAddr> {
        self.gateway.quic_addr()
    }

    /// The way to its objects.
    pub fn objects(&self) -> ObjectsRef {
        self.runtime.clone()
    }

    /// Says on stdout, in one line, that it serves.
    pub fn announce(&self) -> io::Result<()> {
        let ready = serde_json::json!({
            "event": "ready",
            "http": self.http_addr().to_string(),
            "quic": self.quic_addr().map(|quic| quic.to_string()),
            "quic_certificate_sha256": self.gateway.certificate_pin(),
            "pid": std::process::id(),
            "data": self.data,
        });
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{ready}")?;
        stdout.flush()
    }

    /// Drains: nothing new begins, everything becomes durable, clients are told, every floor stops.
    pub fn drain(self) -> Drained {
        tracing::info!("draining: no new matches or joins");
        let began = self.clock.now();
        self.runtime.begin_drain();
        while !self.runtime.is_asleep() && self.clock.now().since(began) < DRAIN_BUDGET {
            self.clock.sleep_until(self.clock.now() + LOOK);
        }
        let durable = self.runtime.is_asleep();
        let budget = DRAIN_BUDGET.saturating_sub(self.clock.now().since(began)).max(Duration::from_secs(1));
        let left = self.gateway.drain(budget);
        self.gateway.stop();
        self.threads.stop();
        let closed = self.commit.close();
        if let Err(error) = &closed {
            tracing::error!(%error, "the store did not close cleanly");
        }
        tracing::info!(durable, clients_cut = left, "drained");
        if durable && closed.is_ok() { Drained::Durable } else { Drained::NotDurable }
    }
}

/// What a drain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything is on the disk.
    Durable,
    /// Something is not: the journal has what it has.
    NotDurable,
}

fn recover(runtime: &Shared, clock: &SystemClock, metrics: &Metrics) -> Result<(), AppError> {
    let began = clock.now();
    let woken = runtime.recover()?;
    while runtime.recovering() > 0 && clock.now().since(began) < RECOVERY_BUDGET {
        clock.sleep_until(clock.now() + LOOK);
    }
    let took = clock.now().since(began);
    metrics.recovery_seconds.set(took.as_secs_f64());
    if woken > 0 {
        let missing = runtime.recovering();
        tracing::info!(
            matches = woken,
            missing,
            took_ms = took.as_millis() as u64,
            "the matches of the last run are back"
        );
    }
    Ok(())
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

fn shelf(config: &Config, games: &Arc<Games>, assets: &Arc<Assets>, metrics: &MetricsRef) -> Shelf {
    let entropy: Entropy = Arc::new(random);
    let settings = MatchSettings {
        checkpoint_interval: config.checkpoint_interval,
        journal_retention: config.journal_retention,
        resume_window: config.resume_window,
        empty_ttl: config.empty_ttl,
        ..MatchSettings::default()
    };
    Shelf {
        games: games.clone(),
        assets: Arc::clone(assets),
        entropy,
        metrics: metrics.clone(),
        inputs: InputCounters::new(metrics),
        settings,
    }
}

fn backup(store: Arc<RedbStore>, clock: &ClockRef, data: &Path) -> gateway::Backup {
    let (clock, data) = (clock.clone(), data.to_owned());
    Arc::new(move || {
        let made = store.backup(&cli::backup_path(&data, clock.unix_ms()));
        made.map(|report| cli::shown(&report)).map_err(|error| error.to_string())
    })
}

fn api(
    runtime: &Arc<Shared>,
    store: &Arc<RedbStore>,
    games: &Arc<Games>,
    metrics: MetricsRef,
    backup: gateway::Backup,
) -> Api {
    let (audit_store, audit_games) = (store.clone(), games.clone());
    let (ready_store, ready_runtime) = (store.clone(), runtime.clone());
    Api {
        audit: Arc::new(move |identity: Identity| {
            let reader = audit_store.reader(identity.id)?;
            let verdict = verify(&audit_games, &*reader)?;
            let mut verdict = serde_json::to_value(verdict).expect("a verdict is plain data");
            verdict["match_id"] = identity.name.as_str().into();
            Ok(verdict)
        }),
        backup,
        readiness: Arc::new(move || match ready_store.health() {
            StoreHealth::Failing => Readiness::StorageFailing,
            StoreHealth::Writable if ready_runtime.recovering() > 0 => Readiness::Starting,
            StoreHealth::Writable => Readiness::Ready,
        }),
        metrics,
        stored: store.clone(),
        classes: runtime.classes.values().map(|class| ClassEntry::of(&**class)).collect(),
        assets: Arc::default(),
    }
}
