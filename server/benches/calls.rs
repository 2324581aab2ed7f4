//! `cargo bench --bench calls [-- --seconds 5 --rounds 3]`: durable calls a second (one small write each, on the
//! disk before it is answered; 1,000 objects, 64 callers), beside bare redb with a transaction for each write
//! and bare redb with the same grouping; and one object's reading and durable calls a second.
//!
//! All sides commit in the same way: two phases, quick repair, the same file system. The rounds alternate; the
//! figures are medians.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use clap::Parser;
use redb::{Database, Durability, TableDefinition};
use serde_json::{Value, json};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_server::metrics::Metrics;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::{
    Answer, Call, CallError, Class, DurableObject, WakeError, WakeReason,
};
use tickstone_server::object::id::Identity;
use tickstone_server::runtime::handle::Objects as _;
use tickstone_server::runtime::pool::{Edges, Shared};
use tickstone_server::runtime::ports::JobsInPlace;
use tickstone_server::runtime::settings::Settings;
use tickstone_server::runtime::threads::Threads;
use tickstone_server::store::{CommitThread, RedbStore, StoreSettings};
use tickstone_shared::ids::ObjectName;

const CALLERS: u64 = 64;
const OBJECTS: u64 = 1_000;
const VALUE: [u8; 64] = [7; 64];
const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long, how often.
#[derive(Debug, Parser)]
struct Options {
    /// Seconds of each run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Runs of each side.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Set by `cargo bench`.
    #[arg(long)]
    bench: bool,
}

/// An object that stores something small and says when that is durable.
#[derive(Debug, Default)]
struct Pebble;

impl DurableObject for Pebble {
    fn wake(&mut self, _: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        if call.method == "write" {
            ctx.storage().put(*b"pebble", VALUE).map_err(|error| CallError::Invalid(error.to_string()))?;
        }
        Ok(Answer::Now(Value::Null))
    }
}

struct Pebbles;

impl Class for Pebbles {
    fn name(&self) -> &'static str {
        "pebble"
    }

    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(Pebble)
    }
}

/// One caller's way to have something done, and to know when it is.
type Caller = Box<dyn FnMut(u64) -> Fallible<()> + Send>;

/// Calls a second: each caller waits for its answer before it calls again, its objects in turn.
fn measure(seconds: u64, callers: Vec<Caller>) -> Fallible<f64> {
    let clock = SystemClock::new();
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = clock.now();
    std::thread::scope(|scope| {
        let started = (0..).zip(callers).map(|(first, mut call)| {
            let (done, over) = (&done, &over);
            scope.spawn(move || -> Fallible<()> {
                let mut object = first;
                while !over.load(Ordering::Relaxed) {
                    call(object % OBJECTS)?;
                    done.fetch_add(1, Ordering::Relaxed);
                    object += CALLERS;
                }
                Ok(())
            })
        });
        let running: Vec<_> = started.collect();
        clock.sleep_until(began + Duration::from_secs(seconds));
        let count = done.load(Ordering::Relaxed);
        let took = clock.now().since(began).as_secs_f64();
        over.store(true, Ordering::Relaxed);
        for caller in running {
            caller.join().map_err(|_| "a caller panicked")??;
        }
        Ok(count as f64 / took)
    })
}

/// The server without its gateway.
struct Server {
    runtime: Arc<Shared>,
    threads: Threads,
    commit: CommitThread,
}

impl Server {
    fn start(dir: &Path) -> Fallible<Self> {
        let (clock, metrics) = (Arc::new(SystemClock::new()), Metrics::new());
        let (store, commit) = RedbStore::open(StoreSettings::new(dir), clock.clone(), metrics.clone())?;
        let (outlet, _) = tickstone_server::gateway::outlet(&metrics);
        let edges = Edges {
            clock: clock.clone(),
            store: Arc::new(store),
            outlet: Arc::new(outlet),
            jobs: Arc::new(JobsInPlace),
            metrics,
        };
        let settings = Settings::default();
        let runtime = Shared::new(&settings, edges, vec![Arc::new(Pebbles)]);
        let threads = Threads::start(&runtime, &clock, &settings)?;
        Ok(Self { runtime, threads, commit })
    }

    fn callers(&self, method: &'static str, of: fn(u64) -> u64) -> Vec<Caller> {
        let caller = |_| -> Caller {
            let runtime = Arc::clone(&self.runtime);
            let (answer, answered) = channel();
            Box::new(move |object| {
                let name = ObjectName::parse(&format!("p{}", of(object)))?;
                let answer = answer.clone();
                let reply = Box::new(move |result| drop(answer.send(result)));
                runtime.call(&Identity::named("pebble", name), method, Value::Null, reply);
                answered.recv()??;
                Ok(())
            })
        };
        (0..CALLERS).map(caller).collect()
    }

    fn stop(self) -> Fallible<()> {
        self.threads.stop();
        Ok(self.commit.close()?)
    }
}

fn write(db: &Database, objects: &[u64]) -> Fallible<()> {
    let mut transaction = db.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(TABLE)?;
        for object in objects {
            let key = [[0; 24].as_slice(), &object.to_be_bytes(), b"pebble"].concat();
            table.insert(key.as_slice(), VALUE.as_slice())?;
        }
    }
    Ok(transaction.commit()?)
}

fn one_by_one(db: &Arc<Database>) -> Vec<Caller> {
    let caller = |_| -> Caller {
        let db = Arc::clone(db);
        Box::new(move |object| write(&db, &[object]))
    };
    (0..CALLERS).map(caller).collect()
}

/// Something to be written, and whom to tell.
type Asked = (u64, Sender<()>);

/// Writes whatever has arrived in one transaction, until nobody can ask any more.
fn group(db: &Database, asked: &Receiver<Asked>) -> Fallible<()> {
    while let Ok(first) = asked.recv() {
        let group: Vec<Asked> = std::iter::once(first).chain(asked.try_iter()).collect();
        let objects: Vec<u64> = group.iter().map(|(object, _)| *object).collect();
        write(db, &objects)?;
        for (_, done) in &group {
            done.send(())?;
        }
    }
    Ok(())
}

fn grouped(asked: &Sender<Asked>) -> Vec<Caller> {
    let caller = |_| -> Caller {
        let asked = asked.clone();
        let (done, is_done) = channel();
        Box::new(move |object| {
            asked.send((object, done.clone()))?;
            Ok(is_done.recv()?)
        })
    };
    (0..CALLERS).map(caller).collect()
}

/// One run of every side, by name.
fn round(seconds: u64) -> Fallible<Vec<(&'static str, f64)>> {
    let place = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let mut figures = Vec::new();
    let dir = place()?;
    let server = Server::start(dir.path())?;
    // Everything is awake before it is measured.
    measure(1, server.callers("write", |object| object))?;
    figures.push(("durable calls", measure(seconds, server.callers("write", |object| object))?));
    figures.push(("one object, durable calls", measure(seconds, server.callers("write", |_| 0))?));
    figures.push(("one object, reading calls", measure(seconds, server.callers("read", |_| 0))?));
    server.stop()?;
    let dir = place()?;
    let db = Arc::new(Database::create(dir.path().join("bare.redb"))?);
    figures.push(("bare redb, a transaction each", measure(seconds, one_by_one(&db))?));
    let dir = place()?;
    let db = Database::create(dir.path().join("bare.redb"))?;
    let (ask, asked) = channel();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || group(&db, &asked));
        let measured = measure(seconds, grouped(&ask));
        drop(ask);
        writer.join().map_err(|_| "the writer panicked")??;
        figures.push(("bare redb, grouped", measured?));
        Ok(figures)
    })
}

fn run(options: &Options) -> Fallible<()> {
    let mut rounds = Vec::new();
    for _ in 0..options.rounds.max(1) {
        rounds.push(round(options.seconds)?);
    }
    let mut out = std::io::stdout().lock();
    let mut medians = serde_json::Map::new();
    for (column, (name, _)) in rounds[0].iter().enumerate() {
        let mut figures: Vec<f64> = rounds.iter().map(|round| round[column].1).collect();
        figures.sort_by(f64::total_cmp);
        let median = figures[figures.len() / 2];
        let (least, most) = (figures[0], figures[figures.len() - 1]);
        writeln!(out, "{name:<30} {median:>10.0} a second  ({least:.0} to {most:.0})")?;
        medians.insert((*name).to_owned(), json!(median.round()));
    }
    Ok(writeln!(out, "{}", Value::Object(medians))?)
}

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --benches` only asks whether it starts.
    let done = if options.bench { run(&options) } else { Ok(()) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "calls: {error}");
            ExitCode::FAILURE
        }
    }
}
