//! STORE 1 to 3 and 7, from a handler.

use serde_json::{Value, json};
use tickstone_server::object::context::WriteRefused;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::storage::{KEY_BYTES_MAX, Range, Start, VALUE_BYTES_MAX};
use tickstone_server::object::values::StorageError;
use tickstone_server::testing::Testbed;

use crate::script::{Happens, SCRIPT, ask, bed, class, null, seconds, versioned};

fn keys(rows: &[(Vec<u8>, Vec<u8>)]) -> Value {
    rows.iter().map(|(key, _)| String::from_utf8(key.clone()).unwrap()).collect::<Vec<_>>().into()
}

#[test]
fn store_1_limits_of_keys_and_values_to_the_byte() {
    let mut bed = bed(|ctx, what| {
        if let Happens::Call(_) = what {
            let mut storage = ctx.storage();
            storage.put(vec![1; KEY_BYTES_MAX], *b"v").unwrap();
            assert_eq!(storage.put(vec![1; KEY_BYTES_MAX + 1], *b"v"), Err(WriteRefused::Key { got: 2049 }));
            storage.put(*b"k", vec![1; VALUE_BYTES_MAX - 1]).unwrap();
            let refused = storage.put(*b"k", vec![1; VALUE_BYTES_MAX]).unwrap_err();
            assert_eq!(refused, WriteRefused::Value { got: VALUE_BYTES_MAX + 1 });
            assert!(refused.to_string().contains("split the value, or keep a file"));
            assert_eq!(storage.get(b"k").unwrap().unwrap().len(), VALUE_BYTES_MAX - 1, "nothing was cut");
        }
        null()
    });
    ask(&mut bed, "limits", 0).unwrap();
}

/// Rows on the disk, rows that are not durable yet, and the handler's own: one order.
#[test]
fn store_1_lists_in_byte_order_whatever_is_durable() {
    let mut bed = Testbed::by_hand().class(class(|ctx, what| {
        let Happens::Call(call) = what else { return null() };
        let mut storage = ctx.storage();
        for key in call.body["put"].as_array().into_iter().flatten() {
            storage.put(key.as_str().unwrap(), *b"v").unwrap();
        }
        for key in call.body["delete"].as_array().into_iter().flatten() {
            storage.delete(key.as_str().unwrap());
        }
        let list = |name: &str| call.body[name].as_str().map(|text| text.as_bytes().to_vec());
        let start = match (list("start"), list("after")) {
            (Some(key), _) => Start::At(key),
            (_, Some(key)) => Start::After(key),
            _ => Start::First,
        };
        let range = Range {
            start,
            end: list("end"),
            prefix: list("prefix").unwrap_or_default(),
            reverse: call.body["reverse"] == true,
            limit: call.body["limit"].as_u64().and_then(|limit| (limit as usize).try_into().ok()),
        };
        Ok(keys(&storage.list(&range).unwrap()))
    }));
    let mut list = |body: Value, durable: bool| {
        let pending =
            bed.begin_call(tickstone_server::object::caller::Caller::Operator, SCRIPT, "one", "list", body);
        bed.settle();
        // An answer waits for what was written before; the next writes do not.
        if durable {
            bed.flush();
            bed.flush();
        }
        pending
    };
    let first = list(json!({ "put": ["a1", "a3", "b1", "c1"] }), true);
    assert_eq!(first.answer(), Some(Ok(json!(["a1", "a3", "b1", "c1"]))));
    let waiting = list(json!({ "put": ["a2", "d1"], "delete": ["b1"] }), false);
    let looks = [
        (json!({}), json!(["a1", "a2", "a3", "c1", "d1"])),
        (json!({ "put": ["a0"], "delete": ["a3"] }), json!(["a0", "a1", "a2", "c1", "d1"])),
        (json!({ "start": "a1", "end": "c1" }), json!(["a1", "a2"])),
        (json!({ "after": "a1", "limit": 2 }), json!(["a2", "c1"])),
        (json!({ "reverse": true, "limit": 3 }), json!(["d1", "c1", "a2"])),
        (json!({ "prefix": "a", "reverse": true }), json!(["a2", "a1", "a0"])),
        (json!({ "prefix": "x" }), json!([])),
    ];
    let answers: Vec<_> = looks.iter().map(|(body, _)| list(body.clone(), false)).collect();
    bed.flush();
    bed.flush();
    assert_eq!(waiting.answer(), Some(Ok(json!(["a1", "a2", "a3", "c1", "d1"]))));
    for ((body, expected), answer) in looks.iter().zip(&answers) {
        assert_eq!(answer.answer(), Some(Ok(expected.clone())), "{body}");
    }
}

#[test]
fn store_2_reads_see_own_writes_and_a_transaction_takes_back_its_own_level() {
    let mut bed = bed(|ctx, what| {
        if !matches!(what, Happens::Call(_)) {
            return null();
        }
        let mut storage = ctx.storage();
        storage.put(*b"a", *b"1").unwrap();
        assert_eq!(storage.get(b"a"), Ok(Some(b"1".to_vec())));
        let outer: Result<(), StorageError> = storage.transaction(|outer| {
            outer.put(*b"b", *b"1")?;
            let inner: Result<(), &str> = outer.transaction(|inner| {
                inner.put(*b"a", *b"2").unwrap();
                inner.put(*b"c", *b"1").unwrap();
                assert_eq!(inner.get(b"c"), Ok(Some(b"1".to_vec())));
                Err("not this")
            });
            assert_eq!(inner, Err("not this"));
            assert_eq!((outer.get(b"a"), outer.get(b"c")), (Ok(Some(b"1".to_vec())), Ok(None)));
            Ok(())
        });
        outer.unwrap();
        let rows = [(b"d".to_vec(), b"1".to_vec()), (vec![1; KEY_BYTES_MAX + 1], Vec::new())];
        assert!(storage.put_all(rows).is_err());
        let read = storage.get_keys([b"a".as_slice(), b"b", b"c", b"d"]).unwrap();
        assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, false]);
        null()
    });
    ask(&mut bed, "write", 0).unwrap();
    assert_eq!(bed.stored(SCRIPT, "one").keys(b"").unwrap(), [b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(bed.commits(), 1, "one commit");
}

#[test]
fn store_2_typed_values_come_back_as_they_were() {
    let mut bed = bed(|ctx, what| {
        if matches!(what, Happens::Call(_)) {
            let value = (7_u32, vec!["x".to_owned()], Some(-1_i64));
            ctx.storage().put_as(*b"k", &value).unwrap();
            assert_eq!(ctx.storage().get_as(b"k"), Ok(Some(value)));
            assert!(matches!(ctx.storage().get_as::<String>(b"k"), Err(StorageError::Type(_))));
            assert_eq!(ctx.storage().get_as::<u8>(b"none"), Ok(None));
        }
        null()
    });
    ask(&mut bed, "typed", 0).unwrap();
}

#[test]
fn store_3_delete_all_leaves_nothing_and_the_next_wake_finds_nothing() {
    let mut bed = bed(|ctx, what| match what {
        Happens::Call(call) => {
            match call.method.as_str() {
                "write" => {
                    ctx.storage().put(*b"k", *b"v").unwrap();
                    ctx.set_alarm("a", ctx.unix_ms() + 3_600_000).unwrap();
                }
                "erase" => {
                    ctx.storage().delete_all();
                    assert_eq!(ctx.storage().get(b"k"), Ok(None));
                    assert_eq!(ctx.alarm("a"), None);
                }
                "erase and write" => {
                    ctx.storage().delete_all();
                    ctx.storage().put(*b"new", *b"v").unwrap();
                    assert_eq!(keys(&ctx.storage().list(&Range::default()).unwrap()), json!(["new"]));
                }
                _ => {}
            }
            Ok(ctx.storage().get(b"k").unwrap().is_some().into())
        }
        _ => null(),
    });
    assert_eq!(ask(&mut bed, "write", 0), Ok(true.into()));
    assert_eq!(ask(&mut bed, "erase", 0), Ok(false.into()));
    assert_eq!(bed.stored(SCRIPT, "one").record(), Ok(None));
    assert!(bed.alarms(SCRIPT, "one").is_empty() && bed.stored(SCRIPT, "one").keys(b"").unwrap().is_empty());
    bed.advance(seconds(7_200));
    assert!(!bed.is_awake(SCRIPT, "one"), "its alarm went, too");
    ask(&mut bed, "write", 0).unwrap();
    ask(&mut bed, "erase and write", 0).unwrap();
    assert_eq!(bed.stored(SCRIPT, "one").keys(b"").unwrap(), [b"new".to_vec()]);
    assert!(bed.stored(SCRIPT, "one").record().unwrap().is_some(), "what is stored has a record");
}

#[test]
fn store_7_an_older_object_migrates_once_in_the_commit_of_its_wake() {
    let answers = |ctx: &mut tickstone_server::object::context::Context<'_>, what: &Happens| match what {
        Happens::Call(_) => {
            ctx.storage().put(*b"k", *b"v").unwrap();
            Ok(ctx.storage().get(b"migrated from").unwrap().map(|from| from[0]).into())
        }
        _ => null(),
    };
    let mut old = Testbed::new().class(versioned(1, answers));
    old.call(SCRIPT, "one", "write", 0).unwrap();
    let mut new = old.rebuilt(vec![versioned(3, answers)]);
    assert_eq!(new.call(SCRIPT, "one", "write", 0), Ok(1.into()));
    assert_eq!(new.stored(SCRIPT, "one").record().unwrap().unwrap().class_version, 3);
    let commits = new.commits();
    new.advance(seconds(60));
    assert_eq!(new.call(SCRIPT, "one", "write", 0), Ok(1.into()));
    assert_eq!(new.commits(), commits + 1, "only what the call wrote");
    let mut older = new.rebuilt(vec![versioned(2, answers)]);
    let refused = older.call(SCRIPT, "one", "write", 0);
    assert!(
        matches!(&refused, Err(CallError::SetAside(reason)) if reason.contains("version 3")),
        "{refused:?}"
    );
    assert_eq!(older.stored(SCRIPT, "one").record().unwrap().unwrap().class_version, 3, "untouched");
}
