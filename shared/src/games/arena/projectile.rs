//! Projectiles: written once when they are fired, computed ever after.
//!
//! A projectile's place at tick `t` is `origin + velocity * (t - born)`; nothing about it changes until it is
//! gone, so players are told of its beginning and its end only.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Commands, Query, Res, ResMut};
use serde::{Deserialize, Serialize};

use super::body::{Body, Player, RADIUS};
use super::combat::{Fighters, Hit, wound};
use super::crowd::{Crowd, Standing};
use super::geometry::{way_to_disc, with_length};
use super::stage::Stage;
use crate::ids::NetId;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;
use crate::sim::world::Step;
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

/// The projectile a player fires now.
pub(super) fn fired_by(player: &Player, body: &Body, born: Tick) -> Projectile {
    let (vx, vy) = with_length(i32::from(body.aim_x), i32::from(body.aim_y), PROJECTILE_SPEED);
    Projectile { owner: player.seat, x: body.x, y: body.y, vx, vy, born }
}

/// Moves every projectile by one tick: it ends in the first body it touches, in a wall, or of old age. Then
/// what was hit is hurt.
pub(super) fn fly(
    projectiles: Query<'_, '_, (Entity, &NetId, &Projectile)>,
    mut fighters: Fighters<'_, '_>,
    step: Res<'_, Step>,
    mut stage: ResMut<'_, Stage>,
    mut commands: Commands<'_, '_>,
) {
    let Stage { terrain, crowd, hits, .. } = &mut *stage;
    for (entity, id, projectile) in &projectiles {
        let age = step.tick.0.saturating_sub(projectile.born.0);
        if age == 0 {
            continue;
        }
        let (from, to) = (projectile.at(age - 1), projectile.at(age));
        let touched = first_touched(crowd, from, to, projectile.owner);
        if let Some(victim) = touched {
            hits.push(Hit { projectile: *id, owner: projectile.owner, victim: victim.entity });
        }
        if touched.is_some() || age >= PROJECTILE_LIFE_TICKS || terrain.blocks(to.0, to.1) {
            commands.entity(entity).despawn();
        }
    }
    if !stage.hits.is_empty() {
        wound(&mut fighters, &mut stage, step.tick);
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
