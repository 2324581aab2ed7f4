//! Opening the file: the format, the tables, and the log's way into the tails.

use std::collections::BTreeMap;

use redb::{Database, ReadOnlyDatabase, ReadableDatabase, ReadableTable};

use super::classes::{self, ClassReport};
use super::disk::{Disk, FileDisk};
use super::error::{StoreError, damaged, guarded};
use super::lock::DirectoryLock;
use super::log::{Item, Rows, items};
use super::settings::StoreSettings;
use super::standing::Standing;
use super::tables::{
    Bytes, FORMAT, FORMAT_KEY, Id, LOG, META, RECORDS, Tables, begin, create, last_group, tail_key,
    tail_number,
};
use crate::object::id::ObjectId;
use tickstone_shared::ids::Epoch;

/// Opens or creates the database, its log empty and its classes as they are declared. Returns it with what
/// there is in it.
pub(super) fn open(
    disk: &dyn Disk,
    settings: &StoreSettings,
    now_ms: u64,
) -> Result<(Database, Standing), StoreError> {
    let place = disk.place();
    disk.peek(&|db: &ReadOnlyDatabase| check_format(db, &place))?;
    let db = match disk.open()? {
        Some(db) => db,
        None => disk.create(&|db| prepare(db, &place))?,
    };
    check_format(&db, &place)?;
    let broken = |error| StoreError::from_redb("recover", &place, &error);
    let group = guarded(|| committed_group(&db)).map_err(broken)?;
    guarded(|| empty_log(&db, group)).map_err(broken)?;
    let mut standing = guarded(|| Standing::read(&db)).map_err(broken)?;
    guarded(|| standing.recount(&db)).map_err(broken)?;
    if let Some(plan) = &settings.classes {
        classes::apply(&db, &place, plan, &mut standing, now_ms)?;
    }
    guarded(|| classes::keep_histories(&db, &mut standing, &settings.history)).map_err(broken)?;
    Ok((db, standing))
}

/// What opening the store would do to its classes; nothing is done.
pub fn dry_run(settings: &StoreSettings) -> Result<ClassReport, StoreError> {
    let Some(plan) = &settings.classes else { return Ok(ClassReport::default()) };
    let _lock = DirectoryLock::take(&settings.dir)?;
    let disk = FileDisk::new(&settings.dir, settings.cache_bytes);
    let place = disk.place();
    let Some(db) = disk.open()? else { return Ok(ClassReport::default()) };
    check_format(&db, &place)?;
    let examined = guarded(|| Ok(classes::examine(&db.begin_read()?, plan)));
    let examined = examined.map_err(|error| StoreError::from_redb("read", &place, &error))?;
    Ok(examined.map_err(|error| StoreError::unreadable(&place, &error))??)
}

/// The number of the last group in the file.
pub(super) fn committed_group(db: &Database) -> Result<u64, redb::Error> {
    let transaction = db.begin_read()?;
    last_group(&transaction.open_table(META)?, &transaction.open_table(LOG)?)
}

pub(super) fn check_format(db: &impl ReadableDatabase, place: &str) -> Result<(), StoreError> {
    let read = || {
        let format = db.begin_read()?.open_table(META)?.get(FORMAT_KEY)?.map(|format| format.value());
        Ok(format)
    };
    let format = guarded(read).map_err(|error| StoreError::from_redb("read", place, &error))?;
    let file = place.to_owned();
    match format {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(StoreError::NewerFormat { found, supported: FORMAT, file }),
        Some(found) => Err(StoreError::OlderFormat { found, supported: FORMAT, file }),
        None => Err(StoreError::Damaged { file, problem: "it does not say which format it has".to_owned() }),
    }
}

fn prepare(db: &Database, place: &str) -> Result<(), StoreError> {
    let build = || {
        let transaction = begin(db)?;
        create(&transaction)?;
        transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
        Ok(transaction.commit()?)
    };
    guarded(build).map_err(|error| StoreError::from_redb("create", place, &error))
}

fn empty_log(db: &Database, group: u64) -> Result<(), redb::Error> {
    if db.begin_read()?.open_table(LOG)?.last()?.is_none() {
        return Ok(());
    }
    move_rows(db, u64::MAX, group, &|_| Some(0))
}

/// What of an object's journal moves.
#[derive(Default)]
struct Moving {
    entries: Vec<(Epoch, Vec<u8>)>,
    /// There was a cut: the rows in `tails` are obsolete.
    cut: bool,
    damaged: bool,
}

/// Moves the log's rows up to `last` to `tails` in one transaction. `needs` says from which row on an object
/// needs the log; it may say an earlier one, never a later.
pub(super) fn move_rows(
    db: &Database,
    last: u64,
    group: u64,
    needs: &dyn Fn(&ObjectId) -> Option<u64>,
) -> Result<(), redb::Error> {
    let transaction = begin(db)?;
    let mut tables = Tables::new(&transaction);
    let mut moving = BTreeMap::new();
    for row in tables.log()?.range(..=last)? {
        let (key, row) = row?;
        let lost = collect(&mut moving, key.value(), row.value(), needs);
        if lost {
            let needed = |object: &ObjectId| needs(object).is_some_and(|first| first <= key.value());
            suspect_all(&mut moving, &db.begin_read()?.open_table(RECORDS)?, &needed)?;
        }
    }
    for (object, moved) in &moving {
        write_tail(&mut tables, object, moved)?;
    }
    tables.log()?.retain_in(..=last, |_, _| false)?;
    tables.set_group(group)?;
    drop(tables);
    Ok(transaction.commit()?)
}

/// Takes the entries of a row. True: some of it cannot be attributed to anyone.
fn collect(
    moving: &mut BTreeMap<ObjectId, Moving>,
    key: u64,
    row: &[u8],
    needs: &dyn Fn(&ObjectId) -> Option<u64>,
) -> bool {
    let needed = |object: &ObjectId| needs(object).is_some_and(|first| first <= key);
    for item in items(key, row) {
        match item {
            Item::Entry(object, epoch, entry) if needed(&object) => {
                moving.entry(object).or_default().entries.push((epoch, entry.to_vec()));
            }
            Item::DamagedEntry(object) if needed(&object) => {
                moving.entry(object).or_default().damaged = true;
            }
            Item::Cut(object) => {
                moving.insert(object, Moving { cut: true, ..Moving::default() });
            }
            Item::DamagedRest => return true,
            Item::Entry(..) | Item::DamagedEntry(_) => {}
        }
    }
    false
}

/// Part of the log is lost, and nobody knows whose it was: the journal of everyone whose it may have been
/// counts as damaged, until a cut. Better many set aside than one that goes on from a wrong state.
fn suspect_all(
    moving: &mut BTreeMap<ObjectId, Moving>,
    records: &impl ReadableTable<Id, Bytes>,
    needed: &dyn Fn(&ObjectId) -> bool,
) -> Result<(), redb::Error> {
    let problem = damaged("a row of the journal", "its checksum does not match");
    tracing::error!(error = %problem, "every journal that needs it counts as damaged; restore a backup");
    for row in records.iter()? {
        let object = ObjectId::from_stored(*row?.0.value());
        if needed(&object) {
            moving.entry(object).or_default().damaged = true;
        }
    }
    Ok(())
}

fn write_tail(tables: &mut Tables<'_>, object: &ObjectId, moved: &Moving) -> Result<(), redb::Error> {
    let range = tail_key(object.as_bytes(), 0)..=tail_key(object.as_bytes(), u64::MAX);
    let tails = tables.tails()?;
    if moved.cut {
        tails.retain_in::<&[u8; 40], _>(range.start()..=range.end(), |_, _| false)?;
    }
    let last = tails.range::<&[u8; 40]>(range.start()..=range.end())?.next_back().transpose()?;
    let first = last.map_or(0, |(key, _)| tail_number(key.value()) + 1);
    let mut rows = Rows::default();
    rows.restart(first);
    for (epoch, entry) in &moved.entries {
        rows.entry(object, *epoch, entry);
    }
    let mut next = first;
    for (number, row) in rows.iter() {
        tails.insert(&tail_key(object.as_bytes(), number), row)?;
        next = number + 1;
    }
    if moved.damaged {
        // No entry can be read from this: the journal ends damaged.
        tails.insert(&tail_key(object.as_bytes(), next), [0_u8].as_slice())?;
    }
    Ok(())
}

/// Removes what an object has in `tails`.
pub(super) fn remove_tails(tables: &mut Tables<'_>, object: &ObjectId) -> Result<(), redb::Error> {
    let range = tail_key(object.as_bytes(), 0)..=tail_key(object.as_bytes(), u64::MAX);
    tables.tails()?.retain_in::<&[u8; 40], _>(range.start()..=range.end(), |_, _| false)?;
    Ok(())
}

/// Writes what an object has in `tails` anew under another id. What is damaged stays damaged.
pub(super) fn move_tail(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    new: &ObjectId,
) -> Result<(), redb::Error> {
    let range = tail_key(object.as_bytes(), 0)..=tail_key(object.as_bytes(), u64::MAX);
    let mut moved = Moving::default();
    for (expected, row) in (0..).zip(tables.tails()?.range::<&[u8; 40]>(range.start()..=range.end())?) {
        let (key, row) = row?;
        let number = tail_number(key.value());
        moved.damaged |= number != expected;
        for item in items(number, row.value()) {
            match item {
                Item::Entry(owner, epoch, entry) if owner == *object => {
                    moved.entries.push((epoch, entry.to_vec()));
                }
                _ => moved.damaged = true,
            }
        }
    }
    if moved.entries.is_empty() && !moved.damaged { Ok(()) } else { write_tail(tables, new, &moved) }
}
