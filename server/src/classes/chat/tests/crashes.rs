//! The process dies at each commit of a story: what somebody was told is there, and nothing is there twice.

use super::*;

/// One step of the story: what is asked, and whether it was answered.
fn step(bed: &mut Testbed, n: u64) -> Result<Value, CallError> {
    match n {
        3 => ask(bed, "delete", json!({ "id": 1 })),
        4 => ask(bed, "mute", json!({ "user": "bob" })),
        6 => ask(bed, "configure", json!({ "history_messages": 3 })),
        8 => ask(bed, "unmute", json!({ "user": "bob" })),
        n => call_as(bed, user("ann"), "say", json!({ "text": n.to_string() })),
    }
}

const STEPS: u64 = 10;

/// Everything that can be asked of the room.
fn look(bed: &mut Testbed) -> Value {
    json!([
        ask(bed, "history", Value::Null).unwrap(),
        ask(bed, "mutes", Value::Null).unwrap(),
        ask(bed, "rules", Value::Null).unwrap(),
    ])
}

#[test]
fn a_crash_at_any_commit_takes_nothing_that_was_answered_and_doubles_nothing() {
    let mut untouched = Testbed::new().object::<Chat>();
    let begins_with = untouched.commits();
    for n in 0..STEPS {
        step(&mut untouched, n).unwrap();
    }
    let (commits, wanted) = (untouched.commits() - begins_with, look(&mut untouched));
    assert!(commits >= STEPS);
    for dies_at in 1..=commits {
        let mut bed = Testbed::new().object::<Chat>();
        bed.crash_at_commit(dies_at);
        for n in 0..STEPS {
            let before = (n > 0).then(|| look(&mut bed));
            if step(&mut bed, n) == Err(CallError::Reset) {
                if let Some(before) = before {
                    assert_eq!(look(&mut bed), before, "it was not answered: commit {dies_at}, step {n}");
                }
                step(&mut bed, n).unwrap();
            }
        }
        assert_eq!(look(&mut bed), wanted, "commit {dies_at}");
    }
}

#[test]
fn nobody_is_told_what_a_crash_took() {
    for dies_at in 1..=4 {
        let mut bed = Testbed::new().object::<Chat>();
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        bed.crash_at_commit(dies_at);
        for n in 0..4 {
            say(&mut bed, ann, &n.to_string());
        }
        let heard = told_of(&bed, bob, "message");
        assert_eq!(heard.len() as u64, dies_at - 1);
        let kept = history(&mut bed);
        assert_eq!(kept.iter().map(|message| &*message.text).collect::<Vec<_>>(), texts(&heard));
    }
}
