//! What a wallet promises when processes die, and when others do not answer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::tests::{ask, bed, deposit, named};
use super::*;
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::id::Identity;
use crate::object::storage::{Record, Write, WriteBatch};
use crate::runtime::ports::Store as _;
use crate::testing::{Pending, Testbed};
use tickstone_shared::ids::Epoch;

/// What can be spent in a wallet, and what is on its way out of it.
fn standing(bed: &mut Testbed, name: &str) -> (u64, usize) {
    let standing = ask(bed, name, "list", Value::Null).unwrap();
    let balances = standing["balances"].as_object().unwrap();
    let sum = balances.values().map(|balance| balance.as_u64().unwrap()).sum();
    (sum, standing["on_the_way"].as_array().unwrap().len())
}

/// The ids of a wallet's log, of one kind.
fn logged(bed: &mut Testbed, name: &str, kind: &str) -> Vec<String> {
    let log = ask(bed, name, "log", json!({ "limit": LOG_PAGE_MAX })).unwrap();
    let entries = log["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == kind);
    entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

/// Transfers of a scenario: id, from, to, amount. Both ways, within, back again; the fifth is refused.
const TRANSFERS: [(&str, &str, &str, u64); 6] = [
    ("t0", "ann", "bob", 10),
    ("t1", "ann", "bob", 20),
    ("t2", "bob", "ann", 5),
    ("t3", "ann", "cid", 1),
    ("t4", "ann", "full", 7),
    ("t5", "cid", "bob", 1),
];

fn body(id: &str, to: &str, amount: u64) -> Value {
    json!({ "id": id, "to_wallet": to, "amount": amount })
}

/// Runs the scenario; the process dies at the n-th commit after the deposits, if it comes to that. True: it did.
fn crashes_and_nothing_is_lost(n: u64, mut bed: Testbed) -> bool {
    deposit(&mut bed, "ann", "d", "", 100);
    deposit(&mut bed, "full", "d", "", AMOUNT_MAX);
    bed.crash_at_commit(n);
    let mut answers = Vec::new();
    for (id, from, to, amount) in TRANSFERS {
        answers.push(bed.call("wallet", from, "transfer", body(id, to, amount)));
    }
    let crashed = answers.iter().any(|answer| matches!(answer, Err(CallError::Reset)));
    // Whoever was not answered asks again; what was on its way is asked for by alarm.
    bed.advance(RETRY_FIRST * 4);
    for ((id, from, to, amount), before) in TRANSFERS.into_iter().zip(answers) {
        let again = bed.call("wallet", from, "transfer", body(id, to, amount));
        match before {
            Err(CallError::Reset) => {}
            // What a crash kept from arriving may be there by now.
            Err(CallError::Conflict { code: "insufficient_funds", .. }) => {}
            told => assert_eq!(again, told, "{n}: what was told of {id} stands"),
        }
    }
    bed.advance(RETRY_FIRST * 4);
    let mut of = |name: &str| standing(&mut bed, name);
    assert_eq!(
        [of("ann"), of("bob"), of("cid"), of("full")],
        [(74, 0), (26, 0), (0, 0), (AMOUNT_MAX, 0)],
        "{n}"
    );
    for name in ["ann", "bob", "cid", "full"] {
        for kind in ["sent", "received"] {
            let ids = logged(&mut bed, name, kind);
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{n}: {kind} twice by {name}");
        }
        assert!(bed.alarms("wallet", name).is_empty());
    }
    assert_eq!(logged(&mut bed, "ann", "returned"), ["t4"]);
    assert_eq!(logged(&mut bed, "full", "received"), [""; 0]);
    crashed
}

#[test]
fn a_crash_at_any_commit_of_either_wallet_loses_nothing_and_doubles_nothing() {
    for make in [bed, || bed().forgetful()] {
        let crashes = (1..=40).filter(|n| crashes_and_nothing_is_lost(*n, make())).count();
        assert!((12..40).contains(&crashes), "every commit of the scenario, and beyond: {crashes}");
    }
}

#[test]
fn two_crashes_in_one_transfer_lose_nothing() {
    for (first, second) in (1..=4).flat_map(|first| (1..=4).map(move |second| (first, second))) {
        let mut bed = bed();
        deposit(&mut bed, "ann", "d", "", 10);
        bed.crash_at_commit(first);
        let _unknown = bed.call("wallet", "ann", "transfer", body("t", "bob", 4));
        bed.crash_at_commit(second);
        bed.advance(RETRY_FIRST * 4);
        let _unknown = bed.call("wallet", "ann", "transfer", body("t", "bob", 4));
        bed.advance(RETRY_FIRST * 8);
        assert!(ask(&mut bed, "ann", "transfer", body("t", "bob", 4)).is_ok());
        assert_eq!(standing(&mut bed, "ann"), (6, 0), "{first} {second}");
        assert_eq!(standing(&mut bed, "bob"), (4, 0), "{first} {second}");
    }
}

/// A wallet that cannot be woken: what is stored of it is none of this class's.
fn break_wallet(bed: &Testbed, name: &str) -> Identity {
    let identity = Identity::named("wallet", named(name));
    write(bed, &identity, Write::Put { key: b"balance/".into(), value: vec![0xff; 11] });
    identity
}

fn write(bed: &Testbed, identity: &Identity, write: Write) {
    let record = Record {
        class: "wallet".to_owned(),
        name: identity.name.clone(),
        epoch: Epoch(1),
        node: 1,
        class_version: 1,
        wake_at_start: false,
    };
    let writes = vec![Write::Record(record), write];
    let batch =
        WriteBatch { object: identity.id, node: 1, epoch: Epoch(1), writes, urgent: false, ticket: None };
    bed.store().submit(batch).unwrap();
}

fn begin(bed: &mut Testbed, id: &str, to: &str) -> Pending {
    bed.begin_call(Caller::Operator, "wallet", "ann", "transfer", body(id, to, 1))
}

#[test]
fn what_cannot_arrive_stays_on_its_way_is_asked_for_again_and_holds_up_nobody_else() {
    let mut bed = bed();
    deposit(&mut bed, "ann", "d", "", 1000);
    let broken = break_wallet(&bed, "bob");
    let stuck = begin(&mut bed, "t0", "bob");
    let by_id = begin(&mut bed, "t1", &broken.id.to_string());
    bed.settle();
    assert!(ask(&mut bed, "ann", "transfer", body("u", "cid", 1)).is_ok(), "others go on");
    assert_eq!(standing(&mut bed, "ann"), (997, 2));
    assert!(stuck.answer().is_none() && by_id.answer().is_none());
    bed.advance(Duration::from_secs(31));
    assert_eq!(stuck.answer(), Some(Err(CallError::TimedOut)));
    let due = |bed: &Testbed| bed.alarms("wallet", "ann")[0].due_ms - bed.unix_ms();
    bed.advance(Duration::from_secs(3000));
    assert!(due(&bed) <= RETRY_MAX.as_millis() as u64);
    assert_eq!(standing(&mut bed, "ann"), (997, 2), "however long it takes");
    write(&bed, &broken, Write::Delete { key: b"balance/".into() });
    bed.restart();
    bed.advance(RETRY_MAX * 3);
    assert_eq!(standing(&mut bed, "ann"), (997, 0));
    assert_eq!(standing(&mut bed, "bob"), (2, 0), "once each, in their order");
    assert_eq!(logged(&mut bed, "bob", "received"), ["t1", "t0"]);
}

#[test]
fn sixty_four_are_on_their_way_and_not_one_more() {
    let mut bed = bed();
    deposit(&mut bed, "ann", "d", "", 1000);
    break_wallet(&bed, "bob");
    let stuck: Vec<Pending> = (0..ON_THE_WAY_MAX).map(|n| begin(&mut bed, &n.to_string(), "bob")).collect();
    bed.settle();
    assert!(stuck.iter().all(|pending| pending.answer().is_none()));
    assert_eq!(
        ask(&mut bed, "ann", "transfer", body("more", "cid", 1)),
        Err("too_many_on_the_way".to_owned())
    );
    let waiting: Vec<Pending> = (0..WAITING_MAX).map(|_| begin(&mut bed, "0", "bob")).collect();
    bed.settle();
    let refused =
        waiting.iter().filter(|pending| pending.answer() == Some(Err(CallError::Overloaded))).count();
    assert_eq!(refused, 1, "{WAITING_MAX} wait for it, the first caller among them");
    assert_eq!(standing(&mut bed, "ann"), (1000 - ON_THE_WAY_MAX as u64, ON_THE_WAY_MAX));
}

#[test]
fn there_is_room_for_what_may_come_back() {
    let mut bed = bed();
    deposit(&mut bed, "ann", "d", "", AMOUNT_MAX);
    break_wallet(&bed, "bob");
    let _stuck = begin(&mut bed, "t", "bob");
    bed.settle();
    let one = json!({ "id": "e", "amount": 1 });
    assert_eq!(ask(&mut bed, "ann", "deposit", one), Err("out_of_range".to_owned()));
    bed.restart();
    let one = json!({ "id": "e", "amount": 1 });
    assert_eq!(ask(&mut bed, "ann", "deposit", one), Err("out_of_range".to_owned()), "also after a restart");
}

#[test]
fn a_million_senders_and_not_one_more() {
    let mut bed = bed();
    deposit(&mut bed, "ann", "d", "", 10);
    deposit(&mut bed, "cid", "d", "", 10);
    let bob = Identity::named("wallet", named("bob"));
    let count = postcard::to_stdvec(&(SENDERS_MAX - 1)).unwrap();
    write(&bed, &bob, Write::Put { key: b"senders".into(), value: count });
    assert!(ask(&mut bed, "ann", "transfer", body("t", "bob", 1)).is_ok());
    assert_eq!(ask(&mut bed, "cid", "transfer", body("t", "bob", 1)), Err("too_many_senders".to_owned()));
    assert!(ask(&mut bed, "ann", "transfer", body("u", "bob", 1)).is_ok(), "who has sent goes on");
    assert_eq!((standing(&mut bed, "cid"), standing(&mut bed, "bob")), ((10, 0), (2, 0)));
}
