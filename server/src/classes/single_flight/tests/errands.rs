//! Work that the object has done by another.

use super::*;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, Class, DurableObject, WakeError, WakeReason};
use crate::object::id::Identity;

/// Counts how often it was asked. `later` is answered when it is told to `open`; `unsure` is answered as nobody knows,
/// once.
#[derive(Default)]
struct Worker {
    asked: u64,
    held: Vec<crate::object::contract::CallId>,
}

struct WorkerClass;

impl Class for WorkerClass {
    fn name(&self) -> &'static str {
        "worker"
    }
    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::<Worker>::default()
    }
}

impl DurableObject for Worker {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.asked = ctx.storage().get_as(b"asked")?.unwrap_or_default();
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        match &*call.method {
            "asked" => return Ok(Answer::Now(self.asked.into())),
            "refuse" => return Err(CallError::Conflict { code: "refused", reason: "no".to_owned() }),
            "long" => return Ok(Answer::Now("x".repeat(call.body.as_u64().unwrap() as usize - 2).into())),
            "open" => {
                self.held.drain(..).for_each(|call| ctx.reply(call, Ok(json!("opened"))));
                return Ok(Answer::Now(Value::Null));
            }
            _ => {}
        }
        self.asked += 1;
        ctx.storage().put_as(b"asked", &self.asked)?;
        match &*call.method {
            "later" => self.held.push(call.id),
            "unsure" if self.asked == 1 => ctx.reply(call.id, Err(CallError::Reset)),
            _ => return Ok(Answer::Now(json!({ "asked": self.asked, "with": call.body }))),
        }
        Ok(Answer::Later)
    }
}

fn both() -> Testbed {
    bed().class(Arc::new(WorkerClass))
}

fn both_ways() -> [Testbed; 2] {
    [both(), both().forgetful()]
}

fn work(key: &str, name: &str, method: &str) -> Value {
    json!({ "key": key, "class": "worker", "name": name, "method": method })
}

fn have_done(bed: &mut Testbed, body: Value) -> Pending {
    begin_as(bed, Caller::Operator, "do", body)
}

fn asked(bed: &mut Testbed, name: &str) -> u64 {
    bed.call("worker", name, "asked", Value::Null).unwrap().as_u64().unwrap()
}

#[test]
fn a_hundred_who_want_another_asked_have_it_asked_once() {
    for mut bed in both_ways() {
        let all: Vec<Pending> = (0..100).map(|_| have_done(&mut bed, work("k", "a", "later"))).collect();
        assert!(all.iter().all(|pending| pending.answer().is_none()));
        bed.call("worker", "a", "open", Value::Null).unwrap();
        bed.settle();
        let done = |shared: bool| Ok(json!({ "result": "opened", "number": 1, "shared": shared }));
        assert_eq!(outcome(&all[0]), done(false));
        assert!(all[1..].iter().all(|pending| outcome(pending) == done(true)));
        assert_eq!(outcome(&have_done(&mut bed, work("k", "other", "make"))), done(true), "it is kept");
        assert_eq!((asked(&mut bed, "a"), asked(&mut bed, "other")), (1, 0));
        assert_eq!(lead(&ask(&mut bed, "ann", "begin", json!({ "key": "k" }))), 2, "that is another key");
        bed.advance(60 * SECOND);
        assert_eq!(outcome(&have_done(&mut bed, work("k", "a", "make"))).unwrap()["result"]["asked"], 2);
    }
}

#[test]
fn a_refusal_is_shared_as_it_was_and_not_kept() {
    for mut bed in both_ways() {
        let both = [(); 2].map(|()| {
            bed.begin_call(Caller::Operator, "single_flight", "work", "do", work("k", "a", "refuse"))
        });
        bed.settle();
        assert_eq!(both.each_ref().map(outcome), [Err("refused"), Err("refused")]);
        assert_eq!(outcome(&have_done(&mut bed, work("k", "a", "make"))).unwrap()["shared"], false);
        let mut none = work("k2", "a", "make");
        none["class"] = json!("nothing");
        assert!(matches!(have_done(&mut bed, none).answer(), Some(Err(CallError::NotFound))));
        let long = |bytes: usize| {
            let mut body = work("k3", "a", "long");
            body["body"] = json!(bytes);
            body
        };
        assert_eq!(outcome(&have_done(&mut bed, long(OUTCOME_BYTES_MAX + 1))), Err("invalid"));
        assert!(outcome(&have_done(&mut bed, long(OUTCOME_BYTES_MAX))).is_ok());
    }
}

#[test]
fn what_nobody_knows_is_asked_again_until_it_is_known() {
    for mut bed in both_ways() {
        assert_eq!(outcome(&have_done(&mut bed, work("k", "a", "unsure"))), Err("reset"));
        bed.advance(2 * SECOND);
        let known = ask(&mut bed, "ann", "get", json!({ "key": "k", "of": "do" })).unwrap();
        assert_eq!((&known["result"]["asked"], &known["number"]), (&json!(2), &json!(1)), "the alarm asked");
        assert_eq!(outcome(&have_done(&mut bed, work("k2", "b", "unsure"))), Err("reset"));
        let joined = outcome(&have_done(&mut bed, work("k2", "other", "make"))).unwrap();
        assert_eq!(joined, json!({ "result": { "asked": 2, "with": null }, "number": 2, "shared": true }));
        assert_eq!(asked(&mut bed, "other"), 0, "who comes next joins what is on its way");
    }
}

#[test]
fn a_call_is_made_again_after_a_crash_at_every_commit_and_all_are_told_the_same() {
    for n in 1..=4 {
        let mut bed = both();
        bed.crash_at_commit(n);
        let first = outcome(&have_done(&mut bed, work("k", "a", "make")));
        let second = outcome(&have_done(&mut bed, work("k", "b", "make"))).unwrap();
        if let Ok(first) = &first {
            assert_eq!((&first["result"], &first["number"]), (&second["result"], &second["number"]), "{n}");
        }
        let (a, b) = (asked(&mut bed, "a"), asked(&mut bed, "b"));
        // The call is stored, made, and its reply stored. Before the first nobody knows of it.
        let expected = [(0, 1), (1, 0), (2, 0), (1, 0)][n as usize - 1];
        assert_eq!((first.is_ok(), (a, b)), (n == 4, expected), "{n}");
        bed.advance(20 * SECOND);
        assert_eq!(asked(&mut bed, "a"), a, "{n}: once it is known it is not asked again");
    }
}

#[test]
fn who_may_have_others_asked_is_who_may_ask_everything() {
    let mut bed = both();
    let mut by = |caller: Caller| outcome(&begin_as(&mut bed, caller, "do", work("k", "a", "make")));
    for scope in ["single_flight:*:call", "single_flight:work:call", "*:work:call", "*:*:connect"] {
        assert_eq!(by(user_with("ann", scope)), Err("forbidden"), "{scope}");
    }
    assert_eq!(by(Caller::Anonymous), Err("forbidden"));
    let name = tickstone_shared::ids::ObjectName::parse("a").unwrap();
    for caller in [Caller::Operator, Caller::Object { class: "match", name }, user_with("ann", "*:*:call")] {
        assert!(by(caller).is_ok());
    }
    let forget = json!({ "key": "k", "of": "do" });
    assert_eq!(ask(&mut bed, "ann", "forget", forget.clone()), Err("forbidden"));
    let forgotten = begin_as(&mut bed, Caller::Operator, "forget", forget);
    assert_eq!(outcome(&forgotten), Ok(json!({ "forgotten": true })));
}

#[test]
fn so_many_calls_are_on_their_way_and_not_one_more() {
    let mut bed = both();
    let all: Vec<Pending> =
        (0..ERRANDS_MAX).map(|n| have_done(&mut bed, work(&n.to_string(), "a", "later"))).collect();
    assert_eq!(outcome(&have_done(&mut bed, work("more", "a", "later"))), Err("overloaded"));
    let joined = have_done(&mut bed, work("0", "a", "later"));
    let looked = begin_as(&mut bed, user("ann"), "get", json!({ "key": "1", "of": "do", "wait_seconds": 5 }));
    bed.call("worker", "a", "open", Value::Null).unwrap();
    bed.settle();
    assert!(all.iter().chain([&joined, &looked]).all(|pending| outcome(pending).is_ok()));
    assert!(outcome(&have_done(&mut bed, work("more", "a", "make"))).is_ok(), "there is room again");
    let waits = json!({ "key": "k", "wait_seconds": 1 });
    assert_eq!(ask(&mut bed, "ann", "get", waits), Err("invalid"), "for the object's own calls alone");
}

#[test]
fn who_waits_for_what_takes_too_long_is_told_and_it_goes_on() {
    for mut bed in both_ways() {
        let mut body = work("k", "a", "later");
        body["wait_seconds"] = json!(2);
        let short = have_done(&mut bed, body);
        bed.advance(3 * SECOND);
        assert_eq!(outcome(&short), Err("in_flight"));
        bed.call("worker", "a", "open", Value::Null).unwrap();
        bed.settle();
        let known = ask(&mut bed, "ann", "get", json!({ "key": "k", "of": "do" })).unwrap();
        assert_eq!((&known["result"], asked(&mut bed, "a")), (&json!("opened"), 1));
    }
}
