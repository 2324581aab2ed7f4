//! Cold objects: of those that nobody wakes a process keeps nothing, however many there are.
//!
//! `TICKSTONE_COLD_OBJECTS=1000000` makes so many; the bound is the same.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use std::sync::Arc;
use std::time::Duration;

use tickstone_server::clock::{Clock as _, ClockRef, SystemClock};
use tickstone_server::metrics::Metrics;
use tickstone_server::object::id::Identity;
use tickstone_server::object::storage::{Record, Ticket, TicketState, Write, WriteBatch};
use tickstone_server::runtime::pool::{Edges, Shared};
use tickstone_server::runtime::ports::{JobsInPlace, ObjectQuery, Outlet, SocketOutput, Store as _};
use tickstone_server::runtime::settings::Settings;
use tickstone_server::store::{CommitThread, RedbStore, StoreSettings};
use tickstone_shared::ids::{Epoch, ObjectName};

const CLASS: &str = "cold";
/// Objects, unless more are asked for.
const OBJECTS: usize = 20_000;
/// Submitted before somebody looks whether they are durable.
const AT_ONCE: usize = 8_192;
/// Of a page of the listing.
const PAGE: usize = 1_000;
/// What the file may keep in memory.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// What a process may grow by beside that.
const GROWTH_BYTES_MAX: u64 = 24 * 1024 * 1024;
/// What it may grow by for each of them: of 1,000,000 there stay some 30 bytes each, most likely the database's map
/// of the file's pages.
const MAP_BYTES_MAX: u64 = 48;
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody hears.
struct Nowhere;

impl Outlet for Nowhere {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        outputs.clear();
    }
}

/// The memory of this process.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64
}

/// An object with a value and an alarm, as its last activation left it.
fn cold(number: usize, ticket: Option<Arc<Ticket>>) -> WriteBatch {
    let name = ObjectName::parse(&format!("object-{number:07}")).unwrap();
    let record = Record {
        class: CLASS.to_owned(),
        name: name.clone(),
        epoch: Epoch(1),
        node: 1,
        class_version: 1,
        wake_at_start: false,
    };
    let put = Write::Put { key: b"value".to_vec(), value: vec![7; 100] };
    let object = Identity::named(CLASS, name).id;
    let urgent = ticket.is_some();
    WriteBatch { object, node: 1, epoch: Epoch(1), writes: vec![Write::Record(record), put], urgent, ticket }
}

fn make(store: &RedbStore, clock: &SystemClock, objects: usize) {
    for first in (0..objects).step_by(AT_ONCE) {
        let last = (first + AT_ONCE).min(objects) - 1;
        (first..last).for_each(|number| store.submit(cold(number, None)).unwrap());
        let ticket = Arc::new(Ticket::default());
        store.submit(cold(last, Some(Arc::clone(&ticket)))).unwrap();
        let began = clock.now();
        while ticket.state() == TicketState::Pending {
            assert!(clock.now().since(began) < PATIENCE, "the disk does not answer");
            clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        assert_eq!(ticket.state(), TicketState::Durable);
    }
}

/// Lists everything; how many pages and objects there are.
fn list(store: &RedbStore) -> (usize, usize) {
    let (mut pages, mut objects, mut after) = (0, 0, None);
    loop {
        let query =
            ObjectQuery { class: Some(CLASS.to_owned()), after, limit: PAGE, ..ObjectQuery::default() };
        let page = store.objects(&query).unwrap();
        let Some((_, last)) = page.last() else { return (pages, objects) };
        after = Some((last.class.clone(), last.name.as_str().to_owned()));
        (pages, objects) = (pages + 1, objects + page.len());
    }
}

fn open(dir: &std::path::Path, clock: &ClockRef) -> (RedbStore, CommitThread) {
    let settings = StoreSettings { cache_bytes: CACHE_BYTES, ..StoreSettings::new(dir) };
    RedbStore::open(settings, clock.clone(), Metrics::new()).unwrap()
}

#[test]
fn cold_objects_cost_no_memory_and_are_listed_in_pages() {
    let objects = std::env::var("TICKSTONE_COLD_OBJECTS").map_or(OBJECTS, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let system = Arc::new(SystemClock::new());
    let clock: ClockRef = system.clone();
    let (store, thread) = open(dir.path(), &clock);
    make(&store, &system, 1);
    let before = resident_bytes();
    make(&store, &system, objects);
    let made = resident_bytes();
    thread.close().unwrap();
    let (store, thread) = open(dir.path(), &clock);
    let edges = Edges {
        clock: clock.clone(),
        store: Arc::new(store.clone()),
        outlet: Arc::new(Nowhere),
        metrics: Metrics::new(),
        jobs: Arc::new(JobsInPlace),
    };
    let shared = Shared::new(&Settings::default(), edges, Vec::new());
    assert_eq!((shared.recover().unwrap(), shared.directory.len()), (0, 0), "none of them wakes");
    let began = clock.now();
    let (pages, listed) = list(&store);
    let (took, after) = (clock.now().since(began), resident_bytes());
    println!(
        "{objects} objects: resident {before} before, {made} when they were made, {after} when {listed} were \
         listed in {pages} pages in {took:?}"
    );
    assert_eq!((listed, pages), (objects, objects.div_ceil(PAGE)));
    let bound = before + CACHE_BYTES as u64 + GROWTH_BYTES_MAX + objects as u64 * MAP_BYTES_MAX;
    assert!(made < bound && after < bound, "{before} before, {made} when made, {after} when listed");
    thread.close().unwrap();
}
