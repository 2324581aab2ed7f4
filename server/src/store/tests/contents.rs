//! Lists, alarms, listings and deletion: both twins pass the same checks.

use super::*;
use crate::object::storage::{AlarmRow, KEY_BYTES_MAX, Range, Start, VALUE_BYTES_MAX};
use crate::runtime::ports::{AlarmKey, ObjectQuery};
use crate::store::MemoryStore;

/// Runs a check on both twins; `write` makes a batch durable, and says what became of it.
pub(super) fn on_both(
    settings: &StoreSettings,
    check: impl Fn(&dyn Store, &mut dyn FnMut(WriteBatch) -> TicketState),
) {
    let clock = Arc::new(ManualClock::default());
    let memory = MemoryStore::by_hand(settings).on(clock);
    check(&memory, &mut |batch| {
        let ticket = Arc::new(Ticket::default());
        memory.submit(WriteBatch { ticket: Some(ticket.clone()), ..batch }).unwrap();
        memory.flush();
        ticket.state()
    });
    let mut bench = Bench::open(&SimDisk::new(), settings.clone()).unwrap();
    let store = bench.store.clone();
    check(&store, &mut |batch| {
        let ticket = bench.submit(batch);
        bench.run();
        ticket.state()
    });
}

fn plain() -> StoreSettings {
    StoreSettings::new("")
}

pub(super) fn alarm(name: &str, due_ms: u64, generation: u64) -> AlarmRow {
    AlarmRow {
        name: name.to_owned(),
        due_ms,
        scheduled_ms: due_ms,
        generation,
        retries: 0,
        store_retries: 0,
        every_ms: None,
    }
}

fn listed(store: &dyn Store, range: &Range) -> Vec<String> {
    let list = store.reader(object("a")).unwrap().list(range).unwrap();
    list.into_iter()
        .map(|(key, value)| {
            assert_eq!(value, [b"v-", key.as_slice()].concat());
            String::from_utf8(key).unwrap()
        })
        .collect()
}

#[test]
fn store_1_lists_are_ordered_with_the_start_and_without_the_end() {
    on_both(&plain(), |store, write| {
        let keys = ["", "a", "aa", "ab", "b", "ba"];
        let mut writes: Vec<Write> = keys.iter().map(|key| put(key, format!("v-{key}"))).collect();
        writes.reverse();
        write(batch("a", writes));
        write(batch("b", vec![put("aaa", "v-aaa")]));
        let at = |key: &str| Start::At(key.into());
        let after = |key: &str| Start::After(key.into());
        let (all, range) = (Range::default(), || Range::default());
        assert_eq!(listed(store, &all), keys);
        assert_eq!(listed(store, &Range { start: at("aa"), ..range() }), ["aa", "ab", "b", "ba"]);
        assert_eq!(listed(store, &Range { start: after("aa"), ..range() }), ["ab", "b", "ba"]);
        let within = Range { start: at("aa"), end: Some("b".into()), ..range() };
        assert_eq!(listed(store, &within), ["aa", "ab"]);
        assert_eq!(listed(store, &Range { end: Some("".into()), ..range() }), [""; 0]);
        assert_eq!(listed(store, &Range { start: at("b"), end: Some("a".into()), ..range() }), [""; 0]);
        assert_eq!(listed(store, &Range { prefix: "a".into(), ..range() }), ["a", "aa", "ab"]);
        let paged = Range { prefix: "a".into(), start: after("a"), ..range() };
        assert_eq!(listed(store, &paged), ["aa", "ab"]);
        let backwards = Range { reverse: true, ..within };
        assert_eq!(listed(store, &backwards), ["ab", "aa"]);
        for limit in 1..=7 {
            let limit = std::num::NonZeroUsize::new(limit);
            let some = listed(store, &Range { limit, ..range() });
            assert_eq!(some, keys[..limit.unwrap().get().min(6)]);
            let last = listed(store, &Range { limit, reverse: true, ..range() });
            assert!(keys.iter().rev().take(limit.unwrap().get()).eq(last.iter()));
        }
    });
}

#[test]
fn store_1_a_prefix_of_the_greatest_bytes_has_no_end() {
    on_both(&plain(), |store, write| {
        let keys = [vec![0xfe], vec![0xff], vec![0xff, 0xff], vec![0xff, 0xff, 0]];
        write(batch("a", keys.iter().map(|key| put(key, "")).collect()));
        let reader = store.reader(object("a")).unwrap();
        let found = |prefix: &[u8]| {
            let range = Range { prefix: prefix.to_vec(), ..Range::default() };
            reader.list(&range).unwrap().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(found(&[0xff]), keys[1..]);
        assert_eq!(found(&[0xff, 0xff]), keys[2..]);
        assert_eq!(reader.keys(&[0xff]).unwrap(), keys[1..]);
    });
}

#[test]
fn store_6_keys_and_values_at_their_limits_come_back_whole() {
    on_both(&plain(), |store, write| {
        let key = vec![7; KEY_BYTES_MAX];
        let value = vec![9; VALUE_BYTES_MAX - KEY_BYTES_MAX];
        assert_eq!(write(batch("a", vec![put(&key, &value)])), TicketState::Durable);
        let reader = store.reader(object("a")).unwrap();
        assert_eq!(reader.get(&key), Ok(Some(value)));
        assert_eq!(reader.bytes(), Ok(VALUE_BYTES_MAX as u64));
    });
}

#[test]
fn alarm_1_due_alarms_come_by_time_in_pages_and_not_early() {
    on_both(&plain(), |store, write| {
        for (name, due) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
            let alarms = vec![Write::SetAlarm(alarm("", due, 1)), Write::SetAlarm(alarm("x", due + 1, 1))];
            write(batch(name, [vec![Write::Record(record(name, 1))], alarms].concat()));
        }
        let due = |after: Option<&AlarmKey>, until, limit| store.due_alarms(after, until, limit).unwrap();
        let times = |page: &[crate::runtime::ports::DueAlarm]| {
            page.iter().map(|alarm| alarm.row.due_ms).collect::<Vec<_>>()
        };
        assert_eq!(times(&due(None, 9, 10)), [0; 0]);
        assert_eq!(times(&due(None, 30, 10)), [10, 11, 20, 21, 30]);
        let first = due(None, 100, 3);
        assert_eq!(times(&first), [10, 11, 20]);
        assert_eq!(
            (first[0].class.as_str(), first[0].name.as_str(), first[0].object),
            ("test", "b", object("b"))
        );
        let rest = due(Some(&first[2].key()), 100, 10);
        assert_eq!(times(&rest), [21, 30, 31, 40, 41]);
    });
}

#[test]
fn alarm_2_clearing_an_older_generation_leaves_the_newer_alarm() {
    on_both(&plain(), |store, write| {
        let clear = |generation| Write::ClearAlarm { name: "x".to_owned(), generation };
        write(batch("a", vec![Write::Record(record("a", 1)), Write::SetAlarm(alarm("x", 10, 1))]));
        write(batch("a", vec![Write::SetAlarm(alarm("x", 10, 2)), clear(1)]));
        let alarms = || store.reader(object("a")).unwrap().alarms().unwrap();
        assert_eq!(alarms(), [alarm("x", 10, 2)]);
        assert_eq!(store.due_alarms(None, 10, 10).unwrap().len(), 1);
        write(batch("a", vec![Write::SetAlarm(alarm("x", 5, 3))]));
        let due = store.due_alarms(None, 10, 10).unwrap();
        assert_eq!(due.iter().map(|due| due.row.clone()).collect::<Vec<_>>(), [alarm("x", 5, 3)]);
        assert_eq!(store.reader(object("a")).unwrap().bytes(), Ok(65));
        write(batch("a", vec![clear(3)]));
        assert_eq!((alarms(), store.due_alarms(None, 10, 10).unwrap()), (vec![], vec![]));
        assert_eq!(store.reader(object("a")).unwrap().bytes(), Ok(0));
    });
}

#[test]
fn id_6_objects_are_listed_by_class_and_name_in_pages() {
    on_both(&plain(), |store, write| {
        let mut all = Vec::new();
        for (class, name) in
            [("cat", "x1"), ("bee", "x2"), ("bee", "x1"), ("bee", "y"), ("beef", "x1"), ("cat", "a")]
        {
            let record = Record { class: class.to_owned(), ..record(name, 1) };
            let object = ObjectId::from_name(class, &record.name);
            write(WriteBatch { object, ..batch(name, vec![Write::Record(record)]) });
            all.push((class.to_owned(), name.to_owned()));
        }
        all.sort();
        let page = |query: ObjectQuery| {
            let page = store.objects(&query).unwrap();
            page.into_iter()
                .map(|(object, record)| {
                    assert_eq!(object, ObjectId::from_name(&record.class, &record.name));
                    (record.class, record.name.as_str().to_owned())
                })
                .collect::<Vec<_>>()
        };
        let query = || ObjectQuery { limit: 100, ..ObjectQuery::default() };
        assert_eq!(page(query()), all);
        let bees = ObjectQuery { class: Some("bee".to_owned()), ..query() };
        assert_eq!(page(bees.clone()), all[..3]);
        assert_eq!(page(ObjectQuery { prefix: "x".to_owned(), ..bees }), all[..2]);
        let x: Vec<_> = all.iter().filter(|(_, name)| name.starts_with('x')).cloned().collect();
        assert_eq!(page(ObjectQuery { prefix: "x".to_owned(), ..query() }), x);
        for prefix in ["", "x"] {
            let whole = page(ObjectQuery { prefix: prefix.to_owned(), ..query() });
            let (mut after, mut paged) = (None, Vec::new());
            loop {
                let next = page(ObjectQuery { after, limit: 2, prefix: prefix.to_owned(), class: None });
                let Some(last) = next.last().cloned() else { break };
                paged.extend(next);
                after = Some(last);
            }
            assert_eq!(paged, whole);
        }
        assert_eq!(page(ObjectQuery { limit: 0, ..query() }), vec![]);
    });
}

fn full(name: &str) -> Vec<Write> {
    vec![
        Write::Record(record(name, 1)),
        put("k", "v"),
        put("long", vec![1; 100_000]),
        Write::SetAlarm(alarm("", 10, 1)),
        append("e"),
    ]
}

#[test]
fn store_3_delete_all_also_deletes_alarms_journal_and_record() {
    on_both(&plain(), |store, write| {
        write(batch("a", full("a")));
        write(batch("b", full("b")));
        let after = vec![put("x", "y"), append("f"), Write::DeleteAll, put("z", ""), append("g")];
        assert_eq!(write(batch("a", after)), TicketState::Durable);
        let reader = store.reader(object("a")).unwrap();
        assert_eq!(reader.list(&Range::default()), Ok(vec![(b"z".to_vec(), vec![])]));
        assert_eq!((reader.record(), reader.alarms(), reader.bytes()), (Ok(None), Ok(vec![]), Ok(1)));
        assert_eq!(reader.journal(), Ok(vec![b"g".to_vec()]));
        assert_eq!(store.due_alarms(None, 100, 10).unwrap().len(), 1, "only b's");
        assert_eq!(store.to_wake().unwrap().len(), 1);
        assert_eq!(store.objects(&ObjectQuery { limit: 9, ..ObjectQuery::default() }).unwrap().len(), 1);
        assert_eq!(store.reader(object("b")).unwrap().bytes(), Ok(100_000 + 4 + 2 + 64));
    });
}

#[test]
fn store_3_an_object_with_nothing_stored_has_no_row() {
    let mut bench = Bench::new();
    let empty = bench.rows();
    bench.durable(batch("a", full("a")));
    bench.durable(batch(
        "b",
        vec![put("", ""), Write::SetAlarm(alarm("", 1, 1)), append("x"), Write::CutJournal],
    ));
    bench = bench.reopen();
    assert!(bench.rows() > empty + 10);
    bench.durable(batch("a", vec![Write::DeleteAll]));
    bench.durable(batch("b", vec![delete(""), Write::ClearAlarm { name: String::new(), generation: 1 }]));
    bench = bench.reopen();
    assert_eq!(bench.rows(), empty, "rows of objects that have nothing");
}

#[test]
fn id_5_who_deleted_everything_is_not_followed_by_an_older_activation() {
    on_both(&plain(), |store, write| {
        let at = |epoch, writes| WriteBatch { epoch: Epoch(epoch), ..batch("a", writes) };
        write(at(3, vec![Write::Record(record("a", 3)), put("k", "3")]));
        write(at(4, vec![Write::DeleteAll]));
        assert_eq!(store.reader(object("a")).unwrap().epoch(), Ok(Epoch(4)));
        assert_eq!(write(at(3, vec![put("k", "late")])), TicketState::Failed);
        assert_eq!(store.reader(object("a")).unwrap().get(b"k"), Ok(None));
        assert_eq!(write(at(5, vec![put("k", "5")])), TicketState::Durable);
    });
}

#[test]
fn id_5_another_node_with_the_same_epoch_is_refused() {
    on_both(&plain(), |_, write| {
        let by = |node, epoch| WriteBatch { node, epoch: Epoch(epoch), ..batch("a", vec![put("k", "v")]) };
        assert_eq!(write(by(7, 2)), TicketState::Durable);
        assert_eq!(write(by(8, 2)), TicketState::Failed);
        assert_eq!(write(by(8, 3)), TicketState::Durable);
        assert_eq!(write(by(7, 3)), TicketState::Failed);
    });
}

#[test]
fn id_5_the_owner_is_remembered_over_a_restart() {
    let mut bench = Bench::new();
    let owned = Record { node: 7, ..record("a", 2) };
    bench.durable(WriteBatch { node: 7, epoch: Epoch(2), ..batch("a", vec![Write::Record(owned)]) });
    let mut bench = bench.reopen();
    let other = WriteBatch { node: 8, epoch: Epoch(2), ..batch("a", vec![put("k", "v")]) };
    let ticket = bench.submit(other);
    bench.run();
    assert_eq!(ticket.state(), TicketState::Failed);
}

impl Bench {
    /// Rows of every table but `meta` and `classes`, which count no objects.
    pub(super) fn rows(&mut self) -> u64 {
        use crate::store::tables::{CHUNKS, DUE, LOG, MOMENTS, NAMES, RECORDS, TAILS, VALUES, WAKES};
        use redb::{ReadableDatabase, ReadableTableMetadata};
        let shared = self.store.clone();
        let transaction = shared.database().begin_read().unwrap();
        let mut rows = 0;
        rows += transaction.open_table(VALUES).unwrap().len().unwrap();
        rows += transaction.open_table(CHUNKS).unwrap().len().unwrap();
        rows += transaction.open_table(RECORDS).unwrap().len().unwrap();
        rows += transaction.open_table(NAMES).unwrap().len().unwrap();
        rows += transaction.open_table(WAKES).unwrap().len().unwrap();
        rows += transaction.open_table(DUE).unwrap().len().unwrap();
        rows += transaction.open_table(MOMENTS).unwrap().len().unwrap();
        rows += transaction.open_table(LOG).unwrap().len().unwrap();
        rows + transaction.open_table(TAILS).unwrap().len().unwrap()
    }
}
