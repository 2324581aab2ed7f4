//! Every limit, and one beyond it.

use super::*;
use crate::classes::presence::rules::{SOCKETS_PER_USER_MAX, USERS_MAX, WATCHED_MAX};

#[test]
fn every_rule_of_a_space_has_its_bounds() {
    let mut bed = Testbed::new().object::<Presence>();
    for (name, low, high) in [("expiry_ms", 5_000, 3_600_000), ("grace_ms", 0, 60_000)] {
        for fits in [low, high] {
            assert_eq!(ask(&mut bed, "configure", json!({ name: fits })).unwrap()[name], fits);
        }
        for beyond in [low - 1, high + 1] {
            let reason = invalid(ask(&mut bed, "configure", json!({ name: beyond })));
            assert!(beyond < 0 || reason == format!("{name} is {beyond}; expected {low} to {high}"));
        }
        assert_eq!(ask(&mut bed, "rules", Value::Null).unwrap()[name], high);
    }
}

#[test]
fn a_space_has_its_users_and_not_one_more() {
    let mut bed = Testbed::new().object::<Presence>();
    for n in 0..USERS_MAX {
        call_as(&mut bed, user(&format!("u{n}")), "beat", Value::Null).unwrap();
    }
    let refused = call_as(&mut bed, user("late"), "beat", Value::Null);
    assert!(matches!(refused, Err(CallError::Conflict { code: "space_full", .. })), "{refused:?}");
    let late = enter(&mut bed, "late");
    assert_eq!(bed.client(late).closed, Some((4423, "too many users".to_owned())));
    let known = enter(&mut bed, "u7");
    assert_eq!(bed.client(known).closed, None);
    assert_eq!(there(&mut bed).len(), USERS_MAX as usize);
    bed.advance(SECOND * 75);
    call_as(&mut bed, user("late"), "beat", Value::Null).unwrap();
}

#[test]
fn a_user_has_eight_sockets_in_a_space_and_who_says_not_who_they_are_none() {
    let mut bed = Testbed::new().object::<Presence>();
    let sockets: Vec<_> = (0..=SOCKETS_PER_USER_MAX).map(|_| enter(&mut bed, "ann")).collect();
    let closed: Vec<_> = sockets.iter().filter(|socket| bed.client(**socket).closed.is_some()).collect();
    assert_eq!(closed, [&sockets[SOCKETS_PER_USER_MAX]]);
    for caller in [Caller::Anonymous, Caller::Operator] {
        let socket = bed.connect("presence", SPACE, caller.clone());
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), Some(4401));
        let refused = call_as(&mut bed, caller, "beat", Value::Null);
        assert!(matches!(refused, Err(CallError::Forbidden(_))));
    }
}

#[test]
fn lists_of_users_have_their_limits() {
    let mut bed = Testbed::new().object::<Presence>();
    let ann = enter(&mut bed, "ann");
    let short: Vec<String> = (0..=WATCHED_MAX).map(|n| n.to_string()).collect();
    let long = |count: usize| -> Vec<String> { (0..count).map(|n| format!("{n:0128}")).collect() };
    let mut errors = 0;
    for (users, fits) in [
        (short[1..].to_vec(), true),
        (short.clone(), false),
        (long(125), true),
        (long(126), true),
        (long(127), false),
        (vec!["x".repeat(129)], false),
    ] {
        send(&mut bed, ann, &json!({ "t": "watch", "users": users }));
        errors += usize::from(!fits);
        let last = told(&bed, ann).pop().unwrap();
        assert_eq!(last["t"] == "state", fits, "{} users: {}", users.len(), last["detail"]);
    }
    assert_eq!(told(&bed, ann).iter().filter(|told| told["t"] == "error").count(), errors);
    assert!(ask(&mut bed, "get", json!({ "users": short[1..] })).is_ok());
    invalid(ask(&mut bed, "get", json!({ "users": short })));
    for (limit, fits) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        assert_eq!(ask(&mut bed, "list", json!({ "limit": limit })).is_ok(), fits);
    }
    enter(&mut bed, "bob");
    let page = ask(&mut bed, "list", json!({ "after": "ann" })).unwrap();
    assert_eq!(page["users"][0]["user"], "bob");
}
