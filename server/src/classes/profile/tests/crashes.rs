//! What was answered or heard is there, and nothing twice, whenever the process dies.

use super::*;

/// The process dies at the n-th commit, if it comes to that. True: it did.
fn crashes_and_nothing_is_lost(n: u64, mut bed: Testbed) -> bool {
    let mut crashed = false;
    bed.crash_at_commit(n);
    let (mut ids, mut sound) = (Vec::new(), Value::Null);
    for step in 0..6 {
        let socket = enter(&mut bed);
        let note = json!({ "kind": "k", "body": step });
        let answer = ask_as(&mut bed, Caller::Operator, "notify", note);
        let heard = told(&bed, socket).iter().any(|told| told["t"] == "notification");
        assert_eq!(heard, answer.is_ok(), "{n}: nobody hears what a crash took");
        match answer {
            Ok(notification) => ids.push(notification["id"].as_u64().unwrap()),
            Err(_) => crashed = true,
        }
        match ask(&mut bed, "set", json!({ "preferences": { "sound": step } })) {
            Ok(got) => sound = got["preferences"]["sound"].clone(),
            Err(_) => crashed = true,
        }
        if step % 2 == 1 {
            let oldest = ids[0];
            match ask(&mut bed, "read", json!({ "ids": [oldest] })) {
                Ok(_) => drop(ids.remove(0)),
                Err(_) => crashed = true,
            }
        }
        let mut left = unread(&mut bed);
        left.reverse();
        assert_eq!(left, ids, "{n} {step}");
        assert_eq!(preferences(&mut bed).get("sound").unwrap_or(&Value::Null), &sound, "{n} {step}");
    }
    crashed
}

#[test]
fn a_crash_at_any_commit_takes_nothing_of_a_profile_that_was_answered() {
    for make in [bed, || bed().forgetful()] {
        let crashes = (1..=30).filter(|n| crashes_and_nothing_is_lost(*n, make())).count();
        assert!((12..30).contains(&crashes), "every commit of the scenario, and beyond: {crashes}");
    }
}
