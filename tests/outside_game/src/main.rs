//! *Tag*, a game that lives outside Tickstone's repository as far as the server can tell: one file, one type,
//! one line that runs it. Players run over a field; one of them is it, and whoever is touched becomes it.
//!
//! Try it: `cargo run -- serve --dev`, then `POST /v1/matches {"game":"tag","options":{"players_max":4}}`.

use std::process::ExitCode;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{NetId, PlayerName, Seat};
use tickstone_shared::schema::FieldKind;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::builder::Builder;
use tickstone_shared::sim::event::LeaveReason;
use tickstone_shared::sim::game::{Fields, Game, Input, InputField, JoinRefused, RulesError};
use tickstone_shared::sim::phase::Phase;
use tickstone_shared::sim::shadow::FieldOf;
use tickstone_shared::sim::world::{Inputs, NetIds, Outbox, Rng, Step};
use tickstone_shared::time::Tick;

fn main() -> ExitCode {
    tickstone_server::App::new().game::<Tag>().run()
}

/// Where a player wants to run: -1, 0 or 1 along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct TagInput {
    x: i8,
    y: i8,
}

impl Input for TagInput {
    const FIELDS: &'static [InputField] =
        &[InputField::new("x", FieldKind::I8), InputField::new("y", FieldKind::I8)];

    fn from_fields(fields: &[i64]) -> Self {
        Self { x: fields[0].clamp(-1, 1) as i8, y: fields[1].clamp(-1, 1) as i8 }
    }

    fn to_fields(self, fields: &mut Fields) {
        fields.extend([i64::from(self.x), i64::from(self.y)]);
    }
}

/// What the creator of a match may choose.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    players_max: u16,
    /// The field is a square of this side.
    side: i32,
    match_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { players_max: 8, side: 400, match_seconds: 180 }
    }
}

/// The rules of a match: the options, checked. Every world has them as a resource.
#[derive(Resource, Debug, Clone, Copy, Serialize, Deserialize)]
struct Rules(Options);

/// A runner.
#[derive(Component, Debug, Clone, Copy, Serialize, Deserialize)]
struct Runner {
    seat: u16,
    x: i32,
    y: i32,
    /// For how many ticks they have been it, in all.
    burden: u32,
}

/// Who is it, and since when: who has just been touched cannot touch back at once.
#[derive(Resource, Debug, Clone, Copy, Serialize, Deserialize)]
struct It {
    seat: Option<u16>,
    since: Tick,
}

/// The game.
struct Tag;

impl Game for Tag {
    const NAME: &'static str = "tag";
    const VERSION: u32 = 1;
    type Input = TagInput;
    type Options = Options;
    type Rules = Rules;

    fn rules(options: Options, _assets: &Assets) -> Result<Rules, RulesError> {
        let checks = [
            ("players_max", i64::from(options.players_max), 2, 64),
            ("side", i64::from(options.side), 100, 2_000),
            ("match_seconds", i64::from(options.match_seconds), 10, 3_600),
        ];
        for (option, value, min, max) in checks {
            if !(min..=max).contains(&value) {
                return Err(RulesError { option, problem: format!("{value}; expected {min} to {max}") });
            }
        }
        Ok(Rules(options))
    }

    fn seats(rules: &Rules) -> u16 {
        rules.0.players_max
    }

    fn build(game: &mut Builder<'_>) {
        game.component::<Runner>("runner").resource::<It>("it");
        let runner = vec![
            FieldOf::new("seat", FieldKind::U16, |runner: &Runner| i64::from(runner.seat)),
            FieldOf::new("x", FieldKind::I16, |runner: &Runner| i64::from(runner.x)),
            FieldOf::new("y", FieldKind::I16, |runner: &Runner| i64::from(runner.y)),
            FieldOf::new("burden", FieldKind::U32, |runner: &Runner| i64::from(runner.burden)),
        ];
        game.kind::<Runner>("runner").with(runner).done();
        game.system(Phase::Move, run).system(Phase::Collide, tag).system(Phase::Rules, choose);
    }

    fn load(world: &mut World, rules: &Rules) {
        world.insert_resource(*rules);
    }

    fn start(world: &mut World, _rules: &Rules) {
        world.insert_resource(It { seat: None, since: Tick(0) });
    }

    fn join(world: &mut World, seat: Seat, _player: &PlayerName) -> Result<(), JoinRefused> {
        let side = world.resource::<Rules>().0.side;
        let id = world.resource_mut::<NetIds>().fresh();
        let column = i32::from(seat.0 % 8);
        let row = i32::from(seat.0 / 8);
        let (x, y) = (side * (2 * column + 1) / 16, side * (2 * row + 1) / 16);
        world.spawn((id, Runner { seat: seat.0, x, y, burden: 0 }));
        Ok(())
    }

    fn leave(world: &mut World, seat: Seat, _reason: LeaveReason) {
        let mut runners = world.query::<(Entity, &Runner)>();
        let gone = runners.iter(world).find(|(_, runner)| runner.seat == seat.0).map(|(entity, _)| entity);
        if let Some(entity) = gone {
            world.despawn(entity);
        }
        let mut it = world.resource_mut::<It>();
        if it.seat == Some(seat.0) {
            it.seat = None;
        }
    }

    /// Whoever was it for the shortest time wins; of two, the one with the lower seat.
    fn outcome(world: &World) -> Option<serde_json::Value> {
        let length = u64::from(world.resource::<Rules>().0.match_seconds * Self::TICK_RATE_HZ);
        if world.resource::<Step>().tick.0 < length {
            return None;
        }
        let mut runners = world.try_query::<&Runner>()?;
        let winner = runners.iter(world).min_by_key(|runner| (runner.burden, runner.seat));
        Some(serde_json::json!({ "winner": winner.map(|runner| runner.seat) }))
    }
}

/// Whoever is it runs a little faster.
fn run(
    mut runners: Query<'_, '_, &mut Runner>,
    inputs: Res<'_, Inputs<TagInput>>,
    rules: Res<'_, Rules>,
    it: Res<'_, It>,
) {
    let side = rules.0.side;
    for mut runner in &mut runners {
        let is_it = it.seat == Some(runner.seat);
        let input = inputs.of(Seat(runner.seat));
        let speed = if is_it { 3 } else { 2 };
        runner.x = (runner.x + speed * i32::from(input.x)).clamp(0, side);
        runner.y = (runner.y + speed * i32::from(input.y)).clamp(0, side);
        runner.burden = runner.burden.saturating_add(u32::from(is_it));
    }
}

/// A touch hands it on. Of many touched, the lowest seat: an order that no restore can change.
fn tag(
    runners: Query<'_, '_, &Runner>,
    step: Res<'_, Step>,
    mut it: ResMut<'_, It>,
    mut outbox: ResMut<'_, Outbox>,
) {
    const REACH: i32 = 12;
    const PAUSE_TICKS: u64 = 60;
    let Some(hunter) = runners.iter().find(|runner| Some(runner.seat) == it.seat) else { return };
    if step.tick.0 < it.since.0 + PAUSE_TICKS {
        return;
    }
    let touched = runners.iter().filter(|runner| {
        let (x, y) = (runner.x - hunter.x, runner.y - hunter.y);
        runner.seat != hunter.seat && x * x + y * y <= REACH * REACH
    });
    if let Some(runner) = touched.min_by_key(|runner| runner.seat) {
        *it = It { seat: Some(runner.seat), since: step.tick };
        outbox.event("tagged", serde_json::json!({ "by": hunter.seat, "seat": runner.seat }));
    }
}

/// If nobody is it, chance says who is: the same for everybody who replays the match. The runners are put in
/// the order of their ids first, because a query gives them in any.
fn choose(
    runners: Query<'_, '_, (&NetId, &Runner)>,
    step: Res<'_, Step>,
    mut it: ResMut<'_, It>,
    mut outbox: ResMut<'_, Outbox>,
) {
    if it.seat.is_some() || runners.iter().len() < 2 {
        return;
    }
    let mut order: Vec<(NetId, u16)> = runners.iter().map(|(id, runner)| (*id, runner.seat)).collect();
    order.sort_unstable();
    let (_, seat) = order[step.random("choose").next_u32() as usize % order.len()];
    *it = It { seat: Some(seat), since: step.tick };
    outbox.event("it", serde_json::json!({ "seat": seat }));
}
