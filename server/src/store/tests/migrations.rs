//! Classes that are renamed, deleted, newer or unknown.

use super::contents::alarm;
use super::*;
use crate::runtime::ports::{ObjectQuery, RestoreOrder};
use crate::store::{ClassError, ClassMigration, ClassPlan};

fn plan(declared: &[(&str, u32)], migrations: &[ClassMigration]) -> ClassPlan {
    let declared = declared.iter().map(|(class, version)| ((*class).to_owned(), *version)).collect();
    ClassPlan { declared, migrations: migrations.to_vec(), ..ClassPlan::default() }
}

fn rename(from: &str, to: &str) -> ClassMigration {
    ClassMigration::Rename { from: from.to_owned(), to: to.to_owned() }
}

fn remove(class: &str) -> ClassMigration {
    ClassMigration::Delete { class: class.to_owned() }
}

fn with(plan: &ClassPlan) -> StoreSettings {
    let history = ["test".to_owned(), "new".to_owned()].into();
    StoreSettings { classes: Some(plan.clone()), history, ..StoreSettings::new("") }
}

/// A disk with a hundred objects of the class `test` and one of `other`.
fn stored() -> Bench {
    let mut bench = Bench::open(&SimDisk::new(), with(&plan(&[], &[]))).unwrap();
    for n in 0..100 {
        let name = format!("n{n}");
        let long = format!("{n}-").repeat(10_000);
        let writes = vec![
            Write::Record(Record { class_version: 3, ..record(&name, 1) }),
            put("k", n.to_string()),
            put("long", long),
            Write::SetAlarm(alarm("", 10 + n, 1)),
            append(format!("j{n}")),
        ];
        bench.durable(batch(&name, writes));
    }
    bench.durable(batch("n0", vec![put("k", "changed"), Write::SetAlarm(alarm("", 5, 2))]));
    let other = Record { class: "other".to_owned(), ..record("o", 1) };
    bench.durable(batch("o", vec![Write::Record(other), put("k", "other")]));
    bench
}

fn refused(bench: Bench, plan: &ClassPlan) -> (SimDisk, ClassError) {
    let disk = bench.disk.clone();
    drop(bench.reopen());
    let before = disk.edit(|file| file.clone());
    let error = Bench::open(&disk, with(plan)).map(|_| ()).unwrap_err();
    let StoreError::Classes(error) = error else { panic!("{error}") };
    let tables = |file: &[u8]| file.len();
    assert_eq!(tables(&before), disk.edit(|file| tables(file)));
    let mut bench = Bench::open(&disk, StoreSettings::new("")).unwrap();
    assert_eq!(
        bench.store.objects(&ObjectQuery { limit: 999, ..ObjectQuery::default() }).unwrap().len(),
        101
    );
    assert!(bench.rows() > 400);
    (disk, error)
}

#[test]
fn store_7_a_class_with_stored_data_must_be_declared() {
    let (_, error) = refused(stored(), &plan(&[("test", 3)], &[]));
    assert_eq!(error, ClassError::Undeclared { class: "other".to_owned(), objects: 1 });
    Bench::open(&stored().disk, with(&plan(&[("test", 3), ("other", 1), ("more", 1)], &[]))).unwrap();
}

#[test]
fn store_7_a_newer_version_of_a_class_is_refused() {
    let (_, error) = refused(stored(), &plan(&[("test", 2), ("other", 1)], &[]));
    assert_eq!(error, ClassError::NewerVersion { class: "test".to_owned(), stored: 3, declared: 2 });
}

#[test]
fn store_7_a_class_is_not_deleted_without_the_operators_word() {
    let deleted = plan(&[("test", 3)], &[remove("other")]);
    let (disk, error) = refused(stored(), &deleted);
    assert_eq!(error, ClassError::Unconfirmed { class: "other".to_owned(), objects: 1 });
    let confirmed = ClassPlan { confirmed: ["other".to_owned()].into(), ..deleted.clone() };
    let mut bench = Bench::open(&disk, with(&confirmed)).unwrap();
    assert_eq!(
        bench.store.objects(&ObjectQuery { limit: 999, ..ObjectQuery::default() }).unwrap().len(),
        100
    );
    let rows = bench.rows();
    bench = bench.reopen_with(with(&deleted));
    assert_eq!(bench.rows(), rows, "it is not asked for again");
}

fn renamed(name: &str) -> ObjectId {
    ObjectId::from_name("new", &ObjectName::parse(name).unwrap())
}

fn check_renamed(bench: &Bench) {
    let all =
        bench.store.objects(&ObjectQuery { class: Some("new".to_owned()), limit: 999, ..Default::default() });
    assert_eq!(all.unwrap().len(), 100);
    let due = bench.store.due_alarms(None, 1_000, 999).unwrap();
    assert_eq!(due.len(), 100);
    assert!(due.iter().all(|due| due.class == "new" && due.object == renamed(due.name.as_str())));
    assert_eq!((due[0].row.due_ms, due[0].name.as_str()), (5, "n0"));
    for n in 0..100 {
        let reader = bench.store.reader(renamed(&format!("n{n}"))).unwrap();
        let k = if n == 0 { "changed".to_owned() } else { n.to_string() };
        assert_eq!(reader.get(b"k"), Ok(Some(k.clone().into_bytes())));
        assert_eq!(reader.get(b"long"), Ok(Some(format!("{n}-").repeat(10_000).into_bytes())));
        assert_eq!(reader.journal(), Ok(vec![format!("j{n}").into_bytes()]));
        let long = format!("{n}-").len() * 10_000;
        assert_eq!(reader.bytes(), Ok((1 + k.len() + 4 + long + 64) as u64));
        assert_eq!(reader.record().unwrap().unwrap().class_version, 3);
    }
}

#[test]
fn store_7_a_renamed_class_keeps_everything_and_its_history() {
    let bench = stored();
    let mut bench = bench.reopen_with(with(&plan(&[("test", 3), ("other", 1)], &[])));
    let rows = bench.rows();
    let changed = plan(&[("new", 3), ("other", 1)], &[rename("test", "new")]);
    let mut bench = bench.reopen_with(with(&changed));
    check_renamed(&bench);
    assert!((rows..rows + 3).contains(&bench.rows()), "{rows} {}", bench.rows());
    let now = bench.store.bookmark_now().unwrap();
    let ticket = Arc::new(Ticket::default());
    let order = RestoreOrder {
        object: renamed("n0"),
        class: "new".to_owned(),
        node: 0,
        epoch: Epoch(1),
        bookmark: crate::object::storage::Bookmark(now.0 - 2),
        ticket: ticket.clone(),
    };
    bench.store.restore(order).unwrap();
    bench.run();
    assert_eq!(ticket.state(), TicketState::Durable);
    let reader = bench.store.reader(renamed("n0")).unwrap();
    assert_eq!(reader.get(b"k"), Ok(Some(b"0".to_vec())));
    assert_eq!(reader.alarms().unwrap(), [alarm("", 10, 1)]);
    drop(reader);
    bench.reopen_with(with(&changed));
}

#[test]
fn store_7_a_rename_that_is_interrupted_is_gone_on_with() {
    let disk = stored().disk;
    let changed = plan(&[("new", 3), ("other", 1)], &[rename("test", "new")]);
    let mut interrupted = 0;
    for round in 0..200 {
        disk.power_off_at(disk.operations() + 7 * (round + 1));
        let opened = Bench::open(&disk, with(&changed));
        interrupted += u32::from(opened.is_err());
        let done = opened.is_ok() && !disk.power_is_off();
        drop(opened);
        disk.power_on(round);
        if done {
            break;
        }
    }
    assert!(interrupted > 3, "{interrupted}");
    check_renamed(&Bench::open(&disk, with(&changed)).unwrap());
}

#[test]
fn store_7_migrations_are_applied_once_in_order_and_never_forgotten() {
    let disk = stored().disk;
    let steps = [rename("other", "more"), rename("test", "other"), rename("other", "new")];
    let declared = [("new", 3), ("more", 1)];
    check_renamed(&Bench::open(&disk, with(&plan(&declared, &steps))).unwrap());
    let again = Bench::open(&disk, with(&plan(&declared, &steps))).unwrap();
    check_renamed(&again);
    drop(again);
    for wrong in [&steps[..2], &[steps[1].clone(), steps[0].clone(), steps[2].clone()], &[]] {
        let error = Bench::open(&disk, with(&plan(&declared, wrong))).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Classes(ClassError::OtherMigrations { .. })), "{error}");
    }
}

#[test]
fn store_7_a_name_that_was_given_up_may_be_given_again() {
    let disk = stored().disk;
    let plan = plan(&[("test", 3), ("new", 3), ("other", 1)], &[rename("test", "new")]);
    let mut bench = Bench::open(&disk, with(&plan)).unwrap();
    bench.durable(batch("later", vec![Write::Record(record("later", 1)), put("k", "v")]));
    let bench = bench.reopen_with(with(&plan));
    let record = bench.store.reader(object("later")).unwrap().record().unwrap();
    assert_eq!(record.map(|record| record.class), Some("test".to_owned()), "a migration is applied once");
    check_renamed(&bench);
}

#[test]
fn store_7_two_classes_do_not_become_one() {
    let (_, error) = refused(stored(), &plan(&[("test", 3)], &[rename("other", "test")]));
    assert_eq!(error, ClassError::Occupied { from: "other".to_owned(), to: "test".to_owned() });
}
