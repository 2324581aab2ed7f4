//! Pictures between states made by hand.

use super::*;
use crate::ids::Epoch;
use crate::schema::{Field, FieldKind, KindSchema};
use crate::wire::state::StateMessage;

const MOVING: &[Moving] = &[Moving { kind: "walker", fields: &["x", "y"], step_max: 96 }];

fn schema() -> Schema {
    let field =
        |name: &str, per_unit| Field { name: name.into(), kind: FieldKind::I32, per_unit, private: false };
    let fields = vec![field("x", 256), field("y", 256), field("health", 1)];
    let sign = vec![field("x", 256)];
    Schema {
        kinds: vec![
            KindSchema { name: "sign".into(), fields: sign },
            KindSchema { name: "walker".into(), fields },
        ],
        input: Vec::new(),
    }
}

/// A sign that moves by nobody's rules, and walkers of these ids, places and health.
fn view(sign: i32, walkers: &[(u32, i32, i32)]) -> View {
    let mut body = vec![0, 1, 0];
    [1, sign].iter().for_each(|number| body.extend_from_slice(&number.to_le_bytes()));
    body.extend_from_slice(&[1, walkers.len() as u8, 0]);
    for (id, x, health) in walkers {
        body.extend_from_slice(&id.to_le_bytes());
        [*x, -*x, *health].iter().for_each(|number| body.extend_from_slice(&number.to_le_bytes()));
    }
    let state = StateMessage {
        epoch: Epoch(1),
        tick: Tick(1),
        base: None,
        hash: None,
        body: Some(body),
        entities: None,
        last_input: 0,
        lead: 0,
        starved: 0,
    };
    let mut view = View::default();
    view.replace(&state, &schema()).unwrap();
    view
}

/// A tick, and its walkers.
type State<'a> = (u64, &'a [(u32, i32, i32)]);

fn states(states: &[State<'_>]) -> Interpolation {
    let mut interpolation = Interpolation::default();
    interpolation.begin(&schema(), MOVING);
    for (tick, walkers) in states {
        interpolation.on_state(Tick(*tick), &view(*tick as i32 * 256, walkers));
    }
    interpolation
}

/// Ids, x and health of the walkers shown.
fn shown(interpolation: &Interpolation, tick: f64) -> Vec<(u32, f64, f64)> {
    let mut picture = Picture::default();
    interpolation.show(tick, &mut picture);
    let walkers = picture.entities().filter(|entity| entity.kind == 1);
    walkers
        .map(|walker| {
            assert_eq!(walker.values[1], -walker.values[0]);
            (walker.id.0, walker.values[0], walker.values[2])
        })
        .collect()
}

#[test]
fn what_moves_is_between_two_states_and_the_rest_is_the_older_ones() {
    let interpolation = states(&[(10, &[(7, 256, 100)]), (12, &[(7, 320, 75)])]);
    assert_eq!(shown(&interpolation, 10.0), [(7, 1.0, 100.0)]);
    assert_eq!(shown(&interpolation, 11.0), [(7, 1.125, 100.0)]);
    assert_eq!(shown(&interpolation, 12.0), [(7, 1.25, 75.0)]);
    let mut picture = Picture::default();
    interpolation.show(11.5, &mut picture);
    let sign = picture.entities().next().unwrap();
    assert_eq!((sign.kind, sign.values, picture.beyond_ticks()), (0, &[10.0][..], 0.0));
    assert_eq!(shown(&interpolation, 3.0), [(7, 1.0, 100.0)], "before the first state it is the first");
    assert_eq!(shown(&Interpolation::default(), 3.0), []);
}

#[test]
fn nobody_is_shown_on_the_way_of_a_jump() {
    let interpolation = states(&[(10, &[(7, 0, 100)]), (12, &[(7, 192, 100)]), (14, &[(7, 385, 100)])]);
    assert_eq!(shown(&interpolation, 11.0), [(7, 0.375, 100.0)], "two ticks of the furthest step");
    assert_eq!(shown(&interpolation, 13.9), [(7, 0.75, 100.0)], "one more is a jump");
    assert_eq!(shown(&interpolation, 20.0), [(7, 385.0 / 256.0, 100.0)], "nor do they fly on after one");
}

#[test]
fn beyond_the_newest_state_they_move_on_for_twenty_ticks() {
    let interpolation = states(&[(10, &[(7, 0, 100)]), (12, &[(7, 64, 100)])]);
    assert_eq!(shown(&interpolation, 14.0), [(7, 0.5, 100.0)]);
    assert_eq!(shown(&interpolation, 32.0), [(7, 0.25 + 20.0 * 0.125, 100.0)]);
    assert_eq!(shown(&interpolation, 500.0), shown(&interpolation, 32.0), "and then they stand");
    let mut picture = Picture::default();
    interpolation.show(500.0, &mut picture);
    assert_eq!(picture.beyond_ticks(), 488.0);
    let alone = states(&[(10, &[(7, 64, 100)])]);
    assert_eq!(shown(&alone, 15.0), [(7, 0.25, 100.0)], "of one state nobody knows how it goes on");
}

#[test]
fn who_comes_is_there_with_their_state_and_who_goes_until_the_next() {
    let interpolation =
        states(&[(10, &[(2, 0, 1), (4, 0, 1), (6, 0, 1)]), (12, &[(3, 0, 1), (4, 64, 1), (9, 0, 1)])]);
    let ids = |tick| shown(&interpolation, tick).iter().map(|walker| walker.0).collect::<Vec<_>>();
    assert_eq!((ids(11.9), ids(12.0)), (vec![2, 4, 6], vec![3, 4, 9]));
    assert_eq!(shown(&interpolation, 11.0)[1], (4, 0.125, 1.0));
    assert_eq!(ids(15.0), [3, 4, 9]);
}

#[test]
fn old_states_go_and_another_connection_begins_with_none() {
    let mut interpolation = states(&[]);
    for tick in 0..2 * STATES_MAX as u64 {
        interpolation.on_state(Tick(tick), &view(0, &[(7, tick as i32, 1)]));
    }
    assert!(interpolation.state(Tick(STATES_MAX as u64 - 1)).is_none());
    let oldest = interpolation.state(Tick(STATES_MAX as u64)).unwrap();
    assert_eq!(oldest.of_kind(1).next().unwrap().values[0], STATES_MAX as i64);
    interpolation.begin(&schema(), MOVING);
    assert_eq!(shown(&interpolation, 40.0), []);
}
