//! *Pong*: two paddles, a ball, first to 11. Read it from top to bottom to write a game of your own.
//!
//! A game is one type that implements `Game`; all it keeps is in components and resources. The field is 800
//! by 600, and whole numbers do: the same inputs must give the same match on every machine.

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ids::{PlayerName, Seat};
use crate::schema::FieldKind;
use crate::sim::assets::Assets;
use crate::sim::builder::Builder;
use crate::sim::event::LeaveReason;
use crate::sim::game::{Fields, Game, Input, InputField, JoinRefused, NoOptions, RulesError};
use crate::sim::phase::Phase;
use crate::sim::shadow::FieldOf;
use crate::sim::world::{Inputs, NetIds, Outbox, Rng, Step};

/// What a player wants: -1 is up, 1 is down. A cheat may send anything, so `from_fields` clamps.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PongInput {
    /// The direction.
    pub direction: i8,
}

impl Input for PongInput {
    const FIELDS: &'static [InputField] = &[InputField::new("direction", FieldKind::I8)];

    fn from_fields(fields: &[i64]) -> Self {
        Self { direction: fields[0].clamp(-1, 1) as i8 }
    }

    fn to_fields(self, fields: &mut Fields) {
        fields.push(i64::from(self.direction));
    }
}

/// A paddle. Seat 0 plays on the left, seat 1 on the right; `y` is its middle.
#[derive(Component, Debug, Clone, Copy, Serialize, Deserialize)]
struct Paddle {
    seat: u16,
    y: i32,
    points: u8,
}

/// The ball: where it is, and how far it goes in a tick.
#[derive(Component, Debug, Clone, Copy, Serialize, Deserialize)]
struct Ball {
    x: i32,
    y: i32,
    vx: i32,
    vy: i32,
}

/// The seat that won, once one has.
#[derive(Resource, Debug, Clone, Copy, Serialize, Deserialize)]
struct Winner(Option<u16>);

/// The game.
pub struct Pong;

impl Game for Pong {
    const NAME: &'static str = "pong";
    const VERSION: u32 = 1;
    type Input = PongInput;
    type Options = NoOptions;
    type Rules = NoOptions;

    fn rules(options: NoOptions, _assets: &Assets) -> Result<NoOptions, RulesError> {
        Ok(options)
    }

    fn seats(_rules: &NoOptions) -> u16 {
        2
    }

    /// What is saved, what players see, and what runs in a tick. What you do not name here is not restored.
    fn build(game: &mut Builder<'_>) {
        game.component::<Paddle>("paddle").component::<Ball>("ball").resource::<Winner>("winner");
        let seat = FieldOf::new("seat", FieldKind::U16, |paddle: &Paddle| i64::from(paddle.seat));
        let y = FieldOf::new("y", FieldKind::I16, |paddle: &Paddle| i64::from(paddle.y));
        let points = FieldOf::new("points", FieldKind::U8, |paddle: &Paddle| i64::from(paddle.points));
        game.kind::<Paddle>("paddle").with(vec![seat, y, points]).done();
        let x = FieldOf::new("x", FieldKind::I16, |ball: &Ball| i64::from(ball.x));
        let y = FieldOf::new("y", FieldKind::I16, |ball: &Ball| i64::from(ball.y));
        game.kind::<Ball>("ball").with(vec![x, y]).done();
        game.system(Phase::Input, move_paddles).system(Phase::Move, move_ball);
    }

    /// Everything that is saved or shown carries a `NetId`.
    fn start(world: &mut World, _rules: &NoOptions) {
        world.insert_resource(Winner(None));
        let id = world.resource_mut::<NetIds>().fresh();
        world.spawn((id, Ball { x: 400, y: 300, vx: 6, vy: 3 }));
    }

    fn join(world: &mut World, seat: Seat, _player: &PlayerName) -> Result<(), JoinRefused> {
        let id = world.resource_mut::<NetIds>().fresh();
        world.spawn((id, Paddle { seat: seat.0, y: 300, points: 0 }));
        Ok(())
    }

    fn leave(world: &mut World, seat: Seat, _reason: LeaveReason) {
        let mut paddles = world.query::<(Entity, &Paddle)>();
        let gone = paddles.iter(world).find(|(_, paddle)| paddle.seat == seat.0).map(|(entity, _)| entity);
        gone.map(|entity| world.despawn(entity));
    }

    fn outcome(world: &World) -> Option<serde_json::Value> {
        world.resource::<Winner>().0.map(|seat| serde_json::json!({ "winner": seat }))
    }
}

fn move_paddles(mut paddles: Query<'_, '_, &mut Paddle>, inputs: Res<'_, Inputs<PongInput>>) {
    for mut paddle in &mut paddles {
        let direction = i32::from(inputs.of(Seat(paddle.seat)).direction);
        paddle.y = (paddle.y + 8 * direction).clamp(50, 550);
    }
}

/// The ball waits for both players. It turns at the long walls and at paddles; behind a paddle is a point.
fn move_ball(
    mut ball: Single<'_, '_, &mut Ball>,
    mut paddles: Query<'_, '_, &mut Paddle>,
    mut winner: ResMut<'_, Winner>,
    (step, mut outbox): (Res<'_, Step>, ResMut<'_, Outbox>),
) {
    if paddles.iter().len() < 2 || winner.0.is_some() {
        return;
    }
    if !(10..=590).contains(&(ball.y + ball.vy)) {
        ball.vy = -ball.vy;
    }
    (ball.x, ball.y) = (ball.x + ball.vx, ball.y + ball.vy);
    let receiver = u16::from(ball.vx > 0);
    let defence = paddles.iter().find(|paddle| paddle.seat == receiver).map(|paddle| ball.y - paddle.y);
    if let (Some(off @ -60..=60), false) = (defence, (40..=760).contains(&ball.x)) {
        (ball.vx, ball.vy) = (-ball.vx, off / 8);
    } else if !(0..=800).contains(&ball.x) {
        // Chance comes from the match's seed and the tick, so that a replay serves the same ball.
        let vy = if step.random("serve").next_u32().is_multiple_of(2) { 3 } else { -3 };
        **ball = Ball { x: 400, y: 300, vx: -ball.vx, vy };
        for mut paddle in paddles.iter_mut().filter(|paddle| paddle.seat != receiver) {
            paddle.points += 1;
            winner.0 = (paddle.points == 11).then_some(paddle.seat);
            outbox.event("point", serde_json::json!({ "seat": paddle.seat, "points": paddle.points }));
        }
    }
}
