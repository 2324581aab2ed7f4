//! Classes written the simple way: those of the guide, with the tests that it shows.

#[path = "../../../tests/outside_classes/src/counter.rs"]
mod counter;
#[path = "../../../tests/outside_classes/src/room.rs"]
mod room;

use tickstone_server::testing::Testbed;

use counter::{Counter, CounterCall};

#[test]
fn store_3_who_only_reads_a_simple_object_stores_nothing() {
    let mut bench = Testbed::new().object::<Counter>();
    assert_eq!(bench.ask::<Counter>("empty", &CounterCall::Get), Ok(0));
    assert_eq!(bench.stored("counter", "empty").record(), Ok(None));
    assert_eq!(bench.ask::<Counter>("empty", &CounterCall::Add(1)), Ok(1));
    assert!(bench.stored("counter", "empty").record().unwrap().is_some());
}
