//! Projectiles: written once when they are fired, computed ever after.
//!
//! A projectile's place at tick `t` is `origin + velocity * (t - born)`; nothing about it changes until it is
//! gone, so players are told of its beginning and its end only.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Commands, Query, Res, ResMut};
use serde::{Deserialize, Serialize};

use super::body::{Body, Player, RADIUS};
use super::combat::{Fighter, Hit, Hits};
use super::crowd::{Crowd, Standing};
use super::geometry::{way_to_disc, with_length};
use super::input::{ArenaInput, SHOOT};
use super::round::{Round, RoundPhase};
use super::rules::Numbers;
use super::terrain::Terrain;
use crate::ids::{NetId, Seat};
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;
use crate::sim::world::{Inputs, NetIds, Step};
use crate::time::Tick;

/// How fast a projectile flies, in 1/256 unit a tick: 22.5 units a second.
pub const PROJECTILE_SPEED: i32 = 96;
/// A projectile that hits nothing is gone after so many ticks: 18 units.
pub const PROJECTILE_LIFE_TICKS: u64 = 48;

/// A shot that is under way.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projectile {
    /// The seat that fired it.
    pub owner: u16,
    /// Where it was fired, in 1/256 unit.
    pub x: i32,
    /// Where it was fired, in 1/256 unit.
    pub y: i32,
    /// 1/256 unit a tick.
    pub vx: i32,
    /// 1/256 unit a tick.
    pub vy: i32,
    /// The tick it was fired in: there it is at its origin.
    pub born: Tick,
}

impl Projectile {
    /// Where it is `age` ticks after it was fired; it never gets older than its life.
    pub fn at(&self, age: u64) -> (i32, i32) {
        let age = age.min(PROJECTILE_LIFE_TICKS) as i32;
        (self.x + self.vx * age, self.y + self.vy * age)
    }

    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("x", FieldKind::I32, |shot: &Self| i64::from(shot.x)).per_unit(256),
            FieldOf::new("y", FieldKind::I32, |shot: &Self| i64::from(shot.y)).per_unit(256),
            FieldOf::new("vx", FieldKind::I16, |shot: &Self| i64::from(shot.vx)).per_unit(256),
            FieldOf::new("vy", FieldKind::I16, |shot: &Self| i64::from(shot.vy)).per_unit(256),
            FieldOf::new("owner", FieldKind::U16, |shot| i64::from(shot.owner)),
            FieldOf::new("born", FieldKind::U32, |shot| i64::try_from(shot.born.0).unwrap_or(i64::MAX)),
        ]
    }
}

/// The shots of a tick, to be given identities in the order of those who fired them. Never saved.
#[derive(Resource, Debug, Default)]
pub(super) struct Shots {
    fired: Vec<(NetId, Projectile)>,
}

impl Shots {
    pub(super) fn with_room(seats: u16) -> Self {
        Self { fired: Vec::with_capacity(usize::from(seats)) }
    }
}

/// Those who may shoot.
type Armed<'w, 's> = Query<'w, 's, (&'static NetId, &'static Player, &'static Body, &'static mut Fighter)>;

/// Triggers become projectiles, while a round is played.
#[expect(clippy::too_many_arguments, reason = "each is a resource the system reads or writes")]
pub(super) fn shoot(
    mut armed: Armed<'_, '_>,
    inputs: Res<'_, Inputs<ArenaInput>>,
    step: Res<'_, Step>,
    numbers: Res<'_, Numbers>,
    round: Res<'_, Round>,
    mut ids: ResMut<'_, NetIds>,
    mut shots: ResMut<'_, Shots>,
    mut commands: Commands<'_, '_>,
) {
    if round.phase != RoundPhase::Playing {
        return;
    }
    for (id, player, body, mut fighter) in &mut armed {
        let pulled = inputs.of(Seat(player.seat)).buttons & SHOOT != 0;
        if pulled && fighter.is_alive() && fighter.ready_at <= step.tick {
            fighter.ready_at = Tick(step.tick.0 + u64::from(numbers.cooldown_ticks));
            shots.fired.push((*id, fired_by(player, body, step.tick)));
        }
    }
    shots.fired.sort_unstable_by_key(|(shooter, _)| *shooter);
    for (_, projectile) in shots.fired.drain(..) {
        commands.spawn((ids.fresh(), projectile));
    }
}

fn fired_by(player: &Player, body: &Body, born: Tick) -> Projectile {
    let (vx, vy) = with_length(i32::from(body.aim_x), i32::from(body.aim_y), PROJECTILE_SPEED);
    Projectile { owner: player.seat, x: body.x, y: body.y, vx, vy, born }
}

/// Moves every projectile by one tick: it ends in the first body it touches, in a wall, or of old age.
pub(super) fn fly(
    projectiles: Query<'_, '_, (Entity, &NetId, &Projectile)>,
    step: Res<'_, Step>,
    terrain: Res<'_, Terrain>,
    crowd: Res<'_, Crowd>,
    mut hits: ResMut<'_, Hits>,
    mut commands: Commands<'_, '_>,
) {
    for (entity, id, projectile) in &projectiles {
        let age = step.tick.0.saturating_sub(projectile.born.0);
        if age == 0 {
            continue;
        }
        let (from, to) = (projectile.at(age - 1), projectile.at(age));
        let touched = first_touched(&crowd, from, to, projectile.owner);
        if let Some(victim) = touched {
            hits.add(Hit { projectile: *id, owner: projectile.owner, victim: victim.entity });
        }
        if touched.is_some() || age >= PROJECTILE_LIFE_TICKS || terrain.blocks(to.0, to.1) {
            commands.entity(entity).despawn();
        }
    }
}

/// The body that is touched first between two places; of two at the same moment, the one with the lower seat.
/// A projectile passes through the one who fired it.
fn first_touched(crowd: &Crowd, from: (i32, i32), to: (i32, i32), owner: u16) -> Option<&Standing> {
    const REACH: i32 = RADIUS + PROJECTILE_SPEED;
    let mut first: Option<(i64, &Standing)> = None;
    crowd.near(to.0, to.1, REACH, |body| {
        if body.seat == owner || (body.x - to.0).abs() > REACH || (body.y - to.1).abs() > REACH {
            return;
        }
        let Some(way) = way_to_disc(from, to, (body.x, body.y), RADIUS) else { return };
        if first.is_none_or(|(best, other)| (way, body.seat) < (best, other.seat)) {
            first = Some((way, body));
        }
    });
    first.map(|(_, body)| body)
}
