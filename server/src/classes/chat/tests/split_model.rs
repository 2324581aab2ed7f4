//! Random operations on a room that is split, beside a plain model of one that is not.

use std::collections::{BTreeMap, BTreeSet};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 1_000;
const USERS: u32 = 12;

#[test]
fn a_split_room_is_what_a_plain_model_of_one_room_is() {
    for bed in beds() {
        run(bed);
    }
}

/// What each socket heard since it came.
type Heard = BTreeMap<SocketId, (String, Vec<u64>)>;

fn run(mut bed: Testbed) {
    let mut dice = Pcg64Mcg::seed_from_u64(11);
    let mut roll = |sides: u32| dice.next_u32() % sides;
    ask(&mut bed, "configure", json!({ "members_max": 2, "parts_max": 8, "burst": 100, "interval_ms": 1 }))
        .unwrap();
    let (mut said, mut heard) = (0, Heard::new());
    let mut objects = BTreeSet::new();
    for n in 0..OPERATIONS {
        let name = format!("u{}", roll(USERS));
        match roll(8) {
            0..3 => {
                let socket = enter(&mut bed, &name);
                let own = heard.values().filter(|(user, _)| *user == name).count();
                assert_eq!(bed.client(socket).closed.is_none(), own < 8, "{n}: {name}");
                if own < 8 {
                    objects.insert(bed.object_of(socket));
                    heard.insert(socket, (name, Vec::new()));
                }
            }
            3 => {
                let place = roll(heard.len() as u32 + 1) as usize;
                if let Some(socket) = heard.keys().nth(place).copied() {
                    heard.remove(&socket);
                    leave(&mut bed, socket);
                }
            }
            4..7 => {
                let place = roll(heard.len() as u32 + 1) as usize;
                match heard.keys().nth(place).copied() {
                    Some(socket) => say(&mut bed, socket, &n.to_string()),
                    None => drop(ask(&mut bed, "announce", json!({ "text": n.to_string() })).unwrap()),
                }
                said += 1;
                heard.values_mut().for_each(|(_, ids)| ids.push(said));
            }
            _ => bed.advance(Duration::from_millis(u64::from(roll(15_000)))),
        }
        if n % 100 == 0 {
            compare(&mut bed, &heard);
        }
    }
    compare(&mut bed, &heard);
    assert!(said > 200 && objects.len() > 4, "too little happened: {said}, {} objects", objects.len());
}

fn compare(bed: &mut Testbed, heard: &Heard) {
    let users: BTreeSet<&String> = heard.values().map(|(user, _)| user).collect();
    let members = ask(bed, "members", Value::Null).unwrap();
    assert_eq!(members, json!({ "members": users.len(), "users": users }));
    for (socket, (user, wanted)) in heard {
        let messages = told_of(bed, *socket, "message");
        let ids: Vec<u64> = messages.iter().map(|message| message["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, *wanted, "{user}");
    }
}
