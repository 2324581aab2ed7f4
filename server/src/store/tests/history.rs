//! Point-in-time recovery on the virtual clock: both twins pass the same checks.

use super::contents::alarm;
use super::*;
use crate::object::storage::{Bookmark, Range};
use crate::runtime::ports::{RestoreError, RestoreOrder};
use crate::store::MemoryStore;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn settings() -> StoreSettings {
    StoreSettings { history: ["test".to_owned()].into(), ..StoreSettings::new("") }
}

/// A store under a clock that both move.
struct Past<'a> {
    store: &'a dyn Store,
    clock: &'a ManualClock,
    flush: &'a mut dyn FnMut(),
}

impl Past<'_> {
    fn write(&mut self, name: &str, writes: Vec<Write>) {
        let ticket = Arc::new(Ticket::default());
        self.store.submit(WriteBatch { ticket: Some(ticket.clone()), ..batch(name, writes) }).unwrap();
        (self.flush)();
        assert_eq!(ticket.state(), TicketState::Durable);
    }

    fn order(&self, name: &str, bookmark: Bookmark) -> (RestoreOrder, Arc<Ticket>) {
        let ticket = Arc::new(Ticket::default());
        let (object, class) = (object(name), "test".to_owned());
        let order =
            RestoreOrder { object, class, node: 0, epoch: Epoch(1), bookmark, ticket: ticket.clone() };
        (order, ticket)
    }

    fn restore(&mut self, name: &str, bookmark: Bookmark) -> Bookmark {
        let (order, ticket) = self.order(name, bookmark);
        let undo = self.store.restore(order).unwrap();
        (self.flush)();
        assert_eq!(ticket.state(), TicketState::Durable);
        undo
    }

    fn now(&self) -> Bookmark {
        self.store.bookmark_now().unwrap()
    }

    /// Everything that can be taken back.
    fn shown(&self, name: &str) -> String {
        let reader = self.store.reader(object(name)).unwrap();
        let list = reader.list(&Range::default()).unwrap();
        let values = list.iter().map(|(key, value)| {
            let (key, value) = (String::from_utf8_lossy(key), &value[..value.len().min(9)]);
            format!("{key}={} ", String::from_utf8_lossy(value))
        });
        let alarms = reader.alarms().unwrap().into_iter().map(|alarm| format!("@{} ", alarm.due_ms));
        let version = reader.record().unwrap().map(|record| format!("v{}", record.class_version));
        values.chain(alarms).chain(version).collect()
    }
}

fn on_both(check: impl Fn(&mut Past<'_>)) {
    let clock = Arc::new(ManualClock::default());
    let memory = MemoryStore::by_hand(&settings()).on(clock.clone());
    let mut flush = || {
        memory.flush();
    };
    check(&mut Past { store: &memory, clock: &clock, flush: &mut flush });
    let mut bench = Bench::open(&SimDisk::new(), settings()).unwrap();
    let (store, clock) = (bench.store.clone(), bench.clock.clone());
    let mut flush = || assert_eq!(bench.run_for(Duration::from_millis(40)), Turn::Idle);
    check(&mut Past { store: &store, clock: &clock, flush: &mut flush });
}

fn first() -> Vec<Write> {
    let long = format!("first{}", "x".repeat(50_000));
    vec![Write::Record(record("a", 1)), put("k", "1"), put("long", long), Write::SetAlarm(alarm("", 10, 1))]
}

#[test]
fn store_4_an_object_goes_back_to_a_bookmark_and_forth_again() {
    on_both(|past| {
        past.write("a", first());
        past.write("b", vec![Write::Record(record("b", 1)), put("k", "b")]);
        let (then, was) = (past.now(), past.shown("a"));
        assert_eq!(was, "k=1 long=firstxxxx @10 v1");
        past.write(
            "a",
            vec![put("k", "2"), put("new", "n"), delete("long"), Write::SetAlarm(alarm("", 20, 2))],
        );
        past.write("a", vec![put("k", "3"), Write::SetAlarm(alarm("second", 30, 3))]);
        past.write("b", vec![put("k", "c")]);
        past.write("a", vec![put("k", "4"), put("k", "5"), delete("new"), put("new", "m")]);
        let is = past.shown("a");
        let undo = past.restore("a", then);
        assert_eq!(past.shown("a"), was);
        assert_eq!(past.shown("b"), "k=c v1", "others stay");
        assert_eq!(past.store.due_alarms(None, 100, 10).unwrap().len(), 1);
        assert_eq!(past.store.reader(object("a")).unwrap().bytes(), Ok(2 + 50_009 + 64));
        let redo = past.restore("a", undo);
        assert_eq!(past.shown("a"), is);
        past.restore("a", redo);
        assert_eq!(past.shown("a"), was);
    });
}

#[test]
fn store_4_what_a_batch_changes_twice_goes_back_to_before_the_batch() {
    on_both(|past| {
        past.write("a", first());
        let then = past.now();
        let (was, alarms) = (past.shown("a"), [5, 6].map(|due| Write::SetAlarm(alarm("", due, 1))));
        let writes = vec![put("k", "2"), put("k", "3"), put("new", "1"), delete("new"), delete("k")];
        past.write("a", [writes, alarms.to_vec()].concat());
        past.restore("a", then);
        assert_eq!(past.shown("a"), was);
    });
}

#[test]
fn store_4_an_object_comes_back_from_deletion_and_from_before_it_was() {
    on_both(|past| {
        let before = past.now();
        past.write("a", first());
        let was = past.shown("a");
        past.write("a", vec![Write::DeleteAll]);
        assert_eq!(past.shown("a"), "");
        let deleted = past.now();
        let undo = past.restore("a", before);
        assert_eq!(past.shown("a"), "");
        past.restore("a", Bookmark(undo.0 - 1));
        assert_eq!(past.shown("a"), was);
        past.restore("a", deleted);
        assert_eq!(past.shown("a"), "");
        past.restore("a", before);
        assert_eq!(past.shown("a"), "", "it had not been");
    });
}

#[test]
fn store_4_the_version_of_the_state_goes_back_with_it() {
    on_both(|past| {
        past.write("a", first());
        let then = past.now();
        past.write("a", vec![Write::Record(Record { class_version: 2, ..record("a", 1) }), put("k", "2")]);
        assert!(past.shown("a").ends_with("v2"));
        past.restore("a", then);
        assert_eq!(past.shown("a"), "k=1 long=firstxxxx @10 v1");
    });
}

#[test]
fn store_4_bookmarks_are_ordered_and_found_by_time() {
    on_both(|past| {
        past.write("a", first());
        let mut known = Vec::new();
        for n in 0..5 {
            past.clock.advance(Duration::from_secs(10));
            past.write("a", vec![put("k", n.to_string())]);
            known.push((crate::clock::Clock::unix_ms(past.clock), past.now()));
        }
        assert!(known.is_sorted_by(|a, b| a.1 < b.1 && a.1.to_string() < b.1.to_string()));
        past.clock.advance(Duration::from_secs(100));
        for (number, (at_ms, bookmark)) in known.iter().enumerate() {
            for later in [0, 1, 9_000] {
                assert_eq!(past.store.bookmark_at(at_ms + later), Ok(*bookmark));
            }
            let earlier = past.store.bookmark_at(at_ms - 1).unwrap();
            assert!(earlier < *bookmark);
            assert_eq!(number > 0, known.iter().any(|(_, other)| *other == earlier));
        }
        assert_eq!(past.store.bookmark_at(u64::MAX), Ok(past.now()));
        let text = past.now().to_string();
        assert_eq!((text.len(), text.parse()), (16, Ok(past.now())));
        for wrong in ["", "1", "000000000000000G", "+000000000000001", "00000000000000001"] {
            assert!(wrong.parse::<Bookmark>().is_err(), "{wrong}");
        }
    });
}

#[test]
fn store_4_the_history_is_kept_for_thirty_days_and_not_longer() {
    on_both(|past| {
        past.write("a", first());
        let then = past.now();
        let then_ms = crate::clock::Clock::unix_ms(past.clock);
        past.clock.advance(Duration::from_secs(1));
        past.write("a", vec![put("k", "2")]);
        past.clock.advance(30 * DAY - Duration::from_secs(2));
        past.write("b", vec![put("k", "untracked")]);
        assert_eq!(past.store.bookmark_at(then_ms), Ok(then));
        let undo = past.restore("a", then);
        assert_eq!(past.shown("a"), "k=1 long=firstxxxx @10 v1");
        past.restore("a", undo);
        past.clock.advance(Duration::from_secs(2));
        past.write("b", vec![put("k", "untracked")]);
        assert!(matches!(past.store.bookmark_at(then_ms), Err(RestoreError::Expired { .. })));
        let (order, ticket) = past.order("a", then);
        assert!(matches!(past.store.restore(order), Err(RestoreError::Expired { .. })));
        assert_eq!(
            (ticket.state(), past.shown("a").as_str()),
            (TicketState::Pending, "k=2 long=firstxxxx @10 v1")
        );
    });
}

#[test]
fn store_4_what_cannot_be_restored_is_refused_and_nothing_changed() {
    on_both(|past| {
        past.write("a", first());
        let latest = past.now();
        let (order, _) = past.order("a", Bookmark(latest.0 + 1));
        assert_eq!(past.store.restore(order), Err(RestoreError::Future { latest }));
        let (order, _) = past.order("a", latest);
        let other = RestoreOrder { class: "other".to_owned(), ..order };
        assert_eq!(past.store.restore(other), Err(RestoreError::NoHistory));
        let stale = Write::Restore { class: "test".to_owned(), bookmark: Bookmark(latest.0 + 9) };
        let ticket = Arc::new(Ticket::default());
        let stale = WriteBatch { ticket: Some(ticket.clone()), ..batch("a", vec![stale, put("k", "9")]) };
        past.store.submit(stale).unwrap();
        (past.flush)();
        assert_eq!(ticket.state(), TicketState::Failed);
        assert_eq!(past.shown("a"), "k=1 long=firstxxxx @10 v1");
    });
}

#[test]
fn store_4_a_restore_by_an_older_activation_is_refused() {
    on_both(|past| {
        past.write("a", first());
        let then = past.now();
        let newer = WriteBatch { epoch: Epoch(2), ..batch("a", vec![put("k", "2")]) };
        past.store.submit(newer).unwrap();
        (past.flush)();
        let (order, ticket) = past.order("a", then);
        past.store.restore(order).unwrap();
        (past.flush)();
        assert_eq!(ticket.state(), TicketState::Failed);
        assert!(past.shown("a").starts_with("k=2"));
    });
}

#[test]
fn classes_that_do_not_ask_for_it_have_no_history() {
    let mut bench = Bench::new();
    bench.durable(batch("a", vec![Write::Record(record("a", 1)), put("k", "1")]));
    bench = bench.reopen();
    let rows = bench.rows();
    for n in 0..10_u8 {
        bench.durable(batch("a", vec![put("k", [n])]));
    }
    assert_eq!(bench.rows(), rows);
}

#[test]
fn a_history_that_begins_late_reaches_back_to_its_beginning() {
    let mut bench = Bench::new();
    bench.durable(batch("a", first()));
    let untold = bench.store.bookmark_now().unwrap();
    bench.durable(batch("a", vec![put("k", "2")]));
    let mut bench = bench.reopen_with(settings());
    let begin = bench.store.bookmark_now().unwrap();
    bench.durable(batch("a", vec![put("k", "3")]));
    let ticket = Arc::new(Ticket::default());
    let order = |bookmark| RestoreOrder {
        object: object("a"),
        class: "test".to_owned(),
        node: 0,
        epoch: Epoch(1),
        bookmark,
        ticket: ticket.clone(),
    };
    assert_eq!(bench.store.restore(order(untold)), Err(RestoreError::Expired { earliest: begin }));
    bench.store.restore(order(begin)).unwrap();
    bench.run();
    assert_eq!(bench.store.reader(object("a")).unwrap().get(b"k"), Ok(Some(b"2".to_vec())));
}

#[test]
fn store_4_what_is_too_old_goes_a_few_rows_at_a_time_also_where_nothing_is_written() {
    let mut bench = Bench::open(&SimDisk::new(), settings()).unwrap();
    let writes = |n: u32| (0..500).map(|key| put(format!("k{key}"), n.to_le_bytes())).collect::<Vec<_>>();
    bench.durable(batch("a", vec![Write::Record(record("a", 1))]));
    bench.durable(batch("a", writes(0)));
    bench.durable(batch("a", writes(1)));
    let rows = bench.rows();
    bench.clock.advance(31 * DAY);
    let (mut before, mut turns) = (rows, 0);
    let mut newcomer = None;
    while bench.committer.turn(bench.clock.now()) == Turn::Again {
        let now = bench.rows();
        assert!(before.saturating_sub(now) <= 256 + 4, "{before} {now}");
        (before, turns) = (now, turns + 1);
        if turns == 2 {
            newcomer = Some(bench.submit(WriteBatch { urgent: true, ..batch("b", vec![put("k", "v")]) }));
        }
        if turns == 3 {
            let ticket = newcomer.take().unwrap();
            assert_eq!(ticket.state(), TicketState::Durable, "nobody waits for all of it");
        }
    }
    assert!(turns >= 4, "{turns}");
    assert!(bench.rows() <= rows - 1_000, "{} of {rows}", bench.rows());
    let reader = bench.store.reader(object("a")).unwrap();
    assert_eq!(reader.get(b"k7"), Ok(Some(1_u32.to_le_bytes().to_vec())));
}
