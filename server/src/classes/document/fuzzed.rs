//! What clients send, as a function of bytes alone, for the fuzzers.

use std::sync::OnceLock;

use super::messages::Heard;
use super::presence;
use super::replica::{NotApplied, Replica};
use super::update::Update;

/// Its own edits are this client's.
const CLIENT: u64 = 1;

/// A document with something in it.
fn beginning() -> &'static [u8] {
    static BEGINNING: OnceLock<Vec<u8>> = OnceLock::new();
    BEGINNING.get_or_init(|| {
        let changes = serde_json::json!({ "a": 1, "b": [null, "x"] });
        let changes = changes.as_object().expect("it is one");
        let mut replica = Replica::new(CLIENT);
        let news = replica.news("map", changes);
        replica.set("map", news).expect("it is new").expect("there is news")
    })
}

fn edited(replica: &mut Replica, update: &[u8]) {
    let before = replica.state();
    match replica.apply(update) {
        Ok(None) => {}
        Ok(Some(edit)) => {
            Update::read(&edit).expect("what is stored can be read");
            replica.changes("map", &edit);
            // In what order two stand of whose neighbours somebody lied is not the same for everybody.
            let mut other = Replica::of(2, [&*before]).expect("a state can be read");
            other.apply(&edit).expect("others can apply it");
            Replica::of(2, [&*replica.state()]).expect("a state can be read");
        }
        Err(NotApplied::Refused(_)) => assert_eq!(replica.state(), before),
        Err(NotApplied::Broken(_)) => panic!("the library took badly what was judged to be good"),
    }
}

/// Frames that come one after the other.
pub(crate) fn fuzzed<'f>(frames: impl Iterator<Item = &'f [u8]>) {
    let mut replica = Replica::of(CLIENT, [beginning()]).expect("it was made so");
    for frame in frames {
        match Heard::read(frame) {
            // Refused or not: nothing is changed.
            Ok(Heard::Ask(vector)) => drop(replica.beyond(vector)),
            Ok(Heard::Answer(update) | Heard::Update(update)) => edited(&mut replica, update),
            Ok(Heard::Awareness(states)) => drop(presence::read(states)),
            Ok(Heard::QueryAwareness | Heard::Auth) | Err(_) => {}
        }
    }
    let empty = Replica::new(2);
    replica.become_like(&empty).expect("it can be emptied");
}
