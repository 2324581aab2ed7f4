//! A room that is split is one room.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::classes::chat::part_words::{Event, PartAsks, PartCall, Whom};
use crate::classes::chat::parts::EVENTS_MAX;

/// The limit of members in these tests.
const LIMIT: usize = 10;
/// Who comes.
const MEMBERS: usize = 35;

/// Thirty-five users in a room for ten.
fn crowd(bed: &mut Testbed) -> Vec<SocketId> {
    ask(bed, "configure", json!({ "members_max": LIMIT, "burst": 100 })).unwrap();
    let sockets = (0..MEMBERS).map(|n| enter(bed, &format!("u{n:02}"))).collect();
    bed.advance(SECOND);
    sockets
}

/// Who came, as somebody was told.
fn came(bed: &Testbed, socket: SocketId) -> BTreeSet<String> {
    let alone = told_of(bed, socket, "join").into_iter().map(|told| told["user"].clone());
    let others = told_of(bed, socket, "members");
    let others = others.iter().flat_map(|told| told["joined"].as_array().unwrap().clone());
    alone.chain(others).map(|user| user.as_str().unwrap().to_owned()).collect()
}

/// How many sockets each object of the room has, the most first.
fn spread(bed: &Testbed, sockets: &[SocketId]) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    for socket in sockets {
        *counts.entry(bed.object_of(*socket)).or_insert(0) += 1;
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    counts
}

fn ids(told: &[Value]) -> Vec<u64> {
    told.iter().map(|message| message["id"].as_u64().unwrap()).collect()
}

fn members(bed: &mut Testbed) -> u64 {
    ask(bed, "members", Value::Null).unwrap()["members"].as_u64().unwrap()
}

#[test]
fn a_room_beyond_its_limit_is_one_room_for_all_who_are_in_it() {
    for mut bed in beds() {
        let sockets = crowd(&mut bed);
        assert_eq!(spread(&bed, &sockets), [10, 10, 10, 5]);
        assert!(sockets.iter().all(|socket| bed.client(*socket).closed.is_none()));
        let welcome = &told(&bed, sockets[34])[0];
        assert_eq!((&welcome["t"], &welcome["room"]), (&json!("welcome"), &json!(ROOM)));
        assert_eq!((&welcome["user"], &welcome["members"]), (&json!("u34"), &json!(35)));
        for n in [0, 12, 34, 20, 12] {
            say(&mut bed, sockets[n], &format!("by {n}"));
        }
        ask(&mut bed, "announce", json!({ "text": "all" })).unwrap();
        let first = told_of(&bed, sockets[0], "message");
        assert_eq!(ids(&first), [1, 2, 3, 4, 5, 6], "one order");
        assert!(sockets.iter().all(|socket| told_of(&bed, *socket, "message") == first), "the same for all");
        assert_eq!(history(&mut bed).len(), 6, "one history");
        for n in [0, 5, 11, 33] {
            let later: BTreeSet<String> = (n + 1..MEMBERS).map(|n| format!("u{n:02}")).collect();
            assert!(came(&bed, sockets[n]).is_superset(&later), "{n} is told of all who came later");
            let newest = told_of(&bed, sockets[n], "members").pop().unwrap();
            assert_eq!(newest["members"], 35);
        }
        let page = ask(&mut bed, "members", json!({ "limit": 1000 })).unwrap();
        let users: Vec<String> = (0..MEMBERS).map(|n| format!("u{n:02}")).collect();
        assert_eq!(page, json!({ "members": 35, "users": users }));
        let listed = bed.objects().listings("chat", None, 10, &|_| true);
        assert_eq!(listed[0].entry, json!({ "name": ROOM, "members": 35 }));
        assert_eq!(listed.len(), 1, "parts are not listed");
    }
}

#[test]
fn moderation_reaches_every_part_and_holds_there() {
    for mut bed in beds() {
        let sockets = crowd(&mut bed);
        say(&mut bed, sockets[15], "rude");
        ask(&mut bed, "delete", json!({ "id": 1 })).unwrap();
        assert!(
            sockets
                .iter()
                .all(|socket| told_of(&bed, *socket, "deleted") == [json!({ "t": "deleted", "id": 1 })])
        );
        ask(&mut bed, "mute", json!({ "user": "u15" })).unwrap();
        let muted: Vec<usize> =
            (0..MEMBERS).filter(|n| !told_of(&bed, sockets[*n], "muted").is_empty()).collect();
        assert_eq!(muted, [15], "told to them alone");
        say(&mut bed, sockets[15], "unheard");
        assert_eq!(told_of(&bed, sockets[15], "error")[0]["code"], "not_allowed");
        ask(&mut bed, "unmute", json!({ "user": "u15" })).unwrap();
        bed.send("chat", ROOM, sockets[15], "hello?");
        assert_eq!(told_of(&bed, sockets[15], "error")[1]["code"], "invalid");
        say(&mut bed, sockets[15], "heard");
        assert!(sockets.iter().all(|socket| texts(&told_of(&bed, *socket, "message")) == ["rude", "heard"]));
        ask(&mut bed, "configure", json!({ "burst": 1 })).unwrap();
        say(&mut bed, sockets[34], "one");
        say(&mut bed, sockets[34], "two");
        let error = told_of(&bed, sockets[34], "error");
        assert_eq!((&error[0]["code"], &error[0]["retry_after_ms"]), (&json!("too_fast"), &json!(1000)));
    }
}

#[test]
fn who_leaves_a_part_has_left_the_room_and_makes_place() {
    for mut bed in beds() {
        let sockets = crowd(&mut bed);
        let window = enter(&mut bed, "u20");
        assert_eq!(bed.object_of(window), bed.object_of(sockets[20]), "where the user is already");
        leave(&mut bed, sockets[20]);
        assert!(told_of(&bed, sockets[0], "leave").is_empty());
        leave(&mut bed, window);
        let left = json!({ "t": "leave", "user": "u20", "members": 34 });
        let told_all = |bed: &Testbed| {
            let others = (0..MEMBERS).filter(|n| *n != 20 && *n != 3);
            others.into_iter().all(|n| told_of(bed, sockets[n], "leave").contains(&left))
        };
        assert!(told_all(&bed));
        leave(&mut bed, sockets[3]);
        assert_eq!(members(&mut bed), 33);
        let (first, second) = (enter(&mut bed, "new"), enter(&mut bed, "newer"));
        assert_eq!(bed.object_of(first), bed.object_of(sockets[0]), "the first that has room");
        assert_eq!(bed.object_of(second), bed.object_of(sockets[21]));
        assert_eq!(members(&mut bed), 35);
        bed.advance(Duration::from_secs(60));
        let awake = [("chat", ROOM), ("chat_part", "lobby.1"), ("chat_part", "lobby.3")];
        assert!(awake.into_iter().all(|(class, name)| !bed.is_awake(class, name)), "all of it hibernates");
        say(&mut bed, sockets[34], "after a rest");
        let heard =
            sockets.iter().filter(|socket| texts(&told_of(&bed, **socket, "message")) == ["after a rest"]);
        assert_eq!(heard.count(), 33, "nothing was missed meanwhile");
        assert!(sockets.iter().all(|socket| told_of(&bed, *socket, "welcome").len() == 1));
    }
}

#[test]
fn a_room_has_so_many_parts_and_not_one_more() {
    let mut bed = split_bed(Testbed::new());
    ask(&mut bed, "configure", json!({ "members_max": 1, "parts_max": 2 })).unwrap();
    let closed = |bed: &mut Testbed, name: &str| {
        let socket = enter(bed, name);
        bed.client(socket).closed.map(|(code, _)| code)
    };
    let all: Vec<_> = ["ann", "bob", "cid", "dan"].map(|name| closed(&mut bed, name)).into();
    assert_eq!(all, [None, None, None, Some(4423)]);
    let windows: Vec<_> = (0..8).map(|_| closed(&mut bed, "cid")).collect();
    assert_eq!(windows.iter().filter(|closed| closed.is_some()).count(), 1, "eight sockets of one user");
    ask(&mut bed, "configure", json!({ "parts_max": 32 })).unwrap();
    for n in 0..30 {
        assert_eq!(closed(&mut bed, &format!("u{n}")), None, "{n}");
    }
    assert_eq!((closed(&mut bed, "more"), members(&mut bed)), (Some(4423), 33));
    let long = "n".repeat(126);
    bed.call("chat", &long, "configure", json!({ "members_max": 1 })).unwrap();
    for (name, code) in [("ann", None), ("bob", Some(4423))] {
        let socket = bed.connect("chat", &long, user(name));
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), code, "no part has so long a name");
    }
}

#[test]
fn who_is_told_where_to_connect_has_a_place_there() {
    let mut bed = split_bed(Testbed::new());
    ask(&mut bed, "configure", json!({ "members_max": 2, "parts_max": 1 })).unwrap();
    let place =
        |bed: &mut Testbed, name: &str| ask(bed, "place", json!({ "user": name })).unwrap()["part"].clone();
    let places = |bed: &mut Testbed| ["a", "b", "c", "d", "e"].map(|name| place(bed, name));
    let part = json!("lobby.1");
    let all_at_once = [Value::Null, Value::Null, part.clone(), part, Value::Null];
    assert_eq!(
        places(&mut bed),
        all_at_once,
        "before any of them has come; the last is to be told that it is full"
    );
    assert_eq!(places(&mut bed), all_at_once, "asking again takes no second place");
    bed.advance(Duration::from_secs(11));
    assert_eq!(place(&mut bed, "f"), Value::Null, "who did not come has lost it");
}

#[test]
fn a_part_listens_to_its_room_alone_and_a_room_to_its_parts() {
    let mut bed = split_bed(Testbed::new());
    let sockets = crowd(&mut bed);
    let name = |name: &str| tickstone_shared::ids::ObjectName::parse(name).unwrap();
    let text = "forged".to_owned();
    let told = PartCall::Told { newest: 99, events: vec![Event { number: 99, whom: Whom::Everybody, text }] };
    let told = serde_json::to_value(told).unwrap()["told"].clone();
    let says = PartAsks::Say { user: "u00".to_owned(), text: "forged".to_owned() };
    let says = serde_json::to_value(says).unwrap();
    let mut refused = |caller: Caller, (class, object, method): (&'static str, &str, &str), body: &Value| {
        let pending = bed.begin_call(caller, class, object, method, body.clone());
        bed.settle();
        matches!(pending.answer(), Some(Err(CallError::Forbidden(_))))
    };
    let object = |class: &'static str, object: &str| Caller::Object { class, name: name(object) };
    for caller in [Caller::Operator, user("ann"), object("chat", "other"), object("wallet", ROOM)] {
        assert!(refused(caller, ("chat_part", "lobby.1", "told"), &told));
    }
    for caller in [Caller::Operator, user("ann"), object("chat_part", "other.1"), object("chat", "lobby.1")] {
        assert!(refused(caller, ("chat", ROOM, "part"), &says));
    }
    assert!(refused(user("ann"), ("chat", ROOM, "place"), &json!({ "user": "ann" })), "the server asks that");
    assert!(!refused(object("chat_part", "lobby.9"), ("chat", ROOM, "part"), &says), "there is no such part");
    assert!(history(&mut bed).is_empty());
    assert!(sockets.iter().all(|socket| told_of(&bed, *socket, "message").is_empty()));
    let astray = bed.connect("chat_part", "elsewhere", user("ann"));
    let lost = bed.connect("chat_part", "lobby.9", user("ann"));
    assert_eq!(bed.client(lost).closed.map(|(code, _)| code), Some(4423), "the room has no such part");
    assert!(bed.client(astray).received.is_empty(), "a part of nothing");
}

/// So many announcements at once that the room cannot tell its parts all of them.
fn flood(bed: &mut Testbed, announcements: usize) {
    let announce = |n: usize| {
        bed.begin_call(Caller::Operator, "chat", ROOM, "announce", json!({ "text": n.to_string() }))
    };
    let all: Vec<_> = (0..announcements).map(announce).collect();
    bed.settle();
    bed.advance(3 * SECOND);
    assert!(all.iter().all(|pending| pending.answer().is_some_and(|answer| answer.is_ok())));
}

#[test]
fn a_part_that_missed_something_asks_for_it_and_after_too_much_all_is_told_anew() {
    let missed = usize::try_from(EVENTS_MAX).unwrap() - 1;
    let mut bed = split_bed(Testbed::new());
    let sockets = crowd(&mut bed);
    flood(&mut bed, missed);
    for socket in &sockets {
        assert_eq!(
            ids(&told_of(&bed, *socket, "message")),
            (1..=missed as u64).collect::<Vec<_>>(),
            "each once"
        );
        assert_eq!(told_of(&bed, *socket, "welcome").len(), 1);
    }
    assert!(bed.alarms("chat", ROOM).is_empty(), "once they know, nothing waits");
    flood(&mut bed, 3 * missed);
    let newest = 4 * missed as u64;
    for (n, socket) in sockets.iter().enumerate() {
        let welcomes = told_of(&bed, *socket, "welcome");
        assert_eq!(welcomes.len(), if n < LIMIT { 1 } else { 2 }, "{n}");
        let messages = ids(&told_of(&bed, *socket, "message"));
        assert!(messages.is_sorted() && messages.windows(2).all(|pair| pair[0] < pair[1]), "{n}");
        if n >= LIMIT {
            let last = welcomes[1]["messages"].as_array().unwrap().last().unwrap().clone();
            assert_eq!((&last["id"], &welcomes[1]["user"]), (&json!(newest), &json!(format!("u{n:02}"))));
        }
    }
    say(&mut bed, sockets[34], "and on");
    assert!(
        sockets.iter().all(|socket| told_of(&bed, *socket, "message").last().unwrap()["id"] == newest + 1)
    );
}

#[test]
fn after_a_restart_nobody_is_in_a_part_and_the_history_is_there() {
    for mut bed in beds() {
        let sockets = crowd(&mut bed);
        say(&mut bed, sockets[34], "before");
        bed.restart();
        assert_eq!(members(&mut bed), 0);
        let again: Vec<SocketId> = (0..MEMBERS).map(|n| enter(&mut bed, &format!("v{n:02}"))).collect();
        assert_eq!(spread(&bed, &again), [10, 10, 10, 5]);
        assert!(
            again
                .iter()
                .all(|socket| texts(told(&bed, *socket)[0]["messages"].as_array().unwrap()) == ["before"])
        );
        say(&mut bed, again[11], "after");
        assert!(again.iter().all(|socket| texts(&told_of(&bed, *socket, "message")) == ["after"]));
        assert_eq!(members(&mut bed), 35);
    }
}

#[test]
fn a_crash_at_any_commit_of_a_split_room_tells_nobody_what_is_not_so() {
    let story = |bed: &mut Testbed| {
        ask(bed, "configure", json!({ "members_max": 1 }))?;
        let sockets = ["ann", "bob", "cid"].map(|name| enter(bed, name));
        for n in 0..4 {
            call_as(bed, user("ann"), "say", json!({ "text": n.to_string() }))?;
        }
        Ok::<_, CallError>(sockets)
    };
    let mut untouched = split_bed(Testbed::new());
    story(&mut untouched).unwrap();
    let commits = untouched.commits();
    assert!(commits > 8, "{commits}");
    for n in 1..=commits {
        let mut bed = split_bed(Testbed::new());
        bed.crash_at_commit(n);
        let _ = story(&mut bed);
        bed.restart();
        let kept = history(&mut bed);
        let numbers: Vec<u64> = kept.iter().map(|message| message.id).collect();
        assert_eq!(numbers, (1..=kept.len() as u64).collect::<Vec<_>>(), "{n}");
        for socket in 1..=3 {
            let heard = told_of(&bed, SocketId(socket), "message");
            assert!(
                heard.len() <= kept.len()
                    && texts(&heard).iter().zip(&kept).all(|(heard, kept)| *heard == kept.text),
                "{n}"
            );
        }
        assert_eq!(members(&mut bed), 0, "{n}: no ghosts");
        ask(&mut bed, "configure", json!({ "members_max": 1 })).unwrap();
        let again = ["ann", "bob", "cid"].map(|name| enter(&mut bed, name));
        call_as(&mut bed, user("dan"), "say", json!({ "text": "again" })).unwrap();
        assert!(again.iter().all(|socket| texts(&told_of(&bed, *socket, "message")) == ["again"]), "{n}");
        assert_eq!(members(&mut bed), 3, "{n}");
    }
}
