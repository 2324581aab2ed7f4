//! Duel: its rules, what it waits for, and what it keeps to itself.

use serde_json::{Value, json};
use tickstone_shared::games::duel::{Duel, Rules};
use tickstone_shared::ids::Seat;
use tickstone_shared::sim::event::{Audience, Event, LeaveReason, Output};
use tickstone_shared::sim::game::{Deadline, Game};
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::snapshot::Snapshot;

use crate::support::{Storm, join, weather};

/// A duel, and everything each player has been sent, hidden cards and all.
struct Table {
    simulation: Simulation<Duel>,
    told: [Vec<(Snapshot, Vec<Output>)>; 2],
}

impl Table {
    fn new(seed: u64) -> Self {
        let simulation = Simulation::start(seed, &Rules { turn_seconds: 9 });
        Self { simulation, told: [Vec::new(), Vec::new()] }
    }

    fn dealt(seed: u64) -> Self {
        let mut table = Self::new(seed);
        table.happen(&join(0));
        table.happen(&join(1));
        table
    }

    fn happen(&mut self, event: &Event) {
        self.simulation.apply(event).unwrap();
        self.simulation.step();
        let (mut shown, mut outputs) = (Snapshot::default(), Vec::new());
        self.simulation.snapshot(&mut shown);
        self.simulation.take_outputs(&mut outputs);
        for (seat, told) in (0..).zip(&mut self.told) {
            let reached = |output: &&Output| {
                output.to == Audience::Everybody || output.to == Audience::Seat(Seat(seat))
            };
            told.push((shown.clone(), outputs.iter().filter(reached).cloned().collect()));
        }
    }

    fn play(&mut self, seat: u16, card: u64) {
        let data = json!({ "play": card }).to_string();
        self.happen(&Event::Message { seat: Seat(seat), data });
    }

    /// The last thing a player was told that has this field.
    fn last(&self, seat: u16, field: &str) -> Value {
        let told = self.told[usize::from(seat)].iter().rev().flat_map(|(_, outputs)| outputs.iter().rev());
        told.map(|output| output.data[field].clone()).find(|value| !value.is_null()).unwrap_or_default()
    }

    fn hand(&self, seat: u16) -> Vec<u64> {
        serde_json::from_value(self.last(seat, "hand")).unwrap_or_default()
    }

    fn deadline(&self) -> Option<Deadline> {
        Duel::deadline(self.simulation.world())
    }

    fn outcome(&self) -> Option<Value> {
        Duel::outcome(self.simulation.world())
    }
}

#[test]
fn five_rounds_are_played_and_more_points_win() {
    let mut table = Table::dealt(3);
    let mut points = [0, 0];
    for round in 0..5 {
        let leader = round % 2;
        for seat in [leader, 1 - leader] {
            assert_eq!(table.outcome(), None);
            let card = table.hand(seat)[0];
            table.play(seat, card);
        }
        let cards: [u64; 2] = serde_json::from_value(table.last(0, "cards")).unwrap();
        points[0] += u64::from(cards[0] > cards[1]);
        points[1] += u64::from(cards[1] > cards[0]);
        assert_eq!(table.last(1, "points"), json!(points));
    }
    let winner = match points[0].cmp(&points[1]) {
        std::cmp::Ordering::Greater => json!(0),
        std::cmp::Ordering::Less => json!(1),
        std::cmp::Ordering::Equal => Value::Null,
    };
    assert_eq!(table.outcome(), Some(json!({ "winner": winner, "reason": "points" })));
    assert_eq!(table.deadline(), None);
}

#[test]
fn what_is_against_the_rules_is_refused_and_changes_nothing() {
    let mut table = Table::new(3);
    table.happen(&join(0));
    table.play(0, 1);
    assert_eq!(table.last(0, "refused"), "the other player is not there yet");
    table.happen(&join(1));
    let (mine, other) = (table.hand(0), table.hand(1));
    table.play(1, other[0]);
    assert_eq!(table.last(1, "refused"), "it is not your turn");
    let missing = (1..=8).find(|card| !mine.contains(card)).unwrap();
    for card in [missing, 0, u64::MAX] {
        table.play(0, card);
        assert_eq!(table.last(0, "refused"), "you do not hold this card");
    }
    table.happen(&Event::Message { seat: Seat(0), data: "null".to_owned() });
    assert_eq!((table.hand(0), table.hand(1)), (mine, other));
}

#[test]
fn every_move_has_a_time_of_its_own_and_who_misses_it_loses() {
    let mut table = Table::new(3);
    assert_eq!(table.deadline(), None, "nobody waits");
    table.happen(&join(0));
    let waiting = table.deadline().unwrap();
    table.happen(&join(1));
    let first = table.deadline().unwrap();
    table.play(1, 1);
    assert_eq!(table.deadline(), Some(first), "what is refused gives no time");
    let card = table.hand(0)[0];
    table.play(0, card);
    let second = table.deadline().unwrap();
    assert_eq!((first.seconds, second.seconds), (9, 9));
    assert!(waiting.number != first.number && first.number != second.number);
    table.happen(&Event::Overdue { number: second.number });
    assert_eq!(table.outcome(), Some(json!({ "winner": 0, "reason": "time" })));
}

#[test]
fn who_waits_in_vain_has_not_won_and_who_leaves_has_lost() {
    let mut table = Table::new(3);
    table.happen(&join(1));
    table.happen(&Event::Overdue { number: 0 });
    assert_eq!(table.outcome(), Some(json!({ "winner": null, "reason": "nobody_came" })));
    assert!(table.simulation.apply(&join(0)).is_err());
    let mut table = Table::dealt(3);
    table.happen(&Event::Leave { seat: Seat(0), reason: LeaveReason::Left });
    assert_eq!(table.outcome(), Some(json!({ "winner": 1, "reason": "left" })));
}

/// Nobody can look at a hand, leave, and tell whoever gets it.
#[test]
fn there_are_no_cards_before_both_players_are_there() {
    let mut table = Table::new(3);
    table.happen(&join(0));
    assert!(table.hand(0).is_empty());
    table.happen(&Event::Leave { seat: Seat(0), reason: LeaveReason::Left });
    table.happen(&join(0));
    table.happen(&join(1));
    assert_eq!((table.hand(0).len(), table.hand(1).len()), (5, 5));
}

#[test]
fn who_returns_is_told_the_hand_again() {
    let mut table = Table::dealt(3);
    let before = table.hand(1);
    table.happen(&Event::Drop { seat: Seat(1) });
    table.happen(&Event::Return { seat: Seat(1) });
    let (_, outputs) = table.told[1].last().unwrap();
    assert_eq!(outputs[0].data, json!({ "hand": before, "laid": null }));
    assert!(table.told[0].last().unwrap().1.is_empty(), "nobody else is");
}

/// Two deals that give seat 0 the same hand, and seat 1 another one with a card in common: that one, and one
/// of each that the other has not.
fn twins() -> ([u64; 2], u64, [u64; 2]) {
    let hands: Vec<_> = (0..400).map(Table::dealt).map(|table| [table.hand(0), table.hand(1)]).collect();
    let pairs = (0..400_usize).flat_map(|one| (0..one).map(move |other| (one, other)));
    let mut same = pairs.filter(|(one, other)| hands[*one][0] == hands[*other][0]);
    same.find_map(|(one, other)| {
        let (mine, theirs) = (&hands[one][1], &hands[other][1]);
        let only = |own: &[u64], not: &[u64]| own.iter().copied().find(|card| !not.contains(card));
        let common = mine.iter().copied().find(|card| theirs.contains(card))?;
        Some(([one as u64, other as u64], common, [only(mine, theirs)?, only(theirs, mine)?]))
    })
    .unwrap()
}

#[test]
fn nothing_a_player_is_sent_depends_on_what_the_other_holds() {
    let (seeds, common, hidden) = twins();
    let mut tables = seeds.map(Table::dealt);
    for (table, hidden) in tables.iter_mut().zip(hidden) {
        let first = table.hand(0)[0];
        table.play(0, first);
        table.play(1, common);
        table.play(1, hidden);
        table.happen(&Event::Message { seat: Seat(1), data: "{}".to_owned() });
    }
    assert_ne!(tables[0].told[1], tables[1].told[1], "they are different deals");
    assert_eq!(tables[0].told[0], tables[1].told[0]);
    for table in &mut tables {
        let answer = table.hand(0)[0];
        table.play(0, answer);
    }
    assert_ne!(tables[0].told[0], tables[1].told[0], "now they are turned up");
}

/// What the tests of determinism would prove nothing without.
#[test]
fn the_weather_ends_duels_in_every_way() {
    let ending = |seed: u64| {
        let mut simulation = Simulation::<Duel>::start(seed, &Rules::default());
        let mut storm = Storm::new::<Duel>(seed, 2);
        (0..400).for_each(|_| weather(&mut simulation, &mut storm));
        Duel::outcome(simulation.world()).map(|outcome| outcome["reason"].clone())
    };
    let endings: Vec<_> = (0..400).map(ending).collect();
    for reason in ["points", "time", "left", "nobody_came"] {
        assert!(endings.contains(&Some(json!(reason))), "none ends by {reason}");
    }
}

#[test]
fn a_turn_lasts_a_second_to_a_week() {
    let game = register::<Duel>();
    let rules = |seconds: u64| {
        game.rules(None, json!({ "turn_seconds": seconds }), &tickstone_shared::sim::assets::Assets::none())
    };
    assert!(rules(1).is_ok() && rules(604_800).is_ok());
    assert!(rules(0).is_err() && rules(604_801).is_err());
}
