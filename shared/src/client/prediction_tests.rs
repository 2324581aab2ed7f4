//! Prediction against a server that is a few lines: a sledge on a line, its input a speed.

use super::*;
use crate::ids::NetId;
use crate::predicted::Moving;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Where the sledge is, in tenths of a unit.
#[derive(Debug, Default)]
struct Sledges {
    seat: i64,
    pushed: bool,
}

const KIND: usize = 0;
const STEP_MAX: i64 = 20;

impl Predicted for Sledges {
    type Body = i64;
    const MOVING: &'static [Moving] = &[];
    const SNAP_UNITS: f64 = 3.0;

    fn begin(&mut self, _schema: &Schema, seat: Seat) {
        self.seat = i64::from(seat.0);
    }
    fn look<'a>(&mut self, state: impl Iterator<Item = EntityView<'a>>) -> Option<i64> {
        self.pushed = false;
        let mut own = None;
        for sledge in state {
            match *sledge.values {
                [seat, x] if seat == self.seat => own = Some(x),
                _ => self.pushed = true,
            }
        }
        own
    }
    fn is_alone(&self) -> bool {
        !self.pushed
    }
    fn step(&self, body: &i64, input: &InputRow, _ahead: u64) -> i64 {
        body + speed(input) + i64::from(self.pushed)
    }
    fn starved(&self, last: &InputRow, ticks: u32) -> InputRow {
        row(speed(last) / (1 + i64::from(ticks)))
    }
    fn is_jump(&self, from: &i64, to: &i64, ticks: u64) -> bool {
        (to - from).unsigned_abs() > STEP_MAX as u64 * ticks
    }
    fn place(&self, body: &i64) -> [f64; 2] {
        [*body as f64 / 10.0, 0.0]
    }
}

fn speed(input: &InputRow) -> i64 {
    input.as_slice().first().map_or(0, |byte| i64::from(*byte as i8))
}

fn row(speed: i64) -> InputRow {
    InputRow::new(&[speed as i8 as u8]).unwrap()
}

fn prediction() -> Prediction<Sledges> {
    let mut prediction = Prediction::new(Sledges::default());
    prediction.begin(&Schema { kinds: Vec::new(), input: Vec::new() }, Seat(3));
    prediction
}

fn see(prediction: &mut Prediction<Sledges>, tick: u64, x: i64) -> Outcome {
    let values = [3, x];
    let own = EntityView { id: NetId(1), kind: KIND, values: &values };
    prediction.on_state(Tick(tick), std::iter::once(own))
}

/// The server's sledge by tick: what comes of these inputs where some never arrive.
fn truth(start: i64, inputs: &BTreeMap<u64, i64>, ticks: u64, lost: impl Fn(u64) -> bool) -> Vec<i64> {
    let rules = Sledges::default();
    let (mut bodies, mut last) = (vec![start], None);
    for tick in 1..=ticks {
        let input = match (inputs.get(&tick).filter(|_| !lost(tick)), last) {
            (Some(speed), _) => {
                last = Some((tick, row(*speed)));
                row(*speed)
            }
            (None, Some((then, newest))) => rules.starved(&newest, (tick - then) as u32),
            (None, None) => InputRow::default(),
        };
        bodies.push(rules.step(&bodies[tick as usize - 1], &input, 1));
    }
    bodies
}

#[test]
fn what_was_foreseen_rightly_is_not_touched() {
    let inputs: BTreeMap<u64, i64> = (1..=60).map(|tick| (tick, tick as i64 % 7 - 3)).collect();
    let bodies = truth(100, &inputs, 60, |_| false);
    let mut prediction = prediction();
    assert_eq!(see(&mut prediction, 0, 100), Outcome::Unforeseen);
    for tick in 1..=60 {
        prediction.on_input(Tick(tick), row(inputs[&tick]));
        assert_eq!(prediction.newest_body(), Some(bodies[tick as usize]), "ahead of the server by {tick}");
        if let Some(seen) = tick.checked_sub(8).filter(|seen| *seen > 0) {
            let outcome = see(&mut prediction, seen, bodies[seen as usize]);
            assert_eq!(outcome, Outcome::Compared { error: 0.0, moved: [0.0; 2] });
        }
    }
}

#[test]
fn a_lost_input_is_corrected_once_and_its_size_is_told() {
    let inputs: BTreeMap<u64, i64> = (1..=20).map(|tick| (tick, 6)).collect();
    let bodies = truth(0, &inputs, 20, |tick| tick == 5);
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    inputs.iter().for_each(|(tick, speed)| prediction.on_input(Tick(*tick), row(*speed)));
    assert_eq!(prediction.place_at(20.0), Some([11.4, 0.0]), "it reaches a tick when the next one begins");
    assert_eq!(see(&mut prediction, 4, bodies[4]), Outcome::Compared { error: 0.0, moved: [0.0; 2] });
    let Outcome::Compared { error, moved } = see(&mut prediction, 5, bodies[5]) else {
        panic!("it is compared")
    };
    assert!((error - 0.3).abs() < 1e-9 && (moved[0] + 0.3).abs() < 1e-9, "{error} {moved:?}");
    assert_eq!(prediction.newest_body(), Some(bodies[20]), "run again from what the server says");
    // The player was shown the ticks in between as they were foreseen first: these errors were seen.
    let Outcome::Compared { error, moved } = see(&mut prediction, 6, bodies[6]) else {
        panic!("it is compared")
    };
    assert!((error - 0.3).abs() < 1e-9 && moved == [0.0; 2], "{error} {moved:?}");
}

#[test]
fn whoever_is_put_somewhere_else_begins_there() {
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    (1..=10).for_each(|tick| prediction.on_input(Tick(tick), row(1)));
    assert_eq!(see(&mut prediction, 3, 500), Outcome::Jumped);
    assert_eq!(prediction.newest_body(), Some(507));
    let right = Outcome::Compared { error: 0.0, moved: [0.0; 2] };
    assert_eq!(see(&mut prediction, 4, 501), right, "nothing of before is held against it");
}

#[test]
fn the_dead_are_not_foreseen_and_come_back_afresh() {
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    (1..=10).for_each(|tick| prediction.on_input(Tick(tick), row(2)));
    assert_eq!(prediction.on_state(Tick(4), std::iter::empty()), Outcome::Unforeseen);
    assert_eq!((prediction.newest_body(), prediction.place_at(9.0)), (None, None));
    prediction.on_input(Tick(11), row(2));
    assert_eq!(see(&mut prediction, 5, 70), Outcome::Unforeseen);
    assert_eq!(prediction.newest_body(), Some(82));
}

#[test]
fn the_first_input_of_a_tick_wins_and_ticks_slept_through_are_starved() {
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    prediction.on_input(Tick(1), row(8));
    prediction.on_input(Tick(1), row(1));
    assert_eq!(prediction.newest_body(), Some(8));
    prediction.on_input(Tick(4), row(0));
    assert_eq!(prediction.newest_body(), Some(8 + 4 + 2), "8 / 2, 8 / 3");
}

#[test]
fn others_around_are_run_with_anew() {
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    (1..=10).for_each(|tick| prediction.on_input(Tick(tick), row(0)));
    let (own, other) = ([3, 0], [4, 2]);
    let both = [own, other].map(|values| values.to_vec());
    let entities = both.iter().zip(1..).map(|(values, id)| EntityView { id: NetId(id), kind: KIND, values });
    let Outcome::Compared { error, moved } = prediction.on_state(Tick(1), entities) else {
        panic!("compared")
    };
    assert_eq!(
        (error, moved),
        (0.0, [0.9, 0.0]),
        "it was right for this tick, and is pushed in the nine after"
    );
    let Outcome::Compared { moved, .. } = see(&mut prediction, 2, 1) else { panic!("compared") };
    assert!((moved[0] + 0.8).abs() < 1e-9, "the other is gone: {moved:?}");
}

#[test]
fn nothing_is_foreseen_beyond_two_seconds() {
    let mut prediction = prediction();
    see(&mut prediction, 0, 0);
    for tick in 1..=3 * RING_TICKS as u64 {
        prediction.on_input(Tick(tick), row(1));
    }
    let last = RING_TICKS as i64 - 1;
    assert_eq!(prediction.newest_body(), Some(last));
    assert_eq!(prediction.place_at(1e9), Some([last as f64 / 10.0, 0.0]));
    let newest = 3 * RING_TICKS as u64;
    assert_eq!(see(&mut prediction, newest - 3, 1_000), Outcome::Unforeseen);
    assert_eq!(prediction.newest_body(), Some(1_003), "the last inputs are still there");
}

#[test]
fn the_last_of_all_ticks_is_a_tick() {
    let mut prediction = prediction();
    see(&mut prediction, u64::MAX - 1, 5);
    prediction.on_input(Tick(u64::MAX), row(2));
    assert_eq!(prediction.newest_body(), Some(7));
    assert_eq!(see(&mut prediction, u64::MAX, 7), Outcome::Compared { error: 0.0, moved: [0.0; 2] });
    assert_eq!(prediction.place_at(f64::MAX), Some([0.7, 0.0]));
}

#[test]
fn between_two_ticks_it_is_between_two_places() {
    let mut prediction = prediction();
    see(&mut prediction, 10, 0);
    (11..=13).for_each(|tick| prediction.on_input(Tick(tick), row(10)));
    let at = |position| prediction.place_at(position).unwrap()[0];
    assert_eq!([at(9.0), at(10.5), at(11.0), at(12.5), at(13.0), at(14.5)], [0.0, 0.0, 0.0, 1.5, 2.0, 3.0]);
}

proptest! {
    /// Whatever is lost, late or dead in between: once states come, what is foreseen is what will be.
    #[test]
    fn it_always_finds_back(
        speeds in prop::collection::vec(-9_i64..9, 60),
        lost in prop::collection::vec(any::<bool>(), 40),
        unseen in prop::collection::vec(any::<bool>(), 60),
        latency in 1_u64..20,
    ) {
        let inputs: BTreeMap<u64, i64> = (1..).zip(speeds).collect();
        let is_lost = |tick: u64| lost.get(tick as usize).copied().unwrap_or(false);
        let bodies = truth(0, &inputs, 60, is_lost);
        let mut prediction = prediction();
        see(&mut prediction, 0, 0);
        for tick in 1..=60 + latency {
            if let Some(speed) = inputs.get(&tick) {
                prediction.on_input(Tick(tick), row(*speed));
            }
            let seen = tick.saturating_sub(latency);
            if seen > 0 && (!unseen[seen as usize - 1] || seen == 60) {
                see(&mut prediction, seen, bodies[seen as usize]);
                if seen >= 41 {
                    prop_assert_eq!(prediction.newest_body(), Some(bodies[tick.min(60) as usize]));
                }
            }
        }
    }
}
