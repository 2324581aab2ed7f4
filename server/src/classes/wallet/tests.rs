//! What a wallet promises while nothing crashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::id::Identity;
use crate::object::typed::Typed as _;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

pub(super) fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Wallet>::default()))
}

pub(super) fn named(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

/// One that remembers, and one that forgets after every event.
fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

/// What it answers, or the code of why not.
#[track_caller]
pub(super) fn ask(bed: &mut Testbed, name: &str, method: &str, body: Value) -> Result<Value, String> {
    bed.call("wallet", name, method, body).map_err(code)
}

fn code(error: CallError) -> String {
    match error {
        CallError::Conflict { code, .. } => code.to_owned(),
        CallError::Forbidden(_) => "forbidden".to_owned(),
        CallError::Invalid(_) => "invalid".to_owned(),
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn balance(bed: &mut Testbed, name: &str, key: &str) -> u64 {
    ask(bed, name, "balance", json!({ "key": key })).unwrap().as_u64().unwrap()
}

#[track_caller]
pub(super) fn deposit(bed: &mut Testbed, name: &str, id: &str, key: &str, amount: u64) {
    let body = json!({ "id": id, "key": key, "amount": amount });
    assert_eq!(ask(bed, name, "deposit", body).unwrap()["kind"], "deposit");
}

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

#[test]
fn what_a_wallet_sends_another_has_and_every_step_is_in_the_log() {
    for mut bed in beds() {
        assert_eq!(balance(&mut bed, "ann", ""), 0);
        assert_eq!(bed.commits(), 0, "who only reads stores nothing");
        deposit(&mut bed, "ann", "d", "gold", 100);
        let sent = json!({ "id": "t", "key": "gold", "to_wallet": "bob", "to_key": "coins", "amount": 30 });
        let done = ask(&mut bed, "ann", "transfer", sent.clone()).unwrap();
        assert_eq!(
            (&done["kind"], &done["balance"], &done["wallet"]),
            (&json!("sent"), &json!(70), &json!("bob"))
        );
        assert_eq!((balance(&mut bed, "ann", "gold"), balance(&mut bed, "bob", "coins")), (70, 30));
        assert_eq!(ask(&mut bed, "ann", "transfer", sent), Ok(done), "the same again is the same answer");
        let within = json!({ "id": "m", "key": "gold", "to_key": "bank", "amount": 70 });
        let moved = ask(&mut bed, "ann", "transfer", within.clone()).unwrap();
        assert_eq!((&moved["balance"], &moved["to_balance"]), (&json!(0), &json!(70)));
        assert_eq!(ask(&mut bed, "ann", "transfer", within), Ok(moved));
        let taken =
            ask(&mut bed, "bob", "withdraw", json!({ "id": "w", "key": "coins", "amount": 10 })).unwrap();
        assert_eq!((&taken["kind"], &taken["balance"]), (&json!("withdrawal"), &json!(20)));
        bed.restart();
        let standing = ask(&mut bed, "ann", "list", Value::Null).unwrap();
        assert_eq!(standing, json!({ "balances": { "bank": 70 }, "on_the_way": [] }));
        assert!(bed.alarms("wallet", "ann").is_empty(), "nothing is to be asked again");
        let log = ask(&mut bed, "bob", "log", Value::Null).unwrap();
        let kinds: Vec<&Value> =
            log["entries"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["withdrawal", "received"]);
        assert_eq!((&log["entries"][1]["wallet"], &log["entries"][1]["id"]), (&json!("ann"), &json!("t")));
    }
}

#[test]
fn more_than_there_is_is_not_sent() {
    for mut bed in beds() {
        deposit(&mut bed, "ann", "d", "", 10);
        let commits = bed.commits();
        for body in [json!({ "to_key": "b" }), json!({ "to_wallet": "bob" })] {
            let mut body = body;
            body["id"] = json!("t");
            body["amount"] = json!(11);
            assert_eq!(ask(&mut bed, "ann", "transfer", body), refused("insufficient_funds"));
        }
        assert_eq!(
            ask(&mut bed, "ann", "withdraw", json!({ "id": "t", "amount": 11 })),
            refused("insufficient_funds")
        );
        assert_eq!(
            (balance(&mut bed, "ann", ""), bed.commits()),
            (10, commits),
            "and nothing is stored of it"
        );
        let all = json!({ "id": "t", "to_wallet": "bob", "amount": 10 });
        assert!(ask(&mut bed, "ann", "transfer", all).is_ok(), "its id is still good");
        assert_eq!((balance(&mut bed, "ann", ""), balance(&mut bed, "bob", "")), (0, 10));
    }
}

#[test]
fn an_id_is_for_one_thing() {
    for mut bed in beds() {
        let first = json!({ "id": "x", "amount": 5 });
        let done = ask(&mut bed, "ann", "deposit", first.clone()).unwrap();
        assert_eq!(ask(&mut bed, "ann", "deposit", first.clone()), Ok(done));
        assert_eq!(balance(&mut bed, "ann", ""), 5, "once");
        assert_eq!(ask(&mut bed, "ann", "deposit", json!({ "id": "x", "amount": 6 })), refused("id_used"));
        assert_eq!(ask(&mut bed, "ann", "withdraw", first.clone()), refused("id_used"));
        let other = json!({ "id": "x", "amount": 5, "to_wallet": "bob" });
        assert_eq!(ask(&mut bed, "ann", "transfer", other), refused("id_used"));
        assert!(ask(&mut bed, "bob", "deposit", first).is_ok(), "of another wallet it is another");
    }
}

#[test]
fn what_the_other_wallet_cannot_take_comes_back() {
    for mut bed in beds() {
        deposit(&mut bed, "ann", "d", "", 10);
        deposit(&mut bed, "bob", "d", "", AMOUNT_MAX);
        let sent = json!({ "id": "t", "to_wallet": "bob", "amount": 1 });
        assert_eq!(ask(&mut bed, "ann", "transfer", sent.clone()), refused("out_of_range"));
        assert_eq!((balance(&mut bed, "ann", ""), balance(&mut bed, "bob", "")), (10, AMOUNT_MAX));
        ask(&mut bed, "bob", "withdraw", json!({ "id": "w", "amount": 1 })).unwrap();
        assert_eq!(ask(&mut bed, "ann", "transfer", sent), refused("out_of_range"), "the same answer");
        let log = ask(&mut bed, "ann", "log", Value::Null).unwrap();
        assert_eq!(
            (&log["entries"][0]["kind"], &log["entries"][0]["balance"]),
            (&json!("returned"), &json!(10))
        );
        let again = json!({ "id": "u", "to_wallet": "bob", "amount": 1 });
        assert!(ask(&mut bed, "ann", "transfer", again).is_ok());
        assert_eq!(balance(&mut bed, "bob", ""), AMOUNT_MAX);
    }
}

/// Asked as another wallet would.
fn receive(bed: &mut Testbed, sender: &str, number: u64, amount: u64) -> Result<Value, String> {
    let caller = Caller::Object { class: Wallet::CLASS, name: named(sender) };
    let body = json!({ "number": number, "id": "i", "key": "", "amount": amount });
    let pending = bed.begin_call(caller, "wallet", "bob", "receive", body);
    bed.settle();
    pending.answer().unwrap().map_err(code)
}

#[test]
fn what_is_received_again_is_answered_again_by_whatever_name_its_sender_goes() {
    for mut bed in beds() {
        let taken = |number: u64| Ok(json!({ "number": number, "refused": null }));
        let by_id = Identity::named("wallet", named("ann")).id.to_string();
        assert_eq!(receive(&mut bed, "ann", 4, 7), taken(4));
        assert_eq!(receive(&mut bed, "ann", 4, 7), taken(4));
        assert_eq!(receive(&mut bed, &by_id, 4, 7), taken(4));
        assert_eq!(balance(&mut bed, "bob", ""), 7);
        assert_eq!(receive(&mut bed, "cid", 4, 7), taken(4), "another sender's fourth");
        assert_eq!(receive(&mut bed, "ann", 9, 7), taken(9));
        assert_eq!(receive(&mut bed, "ann", 4, 7), refused("Over"), "it was decided long ago");
        assert_eq!(balance(&mut bed, "bob", ""), 21);
        let full = json!({ "number": 10, "refused": "out_of_range" });
        assert_eq!(receive(&mut bed, "ann", 10, AMOUNT_MAX), Ok(full.clone()));
        ask(&mut bed, "bob", "withdraw", json!({ "id": "w", "amount": 21 })).unwrap();
        assert_eq!(receive(&mut bed, "ann", 10, AMOUNT_MAX), Ok(full), "no stays no");
        assert_eq!(balance(&mut bed, "bob", ""), 0);
    }
}

#[test]
fn who_may_make_amounts_and_who_may_only_move_them() {
    let mut bed = bed();
    let user = |scope: &str| Caller::User {
        subject: Subject::parse("ann").unwrap(),
        scopes: Scope::parse(scope).into_iter().collect(),
    };
    let mut by = |caller: Caller, method: &str, body: Value| {
        let pending = bed.begin_call(caller, "wallet", "ann", method, body);
        bed.settle();
        pending.answer().unwrap().map(|_| ()).map_err(code)
    };
    let body = |id: &str| json!({ "id": id, "amount": 1 });
    let not = Err("forbidden".to_owned());
    for caller in [user("wallet:ann:call"), user("wallet:a*:call"), user("counter:*:call"), Caller::Anonymous]
    {
        assert_eq!(by(caller.clone(), "deposit", body("a")), not);
        assert_eq!(by(caller, "withdraw", body("b")), not);
    }
    assert_eq!(by(user("wallet:*:call"), "deposit", body("c")), Ok(()));
    assert_eq!(by(Caller::Operator, "deposit", body("d")), Ok(()));
    let game = Caller::Object { class: "match", name: named("m") };
    assert_eq!(by(game.clone(), "deposit", body("e")), Ok(()));
    let to_bob = json!({ "id": "t", "to_wallet": "bob", "amount": 1 });
    assert_eq!(by(user("wallet:ann:call"), "transfer", to_bob), Ok(()));
    let incoming = json!({ "number": 1, "id": "i", "key": "", "amount": 1 });
    for caller in [user("*:*:*"), Caller::Operator, game] {
        assert_eq!(by(caller, "receive", incoming.clone()), not, "wallets alone send");
    }
}

#[test]
fn a_wallet_has_its_limits_and_not_one_more() {
    let mut bed = bed();
    let text = |bytes: usize| "k".repeat(bytes);
    let mut deposit = |id: &str, key: &str, amount: Value| {
        ask(&mut bed, "ann", "deposit", json!({ "id": id, "key": key, "amount": amount })).map(|_| ())
    };
    let invalid = Err("invalid".to_owned());
    assert_eq!(deposit("1", "full", json!(AMOUNT_MAX)), Ok(()));
    assert_eq!(deposit("2", "full", json!(1)), Err("out_of_range".to_owned()));
    for amount in [json!(0), json!(-1), json!(AMOUNT_MAX + 1), json!(u64::MAX), json!(1.5), json!("1")] {
        assert_eq!(deposit("3", "", amount), invalid);
    }
    assert_eq!(deposit(&text(ID_BYTES_MAX), "", json!(1)), Ok(()));
    assert_eq!(deposit(&text(ID_BYTES_MAX + 1), "", json!(1)), invalid);
    assert_eq!(deposit("", "", json!(1)), invalid);
    assert_eq!(deposit("a\nb", "", json!(1)), invalid);
    assert_eq!(deposit("4", &text(KEY_BYTES_MAX), json!(1)), Ok(()));
    assert_eq!(deposit("5", &text(KEY_BYTES_MAX + 1), json!(1)), invalid);
    for number in 3..KEYS_MAX {
        assert_eq!(deposit(&format!("k{number}"), &number.to_string(), json!(1)), Ok(()));
    }
    assert_eq!(deposit("6", "more", json!(1)), Err("too_many_keys".to_owned()));
    assert_eq!(deposit("6", "7", json!(1)), Ok(()), "those that are there go on");
    let transfer = json!({ "id": "7", "key": "8", "to_key": "more", "amount": 1 });
    assert_eq!(ask(&mut bed, "ann", "transfer", transfer.clone()), refused("too_many_keys"));
    ask(&mut bed, "ann", "withdraw", json!({ "id": "8", "key": "9", "amount": 1 })).unwrap();
    assert!(ask(&mut bed, "ann", "transfer", transfer).is_ok(), "0 makes room");
}

#[test]
fn the_log_is_read_page_by_page() {
    for mut bed in beds() {
        (0..LOG_PAGE_MAX + 5).for_each(|n| deposit(&mut bed, "ann", &n.to_string(), "", 1));
        let mut page = |body: Value| {
            ask(&mut bed, "ann", "log", body).map(|page| {
                let numbers: Vec<u64> = page["entries"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entry| entry["entry"].as_u64().unwrap())
                    .collect();
                (numbers, page["next"].as_u64())
            })
        };
        assert_eq!(page(json!({ "limit": 2 })), Ok((vec![105, 104], Some(104))));
        assert_eq!(page(json!({ "limit": 2, "before": 104 })), Ok((vec![103, 102], Some(102))));
        assert_eq!(page(json!({ "before": 3 })), Ok((vec![2, 1], None)));
        assert_eq!(page(json!({ "before": 1 })), Ok((vec![], None)));
        assert_eq!(page(Value::Null).unwrap().0.len(), 20);
        assert_eq!(page(json!({ "limit": LOG_PAGE_MAX })).unwrap().0.len(), LOG_PAGE_MAX);
        assert_eq!(page(json!({ "limit": LOG_PAGE_MAX + 1 })), Err("invalid".to_owned()));
        assert_eq!(page(json!({ "limit": 0 })), Err("invalid".to_owned()));
    }
}

#[test]
fn hostile_bodies_are_refused_and_change_nothing() {
    for mut bed in beds() {
        deposit(&mut bed, "ann", "d", "", 10);
        let commits = bed.commits();
        let nested = (0..64).fold(json!(1), |inner, _| json!([inner]));
        for method in ["balance", "list", "log", "deposit", "withdraw", "transfer", "receive", "none"] {
            let bodies = [
                json!("secret"),
                json!([[]]),
                json!({ "id": "secret", "amount": 1, "key": 7 }),
                json!({ "id": "secret", "amount": 1, "more": 1 }),
                json!({ "id": 7, "amount": 1 }),
                json!({ "id": "a", "amount": 1e300 }),
                json!({ "id": "a", "amount": 1, "to_wallet": "no name" }),
                json!({ "id": "a", "amount": 1, "to_key": "a\u{0}b" }),
                nested.clone(),
            ];
            for body in bodies {
                match bed.call("wallet", "ann", method, body) {
                    Err(CallError::Invalid(reason)) => assert!(!reason.contains("secret")),
                    other => panic!("{method}: {other:?}"),
                }
            }
        }
        let to_itself = json!({ "id": "a", "amount": 1, "to_wallet": "ann" });
        assert_eq!(ask(&mut bed, "ann", "transfer", to_itself), refused("invalid"));
        assert_eq!((balance(&mut bed, "ann", ""), bed.commits()), (10, commits));
        let socket = bed.connect("wallet", "ann", Caller::Operator);
        assert!(bed.client(socket).closed.is_some(), "it has no sockets");
    }
}

#[test]
fn wallets_are_plain_numbers_for_two_thousand_random_operations() {
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        let mut model: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for step in 0..1000 {
            let (here, there) = ((roll(3), roll(3)), (roll(3), roll(3)));
            let unit = [1, AMOUNT_MAX / 9][roll(2) as usize];
            let amount = u64::from(roll(9) + 1) * unit;
            let (name, key) = (format!("w{}", here.0), here.1.to_string());
            let mut body = json!({ "id": step.to_string(), "key": key, "amount": amount });
            let has = |of: (u32, u32)| model.get(&of).copied().unwrap_or_default();
            let (funds, room) = (has(here) >= amount, |of| has(of) + amount <= AMOUNT_MAX);
            let (method, expected) = match roll(4) {
                0 if room(here) => ("deposit", Ok((None, Some(here)))),
                0 => ("deposit", Err("out_of_range")),
                1 if funds => ("withdraw", Ok((Some(here), None))),
                1 => ("withdraw", Err("insufficient_funds")),
                _ if here == there => continue,
                _ if !funds => ("transfer", Err("insufficient_funds")),
                _ if room(there) => ("transfer", Ok((Some(here), Some(there)))),
                _ => ("transfer", Err("out_of_range")),
            };
            if method == "transfer" {
                body["to_wallet"] = json!(format!("w{}", there.0));
                body["to_key"] = json!(there.1.to_string());
            }
            let answer = ask(&mut bed, &name, method, body.clone());
            match expected {
                Ok((from, to)) => {
                    assert!(answer.is_ok(), "{method} {body}: {answer:?}");
                    from.into_iter().for_each(|from| *model.entry(from).or_default() -= amount);
                    to.into_iter().for_each(|to| *model.entry(to).or_default() += amount);
                    assert_eq!(ask(&mut bed, &name, method, body), answer, "and once alone");
                }
                Err(code) => assert_eq!(answer, refused(code), "{method} {body}"),
            }
            for of in [here, there] {
                let is = balance(&mut bed, &format!("w{}", of.0), &of.1.to_string());
                assert_eq!(is, model.get(&of).copied().unwrap_or_default());
            }
        }
    }
}
