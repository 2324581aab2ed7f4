//! A disk that refuses: nothing acked is lost, nothing applied twice, and it works again by itself.

use std::io::ErrorKind;

use super::*;
use crate::runtime::ports::StoreHealth;
use crate::store::sim_disk::Refusal;

pub(super) const ENOSPC: ErrorKind = ErrorKind::StorageFull;

const STEPS: u32 = 12;

fn step(n: u32) -> WriteBatch {
    let mut writes = vec![append(n.to_le_bytes()), put(format!("k{n}"), vec![n as u8; 20_000])];
    if n % 5 == 4 {
        writes.push(Write::CutJournal);
    }
    batch("a", writes)
}

/// Runs the script with one operation refused. Returns false if the script has no such operation.
fn refused_at(nth: u64, refusal: Refusal, kind: ErrorKind) -> bool {
    let settings = StoreSettings { log_rows_max: 4, queue_batches_max: 1_000, ..StoreSettings::new("") };
    let mut bench = Bench::open(&SimDisk::new(), settings).unwrap();
    bench.durable(batch("a", vec![Write::Record(record("a", 1))]));
    let at = bench.disk.operations() + nth;
    bench.disk.refuse(at, refusal, kind);
    let mut tickets = Vec::new();
    for n in 0..STEPS {
        tickets.push(bench.submit(step(n)));
        bench.run_for(Duration::from_millis(40));
    }
    let reached = bench.disk.operations() > at;
    bench.disk.repair();
    bench.run_for(Duration::from_millis(300));
    let states: Vec<_> = tickets.iter().map(|ticket| ticket.state()).collect();
    assert!(states.iter().all(|state| *state == TicketState::Durable), "{nth} {refusal:?}: {states:?}");
    assert_eq!(bench.store.health(), StoreHealth::Writable);
    check(&bench);
    let settings = StoreSettings::new("");
    // As if the process died now.
    bench.disk.power_off_at(0);
    bench.disk.power_on(nth);
    check(&Bench::open(&bench.disk, settings).unwrap());
    reached
}

fn check(bench: &Bench) {
    let reader = bench.store.reader(object("a")).unwrap();
    let expected: Vec<Vec<u8>> = (10..STEPS).map(|n| n.to_le_bytes().to_vec()).collect();
    assert_eq!(reader.journal(), Ok(expected));
    assert_eq!(reader.keys(b"").unwrap().len(), STEPS as usize);
    for n in 0..STEPS {
        assert_eq!(reader.get(format!("k{n}").as_bytes()), Ok(Some(vec![n as u8; 20_000])));
    }
}

#[test]
fn a_disk_that_is_full_at_any_operation_loses_nothing() {
    for refusal in [Refusal::Once, Refusal::UntilRepaired] {
        let reached = (0..).take_while(|nth| refused_at(*nth, refusal, ENOSPC)).count();
        assert!(reached > 50, "{reached}");
    }
}

#[test]
fn an_operation_that_fails_at_any_time_loses_nothing() {
    let reached = (0..).take_while(|nth| refused_at(*nth, Refusal::Once, ErrorKind::Other)).count();
    assert!(reached > 50, "{reached}");
}

#[test]
fn a_full_disk_is_reported_and_read_meanwhile() {
    let mut bench = Bench::new();
    bench.durable(batch("a", vec![put("k", "v")]));
    bench.disk.refuse(bench.disk.operations(), Refusal::UntilRepaired, ENOSPC);
    let ticket = bench.submit(batch("a", vec![put("k", "w")]));
    bench.run_for(Duration::from_secs(3));
    assert_eq!((ticket.state(), bench.store.health()), (TicketState::Pending, StoreHealth::Failing));
    bench.disk.repair();
    bench.run_for(Duration::from_millis(300));
    assert_eq!((ticket.state(), bench.store.health()), (TicketState::Durable, StoreHealth::Writable));
    assert_eq!(bench.store.reader(object("a")).unwrap().get(b"k"), Ok(Some(b"w".to_vec())));
}
