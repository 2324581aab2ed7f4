//! What somebody is, and when it ends.

use super::*;

#[test]
fn a_socket_makes_online_and_what_a_heartbeat_says_holds() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        assert_eq!(there(&mut bed), ["ann"]);
        send(&mut bed, ann, &json!({ "t": "beat", "status": "away" }));
        assert_eq!(there(&mut bed), ["(ann)"]);
        send(&mut bed, ann, &json!({ "t": "beat" }));
        assert_eq!(there(&mut bed), ["(ann)"], "a heartbeat alone changes nothing");
        send(&mut bed, ann, &json!({ "t": "beat", "status": "offline" }));
        assert!(there(&mut bed).is_empty());
        send(&mut bed, ann, &json!({ "t": "beat" }));
        assert_eq!(there(&mut bed), ["ann"]);
        let away = json!({ "status": "away" });
        let seen = call_as(&mut bed, user("bob"), "beat", away).unwrap();
        assert_eq!(seen, json!({ "user": "bob", "status": "away", "typing": false }), "without a socket");
        let asked = ask(&mut bed, "get", json!({ "users": ["bob", "cid", "ann"] })).unwrap();
        assert_eq!(
            asked["users"].as_array().unwrap().iter().map(short).collect::<Vec<_>>(),
            ["(bob)", "-cid", "ann"]
        );
    }
}

#[test]
fn without_a_heartbeat_a_user_goes_offline_after_a_minute_and_no_later_than_a_quarter_more() {
    for mut bed in beds() {
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        for _ in 0..4 {
            bed.advance(SECOND * 20);
            send(&mut bed, ann, &json!({ "t": "beat" }));
        }
        assert_eq!(there(&mut bed), ["ann"], "bob had his 75 s");
        assert_eq!(changes(&bed, ann).last().unwrap(), &["-bob"]);
        assert_eq!(bed.client(bob).closed, None, "his socket stays");
        send(&mut bed, bob, &json!({ "t": "beat" }));
        assert_eq!(there(&mut bed), ["ann", "bob"]);
        bed.advance(Duration::from_millis(59_999));
        assert_eq!(there(&mut bed), ["ann", "bob"]);
        bed.advance(SECOND * 15 + Duration::from_millis(1));
        assert!(there(&mut bed).is_empty());
    }
}

#[test]
fn the_expiry_and_the_grace_are_configured() {
    for mut bed in beds() {
        let rules = json!({ "expiry_ms": 8_000, "grace_ms": 0 });
        assert_eq!(ask(&mut bed, "configure", rules.clone()).unwrap(), rules);
        let ann = enter(&mut bed, "ann");
        bed.advance(Duration::from_millis(9_999));
        assert_eq!(there(&mut bed), ["ann"]);
        bed.advance(Duration::from_millis(1));
        assert!(there(&mut bed).is_empty());
        send(&mut bed, ann, &json!({ "t": "beat" }));
        leave(&mut bed, ann);
        assert!(there(&mut bed).is_empty());
        let refused = call_as(&mut bed, user("ann"), "configure", json!({ "grace_ms": 1 }));
        assert!(matches!(refused, Err(CallError::Forbidden(_))));
    }
}

#[test]
fn who_closes_goes_offline_after_a_grace_and_a_reload_is_not_seen() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let bob = enter(&mut bed, "bob");
        bed.advance(SECOND);
        assert_eq!(changes(&bed, ann).len(), 1);
        leave(&mut bed, bob);
        bed.advance(Duration::from_millis(4_999));
        let (bob, window) = (enter(&mut bed, "bob"), enter(&mut bed, "bob"));
        bed.advance(SECOND * 10);
        assert_eq!(changes(&bed, ann).len(), 1, "a reload within the grace");
        leave(&mut bed, bob);
        bed.advance(SECOND * 10);
        assert_eq!(there(&mut bed), ["ann", "bob"], "another window is open");
        leave(&mut bed, window);
        bed.advance(Duration::from_millis(4_999));
        assert_eq!(there(&mut bed), ["ann", "bob"]);
        bed.advance(Duration::from_millis(1));
        assert_eq!(there(&mut bed), ["ann"]);
        assert_eq!(changes(&bed, ann)[1..], [["-bob"]]);
    }
}

#[test]
fn typing_ends_by_itself_and_with_the_socket() {
    for mut bed in beds() {
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        bed.advance(SECOND);
        send(&mut bed, bob, &json!({ "t": "beat", "typing": true }));
        bed.advance(SECOND * 5 - Duration::from_millis(1));
        assert_eq!(there(&mut bed), ["ann", "bob..."]);
        bed.advance(SECOND * 2);
        assert_eq!(there(&mut bed), ["ann", "bob"]);
        send(&mut bed, bob, &json!({ "t": "beat", "typing": true }));
        bed.advance(SECOND);
        send(&mut bed, bob, &json!({ "t": "beat", "typing": false }));
        bed.advance(SECOND);
        send(&mut bed, bob, &json!({ "t": "beat", "typing": true }));
        bed.advance(SECOND);
        leave(&mut bed, bob);
        bed.advance(SECOND);
        let seen: Vec<_> = changes(&bed, ann).into_iter().skip(1).flatten().collect();
        assert_eq!(seen, ["bob...", "bob", "bob...", "bob", "bob...", "bob"]);
    }
}

#[test]
fn the_alarm_stops_when_nobody_is_left_and_nothing_stays_stored_of_users() {
    for mut bed in beds() {
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        assert_eq!(bed.alarms("presence", SPACE).len(), 1);
        leave(&mut bed, ann);
        leave(&mut bed, bob);
        bed.advance(SECOND * 6);
        assert!(bed.alarms("presence", SPACE).is_empty());
        assert!(bed.stored("presence", SPACE).keys(b"user/").unwrap().is_empty());
        bed.advance(SECOND * 3600);
        assert!(!bed.is_awake("presence", SPACE));
    }
}

#[test]
fn after_a_restart_who_does_not_come_back_goes_offline() {
    let mut bed = Testbed::new().object::<Presence>();
    enter(&mut bed, "ann");
    enter(&mut bed, "bob");
    bed.restart();
    assert_eq!(there(&mut bed), ["ann", "bob"], "it is stored");
    let ann = enter(&mut bed, "ann");
    for _ in 0..4 {
        bed.advance(SECOND * 20);
        send(&mut bed, ann, &json!({ "t": "beat" }));
    }
    assert_eq!(there(&mut bed), ["ann"]);
    assert_eq!(changes(&bed, ann).last().unwrap(), &["-bob"]);
}

#[test]
fn heartbeats_write_once_in_a_quarter_of_the_expiry() {
    let mut bed = Testbed::new().object::<Presence>();
    let ann = enter(&mut bed, "ann");
    bed.advance(SECOND);
    let before = bed.commits();
    for _ in 0..60 {
        bed.advance(SECOND);
        send(&mut bed, ann, &json!({ "t": "beat" }));
    }
    let commits = bed.commits() - before;
    assert!((3..=6).contains(&commits), "{commits} commits of 60 heartbeats");
}
