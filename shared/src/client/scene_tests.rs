//! The scene of a sledge that goes where its input says.

use super::*;
use crate::entity::EntityView;
use crate::ids::{Epoch, Seat};
use crate::input::{Acknowledged, InputRow};
use crate::predicted::Moving;
use crate::schema::{Field, FieldKind, KindSchema, Schema};
use std::sync::Arc;

/// Where the sledge is.
#[derive(Debug)]
struct Sledge;

impl Predicted for Sledge {
    type Body = i64;
    const MOVING: &'static [Moving] = &[Moving { kind: "sledge", fields: &["x"], step_max: 100 }];
    const SNAP_UNITS: f64 = 1_000.0;

    fn begin(&mut self, _schema: &Schema, _seat: Seat) {}
    fn look<'a>(&mut self, mut state: impl Iterator<Item = EntityView<'a>>) -> Option<i64> {
        state.next().map(|sledge| sledge.values[0])
    }
    fn is_alone(&self) -> bool {
        true
    }
    fn step(&self, body: &i64, input: &InputRow, _ahead: u64) -> i64 {
        body + i64::from(input.as_slice()[0])
    }
    fn starved(&self, last: &InputRow, _ticks: u32) -> InputRow {
        *last
    }
    fn is_jump(&self, _from: &i64, _to: &i64, _ticks: u64) -> bool {
        false
    }
    fn place(&self, body: &i64) -> [f64; 2] {
        [*body as f64, 0.0]
    }
}

fn welcome() -> Welcome {
    let fields = vec![Field { name: "x".into(), kind: FieldKind::I32, per_unit: 1, private: false }];
    let kinds = vec![KindSchema { name: "sledge".into(), fields }];
    Welcome {
        protocol: 1,
        match_id: "m".into(),
        game: "sledges".into(),
        game_version: 1,
        epoch: Epoch(1),
        tick: Tick(0),
        tick_rate_hz: 60,
        player: "ann".into(),
        seat: Seat(0),
        resume_token: String::new(),
        resume_seconds: 30,
        durability: "none".into(),
        last_input: 0,
        schema_hash: 0,
        schema: Arc::new(Schema { kinds, input: Vec::new() }),
        chat_token: None,
    }
}

fn moment(tick: u64) -> Moment {
    Moment(tick * 16_666_667)
}

/// A scene with inputs for ticks 1 to 10, ten each, that has seen tick 0 at 0.
fn scene() -> Scene<Sledge> {
    let mut scene = Scene::new(Sledge);
    scene.begin(&welcome());
    see(&mut scene, 0, 0, Came::Whole);
    let rows = (0..10).map(|_| InputRow::new(&[10]).unwrap()).collect();
    let (epoch, acknowledged) = (Epoch(1), Acknowledged::default());
    scene.on_inputs(&InputBatch { epoch, first_tick: Tick(1), first_seq: 1, acknowledged, rows });
    scene
}

fn see(scene: &mut Scene<Sledge>, tick: u64, x: i32, came: Came) -> Outcome {
    let mut body = vec![0, 1, 0, 1, 0, 0, 0];
    body.extend_from_slice(&x.to_le_bytes());
    let state = StateMessage {
        epoch: Epoch(1),
        tick: Tick(tick),
        base: None,
        hash: None,
        body: Some(body),
        entities: None,
        last_input: 0,
        lead: 0,
        starved: 0,
    };
    scene.on_state(&state, came, &welcome(), moment(tick)).unwrap()
}

#[test]
fn a_correction_glides_in_the_picture_and_what_is_foreseen_is_right_at_once() {
    let mut scene = scene();
    assert_eq!(scene.own_place(11.0, moment(3)), Some([100.0, 0.0]));
    see(&mut scene, 3, 24, Came::Whole);
    assert_eq!(scene.prediction().newest_body(), Some(94));
    assert_eq!(scene.own_place(11.0, moment(3)), Some([100.0, 0.0]), "the picture has not moved");
    let later = scene.own_place(11.0, moment(15)).unwrap()[0];
    assert!((later - 97.0).abs() < 1e-3, "half of it after 200 ms: {later}");
}

#[test]
fn a_state_of_which_a_part_is_missing_corrects_nothing() {
    let mut scene = scene();
    assert_eq!(see(&mut scene, 3, 20, Came::InPart), Outcome::Unforeseen, "the row is of tick 2");
    assert_eq!(scene.prediction().newest_body(), Some(100));
    assert_eq!(scene.newest().entities().next().unwrap().values, [20], "it is what there is of the others");
    assert_eq!(see(&mut scene, 4, 40, Came::Whole), Outcome::Compared { error: 0.0, moved: [0.0; 2] });
}

#[test]
fn others_are_shown_behind_and_the_own_body_ahead() {
    let mut scene = scene();
    for tick in 1..=8 {
        see(&mut scene, tick, 10 * tick as i32, Came::Whole);
    }
    let picture = scene.picture(moment(8));
    let shown = picture.entities().next().unwrap().values[0];
    assert!((shown - 60.0).abs() < 0.1, "two ticks behind the newest state: {shown}");
    assert_eq!(scene.own_place(11.0, moment(8)), Some([100.0, 0.0]));
    scene.begin(&welcome());
    assert_eq!(scene.own_place(11.0, moment(9)), None, "another connection begins with nothing");
}
