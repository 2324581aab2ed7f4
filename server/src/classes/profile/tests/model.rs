//! A profile is two plain maps, and every socket knows them.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 2_000;

#[derive(Default)]
struct Model {
    preferences: BTreeMap<String, Value>,
    notifications: BTreeMap<u64, Value>,
    newest: u64,
}

impl Model {
    fn notify(&mut self, body: Value) {
        self.newest += 1;
        self.notifications.insert(self.newest, body);
        while self.notifications.len() as u64 > NOTIFICATIONS_MAX {
            self.notifications.pop_first();
        }
    }

    fn set(&mut self, key: String, value: Value) -> bool {
        let mut next = self.preferences.clone();
        next.insert(key, value);
        next.retain(|_, value| !value.is_null());
        let fits = next.len() <= PREFERENCES_MAX;
        if fits {
            self.preferences = next;
        }
        fits
    }
}

/// What a client knows that began with a hello and heard everything since.
fn known(bed: &Testbed, socket: SocketId) -> (BTreeMap<String, Value>, u64) {
    let (mut preferences, mut unread) = (BTreeMap::new(), 0);
    for told in told(bed, socket) {
        match told["t"].as_str().unwrap() {
            "hello" => preferences = serde_json::from_value(told["preferences"].clone()).unwrap(),
            "preferences" => {
                preferences.extend(told["changed"].as_object().unwrap().clone());
                preferences.retain(|_, value: &mut Value| !value.is_null());
            }
            _ => {}
        }
        unread = told["unread"].as_u64().unwrap_or(unread);
    }
    (preferences, unread)
}

fn run(mut bed: Testbed, seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut model = Model::default();
    let mut socket = enter(&mut bed);
    for operation in 0..OPERATIONS {
        let mut below = |end: u64| random.next_u64() % end;
        match below(100) {
            0..=2 => {
                bed.restart();
                socket = enter(&mut bed);
            }
            3..=5 => bed.advance(Duration::from_secs(11)),
            6..=9 => {
                let up_to = model.newest.saturating_sub(below(300));
                ask(&mut bed, "read", json!({ "up_to": up_to })).unwrap();
                model.notifications.retain(|id, _| *id > up_to);
            }
            10..=24 => {
                let ids: Vec<u64> = (0..=below(4)).map(|_| model.newest.saturating_sub(below(100))).collect();
                say(&mut bed, socket, json!({ "t": "read", "ids": ids }));
                model.notifications.retain(|id, _| !ids.contains(id));
            }
            25..=54 => {
                let (key, value) = (format!("p{}", below(120)), below(9));
                let value = if value < 3 { Value::Null } else { json!(value) };
                let answer = ask(&mut bed, "set", json!({ "preferences": { key.clone(): value } }));
                assert_eq!(answer.is_ok(), model.set(key, value), "{operation}");
            }
            _ => {
                notify(&mut bed, operation);
                model.notify(json!(operation));
            }
        }
        let unread = model.notifications.len() as u64;
        assert_eq!(known(&bed, socket), (model.preferences.clone(), unread), "{operation}");
    }
    assert_eq!(preferences(&mut bed), json!(model.preferences));
    let mut ids = unread(&mut bed);
    ids.reverse();
    assert_eq!(ids, model.notifications.into_keys().collect::<Vec<_>>());
}

#[test]
fn a_profile_is_two_plain_maps_for_two_thousand_random_operations() {
    run(bed(), 0x9a0f1);
    run(bed().forgetful(), 0x9a0f2);
}
