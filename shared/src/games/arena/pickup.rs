//! Pickups: health that lies around and grows back.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut};
use serde::{Deserialize, Serialize};

use super::body::RADIUS;
use super::combat::{Fighter, HEALTH_MAX};
use super::stage::Stage;
use crate::ids::NetId;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;
use crate::sim::world::Step;
use crate::time::Tick;

/// The health a pickup gives.
pub const PICKUP_HEALTH: u8 = 50;
/// From taken to there again.
pub const PICKUP_RETURN_TICKS: u64 = 600;
/// A body this near along both axes takes it.
const REACH: i32 = RADIUS + 64;

/// Health on the ground.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pickup {
    /// Where it lies, in 1/256 unit.
    pub x: i32,
    /// Where it lies, in 1/256 unit.
    pub y: i32,
    /// Whether it is there.
    pub active: bool,
    /// The tick in which it is there again, if it is not.
    pub back_at: Tick,
}

impl Pickup {
    /// One that lies there.
    pub fn at((x, y): (i32, i32)) -> Self {
        Self { x, y, active: true, back_at: Tick(0) }
    }

    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("x", FieldKind::I32, |pickup: &Self| i64::from(pickup.x)).per_unit(256),
            FieldOf::new("y", FieldKind::I32, |pickup: &Self| i64::from(pickup.y)).per_unit(256),
            FieldOf::new("active", FieldKind::Bool, |pickup| i64::from(pickup.active)),
        ]
    }
}

/// The hurt take what they reach; of several, the lowest seat.
pub(super) fn take_pickups(
    mut pickups: Query<'_, '_, (&NetId, Entity, &mut Pickup)>,
    mut fighters: Query<'_, '_, &mut Fighter>,
    step: Res<'_, Step>,
    mut stage: ResMut<'_, Stage>,
) {
    let Stage { crowd, taken, .. } = &mut *stage;
    for (id, entity, mut pickup) in &mut pickups {
        if !pickup.active {
            if pickup.back_at <= step.tick {
                pickup.active = true;
            }
            continue;
        }
        let mut taker: Option<(u16, Entity)> = None;
        crowd.near(pickup.x, pickup.y, REACH, |body| {
            let reached = (body.x - pickup.x).abs() <= REACH && (body.y - pickup.y).abs() <= REACH;
            if reached && is_hurt(&fighters, body.entity) && taker.is_none_or(|(seat, _)| body.seat < seat) {
                taker = Some((body.seat, body.entity));
            }
        });
        taken.extend(taker.map(|(_, player)| (*id, entity, player)));
    }
    taken.sort_unstable_by_key(|(id, ..)| *id);
    for (_, entity, player) in taken.drain(..) {
        // Who reaches two of them may be well after the first.
        if !is_hurt(&fighters, player) {
            continue;
        }
        let mut fighter = fighters.get_mut(player).expect("the crowd was filled in this tick");
        fighter.health = fighter.health.saturating_add(PICKUP_HEALTH).min(HEALTH_MAX);
        let (_, _, mut pickup) = pickups.get_mut(entity).expect("it was listed in this tick");
        pickup.active = false;
        pickup.back_at = Tick(step.tick.0 + PICKUP_RETURN_TICKS);
    }
}

fn is_hurt(fighters: &Query<'_, '_, &mut Fighter>, player: Entity) -> bool {
    fighters.get(player).is_ok_and(|fighter| fighter.is_alive() && fighter.health < HEALTH_MAX)
}
