//! A board is a plain list, sorted, whatever is forgotten and restarted.

use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 2_000;
const USERS: u64 = 400;
const ENTRIES: usize = 350;

/// Users with their scores and when they came to them, the best first.
#[derive(Default)]
struct Model {
    entries: Vec<(String, i64, u64)>,
    keeps: Keeps,
    sorted: Sorted,
    came: u64,
}

impl Model {
    fn submit(&mut self, user: &str, score: i64) {
        let before = self.entries.iter().position(|(its, ..)| its == user);
        let score = match (before.map(|place| self.entries[place].1), self.keeps, self.sorted) {
            (None, ..) | (_, Keeps::Last, _) => score,
            (Some(before), Keeps::Sum, _) => before + score,
            (Some(before), Keeps::Best, Sorted::Descending) => before.max(score),
            (Some(before), Keeps::Best, Sorted::Ascending) => before.min(score),
        };
        if let Some(place) = before {
            if self.entries[place].1 == score {
                return;
            }
            self.entries.remove(place);
        }
        self.came += 1;
        self.entries.push((user.to_owned(), score, self.came));
        let sorted = self.sorted;
        self.entries.sort_by_key(|(_, score, came)| {
            (if sorted == Sorted::Descending { -score } else { *score }, *came)
        });
        self.entries.truncate(ENTRIES);
    }

    fn rank(&self, user: &str) -> Option<u64> {
        self.entries.iter().position(|(its, ..)| its == user).map(|place| place as u64 + 1)
    }
}

fn check(bed: &mut Testbed, model: &Model) {
    let mut seen = Vec::new();
    let mut from = json!(1);
    while !from.is_null() {
        let page = ask(bed, "top", json!({ "from": from, "limit": PAGE_MAX })).unwrap();
        assert_eq!(page["total"], model.entries.len());
        seen.extend(pairs(&page["entries"]));
        from = page["next"].clone();
    }
    let expected: Vec<(String, i64)> =
        model.entries.iter().map(|(user, score, _)| (user.clone(), *score)).collect();
    assert_eq!(seen, expected);
}

fn run(mut bed: Testbed, keeps: Keeps, sorted: Sorted, seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut model = Model { keeps, sorted, ..Model::default() };
    configure(&mut bed, json!({ "keeps": keeps, "sorted": sorted, "entries_max": ENTRIES }));
    for operation in 0..OPERATIONS {
        let mut below = |end: u64| random.next_u64() % end;
        let user = format!("u{}", below(USERS));
        match below(100) {
            0 => {
                bed.restart();
                check(&mut bed, &model);
            }
            1 => {
                ask(&mut bed, "reset", Value::Null).unwrap();
                model.entries.clear();
            }
            2..=9 => {
                let removed = ask(&mut bed, "remove", json!({ "user": user }));
                assert_eq!(removed.is_ok(), model.rank(&user).is_some());
                model.entries.retain(|(its, ..)| *its != user);
            }
            10..=19 => {
                let scores: std::collections::BTreeMap<String, i64> =
                    (0..100).map(|_| (format!("u{}", below(USERS)), below(50) as i64 - 25)).collect();
                ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
                scores.iter().for_each(|(user, score)| model.submit(user, *score));
            }
            20..=24 => bed.advance(Duration::from_secs(11)),
            _ => {
                let score = below(50) as i64 - 25;
                model.submit(&user, score);
                assert_eq!(submit(&mut bed, &user, score)["rank"], json!(model.rank(&user)), "{operation}");
            }
        }
    }
    check(&mut bed, &model);
}

#[test]
fn a_board_is_a_plain_list_for_two_thousand_random_operations() {
    run(bed(), Keeps::Best, Sorted::Descending, 0xb0a2d);
    run(bed().forgetful(), Keeps::Sum, Sorted::Ascending, 0xb0a2e);
    run(bed(), Keeps::Last, Sorted::Descending, 0xb0a2f);
}
