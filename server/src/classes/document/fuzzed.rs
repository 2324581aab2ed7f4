//! What clients send, as a function of bytes alone, for the fuzzers: all that is read before the library sees it. The
//! library itself is not among it: what it cannot take is contained by the replica, panics too, and a fuzzer ends at a panic
//! whether it is contained or not.

use std::sync::OnceLock;

use super::ledger::Ledger;
use super::messages::Heard;
use super::presence;
use super::replica::{Replica, read_vector};
use super::update::Update;

/// A document with something in it.
fn beginning() -> &'static [u8] {
    static BEGINNING: OnceLock<Vec<u8>> = OnceLock::new();
    BEGINNING.get_or_init(|| {
        let changes = serde_json::json!({ "a": 1, "b": [null, "x"] });
        let changes = changes.as_object().expect("it is one");
        let mut replica = Replica::new(1);
        let news = replica.news("map", changes);
        replica.set("map", news).expect("it is new").expect("there is news")
    })
}

fn judged(ledger: &mut Ledger, update: &[u8]) {
    let Ok(update) = Update::read(update) else { return };
    if ledger.take(&update).is_ok() {
        assert_eq!(ledger.take(&update), Ok(()), "what is there can be told again");
        ledger.keys_of("map", &update);
    }
}

/// Frames that come one after the other.
pub(crate) fn fuzzed<'f>(frames: impl Iterator<Item = &'f [u8]>) {
    let mut ledger = Ledger::default();
    judged(&mut ledger, beginning());
    for frame in frames {
        match Heard::read(frame) {
            Ok(Heard::Ask(vector)) => drop(read_vector(vector)),
            Ok(Heard::Answer(update) | Heard::Update(update)) => judged(&mut ledger, update),
            Ok(Heard::Awareness(states)) => drop(presence::read(states)),
            Ok(Heard::QueryAwareness | Heard::Auth) | Err(_) => {}
        }
    }
}
