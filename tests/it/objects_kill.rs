//! `kill -9` while callers add to counters and talkers say what they number, again and again: what was answered is
//! there afterwards, and nothing is there twice.
//!
//! A counter knows no caller, so what was asked and not answered may have happened, once at most. A talker numbers
//! what it says and goes on where the room's history ends, so a room must have every number once, in order.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{binaries, turn, wait};

use crate::talker::Talker;

const COUNTERS: usize = 2;
const CALLERS: usize = 4;
const ROOMS: usize = 3;
/// Kills, unless `TICKSTONE_OBJECT_KILLS` says more.
const KILLS: u64 = 3;

/// What callers know of a counter.
#[derive(Debug, Default)]
struct Counted {
    answered: u64,
    /// Asked, and the server was gone before it answered.
    unknown: u64,
    /// The highest total that anybody was told.
    highest: u64,
}

/// All that is known outside.
#[derive(Debug, Default)]
struct Known {
    counters: [Mutex<Counted>; COUNTERS],
    /// The number that the talker of a room has heard last.
    heard: [Mutex<u64>; ROOMS],
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn counter(of: usize, method: &str) -> String {
    format!("/v1/objects/counter/c{of}/call/{method}")
}

impl Known {
    /// Adds one, again and again, until the server is gone.
    fn add(&self, http: &Http, of: usize) {
        let mut before = 0;
        loop {
            let answer = http.try_ask("POST", &counter(of, "add"), Some(&json!(1)));
            let mut counted = lock(&self.counters[of]);
            let Some(answer) = answer else {
                counted.unknown += 1;
                return;
            };
            let total = answer.expect(200).as_u64().expect("a total");
            assert!(total > before, "{total} after {before}");
            before = total;
            counted.answered += 1;
            counted.highest = counted.highest.max(total);
        }
    }

    /// Says number after number and hears each, until the server is gone.
    fn talk(&self, server: &Server, of: usize) {
        let room = format!("r{of}");
        let Some(mut talker) = Talker::enter(server, &room, "ann") else { return };
        loop {
            let number = *lock(&self.heard[of]) + 1;
            let line = format!("ann: {number}");
            let said = talker.try_say(&number.to_string());
            // Before the first of its own it hears the history.
            let heard =
                said.and_then(|()| std::iter::from_fn(|| talker.try_hear()).find(|heard| *heard == line));
            if heard.is_none() {
                return;
            }
            *lock(&self.heard[of]) = number;
        }
    }

    /// What a server that was started again has must be what was told.
    fn check(&self, http: &Http) {
        for (of, counted) in self.counters.iter().enumerate() {
            let total = http.post(&counter(of, "get"), &Value::Null).expect(200).as_u64().expect("a total");
            let counted = lock(counted);
            let possible = counted.answered.max(counted.highest)..=counted.answered + counted.unknown;
            assert!(possible.contains(&total), "c{of} has {total}: {counted:?}");
        }
        for (of, heard) in self.heard.iter().enumerate() {
            let path = format!("/v1/objects/room/r{of}/call/history");
            let lines: Vec<String> =
                serde_json::from_value(http.post(&path, &Value::Null).expect(200)).unwrap();
            let numbers: Vec<u64> =
                lines.iter().map(|line| line.strip_prefix("ann: ").unwrap().parse().unwrap()).collect();
            assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1), "r{of}: {numbers:?}");
            let (mut heard, last) = (lock(heard), numbers.last().copied().unwrap_or(0));
            assert!(last == *heard || last == *heard + 1, "r{of} ends with {last}, and {heard} was heard");
            *heard = last;
        }
    }
}

/// Everybody calls and talks for a while, and the server is killed in the middle.
fn round(server: Server, known: &Known, lasts: Duration) -> Plan {
    let http = server.http();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let http = &http;
            scope.spawn(move || known.add(http, caller % COUNTERS));
        }
        for room in 0..ROOMS {
            let server = &server;
            scope.spawn(move || known.talk(server, room));
        }
        wait::pause(lasts);
        server.strike();
    });
    server.kill()
}

#[test]
fn a_killed_server_has_what_its_objects_answered_and_nothing_twice() {
    let _turn = turn::alone();
    let kills = std::env::var("TICKSTONE_OBJECT_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let mut plan = Plan::dev();
    plan.program = binaries::outside("outside_classes");
    let known = Known::default();
    let mut server = plan.start();
    for kill in 0..kills {
        // Not in step with anything of the server.
        let lasts = Duration::from_millis(250 + kill * 7_919 % 500);
        server = round(server, &known, lasts).start();
        known.check(&server.http());
    }
    let answered: u64 = known.counters.iter().map(|counted| lock(counted).answered).sum();
    let unknown: u64 = known.counters.iter().map(|counted| lock(counted).unknown).sum();
    let heard: u64 = known.heard.iter().map(|heard| *lock(heard)).sum();
    println!(
        "{kills} kills: {answered} calls answered, {unknown} not; {heard} messages heard; none lost, none twice"
    );
    assert!(answered >= kills * 20 && heard >= kills * 20, "hardly anything happened: {known:?}");
}
