//! Two thousand random operations beside a plain model.

use std::collections::{BTreeMap, VecDeque};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const NAMES: [&str; 4] = ["ann", "bob", "cid", "dan"];
const LEASE_MS: u64 = 3000;

/// A key as it should be.
#[derive(Default)]
struct Key {
    /// Who leads, until when.
    led: Option<(usize, u64, u64)>,
    /// The number, the result, until when.
    kept: Option<(u64, u64, u64)>,
    /// Who, until when.
    waiting: VecDeque<(usize, u64, Pending)>,
}

#[derive(Default)]
struct Model {
    number: u64,
    keys: BTreeMap<u32, Key>,
}

impl Model {
    /// The next thing that happens by itself: the end of a lease, in the order of time.
    fn pass(&mut self, now: u64) {
        loop {
            let ends = self.keys.iter().filter_map(|(key, state)| Some((state.led?.2, *key)));
            let Some((at, key)) = ends.min().filter(|(at, _)| *at <= now) else { break };
            let state = self.keys.get_mut(&key).unwrap();
            state.led = None;
            while let Some((who, waits_until, pending)) = state.waiting.pop_front() {
                if waits_until > at {
                    self.number += 1;
                    assert_eq!(lead(&outcome(&pending)), self.number);
                    state.led = Some((who, self.number, at + LEASE_MS));
                    break;
                }
            }
        }
        for state in self.keys.values_mut() {
            state.waiting.retain(|(_, until, _)| *until > now);
            state.kept = state.kept.filter(|(_, _, until)| *until > now);
        }
    }
}

#[test]
fn it_is_a_plain_map_of_queues_for_two_thousand_random_operations() {
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        let (mut model, mut led) = (Model::default(), 0);
        for step in 0..1000 {
            let (who, key, now) = (roll(4) as usize, roll(3), bed.unix_ms());
            let name = format!("k{key}");
            let state = model.keys.entry(key).or_default();
            match roll(6) {
                0 | 1 => {
                    let wait = u64::from(roll(6));
                    let body = json!({ "key": name, "lease_seconds": 3, "wait_seconds": wait });
                    let pending = begin_as(&mut bed, user(NAMES[who]), "begin", body);
                    match (state.led, state.kept) {
                        (Some(_), _) if wait == 0 => assert_eq!(outcome(&pending), Err("in_flight")),
                        (Some(_), _) => {
                            assert!(pending.answer().is_none());
                            state.waiting.push_back((who, now + wait * 1000, pending));
                        }
                        (None, Some((number, result, _))) => {
                            let kept = json!({ "result": result, "number": number, "shared": true });
                            assert_eq!(outcome(&pending), Ok(kept));
                        }
                        (None, None) => {
                            model.number += 1;
                            led += 1;
                            assert_eq!(lead(&outcome(&pending)), model.number);
                            state.led = Some((who, model.number, now + LEASE_MS));
                        }
                    }
                }
                2 => {
                    let keep = u64::from(roll(4));
                    let number = state.led.map_or(model.number, |(_, number, _)| number);
                    let body = json!({ "key": name, "lead": number, "result": step, "keep_seconds": keep });
                    let done = ask(&mut bed, NAMES[who], "finish", body);
                    if state.led.is_some_and(|(leader, ..)| leader == who) {
                        assert_eq!(done, Ok(json!({ "told": state.waiting.len() })));
                        let shared = json!({ "result": step, "number": number, "shared": true });
                        for (_, _, pending) in state.waiting.drain(..) {
                            assert_eq!(outcome(&pending), Ok(shared.clone()));
                        }
                        state.led = None;
                        state.kept = Some((number, step, now + keep * 1000)).filter(|_| keep > 0);
                    } else {
                        assert_eq!(done, Err("not_leading"));
                    }
                }
                3 => {
                    let forgotten = ask(&mut bed, NAMES[who], "forget", json!({ "key": name }));
                    let expected = match (state.led, state.kept.take()) {
                        (Some(_), _) => Err("in_flight"),
                        (None, kept) => Ok(json!({ "forgotten": kept.is_some() })),
                    };
                    assert_eq!(forgotten, expected);
                }
                // Hanging up.
                4 => drop(state.waiting.remove(roll(4) as usize)),
                _ => {
                    bed.advance(Duration::from_millis(u64::from(roll(8)) * 500));
                    model.pass(bed.unix_ms());
                }
            }
        }
        assert!(led > 50, "too little happened");
    }
}
