//! Two thousand random operations beside a plain model of a space.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 2_000;
const NAMES: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];

/// One user: away or not, until when, and typing until when.
#[derive(Clone, Copy)]
struct Known {
    is_away: bool,
    until_ms: u64,
    typing_until_ms: u64,
}

#[derive(Default)]
struct Model {
    users: BTreeMap<&'static str, Known>,
    windows: BTreeMap<SocketId, &'static str>,
}

fn later(until_ms: u64, now_ms: u64, span_ms: u64) -> u64 {
    if until_ms >= now_ms + span_ms { until_ms } else { now_ms + span_ms * 5 / 4 }
}

impl Model {
    fn forget(&mut self, now_ms: u64) {
        self.users.retain(|_, known| known.until_ms > now_ms);
    }

    fn beat(&mut self, user: &'static str, is_away: Option<bool>, typing: Option<bool>, now_ms: u64) {
        self.forget(now_ms);
        let new = Known { is_away: false, until_ms: 0, typing_until_ms: 0 };
        let known = self.users.entry(user).or_insert(new);
        known.is_away = is_away.unwrap_or(known.is_away);
        known.until_ms = later(known.until_ms, now_ms, 60_000);
        match typing {
            // What has ended begins anew.
            Some(true) => known.typing_until_ms = later(known.typing_until_ms, now_ms, 5_000),
            Some(false) => known.typing_until_ms = 0,
            None => {}
        }
    }

    fn leave(&mut self, socket: SocketId, now_ms: u64) {
        let Some(user) = self.windows.remove(&socket) else { return };
        if self.windows.values().any(|other| *other == user) {
            return;
        }
        self.forget(now_ms);
        if let Some(known) = self.users.get_mut(user) {
            known.until_ms = known.until_ms.min(now_ms + 5_000);
            known.typing_until_ms = 0;
        }
    }

    fn there(&mut self, now_ms: u64) -> Vec<String> {
        self.forget(now_ms);
        let shown = |(user, known): (&&str, &Known)| {
            let typing = if known.typing_until_ms > now_ms { "..." } else { "" };
            if known.is_away { format!("({user}){typing}") } else { format!("{user}{typing}") }
        };
        self.users.iter().map(shown).collect()
    }
}

/// What a client has made of everything that it was told.
fn believed(bed: &Testbed, socket: SocketId) -> Vec<String> {
    let mut users: BTreeMap<String, Value> = BTreeMap::new();
    for message in told(bed, socket) {
        if message["t"] == "state" {
            users.clear();
        }
        for seen in message["users"].as_array().unwrap() {
            users.insert(seen["user"].as_str().unwrap().to_owned(), seen.clone());
        }
    }
    users.retain(|_, seen| seen["status"] != "offline");
    users.values().map(short).collect()
}

#[test]
fn a_space_is_what_a_plain_model_of_it_is_and_everybody_who_watches_knows_it() {
    for mut bed in beds() {
        let (mut model, mut rng) = (Model::default(), Pcg64Mcg::seed_from_u64(6));
        let (mut most, mut looks) = (0, 0);
        for _ in 0..OPERATIONS {
            let mut below = |limit: u32| rng.next_u32() % limit;
            let user = NAMES[below(6) as usize];
            let is_away = [None, None, Some(true), Some(false)][below(4) as usize];
            let typing = [None, None, Some(true), Some(false)][below(4) as usize];
            let status = is_away.map(|is_away| if is_away { "away" } else { "online" });
            let now_ms = bed.unix_ms();
            match below(8) {
                0 | 1 => {
                    if model.windows.values().filter(|other| **other == user).count() < 8 {
                        model.beat(user, None, None, now_ms);
                        let socket = enter(&mut bed, user);
                        model.windows.insert(socket, user);
                    }
                }
                2 => {
                    if let Some(socket) = model.windows.keys().nth(below(8) as usize).copied() {
                        model.leave(socket, now_ms);
                        leave(&mut bed, socket);
                    }
                }
                3 | 4 => {
                    if let Some((socket, user)) = model.windows.iter().next_back().map(|(s, u)| (*s, *u)) {
                        model.beat(user, is_away, typing, now_ms);
                        send(&mut bed, socket, &json!({ "t": "beat", "status": status, "typing": typing }));
                    }
                }
                5 => {
                    model.beat(user, is_away, typing, now_ms);
                    let body = json!({ "status": status, "typing": typing });
                    call_as(&mut bed, super::user(user), "beat", body).unwrap();
                }
                6 => bed.advance(Duration::from_millis(u64::from(below(3_000)))),
                _ => bed.advance(Duration::from_millis(u64::from(below(40_000)))),
            }
            let there = there(&mut bed);
            assert_eq!(there, model.there(bed.unix_ms()));
            most = most.max(there.len());
            if below(10) == 0 {
                bed.advance(Duration::from_millis(150));
                let wanted = model.there(bed.unix_ms());
                for socket in model.windows.keys() {
                    assert_eq!(believed(&bed, *socket), wanted);
                    looks += 1;
                }
            }
        }
        assert!(most >= 5 && looks > 200, "too little happened: {most} at most, {looks} looks");
    }
}
