//! Bytes that are not what was written: found out, told, never a panic, and no harm to the others.

use super::*;
use crate::object::storage::ReadError;
use crate::store::log::{Item, Rows, items};

fn find(file: &[u8], text: &[u8]) -> Vec<usize> {
    file.windows(text.len()).enumerate().filter(|(_, bytes)| *bytes == text).map(|(at, _)| at).collect()
}

/// Changes a byte of every copy of a text in the file.
fn damage(disk: &SimDisk, text: &str, at: usize) {
    let copies = disk.edit(|file| {
        let places = find(file, text.as_bytes());
        places.iter().for_each(|place| file[place + at] ^= 0x40);
        places.len()
    });
    assert!(copies > 0);
}

fn damaged<T>(result: &Result<T, ReadError>) -> bool {
    matches!(result, Err(ReadError::Damaged { .. }))
}

fn two_objects() -> Bench {
    let mut bench = Bench::new();
    for name in ["a", "b"] {
        let long = format!("long-value-of-{name}").repeat(2_000);
        let values = vec![put("k", format!("value-of-{name}")), put("long", long)];
        bench.durable(batch(name, values));
        bench.durable(batch(
            name,
            vec![Write::Record(Record { class: format!("class-of-{name}"), ..record(name, 1) })],
        ));
        bench.durable(batch(name, vec![append(format!("entry-of-{name}")), append("more")]));
    }
    bench
}

#[test]
fn a_damaged_value_is_damaged_and_the_others_are_not() {
    let bench = two_objects().reopen();
    let disk = bench.disk.clone();
    drop(bench);
    damage(&disk, "value-of-a", 3);
    damage(&disk, "class-of-a", 3);
    let mut bench = Bench::open(&disk, StoreSettings::new("")).unwrap();
    let a = bench.store.reader(object("a")).unwrap();
    assert!(damaged(&a.get(b"k")) && damaged(&a.get(b"long")) && damaged(&a.record()));
    assert_eq!(a.journal().unwrap().len(), 2);
    let b = bench.store.reader(object("b")).unwrap();
    assert_eq!(b.get(b"k"), Ok(Some(b"value-of-b".to_vec())));
    assert_eq!(bench.store.to_wake().unwrap().len(), 1);
    drop((a, b));
    let ticket = bench.submit(batch("a", vec![put("k", "over it")]));
    bench.run();
    assert_eq!(ticket.state(), TicketState::Failed, "nothing damaged is overwritten");
}

#[test]
fn a_damaged_entry_is_its_owners_alone_and_until_a_cut() {
    let bench = two_objects();
    let disk = bench.disk.clone();
    drop(bench);
    disk.power_off_at(0);
    disk.power_on(0);
    damage(&disk, "entry-of-a", 3);
    let mut bench = Bench::open(&disk, StoreSettings::new("")).unwrap();
    assert!(damaged(&bench.store.reader(object("a")).unwrap().journal()));
    assert_eq!(bench.store.reader(object("b")).unwrap().journal().unwrap().len(), 2);
    bench.durable(batch("a", vec![append("later")]));
    assert!(damaged(&bench.store.reader(object("a")).unwrap().journal()));
    bench.durable(batch("a", vec![Write::CutJournal, append("new")]));
    assert_eq!(bench.store.reader(object("a")).unwrap().journal(), Ok(vec![b"new".to_vec()]));
}

#[test]
fn a_row_whose_owner_is_unknown_makes_every_journal_suspect() {
    let bench = two_objects();
    let disk = bench.disk.clone();
    drop(bench);
    disk.power_off_at(0);
    disk.power_on(0);
    disk.edit(|file| {
        let id = object("a").as_bytes().to_vec();
        let entries = find(file, b"entry-of-a");
        entries
            .iter()
            .filter(|at| file[*at - 44..].starts_with(&id))
            .copied()
            .collect::<Vec<_>>()
            .iter()
            .for_each(|at| file[at - 44] ^= 1);
    });
    let bench = Bench::open(&disk, StoreSettings::new("")).unwrap();
    assert!(damaged(&bench.store.reader(object("a")).unwrap().journal()));
    assert!(damaged(&bench.store.reader(object("b")).unwrap().journal()));
    assert_eq!(bench.store.reader(object("b")).unwrap().get(b"k"), Ok(Some(b"value-of-b".to_vec())));
}

#[test]
fn every_flipped_bit_of_a_row_is_noticed() {
    let mut rows = Rows::default();
    rows.restart(7);
    rows.entry(&object("a"), Epoch(3), b"entry");
    rows.cut(&object("b"), Epoch(3));
    rows.entry(&object("b"), Epoch(3), b"");
    let row = rows.iter().next().unwrap().1.to_vec();
    let good: Vec<_> = items(7, &row).collect();
    assert_eq!(good.len(), 3);
    assert_eq!(items(8, &row).collect::<Vec<_>>(), [Item::DamagedRest], "a row in another's place");
    for bit in 0..row.len() * 8 {
        let mut flipped = row.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = items(7, &flipped).collect::<Vec<_>>();
        let bad = |item: &Item<'_>| matches!(item, Item::DamagedRest | Item::DamagedEntry(_));
        assert!(read.iter().any(bad), "bit {bit}");
    }
    for length in 0..row.len() {
        let short = items(7, &row[..length]).collect::<Vec<_>>();
        assert!(short.len() < 3 || short.contains(&Item::DamagedRest), "{length}");
    }
}

#[test]
fn random_damage_of_the_file_never_panics_nor_invents() {
    use rand_pcg::rand_core::{Rng, SeedableRng};
    let bench = two_objects().reopen();
    let whole = bench.disk.edit(|file| file.clone());
    let used = find(&whole, b"-of-").last().copied().unwrap();
    let disk = bench.disk.clone();
    drop(bench);
    for seed in 0..300 {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
        disk.power_on(seed);
        disk.edit(|file| {
            file.clone_from(&whole);
            for _ in 0..1 + rng.next_u32() % 8 {
                let at = rng.next_u64() as usize % used;
                file[at] ^= 1 << (rng.next_u32() % 8);
            }
        });
        let Ok(bench) = Bench::open(&disk, StoreSettings::new("")) else { continue };
        for name in ["a", "b"] {
            let Ok(reader) = bench.store.reader(object(name)) else { continue };
            if let Ok(Some(value)) = reader.get(b"k") {
                assert_eq!(value, format!("value-of-{name}").into_bytes());
            }
            let _ = (reader.record(), reader.keys(b""), reader.get(b"long"));
            for entry in reader.journal().unwrap_or_default() {
                assert!(entry == b"more" || entry == format!("entry-of-{name}").as_bytes());
            }
        }
    }
}
